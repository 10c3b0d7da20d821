"""Packets that async functions of callouts hold up: what goes on meanwhile, and how it ends."""

from collections.abc import Callable, Generator
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.codes import ControlCode, DropReason, MessageType, OptionCode
from dhcpcallout.engine import Arrival, Engine, Exchange, Subnet
from dhcpcallout.engine.exchange import Stage
from dhcpcallout.engine.parking import OnTimeout, Parking
from dhcpcallout.hooks import ABI_SLOTS, Callout, Drop, HookTable, InUse, Replace, UseAddress
from dhcpcallout.leases import LeaseState
from dhcpcallout.wire import Packet, decode, encode

SERVER_INT = 0x0A000001
ARRIVAL = Arrival(0, 68, SERVER_INT)
PROCESSED = "packet_drop(PROCESSED)"
RECEIVED = ["new_packet", "handle_options"]


class Later:
    """What an async function gives: an awaitable, which the test answers for without awaiting it."""

    def __await__(self) -> Generator[None, Any, Any]:
        return (yield)


def is_parked(exchange: Exchange) -> bool:
    return exchange.parked is not None


class Held:
    """An engine, a recording callout, and one whose functions on the slots given are async."""

    def __init__(self, *slots: str, parking: Parking | None = None, **arguments: Any) -> None:
        self.fired: list[str] = []
        self.now = 1000.0
        self.asked = 0
        recorder, slow = Callout("recorder"), Callout("slow")
        for slot in ABI_SLOTS:
            recorder.register(slot.name, self._recording(slot.name))
        for name in slots:
            slow.register(name, self._hold)
        subnet = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.12"], lease_time_s=100)
        self.engine = Engine([subnet], hooks=HookTable([recorder, slow]), parking=parking, **arguments)
        self.parking = self.engine.parking

    def _hold(self, event: object) -> Later:
        self.asked += 1
        return Later()

    def _recording(self, slot: str) -> Callable[[Any], None]:
        def record(event: Any) -> None:
            detail = next((getattr(event, name) for name in ("reason", "given") if hasattr(event, name)), None)
            self.fired.append(slot if detail is None else f"{slot}({detail.name})")

        return record

    def receive(self, packet: Packet, arrival: Arrival = ARRIVAL) -> Exchange:
        return self.engine.receive(encode(packet).data, arrival, self.now)

    def resume(self, exchange: Exchange, answer: object = None, error: BaseException | None = None) -> Packet | None:
        """Answer for what an exchange waits for, and finish it once it has decided; the reply, if it was made now."""
        assert is_parked(exchange)
        outgoing = self.engine.resume(exchange, self.now, answer, error)
        if not is_parked(exchange) and exchange.stage is Stage.DECIDING:
            outgoing = self.engine.finish(exchange, self.now)
        return None if outgoing is None else decode(outgoing.data)

    def time_out(self, exchange: Exchange) -> Packet | None:
        """The same for an exchange whose deadline has passed."""
        assert is_parked(exchange)
        outgoing = self.engine.time_out(exchange, self.now)
        if not is_parked(exchange) and exchange.stage is Stage.DECIDING:
            outgoing = self.engine.finish(exchange, self.now)
        return None if outgoing is None else decode(outgoing.data)

    def send(self, packet: Packet) -> Packet | None:
        """A whole exchange, with None for every answer."""
        exchange, reply = self.receive(packet), None
        if exchange.parked is None:
            outgoing = self.engine.finish(exchange, self.now)
            reply = None if outgoing is None else decode(outgoing.data)
        while exchange.parked is not None:
            reply = self.resume(exchange) or reply
        return reply


def discover(client: int, kind: MessageType = MessageType.DISCOVER, **options: bytes) -> Packet:
    codes = {int(OptionCode.DHCP_MESSAGE_TYPE): bytes((kind,))}
    if "client_id" in options:
        codes[int(OptionCode.DHCP_CLIENT_IDENTIFIER)] = options["client_id"]
    return Packet(xid=client, chaddr=b"\x02\0\0\0\0" + bytes((client,)), options=codes)


