"""The lease file of ISC's DHCP server, ``dhcpd.leases(5)``: to be read alone."""

import re
from calendar import timegm
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from ...codes import INFINITE
from ...leases import Lease, LeaseState
from .common import MOST_TIME_S, Entry, Report, checked, client_key_of, numbered_lines, parse_address, parse_hex

__all__ = ["read_isc"]

_TOKEN = re.compile(
    r"""
    [ \t\r\f\v]*
    (?: (\#.*) | ([;{}]) | "((?:[^"\\]|\\.)*)" | ([^\s;{}"\#]+) | (") )
    """,
    re.VERBOSE,
)
_COMMENT, _PUNCTUATION, _STRING, _WORD, _OPEN = range(1, 6)
_PLAIN = re.compile(r'\s*([^;{}"#]+);\s*')
"""A line that is one statement without texts, as most lines are."""
_ESCAPE = re.compile(r"\\([0-7]{1,3}|x[0-9A-Fa-f]{1,2}|.)")
_CONTROLS = {"t": "\t", "r": "\r", "n": "\n", "b": "\b"}
_MOST_TOKENS = 4096

_WANTED = {"starts", "ends", "cltt", "binding", "abandoned", "hardware", "uid", "client-hostname", "option"}
_HARDWARE_TYPES = {"ethernet": 1, "token-ring": 6, "fddi": 8, "infiniband": 32}
_STATES = {
    "active": LeaseState.ACTIVE,
    "free": LeaseState.RELEASED,
    "backup": LeaseState.RELEASED,
    "expired": LeaseState.RELEASED,
    "released": LeaseState.RELEASED,
    "reset": LeaseState.RELEASED,
    "abandoned": LeaseState.DECLINED,
}
_DATE = re.compile(r"\d{1,20}/\d{1,2}/\d{1,2}")
_TIME = re.compile(r"\d{1,2}:\d{1,2}:\d{1,2}")

# How the values of the sub-options of option 82 are written: their codes, by name.
_SUBOPTIONS = {"circuit-id": 1, "remote-id": 2, "agent-id": 3, "DOCSIS-device-class": 4, "link-selection": 5}
_OF_ADDRESS = (3, 5)
_DEVICE_CLASS = 4
_UNKNOWN = "unknown-"


class _Text(str):
    """What stood in quotation marks, each character a byte; other tokens are plain ``str``."""

    __slots__ = ()


_Statement = Sequence[str]


def read_isc(stream: BinaryIO, report: Report) -> Iterator[Entry]:
    """The entries of the ``lease`` declarations. All other declarations are passed over, and all other statements."""
    depth = 0
    lease: _Declaration | None = None
    for line, statement, end in _statements(stream, report):
        if end == "{":
            if depth == 0 and statement[:1] == ["lease"]:
                lease = _Declaration(line, statement)
            elif depth == 0 and statement[:1] in (["ia-na"], ["ia-ta"], ["ia-pd"]):
                report(line, "the leases are of DHCPv6")
                return
            depth += 1
        elif end == "}":
            if depth == 0:
                report(line, "there is a } too many")
                continue
            depth -= 1
            if depth == 0 and lease is not None:
                entry = lease.entry(report)
                lease = None
                if entry is not None:
                    yield entry
        elif end == ";" and depth == 1 and lease is not None:
            lease.add(line, statement)
        elif end == "":
            report(line, "the file ends in the middle of a declaration")
    if depth:
        report(line, "the file ends before the } of a declaration")


def _statements(stream: BinaryIO, report: Report) -> Iterator[tuple[int, list[str], str]]:
    """Each statement's line, its tokens, and what ends it: ``;``, ``{``, ``}``, or nothing where the file ends."""
    tokens: list[str] = []
    begins = number = 1
    for number, line in numbered_lines(stream, report):
        text = line.decode("latin-1")
        if not tokens and (plain := _PLAIN.fullmatch(text)):
            yield number, plain[1].split(), ";"
            continue
        for found in _TOKEN.finditer(text):
            kind = found.lastindex
            if kind == _PUNCTUATION:
                yield begins if tokens else number, tokens, found[_PUNCTUATION]
                tokens = []
                continue
            if kind == _COMMENT:
                break
            if not tokens:
                begins = number
            if kind == _WORD:
                tokens.append(found[_WORD])
            elif kind == _STRING:
                string = found[_STRING]
                tokens.append(_Text(_ESCAPE.sub(_unescape, string) if "\\" in string else string))
            else:
                report(number, 'there is no " at the end of the text')
                tokens = []
                break
            if len(tokens) > _MOST_TOKENS:
                report(number, f"a statement has more than {_MOST_TOKENS} words")
                tokens = []
    if tokens:
        yield begins, tokens, ""


def _unescape(found: re.Match[str]) -> str:
    escaped = found[1]
    if escaped[0] in "01234567":
        return chr(int(escaped, 8) & 0xFF)
    if escaped[0] == "x" and len(escaped) > 1:
        return chr(int(escaped[1:], 16))
    return _CONTROLS.get(escaped, escaped)


