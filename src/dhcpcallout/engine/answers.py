"""What goes into a reply: its options in the order that the client asks for, its boot parameters, and its bytes."""

from collections.abc import Mapping
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from ..codes import BOOTREPLY, BROADCAST_FLAG, MessageType, OptionCode
from ..leases import Lease
from ..wire import Packet, encode
from ..wire.header import COOKIE, END, FILE_SIZE, MAX_PART, SNAME_SIZE
from ..wire.layout import arrange, encode_option
from ..wire.packet import MIN_SIZE
from ..wire.types.notation import encode_utf8
from .hostnames import answer_fqdn
from .scopes import Resolved, timers

__all__ = ["Answer", "Answers"]

_ROUTERS = int(OptionCode.ROUTERS)
_HOST_NAME = int(OptionCode.HOST_NAME)
_DOMAIN_NAME = int(OptionCode.DOMAIN_NAME)
_STATIC_ROUTES = int(OptionCode.STATIC_ROUTES)
_LEASE_TIME = int(OptionCode.DHCP_LEASE_TIME)
_MESSAGE_TYPE = int(OptionCode.DHCP_MESSAGE_TYPE)
_SERVER_IDENTIFIER = int(OptionCode.DHCP_SERVER_IDENTIFIER)
_REQUEST_LIST = int(OptionCode.DHCP_PARAMETER_REQUEST_LIST)
_MESSAGE = int(OptionCode.DHCP_MESSAGE)
_MAXIMUM_SIZE = int(OptionCode.DHCP_MAX_MESSAGE_SIZE)
_RENEWAL_TIME = int(OptionCode.DHCP_RENEWAL_TIME)
_REBINDING_TIME = int(OptionCode.DHCP_REBINDING_TIME)
_CLIENT_IDENTIFIER = int(OptionCode.DHCP_CLIENT_IDENTIFIER)
_TFTP_SERVER_NAME = int(OptionCode.TFTP_SERVER_NAME)
_BOOT_FILE_NAME = int(OptionCode.BOOT_FILE_NAME)
_RAPID_COMMIT = int(OptionCode.RAPID_COMMIT)
_FQDN = int(OptionCode.FQDN)
_AGENT_OPTIONS = int(OptionCode.DHCP_AGENT_OPTIONS)
_V6_ONLY_PREFERRED = int(OptionCode.V6_ONLY_PREFERRED)
_AUTO_CONFIG = int(OptionCode.AUTO_CONFIG)
_SUBNET_SELECTION = int(OptionCode.SUBNET_SELECTION)
_CLASSLESS_ROUTES = (int(OptionCode.CLASSLESS_STATIC_ROUTE), int(OptionCode.MS_CLASSLESS_STATIC_ROUTE))

_OWN_PLACES = (_HOST_NAME, _CLIENT_IDENTIFIER, _RAPID_COMMIT, _FQDN, _AUTO_CONFIG, _SUBNET_SELECTION)
"""Options that differ from client to client and stand where the client asks for them; option 82 always stands last."""

_PARAMETERS = {
    _LEASE_TIME: "lease_time_s",
    _RENEWAL_TIME: "renew_time_s",
    _REBINDING_TIME: "rebind_time_s",
    _TFTP_SERVER_NAME: "server_name",
    _BOOT_FILE_NAME: "boot_file_name",
}
"""What a scope calls what goes into an option."""

_ORIGINS = {
    _HOST_NAME: "the client's own name",
    _LEASE_TIME: "the client's wish",
    _CLIENT_IDENTIFIER: "the client's own (RFC 6842 section 3)",
    _RAPID_COMMIT: "RFC 4039 section 3.1",
    _FQDN: "the client's own, answered (RFC 4702 section 4)",
    _AGENT_OPTIONS: "the relay agent's own (RFC 3046 section 2.2)",
    _AUTO_CONFIG: "RFC 2563",
    _SUBNET_SELECTION: "the client's own (RFC 3011)",
}

_ADDRESS_SIZE = 4
_IP_AND_UDP = 28
_SMALLEST_LIMIT = 576 - _IP_AND_UDP
"""Bytes of a message that every DHCP client takes (RFC 2131 section 2)."""

_HEADER_START = Struct("!BBBBIHHIIII16s")
"""``wire.header.HEADER`` up to ``chaddr``: what differs from reply to reply."""
_NO_BOOT_FIELDS = bytes(SNAME_SIZE + FILE_SIZE) + COOKIE
_ENCODED_MESSAGE_TYPES = {kind: bytes((_MESSAGE_TYPE, 1, kind)) for kind in MessageType}


