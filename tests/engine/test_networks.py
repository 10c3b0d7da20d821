"""Which network a packet belongs to, and what is said of networks that do not go together."""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dhcpcallout.codes import MessageType
from dhcpcallout.engine import Arrival
from dhcpcallout.engine.networks import (
    Network,
    NetworkTable,
    PlannedSubnet,
    compile_networks,
    compile_relays,
    server_identifier,
)
from dhcpcallout.wire import Packet

DISCOVER, REQUEST, DECLINE = MessageType.DISCOVER, MessageType.REQUEST, MessageType.DECLINE
RELEASE, INFORM = MessageType.RELEASE, MessageType.INFORM


def integer(address: str) -> int:
    return int(IPv4Address(address))


def planned(prefix: str, *, interface: str = "", relays: Sequence[str] = (), key: str = "") -> PlannedSubnet:
    network = IPv4Network(prefix)
    return PlannedSubnet(
        network_int=int(network.network_address),
        mask_int=int(network.netmask),
        interface=interface,
        relays=frozenset(map(integer, relays)),
        key=key or prefix,
    )


def single(prefix: str, **fields: Any) -> Network:
    return Network.of(planned(prefix, **fields))


def shared(
    name: str, *subnets: PlannedSubnet, interface: str = "", relays: Sequence[str] = (), key: str = ""
) -> Network:
    return Network(name, subnets, interface=interface, relays=frozenset(map(integer, relays)), key=key or name)


TABLE = compile_networks(
    [
        single("10.0.0.0/24"),
        single("10.0.1.0/24", interface="lan1"),
        single("10.0.2.0/24", relays=["192.0.2.1", "192.0.2.2"]),
        shared("campus", planned("10.1.0.0/24"), planned("10.1.1.0/24", relays=["192.0.2.11"]), relays=["192.0.2.10"]),
        shared("floor", planned("10.2.0.0/24"), planned("10.2.1.0/24"), interface="lan2"),
        shared("loft", planned("10.3.0.0/24", interface="lan3"), planned("10.3.1.0/24", interface="lan3")),
        single("10.4.0.0/31"),
    ],
    lambda key, text: pytest.fail(f"{key}: {text}"),
)


def came(to: str = "10.0.0.1", *, source: str = "0.0.0.0", interface: str = "") -> Arrival:
    return Arrival(integer(source), 68, integer(to), interface=interface)


def asks(
    kind: MessageType | None = DISCOVER, *, link: str = "", selection: str = "", options: Any = (), **fields: Any
) -> Packet:
    """A request; ``link`` is in a relay agent's information, behind a circuit id."""
    said: dict[int, bytes] = {53: bytes((kind,))} if kind else {}
    if link:
        said[82] = b"\x01\x01a\x05\x04" + IPv4Address(link).packed
    if selection:
        said[118] = IPv4Address(selection).packed
    return Packet(options=said | dict(options), **fields)


def pointed_at(packet: Packet, arrival: Arrival) -> tuple[str | None, str | None]:
    """The names of the network and of the subnet that are selected."""
    network, subnet, reason = TABLE.select(packet, arrival)
    assert reason
    return network.name if network else None, str(subnet.network) if subnet else None


def alone(prefix: str) -> tuple[str, str]:
    return prefix, prefix


NOWHERE = (None, None)
HERE = alone("10.0.0.0/24")

# From the strongest to the weakest: each packet also has all that comes after it, pointing elsewhere.
IN_ORDER = {
    "link selection": (
        asks(link="10.1.1.7", selection="10.0.1.7", giaddr="10.0.2.1", ciaddr="10.2.0.9"),
        ("campus", "10.1.1.0/24"),
    ),
    "subnet selection": (asks(selection="10.0.1.7", giaddr="10.0.2.1", ciaddr="10.2.0.9"), alone("10.0.1.0/24")),
    "giaddr": (asks(REQUEST, giaddr="10.0.2.1", ciaddr="10.2.0.9"), alone("10.0.2.0/24")),
    "ciaddr": (asks(REQUEST, ciaddr="10.2.0.9"), ("floor", "10.2.0.0/24")),
    "interface": (asks(), alone("10.0.1.0/24")),
}