def request(client: int, address: str | IPv4Address = "10.0.0.10") -> Packet:
    packet = discover(client, MessageType.REQUEST)
    packet.options |= {50: IPv4Address(address).packed, 54: SERVER_INT.to_bytes(4, "big")}
    return packet


def release(client: int, address: str = "10.0.0.10") -> Packet:
    packet = discover(client, MessageType.RELEASE)
    packet.ciaddr = address
    return packet


def decline(client: int, address: str = "10.0.0.10") -> Packet:
    packet = discover(client, MessageType.DECLINE)
    packet.options[50] = IPv4Address(address).packed
    return packet


@pytest.mark.parametrize("slot", [slot.name for slot in ABI_SLOTS if slot.may_be_async])
def test_hooks_fire_in_the_same_order_whether_a_function_is_async_or_not(slot: str) -> None:
    fired = []
    for held in (Held(), Held(slot)):
        for packet in (discover(1), request(1), request(1), release(1), request(2, "10.9.9.9"), discover(3)):
            held.send(packet)
        fired.append(held.fired)
        assert not len(held.parking)
        assert not held.parking.clients
    assert fired[0] == fired[1]
    assert held.asked


def test_nobody_else_waits_for_a_parked_exchange() -> None:
    held = Held("handle_options")
    parked = held.receive(discover(1))
    assert parked.parked is not None
    assert held.fired == RECEIVED
    offer = held.send(discover(2))
    assert offer is not None
    assert offer.yiaddr == IPv4Address("10.0.0.10")
    offer = held.resume(parked)
    assert offer is not None
    assert offer.yiaddr == IPv4Address("10.0.0.11")


@pytest.mark.parametrize("slot", ["new_packet", "packet_send"])
def test_an_async_function_may_drop_and_replace(slot: str) -> None:
    held = Held(slot)
    exchange = held.receive(discover(1))
    if slot == "packet_send":
        held.engine.finish(exchange, held.now)
    assert held.resume(exchange, Drop(DropReason.UNAUTH)) is None
    assert held.fired[-2:] == ["packet_drop(UNAUTH)", PROCESSED]
    exchange = held.receive(discover(2))
    if slot == "packet_send":
        held.engine.finish(exchange, held.now)
    reply = held.resume(exchange, Replace(discover(7)))
    assert reply is not None
    assert reply.xid == 7


def test_an_async_function_that_fails_is_a_fault_and_the_packet_goes_on() -> None:
    held = Held("new_packet")
    assert held.resume(held.receive(discover(1)), error=RuntimeError("no luck")) is not None
    assert held.engine.hooks.faults == [0, 1]


def test_the_decision_rests_on_what_is_so_after_the_wait() -> None:
    held = Held("handle_options")
    parked = held.receive(request(1, "10.0.0.10"))
    held.send(request(2, "10.0.0.10"))
    reply = held.resume(parked)
    assert reply is not None
    assert reply.message_type is MessageType.NAK
    parked = held.receive(discover(3))
    held.engine.control(ControlCode.PAUSE)
    assert held.resume(parked) is None
    assert held.fired[-2:] == ["packet_drop(PAUSED)", PROCESSED]


@pytest.mark.parametrize("kind", [release, decline])
def test_a_lease_that_ended_while_its_client_gave_it_up_is_not_given_up_again(kind: Callable[[int], Packet]) -> None:
    held = Held("address_delete")
    held.send(request(1))
    parked = held.receive(kind(1))
    held.now += 101
    held.engine.expire(held.now)
    held.send(request(2))
    held.resume(parked)
    assert held.fired[-2:] == ["packet_drop(INVALID)", PROCESSED]
    (lease,) = held.engine.leases()
    assert (lease.hardware_address[-1], lease.state) == (2, LeaseState.ACTIVE)


@pytest.mark.parametrize(("packet", "slot"), [(request(1), "packet_send"), (request(1), "address_offer")])
def test_no_ack_leaves_for_a_lease_that_ended_while_the_reply_was_held_up(packet: Packet, slot: str) -> None:
    held = Held(slot)
    exchange = held.receive(packet)
    assert held.engine.finish(exchange, held.now) is None
    held.now += 101
    held.engine.expire(held.now)
    assert held.resume(exchange) is None
    assert held.fired[-2:] == ["packet_drop(TIMEOUT)", PROCESSED]


