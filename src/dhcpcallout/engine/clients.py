"""Who a client is: its key, its hardware, and what is reserved for it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any, NamedTuple

from ..codes import OptionCode
from ..errors import EncodeError, WireError
from ..wire import REGISTRY, OptionRegistry, Packet
from ..wire.types import notation
from ..wire.types.addresses import Address
from ..wire.types.base import AnyType
from ..wire.types.integers import Integer
from ..wire.types.strings import Opaque, Text
from .delivery import is_unicast
from .model import Reservation
from .scopes import EMPTY_SCOPE, PlannedScope, compile_scope
from .subjects import Subject, option_subject, suggestion

__all__ = [
    "Identifier",
    "PlannedReservation",
    "ReservationTable",
    "client_key",
    "compile_reservations",
    "hardware_key",
    "parse_hardware_address",
]

_CLIENT_IDENTIFIER = int(OptionCode.DHCP_CLIENT_IDENTIFIER)
_SHORTEST = 2
_LONGEST = 1024
"""The bytes that a client identifier has at least (RFC 2132 section 9.14), and at most if a lease is to keep it."""


def hardware_key(hardware_type: int, hardware_address: bytes) -> bytes:
    """What identifies a client by its hardware: one byte of ``htype``, then ``chaddr``'s ``hlen`` bytes.

    It is also the form of a client identifier (option 61) that holds a hardware address (RFC 2132 section 9.14), so a
    client is the same with and without one.
    """
    return bytes((hardware_type,)) + hardware_address


def client_key(packet: Packet, match_client_id: bool = True) -> bytes:
    """What identifies the client that sent a packet (RFC 2131 section 4.2).

    It is the client identifier (option 61), whose bytes mean nothing to the server, whether they are made as RFC 4361
    says or otherwise; without one, the hardware key. A client identifier of less than two bytes is malformed and counts
    for none.

    Args:
        packet: The packet.
        match_client_id: Without, the hardware key comes first, and the client identifier counts only for a client that
            has no hardware address.

    Returns:
        The key; b"" where the packet does not tell who sent it, or with an identifier that is too long to be kept.
    """
    hardware_address = packet.chaddr
    if match_client_id or not hardware_address:
        identifier = packet.options.get(_CLIENT_IDENTIFIER, b"")
        if len(identifier) >= _SHORTEST:
            return identifier if len(identifier) <= _LONGEST else b""
    return hardware_key(packet.htype, hardware_address) if hardware_address else b""


def parse_hardware_address(text: str | bytes) -> bytes:
    """A hardware address from its text: ``00:0c:01:02:03:04``, with ``-`` or ``.`` or nothing between as well.

    Raises:
        ValueError: It is not 1 to 16 bytes in hexadecimal.
    """
    try:
        value = text if isinstance(text, bytes) else bytes.fromhex("".join(c for c in text if c not in ":-."))
    except ValueError:
        raise ValueError(f"{text!r} is not a hardware address such as 00:0c:01:02:03:04") from None
    if not 1 <= len(value) <= 16:
        raise ValueError(f"{text!r} has {len(value)} bytes; a hardware address has 1 to 16")
    return value


class Identifier(NamedTuple):
    """What tells the client of a reservation.

    Attributes:
        name: ``hardware-address``, ``client-id``, or an option's or a sub-option's name:
            ``dhcp-agent-options.circuit-id``.
        value: The hardware key, or the bytes of the option.
        subject: How the option is read from a packet; None for the first two.
    """

    name: str
    value: bytes
    subject: Subject | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PlannedReservation:
    """A reservation, checked and in the engine's units. Each is equal to itself alone.

    Attributes:
        name: What explanations call it: ``reservation of client-id 0102``.
        identifier: Whose it is.
        address_int: The address, a 32-bit integer, or None where only the rest is kept.
        hostname: The client's name, or None.
        classes: Names of classes that it belongs to besides those whose test it passes.
        scope: What the client is told.
        key: Its key in the configuration file: ``subnet[0].reservation[3]``.
    """

    name: str
    identifier: Identifier
    address_int: int | None = None
    hostname: str | None = None
    classes: tuple[str, ...] = ()
    scope: PlannedScope = EMPTY_SCOPE
    key: str = ""


class ReservationTable:
    """The reservations of a subnet, or those for all, found in a time that their number does not count in.

    Args:
        reservations: In the configuration's order; ``compile_reservations`` makes sure that none of them is for the
            client or the address of another.

    Attributes:
        reservations: The same.
        addresses: The reservation of each address that is reserved, by address, a 32-bit integer.
    """

    def __init__(self, reservations: Iterable[PlannedReservation] = ()) -> None:
        self.reservations = tuple(reservations)
        self.addresses: Mapping[int, PlannedReservation] = {
            one.address_int: one for one in self.reservations if one.address_int is not None
        }
        self._by_hardware: dict[bytes, PlannedReservation] = {}
        self._by_client_id: dict[bytes, PlannedReservation] = {}
        by_option: dict[str, dict[bytes, PlannedReservation]] = {name: {} for name in _FIRST_OPTIONS}
        subjects: dict[str, Subject] = {}
        for one in self.reservations:
            name, value, subject = one.identifier
            if subject is not None:
                by_option.setdefault(name, {})[value] = one
                subjects[name] = subject
            elif name == _HARDWARE_ADDRESS:
                self._by_hardware[value] = one
            else:
                self._by_client_id[value] = one
        self._by_option = tuple((_reader(subjects[name]), found) for name, found in by_option.items() if found)

    def __len__(self) -> int:
        return len(self.reservations)

    def find(self, packet: Packet, hardware_key: bytes, client_id: bytes) -> PlannedReservation | None:
        """The reservation of the client that sent a packet.

        Where there are several, for a client has several identifiers, that of its hardware address counts, then that
        of its client identifier, of its circuit id, of its remote id, and of other options in the configuration's
        order.

        Args:
            packet: The packet.
            hardware_key: What ``hardware_key`` makes of its hardware address, or b"" where it has none.
            client_id: Its client identifier (option 61), or b"" where it has none.
        """
        found = self._by_hardware.get(hardware_key) or self._by_client_id.get(client_id)
        if found is None:
            for read, reserved in self._by_option:
                for value in read(packet):
                    if value in reserved:
                        return reserved[value]
        return found


def compile_reservations(
    reservations: Sequence[Reservation],
    key: str,
    problem: Callable[[str, str], None],
    network: IPv4Network | None,
    *,
    registry: OptionRegistry = REGISTRY,
    known_classes: Collection[str] | None = None,
    taken: dict[int, str] | None = None,
) -> ReservationTable:
    """Check reservations and put them into the engine's units.

    Args:
        reservations: What the user says.
        key: Their list's key in the configuration file, ``subnet[0].reservation``.
        problem: Called with the key and the text of every mistake; what is wrong is left out.
        network: The subnet's prefix, within which their addresses have to be; None for reservations of no subnet.
        registry: Where option names are looked up.
        known_classes: The names that ``classes`` may have; None where they are checked elsewhere.
        taken: The addresses that are reserved, with the reservations' keys; those found here are added. It is shared by
            lists that must not reserve the same address.
    """
    compiler = _Compiler(problem, network, registry, known_classes, {} if taken is None else taken)
    planned = (compiler.compile(one, f"{key}[{number}]") for number, one in enumerate(reservations))
    return ReservationTable(one for one in planned if one is not None)


_HARDWARE_ADDRESS = "hardware-address"
_CLIENT_ID = "client-id"
_AGENT = "dhcp-agent-options"
_FIRST_OPTIONS = (f"{_AGENT}.circuit-id", f"{_AGENT}.remote-id")


class _Compiler:
    def __init__(
        self,
        problem: Callable[[str, str], None],
        network: IPv4Network | None,
        registry: OptionRegistry,
        known_classes: Collection[str] | None,
        taken: dict[int, str],
    ) -> None:
        self._problem = problem
        self._network = network
        self._registry = registry
        self._known_classes = known_classes
        self._taken = taken
        self._clients: dict[tuple[str, bytes], str] = {}
        self._subjects: dict[str, Subject] = {}

    def compile(self, one: Reservation, key: str) -> PlannedReservation | None:
        identifier = self._identifier(one, key)
        name = f"reservation of {_show(identifier)}" if identifier is not None else "reservation"
        scope = compile_scope(one, name, key, self._problem, registry=self._registry)
        address_int = self._address(one.address, key) if one.address is not None else None
        hostname = self._hostname(one.hostname, key) if one.hostname is not None else None
        if self._known_classes is not None:
            for number, group in enumerate(one.classes):
                if group not in self._known_classes:
                    text = f"there is no class {group!r}; {suggestion(str(group), self._known_classes)}"
                    self._problem(f"{key}.classes[{number}]", text)
        if identifier is None:
            return None
        return PlannedReservation(name, identifier, address_int, hostname, tuple(one.classes), scope, key)

    def _identifier(self, one: Reservation, key: str) -> Identifier | None:
        """Whose a reservation is; None, and a problem, where that is not said, or is another's as well."""
        given = {
            _HARDWARE_ADDRESS: one.hardware_address,
            _CLIENT_ID: one.client_id,
            "circuit-id": one.circuit_id,
            "remote-id": one.remote_id,
            "option": one.option,
        }
        words = [word for word, value in given.items() if value is not None]
        if len(words) != 1:
            found = f"this has {', '.join(words)}" if words else "this has none"
            self._problem(key, f"a reservation has one of {', '.join(given)} to tell its client; {found}")
            return None
        (word,) = words
        if word != "option":
            for lone in ("option-value", "suboption", "enterprise"):
                if getattr(one, lone.replace("-", "_")) is not None:
                    self._problem(f"{key}.{lone}", f"{lone!r} goes with option, not with {word}")
                    return None
        identifier = self._read(one, word, given[word], key)
        if identifier is None:
            return None
        # A client identifier of type and hardware address is that hardware: see hardware_key.
        kind = identifier.name if identifier.subject is not None else ""
        other = self._clients.setdefault((kind, identifier.value), key)
        if other != key:
            where = f"{key}.option-value" if word == "option" else f"{key}.{word}"
            self._problem(where, f"{_show(identifier)} has {other} already")
            return None
        return identifier

    def _read(self, one: Reservation, word: str, value: Any, key: str) -> Identifier | None:
        if word == _HARDWARE_ADDRESS:
            return self._hardware(one, value, key)
        if word == _CLIENT_ID:
            words: dict[str, Any] = {"option": int(OptionCode.DHCP_CLIENT_IDENTIFIER)}
        elif word == "option":
            words = {"option": one.option, "enterprise": one.enterprise, "suboption": one.suboption}
            value, word = one.option_value, "option-value"
        else:
            words = {"option": int(OptionCode.DHCP_AGENT_OPTIONS), "suboption": word}
        words = {name: named for name, named in words.items() if named is not None}
        subject = self._subject(words, key)
        if subject is None:
            return None
        if value is None:
            self._problem(f"{key}.{word}", f"the value of {subject.name} that tells the client is missing")
            return None
        try:
            data = _octets(subject.kind, value)
        except EncodeError as error:
            self._problem(f"{key}.{word}", error.message)
            return None
        if not data:
            self._problem(f"{key}.{word}", f"an empty {subject.name} tells no client from another")
            return None
        if subject.name == self._registry.spec(OptionCode.DHCP_CLIENT_IDENTIFIER).name:
            return Identifier(_CLIENT_ID, data)
        return Identifier(subject.name, data, subject)

    def _subject(self, words: dict[str, Any], key: str) -> Subject | None:
        named = repr(words)
        subject = self._subjects.get(named)
        if subject is None:
            subject = option_subject(words, key, self._problem, self._registry)
            if subject is not None:
                self._subjects[named] = subject
        return subject

    def _hardware(self, one: Reservation, value: str | bytes, key: str) -> Identifier | None:
        if not 0 <= one.hardware_type <= 255:
            self._problem(f"{key}.hardware-type", f"{one.hardware_type} is not 0 to 255")
            return None
        try:
            return Identifier(_HARDWARE_ADDRESS, hardware_key(one.hardware_type, parse_hardware_address(value)))
        except ValueError as error:
            self._problem(f"{key}.hardware-address", str(error))
            return None

    def _address(self, text: str | IPv4Address, key: str) -> int | None:
        place = f"{key}.address"
        try:
            address = IPv4Address(text)
        except ValueError as error:
            self._problem(place, str(error))
            return None
        network = self._network
        if network is not None and address not in network:
            self._problem(place, f"{address} is not within {network}")
            return None
        ends = (network.network_address, network.broadcast_address) if network and network.prefixlen < 31 else ()
        if address in ends or not is_unicast(int(address)):
            self._problem(place, f"{address} is not the address of a single host")
            return None
        other = self._taken.setdefault(int(address), key)
        if other != key:
            self._problem(place, f"{address} is reserved by {other} already")
            return None
        return int(address)

    def _hostname(self, hostname: str, key: str) -> str | None:
        try:
            self._registry.spec(OptionCode.HOST_NAME).encode(hostname)
        except EncodeError as error:
            self._problem(f"{key}.hostname", error.message)
            return None
        return hostname