@pytest.mark.parametrize("what", IN_ORDER)
def test_what_tells_more_of_the_clients_network_comes_first(what: str) -> None:
    packet, expected = IN_ORDER[what]
    assert pointed_at(packet, came("10.0.0.1", interface="lan1")) == expected


@pytest.mark.parametrize(
    ("packet", "arrival", "expected"),
    [
        pytest.param(asks(link="10.9.0.0", giaddr="10.0.2.1"), came(), NOWHERE, id="link-unknown"),
        pytest.param(asks(link="10.9.0.0", selection="10.0.1.0"), came(), NOWHERE, id="link-unknown-selection-known"),
        pytest.param(asks(selection="10.9.0.0", giaddr="10.0.2.1"), came(), NOWHERE, id="selection-unknown"),
        pytest.param(asks(link="0.0.0.0", selection="10.0.1.0"), came(), alone("10.0.1.0/24"), id="link-zero"),
        pytest.param(asks(selection="0.0.0.0"), came(), HERE, id="selection-zero"),
        pytest.param(asks(options={82: b"\5\3\x0a\1\1"}), came(), HERE, id="link-short"),
        pytest.param(asks(options={82: b"\5\5\x0a\1\1\1\1"}), came(), HERE, id="link-long"),
        pytest.param(asks(options={82: b"\5\4\x0a\1\1"}), came(), HERE, id="link-cut"),
        pytest.param(asks(options={118: b"\x0a\1\1"}), came(), HERE, id="selection-short"),
        pytest.param(asks(options={118: b"\x0a\1\1\1\x0a\1\1\1"}), came(), HERE, id="selection-long"),
    ],
)
def test_a_selection_is_obeyed_to_the_letter_and_ignored_if_malformed(
    packet: Packet, arrival: Arrival, expected: tuple[str | None, str | None]
) -> None:
    assert pointed_at(packet, arrival) == expected


@pytest.mark.parametrize(
    ("giaddr", "expected"),
    [
        ("10.0.2.1", alone("10.0.2.0/24")),
        ("192.0.2.1", alone("10.0.2.0/24")),
        ("192.0.2.2", alone("10.0.2.0/24")),
        ("192.0.2.10", ("campus", None)),
        ("192.0.2.11", ("campus", "10.1.1.0/24")),
        ("10.1.0.254", ("campus", "10.1.0.0/24")),
        ("10.4.0.0", alone("10.4.0.0/31")),
        ("192.0.2.99", NOWHERE),
        ("10.0.0.0", NOWHERE),
        ("10.0.0.255", NOWHERE),
        ("224.0.0.1", NOWHERE),
        ("127.0.0.1", NOWHERE),
    ],
)
def test_a_relay_agent_speaks_for_the_network_that_it_is_in_or_listed_for(
    giaddr: str, expected: tuple[str | None, str | None]
) -> None:
    assert pointed_at(asks(giaddr=giaddr), came()) == expected


def test_a_relay_agent_that_no_answer_can_reach_has_no_network_whatever_it_selects() -> None:
    assert pointed_at(asks(link="10.0.0.9", giaddr="224.0.0.1"), came()) == NOWHERE
    assert pointed_at(asks(selection="10.0.0.9", giaddr="255.255.255.255"), came()) == NOWHERE


