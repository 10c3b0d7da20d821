"""What goes into replies: options, boot parameters, bytes, and where each comes from."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.codes import BROADCAST_FLAG, INFINITE, MessageType
from dhcpcallout.engine.answers import Answer, Answers
from dhcpcallout.engine.model import Scope
from dhcpcallout.engine.scopes import PlannedScope, Resolved, compile_scope, prefix_scope, resolve
from dhcpcallout.wire import Packet, decode, scan

SERVER_INT = 0x0A000001
SERVER = b"\x0a\0\0\1"
PREFIX = prefix_scope(0xFFFFFF00)
MASK = b"\xff\xff\xff\0"

DISCOVER, OFFER, REQUEST, ACK, NAK, INFORM = (
    MessageType.DISCOVER,
    MessageType.OFFER,
    MessageType.REQUEST,
    MessageType.ACK,
    MessageType.NAK,
    MessageType.INFORM,
)


def scope(name: str = "subnet", /, **said: Any) -> PlannedScope:
    def problem(key: str, text: str) -> None:
        pytest.fail(f"{key}: {text}")

    return compile_scope(Scope(**said), name, "subnet[0]", problem)


SUBNET = resolve(
    [
        scope(
            options={
                "routers": "10.0.0.1",
                "domain-name-servers": "10.0.0.2",
                "domain-name": "example.com",
                "ntp-servers": "10.0.0.3",
            },
            lease_time_s=3600,
        ),
        PREFIX,
    ]
)


def request(wanted: bytes | None = None, /, options: dict[int, bytes] | None = None, **fields: Any) -> Packet:
    listed = {} if wanted is None else {55: wanted}
    return Packet(chaddr=b"\2\0\0\0\0\1", options={53: b"\3"} | listed | (options or {}), **fields)


def answer(asked: Packet, resolved: Resolved = SUBNET, message_type: MessageType | None = ACK, **more: Any) -> Answer:
    if message_type in (OFFER, ACK):
        more = {"address_int": 0x0A000005, "lease_time_s": 3600} | more
    return Answers().reply(asked, message_type, resolved, SERVER_INT, **more)


def options(*arguments: Any, **more: Any) -> dict[int, bytes]:
    """The options of an answer as they stand on the wire."""
    return decode(answer(*arguments, **more).encode(), strict=True).options


class TestHeader:
    def test_it_returns_what_tells_the_client_and_the_relay_agent(self) -> None:  # RFC 2131 table 3
        asked = request(xid=1, secs=2, flags=BROADCAST_FLAG, hops=3, htype=6, ciaddr=4, giaddr=5, siaddr=6)
        expected = Packet(op=2, htype=6, xid=1, flags=BROADCAST_FLAG, giaddr=5, chaddr=b"\2\0\0\0\0\1")
        for kind, ciaddr_int, yiaddr_int in ((OFFER, 0, 7), (ACK, 4, 7), (None, 4, 7)):
            reply = decode(answer(asked, message_type=kind, address_int=7).encode())
            expected.ciaddr_int, expected.yiaddr_int, expected.options = ciaddr_int, yiaddr_int, reply.options
            assert reply == expected

    def test_a_refusal_is_broadcast_by_the_relay_agent(self) -> None:  # RFC 2131 section 4.3.2
        asked = request(flags=1, giaddr=5, ciaddr=4)
        reply = decode(Answers().refusal(asked, SERVER_INT).encode())
        assert (reply.flags, reply.ciaddr_int, reply.yiaddr_int) == (BROADCAST_FLAG | 1, 0, 0)
        assert decode(Answers().refusal(request(None), SERVER_INT).encode()).flags == 0

    def test_it_says_what_its_caller_needs_to_know(self) -> None:
        one = answer(request(), message_type=OFFER)
        assert (one.message_type, one.yiaddr_int) == (OFFER, 0x0A000005)
        assert Answers().refusal(request(), SERVER_INT).message_type is NAK

    def test_a_message_has_at_least_300_bytes(self) -> None:  # RFC 1542 section 2.1
        assert len(answer(request(b"")).encode()) == 300


class TestBootParameters:
    BOOT = resolve([scope(next_server="10.0.0.9", server_name="boot", boot_file_name="a.efi"), PREFIX])

    def test_they_stand_in_the_header(self) -> None:
        for kind in (OFFER, ACK, None):
            reply = decode(answer(request(b"\1"), self.BOOT, kind).encode())
            assert (reply.siaddr_int, reply.sname, reply.file) == (0x0A000009, b"boot", b"a.efi")
            assert not {66, 67} & reply.options.keys()

    def test_asked_for_they_are_options_too(self) -> None:  # RFC 2132 sections 9.4 and 9.5
        reply = decode(answer(request(b"\x43\x42"), self.BOOT).encode())
        assert (reply.options[66], reply.options[67], reply.file) == (b"boot", b"a.efi", b"a.efi")
        assert list(reply.options)[1:3] == [67, 66]

    def test_a_configured_option_is_not_replaced(self) -> None:
        resolved = resolve([scope(options={"boot-file-name": "b.efi"}), scope(boot_file_name="a.efi")])
        reply = decode(answer(request(b"\x43"), resolved).encode())
        assert (reply.options[67], reply.file) == (b"b.efi", b"a.efi")

    def test_they_can_be_sent_unasked_and_withheld_as_options(self) -> None:
        boot = scope(boot_file_name="a.efi", server_name="boot")
        reply = options(request(b"\x43"), resolve([scope(always_send=[66], never_send=[67]), boot]))
        assert reply[66] == b"boot"
        assert 67 not in reply

    def test_without_a_list_they_stand_in_the_header_alone(self) -> None:
        assert not {66, 67} & options(request(), self.BOOT).keys()

    def test_none_is_in_a_refusal(self) -> None:
        reply = decode(Answers().refusal(request(b"\x42\x43"), SERVER_INT).encode())
        assert (reply.siaddr_int, reply.sname, reply.file) == (0, b"", b"")


class TestWhichOptions:
    def test_the_servers_own_are_in_every_lease(self) -> None:
        reply = options(request(b""))
        assert reply == {
            53: bytes((ACK,)),
            54: SERVER,
            51: (3600).to_bytes(4, "big"),
            58: (1800).to_bytes(4, "big"),
            59: (3150).to_bytes(4, "big"),
            1: MASK,
        }

    def test_a_lease_that_never_ends_has_no_timers(self) -> None:
        reply = options(request(b""), lease_time_s=INFINITE)
        assert reply[51] == b"\xff\xff\xff\xff"
        assert not {58, 59} & reply.keys()

    def test_the_timers_can_be_withheld(self) -> None:
        reply = options(request(b"\x3a\x3b"), resolve([scope(never_send=[58])]))
        assert (58 in reply, 59 in reply) == (False, True)

    def test_an_inform_gets_no_times_and_no_address(self) -> None:  # RFC 2131 section 4.3.5
        asked = request(b"\x03\x33\x3a", {53: bytes((INFORM,))}, ciaddr="10.0.0.77")
        reply = decode(answer(asked, lease_time_s=None, address_int=0).encode())
        assert reply.options.keys() == {53, 54, 3, 1}
        assert (reply.yiaddr_int, reply.ciaddr_int) == (0, 0x0A00004D)

    def test_the_list_decides(self) -> None:
        assert options(request(b"\x06\x2c")).keys() == {53, 54, 51, 58, 59, 6, 1}

    def test_without_a_list_everything_goes(self) -> None:
        assert options(request()).keys() == {53, 54, 51, 58, 59, 1, 3, 6, 15, 42}

    def test_some_always_go_and_some_never(self) -> None:
        resolved = resolve([scope(always_send=["ntp-servers"], never_send=["routers", "subnet-mask"]), _subnet()])
        assert options(request(b"\1\3\6"), resolved).keys() == {53, 54, 51, 58, 59, 6, 42}
        assert options(request(), resolved).keys() == {53, 54, 51, 58, 59, 6, 15, 42}

    def test_a_list_of_any_length_counts_each_code_once(self) -> None:
        assert list(options(request(b"\x2a" * 300 + b"\x06" * 300)))[:3] == [53, 42, 6]

    def test_a_refusal_has_hardly_any(self) -> None:  # RFC 2131 table 3
        asked = request(b"\1\3\6", {61: b"\1\2", 82: b"\1\1a", 12: b"host", 118: b"\x0a\0\0\0", 81: b"\0\0\0host"})
        reply = decode(Answers().refusal(asked, SERVER_INT, message=b"no").encode(), strict=True).options
        assert reply == {53: bytes((NAK,)), 54: SERVER, 56: b"no", 61: b"\1\2", 82: b"\1\1a"}
        assert 61 not in decode(Answers().refusal(asked, SERVER_INT, never=frozenset((61,))).encode()).options

    @pytest.mark.parametrize("code", [121, 249])
    def test_classless_routes_asked_for_and_known_replace_the_others(self, code: int) -> None:  # RFC 3442
        routes = scope(options={code: "0.0.0.0/0 10.0.0.1", "static-routes": "10.1.0.0 10.0.0.4"})
        resolved = resolve([routes, _subnet()])
        assert {3, 33, code} & options(request(bytes((code, 3, 33))), resolved).keys() == {code}
        assert {3, 33, code} & options(request(b"\x03\x21"), resolved).keys() == {3, 33}
        assert {3, 33, code} & options(request(), resolved).keys() == {3, 33, code}
        assert 3 in options(request(bytes((code, 3))))
        withheld = resolve([scope(never_send=[code]), routes, _subnet()])
        assert {3, 33, code} & options(request(bytes((code, 3, 33))), withheld).keys() == {3, 33}
        kept = resolve([scope(always_send=["routers"]), routes, _subnet()])
        assert {3, 33, code} & options(request(bytes((code, 33))), kept).keys() == {3, code}

    def test_ipv6_only_is_told_to_those_who_ask(self) -> None:  # RFC 8925 section 3.3
        resolved = resolve([scope(options={"v6-only-preferred": 1800})])
        assert options(request(b"\x6c"), resolved)[108] == (1800).to_bytes(4, "big")
        assert 108 not in options(request(b"\1"), resolved)
        assert 108 not in options(request(), resolved)

    def test_a_captive_portal_is_told_like_any_other(self) -> None:  # RFC 8910 section 2
        portal = {"v4-captive-portal": "https://portal.example.com/api"}
        assert 114 in options(request(b"\x72"), resolve([scope(options=portal)]))
        assert 114 in options(request(b"\1"), resolve([scope(options=portal, always_send=[114])]))
        assert 114 not in options(request(b"\1"), resolve([scope(options=portal)]))


class TestAutoConfiguration:  # RFC 2563
    FORBIDDEN = resolve([scope(options={"auto-config": 0}), PREFIX])

    def test_only_an_offer_to_a_client_that_sends_it_tells(self) -> None:
        asked = request(b"\1", {116: b"\1"})
        assert options(asked, self.FORBIDDEN, OFFER)[116] == b"\0"
        assert 116 not in options(asked, self.FORBIDDEN, ACK)
        assert 116 not in options(request(b"\x74"), self.FORBIDDEN, OFFER)
        assert 116 not in options(asked, SUBNET, OFFER)

    def test_a_client_for_which_there_is_no_address_is_told(self) -> None:
        offer = Answers().no_address(
            request(b"\1", {116: b"\1", 61: b"\1\2", 82: b"\1\1a"}), self.FORBIDDEN, SERVER_INT
        )
        assert offer is not None
        reply = decode(offer.encode(), strict=True)
        assert reply.yiaddr_int == offer.yiaddr_int == 0
        assert reply.options == {53: bytes((OFFER,)), 54: SERVER, 116: b"\0", 61: b"\1\2", 82: b"\1\1a"}

    def test_a_client_that_does_not_ask_or_may_not_know_gets_nothing(self) -> None:
        withheld = resolve([scope(options={"auto-config": 0}, never_send=["auto-config"])])
        assert Answers().no_address(request(b"\x74"), self.FORBIDDEN, SERVER_INT) is None
        assert Answers().no_address(request(None, {116: b"\1"}), SUBNET, SERVER_INT) is None
        assert Answers().no_address(request(None, {116: b"\1"}), withheld, SERVER_INT) is None


class TestEchoes:
    def test_the_client_identifier_comes_back(self) -> None:  # RFC 6842 section 3
        assert options(request(b"", {61: b"\1\2\3"}))[61] == b"\1\2\3"
        assert 61 not in options(request(b"", {61: b"\1\2\3"}), resolve([scope(never_send=[61])]))

    def test_the_relay_agents_information_comes_back_whole_and_last(self) -> None:  # RFC 3046 section 2.2
        information = bytes(range(1, 256)) * 2
        asked = request(b"\x52\x03", {82: information, 61: b"\1\2", 57: b"\x05\xdc"})
        data = answer(asked).encode()
        parts = [option.code for option in scan(data).options]
        assert decode(data).options[82] == information
        assert parts[-2:] == [82, 82]
        assert 82 not in parts[:-2]

    def test_the_subnet_selection_comes_back(self) -> None:  # RFC 3011
        assert options(request(b"", {118: b"\x0a\1\0\0"}))[118] == b"\x0a\1\0\0"
        assert 118 not in options(request(b"", {118: b"\x0a\1"}))

    def test_rapid_commit_is_confirmed(self) -> None:  # RFC 4039 section 3.1
        assert options(request(b"", {80: b""}), rapid_commit=True)[80] == b""
        assert 80 not in options(request(b"", {80: b""}))


class TestNames:
    NAMED = resolve([scope(options={"host-name": "all-alike"})])

    @pytest.mark.parametrize(
        ("wanted", "sent", "hostname", "expected"),
        [
            (b"\x0c", None, None, None),
            (b"\x0c", b"laptop", None, b"laptop"),
            (b"\1", b"laptop", None, None),
            (None, b"laptop", None, None),
            (b"\x0c", None, "printer", b"printer"),
            (b"\x0c", b"laptop", "printer", b"printer"),
            (b"\1", b"laptop", "printer", b"printer"),
            (b"\1", None, "printer", None),
            (None, None, "printer", b"printer"),
        ],
    )
    def test_a_client_learns_its_name(
        self, wanted: bytes | None, sent: bytes | None, hostname: str | None, expected: bytes | None
    ) -> None:
        asked = request(wanted, {} if sent is None else {12: sent})
        assert options(asked, hostname=hostname).get(12) == expected

    def test_a_reserved_name_counts_before_one_that_a_scope_says(self) -> None:
        assert options(request(b"\x0c", {12: b"laptop"}), self.NAMED)[12] == b"all-alike"
        assert options(request(b"\x0c"), self.NAMED, hostname="printer")[12] == b"printer"
        assert options(request(None), self.NAMED, hostname="printer")[12] == b"printer"

    def test_names_can_be_sent_unasked_and_withheld(self) -> None:
        assert options(request(b""), resolve([scope(always_send=[12])]), hostname="printer")[12] == b"printer"
        withheld = resolve([scope(never_send=[12])])
        assert 12 not in options(request(b"\x0c", {12: b"laptop"}), withheld, hostname="printer")
        assert 12 not in options(request(b"\x0c", {12: b"laptop"}), withheld)

    def test_a_name_in_dns_is_answered_with_the_domain(self) -> None:  # RFC 4702 section 4
        reply = options(request(b"", {81: b"\5\0\0\6laptop"}))
        assert reply[81] == b"\x0e\xff\xff\6laptop\7example\3com\0"
        assert 15 not in reply

    def test_a_name_in_dns_is_answered_with_the_reserved_one(self) -> None:
        assert (
            options(request(b"", {81: b"\1\0\0laptop"}), hostname="printer")[81] == b"\x0a\xff\xffprinter.example.com"
        )

    def test_a_name_in_dns_that_is_none_gets_no_answer(self) -> None:
        assert 81 not in options(request(b"", {81: b"\x0d\0\0\6laptop"}))
        assert 81 not in options(request(b"\x51"))
        assert 81 not in options(request(b"", {81: b"\0\0\0laptop"}), resolve([scope(never_send=[81])]))


class TestOrder:
    def test_options_stand_as_the_client_lists_them(self) -> None:  # RFC 2132 section 9.8
        asked = request(
            b"\x2a\x0c\x06\x3b\x3d\x33\x0f\x51\x2a", {12: b"laptop", 61: b"\1\2", 81: b"\0\0\0laptop", 82: b"\1\1a"}
        )
        for one in (answer(asked), _decided_as_packet(answer(asked))):
            codes = [option.code for option in scan(one.encode()).options]
            assert codes == [53, 42, 12, 6, 59, 61, 51, 15, 81, 54, 58, 1, 82]

    def test_the_mask_stands_before_the_routers(self) -> None:  # RFC 2132 section 3.3
        for wanted in (b"\3\6\1", b"\6\3", None):
            codes = [option.code for option in scan(answer(request(wanted)).encode()).options]
            assert codes.index(1) < codes.index(3)


class TestSize:
    BIG = resolve([scope(options={code: bytes(100) for code in range(224, 232)}), PREFIX])

    @pytest.mark.parametrize(("said", "most"), [(None, 548), (b"\0\0", 548), (b"\2\x40", 548), (b"\x03\x20", 772)])
    def test_a_reply_is_as_long_as_the_client_takes_it(self, said: bytes | None, most: int) -> None:
        asked = request(None, {} if said is None else {57: said})
        data = answer(asked, self.BIG).encode()
        assert most - 102 < len(data) <= most
        assert {option.area for option in scan(data).options} >= {"options", "file"}

    def test_what_the_client_takes_needs_no_other_fields(self) -> None:
        data = answer(request(None, {57: b"\x05\xdc"}), self.BIG).encode()
        assert len(data) > 548
        assert decode(data).options.keys() >= set(range(224, 232))


class TestBootp:
    RESOLVED = resolve(
        [
            scope(options={"host-name": "x", "dhcp-message": "hi", 224: bytes(60), 225: bytes(60)}, lease_time_s=60),
            PREFIX,
        ]
    )

    def test_no_option_is_dhcps_own(self) -> None:  # RFC 1534 section 2
        asked = Packet(chaddr=b"\2\0\0\0\0\1", options={12: b"laptop", 61: b"\1\2", 81: b"\0\0\0laptop"})
        reply = options(asked, self.RESOLVED, None, max_size=400)
        assert reply == {1: MASK, 12: b"x", 224: bytes(60), 225: bytes(60)}

    def test_a_reserved_name_is_told(self) -> None:
        assert options(Packet(), self.RESOLVED, None, hostname="printer")[12] == b"printer"

    def test_a_reply_has_300_bytes_and_options_in_no_other_field(self) -> None:
        asked = Packet(chaddr=b"\2\0\0\0\0\1", giaddr=1, options={82: b"\1\1a"})
        data = answer(asked, self.RESOLVED, None).encode()
        reply = decode(data, strict=True)
        assert len(data) == 300
        assert (reply.options, reply.file, reply.sname) == ({1: MASK, 12: b"x", 82: b"\1\1a"}, b"", b"")


class TestExplanation:
    def test_each_option_has_its_origin(self) -> None:
        resolved = resolve(
            [
                scope("reservation", options={"ntp-servers": "10.0.0.9"}, boot_file_name="a.efi", renew_time_s=100),
                scope("class voip", options={"ntp-servers": "10.0.0.8", "auto-config": 1}),
                _subnet("subnet 10.0.0.0/24", max_lease_time_s=9000),
                PREFIX,
            ]
        )
        asked = request(
            b"\x03\x06\x2a\x43\x0c", {61: b"\1\2", 81: b"\0\0\0x", 82: b"\1\1a", 118: b"\x0a\0\0\0", 116: b"\1"}
        )
        one = answer(asked, resolved, OFFER, rapid_commit=True, hostname="x")
        assert one.origins() == {
            53: "the server",
            54: "the server",
            1: "the subnet's prefix",
            3: "subnet 10.0.0.0/24",
            6: "subnet 10.0.0.0/24",
            42: "reservation",
            67: "reservation",
            51: "subnet 10.0.0.0/24",
            58: "reservation",
            59: "the server",
            12: "the reservation's hostname",
            61: "the client's own (RFC 6842 section 3)",
            80: "RFC 4039 section 3.1",
            81: "the client's own, answered (RFC 4702 section 4)",
            82: "the relay agent's own (RFC 3046 section 2.2)",
            116: "class voip",
            118: "the client's own (RFC 3011)",
        }
        assert list(one.origins()) == list(decode(one.encode()).options)

    def test_a_time_that_the_client_chose_is_its_own(self) -> None:
        one = answer(request(b"\x0c", {12: b"laptop"}), lease_time_s=1000)
        assert (one.origins()[51], one.origins()[12]) == ("the client's wish", "the client's own name")
        assert answer(request(b""), resolve([]), lease_time_s=3600).origins()[51] == "the server"

    def test_a_change_by_a_callout_is_its_own(self) -> None:
        one = answer(request(b"\3"))
        one.packet.options[3] = b"\x0a\0\0\xfe"
        one.packet.options[230] = b"\1"
        del one.packet.options[1]
        origins = one.origins()
        assert (origins[3], origins[230]) == ("a callout", "a callout")
        assert 1 not in origins

    def test_each_option_that_does_not_go_has_its_reason(self) -> None:
        told = {
            "routers": "10.0.0.1",
            "classless-static-route": "0.0.0.0/0 10.0.0.1",
            "v6-only-preferred": 1800,
            "auto-config": 0,
            "ntp-servers": "10.0.0.3",
            "domain-name": "example.com",
            "dhcp-message": "hi",
        }
        resolved = resolve([scope(options=told, never_send=["ntp-servers"])])
        assert answer(request(b"\x79\x03\x2a"), resolved).withheld() == {
            3: "classless static routes take its place (RFC 3442)",
            108: "not asked for (RFC 8925 section 3.3)",
            116: "only for the OFFER to a client that sends it (RFC 2563)",
            42: "never-send",
            15: "not asked for",
            56: "not asked for",
        }
        assert answer(Packet(), resolved, None, max_size=548).withheld()[56] == "not for BOOTP (RFC 1534 section 2)"
        assert Answers().refusal(request(b""), SERVER_INT).withheld() == {}


CODES = (1, 3, 6, 12, 15, 28, 33, 42, 43, 56, 66, 67, 108, 114, 116, 121, 224, 249)
OWN = (12, 57, 61, 80, 81, 82, 116, 118)


@st.composite
def replies(draw: Callable[..., Any]) -> tuple[Packet, Answer, Resolved]:
    """A request, the answer to it, and what the client's scopes add up to."""
    sent = draw(st.dictionaries(st.sampled_from(CODES), st.booleans()))
    planned = PlannedScope(
        "scope",
        draw(st.dictionaries(st.sampled_from(CODES), st.binary(min_size=1, max_size=300) | st.binary(max_size=8))),
        always=frozenset(code for code, always in sent.items() if always and code != 108),
        never=frozenset(code for code, always in sent.items() if not always)
        | draw(st.sampled_from(({61}, {58}, set()))),
        server_name=draw(st.none() | st.just(b"server")),
        boot_file_name=draw(st.none() | st.just(b"file")),
        next_server_int=draw(st.none() | st.integers(0, 0xFFFFFFFF)),
    )
    listed = draw(st.none() | st.lists(st.sampled_from(CODES + OWN + (0, 51, 52, 53, 54, 55, 255))).map(bytes))
    resolved = resolve([planned, PREFIX])
    asked = Packet(
        xid=draw(st.integers(0, 0xFFFFFFFF)),
        flags=draw(st.sampled_from((0, BROADCAST_FLAG))),
        giaddr=draw(st.integers(0, 1)),
        ciaddr=draw(st.integers(0, 1)),
        chaddr=draw(st.binary(max_size=16)),
        options=draw(st.dictionaries(st.sampled_from(OWN), st.binary(max_size=300) | st.binary(max_size=4))),
    )
    if listed is not None:
        asked.options[55] = listed
    answers = Answers()
    kind = draw(st.sampled_from((OFFER, ACK, NAK, None)))
    if kind is NAK:
        return (
            asked,
            answers.refusal(asked, SERVER_INT, message=draw(st.binary(max_size=3)), never=resolved.never),
            resolved,
        )
    one = answers.reply(
        asked,
        kind,
        resolved,
        SERVER_INT,
        address_int=draw(st.integers(0, 9)),
        lease_time_s=None if kind is None else draw(st.none() | st.sampled_from((1, 600, INFINITE))),
        hostname=draw(st.none() | st.just("printer")),
        rapid_commit=kind is ACK and draw(st.booleans()),
    )
    return asked, one, resolved