def _octets(kind: AnyType, value: Any) -> bytes:
    """The bytes of an option's value as a user gives it.

    What relay agents put into option 82 is a text as often as not: there a text is itself, or is in quotation marks as
    the registry writes it, and hexadecimal digits come after ``0x``. Elsewhere a value is what its type takes.

    Raises:
        EncodeError: The type has no such value.
    """
    if isinstance(value, str) and isinstance(kind, Opaque) and kind.printable and value[:2].lower() != "0x":
        value = notation.encode_utf8(notation.unquoted(value))
    return _plain(kind, kind.encode(value))


def _plain(kind: AnyType, data: bytes) -> bytes:
    """The one spelling of a value that its type may know several of: texts with NULs after them, compressed names.

    Raises:
        WireError: It is malformed.
    """
    if isinstance(kind, Text):
        return data.rstrip(b"\0")
    return data if isinstance(kind, Opaque | Integer | Address) else kind.encode(kind.decode(data))


def _reader(subject: Subject) -> Callable[[Packet], Sequence[bytes]]:
    """What gives the values that a packet has of an option, in their one spelling."""
    read, split, kind = subject.read, subject.split, subject.kind

    def values(packet: Packet) -> Sequence[bytes]:
        data = read(packet)
        if data is None:
            return ()
        if split is not None:
            return split(data)
        try:
            return (_plain(kind, data),)
        except (WireError, EncodeError):
            return ()

    return values


def _show(identifier: Identifier) -> str:
    name, value, subject = identifier
    if subject is not None:
        return f"{name} {subject.kind.to_text(subject.kind.decode(value))}"
    return f"{name} {value[1:].hex(':')}" if name == _HARDWARE_ADDRESS else f"{name} {value.hex()}"