def test_a_listed_relay_agent_counts_for_its_list_even_within_another_networks_prefix() -> None:
    table = NetworkTable([single("10.0.0.0/24"), single("10.0.1.0/24", relays=["10.0.0.2"])])
    assert table.select(asks(giaddr="10.0.0.2"), came()).subnet is table.networks[1].subnets[0]
    assert table.select(asks(giaddr="10.0.0.3"), came()).subnet is table.networks[0].subnets[0]


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        pytest.param(asks(REQUEST, ciaddr="10.0.2.9"), alone("10.0.2.0/24"), id="renewal"),
        pytest.param(asks(RELEASE, ciaddr="10.0.2.9"), alone("10.0.2.0/24"), id="release"),
        pytest.param(asks(INFORM, ciaddr="10.1.1.9"), ("campus", "10.1.1.0/24"), id="inform"),
        pytest.param(asks(None, ciaddr="10.0.2.9"), alone("10.0.2.0/24"), id="bootp"),
        pytest.param(asks(REQUEST, ciaddr="192.0.2.9"), HERE, id="renewal-of-a-strange-address"),
        pytest.param(asks(REQUEST, ciaddr="10.0.2.9", options={54: b"\x0a\0\0\1"}), HERE, id="selecting"),
        pytest.param(asks(DISCOVER, ciaddr="10.0.2.9"), HERE, id="discover"),
        pytest.param(asks(DECLINE, ciaddr="10.0.2.9"), HERE, id="decline"),
        pytest.param(asks(INFORM, ciaddr="192.0.2.9"), NOWHERE, id="inform-of-a-strange-address"),
    ],
)
def test_a_client_that_has_an_address_is_where_that_is(packet: Packet, expected: tuple[str | None, str | None]) -> None:
    assert pointed_at(packet, came("10.0.0.1")) == expected


def test_an_inform_that_leaves_its_address_out_is_where_it_came_from() -> None:
    assert pointed_at(asks(INFORM), came("10.0.0.1", source="10.0.2.9")) == alone("10.0.2.0/24")
    assert pointed_at(asks(INFORM), came("10.0.0.1", source="192.0.2.9")) == HERE
    assert pointed_at(asks(INFORM), came("10.0.0.1")) == HERE


@pytest.mark.parametrize(
    ("arrival", "expected"),
    [
        (came("10.0.0.1", interface="lan1"), alone("10.0.1.0/24")),
        (came("192.0.2.77", interface="lan1"), alone("10.0.1.0/24")),
        (came("10.0.0.1", interface="lan2"), ("floor", None)),
        (came("10.0.0.1", interface="lan3"), ("loft", None)),
        (came("10.0.0.1", interface="lan9"), HERE),
        (came("10.1.1.1"), ("campus", "10.1.1.0/24")),
        (came("192.0.2.77"), NOWHERE),
        (came("127.0.0.1"), HERE),
    ],
    ids=str,
)
def test_any_other_client_is_where_its_packet_arrived(
    arrival: Arrival, expected: tuple[str | None, str | None]
) -> None:
    assert pointed_at(asks(), arrival) == expected


def test_over_the_loopback_even_an_inform_of_a_strange_address_is_answered() -> None:
    assert pointed_at(asks(INFORM, ciaddr="192.0.2.9"), came("127.0.0.1", source="127.0.0.1")) == HERE


def test_a_loopback_subnet_is_a_subnet_like_others() -> None:
    table = NetworkTable([single("10.0.0.0/24"), single("127.0.0.0/8")])
    assert table.select(asks(), came("127.0.0.1")).subnet is table.networks[1].subnets[0]


def test_without_networks_nothing_is_selected() -> None:
    table = NetworkTable([])
    assert table.select(asks(), came("127.0.0.1")).network is None
    assert table.subnet_of(0) is None


# RFC 5107


