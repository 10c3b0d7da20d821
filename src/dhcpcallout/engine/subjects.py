"""What of a packet a test can look at: fields, options and what is within them, as bytes and the type of these."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from ..codes import OptionCode
from ..errors import EncodeError, WireError
from ..wire import REGISTRY, OptionRegistry, Packet
from ..wire.header import END, PAD
from ..wire.option import OptionSpace, OptionSpec
from ..wire.suboptions import Encapsulated, VendorIdentified
from ..wire.types.addresses import Address
from ..wire.types.base import AnyType
from ..wire.types.client import UserClasses
from ..wire.types.composite import Array, LengthPrefixed, Record
from ..wire.types.integers import Integer
from ..wire.types.strings import Opaque, Text
from ..wire.types.vendor import VendorClass
from .relay import find_suboption

__all__ = ["FIELDS", "ReportProblem", "Subject", "is_well_formed", "option_subject", "suggestion"]

ReportProblem = Callable[[str, str], None]
"""Called with the key and the text of a mistake in a configuration."""

_MOST_LISTED = 30

_Read = Callable[[Packet], bytes | None]

_ENTERPRISE_NUMBER = Integer(32)


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that a packet may have. What is malformed counts as absent; what stands before it does not.

    Attributes:
        name: What explanations call it: ``dhcp-agent-options.circuit-id``.
        kind: The type of its value, or of each of its values.
        read: Its bytes in a packet, which may be malformed, or None where it is absent.
        split: Where it has several values: the bytes of each; () where they are malformed.
        is_present: Whether a value that was read is there and well-formed; None where every packet has one.
    """

    name: str
    kind: AnyType
    read: _Read
    split: Callable[[bytes], Sequence[bytes]] | None = None
    is_present: Callable[[bytes], bool] | None = None

    def show(self, packet: Packet) -> str:
        """What a packet has of it, for people: printable, on one line."""
        data = self.read(packet)
        if data is None:
            return "absent"
        try:
            values = (data,) if self.split is None else self.split(data)
            shown = ", ".join(self.kind.to_text(self.kind.decode(value)) for value in values)
        except WireError:
            shown = ""
        return shown or f"malformed, 0x{data.hex()}"


def is_well_formed(kind: AnyType, data: bytes) -> bool:
    """Whether bytes are a value of a type."""
    try:
        kind.decode(data)
    except WireError:
        return False
    return True


def suggestion(word: str, known: Collection[str]) -> str:
    """The end of a message about a word that is not one of the known ones."""
    from difflib import get_close_matches  # only a mistake needs it

    matches = get_close_matches(word, known, n=1, cutoff=0.6)
    if matches:
        return f"is {matches[0]!r} meant?"
    listed = list(known)[:_MOST_LISTED]
    return f"there are {', '.join(listed)}{', ...' if len(known) > len(listed) else ''}"


class _HardwareAddress(Opaque):
    """``chaddr``, with the colons that it has everywhere."""

    def to_text(self, value: Any) -> str:
        return bytes(value).hex(":")


def _number(name: str, size: int) -> Subject:
    value = attrgetter(name)
    return Subject(name, Integer(8 * size), lambda packet: value(packet).to_bytes(size, "big"))


def _address(name: str) -> Subject:
    value = attrgetter(f"{name}_int")
    return Subject(name, Address(), lambda packet: value(packet).to_bytes(4, "big"), is_present=any)


def _octets(name: str, attribute: str, kind: AnyType) -> Subject:
    value = attrgetter(attribute)
    return Subject(name, kind, lambda packet: value(packet) or None, is_present=bool)


def _of_option(name: str, code: OptionCode) -> Subject:
    return _typed(name, REGISTRY.spec(code).type, _option(code))


def _architecture() -> Subject:
    kind = REGISTRY.spec(OptionCode.CLIENT_SYSTEM).type
    assert isinstance(kind, Array)
    return Subject("architecture", kind.of, _option(OptionCode.CLIENT_SYSTEM), _pairs, bool)


def _pairs(data: bytes) -> Sequence[bytes]:
    return () if len(data) % 2 else [data[at : at + 2] for at in range(0, len(data), 2)]


def _user_classes(data: bytes) -> Sequence[bytes]:
    """What ``UserClasses.decode`` finds, at a fraction of its cost: a list (RFC 3004), else a single text."""
    text = data.rstrip(b"\0")
    return _length_prefixed(data) or _length_prefixed(text) or ((text,) if text else ())


def _length_prefixed(data: bytes) -> Sequence[bytes]:
    values = []
    at = 0
    while at < len(data):
        start, at = at + 1, at + 1 + data[at]
        value = data[start:at].rstrip(b"\0")
        if at > len(data) or not value:
            return ()
        values.append(value)
    return values


def _option(code: int) -> _Read:
    code = int(code)
    return lambda packet: packet.options.get(code)


def _text(read: _Read) -> _Read:
    """Without the NULs at its end, which some clients send and which are not part of a text (RFC 2132 section 2)."""

    def read_text(packet: Packet) -> bytes | None:
        data = read(packet)
        return data if data is None else data.rstrip(b"\0") or None

    return read_text


def _typed(name: str, kind: AnyType, read: _Read) -> Subject:
    if isinstance(kind, UserClasses):
        return Subject(name, Text(), read, _user_classes, bool)
    if isinstance(kind, Text):
        return Subject(name, kind, _text(read), is_present=bool)
    return Subject(name, kind, read, is_present=lambda data: is_well_formed(kind, data))


