"""The vendor tag, in both languages: the same bytes go out."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dhcpcallout import Callout
from dhcpcallout.codes import MessageType, OptionCode
from dhcpcallout.engine import Subnet
from dhcpcallout.testing import SimulatedNetwork
from dhcpcallout.wire import Packet, decode

Load = Callable[[str], Callout]
SUBNET = Subnet(
    network="10.0.0.0/24",
    pools=["10.0.0.10-10.0.0.99"],
    options={"routers": ["10.0.0.1"], "domain-name": "example.org", "merit-dump-file": "x" * 100},
)


@pytest.mark.parametrize("language", ["py", "c"])
@pytest.mark.parametrize(
    ("vendor_class", "tag"),
    [
        (b"MSFT 5.0", b"windows"),
        (b"PXEClient:Arch:00007:UNDI:003016", b"boot"),
        (b"udhcp 1.35.0", b"embedded"),
        (b"MSFT", None),
        (b"printer", None),
        (None, None),
    ],
)
def test_a_known_vendor_class_is_tagged_in_every_answer(
    vendor_class: bytes | None, tag: bytes | None, language: str, load_example: Load
) -> None:
    network = SimulatedNetwork(callouts=[load_example(f"vendor_tag.{language}")])
    client = network.client(**({} if vendor_class is None else {"vendor_class_identifier": vendor_class}))
    offer = client.discover()
    assert offer is not None
    assert offer.options.get(224) == tag
    ack = client.select(offer)
    assert ack is not None
    assert ack.options.get(224) == tag
    assert sum(network.engine.hooks.faults) == 0


def reply_of(
    network: SimulatedNetwork, vendor_class: bytes, wanted: bytes, agent: bytes | None, largest: int | None
) -> bytes | None:
    message = Packet(xid=7, chaddr=b"\x02\0\0\0\0\x01")
    message.set(OptionCode.DHCP_MESSAGE_TYPE, MessageType.DISCOVER)
    message.options[OptionCode.VENDOR_CLASS_IDENTIFIER] = vendor_class
    message.options[OptionCode.DHCP_PARAMETER_REQUEST_LIST] = wanted
    if largest is not None:
        message.set(OptionCode.DHCP_MAX_MESSAGE_SIZE, largest)
    if agent is not None:
        message.set("relay-agent-information", {"circuit-id": agent})
    outgoing = network.deliver(message)
    return None if outgoing is None else outgoing.data


@pytest.fixture
def networks(load_example: Load) -> list[SimulatedNetwork]:
    return [
        SimulatedNetwork([SUBNET], callouts=[load_example(name)] if name else [])
        for name in ("", "vendor_tag.py", "vendor_tag.c")
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    vendor_class=st.sampled_from([b"MSFT 5.0", b"android-dhcp-14", b"PXEClient", b"Cisco", b"other"]),
    wanted=st.binary(min_size=1, max_size=8) | st.just(bytes([1, 3, 14, 15])),
    agent=st.none() | st.binary(min_size=1, max_size=200),
    largest=st.none() | st.integers(576, 1500),
)
@example(vendor_class=b"MSFT 5.0", wanted=bytes([1, 3, 14, 15]), agent=b"p" * 200, largest=None)
@example(vendor_class=b"MSFT 5.0", wanted=bytes([1, 3, 14, 15]), agent=b"p" * 120, largest=1500)
def test_the_same_bytes_go_out_whatever_is_asked_for(networks: list[SimulatedNetwork], **asked: Any) -> None:
    plain, in_python, in_c = (reply_of(network, **asked) for network in networks)
    assert plain is not None
    assert in_c == in_python
    assert in_c is not None
    assert len(in_c) <= max(548, len(plain))
    has_room = OptionCode.DHCP_OPTION_OVERLOAD not in decode(plain).options
    assert (in_c != plain) == (asked["vendor_class"] != b"other" and has_room) or len(plain) > 530
    assert all(network.engine.hooks.faults.count(0) == len(network.engine.hooks.faults) for network in networks)


def test_a_tag_makes_no_reply_longer_than_every_client_takes(load_example: Load) -> None:
    callouts = [load_example("vendor_tag.py"), load_example("vendor_tag.c")]
    lengths = set()
    for size in range(20, 50):
        options = {"merit-dump-file": "x" * 220, "domain-name": "y" * size}
        subnet = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.99"], options=options)
        plain, *tagged = (
            reply_of(SimulatedNetwork([subnet], callouts=some), b"MSFT 5.0", bytes([14, 15]), None, 1500)
            for some in ([], *([callout] for callout in callouts))
        )
        assert plain is not None
        assert tagged == [tagged[0]] * 2
        assert (tagged[0] != plain) == (len(plain) + len(b"\xe0\x07windows") <= 548)
        lengths.add(len(plain))
    assert min(lengths) < 539 < max(lengths)


def test_a_reply_from_before_a_tag_or_with_no_room_is_left_alone(load_example: Load) -> None:
    tagged = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.99"], options={224: b"mine"})
    crowded = Subnet(
        network="10.0.0.0/24",
        pools=["10.0.0.10-10.0.0.99"],
        options={"merit-dump-file": "x" * 250, "root-path": "y" * 200},
    )
    for subnet, wanted in ((tagged, bytes([224])), (crowded, bytes([14, 17]))):
        replies = [
            reply_of(SimulatedNetwork([subnet], callouts=callouts), b"MSFT 5.0", wanted, None, None)
            for callouts in ([], [load_example("vendor_tag.py")], [load_example("vendor_tag.c")])
        ]
        assert replies[0] is not None
        assert replies == [replies[0]] * 3
