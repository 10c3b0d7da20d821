"""The hook table: registration, contexts, verdicts, faults."""

import logging
from collections.abc import Generator
from functools import partial
from typing import Any

import pytest

from dhcpcallout import hooks
from dhcpcallout.codes import INFINITE, ControlCode, DropReason
from dhcpcallout.events import (
    AddressSelected,
    Context,
    LeaseExpired,
    PacketDropped,
    PacketReceived,
    ServiceControlled,
)
from dhcpcallout.hooks import (
    ABI_SLOTS,
    SLOTS,
    Callout,
    CalloutEntry,
    Drop,
    Extend,
    HookTable,
    InUse,
    Replace,
    Steps,
    UseAddress,
)
from dhcpcallout.leases import Lease
from dhcpcallout.wire import Packet

FIELDS: dict[str, Any] = {"server_address_int": 1, "source_int": 2, "source_port": 68, "interface": ""}


def ask(table: HookTable, data: bytes = b"data") -> bytes | Drop:
    return table.ask(hooks.NEW_PACKET, table.contexts(), data, **FIELDS)


def test_a_slot_without_listeners_is_none() -> None:
    callout = Callout("c")
    callout.control(lambda event: None)
    table = HookTable([callout])
    assert table.control is not None
    assert [slot.name for slot in SLOTS if getattr(table, slot.name) is not None] == ["control"]


def test_the_first_eight_slots_are_those_of_the_callout_table_in_its_order() -> None:
    assert [slot.abi_name for slot in SLOTS] == [
        "DhcpControlHook",
        "DhcpNewPktHook",
        "DhcpPktDropHook",
        "DhcpPktSendHook",
        "DhcpAddressDelHook",
        "DhcpAddressOfferHook",
        "DhcpHandleOptionsHook",
        "DhcpDeleteClientHook",
        *[None] * 5,
    ]
    assert SLOTS[:8] == ABI_SLOTS
    assert [slot.name for slot in ABI_SLOTS if slot.may_answer] == ["new_packet", "packet_send"]


@pytest.mark.parametrize("slot", [slot for slot in SLOTS if slot.subject], ids=lambda slot: slot.name)
def test_what_an_answer_is_about_is_a_field_of_the_event(slot: Any) -> None:
    assert slot.may_answer
    assert slot.subject in slot.event.__dataclass_fields__


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

    for slot in ("control", "delete_client", "lease_expired"):
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
        callout.new_packet(lambda event, name=callout.name: event.context.update(by=name))
        callout.packet_drop(lambda event, name=callout.name: seen.append((name, event.context.get("by"))))
    table = HookTable(callouts)
    contexts = table.contexts()
    table.ask(hooks.NEW_PACKET, contexts, b"", **FIELDS)
    drop: dict[str, Any] = {"data": b"", "server_address_int": 1, "reason": DropReason.PROCESSED}
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
    callout.register("control", lambda event: Drop())
    table = HookTable([callout])
    table.announce(hooks.CONTROL, ServiceControlled(ControlCode.START))
    assert table.faults == [1]