class _Key(NamedTuple):
    """All that the options depend on which many clients have in common.

    Attributes:
        resolved: What the client's scopes add up to; None for a reply that tells nothing of it.
        wanted: The parameter request list; None where the client sends none.
        lease_time_s: Seconds; None where no lease is given.
        server_int: The server identifier, a 32-bit integer.
        bootp: Whether the client speaks BOOTP, for which options that are DHCP's own are not (RFC 1534 section 2).
        named: Whether a name is reserved for the client.
        message: Why the client is refused, in words, or b"".
    """

    resolved: Resolved | None
    wanted: bytes | None
    lease_time_s: int | None
    server_int: int
    bootp: bool
    named: bool
    message: bytes


class _Template(NamedTuple):
    """What many replies have in common, encoded.

    Attributes:
        siaddr_int: A 32-bit integer.
        fields: ``sname``, ``file`` and the cookie.
        first: The options up to the first place, without the message type.
        places: The codes of the client's own options that it asks for, each with the options that stand behind it.
    """

    siaddr_int: int
    fields: bytes
    first: bytes
    places: tuple[tuple[int, bytes], ...]


class Answer:
    """A reply that was decided on.

    Attributes:
        message_type: Its option 53; None for a BOOTREPLY, which has none.
        yiaddr_int: The address that it gives, a 32-bit integer; 0 for none.
    """

    __slots__ = ("_key", "_max_size", "_own", "_packet", "_request", "_template", "message_type", "yiaddr_int")

    def __init__(
        self,
        request: Packet,
        message_type: MessageType | None,
        yiaddr_int: int,
        key: _Key,
        template: _Template,
        own: dict[int, bytes],
        max_size: int | None,
    ) -> None:
        self.message_type = message_type
        self.yiaddr_int = yiaddr_int
        self._request = request
        self._key = key
        self._template = template
        self._own = own
        self._max_size = max_size
        self._packet: Packet | None = None

    @property
    def packet(self) -> Packet:
        """The reply as a packet. Change or ``replace`` it: that is what ``encode`` encodes then."""
        if self._packet is None:
            request, resolved = self._request, self._key.resolved
            self._packet = Packet(
                op=BOOTREPLY,
                htype=request.htype,
                xid=request.xid,
                flags=self._flags(),
                ciaddr=self._ciaddr_int(),
                yiaddr=self.yiaddr_int,
                siaddr=self._template.siaddr_int,
                giaddr=request.giaddr_int,
                chaddr=request.chaddr,
                sname=resolved.server_name if resolved is not None else b"",
                file=resolved.boot_file_name if resolved is not None else b"",
                options=self._options(),
                registry=request.registry,
            )
        return self._packet

    @property
    def resolved(self) -> Resolved | None:
        """What the client's scopes add up to; None for a reply that tells nothing of it."""
        return self._key.resolved

    def replace(self, packet: Packet) -> None:
        """Have the reply say what a packet says, which a callout made of it."""
        self._packet = packet

    def encode(self) -> bytes:
        """The reply's bytes, in the order and within the size that the client asks for."""
        if self._packet is not None:
            return self._encode_packet()
        # Speed bends the style here: benchmarks/bench_engine.py. An ordinary reply never becomes a packet; what many
        # have in common was encoded once.
        request = self._request
        template = self._template
        out = bytearray(
            _HEADER_START.pack(
                BOOTREPLY, request.htype, len(request.chaddr), 0, request.xid, 0, self._flags(), self._ciaddr_int(),
                self.yiaddr_int, template.siaddr_int, request.giaddr_int, request.chaddr,
            )
        )  # fmt: skip
        out += template.fields
        if self.message_type is not None:
            out += _ENCODED_MESSAGE_TYPES[self.message_type]
        out += template.first
        own = self._own
        if template.places:
            own = own.copy()
            for code, behind in template.places:
                value = own.pop(code, None)
                if value is not None:
                    out += _encoded(code, value)
                out += behind
        for code, value in own.items():
            out += _encoded(code, value)
        out.append(END)
        if len(out) > (self._max_size or _SMALLEST_LIMIT):
            return self._encode_packet()
        if len(out) < MIN_SIZE:
            out += bytes(MIN_SIZE - len(out))
        return bytes(out)

    def origins(self) -> dict[int, str]:
        """Where each of the packet's options comes from: a scope's name, or words such as "the server", by code."""
        decided = self._options()
        return {
            code: self._origin(code, value) if decided.get(code) == value else "a callout"
            for code, value in self.packet.options.items()
        }

    def withheld(self) -> dict[int, str]:
        """Why options that are configured for the client do not go to it, by code."""
        resolved = self._key.resolved
        if resolved is None:
            return {}
        decided = self._options()
        return {code: self._why_not(code, resolved) for code in resolved.options if code not in decided}

    def _origin(self, code: int, value: bytes) -> str:
        resolved = self._key.resolved
        if code == _HOST_NAME and self._key.named:
            return "the reservation's hostname"
        if resolved is not None:
            if resolved.options.get(code) == value:
                return resolved.origins[code]
            said = getattr(resolved, _PARAMETERS[code]) if code in _PARAMETERS else None
            if value == (_uint32(said) if isinstance(said, int) else said):
                return resolved.parameter_origins.get(_PARAMETERS[code], "the server")
        return _ORIGINS.get(code, "the server")

    def _why_not(self, code: int, resolved: Resolved) -> str:
        wanted = self._key.wanted
        if code in resolved.never:
            return "never-send"
        if code == _AUTO_CONFIG:
            return "only for the OFFER to a client that sends it (RFC 2563)"
        if code == _MESSAGE and self._key.bootp:
            return "not for BOOTP (RFC 1534 section 2)"
        if code == _V6_ONLY_PREFERRED:
            return "not asked for (RFC 8925 section 3.3)"
        if wanted is None or code in wanted:
            return "classless static routes take its place (RFC 3442)"
        return "not asked for"

    def _flags(self) -> int:
        # RFC 2131 section 4.3.2: a client that is refused may have no address on the relay agent's network.
        request = self._request
        if request.giaddr_int and self.message_type is MessageType.NAK:
            return request.flags | BROADCAST_FLAG
        return request.flags

    def _ciaddr_int(self) -> int:
        # RFC 2131 table 3; for BOOTP, RFC 951 section 7.3.
        return self._request.ciaddr_int if self.message_type in (MessageType.ACK, None) else 0

    def _options(self) -> dict[int, bytes]:
        """The options in their order."""
        own = self._own
        options = {} if self.message_type is None else {_MESSAGE_TYPE: bytes((self.message_type,))}
        for code, value in _arranged(self._key):
            if value is not None:
                options[code] = value
            elif code in own:
                options[code] = own[code]
        return options | own

    def _encode_packet(self) -> bytes:
        limit = self._max_size
        if limit is None:
            size = int.from_bytes(self._request.options.get(_MAXIMUM_SIZE, b"")[:2], "big")
            limit = max(size - _IP_AND_UDP, _SMALLEST_LIMIT)
        order = self._key.wanted or b""
        return encode(self.packet, order=order, max_size=limit, overload=not self._key.bootp).data