def _decided_as_packet(one: Answer) -> Answer:
    assert one.packet
    return one


def _subnet(name: str = "subnet", **more: Any) -> PlannedScope:
    return scope(
        name,
        options={
            "routers": "10.0.0.1",
            "domain-name-servers": "10.0.0.2",
            "domain-name": "example.com",
            "ntp-servers": "10.0.0.3",
        },
        lease_time_s=3600,
        **more,
    )


class TestEveryReply:
    @given(replies())
    def test_its_bytes_are_those_of_its_packet(self, made: tuple[Packet, Answer, Resolved]) -> None:
        _, one, _ = made
        data = one.encode()
        assert _decided_as_packet(one).encode() == data
        reply = decode(data)
        if reply.options.keys() == one.packet.options.keys():
            assert reply == one.packet

    @given(replies())
    def test_what_is_never_sent_is_never_sent(self, made: tuple[Packet, Answer, Resolved]) -> None:
        _, one, resolved = made
        assert not one.packet.options.keys() & resolved.never

    @given(replies())
    def test_what_is_always_sent_is_always_sent(self, made: tuple[Packet, Answer, Resolved]) -> None:
        _, one, resolved = made
        if one.message_type is not NAK:
            expected = resolved.always & resolved.options.keys() - {56, 116}
            assert expected <= one.packet.options.keys()

    @given(replies())
    def test_its_order_follows_the_list(self, made: tuple[Packet, Answer, Resolved]) -> None:
        asked, one, _ = made
        if one.message_type is NAK:
            return
        listed = [*dict.fromkeys(asked.options.get(55, b""))]
        codes = [code for code in one.packet.options if code in listed and code not in (53, 82)]
        if 1 in codes and 3 in codes:
            codes.remove(1)
        assert codes == [code for code in listed if code in codes]

    @given(replies())
    def test_all_of_it_is_explained(self, made: tuple[Packet, Answer, Resolved]) -> None:
        _, one, resolved = made
        assert one.origins().keys() == one.packet.options.keys()
        assert "a callout" not in one.origins().values()
        if one.message_type is not NAK:
            assert one.withheld().keys() == resolved.options.keys() - one.packet.options.keys()