class _Declaration:
    """One ``lease`` declaration, as far as it is read."""

    def __init__(self, line: int, statement: _Statement) -> None:
        self._line = line
        self._problem: tuple[int, str] | None = None
        self._address_int = 0
        self._state = LeaseState.ACTIVE
        self._hardware_type = 0
        self._hardware_address = self._client_id = self._relay_information = b""
        self._hostname = ""
        self._times: dict[str, int] = {}
        try:
            (_, address) = statement
            self._address_int = parse_address(address)
        except ValueError as error:
            self._problem = line, str(error)

    def add(self, line: int, statement: _Statement) -> None:
        """Take a statement in; what a lease of ours does not hold is passed over."""
        try:
            if statement and statement[0] in _WANTED:
                self._add(statement)
        except ValueError as error:
            self._problem = self._problem or (line, str(error))

    def entry(self, report: Report) -> Entry | None:
        """What the declaration says; None where something in it is wrong, which is reported."""
        try:
            if self._problem is None:
                return Entry(self._line, self._address_int, self._lease())
            line, problem = self._problem
        except ValueError as error:
            line, problem = self._line, str(error)
        report(line, problem)
        return None

    def _lease(self) -> Lease | None:
        client_key = client_key_of(self._client_id, self._hardware_type, self._hardware_address)
        if self._state is LeaseState.DECLINED:
            client_key = b""
        elif self._state is LeaseState.RELEASED and not client_key:
            return None  # nobody has ever had it
        starts_s = self._times.get("starts", self._times.get("cltt", 0))
        expires_s = self._times.get("ends")
        if expires_s is None:
            raise ValueError("the lease has no end")
        return checked(
            Lease(
                self._address_int,
                client_key,
                self._hardware_type,
                self._hardware_address,
                int(self._state),
                min(starts_s, INFINITE - 1),
                expires_s,
                self._hostname,
                self._relay_information,
            )
        )

    def _add(self, statement: _Statement) -> None:
        match statement:
            case ["starts" | "ends" | "cltt" as name, *date]:
                self._times[name] = _time_of(date)
            case ["binding", "state", state]:
                if state not in _STATES:
                    raise ValueError(f"{state!r} is no binding state")
                self._state = _STATES[state]
            case ["abandoned"]:
                self._state = LeaseState.DECLINED
            case ["hardware", kind, address]:
                self._hardware_type = _hardware_type(kind)
                self._hardware_address = parse_hex(address)
            case ["uid", value]:
                self._client_id = _bytes_of(value)
            case ["client-hostname", value]:
                self._hostname = value.encode("latin-1").decode(errors="backslashreplace")
            case ["option", name, value, *rest] if name.startswith("agent.") and not rest:
                self._relay_information += _suboption(name.removeprefix("agent."), value)
            case ["hardware" | "uid" | "client-hostname" | "binding", *_]:
                raise ValueError(f"{' '.join(statement)[:80]!r} is not understood")


def _bytes_of(value: str) -> bytes:
    return value.encode("latin-1") if isinstance(value, _Text) else parse_hex(value)


def _hardware_type(name: str) -> int:
    if name in _HARDWARE_TYPES:
        return _HARDWARE_TYPES[name]
    number = name.removeprefix(_UNKNOWN)
    if number == name or not number.isdecimal() or len(number) > 3:
        raise ValueError(f"{name!r} is no type of hardware")
    return int(number)


def _suboption(name: str, value: str) -> bytes:
    """A sub-option of option 82, as a relay agent sends it (RFC 3046)."""
    number = name.removeprefix(_UNKNOWN)
    if name in _SUBOPTIONS:
        code = _SUBOPTIONS[name]
    elif number != name and number.isdecimal() and len(number) <= 3 and int(number) <= 255:
        code = int(number)
    else:
        return b""
    if code in _OF_ADDRESS and not isinstance(value, _Text):
        data = parse_address(value).to_bytes(4, "big")
    elif code == _DEVICE_CLASS and value.isdecimal() and len(value) <= 10:
        data = int(value).to_bytes(5, "big")[1:]
    else:
        data = _bytes_of(value)
    if len(data) > 255:
        raise ValueError(f"agent.{name} has more than 255 bytes")
    return bytes((code, len(data))) + data


def _time_of(date: _Statement) -> int:
    """Unix time in seconds, in UTC as dhcpd writes it; INFINITE for never."""
    match date:
        case ["never"]:
            return INFINITE
        case ["epoch", seconds] if seconds.isdecimal() and len(seconds) <= 20:
            moment = int(seconds)
        case [_, day, time, *west] if _DATE.fullmatch(day) and _TIME.fullmatch(time):
            year, month, day_of_month = map(int, day.split("/"))
            hour, minute, second = map(int, time.split(":"))
            is_date = 1 <= month <= 12 and 1 <= day_of_month <= 31 and hour < 24 and minute < 60 and second <= 60
            if not (1970 <= year <= 9999 and is_date):
                raise ValueError(f"{' '.join(date)!r} is no time")
            moment = timegm((year, month, day_of_month, hour, minute, second)) + _offset(west)
        case _:
            raise ValueError(f"{' '.join(date)[:80]!r} is no time")
    if not 0 <= moment <= MOST_TIME_S:
        raise ValueError(f"{' '.join(date)!r} is too far away")
    return moment


def _offset(west: _Statement) -> int:
    """Seconds that old versions wrote after the time: how far west of Greenwich it was taken."""
    if not west:
        return 0
    (seconds,) = west
    if not re.fullmatch(r"[+-]?\d{1,5}", seconds):
        raise ValueError(f"{seconds!r} is no offset of a time")
    return int(seconds)
