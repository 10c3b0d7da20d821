"""The hook table: registration, contexts, verdicts, faults."""

import logging
from functools import partial
from typing import Any

import pytest

from dhcpcallout import hooks
from dhcpcallout.codes import ControlCode, DropReason
from dhcpcallout.events import PacketReceived, ServiceControlled
from dhcpcallout.hooks import SLOTS, Callout, CalloutEntry, Drop, HookTable, Replace
from dhcpcallout.wire import Packet

FIELDS = {"server_address_int": 1, "source_int": 2, "source_port": 68, "interface": ""}


def ask(table: HookTable, data: bytes = b"data") -> bytes | Drop:
    return table.ask(hooks.NEW_PACKET, table.contexts(), data, **FIELDS)


def test_a_slot_without_listeners_is_none() -> None:
    callout = Callout("c")
    callout.control(lambda event: None)
    table = HookTable([callout])
    assert table.control is not None
    assert [slot.name for slot in SLOTS if getattr(table, slot.name) is not None] == ["control"]


def test_the_slots_are_those_of_the_callout_table_in_its_order() -> None:
    assert [slot.abi_name for slot in SLOTS] == [
        "DhcpControlHook",
        "DhcpNewPktHook",
        "DhcpPktDropHook",
        "DhcpPktSendHook",
        "DhcpAddressDelHook",
        "DhcpAddressOfferHook",
        "DhcpHandleOptionsHook",
        "DhcpDeleteClientHook",
    ]
    assert [slot.name for slot in SLOTS if slot.may_answer] == ["new_packet", "packet_send"]


@pytest.mark.parametrize("slot", SLOTS, ids=lambda slot: slot.name)
def test_each_slot_has_a_decorator_that_gives_the_function_back(slot: Any) -> None:
    callout = Callout("c")

    def function(event: Any) -> None:
        return None

    assert getattr(callout, slot.name)(function) is function
    assert callout.functions == {slot.name: (function,)}


def test_what_cannot_be_registered_says_why() -> None:
    callout = Callout("c")
    with pytest.raises(ValueError, match="no slot 'offer'; there are control"):
        callout.register("offer", print)
    with pytest.raises(TypeError, match="cannot be called"):
        callout.register("control", 7)  # type: ignore[arg-type]

    async def later(event: Any) -> None:
        return None

    for slot in ("control", "delete_client"):
        with pytest.raises(TypeError, match=f"{slot}: .* is an async function"):
            callout.register(slot, later)


def test_callouts_are_called_in_order_each_with_what_those_before_made() -> None:
    seen: list[bytes] = []
    table = HookTable([Callout(str(number)) for number in range(3)])

    def replace(event: PacketReceived, name: str) -> Replace:
        seen.append(event.data)
        return Replace(name.encode())

    for callout in table.callouts:
        callout.new_packet(partial(replace, name=callout.name))
    assert ask(HookTable(table.callouts)) == b"2"
    assert seen == [b"data", b"0", b"1"]


def test_a_drop_ends_the_packet_for_those_after_it() -> None:
    first, second = Callout("first"), Callout("second")
    called: list[str] = []
    first.new_packet(lambda event: Drop(DropReason.UNAUTH))
    second.new_packet(lambda event: called.append("second"))
    assert ask(HookTable([first, second])) == Drop(DropReason.UNAUTH)
    assert not called


def test_each_callout_has_a_context_of_its_own_for_each_packet() -> None:
    callouts = [Callout("a"), Callout("b")]
    seen: list[tuple[str, Any]] = []
    for callout in callouts:
        callout.new_packet(lambda event, name=callout.name: event.context.update(by=name))  # type: ignore[misc]
        callout.packet_drop(lambda event, name=callout.name: seen.append((name, event.context.get("by"))))  # type: ignore[misc]
    table = HookTable(callouts)
    contexts = table.contexts()
    table.ask(hooks.NEW_PACKET, contexts, b"", **FIELDS)
    drop = {"data": b"", "server_address_int": 1, "reason": DropReason.PROCESSED}
    table.notify(hooks.PACKET_DROP, contexts, **drop)
    table.notify(hooks.PACKET_DROP, table.contexts(), **drop)
    assert seen == [("a", "a"), ("b", "b"), ("a", None), ("b", None)]


@pytest.mark.parametrize(
    "answer",
    [
        7,
        b"bytes",
        Replace(bytes(4097)),
        Replace(10**12),  # type: ignore[arg-type]
        Replace(Packet(htype=1000, chaddr=b"a")),
        Drop(999),  # type: ignore[arg-type]
    ],
    ids=["number", "bytes", "too-long", "no-bytes", "not-encodable", "no-reason"],
)
def test_an_answer_that_is_no_verdict_is_a_fault_and_the_packet_goes_on(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    callout = Callout("odd")
    callout.new_packet(lambda event: answer)
    table = HookTable([callout])
    assert ask(table) == b"data"
    assert table.faults == [1]
    (record,) = caplog.records
    assert record.event_id == 1031  # type: ignore[attr-defined]
    assert record.exc_info is not None


def test_an_answer_where_none_is_asked_for_is_a_fault() -> None:
    callout = Callout("odd")
    callout.control(lambda event: Drop())  # type: ignore[arg-type]
    table = HookTable([callout])
    table.announce(hooks.CONTROL, ServiceControlled(ControlCode.START))
    assert table.faults == [1]


def test_a_flood_of_faults_is_counted_but_not_logged_one_by_one(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    callout = Callout("broken")
    callout.new_packet(lambda event: 1 / 0)  # type: ignore[arg-type, return-value]
    table = HookTable([callout])
    for _ in range(1000):
        ask(table)
    assert table.faults == [1000]
    assert len(caplog.records) == 10 + 6
    assert "fault 512" in caplog.text


def test_on_load_is_called_once_with_the_chain() -> None:
    callout = Callout("c")
    told: list[CalloutEntry] = []
    callout.on_load(told.append)
    callout.load(CalloutEntry(("next.so",)))
    callout.load(CalloutEntry(()))
    assert told == [CalloutEntry(("next.so",), 0)]


def test_an_event_gives_a_copy_of_the_packet_decoded_once() -> None:
    data = Packet(xid=7, chaddr=b"\1\2\3\4\5\6").encode()
    event = PacketReceived(data=data, context={}, **FIELDS)  # type: ignore[arg-type]
    assert event.packet is event.packet
    assert event.packet is not None
    assert event.packet.xid == 7
    assert PacketReceived(data=b"short", context={}, **FIELDS).packet is None  # type: ignore[arg-type]