@pytest.mark.parametrize(
    ("options", "giaddr", "expected"),
    [
        ({}, "10.0.0.2", "10.0.0.1"),
        ({82: b"\x0b\4\x0a\0\0\2"}, "10.0.0.2", "10.0.0.2"),
        ({82: b"\1\1a\x0b\4\x0a\0\0\2"}, "10.0.0.3", "10.0.0.2"),
        ({82: b"\x0b\4\x0a\0\0\2"}, "0.0.0.0", "10.0.0.1"),
        ({82: b"\x0b\3\x0a\0\0"}, "10.0.0.2", "10.0.0.1"),
        ({82: b"\x0b\4\0\0\0\0"}, "10.0.0.2", "10.0.0.1"),
        ({82: b"\x0b\4\xff\xff\xff\xff"}, "10.0.0.2", "10.0.0.1"),
        ({82: b"\x0b\4\xe0\0\0\1"}, "10.0.0.2", "10.0.0.1"),
    ],
    ids=["none", "override", "among-others", "no-relay", "short", "zero", "broadcast", "multicast"],
)
def test_a_relay_agent_may_stand_in_for_the_server(options: dict[int, bytes], giaddr: str, expected: str) -> None:
    assert server_identifier(asks(options=options, giaddr=giaddr), came("10.0.0.1")) == integer(expected)


# Subnets by address


@given(
    st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(0, 32)), max_size=12),
    st.lists(st.integers(0, 0xFFFFFFFF), max_size=8),
)
def test_a_subnet_is_found_by_any_of_its_addresses_and_by_no_other(
    prefixes: list[tuple[int, int]], addresses: list[int]
) -> None:
    networks: list[IPv4Network] = []
    for number, length in prefixes:
        network = IPv4Network((number, length), strict=False)
        if not any(network.overlaps(other) for other in networks):
            networks.append(network)
    table = NetworkTable([single(str(network)) for network in networks])
    ends = [int(end) for network in networks for end in (network.network_address, network.broadcast_address)]
    around = [end + step for end in ends for step in (-1, 0, 1) if 0 <= end + step <= 0xFFFFFFFF]
    for address_int in addresses + around:
        expected = next((network for network in networks if IPv4Address(address_int) in network), None)
        subnet = table.subnet_of(address_int)
        assert (subnet.network if subnet is not None else None) == expected
        if subnet is not None:
            assert table.network_of(subnet).subnets == (subnet,)
            assert subnet.last_int == int(subnet.network.broadcast_address)


def many(count: int) -> list[Network]:
    return [
        single(str(IPv4Network((0x0A000000 + (number << 8), 24))), interface=f"lan{number}") for number in range(count)
    ]


def test_a_packet_costs_the_same_with_ten_thousand_subnets(count_operations: Callable[..., int]) -> None:
    packets = [asks(giaddr="10.0.5.1"), asks(link="10.0.3.1"), asks(REQUEST, ciaddr="10.0.2.2"), asks()]
    few, more = NetworkTable(many(10)), NetworkTable(many(10_000))

    def select(table: NetworkTable) -> list[Network | None]:
        return [table.select(packet, came("10.0.1.1")).network for packet in packets]

    assert None not in select(few) + select(more)
    assert count_operations(lambda: select(few)) == count_operations(lambda: select(more))


def test_checking_ten_times_the_subnets_costs_ten_times_as_much(count_operations: Callable[..., int]) -> None:
    problems: list[str] = []

    def cost(count: int) -> int:
        networks = many(count)
        return count_operations(lambda: compile_networks(networks, lambda key, text: problems.append(key)))

    few, more = cost(100), cost(1000)
    assert not problems
    assert more < 11 * few


# What does not go together


def problems_of(*networks: Network) -> list[tuple[str, str]]:
    problems: list[tuple[str, str]] = []
    compile_networks(networks, lambda key, text: problems.append((key, text)))
    return problems


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(24, 32)), max_size=10))
@example([(7, 32), (7, 32)])
@example([(6, 31), (7, 32), (8, 32)])
def test_overlaps_are_found_wherever_there_are_any(prefixes: list[tuple[int, int]]) -> None:
    networks = [IPv4Network((0x0A000000 + number, length), strict=False) for number, length in prefixes]
    pairs = [(a, b) for place, a in enumerate(networks) for b in networks[:place] if a.overlaps(b)]
    problems = problems_of(*(single(str(one), key=f"subnet[{place}]") for place, one in enumerate(networks)))
    assert bool(problems) == bool(pairs)
    assert {text.split(", ")[0] for _, text in problems} <= {f"{a} overlaps {b}" for a, b in pairs}


