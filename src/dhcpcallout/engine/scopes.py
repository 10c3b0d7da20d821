"""What the scopes that a client belongs to say, checked and on the wire's terms, and the one answer they add up to."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import pairwise
from typing import Any

from ..codes import INFINITE, OptionCode
from ..errors import EncodeError
from ..wire import REGISTRY, OptionRegistry
from ..wire.suboptions import Encapsulated
from ..wire.types.notation import encode_utf8
from .model import OptionValues, Reservation, Scope

__all__ = [
    "DEFAULT_LEASE_TIME_S",
    "EMPTY_SCOPE",
    "PREFIX_SCOPE_NAME",
    "PlannedScope",
    "Resolved",
    "compile_scope",
    "lease_time",
    "prefix_scope",
    "resolve",
    "timers",
]

DEFAULT_LEASE_TIME_S = 3600
"""The lease time where no scope says one."""

PREFIX_SCOPE_NAME = "the subnet's prefix"
"""What the scope that ``prefix_scope`` makes is called."""

_SNAME_SIZE = 63
_FILE_SIZE = 127
"""Bytes of the header's text fields, less the NUL that ends them (RFC 2131 section 2)."""

_BY_THE_SERVER = "the server sets this option by itself"
_NOT_CONFIGURED: dict[int, str] = {
    OptionCode.DHCP_REQUESTED_ADDRESS: "only clients send this option",
    OptionCode.DHCP_LEASE_TIME: f"{_BY_THE_SERVER}: give lease-time",
    OptionCode.DHCP_OPTION_OVERLOAD: _BY_THE_SERVER,
    OptionCode.DHCP_MESSAGE_TYPE: _BY_THE_SERVER,
    OptionCode.DHCP_SERVER_IDENTIFIER: _BY_THE_SERVER,
    OptionCode.DHCP_PARAMETER_REQUEST_LIST: "only clients send this option",
    OptionCode.DHCP_MAX_MESSAGE_SIZE: "only clients send this option",
    OptionCode.DHCP_RENEWAL_TIME: f"{_BY_THE_SERVER}: give renew-time",
    OptionCode.DHCP_REBINDING_TIME: f"{_BY_THE_SERVER}: give rebind-time",
    OptionCode.DHCP_CLIENT_IDENTIFIER: f"{_BY_THE_SERVER}: it returns the client's",
    OptionCode.RAPID_COMMIT: f"{_BY_THE_SERVER}: give rapid-commit",
    OptionCode.FQDN: f"{_BY_THE_SERVER}: it answers the client's, with hostname and domain-name",
    OptionCode.DHCP_AGENT_OPTIONS: f"{_BY_THE_SERVER}: it returns the relay agent's",
    OptionCode.SUBNET_SELECTION: f"{_BY_THE_SERVER}: it returns the client's",
}
"""Options whose value cannot be configured, and why (RFC 2131 table 3)."""

_MAY_BE_WITHHELD = frozenset(
    {
        OptionCode.DHCP_RENEWAL_TIME,
        OptionCode.DHCP_REBINDING_TIME,
        OptionCode.DHCP_CLIENT_IDENTIFIER,
        OptionCode.FQDN,
    }
)
"""Of these, the ones that a client can do without: some old ones choke on an option that they do not know."""


@dataclass(frozen=True, slots=True, eq=False)
class PlannedScope:
    """A scope, checked and in the engine's units; None where it says nothing. Each is equal to itself alone.

    Attributes:
        name: What explanations call it.
        options: Options by code, as bytes on the wire.
        always: Codes of options to send whether asked for or not.
        never: Codes of options not to send even if asked for.
        lease_time_s, min_lease_time_s, max_lease_time_s: Seconds; ``INFINITE`` is for ever.
        renew_time_s, rebind_time_s: T1 and T2, seconds.
        next_server_int: ``siaddr``, a 32-bit integer.
        server_name, boot_file_name: ``sname`` and ``file``, without NULs.
    """

    name: str
    options: Mapping[int, bytes] = field(default_factory=dict)
    always: frozenset[int] = frozenset()
    never: frozenset[int] = frozenset()
    lease_time_s: int | None = None
    min_lease_time_s: int | None = None
    max_lease_time_s: int | None = None
    renew_time_s: int | None = None
    rebind_time_s: int | None = None
    next_server_int: int | None = None
    server_name: bytes | None = None
    boot_file_name: bytes | None = None