class Answers:
    """Decides what goes into replies.

    Args:
        cache_size: For how many combinations of scopes, parameter request list and lease time to keep what their
            replies have in common, encoded: under a kilobyte each. Clients can make up combinations; the least used go.
    """

    def __init__(self, cache_size: int = 32768) -> None:
        self._template = lru_cache(cache_size)(_make_template)

    def reply(
        self,
        request: Packet,
        message_type: MessageType | None,
        resolved: Resolved,
        server_int: int,
        *,
        address_int: int = 0,
        lease_time_s: int | None = None,
        hostname: str | None = None,
        rapid_commit: bool = False,
        max_size: int | None = None,
    ) -> Answer:
        """An OFFER, an ACK or a BOOTREPLY.

        Args:
            request: What is answered.
            message_type: OFFER or ACK; None for a BOOTREPLY to a client that speaks BOOTP.
            resolved: What the client's scopes add up to.
            server_int: The server identifier, a 32-bit integer.
            address_int: The client's address, a 32-bit integer; 0 for an INFORM's ACK.
            lease_time_s: The lease time in seconds; None for an INFORM's ACK (RFC 2131 section 4.3.5) and a BOOTREPLY.
            hostname: The name that is reserved for the client, if any.
            rapid_commit: Whether it is the ACK of a DISCOVER (RFC 4039).
            max_size: The most bytes that the message may have; None for what the client says (option 57), or 300 for
                a BOOTREPLY. A BOOTP client also takes as many as it sends (RFC 1542 section 2.1).
        """
        sent = request.options
        wanted = sent.get(_REQUEST_LIST)
        if wanted is not None and len(wanted) > MAX_PART:
            wanted = bytes(dict.fromkeys(wanted))
        reserved = None if hostname is None else encode_utf8(hostname)
        key = _Key(resolved, wanted, lease_time_s, server_int, message_type is None, reserved is not None, b"")
        own = {}
        if message_type is None:
            max_size = max_size or MIN_SIZE
        else:
            own = _client_options(sent, resolved, reserved)
            if rapid_commit:
                own[_RAPID_COMMIT] = b""
            if message_type is MessageType.OFFER and _AUTO_CONFIG in resolved.options:
                own |= _auto_configuration(sent, resolved)
        name = _name(sent, resolved, wanted, reserved)
        if name:
            own[_HOST_NAME] = name
        return self._answer(request, message_type, key, own, address_int, max_size)

    def refusal(
        self, request: Packet, server_int: int, *, message: bytes = b"", never: frozenset[int] = frozenset()
    ) -> Answer:
        """A NAK: no options but those of RFC 2131 table 3, and what is the client's and the relay agent's own.

        Args:
            request: What is refused.
            server_int: The server identifier, a 32-bit integer.
            message: Why, in words (option 56), or b"".
            never: ``Resolved.never``, as far as it is known what the client's scopes add up to.
        """
        key = _Key(None, None, None, server_int, False, False, b"" if _MESSAGE in never else message)
        return self._answer(request, MessageType.NAK, key, _identifier(request.options, never))

    def no_address(self, request: Packet, resolved: Resolved, server_int: int) -> Answer | None:
        """The OFFER that tells a client for which there is no address whether to make one up (RFC 2563).

        Args:
            request: The client's DISCOVER.
            resolved: What the client's scopes add up to.
            server_int: The server identifier, a 32-bit integer.

        Returns:
            None where the client does not ask, or there is nothing to tell (option 116): it gets no OFFER.
        """
        own = _auto_configuration(request.options, resolved)
        if not own:
            return None
        key = _Key(None, None, None, server_int, False, False, b"")
        return self._answer(request, MessageType.OFFER, key, own | _identifier(request.options, resolved.never))

    def about_lease(
        self,
        request: Packet,
        message_type: MessageType,
        server_int: int,
        lease: Lease | None,
        options: dict[int, bytes],
    ) -> Answer:
        """The reply to a leasequery (RFC 4388).

        Args:
            request: The leasequery.
            message_type: LEASEACTIVE, LEASEUNASSIGNED or LEASEUNKNOWN.
            server_int: The server identifier, a 32-bit integer.
            lease: The active lease that was found, whose address and hardware address the header tells.
            options: What else is told of it.
        """
        key = _Key(None, None, None, server_int, False, False, b"")
        answer = Answer(request, message_type, 0, key, self._template(key), options, None)
        packet = answer.packet
        packet.ciaddr_int = request.ciaddr_int
        if lease is not None:
            packet.ciaddr_int = lease.address_int
            packet.htype, packet.chaddr = lease.hardware_type, lease.hardware_address
        return answer

    def _answer(
        self,
        request: Packet,
        message_type: MessageType | None,
        key: _Key,
        own: dict[int, bytes],
        address_int: int = 0,
        max_size: int | None = None,
    ) -> Answer:
        information = request.options.get(_AGENT_OPTIONS)
        if information is not None:
            own[_AGENT_OPTIONS] = information
        return Answer(request, message_type, address_int, key, self._template(key), own, max_size)


