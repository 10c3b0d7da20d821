"""Where replies go: a case for each row of the table, and what never happens whatever a request holds."""

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.codes import BOOTREPLY, MessageType
from dhcpcallout.engine import Arrival, Delivery
from dhcpcallout.engine.delivery import ROWS, Destination, find_destination, is_destination, is_unicast
from dhcpcallout.engine.networks import PlannedSubnet
from dhcpcallout.wire import Packet

CLIENT, OFFERED, RELAY, QUERIER = "10.0.0.9", "10.0.0.10", "192.0.2.1", "192.0.2.2"
TO_ALL = "255.255.255.255"
BROADCAST_FLAG = 0x8000
RELAY_PORT = {82: b"\x01\x01a\x13\x00"}
UNICAST, BROADCAST, HARDWARE = Delivery

DISCOVER, INFORM, LEASEQUERY = MessageType.DISCOVER, MessageType.INFORM, MessageType.LEASEQUERY
REQUEST, OFFER, ACK, NAK = MessageType.REQUEST, MessageType.OFFER, MessageType.ACK, MessageType.NAK
LEASEACTIVE, LEASEUNKNOWN = MessageType.LEASEACTIVE, MessageType.LEASEUNKNOWN
LEASEUNASSIGNED = MessageType.LEASEUNASSIGNED
BOOTP = None


def planned(prefix: str) -> PlannedSubnet:
    network = IPv4Network(prefix)
    return PlannedSubnet(int(network.network_address), int(network.netmask))


SUBNETS = [planned("10.0.0.0/24"), planned("10.0.1.0/31"), planned("10.0.2.7/32")]


def subnet_of(address_int: int) -> PlannedSubnet | None:
    return next((subnet for subnet in SUBNETS if address_int in subnet), None)


def came(source: str = "0.0.0.0", source_port: int = 68, server_port: int = 67) -> Arrival:
    return Arrival(int(IPv4Address(source)), source_port, int(IPv4Address("10.0.0.1")), server_port)


def asks(kind: MessageType | None, options: dict[int, bytes] | None = None, **fields: Any) -> Packet:
    kinds = {53: bytes((kind,))} if kind else {}
    return Packet(options=kinds | (options or {}), **{"chaddr": b"\2\0\0\0\0\1"} | fields)


def answers(kind: MessageType | None, yiaddr: str = "0.0.0.0") -> Packet:
    return asks(kind, op=BOOTREPLY, yiaddr=yiaddr)