EMPTY_SCOPE = PlannedScope("nothing")
"""The scope that says nothing: ``compile_scope`` makes it of every such one, so that they share what is resolved."""


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """What several scopes add up to. Each is equal to itself alone.

    Attributes:
        options: Options by code, as bytes on the wire, those of the most telling scope first.
        always: Codes of options to send whether asked for or not.
        never: Codes of options not to send even if asked for.
        lease_time_s: The lease time of a client that asks for none, in seconds.
        min_lease_time_s, max_lease_time_s: Between which a client may choose, in seconds.
        renew_time_s, rebind_time_s: T1 and T2, in seconds, where they are given.
        next_server_int: ``siaddr``, a 32-bit integer.
        server_name, boot_file_name: ``sname`` and ``file``, without NULs.
        origins: The name of the scope that each option comes from, by code.
        parameter_origins: The same for all else, by attribute (``"lease_time_s"``); only for what a scope says.
    """

    options: Mapping[int, bytes]
    always: frozenset[int]
    never: frozenset[int]
    lease_time_s: int
    min_lease_time_s: int
    max_lease_time_s: int
    renew_time_s: int | None
    rebind_time_s: int | None
    next_server_int: int
    server_name: bytes
    boot_file_name: bytes
    origins: Mapping[int, str]
    parameter_origins: Mapping[str, str]


def compile_scope(
    scope: Scope, name: str, key: str, problem: Callable[[str, str], None], *, registry: OptionRegistry = REGISTRY
) -> PlannedScope:
    """Check what a scope says and put it into the engine's units.

    A reservation's ``hostname`` is not part of it: it differs from client to client, and so is told to ``answers``.

    Args:
        scope: What the user says.
        name: What explanations are to call it.
        key: The scope's key in the configuration file, ``subnet[0]``; "" for the file itself.
        problem: Called with the key and the text of every mistake; what is wrong is left out.
        registry: Where option names are looked up.

    Returns:
        The scope; ``EMPTY_SCOPE`` if it says nothing.
    """
    return _Compiler(f"{key}." if key else "", problem, registry).compile(scope, name)


def prefix_scope(mask_int: int) -> PlannedScope:
    """What a subnet's prefix says by itself, for the end of what is passed to ``resolve``: the subnet mask (option 1).

    It is sent whether asked for or not: a client without it would guess by the address' class (RFC 950).

    Args:
        mask_int: The mask, a 32-bit integer.
    """
    mask = int(OptionCode.SUBNET_MASK)
    return PlannedScope(PREFIX_SCOPE_NAME, {mask: mask_int.to_bytes(4, "big")}, always=frozenset((mask,)))


def resolve(scopes: Sequence[PlannedScope]) -> Resolved:
    """What scopes add up to: each thing as the first scope says it that says anything of it.

    Whether an option is always or never sent is one thing, and so are the three lease times: bounds hold for the
    default of their own scope or of a less telling one, and a scope that says a default alone allows no other lease
    time. With a tuple for its argument the function can be cached, for a scope is equal to itself alone.

    Args:
        scopes: The most telling first: reservation, pool, subnet, shared network, classes, global, ``prefix_scope``.
    """
    options: dict[int, bytes] = {}
    origins: dict[int, str] = {}
    sent: dict[int, bool] = {}
    for scope in scopes:
        for code, value in scope.options.items():
            if code not in options:
                options[code] = value
                origins[code] = scope.name
        for codes, always in ((scope.always, True), (scope.never, False)):
            for code in codes:
                sent.setdefault(code, always)
    parameters = {name: _first(scopes, name) for name in _PARAMETERS} | _lease_times(scopes)
    return Resolved(
        options=options,
        always=frozenset(code for code, always in sent.items() if always),
        never=frozenset(code for code, always in sent.items() if not always),
        lease_time_s=parameters["lease_time_s"][0],
        min_lease_time_s=parameters["min_lease_time_s"][0],
        max_lease_time_s=parameters["max_lease_time_s"][0],
        renew_time_s=parameters["renew_time_s"][0],
        rebind_time_s=parameters["rebind_time_s"][0],
        next_server_int=parameters["next_server_int"][0] or 0,
        server_name=parameters["server_name"][0] or b"",
        boot_file_name=parameters["boot_file_name"][0] or b"",
        origins=origins,
        parameter_origins={name: scope.name for name, (_, scope) in parameters.items() if scope is not None},
    )


def lease_time(resolved: Resolved, requested_s: int | None) -> int:
    """For how long a client gets its address, in seconds; ``INFINITE`` is for ever.

    Args:
        resolved: What the client's scopes add up to.
        requested_s: What the client asks for (option 51), in seconds, or None.
    """
    if requested_s is None:
        return resolved.lease_time_s
    return min(max(requested_s, resolved.min_lease_time_s), resolved.max_lease_time_s)


