"""Frames: what is written is read back the same, and nothing that a worker may send does more than fail."""

from contextlib import suppress
from dataclasses import fields
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout import hooks
from dhcpcallout.codes import AddressDeleteReason, AddressGiven, AddressType, ControlCode, DropReason
from dhcpcallout.errors import CalloutFault
from dhcpcallout.events import Context, PacketEvent
from dhcpcallout.hooks import SLOTS, Drop, Extend, InUse, Replace, Slot, UseAddress, UseSubnet
from dhcpcallout.leases import Lease
from dhcpcallout.loaders.frames import (
    HEADER,
    MAX_ANSWER,
    ROWS,
    FrameError,
    Kind,
    Reader,
    call_of,
    decode_answer,
    decode_json,
    decode_text,
    encode_answer,
    encode_json,
    encode_text,
    frame,
    tokens_frame,
    tokens_of,
)
from dhcpcallout.wire import REGISTRY, Packet

_DWORDS = st.integers(0, 0xFFFFFFFF)
_DATA = st.binary(max_size=600)
_NETWORKS = st.builds(lambda address, size: IPv4Network((address, size), strict=False), _DWORDS, st.integers(0, 32))
_LEASES = st.builds(
    Lease,
    _DWORDS,
    st.binary(max_size=255),
    st.integers(0, 255),
    st.binary(max_size=16),
    st.integers(0, 2),
    st.integers(-(1 << 40), 1 << 40),
    st.integers(0, 0xFFFFFFFF),
    st.text(max_size=255),
    st.binary(max_size=300),
)
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "address_int": _DWORDS,
    "address_type": st.sampled_from(AddressType),
    "code": st.sampled_from(ControlCode),
    "data": _DATA,
    "given": st.sampled_from(AddressGiven),
    "hardware_address": st.binary(max_size=16),
    "interface": st.text(max_size=15).filter(lambda name: "\0" not in name),
    "lease": _LEASES,
    "lease_time_s": _DWORDS,
    "reply_data": _DATA,
    "request_data": _DATA,
    "server_address_int": _DWORDS,
    "source_int": _DWORDS,
    "source_port": st.integers(0, 0xFFFF),
    "subnets": st.lists(_NETWORKS, max_size=4).map(tuple),
    "why": st.text(max_size=40),
}
_REASONS = {"packet_drop": DropReason, "address_delete": AddressDeleteReason}


@st.composite
def events(draw: st.DrawFn, slot: Slot[Any]) -> Any:
    values: dict[str, Any] = {}
    for one in fields(slot.event):
        if not one.init or one.name == "registry":
            continue
        if one.name == "context":
            values["context"] = {}
        elif one.name == "reason":
            values["reason"] = draw(st.sampled_from(_REASONS[slot.name]))
        elif one.name == "subnet":
            values["subnet"] = draw(_NETWORKS if slot is hooks.SELECT_ADDRESS else st.none() | _NETWORKS)
        else:
            values[one.name] = draw(_FIELDS[one.name])
    return slot.event(**values)


@pytest.mark.parametrize("slot", SLOTS, ids=lambda slot: slot.name)
@given(data=st.data())
def test_an_event_that_was_written_is_read_back_the_same(slot: Slot[Any], data: st.DataObject) -> None:
    event = data.draw(events(slot))
    written = ROWS[slot.name].encoder(7)(0xFFFFFFFF, 1 << 63, event)
    ((kind, call, payload),) = Reader(1 << 20).feed(written)
    assert (kind, call, call_of(payload)) == (Kind.CALL, 0xFFFFFFFF, (7, 1 << 63))
    context: Context | None = {} if issubclass(slot.event, PacketEvent) else None
    assert ROWS[slot.name].decoder()(payload, context, REGISTRY) == event


_ANSWERS = {
    Drop: st.builds(Drop, st.sampled_from(DropReason)),
    Replace: st.builds(Replace, st.binary(max_size=4096)),
    UseSubnet: st.builds(UseSubnet, _NETWORKS),
    UseAddress: st.builds(UseAddress, _DWORDS),
    InUse: st.builds(InUse),
    Extend: st.builds(Extend, st.integers(1, 0xFFFFFFFF)),
}


@pytest.mark.parametrize("slot", SLOTS, ids=lambda slot: slot.name)
@given(data=st.data())
def test_an_answer_that_was_written_is_read_back_the_same(slot: Slot[Any], data: st.DataObject) -> None:
    answer = data.draw(st.one_of(st.none(), *(_ANSWERS[kind] for kind in slot.answers)))
    assert decode_answer(slot, *encode_answer(slot, answer)) == answer


