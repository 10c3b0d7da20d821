"""The commands about leases, asked of a real server: memory, hooks, store and clients agree on what they change."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpcallout import Callout, Client, Server, SharedNetwork, Subnet
from dhcpcallout.codes import INFINITE
from dhcpcallout.control import Result
from dhcpcallout.control.address import HAS_UNIX_SOCKETS
from dhcpcallout.control.client import ControlClient
from dhcpcallout.control.leases import LeaseCommands
from dhcpcallout.engine import Engine
from dhcpcallout.errors import CommitError, StoreError
from dhcpcallout.events import ClientDeleted
from dhcpcallout.leases import EVERY_LEASE, Lease, LeaseChange, LeaseQuery, LeaseState, LeaseStore, Refusal
from dhcpcallout.stores import MemoryStore, SqliteStore

pytestmark = pytest.mark.skipif(not HAS_UNIX_SOCKETS, reason="this system has no Unix sockets")

NOW = 1_700_000_000
NETWORKS: list[Subnet | SharedNetwork] = [
    Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.12"], lease_time_s=600),
    SharedNetwork(name="hall", subnets=[Subnet(network="10.2.0.0/16"), Subnet(network="10.1.0.0/16")]),
]
PRINTER = {"ip-address": "10.0.0.11", "hw-address": "02:00:00:00:00:01", "hostname": "Printer", "valid-lft": 600}
PRINTER_ROW = Lease(0x0A00000B, b"\1\2\0\0\0\0\1", 1, b"\2\0\0\0\0\1", LeaseState.ACTIVE, NOW, NOW + 600, "Printer")


class Desk:
    """A running server, its clock, its control socket, and whom its callouts were told to have lost a lease."""

    def __init__(self, server: Server, client: ControlClient, deleted: list[str]) -> None:
        self.server = server
        self.client = client
        self.deleted = deleted

    async def ask(self, command: str, **arguments: Any) -> tuple[Result, str, Any]:
        got = await asyncio.to_thread(self.client.ask, command, **arguments)
        return Result(got["result"]), got["text"], got.get("arguments")

    async def add(self, **changes: Any) -> Result:
        arguments = {name.replace("-", "_"): value for name, value in PRINTER.items()} | changes
        return (await self.ask("lease4-add", **arguments))[0]

    async def lease(self, number: int) -> str:
        host, port = self.server.addresses[0]
        hardware_address = b"\2\0" + number.to_bytes(4, "big")

        def lease() -> str:
            with Client(host, port, hardware_address=hardware_address, timeout_s=10) as client:
                return str(client.lease().address)

        return await asyncio.to_thread(lease)


@asynccontextmanager
async def running(folder: Path, store: LeaseStore | None = None, now: float = NOW) -> AsyncIterator[Desk]:
    callout, deleted = Callout("accounts"), []

    @callout.delete_client
    def delete(event: ClientDeleted) -> None:
        deleted.append(str(event.address))

    server = Server(
        NETWORKS,
        listen=["127.0.0.1:0"],
        store=store if store is not None else SqliteStore(folder / "leases.db"),
        callouts=[callout],
        control=folder / "control",
        clock=lambda: now,
    )
    async with server:
        with ControlClient(folder / "control") as client:
            yield Desk(server, client, deleted)


@pytest.mark.asyncio
async def test_a_lease_that_is_added_is_durable_when_that_is_answered_and_its_clients(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "leases.db")
    async with running(tmp_path, store) as desk:
        got = await desk.ask("lease4-add", **{name.replace("-", "_"): value for name, value in PRINTER.items()})
        assert got == (Result.SUCCESS, "Lease for address 10.0.0.11, subnet-id 1 added.", None)
        assert list(store.snapshot()) == [PRINTER_ROW]
        assert await desk.lease(1) == "10.0.0.11"
        assert [await desk.lease(number) for number in (2, 3)] == ["10.0.0.10", "10.0.0.12"]
        assert await desk.add() is Result.CONFLICT
        assert desk.deleted == []


@pytest.mark.asyncio
async def test_a_lease_that_is_deleted_is_gone_from_the_store_and_the_callouts_are_told(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "leases.db")
    async with running(tmp_path, store) as desk:
        assert await desk.lease(7) == "10.0.0.10"
        got = await desk.ask("lease4-del", ip_address="10.0.0.10")
        assert got == (Result.SUCCESS, "IPv4 lease deleted.", None)
        assert list(store.snapshot()) == []
        assert desk.deleted == ["10.0.0.10"]
        assert (await desk.ask("lease4-del", ip_address="10.0.0.10"))[0] is Result.EMPTY
        assert await desk.lease(8) == "10.0.0.10"


@pytest.mark.asyncio
async def test_a_lease_is_updated_whoever_has_it(tmp_path: Path) -> None:
    async with running(tmp_path) as desk:
        update = {name.replace("-", "_"): value for name, value in PRINTER.items()}
        assert (await desk.ask("lease4-update", **update))[0] is Result.EMPTY
        assert (await desk.ask("lease4-update", **update, force_create=True))[1] == "IPv4 lease added."
        longer = update | {"valid_lft": INFINITE, "hostname": "renamed"}
        assert (await desk.ask("lease4-update", **longer))[1] == "IPv4 lease updated."
        assert desk.deleted == []
        assert (await desk.ask("lease4-update", **update | {"hw_address": "02:00:00:00:00:02"}))[0] is Result.SUCCESS
        assert desk.deleted == ["10.0.0.11"]
        assert await desk.lease(2) == "10.0.0.11"


@pytest.mark.asyncio
async def test_an_address_that_nobody_holds_any_more_may_be_added(tmp_path: Path) -> None:
    store = MemoryStore()
    released = PRINTER_ROW._replace(state=int(LeaseState.RELEASED), client_key=b"other")
    store.commit([LeaseChange(None, released)])
    async with running(tmp_path, store) as desk:
        assert await desk.add() is Result.SUCCESS
        assert list(store.snapshot()) == [PRINTER_ROW]


@pytest.mark.asyncio
async def test_leases_are_found_by_what_they_have(tmp_path: Path) -> None:
    async with running(tmp_path) as desk:
        await desk.add()
        await desk.add(ip_address="10.1.0.1", client_id="ff:01:02")
        await desk.add(ip_address="10.2.0.1", hw_address="02:00:00:00:00:02", hostname="")
        result, text, lease = await desk.ask("lease4-get", ip_address="10.0.0.11")
        assert (result, text) == (Result.SUCCESS, "IPv4 lease found.")
        assert lease == {
            "ip-address": "10.0.0.11",
            "hw-address": "02:00:00:00:00:01",
            "subnet-id": 1,
            "valid-lft": 600,
            "cltt": NOW,
            "hostname": "Printer",
            "fqdn-fwd": False,
            "fqdn-rev": False,
            "state": 0,
        }
        assert (await desk.ask("lease4-get", ip_address="10.0.0.12"))[0] is Result.EMPTY

        async def found(command: str, **arguments: Any) -> list[tuple[str, int]]:
            result, _, told = await desk.ask(command, **arguments)
            assert result is (Result.SUCCESS if told["leases"] else Result.EMPTY)
            return [(lease["ip-address"], lease["subnet-id"]) for lease in told["leases"]]

        everything = [("10.0.0.11", 1), ("10.1.0.1", 3), ("10.2.0.1", 2)]
        assert await found("lease4-get-all") == everything
        assert await found("lease4-get-all", subnets=[3, 1]) == everything[:2]
        assert await found("lease4-get-all", subnets=[]) == []
        assert await found("lease4-get-by-hw-address", hw_address="02:00:00:00:00:01") == everything[:2]
        assert await found("lease4-get-by-client-id", client_id="ff:01:02") == everything[1:2]
        assert await found("lease4-get-by-client-id", client_id="01:02:00:00:00:00:02") == everything[2:]
        assert await found("lease4-get-by-hostname", hostname="printer") == everything[:2]
        assert await found("lease4-get-by-hostname", hostname="x") == []
        assert await found("lease4-get-page", **{"from": "start", "limit": 2}) == everything[:2]
        assert await found("lease4-get-page", **{"from": "10.1.0.1", "limit": 2}) == everything[2:]
        assert await found("lease4-get-page", **{"from": "10.2.0.1", "limit": 1000}) == []


@pytest.mark.asyncio
async def test_more_leases_than_an_answer_may_have_come_in_pages(tmp_path: Path) -> None:
    store = MemoryStore()
    store.commit([LeaseChange(None, PRINTER_ROW._replace(address_int=0x0A010000 + n)) for n in range(1001)])
    async with running(tmp_path, store) as desk:
        result, text, _ = await desk.ask("lease4-get-all")
        assert (result, "lease4-get-page" in text) == (Result.ERROR, True)
        seen, start = 0, "start"
        while (page := await desk.ask("lease4-get-page", **{"from": start, "limit": 400}))[0] is Result.SUCCESS:
            seen += page[2]["count"]
            start = page[2]["leases"][-1]["ip-address"]
        assert (seen, start) == (1001, "10.1.3.232")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("command", "arguments", "text"),
    [
        ("lease4-add", {}, "ip-address is missing"),
        ("lease4-add", {"ip_address": "192.0.2.1", "hw_address": "02:00:00:00:00:01"}, "is in no subnet"),
        ("lease4-add", {"ip_address": "10.0.0.11"}, "neither a client identifier nor"),
        ("lease4-del", {"ip_address": 7}, "ip-address must be given"),
        ("lease4-get", {"ip_address": "bogus"}, "'bogus' is not an IPv4 address"),
        ("lease4-get", {}, "ip-address must be given"),
        ("lease4-get-by-hw-address", {"hw_address": "xx"}, "is not hexadecimal"),
        ("lease4-get-page", {"from": "start", "limit": 0}, "limit must be 1 to 1000"),
        ("lease4-get-page", {"from": "start", "limit": 1001}, "limit must be 1 to 1000"),
        ("lease4-get-page", {"from": "here", "limit": 1}, "is not an IPv4 address"),
        ("lease4-get-all", {"subnets": ["1"]}, "subnets must be an array"),
        ("lease4-bulk-apply", {}, "leases must be an array"),
        ("lease4-bulk-apply", {"leases": [], "replace": 1}, "replace a boolean"),
    ],
)
async def test_what_cannot_be_done_is_told(command: str, arguments: Any, text: str, tmp_path: Path) -> None:
    async with running(tmp_path, MemoryStore()) as desk:
        result, told, _ = await desk.ask(command, **arguments)
        assert result is Result.ERROR
        assert text in told
        assert not list(desk.server.engine.leases())


@pytest.mark.asyncio
async def test_many_leases_are_applied_at_once_and_each_that_cannot_be_is_told(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "leases.db")
    async with running(tmp_path, store) as desk:
        await desk.add()
        many = [PRINTER | {"ip-address": f"10.1.{n >> 8}.{n & 255}", "hostname": f"h{n}"} for n in range(250)]
        taken = PRINTER | {"hw-address": "02:00:00:00:00:09"}
        wrong: list[Any] = [PRINTER, taken, {"ip-address": "192.0.2.1"}, PRINTER | {"ip-address": "192.0.2.1"}, 7]
        result, text, told = await desk.ask("lease4-bulk-apply", leases=[*many, *wrong], replace=False)
        assert (result, text) == (Result.SUCCESS, "Bulk apply of 255 IPv4 leases completed.")
        assert told["unchanged"] == 1
        assert [(one["ip-address"], one["result"]) for one in told["failed-leases"]] == [
            ("10.0.0.11", 4),
            ("192.0.2.1", 1),
            ("192.0.2.1", 1),
            ("", 1),
        ]
        assert len(list(store.snapshot())) == 251
        assert desk.deleted == []
        _, _, told = await desk.ask("lease4-bulk-apply", leases=[*many, taken])
        assert told == {"unchanged": 250, "failed-leases": []}
        assert desk.deleted == ["10.0.0.11"]


class FailingStore(MemoryStore):
    """A store that can be made to fail, or to let another server win."""

    fails = False
    winner: Lease | None = None

    def commit(self, changes: Sequence[LeaseChange]) -> Sequence[Refusal]:
        if self.fails:
            raise CommitError("the disk is full")
        if self.winner is not None:
            return [Refusal(change, self.winner) for change in changes]
        return super().commit(changes)


@pytest.mark.asyncio
async def test_what_cannot_become_durable_did_not_happen(tmp_path: Path) -> None:
    store = FailingStore()
    async with running(tmp_path, store) as desk:
        await desk.add()
        before = list(desk.server.engine.leases())
        store.fails = True
        for command, arguments in (
            ("lease4-add", PRINTER | {"ip-address": "10.0.0.12"}),
            ("lease4-update", PRINTER | {"hostname": "renamed"}),
            ("lease4-del", PRINTER),
            (
                "lease4-bulk-apply",
                {"leases": [PRINTER | {"hostname": "renamed"}, PRINTER | {"ip-address": "10.1.0.1"}]},
            ),
        ):
            named: dict[str, Any] = {name.replace("-", "_"): value for name, value in arguments.items()}
            result, text, _ = await desk.ask(command, **named)
            assert result is Result.ERROR
            assert "the disk is full" in text
            assert list(desk.server.engine.leases()) == before
        store.fails = False
        assert (await desk.ask("lease4-del", ip_address="10.0.0.11"))[0] is Result.SUCCESS


@pytest.mark.asyncio
async def test_another_servers_change_wins_and_that_is_told(tmp_path: Path) -> None:
    store = FailingStore()
    async with running(tmp_path, store) as desk:
        store.winner = PRINTER_ROW._replace(client_key=b"other", hostname="theirs")
        result, text, _ = await desk.ask("lease4-update", ip_address="10.0.0.11", hw_address="02", force_create=True)
        assert (result, "another server" in text) == (Result.ERROR, True)
        assert [row.hostname for row in desk.server.engine.leases()] == ["theirs"]
        _, _, told = await desk.ask("lease4-bulk-apply", leases=[PRINTER | {"hostname": "ours"}])
        assert [one["result"] for one in told["failed-leases"]] == [Result.CONFLICT]


class UnreadableStore(MemoryStore):
    def load(self) -> Iterator[Lease]:
        return iter(())

    def snapshot(self, query: LeaseQuery = EVERY_LEASE) -> Iterator[Lease]:
        raise StoreError("the disk is gone")


@pytest.mark.asyncio
async def test_a_store_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    async with running(tmp_path, UnreadableStore()) as desk:
        for command, arguments in (("lease4-get-all", {}), ("lease4-get", {"ip_address": "10.0.0.1"})):
            assert (await desk.ask(command, **arguments))[:2] == (Result.ERROR, "the disk is gone")


@pytest.mark.asyncio
async def test_clients_are_served_where_there_can_be_no_control_socket(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server(NETWORKS, listen=["127.0.0.1:0"], control=tmp_path / "missing" / "control", clock=lambda: NOW)
    async with server:
        host, port = server.addresses[0]
        with Client(host, port, timeout_s=10) as client:
            assert str((await asyncio.to_thread(client.lease)).address) == "10.0.0.10"
    assert any("no control socket at" in record.message for record in caplog.records)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.just("10.0.0.11"),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=6,
)
NAMES = ["ip-address", "hw-address", "client-id", "hostname", "valid-lft", "cltt", "expire", "state", "user-context"]
likely = {
    "ip-address": st.sampled_from(["10.0.0.11", "10.1.0.1", 7]),
    "hw-address": st.sampled_from(["02:01", "02:02", "zz", 5]),
    "valid-lft": st.sampled_from([1, 600, INFINITE, 0, "x"]),
}
leases_given = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, json_values) | likely)
arguments_given = leases_given | st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(["from", "limit", "subnets", "replace", "force-create"], json_values)
    | {"leases": st.lists(json_values | leases_given, max_size=4)},
)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 9), arguments_given), max_size=5))
def test_whatever_is_asked_is_answered_or_a_mistake_of_the_peers(asked: list[tuple[int, dict[str, Any]]]) -> None:
    engine, store = Engine(NETWORKS), MemoryStore()

    async def make_durable(changes: list[LeaseChange]) -> Sequence[Refusal]:
        return store.commit(changes)

    async def ask() -> None:
        desk = LeaseCommands(engine, store, make_durable, lambda: NOW, lambda _: 1)
        commands = [command for _, command in sorted(desk.commands().items())]
        for number, arguments in asked:
            with suppress(ValueError):
                json.dumps(await commands[number](arguments))

    asyncio.run(ask())
    assert sorted(engine.leases()) == list(store.snapshot())