def timers(resolved: Resolved, lease_time_s: int) -> tuple[int, int] | None:
    """T1 and T2 in seconds (RFC 2131 section 4.4.5): given, or half and 7/8 of the lease time.

    A given one that does not go with the lease time, which the client may have chosen, gives way: T1 is less than T2,
    and T2 less than the lease time, always.

    Args:
        resolved: What the client's scopes add up to.
        lease_time_s: The lease time in seconds.

    Returns:
        T1 and T2; None for a lease that never ends, or ends before there is time for both.
    """
    if lease_time_s == INFINITE or lease_time_s < _SHORTEST_WITH_TIMERS_S:
        return None
    rebind_s = resolved.rebind_time_s
    if rebind_s is None or rebind_s >= lease_time_s:
        rebind_s = lease_time_s * 7 // 8
    renew_s = resolved.renew_time_s
    if renew_s is None or renew_s >= rebind_s:
        renew_s = lease_time_s // 2 if lease_time_s // 2 < rebind_s else rebind_s * 4 // 7
    return renew_s, rebind_s


_SHORTEST_WITH_TIMERS_S = 3
_PARAMETERS = ("renew_time_s", "rebind_time_s", "next_server_int", "server_name", "boot_file_name")

_Said = tuple[Any, PlannedScope | None]
"""What a scope says, and the scope; or None and None."""


def _first(scopes: Iterable[PlannedScope], name: str) -> _Said:
    for scope in scopes:
        value = getattr(scope, name)
        if value is not None:
            return value, scope
    return None, None


def _lease_times(scopes: Sequence[PlannedScope]) -> dict[str, _Said]:
    default_s, said_by = _first(scopes, "lease_time_s")
    if said_by is None:
        default_s = DEFAULT_LEASE_TIME_S
    else:
        scopes = scopes[: scopes.index(said_by) + 1]
    (least_s, least_by), (most_s, most_by) = (_first(scopes, name) for name in ("min_lease_time_s", "max_lease_time_s"))
    if least_by is not None and most_by is not None and least_s > most_s:  # of two scopes: the more telling one's
        if scopes.index(least_by) < scopes.index(most_by):
            most_s, most_by = least_s, least_by
        else:
            least_s, least_by = most_s, most_by
    if least_by is not None and default_s < least_s:
        default_s, said_by = least_s, least_by
    if most_by is not None and default_s > most_s:
        default_s, said_by = most_s, most_by
    return {
        "lease_time_s": (default_s, said_by),
        "min_lease_time_s": (least_s, least_by) if least_by is not None else (default_s, said_by),
        "max_lease_time_s": (most_s, most_by) if most_by is not None else (default_s, said_by),
    }