def test_an_overlap_is_told_where_the_later_one_stands_and_names_the_earlier() -> None:
    problems = problems_of(
        shared("a", planned("10.0.7.0/24", key="shared-network[0].subnet[0]"), key="shared-network[0]"),
        single("10.0.0.0/16", key="subnet[0]"),
        single("10.0.7.0/24", key="subnet[1]"),
        single("10.1.0.0/16", key="subnet[2]"),
    )
    assert sorted(problems) == [
        ("subnet[0].network", "10.0.0.0/16 overlaps 10.0.7.0/24, shared-network[0].subnet[0].network"),
        ("subnet[1].network", "10.0.7.0/24 overlaps 10.0.7.0/24, shared-network[0].subnet[0].network"),
    ]


def test_an_interface_is_of_one_network_alone() -> None:
    assert problems_of(
        single("10.0.0.0/24", interface="lan", key="subnet[0]"),
        shared("a", planned("10.0.1.0/24"), planned("10.0.2.0/24", interface="lan", key="here")),
        shared("b", planned("10.0.3.0/24"), interface="lan", key="shared-network[1]"),
    ) == [
        ("here.interface", "'lan' is the interface of subnet[0] already"),
        ("shared-network[1].interface", "'lan' is the interface of subnet[0] already"),
    ]


def test_a_relay_agent_is_of_one_network_alone() -> None:
    assert problems_of(
        shared("a", planned("10.0.0.0/24", relays=["192.0.2.1"], key="there"), planned("10.0.1.0/24")),
        single("10.0.2.0/24", relays=["192.0.2.2", "192.0.2.1"], key="subnet[0]"),
        shared("b", planned("10.0.3.0/24"), relays=["192.0.2.2"], key="shared-network[1]"),
    ) == [
        ("subnet[0].relays", "192.0.2.1 is a relay agent of there already"),
        ("shared-network[1].relays", "192.0.2.2 is a relay agent of subnet[0] already"),
    ]


def test_a_shared_networks_subnets_may_all_say_its_interface_and_its_relay_agents() -> None:
    subnets = [planned(f"10.0.{n}.0/24", interface="lan", relays=["192.0.2.1"]) for n in range(2)]
    assert problems_of(shared("a", *subnets, interface="lan", relays=["192.0.2.1"])) == []


def test_two_shared_networks_have_two_names() -> None:
    assert problems_of(
        shared("a", planned("10.0.0.0/24"), key="shared-network[0]"),
        shared("b", planned("10.0.1.0/24"), key="shared-network[1]"),
        shared("a", planned("10.0.2.0/24"), key="shared-network[2]"),
    ) == [("shared-network[2].name", "'a' is the name of shared-network[0] already")]


def test_a_shared_network_without_a_subnet_is_a_mistake() -> None:
    assert problems_of(shared("a", key="shared-network[0]")) == [
        ("shared-network[0]", "the shared network 'a' has no subnet")
    ]


def test_relay_agents_are_given_by_addresses_of_single_hosts() -> None:
    problems: list[str] = []
    relays = compile_relays(
        ["192.0.2.1", IPv4Address("192.0.2.2"), "x", "0.0.0.0", "224.0.0.1", "255.255.255.255"],
        "subnet[0].relays",
        lambda key, text: problems.append(key),
    )
    assert relays == {integer("192.0.2.1"), integer("192.0.2.2")}
    assert problems == [f"subnet[0].relays[{number}]" for number in (2, 3, 4, 5)]