def test_a_flood_of_faults_is_counted_but_not_logged_one_by_one(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    callout = Callout("broken")
    callout.register("new_packet", lambda event: 1 / 0)
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
    event = PacketReceived(data=data, context={}, **FIELDS)
    assert event.packet is event.packet
    assert event.packet is not None
    assert event.packet.xid == 7
    assert PacketReceived(data=b"short", context={}, **FIELDS).packet is None


# Async functions: the steps hand out what is to be awaited


class Later:
    """An awaitable that the test answers for, in the place of an event loop."""

    def __await__(self) -> Generator[str, Any, Any]:
        return (yield "later")


def run(steps: Steps[Any], *answers: object) -> Any:
    """Take steps to their end, giving each ``Pending`` the next answer, or raising it there."""
    left = iter(answers)
    try:
        next(steps)
        while True:
            answer = next(left)
            steps.throw(answer) if isinstance(answer, BaseException) else steps.send(answer)
    except StopIteration as stop:
        assert not list(left)
        return stop.value


def ask_steps(table: HookTable, contexts: tuple[Context, ...] | None = None) -> Steps[bytes | Drop]:
    steps = table.submit(hooks.NEW_PACKET, contexts or table.contexts(), b"data", *FIELDS.values())
    assert not isinstance(steps, bytes | Drop)
    return steps


def test_an_async_function_is_handed_out_with_its_slot_and_callout() -> None:
    callout = Callout("slow")

    @callout.new_packet
    async def slow(event: PacketReceived) -> Replace:
        return Replace(event.data + str(await Later()).encode())

    table = HookTable([Callout("quick"), callout])
    steps = ask_steps(table)
    pending = next(steps)
    assert (pending.slot, pending.place) == ("new_packet", 1)
    hook = pending.awaitable.__await__()
    assert next(hook) == "later"
    with pytest.raises(StopIteration) as ended:
        hook.send(7)
    assert run(steps_after(steps, ended.value.value)) == b"data7"


def steps_after(steps: Steps[Any], answer: object) -> Steps[Any]:
    """The rest of steps that wait for ``answer``."""
    try:
        yield steps.send(answer)
    except StopIteration as stop:
        return stop.value
    return (yield from steps)


def test_async_and_plain_functions_take_turns_in_order() -> None:
    seen: list[bytes] = []
    callout = Callout("c")
    for slow in (True, False, True):

        def function(event: PacketReceived, slow: bool = slow) -> Any:
            seen.append(event.data)
            return Later() if slow else Replace(event.data + b"+")

        callout.new_packet(function)
    assert run(ask_steps(HookTable([callout])), Replace(b"one"), None) == b"one+"
    assert seen == [b"data", b"one", b"one+"]


def test_an_async_drop_ends_the_packet_for_those_after_it() -> None:
    callout = Callout("c")
    called: list[str] = []
    callout.new_packet(lambda event: Later())
    callout.new_packet(lambda event: called.append("second"))
    assert run(ask_steps(HookTable([callout])), Drop(DropReason.UNAUTH)) == Drop(DropReason.UNAUTH)
    assert not called


@pytest.mark.parametrize(
    "answer",
    [ValueError("no luck"), SystemExit(1), 7, Drop(999), Replace(bytes(5000))],  # type: ignore[arg-type]
    ids=["raises", "exits", "number", "no-reason", "too-long"],
)
def test_an_async_fault_is_its_callouts_alone_and_the_packet_goes_on(
    answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = Callout("first"), Callout("second")
    for callout in (first, second):
        callout.new_packet(lambda event: Later())
    table = HookTable([first, second])
    assert run(ask_steps(table), answer, Replace(b"good")) == b"good"
    assert table.faults == [1, 0]
    (record,) = caplog.records
    assert record.event_id == 1031  # type: ignore[attr-defined]
    assert record.exc_info is not None


def test_an_async_function_has_the_packets_context() -> None:
    callout = Callout("c")
    seen: list[object] = []

    @callout.new_packet
    async def note(event: PacketReceived) -> None:
        event.context["note"] = "taken"

    callout.packet_drop(lambda event: seen.append(event.context["note"]))
    table = HookTable([callout])
    contexts = table.contexts()
    steps = ask_steps(table, contexts)
    with pytest.raises(StopIteration) as ended:
        next(steps).awaitable.__await__().send(None)
    run(steps_after(steps, ended.value.value))
    table.notify(hooks.PACKET_DROP, contexts, data=b"", server_address_int=1, reason=DropReason.PROCESSED)
    assert seen == ["taken"]


def test_where_nothing_can_be_awaited_an_async_function_is_a_fault_and_never_runs() -> None:
    callout = Callout("c")
    ran: list[object] = []

    async def run_on(event: object) -> None:
        ran.append(event)

    callout.new_packet(run_on)
    callout.new_packet(lambda event: Replace(b"plain"))
    callout.packet_drop(run_on)
    callout.register("control", lambda event: run_on(event))
    table = HookTable([callout])
    assert ask(table) == b"plain"
    table.notify(hooks.PACKET_DROP, table.contexts(), data=b"", server_address_int=1, reason=DropReason.PROCESSED)
    table.announce(hooks.CONTROL, ServiceControlled(ControlCode.START))
    assert table.faults == [3]
    assert not ran


def test_functions_that_answer_nothing_leave_no_steps_to_take() -> None:
    callout = Callout("c")
    seen: list[object] = []
    callout.new_packet(seen.append)
    callout.packet_drop(seen.append)
    table = HookTable([callout])
    contexts = table.contexts()
    assert table.submit(hooks.NEW_PACKET, contexts, b"data", *FIELDS.values()) == b"data"
    assert not table.notify_steps(hooks.PACKET_DROP, contexts, b"data", 1, DropReason.PROCESSED)
    (context,) = contexts
    assert seen == [
        PacketReceived(data=b"data", context=context, **FIELDS),
        PacketDropped(data=b"data", server_address_int=1, context=context, reason=DropReason.PROCESSED),
    ]


def test_a_notice_goes_to_those_after_an_async_function_and_after_a_fault() -> None:
    callout = Callout("c")
    called: list[str] = []
    callout.register("packet_drop", lambda event: 7)
    callout.packet_drop(lambda event: Later())
    callout.packet_drop(lambda event: called.append("third"))
    table = HookTable([callout])
    steps = table.notify_steps(hooks.PACKET_DROP, table.contexts(), b"data", 1, DropReason.PROCESSED)
    assert not isinstance(steps, tuple)
    assert run(steps, None) is None
    assert (called, table.faults) == (["third"], [1])


def test_a_notice_says_what_it_lacks_or_has_too_much() -> None:
    table = HookTable()
    for fields in ({}, {"reason": DropReason.PROCESSED, "why": ""}):
        with pytest.raises(TypeError, match="PacketDropped has the fields reason; got"):
            table.notify(hooks.PACKET_DROP, (), data=b"", server_address_int=1, **fields)


# What only Python callouts are asked


def settle(event: AddressSelected, answer: UseAddress | InUse | None) -> Any:
    if isinstance(answer, UseAddress) and answer.address == "taken":
        raise ValueError("it is taken")
    return event.address_int if answer is None else answer if isinstance(answer, InUse) else answer.address


SELECTED: dict[str, Any] = {"data": b"", "server_address_int": 1, "subnet": None, "why": ""}


def select(*answers: object) -> tuple[object, list[int], list[object]]:
    """What becomes of address 5, by functions that answer so: it, the faults, and what each function saw."""
    callout = Callout("c")
    seen: list[object] = []
    for answer in answers:

        def function(event: AddressSelected, answer: object = answer) -> object:
            seen.append(event.address_int)
            return answer

        callout.register("select_address", function)
    table = HookTable([callout])
    subject = run(table.ask_steps(hooks.SELECT_ADDRESS, table.contexts(), 5, settle, **SELECTED))
    return subject, table.faults, seen


def test_each_function_finds_the_subject_as_those_before_it_answered() -> None:
    assert select(None, UseAddress(6), None, UseAddress(7)) == (7, [0], [5, 5, 6, 6])


def test_an_answer_that_cannot_be_is_a_fault_and_the_subject_stays() -> None:
    assert select(UseAddress("taken"), Replace(b""), 8, None) == (5, [3], [5, 5, 5, 5])


@pytest.mark.parametrize("last", [InUse(), Drop(DropReason.UNAUTH)])
def test_functions_after_a_drop_or_an_address_in_use_are_not_called(last: object) -> None:
    assert select(UseAddress(6), last, UseAddress(7)) == (last, [0], [5, 6])


LEASE = Lease(1, b"key", 1, b"hardware", 0, 0, 10)


def test_the_first_to_extend_a_lease_decides() -> None:
    callout = Callout("c")
    callout.lease_expired(lambda event: None)
    for seconds in (60, 70):
        callout.lease_expired(lambda event, seconds=seconds: Extend(seconds))
    assert HookTable([callout]).announce(hooks.LEASE_EXPIRED, LeaseExpired(LEASE)) == Extend(60)


@pytest.mark.parametrize("seconds", [0, -1, INFINITE + 1, 1.5, True, "60"])
def test_a_lease_cannot_be_extended_by_what_is_no_lease_time(seconds: Any) -> None:
    callout = Callout("c")
    callout.lease_expired(lambda event: Extend(seconds))
    table = HookTable([callout])
    assert table.announce(hooks.LEASE_EXPIRED, LeaseExpired(LEASE)) is None
    assert table.faults == [1]
