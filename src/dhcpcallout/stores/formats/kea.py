"""Leases as ISC Kea writes them: the lease file of its memfile backend (lease4 CSV), and the JSON of its commands.

Both hold the same. What a lease of ours has beyond that stands in the user context, under ``dhcpcallout``.
"""

import json
import re
from bisect import bisect_right
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Self

from ...codes import INFINITE
from ...leases import Lease, LeaseState
from .common import Entry, Report, checked, client_key_of, numbered_lines, parse_address, parse_hex

if TYPE_CHECKING:
    from ...engine import SharedNetwork, Subnet

__all__ = ["HEADER", "SubnetIds", "from_json", "read_csv", "to_json", "write_csv"]

HEADER = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context"
"""The first line of the file, as Kea 2.2 writes it; later versions add ``pool_id``."""

_NEEDED = ("address", "hwaddr", "client_id", "valid_lifetime", "expire", "hostname")
_ETHERNET = 1
_LEAST_CLIENT_ID = 2
_MOST_CLIENT_ID = 255
_STATES = {0: LeaseState.ACTIVE, 1: LeaseState.DECLINED, 2: LeaseState.RELEASED, 3: LeaseState.RELEASED}
"""What the column ``state`` says: default, declined, expired-reclaimed, and from Kea 2.7 on released."""
_NUMBERS = {LeaseState.ACTIVE: 0, LeaseState.DECLINED: 1, LeaseState.RELEASED: 2}
_ESCAPED = re.compile(rb"&#x([0-9A-Fa-f]{2})")
_OURS = "dhcpcallout"


class SubnetIds:
    """Which number Kea knows an address' subnet by.

    Args:
        numbers: The number of each subnet.
        default: The number where an address is in none of them.
    """

    def __init__(self, numbers: Mapping[IPv4Network, int], default: int = 1) -> None:
        placed = sorted((int(net.network_address), int(net.broadcast_address), n) for net, n in numbers.items())
        self._firsts = [first for first, _, _ in placed]
        self._placed = placed
        self._default = default

    @classmethod
    def in_order(cls, networks: "Iterable[Subnet | SharedNetwork]", default: int = 1) -> Self:
        """The numbers that Kea gives to subnets whose configuration gives none: 1 to the first, and so on."""
        subnets: list[Subnet] = []
        for network in networks:
            subnets += getattr(network, "subnets", [network])
        return cls({IPv4Network(subnet.network): number for number, subnet in enumerate(subnets, 1)}, default)

    def __call__(self, address_int: int) -> int:
        """The number of an address' subnet."""
        place = bisect_right(self._firsts, address_int) - 1
        if place >= 0:
            _, last, number = self._placed[place]
            if address_int <= last:
                return number
        return self._default


class _Fields(NamedTuple):
    """What Kea keeps of a lease."""

    hardware_address: bytes
    client_id: bytes
    valid_lifetime_s: int
    expires_s: int
    hostname: str
    state: int
    context: dict[str, Any]


def write_csv(leases: Iterable[Lease], subnet_id: Callable[[int], int]) -> Iterator[bytes]:
    """The lines of a lease file that Kea reads.

    Args:
        leases: What it holds.
        subnet_id: Gives the number that Kea's configuration has for the subnet of an address.
    """
    yield HEADER.encode() + b"\n"
    for lease in leases:
        fields = _fields_of(lease)
        yield b"%s,%s,%s,%d,%d,%d,0,0,%s,%d,%s\n" % (
            str(lease.address).encode(),
            fields.hardware_address.hex(":").encode(),
            fields.client_id.hex(":").encode(),
            fields.valid_lifetime_s,
            fields.expires_s,
            subnet_id(lease.address_int),
            _escape(fields.hostname.encode()),
            fields.state,
            _escape(json.dumps(fields.context).encode()) if fields.context else b"",
        )


