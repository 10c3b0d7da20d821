"""The real server is killed, or its disk fails, under load: what was acknowledged stays, and nobody shares an address.

KILLS says how often it is killed.
"""

import asyncio
import os
import random
import re
import select
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from dhcpcallout.codes import MessageType
from dhcpcallout.engine import Subnet
from dhcpcallout.leases import EVERY_LEASE, Lease, LeaseChange, LeaseQuery, LeaseState, Refusal
from dhcpcallout.server import Server
from dhcpcallout.stores.sqlite import SqliteStore, read_leases_file
from dhcpcallout.wire import Packet, decode

KILLS = int(os.environ.get("KILLS", "6"))
PATIENCE_S = 30
CLIENTS, ADDRESSES = 300, 260
AT_ONCE = 64
ANSWER_S = 0.1
"""How long a client waits for an answer before it does something else."""

CONFIGURATION = """
[server]
listen = ["127.0.0.1:0"]
authoritative = true
[leases]
store = "sqlite:leases.db"
[[subnet]]
network = "10.0.0.0/16"
pools = ["10.0.1.0-10.0.2.3"]
lease-time = 86400
"""

Require = Callable[..., None]


def mac(client: int) -> bytes:
    return b"\x02\xcafe" + client.to_bytes(2, "big")


class Clients:
    """Clients that lease, renew and release addresses, all at once, and what the server has acknowledged to them.

    Attributes:
        held: The address that each client was acknowledged last and has not begun to release, by the client's number.
        counts: How many messages of each type were received, and how many renewals and releases sent.
        wrong: What must not have happened.
    """

    def __init__(self, number: int = CLIENTS, seed: int | None = None) -> None:
        self.number = number
        self.held: dict[int, int] = {}
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.random = random.Random(seed)
        self._waiting: dict[int, tuple[int, float, bool]] = {}
        self._released: dict[int, int] = {}
        self._xid = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self._server = ("127.0.0.1", 0)

    def close(self) -> None:
        self._socket.close()

    def run(self, port: int, until: Callable[[], bool]) -> None:
        """Have the clients do this and that until a condition holds."""
        self._server = ("127.0.0.1", port)
        limit = time.monotonic() + PATIENCE_S
        while not until():
            assert time.monotonic() < limit, f"the server does not answer: {self.counts}"
            self._forget()
            while len(self._waiting) < AT_ONCE:
                self._begin(self.random.randrange(self.number))
            if select.select([self._socket], [], [], 0.01)[0]:
                self.receive()

    def renew_all(self, port: int) -> None:
        """Have every client renew what it holds, until each has had its answer."""
        self._server = ("127.0.0.1", port)
        left = dict(self.held)
        limit = time.monotonic() + PATIENCE_S
        self._waiting.clear()
        while left and not self.wrong:
            assert time.monotonic() < limit, f"no answer to renewals of {left}"
            self._forget()
            busy = {client for client, _, _ in self._waiting.values()}
            for client in [client for client in left if client not in busy][: AT_ONCE - len(busy)]:
                self._send(client, MessageType.REQUEST, ciaddr_int=left[client], is_renewal=True)
            if select.select([self._socket], [], [], 0.01)[0]:
                for client in self.receive():
                    left.pop(client, None)

    def receive(self) -> list[int]:
        """Take in what has arrived; give the clients that were acknowledged something."""
        acknowledged: list[int] = []
        while True:
            try:
                packet = decode(self._socket.recv(1500))
            except BlockingIOError:
                return acknowledged
            except ConnectionRefusedError:  # of an earlier message: there is no server now
                continue
            waited = self._waiting.pop(packet.xid, None)
            kind = packet.message_type
            self.counts[kind.name if kind is not None else "BOOTP"] += 1
            client = int.from_bytes(packet.chaddr[4:], "big")
            if kind is MessageType.OFFER and waited is not None:
                if self.held.get(client) != packet.yiaddr_int and self.held.pop(client, None) is not None:
                    self._released[client] = self._xid  # who asks for another address has none
                self._send(
                    client,
                    MessageType.REQUEST,
                    {50: packet.yiaddr_int.to_bytes(4, "big"), 54: packet.options[54]},
                )
            elif kind is MessageType.ACK and packet.xid > self._released.get(client, 0):  # else it is of before
                self._acknowledge(client, packet.yiaddr_int)
                acknowledged.append(client)
            elif kind is MessageType.NAK and waited is not None and waited[2] and client in self.held:
                self.wrong.append(f"client {client} was refused {self.held[client]:#x}, which it had been acknowledged")

    def check(self, rows: dict[int, Lease]) -> int:
        """Look for all that is held in the rows of a store.

        Returns:
            How much that was.
        """
        assert not self.wrong
        for client, address in self.held.items():
            row = rows.get(address)
            assert row is not None, f"{address:#x} was acknowledged to client {client}, and there is no row"
            assert (row.client_key, row.state) == (b"\x01" + mac(client), LeaseState.ACTIVE)
            assert row.expires_s > time.time() + 80_000
        return len(self.held)

    def _acknowledge(self, client: int, address: int) -> None:
        for other, held in self.held.items():
            if held == address and other != client:
                self.wrong.append(f"{address:#x} was acknowledged to client {other} and then to client {client}")
        self.held[client] = address

    def _forget(self) -> None:
        over = time.monotonic() - ANSWER_S
        self._waiting = {xid: one for xid, one in self._waiting.items() if one[1] > over}

    def _begin(self, client: int) -> None:
        address = self.held.get(client)
        chance = self.random.random()
        if address is None:
            self._send(client, MessageType.DISCOVER)
        elif chance < 0.6:
            self._send(client, MessageType.REQUEST, ciaddr_int=address, is_renewal=True)
        elif chance < 0.8:  # restarted: RFC 2131 section 3.2
            self._send(client, MessageType.REQUEST, {50: address.to_bytes(4, "big")}, is_renewal=True)
        elif chance < 0.9:
            self._send(client, MessageType.DISCOVER)
        elif not any(number == client for number, _, _ in self._waiting.values()):
            del self.held[client]
            self._send(client, MessageType.RELEASE, ciaddr_int=address)
            self._released[client] = self._xid

    def _send(
        self,
        client: int,
        kind: MessageType,
        options: dict[int, bytes] | None = None,
        *,
        ciaddr_int: int = 0,
        is_renewal: bool = False,
    ) -> None:
        self._xid += 1
        packet = Packet(
            xid=self._xid, ciaddr=ciaddr_int, chaddr=mac(client), options={53: bytes((kind,))} | (options or {})
        )
        self._waiting[self._xid] = client, time.monotonic(), is_renewal
        with suppress(BlockingIOError, ConnectionRefusedError):
            self._socket.sendto(packet.encode(), self._server)