def test_no_offer_leaves_that_lapsed_while_it_was_held_up() -> None:
    held = Held("packet_send", offer_time_s=1)
    exchange = held.receive(discover(1))
    held.engine.finish(exchange, held.now)
    held.now += 2
    other = held.receive(discover(2))
    held.engine.finish(other, held.now)
    assert held.resume(exchange) is None
    offer = held.resume(other)
    assert offer is not None
    assert offer.yiaddr == IPv4Address("10.0.0.10")


def test_an_address_is_held_while_callouts_are_asked_about_it() -> None:
    held = Held("select_address")
    first, second = held.receive(discover(1)), held.receive(discover(2))
    for exchange, address in ((second, "10.0.0.11"), (first, "10.0.0.10")):
        offer = held.resume(exchange)
        assert offer is not None
        assert offer.yiaddr == IPv4Address(address)


@pytest.mark.parametrize("answer", [None, InUse(), UseAddress("10.0.0.10")])
def test_an_address_that_was_not_held_for_long_enough_stays_whose_it_is_by_now(answer: object) -> None:
    held = Held("select_address", offer_time_s=1)
    late = held.receive(discover(1))
    held.now += 1.5
    assert held.send(request(2, "10.0.0.10")) is not None
    assert held.resume(late, answer) is None
    assert is_parked(late)
    offer = held.resume(late)
    assert offer is not None
    assert offer.yiaddr == IPv4Address("10.0.0.11")
    (lease,) = held.engine.leases()
    assert (lease.hardware_address[-1], lease.state) == (2, LeaseState.ACTIVE)


def test_an_address_in_use_is_durable_before_the_next_is_asked_about_and_even_if_the_packet_is_dropped() -> None:
    held = Held("select_address")
    exchange = held.receive(discover(1))
    held.resume(exchange, InUse())
    assert is_parked(exchange)
    (change,) = exchange.take_changes()
    assert change.after is not None
    assert (change.after.state, change.after.address_int) == (LeaseState.DECLINED, 0x0A00000A)
    held.resume(exchange, InUse())
    held.now += 2
    held.time_out(exchange)
    assert [change.address_int for change in exchange.changes] == [0x0A00000B]
    assert [lease.state for lease in held.engine.leases()] == [LeaseState.DECLINED] * 2
    assert held.fired[-2:] == ["packet_drop(TIMEOUT)", PROCESSED]


def test_changes_of_a_decided_exchange_are_not_taken_out() -> None:
    held = Held("packet_send")
    exchange = held.receive(request(1))
    held.engine.finish(exchange, held.now)
    assert is_parked(exchange)
    assert exchange.take_changes() == []
    assert exchange.changes


# One a client


@pytest.mark.parametrize("second", [discover(1), request(1), release(1)], ids=["same", "request", "release"])
@pytest.mark.parametrize("slot", ["new_packet", "handle_options", "packet_send"])
def test_whatever_a_client_sends_while_its_first_packet_is_parked_is_a_duplicate(slot: str, second: Packet) -> None:
    held = Held(slot)
    first = held.receive(discover(1))
    held.engine.finish(first, held.now) if slot == "packet_send" else None
    before = len(held.fired)
    duplicate = held.receive(second)
    assert duplicate.parked is None
    held.engine.finish(duplicate, held.now)
    assert held.fired[before:] == ["new_packet", "packet_drop(DUPLICATE)", PROCESSED]
    assert held.resume(first) is not None
    assert held.send(discover(1)) is not None


def test_clients_are_told_by_hardware_address_and_client_identifier() -> None:
    held = Held("handle_options")
    parked = [
        held.receive(packet)
        for packet in (
            discover(1),
            discover(1, client_id=b"\0a"),
            discover(1, client_id=b"\0b"),
            discover(2, client_id=b"\0a"),
        )
    ]
    assert all(exchange.parked for exchange in parked)
    assert held.receive(discover(1, client_id=b"\0b")).drop is DropReason.DUPLICATE