def read_csv(stream: BinaryIO, report: Report) -> Iterator[Entry]:
    """The entries of a lease file that Kea wrote, of any version of its layout."""
    lines = numbered_lines(stream, report)
    number, header = next(lines, (1, b""))
    names = header.removeprefix(BOM_UTF8).decode("ascii", "replace").strip().split(",")
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        if "duid" in names:
            report(number, "the leases are of DHCPv6")
        else:
            report(number, f"this is not the header of a lease file of Kea; it has no {', '.join(missing)}")
        return
    places = [names.index(name) for name in _NEEDED]
    state_at, context_at = (names.index(name) if name in names else None for name in ("state", "user_context"))
    for number, line in lines:
        if not line.strip():
            continue
        columns = line.split(b",")
        if len(columns) != len(names):
            report(number, f"there are {len(columns)} columns, and {len(names)} in the header")
            continue
        try:
            address, hardware_address, client_id, valid_lifetime, expires, hostname = (columns[at] for at in places)
            address_int = parse_address(address.decode("latin-1"))
            lifetime_s = _number(valid_lifetime, "valid_lifetime")
            if lifetime_s == 0:  # how Kea writes down that a lease was deleted
                yield Entry(number, address_int, None)
                continue
            fields = _Fields(
                parse_hex(hardware_address.decode("latin-1")),
                parse_hex(client_id.decode("latin-1")),
                lifetime_s,
                _number(expires, "expire"),
                _unescape(hostname).decode(errors="surrogateescape"),
                _number(columns[state_at], "state") if state_at is not None else 0,
                _context(columns[context_at]) if context_at is not None else {},
            )
            yield Entry(number, address_int, _lease_of(address_int, fields))
        except ValueError as error:
            report(number, str(error))


def to_json(lease: Lease, subnet_id: int) -> dict[str, Any]:
    """A lease as Kea's commands give it.

    Args:
        lease: The lease.
        subnet_id: The number of its subnet.
    """
    fields = _fields_of(lease)
    shown: dict[str, Any] = {"ip-address": str(lease.address), "hw-address": fields.hardware_address.hex(":")}
    if fields.client_id:
        shown["client-id"] = fields.client_id.hex(":")
    shown |= {
        "subnet-id": subnet_id,
        "valid-lft": fields.valid_lifetime_s,
        "cltt": fields.expires_s - fields.valid_lifetime_s,
        "hostname": fields.hostname,
        "fqdn-fwd": False,
        "fqdn-rev": False,
        "state": fields.state,
    }
    if fields.context:
        shown["user-context"] = fields.context
    return shown


def from_json(arguments: Mapping[str, Any], now: float, lease_time_s: int) -> Lease:
    """A lease as Kea's commands take it. What is not kept here, such as the subnet's number, is not looked at.

    Args:
        arguments: The command's arguments, or one of several leases in them.
        now: When it starts where nothing says so, Unix time in seconds.
        lease_time_s: For how long it is where nothing says so.

    Raises:
        ValueError: It is no lease.
    """
    address_int = parse_address(_member(arguments, "ip-address", str))
    valid_lifetime_s = _member(arguments, "valid-lft", int, lease_time_s)
    if not 0 < valid_lifetime_s <= INFINITE:
        raise ValueError(f"valid-lft {valid_lifetime_s} is not 1 to {INFINITE}")
    starts_s = _member(arguments, "cltt", int, int(now))
    fields = _Fields(
        parse_hex(_member(arguments, "hw-address", str, "")),
        parse_hex(_member(arguments, "client-id", str, "")),
        valid_lifetime_s,
        _member(arguments, "expire", int, starts_s + valid_lifetime_s),
        _member(arguments, "hostname", str, ""),
        _member(arguments, "state", int, 0),
        _member(arguments, "user-context", dict, {}),
    )
    return _lease_of(address_int, fields)


def _member(arguments: Mapping[str, Any], name: str, kind: type, default: Any = None) -> Any:
    value = arguments.get(name, default)
    if value is None:
        raise ValueError(f"{name} is missing")
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{name} must be {'a string' if kind is str else 'an integer' if kind is int else 'a map'}")
    return value


