"""The server over real sockets on the loopback, from within one process."""

import asyncio
import contextlib
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from dhcpcallout import Callout, Client, Reservation, Server, Subnet
from dhcpcallout.codes import ControlCode, MessageType
from dhcpcallout.engine import Outgoing
from dhcpcallout.errors import ClientError, CommitError, ConfigError, StoreOpenError, TransportError
from dhcpcallout.events import (
    AddressSelected,
    ClientDeleted,
    LeaseCommitted,
    OptionsParsed,
    PacketDropped,
    PacketEvent,
    PacketReceived,
)
from dhcpcallout.hooks import ABI_SLOTS, CalloutEntry, InUse
from dhcpcallout.leases import Lease, LeaseChange, LeaseState, Refusal
from dhcpcallout.stores import MemoryStore, SqliteStore
from dhcpcallout.transports import UdpTransport
from dhcpcallout.wire import Packet, decode

LOOPBACK = ["127.0.0.1:0"]
SUBNET = Subnet(
    network="10.0.0.0/24",
    pools=["10.0.0.10-10.0.0.99"],
    lease_time_s=600,
    reservations=[Reservation(hardware_address="02:00:00:00:00:09", address="10.0.0.9")],
)

MakeClient = Callable[..., Client]


@pytest.fixture
def client_of() -> Iterator[MakeClient]:
    """Make clients of a server; they are closed at the end."""
    clients: list[Client] = []

    def make(server: Server, number: int, **arguments: Any) -> Client:
        host, port = server.addresses[0]
        hardware_address = b"\x02\0" + number.to_bytes(4, "big")
        clients.append(Client(host, port, hardware_address=hardware_address, **arguments))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def after_requests(number: int) -> tuple[Callout, asyncio.Event]:
    """A callout, and the event that it sets when the server has taken in so many REQUESTs."""
    callout, enough = Callout("counter"), asyncio.Event()
    seen = iter(range(1, 1000))

    @callout.handle_options
    def count(event: OptionsParsed) -> None:
        packet = event.packet
        if packet is not None and packet.message_type is MessageType.REQUEST and next(seen) == number:
            enough.set()

    return callout, enough


@pytest.mark.asyncio
async def test_clients_lease_renew_and_release(client_of: MakeClient) -> None:
    async with Server([SUBNET], listen=LOOPBACK) as server:
        client = client_of(server, 1)
        lease = await asyncio.to_thread(client.lease)
        assert (lease.address, lease.lease_time_s) == (IPv4Address("10.0.0.10"), 600)
        assert lease.server == IPv4Address("127.0.0.1")
        assert (await asyncio.to_thread(client.renew, lease.address)).address == lease.address
        assert (await asyncio.to_thread(client.reboot, lease.address)).address == lease.address
        assert (await asyncio.to_thread(client.inform, lease.address)).lease_time_s is None
        with pytest.raises(ClientError, match="refused"):
            await asyncio.to_thread(client.reboot, IPv4Address("192.0.2.1"))
        client.release(lease)
        assert (await asyncio.to_thread(client_of(server, 9).lease)).address == IPv4Address("10.0.0.9")
        assert server.statistics["pkt4-release-received"] == 1
        assert [LeaseState(row.state) for row in server.engine.leases()] == [LeaseState.RELEASED, LeaseState.ACTIVE]


@pytest.mark.asyncio
async def test_leases_outlive_the_server(client_of: MakeClient, tmp_path: Path) -> None:
    addresses = []
    for _ in range(2):
        async with Server([SUBNET], listen=LOOPBACK, store=SqliteStore(tmp_path / "leases.db")) as server:
            addresses.append((await asyncio.to_thread(client_of(server, 2).lease)).address)
            addresses.append((await asyncio.to_thread(client_of(server, 1).lease)).address)
    assert addresses[:2] == addresses[2:]