class TestChanges:
    def test_a_changed_packet_is_encoded_as_the_client_asks_for_it(self) -> None:
        one = answer(request(b"\x06\xe6\x03"))
        one.packet.options[230] = b"\1"
        del one.packet.options[6]
        assert list(decode(one.encode(), strict=True).options) == [53, 230, 1, 3, 54, 51, 58, 59]

    def test_another_packet_takes_its_place(self) -> None:
        one = answer(request(b"\x06\x03"))
        other = decode(one.encode())
        other.options[15] = b"lab"
        one.replace(other)
        assert decode(one.encode()) == other
        assert one.origins()[15] == "a callout"


class TestCache:
    def test_what_clients_make_up_takes_no_more_room_than_is_allowed(self) -> None:
        answers = Answers(cache_size=8)
        for number in range(100):
            wanted = bytes((number + 1, 6, 224))
            reply = answers.reply(request(wanted), ACK, SUBNET, SERVER_INT, lease_time_s=3600 + number)
            assert decode(reply.encode()).options[51] == (3600 + number).to_bytes(4, "big")
        assert answers._template.cache_info().currsize == 8

    def test_replies_of_one_combination_differ_only_in_what_is_the_clients_own(self) -> None:
        answers = Answers()
        for number in range(3):
            asked = request(b"\3\6\x3d", {61: bytes((1, number))}, xid=number)
            for kind in (OFFER, ACK):
                one = answers.reply(asked, kind, SUBNET, SERVER_INT, address_int=number, lease_time_s=3600)
                reply = decode(one.encode(), strict=True)
                assert (reply.xid, reply.yiaddr_int, reply.message_type) == (number, number, kind)
                assert reply.options[61] == bytes((1, number))
        assert answers._template.cache_info().misses == 1