class Serving:
    """A process that serves, and what it has logged."""

    def __init__(self, configuration: Path, *before: str) -> None:
        command = [*before, sys.executable, "-m", "dhcpcallout", "serve", "-c", str(configuration)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        assert self.process.stderr is not None
        self._log = self.process.stderr
        os.set_blocking(self._log.fileno(), False)
        self._logged = b""
        self.port = int(self.wait_for(r"ready: listening on 127\.0\.0\.1:(\d+)"))

    def logged(self) -> str:
        """What it has logged by now."""
        self._logged += self._log.read() or b""
        return self._logged.decode(errors="backslashreplace")

    def wait_for(self, pattern: str) -> str:
        """Wait until what it has logged has the pattern; what its last group matched."""
        limit = time.monotonic() + PATIENCE_S
        while (match := re.search(pattern, self.logged())) is None:
            assert time.monotonic() < limit, self.logged()
            assert self.process.poll() is None, self.logged()
            select.select([self._log], [], [], 0.1)
        return match[match.re.groups]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Have it end in order."""
        self.process.terminate()
        assert self.process.wait(PATIENCE_S) == 0, self.logged()

    def close(self) -> None:
        self.kill()
        self._log.close()


@pytest.fixture
def clients() -> Iterator[Clients]:
    with closing(Clients()) as clients:
        yield clients


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    path = tmp_path / "dhcp.toml"
    path.write_text(CONFIGURATION)
    return path


def rows_of(path: Path) -> dict[int, Lease]:
    return {row.address_int: row for row in read_leases_file(path)}


@pytest.mark.timeout(max(120, KILLS * 10))
def test_what_a_killed_server_acknowledged_is_there_and_nobody_shares_an_address(
    configuration: Path, clients: Clients, capsys: pytest.CaptureFixture[str]
) -> None:
    leases = configuration.with_name("leases.db")
    checked = 0
    for _ in range(KILLS):
        with closing(Serving(configuration)) as server:
            answered = clients.counts["ACK"] + 1
            clients.run(server.port, lambda answered=answered: clients.counts["ACK"] >= answered)  # type: ignore[misc]
            end = time.monotonic() + clients.random.uniform(0, 0.4)
            clients.run(server.port, lambda end=end: time.monotonic() >= end)  # type: ignore[misc]
            server.kill()
        clients.receive()  # what left before it was killed
        checked += clients.check(rows_of(leases))
    with closing(Serving(configuration)) as server:
        clients.renew_all(server.port)
        server.stop()
    checked += clients.check(rows_of(leases))
    with capsys.disabled():
        print(f"\n{KILLS} kills, {checked} leases checked; received: {dict(clients.counts)}")
    assert clients.counts["ACK"] > 50 * KILLS
    assert checked > 20 * KILLS


# A store that cannot commit for a while


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    with closing(sqlite3.connect(folder / "leases.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def full(folder: Path) -> Iterator[None]:
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(512))
    yield
    filler.unlink()


@pytest.fixture
def disk(tmp_path: Path, require_system: Require) -> Iterator[Path]:
    """A file system of 8 MiB."""
    require_system("mount", "umount", root=True)
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    mounting = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounting.returncode != 0:
        require_system(reason=f"nothing may be mounted here: {mounting.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(("trouble", "where"), [(locked, "tmp_path"), (full, "disk")])
def test_nothing_is_acknowledged_while_the_store_cannot_commit_and_service_resumes_by_itself(
    trouble: Callable[[Path], AbstractContextManager[None]],
    where: str,
    request: pytest.FixtureRequest,
    clients: Clients,
) -> None:
    folder = request.getfixturevalue(where)
    configuration = folder / "dhcp.toml"
    configuration.write_text(CONFIGURATION)
    with closing(Serving(configuration)) as server:
        clients.run(server.port, lambda: clients.counts["ACK"] >= 100)
        with trouble(folder):
            clients.run(server.port, lambda: "cannot commit" in server.logged())
            clients.receive()
            before, offered = clients.counts["ACK"], clients.counts["OFFER"]
            clients.run(server.port, lambda: clients.counts["OFFER"] >= offered + 20)
            assert clients.counts["ACK"] == before
            assert clients.check(rows_of(folder / "leases.db"))
        clients.run(server.port, lambda: clients.counts["ACK"] >= before + 100)
        server.kill()
        clients.receive()
        assert server.logged().count("cannot commit") == 1
        assert server.logged().count("works again") == 1
    assert clients.check(rows_of(folder / "leases.db"))


# A store that others write to


class ContestedStore:
    """A store that another server writes to as well, at random moments.

    It gives addresses that nobody has to clients of its own, who mostly give them back at once, and renews the leases
    of clients that have moved over to it.

    Attributes:
        rows: What is in it.
        refused: How many changes have lost.
    """

    def __init__(self) -> None:
        self.rows: dict[int, Lease] = {}
        self.refused = 0
        self._random = random.Random()
        self._kept = 0

    def load(self) -> Iterator[Lease]:
        return self.snapshot()

    def commit(self, changes: Sequence[LeaseChange]) -> Sequence[Refusal]:
        refusals = []
        for change in changes:
            if self._random.random() < 0.2:
                self._write_another(change.address_int)
            row = self.rows.get(change.address_int)
            if row != change.before:
                refusals.append(Refusal(change, row))
            elif change.after is not None:
                self.rows[change.address_int] = change.after
            else:
                self.rows.pop(change.address_int, None)
        self.refused += len(refusals)
        return refusals

    def _write_another(self, address: int) -> None:
        row = self.rows.get(address)
        now = int(time.time())
        if row is not None and row.state == LeaseState.ACTIVE:
            if row.client_key.startswith(b"\x01"):
                self.rows[address] = row._replace(expires_s=row.expires_s + self._random.randrange(1, 60))
        elif row is not None and self._random.random() < 0.3:
            del self.rows[address]
        else:
            keeps = self._kept < ADDRESSES // 5 and self._random.random() < 0.05
            self._kept += keeps
            state = LeaseState.ACTIVE if keeps else LeaseState.RELEASED
            self.rows[address] = Lease(address, b"\0another", 1, b"", int(state), now, now + 86_400)

    def snapshot(self, query: LeaseQuery = EVERY_LEASE) -> Iterator[Lease]:
        return iter(sorted(row for row in self.rows.values() if query.matches(row)))

    def close(self) -> None:
        pass


@pytest.mark.asyncio
async def test_changes_that_lose_to_another_server_cost_nobody_an_address(clients: Clients) -> None:
    store = ContestedStore()
    subnet = Subnet(network="10.0.0.0/16", pools=["10.0.1.0-10.0.2.3"], lease_time_s=86_400)
    async with Server([subnet], listen=["127.0.0.1:0"], store=store, authoritative=True) as server:
        ((_, port),) = server.addresses
        await asyncio.to_thread(clients.run, port, lambda: store.refused > 1500 and clients.counts["ACK"] > 2000)
        await asyncio.to_thread(clients.renew_all, port)
    assert clients.check(store.rows) > 100
    assert {row.address_int: row for row in server.engine.leases()} == store.rows


# System calls


@pytest.fixture
def strace(require_system: Require) -> list[str]:
    """What runs a command under strace, which leaves it the process that was started."""
    require_system("strace")
    if subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False).returncode != 0:
        require_system(reason="strace may not trace here")
    return ["strace", "-D", "-f", "--seccomp-bpf"]


@pytest.mark.parametrize(
    "fault", ["fdatasync:error=EIO:when=3..12", "pwrite64:error=EROFS:when=40..80", "pwrite64:error=ENOSPC:when=40+7"]
)
def test_what_the_disk_fails_at_is_not_acknowledged(
    fault: str, strace: list[str], configuration: Path, clients: Clients
) -> None:
    SqliteStore(configuration.with_name("leases.db")).close()  # the faults are for the commits, not for making it
    calls = fault.partition(":")[0]
    command = [*strace, "-o", os.devnull, "-e", f"trace={calls}", "-e", f"inject={fault}"]
    with closing(Serving(configuration, *command)) as server:
        clients.run(server.port, lambda: "works again" in server.logged() and clients.counts["ACK"] > 200)
        server.kill()
        clients.receive()
    assert clients.check(rows_of(configuration.with_name("leases.db")))


class Call(NamedTuple):
    """A system call: its arguments and result, and the numbers of the lines in which it began and ended."""

    name: str
    text: str
    began: int
    ended: int


def calls_of(trace: str) -> list[Call]:
    """The calls of an strace, by their ends; another thread's lines stand between the two of one that took long."""
    begun: dict[str, tuple[int, str]] = {}
    calls = []
    for number, line in enumerate(trace.splitlines()):
        process, _, text = line.partition(" ")
        text = text.strip()
        if text.endswith("<unfinished ...>"):
            begun[process] = number, text
            continue
        began, first = begun.pop(process) if text.startswith("<...") else (number, "")
        calls.append(Call((first or text).partition("(")[0], first + text, began, number))
    return calls


def test_no_ack_leaves_before_the_sync_that_covers_its_lease(
    strace: list[str], configuration: Path, tmp_path: Path, clients: Clients
) -> None:
    trace = tmp_path / "trace"
    watched = "trace=recvfrom,recvmsg,sendto,sendmsg,pwrite64,fdatasync"
    with closing(Serving(configuration, *strace, "-xx", "-s", "100000", "-o", str(trace), "-e", watched)) as server:
        clients.run(server.port, lambda: len(clients.held) >= 100)
        server.stop()
    while "exited with 0" not in trace.read_text():  # strace ends after what it traces
        time.sleep(0.01)
    calls = calls_of(trace.read_text())
    acks = 0
    seen: set[bytes] = set()
    for send in calls:
        sent = bytes.fromhex("".join(re.findall(r"\\x([0-9a-f]{2})", send.text)))
        if not send.name.startswith("send") or b"\x35\x01\x05" not in sent:
            continue
        (address,) = set(re.findall(rb"\x02\xcafe..", sent, re.DOTALL))
        if address in seen:
            continue
        seen.add(address)  # a renewal's row looks like the one that is there already
        hexadecimal = "".join(f"\\x{byte:02x}" for byte in address)
        write = next(call for call in calls if call.name == "pwrite64" and hexadecimal in call.text)
        file = write.text.partition(",")[0].removeprefix("pwrite64")
        assert any(
            call.name == "fdatasync" and call.text.startswith(f"fdatasync{file}") and call.text.endswith("= 0")
            and write.ended < call.began and call.ended < send.began
            for call in calls
        ), f"line {send.began + 1}"  # fmt: skip
        acks += 1
    assert acks >= 100
