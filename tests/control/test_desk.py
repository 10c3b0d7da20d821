"""Changing leases in the store, and through the server that has it: both do the same."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dhcpcallout import Server, Subnet
from dhcpcallout.control.address import HAS_UNIX_SOCKETS, control_path
from dhcpcallout.control.desk import open_desk
from dhcpcallout.errors import ControlError, StoreOpenError
from dhcpcallout.leases import Lease, LeaseChange
from dhcpcallout.stores import SqliteStore
from dhcpcallout.stores.transfer import Tally

NOW = 1000


def row(last: int, client: bytes = b"a1", **fields: object) -> Lease:
    return Lease(0x0A000000 + last, client, 1, b"\2\3", 0, 900, 2000)._replace(**fields)  # type: ignore[arg-type]


@contextmanager
def _no_server(path: Path) -> Iterator[None]:
    yield


@contextmanager
def _server(path: Path) -> Iterator[None]:
    """A server on the lease file, in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def make() -> Server:
        server = Server(
            [Subnet(network="10.0.0.0/8")],
            listen=["127.0.0.1:0"],
            store=SqliteStore(path),
            control=control_path(path),
            clock=lambda: NOW,
        )
        await server.start()
        return server

    server = asyncio.run_coroutine_threadsafe(make(), loop).result(20)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


KINDS: dict[str, Callable[[Path], object]] = {"no server": _no_server}
if HAS_UNIX_SOCKETS:
    KINDS["server"] = _server


@pytest.fixture(params=KINDS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "leases.db"
    with KINDS[request.param](path):  # type: ignore[attr-defined]
        yield path


def test_leases_are_added_and_deleted(path: Path) -> None:
    with open_desk(f"sqlite:{path}", control_path(path)) as desk:
        assert list(desk.leases()) == []
        assert desk.add(row(1, hostname="a\nb", relay_information=b"\1\1x"), NOW, replace=False)
        assert list(desk.leases()) == [row(1, hostname="a\nb", relay_information=b"\1\1x")]
        assert not desk.add(row(1, b"b2"), NOW, replace=False)
        assert desk.add(row(1, b"b2"), NOW, replace=True)
        assert desk.add(row(2), NOW, replace=True)
        assert list(desk.leases()) == [row(1, b"b2"), row(2)]
        assert desk.delete(row(1).address_int)
        assert not desk.delete(row(1).address_int)
        assert list(desk.leases()) == [row(2)]


def test_many_changes_are_made_in_several_parts(path: Path) -> None:
    many = [row(n, hostname="x" * 200) for n in range(1, 700)]
    tally = Tally(added=699)
    with open_desk(f"sqlite:{path}", control_path(path)) as desk:
        desk.apply([LeaseChange(None, lease) for lease in many], tally, replace=False)
        assert list(desk.leases()) == many
    assert tally == Tally(added=699)


@pytest.mark.skipif(not HAS_UNIX_SOCKETS, reason="this system has no Unix sockets")
def test_what_a_server_did_not_do_is_not_counted_as_done(tmp_path: Path) -> None:
    path = tmp_path / "leases.db"
    with _server(path), open_desk(f"sqlite:{path}", control_path(path)) as desk:
        assert desk.add(row(1), NOW, replace=False)
        changes = [
            LeaseChange(row(1, b"old"), row(1, b"b2")),  # it has become another client's since it was looked at
            LeaseChange(None, row(2)),
            LeaseChange(None, row(3, address_int=0xC0000201)),
        ]
        tally = Tally(added=2, replaced=1)
        desk.apply(changes, tally, replace=False)
        assert list(desk.leases()) == [row(1), row(2)]
    assert tally == Tally(
        added=1, kept=1, refused=1, problems=["192.0.2.1: 192.0.2.1 is in no subnet of the configuration"]
    )


def test_a_store_that_a_server_without_a_control_socket_has_cannot_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "leases.db"
    store = SqliteStore(path)
    with (
        pytest.raises(ControlError, match="its control socket is off: stop it first"),
        open_desk(f"sqlite:{path}", None),
    ):
        pass
    with pytest.raises(ControlError, match="cannot be asked"), open_desk(f"sqlite:{path}", tmp_path / "none"):
        pass
    store.close()


def test_what_is_in_a_servers_memory_needs_its_control_socket() -> None:
    with pytest.raises(ControlError, match="its control socket is off"), open_desk("memory:", None):
        pass


def test_a_store_that_cannot_be_opened_is_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(StoreOpenError, match="there is no folder"), open_desk(f"sqlite:{tmp_path}/no/leases.db", None):
        pass