# By row, in the table's order: the request, the reply, how the request came in; where the reply goes.
Case = tuple[Packet, Packet, Arrival, Delivery | None, str, int]
CASES: list[list[Case]] = [
    [  # another port, and nobody on it
        (asks(DISCOVER), answers(OFFER, OFFERED), came(CLIENT, 0, 6767), None, CLIENT, 0),
    ],
    [  # another port
        (asks(DISCOVER), answers(OFFER, OFFERED), came(CLIENT, 4444, 6767), UNICAST, CLIENT, 4444),
        (asks(DISCOVER, giaddr=RELAY), answers(OFFER, OFFERED), came("127.0.0.1", 4, 6767), UNICAST, "127.0.0.1", 4),
        (asks(REQUEST), answers(NAK), came(CLIENT, 4444, 6767), UNICAST, CLIENT, 4444),
        (asks(REQUEST, ciaddr=OFFERED), answers(ACK, OFFERED), came(CLIENT, 4444, 6767), UNICAST, CLIENT, 4444),
    ],
    [  # another port, from nowhere
        (asks(DISCOVER), answers(OFFER, OFFERED), came("0.0.0.0", 6768, 6767), BROADCAST, TO_ALL, 6768),
        (asks(DISCOVER), answers(OFFER, OFFERED), came("10.0.0.255", 6768, 6767), BROADCAST, TO_ALL, 6768),
    ],
    [  # BOOTP with an address
        (asks(BOOTP, ciaddr=CLIENT), answers(BOOTP, CLIENT), came(CLIENT), UNICAST, CLIENT, 68),
        (asks(BOOTP, ciaddr=CLIENT, giaddr=RELAY), answers(BOOTP, CLIENT), came(RELAY, 67), UNICAST, CLIENT, 68),
    ],
    [  # a relay agent's own port
        (asks(DISCOVER, RELAY_PORT, giaddr=RELAY), answers(OFFER, OFFERED), came(RELAY, 1067), UNICAST, RELAY, 1067),
        (asks(REQUEST, RELAY_PORT, giaddr=RELAY), answers(NAK), came("192.0.2.9", 1067), UNICAST, RELAY, 1067),
    ],
    [  # a relay agent, or a lease query
        (asks(DISCOVER, giaddr=RELAY), answers(OFFER, OFFERED), came(RELAY, 67), UNICAST, RELAY, 67),
        (asks(DISCOVER, giaddr=RELAY), answers(OFFER, OFFERED), came(RELAY, 1067), UNICAST, RELAY, 67),
        (asks(DISCOVER, RELAY_PORT, giaddr=RELAY), answers(OFFER, OFFERED), came(RELAY, 0), UNICAST, RELAY, 67),
        (asks(DISCOVER, giaddr=RELAY, flags=BROADCAST_FLAG), answers(OFFER), came(RELAY, 67), UNICAST, RELAY, 67),
        (asks(REQUEST, giaddr=RELAY), answers(NAK), came(RELAY, 67), UNICAST, RELAY, 67),
        (asks(REQUEST, giaddr=RELAY, ciaddr=CLIENT), answers(ACK, CLIENT), came(RELAY, 67), UNICAST, RELAY, 67),
        (asks(INFORM, giaddr=RELAY, ciaddr=CLIENT), answers(ACK), came(RELAY, 67), UNICAST, RELAY, 67),
        (asks(BOOTP, giaddr=RELAY), answers(BOOTP, OFFERED), came(RELAY, 67), UNICAST, RELAY, 67),
        (asks(LEASEQUERY, giaddr=QUERIER, ciaddr=CLIENT), answers(LEASEACTIVE), came(QUERIER), UNICAST, QUERIER, 67),
        (asks(DISCOVER, giaddr="127.0.0.2"), answers(OFFER, OFFERED), came("127.0.0.1"), UNICAST, "127.0.0.2", 67),
    ],
    [  # no relay agent's address
        (asks(DISCOVER, giaddr="224.0.0.1"), answers(OFFER, OFFERED), came(CLIENT), None, "224.0.0.1", 67),
        (asks(DISCOVER, giaddr=TO_ALL), answers(OFFER, OFFERED), came(CLIENT), None, TO_ALL, 67),
        (asks(DISCOVER, giaddr="127.0.0.1"), answers(OFFER, OFFERED), came(CLIENT), None, "127.0.0.1", 67),
        (asks(DISCOVER, giaddr="10.0.0.255"), answers(OFFER, OFFERED), came(CLIENT), None, "10.0.0.255", 67),
    ],
    [  # a lease query that does not say who asks
        (asks(LEASEQUERY, ciaddr=CLIENT), answers(LEASEACTIVE), came(QUERIER), None, "0.0.0.0", 67),
        (asks(LEASEQUERY, ciaddr=CLIENT), answers(LEASEUNKNOWN), came(QUERIER), None, "0.0.0.0", 67),
        (asks(LEASEQUERY, ciaddr=CLIENT), answers(LEASEUNASSIGNED), came(QUERIER), None, "0.0.0.0", 67),
    ],
    [  # a refusal
        (asks(REQUEST), answers(NAK), came(), BROADCAST, TO_ALL, 68),
        (asks(REQUEST, ciaddr=CLIENT), answers(NAK), came(CLIENT), BROADCAST, TO_ALL, 68),
    ],
    [  # a client that has an address
        (asks(REQUEST, ciaddr=CLIENT), answers(ACK, CLIENT), came(CLIENT), UNICAST, CLIENT, 68),
        (asks(REQUEST, ciaddr=CLIENT, flags=BROADCAST_FLAG), answers(ACK, CLIENT), came(CLIENT), UNICAST, CLIENT, 68),
        (asks(INFORM, ciaddr=CLIENT), answers(ACK), came(CLIENT), UNICAST, CLIENT, 68),
        (asks(INFORM, ciaddr="10.0.1.1"), answers(ACK), came("10.0.1.1"), UNICAST, "10.0.1.1", 68),
        (asks(INFORM, ciaddr="10.0.2.7"), answers(ACK), came("10.0.2.7"), UNICAST, "10.0.2.7", 68),
        (asks(DISCOVER, RELAY_PORT, ciaddr=CLIENT), answers(OFFER, OFFERED), came(CLIENT), UNICAST, CLIENT, 68),
    ],
    [  # an INFORM that leaves its address out, or tells an impossible one
        (asks(INFORM), answers(ACK), came(CLIENT), UNICAST, CLIENT, 68),
        (asks(INFORM, ciaddr=TO_ALL), answers(ACK), came(CLIENT), UNICAST, CLIENT, 68),
        (asks(INFORM, ciaddr="10.0.0.255"), answers(ACK), came(CLIENT), UNICAST, CLIENT, 68),
    ],
    [  # a client that takes a frame
        (asks(DISCOVER), answers(OFFER, OFFERED), came(), HARDWARE, OFFERED, 68),
        (asks(REQUEST), answers(ACK, OFFERED), came(), HARDWARE, OFFERED, 68),
        (asks(BOOTP), answers(BOOTP, OFFERED), came(), HARDWARE, OFFERED, 68),
        (asks(DISCOVER, ciaddr="239.1.2.3"), answers(OFFER, OFFERED), came(), HARDWARE, OFFERED, 68),
    ],
    [  # everybody else
        (asks(DISCOVER, flags=BROADCAST_FLAG), answers(OFFER, OFFERED), came(), BROADCAST, TO_ALL, 68),
        (asks(BOOTP, flags=BROADCAST_FLAG), answers(BOOTP, OFFERED), came(), BROADCAST, TO_ALL, 68),
        (asks(DISCOVER, chaddr=b""), answers(OFFER, OFFERED), came(), BROADCAST, TO_ALL, 68),
        (asks(DISCOVER), answers(OFFER), came(), BROADCAST, TO_ALL, 68),
        (asks(INFORM, ciaddr="224.0.0.5"), answers(ACK), came(), BROADCAST, TO_ALL, 68),
    ],
]


