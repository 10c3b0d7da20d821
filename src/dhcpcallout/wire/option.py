"""One option: what is known of its code, and its bytes as a value and as text."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..errors import EncodeError, UnknownOptionError, WireError
from .types.base import ValueType
from .types.strings import Opaque

__all__ = ["Option", "OptionSpace", "OptionSpec"]

_OPAQUE = Opaque()


@dataclass(frozen=True, slots=True, eq=False)
class OptionSpec:
    """What is known of an option code: a row of the table.

    Attributes:
        code: Its number.
        name: Its name, ``domain-name-servers``.
        type: How its value stands on the wire and in texts.
        reference: The RFC that defines it, or who else does; "" for a code that nobody has defined.
        aliases: Other spellings of the name that look-ups know.
    """

    code: int
    name: str
    type: ValueType[Any]
    reference: str = ""
    aliases: tuple[str, ...] = ()
    _decode: Callable[[bytes], Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_decode", self.type.decode)

    def decode(self, data: bytes) -> Any:
        """The typed value of the option's bytes.

        Raises:
            WireError: It is malformed; with the code, and the offset from the start of ``data``.
        """
        try:
            return self._decode(data)
        except WireError as error:
            raise WireError(error.message, offset=error.offset, code=self.code) from None

    def encode(self, value: Any) -> bytes:
        """The option's bytes.

        Args:
            value: What ``decode`` returns, or what a configuration file can hold in its place: numbers, booleans,
                texts, lists of these; ``bytes`` are what stands on the wire already. Where the option is no text, a
                ``str`` is read as ``parse_text`` reads it.

        Raises:
            EncodeError: It cannot be put on the wire; the message says what would be right.
        """
        try:
            return self.type.encode(value)
        except EncodeError as error:
            raise EncodeError(error.message, code=self.code) from None

    def to_text(self, value: Any) -> str:
        """A typed value for people: printable, on one line."""
        return self.type.to_text(value)

    def parse_text(self, text: str) -> Any:
        """The typed value that ``text`` stands for, the inverse of ``to_text``.

        Raises:
            EncodeError: It stands for none; the message says what would be right.
        """
        try:
            return self.type.parse_text(text)
        except EncodeError as error:
            raise EncodeError(error.message, code=self.code) from None


@dataclass(frozen=True, slots=True)
class Option:
    """An option: its code and its whole value. Equal to another with the same bytes.

    Attributes:
        code: Its number.
        data: Its bytes, RFC 3396 parts joined.
        spec: What is known of it.
    """

    code: int
    data: bytes
    spec: OptionSpec = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        """Its name, or ``option-NNN``."""
        return self.spec.name

    @property
    def value(self) -> Any:
        """Its typed value, decoded anew each time.

        Raises:
            WireError: It is malformed. ``data`` is at hand all the same.
        """
        return self.spec.decode(self.data)

    @property
    def text(self) -> str:
        """Its value for people: printable, on one line.

        Raises:
            WireError: It is malformed. ``data`` is at hand all the same.
        """
        return self.spec.to_text(self.value)


class OptionSpace:
    """The options that share one numbering: DHCP's own, or one option's sub-options.

    Args:
        name: Its name: "dhcp4", or for sub-options usually that of the option which holds them.
        specs: Its rows.
        max_code: The greatest code there can be; some sub-options have codes of two bytes.
    """

    def __init__(self, name: str, specs: Iterable[OptionSpec], *, max_code: int = 0xFFFF) -> None:
        self.name = name
        self._max_code = max_code
        self._by_code = {spec.code: spec for spec in sorted(specs, key=lambda spec: spec.code)}
        self._by_name: dict[str, OptionSpec] = {}
        for spec in self._by_code.values():
            for alias in spec.aliases:
                self._by_name.setdefault(alias, spec)
        self._by_name.update((spec.name, spec) for spec in self._by_code.values())

    def spec(self, code_or_name: int | str) -> OptionSpec:
        """What is known of an option.

        Args:
            code_or_name: The code; or a name, an alias, the code in decimal, or ``option-NNN``. ``_`` counts as
                ``-`` and capitals as small letters. A code that is not assigned has the name ``option-NNN`` and bytes
                for its value.

        Raises:
            UnknownOptionError: No option has that name, or the code is out of range.
        """
        if isinstance(code_or_name, int):
            spec = self._by_code.get(code_or_name)
            if spec is not None:
                return spec
            if 0 <= code_or_name <= self._max_code:
                return OptionSpec(int(code_or_name), f"option-{code_or_name}", _OPAQUE)
            raise UnknownOptionError(f"option codes are 0 to {self._max_code}, not {code_or_name}")
        name = code_or_name.strip().lower().replace("_", "-")
        spec = self._by_name.get(name)
        if spec is not None:
            return spec
        number = name.removeprefix("option-")
        if number.isascii() and number.isdecimal() and len(number) <= 5:
            return self.spec(int(number))
        raise UnknownOptionError(f"there is no option {code_or_name!r}{self._suggestion(name)}")

    def get(self, code_or_name: int | str) -> OptionSpec | None:
        """What is known of an option, or None where the code is not assigned or the name is unknown."""
        if isinstance(code_or_name, int):
            return self._by_code.get(code_or_name)
        return self._by_name.get(code_or_name.strip().lower().replace("_", "-"))

    def __iter__(self) -> Iterator[OptionSpec]:
        return iter(self._by_code.values())

    def __len__(self) -> int:
        return len(self._by_code)

    def __contains__(self, code_or_name: object) -> bool:
        return isinstance(code_or_name, int | str) and self.get(code_or_name) is not None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} of {len(self)} options>"

    def option(self, code_or_name: int | str, data: bytes) -> Option:
        """An option from its bytes, which need not be well-formed.

        Raises:
            UnknownOptionError: See ``spec``.
        """
        spec = self.spec(code_or_name)
        return Option(spec.code, data, spec)

    def encode_value(self, code_or_name: int | str, value: Any) -> tuple[int, bytes]:
        """An option's code and bytes from what a user wrote: see ``OptionSpec.encode``.

        Raises:
            EncodeError: There is no such option (``UnknownOptionError``), or it cannot have that value.
        """
        spec = self.spec(code_or_name)
        return spec.code, spec.encode(value)

    def parse_text(self, code_or_name: int | str, text: str) -> Option:
        """An option from the text of its value: see ``OptionSpec.parse_text``.

        Raises:
            EncodeError: There is no such option (``UnknownOptionError``), or the text stands for no value of it.
        """
        spec = self.spec(code_or_name)
        return Option(spec.code, spec.encode(spec.parse_text(text)), spec)

    def _suggestion(self, name: str) -> str:
        from difflib import get_close_matches  # only a mistake needs it

        close = get_close_matches(name, self._by_name, n=4)
        if not close:
            return "; options are given by name or by number"
        names = dict.fromkeys(self._by_name[match].name for match in close)
        return f"; is {' or '.join(map(repr, names))} meant?"