def _identifier(sent: Mapping[int, bytes], never: frozenset[int]) -> dict[int, bytes]:
    identifier = sent.get(_CLIENT_IDENTIFIER)
    return {} if identifier is None or _CLIENT_IDENTIFIER in never else {_CLIENT_IDENTIFIER: identifier}


def _client_options(sent: Mapping[int, bytes], resolved: Resolved, hostname: bytes | None) -> dict[int, bytes]:
    """What the client sends of its own, returned or answered."""
    own = _identifier(sent, resolved.never)
    selected = sent.get(_SUBNET_SELECTION)
    if selected is not None and len(selected) == _ADDRESS_SIZE:  # what cannot be obeyed must not come back (RFC 3011)
        own[_SUBNET_SELECTION] = selected
    fqdn = sent.get(_FQDN)
    if fqdn is not None and _FQDN not in resolved.never:
        answer = answer_fqdn(fqdn, hostname, resolved.options.get(_DOMAIN_NAME, b""))
        if answer is not None:
            own[_FQDN] = answer
    return own


def _auto_configuration(sent: Mapping[int, bytes], resolved: Resolved) -> dict[int, bytes]:
    value = resolved.options.get(_AUTO_CONFIG)
    told = value is not None and _AUTO_CONFIG in sent and _AUTO_CONFIG not in resolved.never
    return {_AUTO_CONFIG: value} if told and value is not None else {}