@pytest.mark.asyncio
async def test_start_comes_before_every_other_hook_and_stop_after(client_of: MakeClient) -> None:
    callout = Callout("trace")
    fired: list[str] = []
    callout.on_load(lambda entry: fired.append(f"load {entry.chain}"))
    callout.control(lambda event: fired.append(event.code.name))
    callout.new_packet(lambda event: fired.append("packet"))
    callout.packet_drop(lambda event: fired.append("dropped"))
    async with Server([SUBNET], listen=LOOPBACK, callouts=[callout]) as server:
        await asyncio.to_thread(client_of(server, 1).lease)
        server.pause()
        server.resume()
    assert fired == ["load ()", "START", *["packet", "dropped"] * 2, "PAUSE", "CONTINUE", "STOP"]


@pytest.mark.asyncio
async def test_garbage_and_a_callout_that_raises_cost_nobody_else_the_answer(
    client_of: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    callout = Callout("faulty")

    @callout.new_packet
    def fail(event: object) -> None:
        raise RuntimeError("no luck today")

    async with Server([SUBNET], listen=LOOPBACK, callouts=[callout]) as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as garbage:
            for data in (b"", b"\0", b"%s%n" * 50, bytes(240), bytes(65000)):
                garbage.sendto(data, server.addresses[0])
        await asyncio.to_thread(client_of(server, 1).lease)
        assert server.engine.hooks.faults == [7]
        assert server.statistics["pkt4-parse-failed"] == 3
    faults = [record for record in caplog.records if getattr(record, "event_id", None) == 1031]
    assert faults
    assert "no luck today" in caplog.text
    assert faults[0].exc_info is not None


class UnreliableStore(MemoryStore):
    """A store that fails, or refuses, while it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False
        self.winner: Lease | None = None

    def commit(self, changes: Sequence[LeaseChange]) -> Sequence[Refusal]:
        if self.fails:
            raise CommitError("the disk is full")
        if self.winner is not None:
            winner, self.winner = self.winner, None
            return [Refusal(change, winner) for change in changes]
        return super().commit(changes)


@pytest.mark.asyncio
async def test_nothing_is_acknowledged_while_the_store_fails_and_service_resumes_by_itself(
    client_of: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    store = UnreliableStore()
    async with Server([SUBNET], listen=LOOPBACK, store=store) as server:
        store.fails = True
        impatient = client_of(server, 1, timeout_s=0.05)
        with pytest.raises(ClientError, match="no answer"):
            await asyncio.to_thread(impatient.lease)
        assert not list(server.engine.leases())
        assert server.statistics["commit-fail"] == 3
        assert sum("cannot commit" in record.message for record in caplog.records) == 1
        store.fails = False
        lease = await asyncio.to_thread(client_of(server, 1).lease)
        assert [row.address for row in store.snapshot()] == [lease.address]
        assert "works again" in caplog.text


@pytest.mark.asyncio
async def test_a_change_that_another_server_won_is_decided_again(client_of: MakeClient) -> None:
    store = UnreliableStore()
    async with Server([SUBNET], listen=LOOPBACK, store=store) as server:
        store.winner = Lease(int(IPv4Address("10.0.0.10")), b"another", 1, b"another", 0, 0, 0xFFFFFFFF)
        client = client_of(server, 1)
        with pytest.raises(ClientError, match="refused"):
            await asyncio.to_thread(client.lease)
        assert (await asyncio.to_thread(client.lease)).address == IPv4Address("10.0.0.11")


class SlowStore(MemoryStore):
    """A store whose commits wait until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.turns: list[int] = []

    def commit(self, changes: Sequence[LeaseChange]) -> Sequence[Refusal]:
        assert self.gate.wait(20)
        self.turns.append(len(changes))
        return super().commit(changes)


@pytest.mark.asyncio
async def test_no_ack_leaves_before_its_commit_and_what_waits_shares_one(client_of: MakeClient) -> None:
    store = SlowStore()
    callout, enough = after_requests(4)
    async with Server([SUBNET], listen=LOOPBACK, store=store, callouts=[callout]) as server:
        clients = [
            asyncio.create_task(asyncio.to_thread(client_of(server, number, timeout_s=15).lease))
            for number in (1, 2, 3, 4)
        ]
        await enough.wait()
        assert server.statistics["pkt4-ack-sent"] == 0
        store.gate.set()
        leases = await asyncio.gather(*clients)
    assert len({lease.address for lease in leases}) == 4
    assert sum(store.turns) == 4
    assert len(store.turns) <= 3


class OvertakenStore(MemoryStore):
    """A store in which another server renews a lease just before each of so many commits, which wait to be let go."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.begun = threading.Event(), threading.Event()
        self.gate.set()
        self.overtakes = 0

    def commit(self, changes: Sequence[LeaseChange]) -> Sequence[Refusal]:
        self.begun.set()
        assert self.gate.wait(20)
        rows = {row.address_int: row for row in self.snapshot()}
        if self.overtakes:
            self.overtakes -= 1
            rows = {address: row._replace(expires_s=row.expires_s + 9) for address, row in rows.items()}
        refusals = []
        for change in changes:
            row = rows.get(change.address_int)
            if row != change.before:
                refusals.append(Refusal(change, row))
            elif change.after is not None:
                rows[change.address_int] = change.after
        super().commit([LeaseChange(None, row) for row in rows.values()])
        return refusals


@pytest.mark.asyncio
async def test_what_a_client_has_released_and_leased_again_is_decided_in_its_order_though_both_are_refused(
    client_of: MakeClient,
) -> None:
    store = OvertakenStore()
    callout, enough = after_requests(2)
    async with Server([SUBNET], listen=LOOPBACK, store=store, callouts=[callout]) as server:
        client = client_of(server, 1, timeout_s=15)
        lease = await asyncio.to_thread(client.lease)
        store.begun.clear()
        store.gate.clear()
        client.release(lease)
        assert await asyncio.to_thread(store.begun.wait, 15)
        again = asyncio.create_task(asyncio.to_thread(client.lease))
        await enough.wait()
        store.overtakes = 2
        store.gate.set()
        assert (await again).address == lease.address
    (row,) = store.snapshot()
    assert row.state == LeaseState.ACTIVE
    assert list(server.engine.leases()) == [row]


@pytest.mark.asyncio
async def test_what_was_received_before_the_stop_is_answered(client_of: MakeClient) -> None:
    store = SlowStore()
    callout, enough = after_requests(1)
    server = Server([SUBNET], listen=LOOPBACK, store=store, callouts=[callout])
    await server.start()
    leasing = asyncio.create_task(asyncio.to_thread(client_of(server, 1, timeout_s=15).lease))
    await enough.wait()
    stopping = asyncio.create_task(server.stop())
    store.gate.set()
    await stopping
    assert (await leasing).address == IPv4Address("10.0.0.10")
    await server.stop()
    await server.serve_forever()


@pytest.mark.asyncio
async def test_leases_end_while_the_server_runs(client_of: MakeClient) -> None:
    now = 1000.0
    store = MemoryStore()
    deleted = asyncio.Event()
    callout = Callout("trace")
    callout.delete_client(lambda event: deleted.set())
    async with Server([SUBNET], listen=LOOPBACK, store=store, clock=lambda: now, callouts=[callout]) as server:
        await asyncio.to_thread(client_of(server, 1).lease)
        now += 601
        await asyncio.wait_for(deleted.wait(), 10)
    assert [LeaseState(row.state) for row in store.snapshot()] == [LeaseState.RELEASED]


@pytest.mark.asyncio
async def test_thousands_of_leases_that_end_together_end_by_small_commits_and_hold_up_nobody(
    client_of: MakeClient,
) -> None:
    number, commits = 3000, []
    expired, deleted = [], []
    all_deleted = asyncio.Event()
    callout = Callout("trace")
    callout.lease_expired(lambda event: expired.append(event.lease.address_int))

    @callout.delete_client
    def note(event: ClientDeleted) -> None:
        deleted.append(event.address_int)
        if len(deleted) == number:
            all_deleted.set()

    class Store(MemoryStore):
        def commit(self, changes: Sequence[LeaseChange]) -> Sequence[Refusal]:
            commits.append(len(changes))
            return super().commit(changes)

    store = Store()
    first = 0x0A000100
    rows = [
        Lease(first + host, b"\xff" + host.to_bytes(4, "big"), 1, b"", LeaseState.ACTIVE, 400, 1000)
        for host in range(number)
    ]
    store.commit([LeaseChange(None, row) for row in rows])
    commits.clear()
    subnet = Subnet(network="10.0.0.0/16", pools=["10.0.1.0-10.0.20.0"], lease_time_s=600)
    async with Server([subnet], listen=LOOPBACK, store=store, clock=lambda: 1000.5, callouts=[callout]) as server:
        client = client_of(server, 1, timeout_s=15)
        while not all_deleted.is_set():
            await asyncio.to_thread(client.lease)
    assert sorted(expired) == sorted(deleted) == [row.address_int for row in rows]
    assert max(commits) <= 110
    assert {row.state for row in store.snapshot() if row.expires_s == 1000} == {LeaseState.RELEASED}


@pytest.mark.asyncio
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of drops")
async def test_what_the_kernel_drops_is_counted_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    told = asyncio.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "datagrams that came faster than they were read" in record.getMessage():
                told.set()

    listener = Listener()
    logging.getLogger("dhcpcallout.server").addHandler(listener)
    try:
        async with Server([SUBNET], listen=LOOPBACK) as server:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
                for _ in range(40_000):  # meanwhile the server, in this very thread, reads nothing
                    flood.sendto(b"x", server.addresses[0])
            await asyncio.wait_for(told.wait(), 20)
            drops = server.statistics["pkt4-socket-drop"]
    finally:
        logging.getLogger("dhcpcallout.server").removeHandler(listener)
    assert 0 < drops < 40_000
    assert f"the kernel dropped {drops} datagrams" in caplog.text


@pytest.mark.asyncio
async def test_a_reply_that_a_fault_keeps_from_being_sent_costs_no_other_client_its_own(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    send = UdpTransport.send

    def fail_for_the_first(transport: UdpTransport, outgoing: Outgoing) -> None:
        if outgoing.hardware_address.endswith(b"\1"):
            raise RuntimeError("a fault of ours")
        send(transport, outgoing)

    monkeypatch.setattr(UdpTransport, "send", fail_for_the_first)
    async with Server([SUBNET], listen=LOOPBACK) as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as clients:
            clients.setblocking(False)
            for number in (b"\1", b"\2"):  # both come in one turn
                discover = Packet(chaddr=b"\2\0\0\0\0" + number, options={53: bytes((MessageType.DISCOVER,))})
                clients.sendto(discover.encode(), server.addresses[0])
            reply = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(clients, 1500), 15)
    assert decode(reply).chaddr.endswith(b"\2")
    assert "a fault of ours" in caplog.text


@pytest.mark.asyncio
async def test_a_server_that_cannot_listen_says_where_and_closes_its_store() -> None:
    closed: list[bool] = []

    class Store(MemoryStore):
        def close(self) -> None:
            closed.append(True)

    async with Server([SUBNET], listen=LOOPBACK) as server:
        host, port = server.addresses[0]
        with pytest.raises(TransportError, match=rf"{host}:{port}"):
            await Server([SUBNET], listen=[f"{host}:{port}"], store=Store()).start()
    assert closed == [True]


@pytest.mark.asyncio
async def test_a_callout_whose_on_load_refuses_stops_the_start() -> None:
    callout = Callout("picky")

    @callout.on_load
    def refuse(entry: CalloutEntry) -> None:
        raise RuntimeError("not today")

    with pytest.raises(RuntimeError, match="not today"):
        await Server([SUBNET], listen=LOOPBACK, callouts=[callout]).start()


@pytest.mark.asyncio
async def test_two_servers_live_in_one_process(client_of: MakeClient) -> None:
    async with Server([SUBNET], listen=LOOPBACK) as one, Server([SUBNET], listen=LOOPBACK) as other:
        leases = [await asyncio.to_thread(client_of(server, n).lease) for n, server in enumerate((one, other))]
        assert [lease.address for lease in leases] == [IPv4Address("10.0.0.10")] * 2


@pytest.mark.asyncio
async def test_a_fault_of_the_store_that_is_no_commit_error_ends_the_server_loudly(client_of: MakeClient) -> None:
    class Broken(MemoryStore):
        def commit(self, changes: Sequence[LeaseChange]) -> Sequence[Refusal]:
            raise ZeroDivisionError("a bug")

    async with Server([SUBNET], listen=LOOPBACK, store=Broken()) as server:
        serving = asyncio.create_task(server.serve_forever())
        leasing = asyncio.create_task(asyncio.to_thread(client_of(server, 1, timeout_s=0.05).lease))
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(serving, 10)
        with pytest.raises(ClientError):
            await leasing


def configuration(folder: Path, *lines: str, store: str = "sqlite:leases.db") -> Path:
    file = folder / "dhcp.toml"
    text = f"""
[server]
listen = ["127.0.0.1:0"]
[leases]
store = "{store}"
[[subnet]]
network = "10.0.0.0/24"
pools = ["10.0.0.10-10.0.0.99"]
"""
    file.write_text(text + "\n".join(lines))
    return file


@pytest.mark.asyncio
async def test_a_server_is_made_from_a_file(client_of: MakeClient, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from dhcpcallout import Callout, Drop\n"
        "callout = Callout('mine')\n"
        "callout.new_packet(lambda event: Drop() if event.packet.chaddr[-1] == 2 else None)\n"
    )
    file = configuration(tmp_path, "[callouts]", "CalloutEnabled = 1", f"CalloutDlls = ['{tmp_path}/mine.py']")
    async with Server.from_file(file) as server:
        assert (await asyncio.to_thread(client_of(server, 1).lease)).address == IPv4Address("10.0.0.10")
        with pytest.raises(ClientError):
            await asyncio.to_thread(client_of(server, 2, timeout_s=0.05).lease)
        assert server.statistics["pkt4-drop-gen-failure"] == 3
    assert (tmp_path / "leases.db").exists()


def test_a_foreign_lease_file_stops_the_start_and_is_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "leases.db"
    foreign.write_bytes(b"my diary")
    with pytest.raises(StoreOpenError):
        Server.from_file(configuration(tmp_path))
    assert foreign.read_bytes() == b"my diary"


def test_a_place_to_listen_that_is_none_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="is not an address and a port"):
        Server([SUBNET], listen=["localhost"])


def test_importing_the_package_loads_the_core_alone(run_python: Callable[[str], str]) -> None:
    loaded: Iterable[str] = run_python("import dhcpcallout, sys; print(' '.join(sys.modules))").split()
    assert not {"asyncio", "pydantic", "typer", "cffi", "sqlite3", "dpkt", "socket"} & set(loaded)


def test_control_codes_reach_the_callouts() -> None:
    seen: list[ControlCode] = []
    callout = Callout("trace")
    callout.control(lambda event: seen.append(event.code))
    server = Server([SUBNET], listen=LOOPBACK, callouts=[callout])
    server.pause()
    server.resume()
    assert seen == [ControlCode.PAUSE, ControlCode.CONTINUE]


# Async functions of callouts


def is_from(event: PacketEvent, number: int) -> bool:
    return event.packet is not None and event.packet.chaddr[-1] == number


@pytest.mark.asyncio
async def test_an_async_function_holds_up_its_own_client_alone(client_of: MakeClient) -> None:
    callout, arrived, gate = Callout("slow"), asyncio.Event(), asyncio.Event()

    @callout.new_packet
    async def wait(event: PacketReceived) -> None:
        if is_from(event, 1):
            arrived.set()
            await gate.wait()

    async with Server([SUBNET], listen=LOOPBACK, callouts=[callout], parked_timeout_s=60) as server:
        first = asyncio.create_task(asyncio.to_thread(client_of(server, 1, timeout_s=15).lease))
        await arrived.wait()
        assert (await asyncio.to_thread(client_of(server, 2).lease)).address == IPv4Address("10.0.0.10")
        assert not first.done()
        gate.set()
        assert (await first).address == IPv4Address("10.0.0.11")
        assert server.engine.hooks.faults == [0]


@pytest.mark.asyncio
@pytest.mark.parametrize("slot", [slot.name for slot in ABI_SLOTS if slot.may_be_async])
async def test_a_function_of_any_packet_slot_may_be_async(slot: str, client_of: MakeClient) -> None:
    callout, called = Callout("slow"), 0

    async def slow(event: object) -> None:
        nonlocal called
        await asyncio.sleep(0)
        called += 1

    callout.register(slot, slow)
    store = UnreliableStore()
    async with Server([SUBNET], listen=LOOPBACK, callouts=[callout], store=store) as server:
        client = client_of(server, 1)
        lease = await asyncio.to_thread(client.lease)
        with pytest.raises(ClientError, match="refused"):
            await asyncio.to_thread(client.reboot, IPv4Address("192.0.2.1"))
        store.fails = True
        with pytest.raises(ClientError, match="no answer"):
            await asyncio.to_thread(client_of(server, 2, timeout_s=0.05).lease)
        store.fails = False
        store.winner = Lease(int(IPv4Address("10.0.0.11")), b"another", 1, b"another", 0, 0, 0xFFFFFFFF)
        with pytest.raises(ClientError, match="refused"):
            await asyncio.to_thread(client_of(server, 3).lease)
        client.release(lease)
        await asyncio.to_thread(client_of(server, 4).lease)
    assert called
    assert not len(server.engine.parking)
    assert server.engine.hooks.faults == [0]


@pytest.mark.asyncio
@pytest.mark.parametrize("on_timeout", ["drop", "continue"])
async def test_a_function_that_takes_too_long_is_cancelled(on_timeout: Any, client_of: MakeClient) -> None:
    callout, cancelled = Callout("slow"), asyncio.Event()

    @callout.handle_options
    async def hang(event: OptionsParsed) -> None:
        if event.packet is not None and event.packet.message_type is MessageType.DISCOVER:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

    server = Server([SUBNET], listen=LOOPBACK, callouts=[callout], parked_timeout_s=0.1, on_timeout=on_timeout)
    async with server:
        patience_s = 15 if on_timeout == "continue" else 0.3
        leasing = asyncio.to_thread(client_of(server, 1, timeout_s=patience_s, attempts=1).lease)
        if on_timeout == "continue":
            assert (await leasing).address == IPv4Address("10.0.0.10")
        else:
            with pytest.raises(ClientError, match="no answer"):
                await leasing
        await cancelled.wait()
    assert server.statistics["pkt4-drop-timeout"] == (on_timeout == "drop")
    assert server.engine.hooks.faults == [1]
    assert not server.engine.parking.strays


@pytest.mark.asyncio
@pytest.mark.parametrize("error", [RuntimeError("no luck"), TimeoutError(), asyncio.CancelledError(), SystemExit(1)])
async def test_an_async_function_that_fails_costs_nobody_the_answer(
    error: BaseException, client_of: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    callout = Callout("faulty")

    @callout.new_packet
    async def fail(event: object) -> None:
        await asyncio.sleep(0)
        raise error

    async with Server([SUBNET], listen=LOOPBACK, callouts=[callout]) as server:
        await asyncio.to_thread(client_of(server, 1).lease)
        assert server.engine.hooks.faults == [2]
        assert not server.statistics["pkt4-receive-drop"]
    assert [getattr(record, "event_id", None) for record in caplog.records] == [1031, 1031]


@pytest.mark.asyncio
async def test_a_function_that_will_not_be_cancelled_takes_room_until_it_ends(client_of: MakeClient) -> None:
    callout, gate, started = Callout("stubborn"), asyncio.Event(), asyncio.Event()

    @callout.new_packet
    async def insist(event: PacketReceived) -> None:
        if is_from(event, 1):
            started.set()
            while not gate.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await gate.wait()
            raise RuntimeError("nobody listens any more")

    server = Server([SUBNET], listen=LOOPBACK, callouts=[callout], parked_timeout_s=0.01, max_parked=2)
    async with server:
        with pytest.raises(ClientError, match="no answer"):
            await asyncio.to_thread(client_of(server, 1, timeout_s=0.3, attempts=1).lease)
        assert server.engine.parking.strays == 1
        await asyncio.to_thread(client_of(server, 2).lease)
        with pytest.raises(ClientError, match="no answer"):
            await asyncio.to_thread(client_of(server, 1, timeout_s=0.3, attempts=1).lease)
        with pytest.raises(ClientError, match="no answer"):
            await asyncio.to_thread(client_of(server, 3, timeout_s=0.3, attempts=1).lease)
        assert server.statistics["pkt4-drop-nomem"] == 1
        gate.set()
        await asyncio.to_thread(client_of(server, 3).lease)
        assert not server.engine.parking.strays


@pytest.mark.asyncio
async def test_a_reply_does_not_wait_for_what_is_done_after_it(client_of: MakeClient) -> None:
    callout, gate = Callout("accounting"), asyncio.Event()

    @callout.packet_drop
    async def account(event: PacketDropped) -> None:
        await gate.wait()

    async with Server([SUBNET], listen=LOOPBACK, callouts=[callout], parked_timeout_s=60) as server:
        await asyncio.to_thread(client_of(server, 1, timeout_s=15).lease)
        assert len(server.engine.parking) == 2
        gate.set()
    assert not len(server.engine.parking)


@pytest.mark.asyncio
async def test_a_stop_waits_for_parked_packets_until_they_are_answered_or_their_time_is_over(
    client_of: MakeClient,
) -> None:
    callout, gate, waiting = Callout("slow"), asyncio.Event(), asyncio.Semaphore(0)
    fired: list[str] = []
    callout.control(lambda event: fired.append(event.code.name))
    callout.packet_drop(lambda event: fired.append(event.reason.name))

    @callout.new_packet
    async def wait(event: PacketReceived) -> None:
        waiting.release()
        await (gate if is_from(event, 1) else asyncio.Event()).wait()

    server = Server([SUBNET], listen=LOOPBACK, callouts=[callout], parked_timeout_s=1.5)
    await server.start()
    leasing = [asyncio.create_task(asyncio.to_thread(client_of(server, number, attempts=1).lease)) for number in (1, 2)]
    for _ in leasing:
        await waiting.acquire()
    stopping = asyncio.create_task(server.stop())
    await asyncio.sleep(0)
    gate.set()
    await stopping
    assert fired == ["START", "PROCESSED", "TIMEOUT", "PROCESSED", "STOP"]
    assert server.statistics["pkt4-offer-sent"] == 1
    for result in await asyncio.gather(*leasing, return_exceptions=True):
        assert isinstance(result, ClientError)


@pytest.mark.asyncio
@pytest.mark.parametrize("step", ["receive", "finish"])
async def test_a_fault_of_ours_in_a_packet_is_logged_and_the_server_goes_on(
    client_of: MakeClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    async with Server([SUBNET], listen=LOOPBACK) as server:
        with monkeypatch.context() as broken:
            broken.setattr(server.engine, step, None)
            with pytest.raises(ClientError, match="no answer"):
                await asyncio.to_thread(client_of(server, 1, timeout_s=0.2, attempts=1).lease)
        assert server.statistics["pkt4-processing-failed"] == 1
        assert "could not be processed" in caplog.text
        await asyncio.to_thread(client_of(server, 1).lease)


@pytest.mark.asyncio
async def test_a_fault_of_ours_in_a_commit_is_logged_and_the_server_goes_on(
    client_of: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Server([SUBNET], listen=LOOPBACK) as server:
        client = client_of(server, 1, timeout_s=0.2, attempts=1)
        lease = await asyncio.to_thread(client.lease)
        with monkeypatch.context() as broken:
            broken.setattr(server.engine, "finish", None)
            with pytest.raises(ClientError, match="no answer"):
                await asyncio.to_thread(client.renew, lease.address)
        assert (await asyncio.to_thread(client.renew, lease.address)).address == lease.address


@pytest.mark.asyncio
async def test_a_fault_of_ours_in_a_parked_packet_is_logged_and_leaves_nothing(
    client_of: MakeClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    callout = Callout("slow")

    @callout.handle_options
    async def wait(event: OptionsParsed) -> None:
        await asyncio.sleep(0)

    async with Server([SUBNET], listen=LOOPBACK, callouts=[callout]) as server:
        with monkeypatch.context() as broken:
            broken.setattr(server.engine._handling, "handle", None)
            with pytest.raises(ClientError, match="no answer"):
                await asyncio.to_thread(client_of(server, 1, timeout_s=0.2, attempts=1).lease)
        assert server.statistics["pkt4-processing-failed"] == 1
        assert "could not be processed" in caplog.text
        assert not len(server.engine.parking)
        await asyncio.to_thread(client_of(server, 1).lease)


class ExactStore(MemoryStore):
    """A store that takes a change only if its row is the one that the change rests on."""

    def commit(self, changes: Sequence[LeaseChange]) -> Sequence[Refusal]:
        rows = {row.address_int: row for row in self.snapshot()}
        for change in changes:
            assert rows.get(change.address_int) == change.before
            if change.after is not None:
                rows[change.address_int] = change.after
        return super().commit(changes)


@pytest.mark.asyncio
async def test_what_waiting_packets_change_becomes_durable_in_the_order_of_the_decisions(client_of: MakeClient) -> None:
    callout, store = Callout("probe"), ExactStore()
    asked: list[int] = []

    @callout.select_address
    async def probe(event: AddressSelected) -> InUse | None:
        asked.append(event.address_int)
        for _ in range(len(asked) % 3):
            await asyncio.sleep(0)
        return InUse() if event.address_int % 2 else None

    @callout.lease_committed
    async def account(event: LeaseCommitted) -> None:
        await asyncio.sleep(0)
        assert event.lease in store.snapshot()

    async with Server([SUBNET], listen=LOOPBACK, store=store, callouts=[callout], parked_timeout_s=60) as server:
        leasing = [asyncio.to_thread(client_of(server, number, timeout_s=15).lease) for number in range(20, 36)]
        leases = await asyncio.gather(*leasing)
        assert server.engine.hooks.faults == [0]
        assert sorted(store.snapshot()) == sorted(server.engine.leases())
    assert len({lease.address for lease in leases}) == len(leases)
    assert all(int(lease.address) % 2 == 0 for lease in leases)
    assert {row.address_int % 2 for row in store.snapshot() if row.state == LeaseState.DECLINED} == {1}


@pytest.mark.asyncio
async def test_what_others_rest_on_is_durable_though_the_packet_that_changed_it_waits(client_of: MakeClient) -> None:
    callout, store, gate, arrived = Callout("probe"), ExactStore(), asyncio.Event(), asyncio.Event()
    now = 1000.0

    @callout.select_address
    async def probe(event: AddressSelected) -> None:
        if is_from(event, 3):
            arrived.set()
            await gate.wait()

    subnet = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.11"], lease_time_s=600)
    server = Server([subnet], listen=LOOPBACK, store=store, callouts=[callout], parked_timeout_s=60, clock=lambda: now)
    async with server:
        for number in (1, 2):
            await asyncio.to_thread(client_of(server, number).lease)
        now += 600
        first = asyncio.create_task(asyncio.to_thread(client_of(server, 3, timeout_s=15).lease))
        await arrived.wait()
        second = await asyncio.to_thread(client_of(server, 4).lease)
        gate.set()
        assert {(await first).address, second.address} == {IPv4Address("10.0.0.10"), IPv4Address("10.0.0.11")}
        assert sorted(store.snapshot()) == sorted(server.engine.leases())
