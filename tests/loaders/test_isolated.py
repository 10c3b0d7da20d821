"""Callouts in a worker process: what they may do wrong, and that the server lives on."""

import asyncio
import os
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dhcpcallout import Server, Subnet, hooks
from dhcpcallout.codes import MessageType, OptionCode
from dhcpcallout.events import Context
from dhcpcallout.hooks import CalloutEntry, Drop, HookTable
from dhcpcallout.loaders import IsolatedCallout, IsolatedLoader, Isolation, default_loaders
from dhcpcallout.wire import Packet, decode

NATIVE = Path(__file__).parents[1] / "native"
SERVER = 0xC0A80001
SUBNET = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.99"])
BROKEN = 0xBB
"""The end of the hardware address of the client at which the callouts in ``native`` fail."""

Load = Callable[..., IsolatedCallout]


class Clock:
    """Tells the time that the test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def load(tmp_path: Path, clock: Clock) -> Iterator[Load]:
    """Load a callout into a worker; it is closed at the end."""
    loaded: list[IsolatedCallout] = []

    def load(entry: Path | str, *, real_time: bool = False, **settings: object) -> IsolatedCallout:
        loader = next(loader for loader in default_loaders(tmp_path) if loader.accepts(str(entry)))
        isolation = Isolation(**{"mode": "process", **settings})  # type: ignore[arg-type]
        isolated = IsolatedLoader(loader, isolation, tmp_path, clock=time.monotonic if real_time else clock)
        loaded.append(isolated.load(str(entry), CalloutEntry(())))
        return loaded[-1]

    yield load
    for callout in loaded:
        callout.close()


@pytest.fixture
def broken(tmp_path_factory: pytest.TempPathFactory, compile_callout: Callable[..., Path]) -> Path:
    """``native/broken.c`` as a library: compiled once, for each worker has its own variables."""
    library = tmp_path_factory.getbasetemp() / "broken.so"
    if not library.exists():
        compile_callout(NATIVE / "broken.c", "-pthread").rename(library)
    return library


@pytest.fixture
def behaviours(compile_callout: Callable[..., Path]) -> Path:
    return compile_callout(NATIVE / "behaviours.c")


def receive(table: HookTable, data: bytes = b"packet", contexts: tuple[Context, ...] | None = None) -> bytes | Drop:
    answer: bytes | Drop = table.ask(
        hooks.NEW_PACKET,
        table.contexts() if contexts is None else contexts,
        data,
        server_address_int=SERVER,
        source_int=0,
        source_port=68,
        interface="",
    )
    return answer


def wait_until_served(callout: IsolatedCallout) -> None:
    """Wait for the worker that has been, or is due to be, started."""
    deadline_s = time.monotonic() + 20
    while callout.pid is None:
        callout.attend()
        assert not callout.taken_out
        assert time.monotonic() < deadline_s
        time.sleep(0.001)


def kill(callout: IsolatedCallout) -> None:
    assert callout.pid is not None
    os.kill(callout.pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Link:
    """A socket of many clients of a server on the loopback."""

    def __init__(self, server: Server) -> None:
        self._server = server.addresses[0]
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._xid = 0

    async def send_discover(self, number: int) -> int:
        self._xid += 1
        discover: dict[int, bytes] = {OptionCode.DHCP_MESSAGE_TYPE: bytes([MessageType.DISCOVER])}
        message = Packet(xid=self._xid, chaddr=bytes((2, 0, 0, 0, 0, number)), options=discover)
        await asyncio.get_running_loop().sock_sendto(self._socket, message.encode(), self._server)
        return self._xid

    async def discover(self, number: int) -> Packet:
        """Send a client's DISCOVER, and wait for the answer."""
        xid = await self.send_discover(number)
        while True:
            async with asyncio.timeout(5):
                reply = decode(await asyncio.get_running_loop().sock_recv(self._socket, 4096))
            if reply.xid == xid:
                return reply

    def close(self) -> None:
        self._socket.close()


@asynccontextmanager
async def serving(callout: IsolatedCallout) -> AsyncIterator[tuple[Server, Link]]:
    async with Server([SUBNET], listen=["127.0.0.1:0"], callouts=[callout]) as server:
        link = Link(server)
        try:
            yield server, link
        finally:
            link.close()


ENDS = {
    "dereference NULL": "it was ended by SIGSEGV",
    "read from nowhere": "it was ended by SIGSEGV",
    "call NULL": "it was ended by SIGSEGV",
    "overrun the buffer": "BufferOverrun: DhcpNewPktHook wrote behind the 4096 bytes of its buffer",
    "overrun all that is behind the buffer": "it was ended by SIGSEGV",
    "write before the buffer": "it was ended by SIGSEGV",
    "free the server's buffer": "it was ended by SIGABRT",
    "free twice": "it was ended by SIGABRT",
    "overflow the stack": "it was ended by SIGSEGV",
    "divide by zero": "it was ended by SIGFPE",
    "execute rubbish": "it was ended by SIGILL",
    "exit": "it exited with status 3",
    "exit at once": "it exited with status 4",
    "exit with success": "it exited with status 0",
    "abort": "it was ended by SIGABRT",
    "loop for ever": "it did not answer within 120 ms",
    "sleep for ever": "it did not answer within 120 ms",
    "stop itself": "it did not answer within 120 ms",
    "end its thread": "it did not answer within 120 ms",
    "deadlock": "it did not answer within 120 ms",
    "crash in a thread": "it was ended by SIGSEGV",
    "exit in a thread": "it exited with status 6",
    "close all descriptors": "it (exited with status 1|closed the pipe to the server)",
    "close all descriptors and stay": "it closed the pipe to the server",
    "read what is for the worker": "it did not answer within 120 ms",
    "say rubbish": "it sent a frame of 4294967295 bytes; 65536 is the most",
    "say half a frame": "it did not answer within 120 ms",
    "say a frame that nobody asked for": "it sent a frame of kind 64 for a call that there is not",
    "say an answer that there is not": "it sent a frame of kind 127 as the answer to new_packet",
    "say that it awaits": "it sent a frame of kind 34 as the answer to new_packet",
    "say a verdict of rubbish": "it sent an answer to new_packet of 4 bytes that are wrong",
    "say a subnet": "it sent a frame of kind 67 as the answer to new_packet",
    "say more than there is room for": "it sent a frame of kind 0 for a call that there is not",
    "leave children behind": "it exited with status 5",
    "become another program": "it exited with status 0",
}
"""How a worker's end is told, for each thing that ends it."""


@pytest.mark.asyncio
@pytest.mark.parametrize("behaviour", ENDS)
async def test_whatever_a_callout_does_ends_its_worker_alone_and_clients_are_answered(
    behaviour: str, load: Load, broken: Path, caplog: pytest.LogCaptureFixture
) -> None:
    callout = load(broken, timeout_ms=120, environment={"BEHAVIOUR": behaviour})
    pid = callout.pid
    assert pid is not None
    async with serving(callout) as (_, link):
        assert (await link.discover(1)).message_type is MessageType.OFFER
        began_s = time.monotonic()
        assert (await link.discover(BROKEN)).message_type is MessageType.OFFER
        assert time.monotonic() - began_s < 1
        assert (await link.discover(2)).message_type is MessageType.OFFER
    (failure,) = callout.failures
    assert failure.slot == "new_packet"
    assert re.match(ENDS[behaviour], failure.reason)
    callout.close()
    assert not is_running(pid)
    told = [record for record in caplog.records if record.name == "dhcpcallout.loaders.isolated"]
    assert [vars(record)["event_id"] for record in told] == [1031]
    assert failure.reason in told[0].message
