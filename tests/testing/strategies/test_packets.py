from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from dhcpcallout.codes import MessageType
from dhcpcallout.errors import WireError
from dhcpcallout.testing.strategies import any_packets, bootp_packets, hostile_bytes, packets
from dhcpcallout.wire import Packet, check, decode, encode

EASILY = settings(
    max_examples=2000, suppress_health_check=list(HealthCheck), database=None, deadline=None, phases=(Phase.generate,)
)


@pytest.mark.parametrize("message_type", MessageType)
def test_a_message_of_each_type_is_made_when_asked_for(message_type: MessageType) -> None:
    packet = find(packets(message_type), lambda _: True, settings=EASILY)
    assert packet.message_type is message_type
    assert check(encode(packet).data) == ()


@given(packets())
def test_replies_and_requests_look_their_part(packet: Packet) -> None:
    if packet.message_type in (MessageType.OFFER, MessageType.ACK, MessageType.NAK):
        assert packet.op == 2
        assert packet.server_identifier is not None
    if packet.op == 1:
        assert (packet.yiaddr_int, packet.siaddr_int, packet.sname, packet.file) == (0, 0, b"", b"")


@given(bootp_packets())
def test_bootp_has_no_message_type(packet: Packet) -> None:
    assert packet.message_type is None
    assert check(encode(packet).data) == ()


@pytest.mark.parametrize(
    "corner",
    [
        lambda packet: not packet.chaddr and packet.htype > 1,
        lambda packet: len(packet.chaddr) == 16,
        lambda packet: max(map(len, packet.options.values()), default=0) > 510,
        lambda packet: 254 in packet.options,
        lambda packet: 53 not in packet.options,
    ],
    ids=["no hardware address", "the longest one", "a long option", "the last code", "no message type"],
)
def test_packets_of_any_kind_reach_the_corners(corner: Callable[[Packet], bool]) -> None:
    find(any_packets(), corner, settings=EASILY)


@given(st.integers(0, 400), st.data())
def test_hostile_bytes_keep_to_their_maximum(max_size: int, data: st.DataObject) -> None:
    assert len(data.draw(hostile_bytes(max_size=max_size))) <= max_size


def says(text: str, data: bytes) -> bool:
    try:
        return any(text in str(error) for error in check(data))
    except WireError as error:
        return text in str(error)


@pytest.mark.parametrize(
    "text", ["the message ends here", "hardware address length", "no end option", "length 255, but", "overload"]
)
def test_hostile_bytes_are_broken_in_every_way(text: str) -> None:
    find(hostile_bytes(), lambda data: says(text, data), settings=EASILY)


def test_hostile_bytes_are_well_formed_now_and_then_and_huge_too() -> None:
    find(hostile_bytes(), lambda data: not says("", data) and decode(data).message_type is not None, settings=EASILY)
    find(hostile_bytes(), lambda data: len(data) > 4000, settings=EASILY)