def test_clients_are_told_by_what_they_sent_not_by_what_a_callout_made_of_it() -> None:
    held = Held("handle_options")
    rewriter = Callout("rewriter")
    rewriter.new_packet(lambda event: Replace(discover(event.packet.chaddr[-1] % 2)))
    held.engine.hooks = HookTable([rewriter, *held.engine.hooks.callouts])
    first, other = held.receive(discover(2)), held.receive(discover(4))
    assert (first.parked is None, other.parked is None) == (False, False)
    assert held.receive(discover(2)).drop is DropReason.DUPLICATE


def test_packets_that_tell_of_no_sender_are_nobodys_duplicates() -> None:
    held = Held("new_packet")
    for data in (b"garbage", b"garbage", encode(Packet()).data, encode(Packet()).data):
        assert held.engine.receive(data, ARRIVAL, held.now).parked is not None
    assert len(held.parking) == 4


def test_a_client_may_go_on_once_it_is_answered_though_the_callouts_are_still_busy() -> None:
    held = Held("packet_drop")
    exchange = held.receive(discover(1))
    offer = held.engine.finish(exchange, held.now)
    assert offer is not None
    assert exchange.parked is not None
    again = held.receive(request(1))
    assert held.engine.finish(again, held.now) is not None
    assert len(held.parking) == 2
    assert held.resume(exchange) is None
    assert exchange.stage is Stage.ENDED
    assert len(held.parking) == 1


# So many in all


def test_over_the_bound_the_newest_is_dropped() -> None:
    held = Held("new_packet", parking=Parking(limit=2))
    parked = [held.receive(discover(client)) for client in (1, 2, 3)]
    assert [exchange.parked is not None for exchange in parked] == [True, True, False]
    assert held.engine.finish(parked[2], held.now) is None
    assert held.fired[-2:] == ["packet_drop(NOMEM)", PROCESSED]
    assert held.engine.statistics["pkt4-drop-nomem"] == 1
    assert held.resume(parked[0]) is not None
    assert held.receive(discover(3)).parked is not None


def test_what_was_let_in_once_may_wait_again() -> None:
    held = Held("new_packet", "packet_send", parking=Parking(limit=1))
    exchange = held.receive(discover(1))
    assert held.resume(exchange) is None
    assert exchange.parked is not None
    assert exchange.parked.slot == "packet_send"
    assert held.resume(exchange) is not None


def test_functions_whose_time_is_over_but_that_go_on_take_room() -> None:
    held = Held("new_packet", parking=Parking(limit=2))
    held.parking.strays = 1
    assert held.receive(discover(1)).parked is not None
    assert held.receive(discover(2)).drop is DropReason.NOMEM


def test_where_there_is_no_room_at_the_end_a_function_is_not_awaited_which_is_told() -> None:
    held = Held("packet_drop", parking=Parking(limit=1))
    first, second = held.receive(discover(1)), held.receive(discover(2))
    for exchange in (first, second):
        assert held.engine.finish(exchange, held.now) is not None
    assert (first.stage, second.stage) == (Stage.ENDING, Stage.ENDED)
    assert held.engine.hooks.faults == [0, 1]


# With a deadline


def test_at_the_deadline_a_packet_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    held = Held("new_packet")
    exchange = held.receive(discover(1))
    held.now += 2
    assert held.parking.time_left_s(exchange, held.now) == 0
    assert held.time_out(exchange) is None
    assert exchange.stage is Stage.ENDED
    assert held.fired == ["new_packet", "packet_drop(TIMEOUT)", PROCESSED]
    assert held.engine.hooks.faults == [0, 1]
    assert "slow failed in new_packet (fault 1); the packet is dropped" in caplog.text
    assert held.send(discover(1)) is not None


def test_at_the_deadline_a_packet_goes_on_where_that_is_wanted(caplog: pytest.LogCaptureFixture) -> None:
    held = Held("new_packet", parking=Parking(timeout_s=0.5, on_timeout="continue"))
    exchange = held.receive(discover(1))
    held.now += 1
    assert held.time_out(exchange) is not None
    assert held.engine.hooks.faults == [0, 1]
    assert "longer than the 0.5 s" in caplog.text
    assert not len(held.parking)