@pytest.mark.parametrize(
    ("number", "case"),
    [
        pytest.param(number, case, id=f"row{number}-{place}")
        for number, cases in enumerate(CASES)
        for place, case in enumerate(cases)
    ],
)
def test_a_reply_goes_by_its_row(number: int, case: Case) -> None:
    request, reply, arrival, delivery, address, port = case
    destination = find_destination(request, reply, arrival, subnet_of)
    assert destination == Destination(delivery, int(IPv4Address(address)), port, ROWS[number].reason)


def test_every_row_has_its_cases() -> None:
    assert len(CASES) == len(ROWS)
    assert all(CASES)
    assert len({row.reason for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    ("address", "source", "expected"),
    [
        ("10.0.0.1", CLIENT, True),
        ("198.51.100.255", CLIENT, True),
        ("0.0.0.0", CLIENT, False),
        ("0.1.2.3", CLIENT, False),
        ("224.0.0.0", CLIENT, False),
        ("239.255.255.255", CLIENT, False),
        ("255.255.255.255", CLIENT, False),
        ("127.0.0.1", CLIENT, False),
        ("127.0.0.1", "0.0.0.0", False),
        ("127.0.0.1", "127.0.0.9", True),
        ("10.0.0.0", CLIENT, False),
        ("10.0.0.255", CLIENT, False),
        ("10.0.1.0", CLIENT, True),
        ("10.0.1.1", CLIENT, True),
        ("10.0.2.7", CLIENT, True),
    ],
)
def test_what_a_request_says_is_an_address_only_if_it_is_a_single_hosts(
    address: str, source: str, expected: bool
) -> None:
    assert is_destination(int(IPv4Address(address)), came(source), subnet_of) is expected


some_addresses = st.one_of(
    st.integers(0, 0xFFFFFFFF),
    st.sampled_from(
        [int(IPv4Address(a)) for a in ("0.0.0.0", "10.0.0.0", "10.0.0.255", "10.0.0.9", "127.0.0.1", TO_ALL)]
    ),
)


@given(
    source=some_addresses, giaddr=some_addresses, ciaddr=some_addresses, yiaddr=some_addresses, flags=st.sampled_from(
        (0, BROADCAST_FLAG)
    ),
    port=st.integers(0, 0xFFFF), server_port=st.sampled_from((67, 6767)), kind=st.sampled_from((BOOTP, *MessageType)),
    answer=st.sampled_from((BOOTP, *MessageType)), options=st.sampled_from(({}, RELAY_PORT)),
)  # fmt: skip
def test_no_request_makes_the_server_send_to_what_is_no_single_host(
    source: int, giaddr: int, ciaddr: int, yiaddr: int, flags: int, port: int, server_port: int,
    kind: MessageType | None, answer: MessageType | None, options: dict[int, bytes],
) -> None:  # fmt: skip
    arrival = Arrival(source, port, 0x0A000001, server_port)
    request = asks(kind, options, giaddr=giaddr, ciaddr=ciaddr, flags=flags)
    reply = asks(answer, op=BOOTREPLY, yiaddr=yiaddr)
    delivery, address_int, to_port, reason = find_destination(request, reply, arrival, subnet_of)
    assert reason
    if delivery is not None:
        assert to_port != 0
    if delivery is UNICAST:
        assert is_unicast(address_int)
        assert address_int not in (0x0A000000, 0x0A0000FF)
        assert address_int >> 24 != 127 or source >> 24 == 127
    if delivery is BROADCAST:
        assert address_int == 0xFFFFFFFF


@pytest.mark.parametrize("giaddr", ["10.0.0.255", "10.0.0.0", "224.0.0.1", "255.255.255.255", "127.0.0.1", "0.0.0.1"])
def test_an_engine_answers_nobody_where_the_relay_agent_cannot_be_one(
    make_lab: Any, messages: Any, giaddr: str
) -> None:
    lab = make_lab()
    assert lab.send(messages.message(DISCOVER, 1, giaddr=giaddr)) is None
    assert lab.fired[-1] == "packet_drop(PROCESSED)"
    assert "packet_send" not in lab.fired