def _fields_of(lease: Lease) -> _Fields:
    """What Kea keeps of a lease; the user context tells what reading the rest alone would not."""
    _, client_key, hardware_type, hardware_address, state, starts_s, expires_s, hostname, relay_information = lease
    if state == LeaseState.DECLINED or client_key == bytes((hardware_type,)) + hardware_address:
        client_id = b""
    else:
        client_id = client_key if _LEAST_CLIENT_ID <= len(client_key) <= _MOST_CLIENT_ID else b""
    if expires_s == INFINITE:
        lifetime_s, end_s = INFINITE, starts_s + INFINITE
    else:
        # None at all would say that the lease was deleted.
        lifetime_s, end_s = min(max(expires_s - starts_s, 1), INFINITE - 1), expires_s
    context: dict[str, Any] = {}
    if relay_information:
        context["ISC"] = {"relay-agent-info": f"0x{relay_information.hex().upper()}"}
    name = hostname
    if not hostname.isprintable():  # a line end would end the row
        name = "".join(c if c.isprintable() else "?" for c in hostname)
    fields = _Fields(hardware_address, client_id, lifetime_s, end_s, name, _NUMBERS[LeaseState(state)], context)
    plain = _read(lease.address_int, fields, {})
    if plain != lease:
        ours: dict[str, Any] = {}
        if plain.hardware_type != hardware_type:
            ours["hardware-type"] = hardware_type
        if _read(lease.address_int, fields, ours).client_key != client_key:
            ours["client-key"] = client_key.hex()
        if plain.starts_s != starts_s:
            ours["starts"] = starts_s
        if plain.hostname != hostname:
            ours["hostname"] = hostname.encode(errors="surrogatepass").hex()  # Kea's JSON knows few characters
        if ours:
            context[_OURS] = ours
    return fields


def _lease_of(address_int: int, fields: _Fields) -> Lease:
    ours = fields.context.get(_OURS, {})
    return checked(_read(address_int, fields, ours if isinstance(ours, dict) else {}))


def _read(address_int: int, fields: _Fields, ours: Mapping[str, Any]) -> Lease:
    if fields.state not in _STATES:
        raise ValueError(f"state {fields.state} is none that a lease may have")
    state = _STATES[fields.state]
    hardware_type = _member(ours, "hardware-type", int, _ETHERNET if fields.hardware_address else 0)
    if "client-key" in ours:
        client_key = parse_hex(_member(ours, "client-key", str))
    elif state is LeaseState.DECLINED:
        client_key = b""
    else:
        client_key = client_key_of(fields.client_id, hardware_type, fields.hardware_address)
    is_endless = fields.valid_lifetime_s == INFINITE
    return Lease(
        address_int,
        client_key,
        hardware_type,
        fields.hardware_address,
        int(state),
        _member(ours, "starts", int, max(fields.expires_s - fields.valid_lifetime_s, 0)),
        INFINITE if is_endless else fields.expires_s,
        parse_hex(_member(ours, "hostname", str)).decode(errors="surrogatepass")
        if "hostname" in ours
        else fields.hostname,
        _relay_information(fields.context),
    )


def _relay_information(context: Mapping[str, Any]) -> bytes:
    """Option 82 as Kea keeps it with ``store-extended-info``: hexadecimal, from 2.3.3 on in a map of its own."""
    known = context.get("ISC")
    kept = known.get("relay-agent-info") if isinstance(known, dict) else None
    if isinstance(kept, dict):
        kept = kept.get("sub-options")
    if kept is None:
        return b""
    if not isinstance(kept, str):
        raise ValueError("relay-agent-info in the user context is no text")
    return parse_hex(kept.removeprefix("0x"))


def _context(column: bytes) -> dict[str, Any]:
    if not column:
        return {}
    try:
        context = json.loads(_unescape(column))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the user context is no JSON: {error}") from None
    if not isinstance(context, dict):
        raise ValueError("the user context is no map")
    return context


def _number(column: bytes, name: str) -> int:
    if not column.isdigit() or len(column) > 20:
        raise ValueError(f"{name} is {column[:40].decode('ascii', 'backslashreplace')!r}, which is no number")
    return int(column)


def _escape(text: bytes) -> bytes:
    return text.replace(b"&", b"&#x26").replace(b",", b"&#x2c")


def _unescape(column: bytes) -> bytes:
    return _ESCAPED.sub(lambda found: bytes((int(found[1], 16),)), column) if b"&" in column else column