def test_all_functions_share_one_deadline_until_the_packet_is_answered() -> None:
    held = Held("new_packet", "packet_send", "packet_drop")
    exchange = held.receive(discover(1))
    held.now += 1.5
    held.resume(exchange)
    assert exchange.parked is not None
    assert exchange.parked.slot == "packet_send"
    assert held.parking.time_left_s(exchange, held.now) == 0.5
    assert held.resume(exchange) is not None
    assert exchange.parked.slot == "packet_drop"
    assert held.parking.time_left_s(exchange, held.now) == 2


def test_what_is_done_after_a_drop_has_a_deadline_of_its_own_which_drops_nothing_more() -> None:
    held = Held("new_packet", "packet_drop")
    exchange = held.receive(discover(1))
    held.now += 2
    held.time_out(exchange)
    assert exchange.parked is not None
    assert held.parking.time_left_s(exchange, held.now) == 2
    for _ in range(2):
        held.now += 2
        held.time_out(exchange)
    assert exchange.stage is Stage.ENDED
    assert held.fired == ["new_packet", "packet_drop(TIMEOUT)", PROCESSED]
    assert held.engine.hooks.faults == [0, 3]


def test_a_reply_held_up_too_long_is_not_sent_but_its_lease_stays() -> None:
    held = Held("packet_send")
    exchange = held.receive(request(1))
    held.engine.finish(exchange, held.now)
    held.now += 2
    assert held.time_out(exchange) is None
    assert [lease.state for lease in held.engine.leases()] == [LeaseState.ACTIVE]


def test_a_clock_that_is_set_back_makes_nobody_wait_longer() -> None:
    held = Held("new_packet")
    exchange = held.receive(discover(1))
    assert held.parking.time_left_s(exchange, held.now - 3600) == 2


def test_what_could_not_be_made_durable_may_wait_for_the_last_hooks() -> None:
    held = Held("packet_drop")
    exchange = held.receive(request(1))
    held.engine.abandon([exchange])
    held.resume(exchange)
    held.resume(exchange)
    assert exchange.stage is Stage.ENDED
    assert held.fired[-2:] == ["packet_drop(INTERNAL_ERROR)", PROCESSED]
    assert not list(held.engine.leases())


@given(st.data())
def test_whatever_is_awaited_in_whatever_order_every_packet_ends_once_and_nothing_is_left(data: st.DataObject) -> None:
    slots = data.draw(st.sets(st.sampled_from([slot.name for slot in ABI_SLOTS if slot.may_be_async])))
    on_timeout: OnTimeout = data.draw(st.sampled_from(["drop", "continue"]))
    held = Held(*slots, parking=Parking(limit=3, on_timeout=on_timeout))
    waiting: list[Exchange] = []
    packets = 0

    def step(exchange: Exchange) -> None:
        if exchange.parked is None and exchange.stage is Stage.DECIDING:
            held.engine.finish(exchange, held.now)
        if exchange.parked is not None:
            waiting.append(exchange)
        else:
            assert exchange.stage is Stage.ENDED

    for move in data.draw(st.lists(st.sampled_from(["receive", "answer", "fail", "drop", "time out"]), max_size=40)):
        held.now += 0.25
        if move == "receive":
            packets += 1
            client = data.draw(st.integers(1, 4))
            kinds: list[Callable[[int], Packet]] = [discover, request, release, decline]
            step(held.receive(data.draw(st.sampled_from(kinds))(client)))
        elif waiting:
            exchange = waiting.pop(data.draw(st.integers(0, len(waiting) - 1)))
            if move == "time out":
                held.engine.time_out(exchange, held.now)
            else:
                error = ValueError("no luck") if move == "fail" else None
                held.engine.resume(exchange, held.now, Drop() if move == "drop" else None, error)
            step(exchange)
        assert len(held.parking) == len(waiting) <= 3
        active = [lease for lease in held.engine.leases() if lease.state == LeaseState.ACTIVE]
        assert len({lease.client_key for lease in active}) == len(active)
    while waiting:
        exchange = waiting.pop()
        held.engine.resume(exchange, held.now)
        step(exchange)
    assert held.fired.count(PROCESSED) == packets
    assert held.fired.count("new_packet") == packets
    assert not len(held.parking)
    assert not held.parking.clients