def test_answers_are_written_in_every_form_that_functions_may_give_them() -> None:
    packet = Packet(xid=1)
    assert encode_answer(hooks.NEW_PACKET, Replace(packet)) == (Kind.REPLACE, packet.encode())
    assert encode_answer(hooks.SELECT_SUBNET, UseSubnet("10.0.0.0/8")) == (Kind.USE_SUBNET, b"10.0.0.0/8")
    for address in ("10.0.0.1", IPv4Address("10.0.0.1"), 0x0A000001):
        assert encode_answer(hooks.SELECT_ADDRESS, UseAddress(address)) == (Kind.USE_ADDRESS, b"\1\0\0\x0a")


@pytest.mark.parametrize(
    ("slot", "answer", "problem"),
    [
        (hooks.HANDLE_OPTIONS, Drop(), "handle_options answered Drop.*it may answer None, or nothing"),
        (hooks.NEW_PACKET, 5, "new_packet answered 5; it may answer None, or Drop, Replace"),
        (hooks.NEW_PACKET, Replace(bytes(65536)), "replaced by 65536 bytes"),
        (hooks.NEW_PACKET, Drop(99), "99 is not a valid DropReason"),  # type: ignore[arg-type]
        (hooks.SELECT_SUBNET, UseSubnet("10.0.0.1/8"), "has host bits set"),
        (hooks.SELECT_ADDRESS, UseAddress("10.0.0"), "Expected 4 octets"),
        (hooks.LEASE_EXPIRED, Extend(0), "extended by 0 seconds"),
        (hooks.LEASE_EXPIRED, Extend(True), "extended by True seconds"),
        (hooks.LEASE_EXPIRED, Extend(1.5), r"extended by 1\.5 seconds"),  # type: ignore[arg-type]
    ],
)
def test_an_answer_that_cannot_be_is_not_written(slot: Slot[Any], answer: object, problem: str) -> None:
    with pytest.raises((CalloutFault, ValueError), match=problem):
        encode_answer(slot, answer)


@pytest.mark.parametrize("slot", SLOTS, ids=lambda slot: slot.name)
@given(kind=st.integers(0, 255) | st.sampled_from(Kind), payload=st.binary(max_size=40))
def test_whatever_a_worker_answers_is_an_answer_of_the_slot_or_an_error_of_two_kinds(
    slot: Slot[Any], kind: int, payload: bytes
) -> None:
    if kind == Kind.FAULT:
        with pytest.raises(CalloutFault) as raised:
            decode_answer(slot, kind, payload)
        assert "\n" not in str(raised.value)
        return
    with suppress(FrameError):
        answer = decode_answer(slot, kind, payload)
        assert answer is None or isinstance(answer, slot.answers)


@given(payload=st.binary(max_size=200))
def test_whatever_a_worker_says_in_json_is_an_object_or_an_error(payload: bytes) -> None:
    with suppress(FrameError):
        assert isinstance(decode_json(payload), dict)


def test_json_that_is_nested_without_end_is_an_error() -> None:
    with pytest.raises(FrameError):
        decode_json(b"[" * MAX_ANSWER)


@given(text=st.text())
def test_texts_of_a_worker_are_printable(text: str) -> None:
    assert decode_text(encode_text(text)).replace("\n", "").isprintable() or not text
    assert decode_text(encode_text("für 10 €\n")) == "für 10 €\n"


def test_texts_of_a_worker_are_bounded() -> None:
    assert len(decode_text(b"x" * MAX_ANSWER)) == 8192


@given(frames=st.lists(st.tuples(st.sampled_from(Kind), _DWORDS, st.binary(max_size=20))), data=st.data())
def test_frames_are_told_apart_however_they_arrive(frames: list[tuple[Kind, int, bytes]], data: st.DataObject) -> None:
    stream = b"".join(frame(kind, call, payload) for kind, call, payload in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader = Reader(20)
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [one for piece in pieces for one in reader.feed(piece)] == frames


def test_a_frame_that_is_too_long_is_an_error_before_it_has_come() -> None:
    with pytest.raises(FrameError, match="a frame of 21 bytes; 20 is the most"):
        list(Reader(20).feed(HEADER.pack(21, Kind.FAULT, 1)))


def test_tokens_are_told() -> None:
    tokens = (1, 2, (1 << 64) - 1)
    ((kind, call, payload),) = Reader(100).feed(tokens_frame(tokens))
    assert (kind, call, tokens_of(payload)) == (Kind.FORGET, 0, tokens)


def test_json_is_told() -> None:
    assert decode_json(encode_json({"entry": "/ö.so", "chain": ["\udcff"]})) == {"entry": "/ö.so", "chain": ["\udcff"]}
