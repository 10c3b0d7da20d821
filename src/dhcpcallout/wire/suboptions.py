"""Options within an option: relay agent information (82), vendor options (43, 125) and others."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from ..errors import EncodeError, WireError
from .option import Option, OptionSpace
from .types import notation
from .types.base import SelfDelimited, ValueType
from .types.composite import LengthPrefixed
from .types.integers import Integer

__all__ = ["Encapsulated", "SubOptions", "SubnetAllocation", "VendorEncapsulated", "VendorIdentified", "VendorOptions"]

_VENDOR = re.compile(r"vendor-[0-9]+")
_PAD = 0
_END = 255


class SubOptions(tuple[Option, ...]):
    """The options within an option, in the order of the wire.

    Their values are decoded when they are asked for, so that a malformed one hides no other.
    """

    __slots__ = ()

    def get(self, code_or_name: int | str) -> Option | None:
        """The first with that code or name, or None."""
        for option in self:
            if code_or_name in (option.code, option.name):
                return option
        return None

    def __repr__(self) -> str:
        return f"SubOptions({', '.join(f'{option.name}={option.data.hex()}' for option in self)})"


class Encapsulated(ValueType[SubOptions]):
    """A code, a length and a value for each sub-option.

    Its text is ``circuit-id="eth0", link-selection=10.0.0.1``; ``name:0a0b`` stands for bytes that are not what the
    sub-option's type encodes. A table of names and values is taken as well.

    Args:
        space: The name of the sub-options' space.
        marks: Whether 0 is a pad and 255 the end, as in option 43 (RFC 2132 section 8.4).
        number_size: Bytes of a code, and of a length: 1 or 2.
    """

    def __init__(self, space: str, *, marks: bool = False, number_size: int = 1) -> None:
        self.name = f"sub-options ({space})"
        self.space_name = space
        self.marks = marks
        self.max_code = (1 << 8 * number_size) - 1
        self._number_size = number_size
        self._unknown = OptionSpace(space, ())
        self._spaces: Mapping[str, OptionSpace] = {}

    @property
    def space(self) -> OptionSpace:
        """What is known of the sub-options."""
        return self._spaces.get(self.space_name, self._unknown)

    def bind(self, spaces: Mapping[str, Any]) -> Self:
        bound = type(self)(self.space_name, marks=self.marks, number_size=self._number_size)
        bound._spaces = spaces
        return bound

    def decode(self, data: bytes) -> SubOptions:
        options = []
        space = self.space
        size = self._number_size
        at = 0
        while at < len(data):
            code = int.from_bytes(data[at : at + size], "big")
            if self.marks and code == _PAD:
                at += 1
                continue
            if self.marks and code == _END:
                rest = data[at + 1 :]
                if rest.strip(b"\0"):
                    raise WireError(f"{len(rest)} bytes after the end", offset=at + 1)
                break
            start = at + 2 * size
            if start > len(data):
                raise WireError("it ends before the sub-option's length", offset=at)
            end = start + int.from_bytes(data[at + size : start], "big")
            if end > len(data):
                raise WireError(f"sub-option {code}: length {end - start}, but {len(data) - start} are left", offset=at)
            options.append(space.option(code, data[start:end]))
            at = end
        return SubOptions(options)

    def pack(self, value: Any) -> bytes:
        out = bytearray()
        size = self._number_size
        for option in self._options(value):
            if self.marks and option.code in (_PAD, _END):
                raise EncodeError(f"sub-option {option.code}: 0 and 255 are pad and end")
            if option.code > self.max_code:
                raise EncodeError(f"sub-option {option.code}: codes are 0 to {self.max_code}")
            if len(option.data) > self.max_code:
                raise EncodeError(f"{option.name}: {len(option.data)} bytes; at most {self.max_code} fit")
            out += option.code.to_bytes(size, "big") + len(option.data).to_bytes(size, "big") + option.data
        return bytes(out)

    def _options(self, value: Any) -> Sequence[Option]:
        if isinstance(value, str):
            return self.parse_text(value)
        if isinstance(value, Mapping):
            return [self._made(name, one) for name, one in value.items()]
        if isinstance(value, Sequence) and all(isinstance(option, Option) for option in value):
            return value
        raise EncodeError(f"{value!r} is not a table of sub-options' names and values")

    def _made(self, name: int | str, value: Any) -> Option:
        try:
            code, data = self.space.encode_value(name, value)
        except EncodeError as error:
            raise EncodeError(f"{name}: {error.message}") from None
        return self.space.option(code, data)

    def to_text(self, value: Any) -> str:
        return ", ".join(map(self._item, value))

    def _item(self, option: Option) -> str:
        try:
            text = option.spec.type.to_field(option.value)
            if option.spec.encode(option.value) == option.data:
                return f"{option.name}={text}"
        except (WireError, EncodeError):
            pass
        return f"{option.name}:{option.data.hex()}"

    def parse_text(self, text: str) -> SubOptions:
        options = SubOptions(map(self._parse_item, notation.split_list(text)))
        self.pack(options)
        return options

    def _parse_item(self, item: str) -> Option:
        name, mark, rest = item.partition("=")
        if not mark or ":" in name:
            name, mark, rest = item.partition(":")
        if not mark:
            raise EncodeError(f"{item!r}: a sub-option is written as name=value")
        try:
            spec = self.space.spec(name)
            if mark == "=":
                return Option(spec.code, spec.encode(spec.type.parse_item(rest)), spec)
            return Option(spec.code, bytes.fromhex(rest), spec)
        except EncodeError as error:
            raise EncodeError(f"{name}: {error.message}") from None
        except ValueError:
            raise EncodeError(f"{item!r}: hexadecimal digits belong after the colon") from None


class VendorEncapsulated(Encapsulated):
    """Option 43: sub-options, with pads and an end if the vendor likes (RFC 2132 section 8.4); or the vendor's bytes.

    RFC 2132 only recommends sub-options, and some vendors send an address as a text, for example: what cannot be read
    as sub-options is bytes, and its text is hexadecimal after ``0x``.
    """

    def decode(self, data: bytes) -> Any:
        try:
            return super().decode(data)
        except WireError:
            return bytes(data)

    def pack(self, value: Any) -> bytes:
        parsed = self.parse_text(value) if isinstance(value, str) else value
        return parsed if isinstance(parsed, bytes) else super().pack(parsed)

    def to_text(self, value: Any) -> str:
        return f"0x{value.hex()}" if isinstance(value, bytes) else super().to_text(value)

    def parse_text(self, text: str) -> Any:
        if not text.startswith("0x"):
            return super().parse_text(text)
        try:
            return self.decode(bytes.fromhex(text[2:]))
        except ValueError:
            raise EncodeError(f"{text!r}: hexadecimal digits belong after 0x") from None


@dataclass(frozen=True, slots=True)
class VendorOptions:
    """The options of one vendor (RFC 3925 section 4).

    Attributes:
        enterprise: The vendor's private enterprise number (IANA).
        options: Its options; bytes where they cannot be read as such.
    """

    enterprise: int
    options: SubOptions | bytes


class VendorIdentified(SelfDelimited[VendorOptions]):
    """An enterprise number, then that vendor's sub-options after their length (RFC 3925 section 4, RFC 4243).

    Some vendors, Mitel for one, send a text in place of sub-options, though RFC 3925 does not allow it: as in option
    43, what cannot be read as sub-options is bytes.

    The sub-options' space is named ``vendor-`` and the number: "vendor-3561". Its text is
    ``3561 {manufacturer-oui=..., serial-number=...}``.
    """

    name = "enterprise number and sub-options"

    def __init__(self) -> None:
        self._number = Integer(32)
        self._spaces: Mapping[str, Any] = {}

    def bind(self, spaces: Mapping[str, Any]) -> Self:
        bound = type(self)()
        bound._spaces = spaces
        return bound

    @property
    def enterprises(self) -> tuple[int, ...]:
        """The vendors of which options are known."""
        return tuple(int(name.removeprefix("vendor-")) for name in self._spaces if _VENDOR.fullmatch(name))

    def options_of(self, enterprise: int) -> LengthPrefixed[SubOptions | bytes]:
        """The type of a vendor's options."""
        return LengthPrefixed(VendorEncapsulated(f"vendor-{enterprise}").bind(self._spaces))

    def read(self, data: bytes, at: int) -> tuple[VendorOptions, int]:
        enterprise, at = self._number.read(data, at)
        options, at = self.options_of(enterprise).read(data, at)
        return VendorOptions(enterprise, options), at

    def pack(self, value: Any) -> bytes:
        if isinstance(value, str):
            value = self.parse_text(value)
        if isinstance(value, VendorOptions):
            enterprise, options = value.enterprise, value.options
        elif isinstance(value, Mapping) and set(value) == {"enterprise", "options"}:
            enterprise, options = value["enterprise"], value["options"]
        elif isinstance(value, list | tuple) and len(value) == 2:
            enterprise, options = value
        else:
            raise EncodeError(f"{value!r} is not an enterprise number and a table of sub-options")
        number = self._number.encode(enterprise)
        return number + self.options_of(int.from_bytes(number, "big")).encode(options)

    def to_text(self, value: Any) -> str:
        return f"{value.enterprise} {self.options_of(value.enterprise).to_field(value.options)}"

    def parse_text(self, text: str) -> VendorOptions:
        words = notation.split_fields(text)
        if len(words) != 2:
            raise EncodeError(f"{text!r} is not an enterprise number and sub-options, such as 9 {{1=0a0b, 2=0c}}")
        enterprise = self._number.parse_text(words[0])
        value = VendorOptions(enterprise, self.options_of(enterprise).parse_item(words[1]))
        self.pack(value)
        return value


@dataclass(frozen=True, slots=True)
class SubnetAllocation:
    """A request for subnets, or subnets given (option 220, RFC 6656).

    Attributes:
        flags: Reserved.
        options: ``subnet-request`` and others.
    """

    flags: int
    options: SubOptions