FIELDS: Mapping[str, Subject] = {
    subject.name: subject
    for subject in (
        _number("op", 1),
        _number("htype", 1),
        _number("hlen", 1),
        _number("hops", 1),
        _number("xid", 4),
        _number("secs", 2),
        _number("flags", 2),
        _address("ciaddr"),
        _address("yiaddr"),
        _address("siaddr"),
        _address("giaddr"),
        _octets("chaddr", "chaddr", _HardwareAddress()),
        _octets("hardware-address", "chaddr", _HardwareAddress()),
        _octets("sname", "sname", Text()),
        _octets("file", "file", Text()),
        _of_option("message-type", OptionCode.DHCP_MESSAGE_TYPE),
        _architecture(),
        _of_option("user-class", OptionCode.USER_CLASS),
        _of_option("vendor-class", OptionCode.VENDOR_CLASS_IDENTIFIER),
    )
}
"""The fields of the header (RFC 2131 table 1), and what is worth a name of its own."""


def option_subject(
    test: Mapping[str, Any], key: str, problem: ReportProblem, registry: OptionRegistry
) -> Subject | None:
    """The option, or what is within it, that a test names.

    Args:
        test: With ``option``, and ``enterprise`` and ``suboption`` where they are needed.
        key: The test's key in the configuration.
        problem: Called with every mistake.
        registry: Where options are looked up.

    Returns:
        None where it names nothing.
    """
    spec = _spec(test["option"], registry, f"{key}.option", problem)
    if spec is None:
        return None
    if spec.code in (PAD, END):
        problem(f"{key}.option", f"{spec.code} is no option: it stands between options or after them")
        return None
    subject = _typed(spec.name, spec.type, _option(spec.code))
    if "enterprise" in test:
        vendor = _of_vendor(subject, spec.type, test["enterprise"], f"{key}.enterprise", problem)
        if vendor is None:
            return None
        subject = vendor
    if "suboption" in test:
        return _within(subject, test["suboption"], f"{key}.suboption", problem)
    return subject


def _spec(name: Any, space: OptionSpace, key: str, problem: ReportProblem) -> OptionSpec | None:
    if not isinstance(name, int | str) or isinstance(name, bool):
        problem(key, f"{name!r} is neither the name of an option nor its number")
        return None
    try:
        return space.spec(name)
    except EncodeError as error:
        is_field = isinstance(name, str) and name in FIELDS
        problem(key, f"{name!r} is a field: write field = {name!r}" if is_field else error.message)
        return None


def _of_vendor(subject: Subject, kind: AnyType, enterprise: Any, key: str, problem: ReportProblem) -> Subject | None:
    """What an option has for one vendor (RFC 3925)."""
    items = kind.of if isinstance(kind, Array) else None
    if not isinstance(items, VendorIdentified) and not (isinstance(items, Record) and items.make is VendorClass):
        problem(key, f"{subject.name} does not hold what is of several vendors: leave enterprise out")
        return None
    try:
        number = _ENTERPRISE_NUMBER.encode(enterprise)
    except EncodeError as error:
        problem(key, error.message)
        return None
    enterprise = int.from_bytes(number, "big")
    prefixed = items.options_of(enterprise) if isinstance(items, VendorIdentified) else items.fields[1][1]
    assert isinstance(prefixed, LengthPrefixed)
    read = subject.read

    def read_vendor(packet: Packet) -> bytes | None:
        data = read(packet)
        return None if data is None else _find_vendor(data, number)

    return _typed(f"{subject.name}.{enterprise}", prefixed.of, read_vendor)


def _within(subject: Subject, suboption: Any, key: str, problem: ReportProblem) -> Subject | None:
    kind, read = subject.kind, subject.read
    if isinstance(kind, Array) and isinstance(kind.of, VendorIdentified):
        problem(key, f"{subject.name} has options of several vendors: say whose with enterprise = NUMBER")
        return None
    if not isinstance(kind, Encapsulated):
        problem(key, f"{subject.name} has no sub-options")
        return None
    spec = _spec(suboption, kind.space, key, problem)
    if spec is None:
        return None
    code = spec.code
    if code > kind.max_code or (kind.marks and code in (PAD, END)):
        problem(key, f"{code} is not the number of a sub-option of {subject.name}")
        return None

    find = _find_marked if kind.marks else find_suboption

    def read_suboption(packet: Packet) -> bytes | None:
        data = read(packet)
        return None if data is None else find(data, code)

    return _typed(f"{subject.name}.{spec.name}", spec.type, read_suboption)


def _find_marked(data: bytes, code: int) -> bytes | None:
    """``find_suboption`` where pads may stand between the sub-options, and an end after them (RFC 2132 section 8.4)."""
    at, size = 0, len(data)
    while at + 2 <= size and data[at] != END:
        if data[at] == PAD:
            at += 1
            continue
        end = at + 2 + data[at + 1]
        if data[at] == code:
            return data[at + 2 : end] if end <= size else None
        at = end
    return None


def _find_vendor(data: bytes, number: bytes) -> bytes | None:
    """The value after an enterprise number, in a list of such numbers, lengths in one byte and values (RFC 3925)."""
    at, size = 0, len(data)
    while at + 5 <= size:
        end = at + 5 + data[at + 4]
        if data.startswith(number, at):
            return data[at + 5 : end] if end <= size else None
        at = end
    return None