class _Compiler:
    """Checks one scope.

    Args:
        prefix: What the keys of the scope's own keys begin with.
        problem: See ``compile_scope``.
        registry: See ``compile_scope``.
    """

    def __init__(self, prefix: str, problem: Callable[[str, str], None], registry: OptionRegistry) -> None:
        self._prefix = prefix
        self._report = problem
        self._registry = registry

    def compile(self, scope: Scope, name: str) -> PlannedScope:
        options = self._options(scope.options)
        if isinstance(scope, Reservation) and scope.hostname is not None and OptionCode.HOST_NAME in options:
            self._problem("hostname", f"the option {OptionCode.HOST_NAME:d} says it already; give one of them")
        always = self._codes("always-send", scope.always_send, frozenset())
        never = self._codes("never-send", scope.never_send, _MAY_BE_WITHHELD)
        for code in sorted(always & never):
            self._problem("never-send", f"{self._registry.spec(code).name} is in always-send too")
        always -= never
        if OptionCode.V6_ONLY_PREFERRED in always:
            self._problem("always-send", "only a client that asks for option 108 may get it (RFC 8925 section 3.3)")
        planned = PlannedScope(
            name=name,
            options=options,
            always=always,
            never=never,
            **self._times(scope),
            next_server_int=self._address("next-server", scope.next_server),
            server_name=self._text("server-name", scope.server_name, _SNAME_SIZE),
            boot_file_name=self._text("boot-file-name", scope.boot_file_name, _FILE_SIZE),
        )
        return planned if _says_anything(planned) else EMPTY_SCOPE

    def _problem(self, key: str, text: str) -> None:
        self._report(self._prefix + key, text)

    def _options(self, options: OptionValues) -> dict[int, bytes]:
        encoded: dict[int, bytes] = {}
        given: dict[int, str | int] = {}
        for name, value in options.items():
            key = f"options.{name}"
            try:
                code = self._code(name, frozenset())
                if code in given:
                    raise EncodeError(f"{given[code]!r} gives the same option already")
                given[code] = name
                encoded[code] = self._encode(code, value)
            except EncodeError as error:
                self._problem(key, error.message)
        return encoded

    def _codes(self, key: str, names: Sequence[str | int], besides: Collection[int]) -> frozenset[int]:
        codes = set()
        for number, name in enumerate(names):
            try:
                codes.add(self._code(name, besides))
            except EncodeError as error:
                self._problem(f"{key}[{number}]", error.message)
        return frozenset(codes)

    def _code(self, name: str | int, besides: Collection[int]) -> int:
        """The code of an option that a scope may speak of.

        Raises:
            EncodeError: There is no such option, or it is not for a scope to speak of.
        """
        code = self._registry.spec(name).code
        if code in (OptionCode.PAD, OptionCode.END):
            raise EncodeError("0 and 255 are the marks for padding and the end, no options")
        reason = _NOT_CONFIGURED.get(code)
        if reason is not None and code not in besides:
            raise EncodeError(reason)
        return code

    def _encode(self, code: int, value: Any) -> bytes:
        spec = self._registry.spec(code)
        if code == OptionCode.VENDOR_ENCAPSULATED_OPTIONS and isinstance(value, Mapping) and len(value) == 1:
            [(space, options)] = value.items()
            if space in self._registry.spaces and isinstance(options, Mapping):
                spaces = {name: self._registry.space(name) for name in self._registry.spaces}
                return Encapsulated(space, marks=True).bind(spaces).encode(options)
        return spec.encode(value)

    def _times(self, scope: Scope) -> dict[str, int | None]:
        lease_s = self._seconds("lease-time", scope.lease_time_s)
        least_s = self._seconds("min-lease-time", scope.min_lease_time_s)
        most_s = self._seconds("max-lease-time", scope.max_lease_time_s)
        renew_s = self._seconds("renew-time", scope.renew_time_s)
        rebind_s = self._seconds("rebind-time", scope.rebind_time_s, least=2)
        ascending = (("min-lease-time", least_s), ("lease-time", lease_s), ("max-lease-time", most_s))
        for (low_key, low), (high_key, high) in pairwise((key, time) for key, time in ascending if time is not None):
            if low > high:
                self._problem(high_key, f"{high} seconds are less than {low_key}, which is {low}")
        rebind_at = rebind_s
        if lease_s is not None and lease_s != INFINITE:
            if rebind_s is not None and rebind_s >= lease_s:
                self._problem("rebind-time", f"{rebind_s} seconds are not less than lease-time, which is {lease_s}")
            rebind_at = rebind_s or lease_s * 7 // 8
        if renew_s is not None and rebind_at is not None and renew_s >= rebind_at:
            which = f"rebind-time, which is {rebind_at}" if rebind_s else f"{rebind_at}, 7/8 of lease-time"
            self._problem("renew-time", f"{renew_s} seconds are not less than {which}")
        return {
            "lease_time_s": lease_s,
            "min_lease_time_s": least_s,
            "max_lease_time_s": most_s,
            "renew_time_s": renew_s,
            "rebind_time_s": rebind_s,
        }

    def _seconds(self, key: str, value: int | None, least: int = 1) -> int | None:
        if value is None or (isinstance(value, int) and least <= value <= INFINITE):
            return value
        self._problem(key, f"{value!r} is not {least} to {INFINITE} seconds")
        return None

    def _address(self, key: str, value: str | IPv4Address | None) -> int | None:
        try:
            return None if value is None else int(IPv4Address(value))
        except ValueError as error:
            self._problem(key, f"{error}; an address is written as 10.0.0.1")
            return None

    def _text(self, key: str, value: str | None, most: int) -> bytes | None:
        if value is None:
            return None
        try:
            data = encode_utf8(value)
        except EncodeError as error:
            self._problem(key, error.message)
            return None
        if len(data) <= most and b"\0" not in data:
            return data
        self._problem(key, f"{value!r} has {len(data)} bytes; at most {most} fit, none of them NUL")
        return None


def _says_anything(scope: PlannedScope) -> bool:
    said = (scope.lease_time_s, scope.min_lease_time_s, scope.max_lease_time_s, scope.renew_time_s, scope.rebind_time_s)
    boot = (scope.next_server_int, scope.server_name, scope.boot_file_name)
    return bool(scope.options or scope.always or scope.never) or any(one is not None for one in said + boot)