def _name(sent: Mapping[int, bytes], resolved: Resolved, wanted: bytes | None, hostname: bytes | None) -> bytes | None:
    """What the client is called, if it is to be told so and no scope says it: option 12, or None."""
    name = sent.get(_HOST_NAME)
    asked = wanted is not None and _HOST_NAME in wanted
    if hostname is not None:
        # A client that says its name wants to know its real one, as in Kea.
        told = asked or wanted is None or bool(name) or _HOST_NAME in resolved.always
        return hostname if told and _HOST_NAME not in resolved.never else None
    return name if asked and _HOST_NAME not in resolved.options and _HOST_NAME not in resolved.never else None


def _constants(key: _Key) -> dict[int, bytes]:
    """The options that many clients have in common, but for the message type; not yet in order."""
    options = {} if key.bootp else {_SERVER_IDENTIFIER: _uint32(key.server_int)}
    if key.message:
        options[_MESSAGE] = key.message
    resolved = key.resolved
    if resolved is None:
        return options
    if key.lease_time_s is not None:
        options[_LEASE_TIME] = _uint32(key.lease_time_s)
        times = timers(resolved, key.lease_time_s) or ()
        for code, time_s in zip((_RENEWAL_TIME, _REBINDING_TIME), times, strict=False):
            if code not in resolved.never:
                options[code] = _uint32(time_s)
    wanted, configured = key.wanted, resolved.options
    asked: bytes | list[int] = sorted(configured) if wanted is None else wanted
    for codes in (asked, sorted(resolved.always)):
        for code in codes:
            if code in configured and code not in resolved.never and not _is_unfit(code, key):
                options[code] = configured[code]
    for code, value in ((_TFTP_SERVER_NAME, resolved.server_name), (_BOOT_FILE_NAME, resolved.boot_file_name)):
        if value and code not in resolved.never and (code in resolved.always or code in (wanted or b"")):
            options.setdefault(code, value)
    if wanted is not None and any(code in options and code in wanted for code in _CLASSLESS_ROUTES):  # RFC 3442
        for code in {_ROUTERS, _STATIC_ROUTES} - resolved.always:
            options.pop(code, None)
    return options


def _is_unfit(code: int, key: _Key) -> bool:
    """Whether an option that a scope says is not for this client, or not in this place, even so."""
    if code == _AUTO_CONFIG:
        return True
    if code == _HOST_NAME:
        return key.named
    if code == _V6_ONLY_PREFERRED:  # RFC 8925 section 3.3
        return key.wanted is None or code not in key.wanted
    return code == _MESSAGE and key.bootp


def _arranged(key: _Key) -> list[tuple[int, bytes | None]]:
    """The options in order, but for the message type; None marks the place of one of the client's own."""
    options = _constants(key)
    wanted = key.wanted or b""
    places = {code: b"" for code in _OWN_PLACES if code in wanted and code not in options}
    return [(code, options.get(code)) for code, _ in arrange(options | places, wanted)]


def _make_template(key: _Key) -> _Template:
    parts = [(0, bytearray())]
    for code, value in _arranged(key):
        if value is None:
            parts.append((code, bytearray()))
        else:
            parts[-1][1].extend(_encoded(code, value))
    resolved = key.resolved
    siaddr_int, fields = 0, _NO_BOOT_FIELDS
    if resolved is not None:
        siaddr_int = resolved.next_server_int
        if resolved.server_name or resolved.boot_file_name:
            fields = resolved.server_name.ljust(SNAME_SIZE, b"\0")
            fields += resolved.boot_file_name.ljust(FILE_SIZE, b"\0") + COOKIE
    return _Template(siaddr_int, fields, bytes(parts[0][1]), tuple((code, bytes(behind)) for code, behind in parts[1:]))


def _encoded(code: int, value: bytes) -> bytes:
    return bytes((code, len(value))) + value if len(value) <= MAX_PART else encode_option(code, value)


def _uint32(value: int) -> bytes:
    return value.to_bytes(4, "big")
