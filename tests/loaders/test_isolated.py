"""Callouts in a worker process: what they may do wrong, and that the server lives on."""

import asyncio
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest

import dhcpcallout
from dhcpcallout import Server, Subnet, hooks
from dhcpcallout.codes import ControlCode, DropReason, MessageType, OptionCode
from dhcpcallout.errors import CalloutInitError, CalloutLoadError
from dhcpcallout.events import Context, ServiceControlled
from dhcpcallout.hooks import Drop, HookTable
from dhcpcallout.loaders import IsolatedCallout, Isolation, Registry, isolated, load_callouts
from dhcpcallout.loaders.frames import PROTOCOL, Kind, encode_json, frame
from dhcpcallout.wire import Packet, decode

NATIVE = Path(__file__).parents[1] / "native"
SERVER = 0xC0A80001
SUBNET = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.99"])
HELLO = (Kind.HELLO, {"protocol": PROTOCOL})
BROKEN = 0xBB
"""The end of the hardware address of the client at which the callouts in ``native`` fail."""

Load = Callable[..., IsolatedCallout]


class Clock(Protocol):
    """Tells the time that the test sets."""

    now_s: float


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


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that the event loop brings about."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 # what is waited for is no event of ours
            await asyncio.sleep(0.001)


def kill(callout: IsolatedCallout) -> None:
    assert callout.pid is not None
    os.kill(callout.pid, signal.SIGKILL)


def state_of(pid: int) -> list[str]:
    """The state of a process and its group, as ``proc(5)`` has them; empty where there is none."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return []
    state, _, group, *_ = status.rpartition(")")[2].split()
    return [state, group]


def is_running(pid: int) -> bool:
    return state_of(pid)[:1] not in ([], ["Z"])


def wait_until_gone(group: int) -> None:
    """Wait until no process of a group runs, nor its leader: one that is killed ends when it has its turn."""
    deadline_s = time.monotonic() + 20
    while running := [
        int(name)
        for name in os.listdir("/proc")
        if name.isdigit() and str(group) in (name, *state_of(int(name))[1:]) and is_running(int(name))
    ]:
        assert time.monotonic() < deadline_s, running
        time.sleep(0.005)


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
    "loop for ever": "it did not answer within 250 ms",
    "sleep for ever": "it did not answer within 250 ms",
    "stop itself": "it did not answer within 250 ms",
    "end its thread": "it did not answer within 250 ms",
    "deadlock": "it did not answer within 250 ms",
    "crash in a thread": "it was ended by SIGSEGV",
    "exit in a thread": "it exited with status 6",
    "close all descriptors": "it (exited with status 1|closed the pipe to the server)",
    "close all descriptors and stay": "it closed the pipe to the server",
    "read what is for the worker": "it did not answer within 250 ms",
    "say rubbish": "it sent a frame of 4294967295 bytes; 65536 is the most",
    "say half a frame": "it did not answer within 250 ms",
    "say a frame that nobody asked for": "it sent a frame of kind 64 for a call that there is not",
    "say an answer that there is not": "it sent a frame of kind 127 as the answer to new_packet",
    "say that it awaits": "it sent a frame of kind 34 as the answer to new_packet",
    "say a verdict of rubbish": "it sent an answer to new_packet of 4 bytes that are wrong",
    "say a subnet": "it sent a frame of kind 67 as the answer to new_packet",
    "say more than there is room for": "it sent a frame of kind 0 for a call that there is not",
    "leave children behind": "it exited with status 5",
    "leave its process group": "it did not answer within 250 ms",
    "become another program": "it exited with status 0",
}
"""How a worker's end is told, for each thing that ends it."""


@pytest.mark.asyncio
@pytest.mark.parametrize("behaviour", ENDS)
async def test_whatever_a_callout_does_ends_its_worker_alone_and_clients_are_answered(
    behaviour: str, load: Load, broken: Path, caplog: pytest.LogCaptureFixture
) -> None:
    callout = load(broken, environment={"BEHAVIOUR": behaviour})
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
    wait_until_gone(pid)
    told = [record for record in caplog.records if record.name == "dhcpcallout.loaders.isolated"]
    assert [vars(record)["event_id"] for record in told] == [1031]
    assert failure.reason in told[0].message


@pytest.fixture
def throwing(require_system: Callable[..., None], tmp_path: Path) -> Path:
    """``native/throw.cpp`` as a library."""
    require_system("c++")
    sdk = Path(dhcpcallout.__file__).parent / "sdk"
    flags = ("-Wall", "-Wextra", "-pedantic", "-Werror", "-shared", "-fPIC", f"-I{sdk}")
    subprocess.run(["c++", *flags, "-o", str(tmp_path / "throw.so"), str(NATIVE / "throw.cpp")], check=True)
    return tmp_path / "throw.so"


@pytest.mark.asyncio
async def test_a_cpp_exception_out_of_a_hook_ends_its_worker_alone(load: Load, throwing: Path) -> None:
    callout = load(throwing)
    async with serving(callout) as (_, link):
        assert (await link.discover(BROKEN)).message_type is MessageType.OFFER
        assert (await link.discover(1)).message_type is MessageType.OFFER
    assert [failure.reason for failure in callout.failures] == ["it was ended by SIGABRT"]


@pytest.mark.asyncio
@pytest.mark.parametrize("where", ["packet", "later"])
async def test_a_packet_that_the_worker_failed_at_may_be_dropped_and_so_are_those_until_there_is_another(
    where: str, load: Load, broken: Path
) -> None:
    environment = {"BEHAVIOUR": "dereference NULL", "WHERE": where}
    callout = load(broken, on_failure="drop", environment=environment, real_time=True)
    async with serving(callout) as (server, link):
        await link.discover(1)
        await link.send_discover(BROKEN)
        await link.send_discover(2)
        await until(lambda: server.statistics["pkt4-received"] == 3)
        assert callout.pid is None
        await until(lambda: callout.pid is not None)
        assert (await link.discover(3)).xid == 4
    assert server.statistics["pkt4-offer-sent"] == 2
    assert len(callout.failures) == 1


@pytest.mark.asyncio
async def test_a_worker_that_ends_while_nobody_sends_is_replaced_before_anybody_does(
    load: Load, behaviours: Path
) -> None:
    callout = load(behaviours, on_failure="drop", environment={"BEHAVIOUR": "nothing"}, real_time=True)
    async with serving(callout) as (_, link):
        await link.discover(1)
        before = callout.pid
        kill(callout)
        await until(lambda: callout.pid not in (None, before))
        assert (await link.discover(2)).xid == 2


@pytest.mark.parametrize(("on_failure", "outcome"), [("continue", b"packet"), ("drop", Drop())])
def test_a_worker_that_is_killed_is_replaced_after_a_pause(
    on_failure: str, outcome: object, load: Load, clock: Clock, behaviours: Path
) -> None:
    callout = load(behaviours, on_failure=on_failure, environment={"BEHAVIOUR": "shrink"})
    table = HookTable([callout])
    assert receive(table) == b"packe"
    kill(callout)
    assert receive(table) == outcome
    assert [failure.reason for failure in callout.failures] == ["it was ended by SIGKILL"]
    assert receive(table) == outcome
    clock.now_s += 0.1
    wait_until_served(callout)
    assert receive(table) == b"packe"


def test_starting_another_worker_holds_nothing_up(load: Load, clock: Clock, behaviours: Path) -> None:
    late = "import time, runpy; time.sleep(1); runpy.run_module('dhcpcallout.loaders.worker', run_name='__main__')"
    callout = load(behaviours, worker_command=(sys.executable, "-c", late), environment={"BEHAVIOUR": "shrink"})
    table = HookTable([callout])
    kill(callout)
    receive(table)
    clock.now_s += 0.1
    began_s = time.monotonic()
    assert [receive(table) for _ in range(10)] == [b"packet"] * 10
    assert time.monotonic() - began_s < 0.5
    assert callout.pid is None
    assert not callout.taken_out


def test_the_pauses_grow_and_a_callout_that_keeps_failing_is_taken_out(
    load: Load, clock: Clock, behaviours: Path, caplog: pytest.LogCaptureFixture
) -> None:
    callout = load(behaviours, on_failure="drop", environment={"BEHAVIOUR": "shrink"})
    table = HookTable([callout])
    for pause_s in (0.1, 0.2, 0.4, 0.8):
        kill(callout)
        assert receive(table) == Drop()
        clock.now_s += pause_s - 0.01
        assert receive(table) == Drop()
        callout.attend()
        assert callout.pid is None
        clock.now_s += 0.01
        wait_until_served(callout)
        assert receive(table) == b"packe"
    kill(callout)
    caplog.clear()
    assert receive(table) == Drop()
    assert callout.taken_out
    assert [vars(record)["event_id"] for record in caplog.records] == [1031, 1031]
    assert "is taken out until the server is started again: its worker failed 5 times" in caplog.records[1].message
    clock.now_s += 3600
    callout.attend()
    assert callout.taken_out
    assert receive(table) == Drop()


def test_failures_that_are_a_minute_apart_do_not_add_up(load: Load, clock: Clock, behaviours: Path) -> None:
    callout = load(behaviours, max_failures=2, environment={"BEHAVIOUR": "shrink"})
    table = HookTable([callout])
    for _ in range(3):
        kill(callout)
        assert receive(table) == b"packet"
        clock.now_s += 60
        wait_until_served(callout)
        assert receive(table) == b"packe"
    assert len(callout.failures) == 3


def test_a_callout_that_cannot_be_loaded_again_is_taken_out_as_well(load: Load, clock: Clock, behaviours: Path) -> None:
    callout = load(behaviours, max_failures=3, environment={"BEHAVIOUR": "shrink"})
    behaviours.unlink()
    kill(callout)
    receive(HookTable([callout]))
    deadline_s = time.monotonic() + 20
    while not callout.taken_out:
        clock.now_s += 0.002
        callout.attend()
        assert time.monotonic() < deadline_s
        time.sleep(0.001)
    assert "the callout was not loaded again" in callout.failures[-1].reason
    assert len(callout.failures) == 3


def test_a_callout_that_fails_when_the_service_starts_is_taken_out_and_nobody_waits_for_it(
    load: Load, clock: Clock, broken: Path
) -> None:
    environment = {"BEHAVIOUR": "dereference NULL", "WHERE": "start"}
    callout = load(broken, max_failures=2, environment=environment)
    table = HookTable([callout])
    table.announce(hooks.CONTROL, ServiceControlled(ControlCode.START))
    deadline_s = time.monotonic() + 20
    while not callout.taken_out:
        clock.now_s += 0.002
        assert receive(table) == b"packet"
        assert time.monotonic() < deadline_s
        time.sleep(0.001)
    assert [failure.reason for failure in callout.failures] == [
        "it was ended by SIGSEGV",
        "it was ended by SIGSEGV while the callout was loaded again",
    ]


RECORDER = """
import os

from dhcpcallout.hooks import SLOTS, Callout

callout = Callout("recorder")


def note(event):
    kind = type(event).__name__ + getattr(event, "data", b"").decode()
    with open(os.environ["RECORD"], "a") as file:
        print(kind, getattr(event, "code", ""), file=file)


for slot in ("control", "new_packet", "handle_options", "packet_drop"):
    callout.register(slot, note)
"""


@pytest.fixture
def record(tmp_path: Path) -> Callable[[], list[str]]:
    """What ``RECORDER`` has noted."""
    return lambda: (tmp_path / "record").read_text(encoding="ascii").split("\n")[:-1]


@pytest.fixture
def recorder(load: Load, tmp_path: Path) -> IsolatedCallout:
    (tmp_path / "recorder.py").write_text(RECORDER, encoding="ascii")
    return load(tmp_path / "recorder.py", environment={"RECORD": str(tmp_path / "record")})


def test_another_worker_is_told_first_that_the_service_has_started_and_is_paused(
    recorder: IsolatedCallout, clock: Clock, record: Callable[[], list[str]]
) -> None:
    table = HookTable([recorder])
    for code in (ControlCode.START, ControlCode.PAUSE):
        table.announce(hooks.CONTROL, ServiceControlled(code))
    kill(recorder)
    receive(table, b"-1")
    clock.now_s += 1
    wait_until_served(recorder)
    receive(table, b"-2")
    table.announce(hooks.CONTROL, ServiceControlled(ControlCode.CONTINUE))
    table.announce(hooks.CONTROL, ServiceControlled(ControlCode.STOP))
    told = ["ServiceControlled 1", "ServiceControlled 3"]
    after = ["PacketReceived-2 ", "ServiceControlled 4", "ServiceControlled 2"]
    assert record() == [*told, *told, *after]


def test_a_start_that_no_worker_was_told_of_is_told_to_the_next(
    recorder: IsolatedCallout, clock: Clock, record: Callable[[], list[str]]
) -> None:
    table = HookTable([recorder])
    kill(recorder)
    receive(table)
    table.announce(hooks.CONTROL, ServiceControlled(ControlCode.START))
    clock.now_s += 1
    wait_until_served(recorder)
    assert record() == ["ServiceControlled 1"]


def test_a_worker_sees_nothing_of_a_packet_of_which_it_has_not_seen_the_first_hooks(
    recorder: IsolatedCallout, clock: Clock, record: Callable[[], list[str]]
) -> None:
    table = HookTable([recorder])
    old, lost, new, never = (table.contexts() for _ in range(4))
    receive(table, b"-old", old)
    kill(recorder)
    receive(table, b"-lost", lost)
    clock.now_s += 1
    wait_until_served(recorder)
    receive(table, b"-new", new)
    for name, contexts in ((b"-old", old), (b"-lost", lost), (b"-new", new), (b"-never", never)):
        table.notify(hooks.HANDLE_OPTIONS, contexts, data=name, server_address_int=SERVER)
        table.notify(hooks.PACKET_DROP, contexts, data=name, server_address_int=SERVER, reason=DropReason.PROCESSED)
    assert record() == [
        "PacketReceived-old ",
        "PacketReceived-new ",
        "OptionsParsed-new ",
        "PacketDropped-new ",
        # Another callout had dropped it before this one could see it.
        "OptionsParsed-never ",
        "PacketDropped-never ",
    ]


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        ("dereference NULL", "its worker failed while it was loaded: it was ended by SIGSEGV"),
        ("exit", "its worker failed while it was loaded: it exited with status 3"),
        ("sleep for ever", "its worker failed while it was loaded: it was not ready within 2 seconds"),
        ("say rubbish", "its worker failed while it was loaded: it sent a frame of 4294967295 bytes"),
        ("say a frame that nobody asked for", "its worker failed while it was loaded: it sent a frame of kind 64"),
    ],
)
def test_a_callout_that_breaks_everything_while_it_is_loaded_is_not_loaded_and_the_next_is_tried(
    behaviour: str, problem: str, broken: Path, behaviours: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def isolation(**environment: str) -> Isolation:
        return Isolation("process", environment=environment, start_timeout_s=2 if "sleep" in behaviour else 10)

    registry = Registry(
        [str(broken), str(behaviours)],
        1,
        isolation=isolation(BEHAVIOUR="nothing"),
        isolations={str(broken): isolation(BEHAVIOUR=behaviour, WHERE="load")},
    )
    with caplog.at_level(logging.INFO):
        result = load_callouts(registry)
    result.close()
    by_entry = {attempt.entry: attempt for attempt in result.attempts}
    assert problem in by_entry[str(broken)].reason
    assert by_entry[str(behaviours)].callout is not None
    assert [vars(record)["event_id"] for record in caplog.records if record.name.endswith("registry")] == [1032, 1033]


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (("/no/such/python",), "cannot be started: .*No such file"),
        (("false",), "before it could load anything: it exited with status 1"),
        (("echo", "hello"), "before it could load anything: it sent a frame of [0-9]+ bytes"),
        (("sh", "-c", "cat"), "before it could load anything: it sent a frame of kind 1 instead"),
        (("printf", "\\0\\0\\0\\0 \\0\\0\\0\\0"), "before it could load anything: it sent a frame of kind 32"),
    ],
)
def test_a_worker_that_cannot_be_started_is_told_with_its_command(
    command: tuple[str, ...], problem: str, load: Load, behaviours: Path
) -> None:
    with pytest.raises(CalloutLoadError, match=problem) as raised:
        load(behaviours, worker_command=command)
    assert not isinstance(raised.value, CalloutInitError)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ([(Kind.HELLO, {"protocol": 0})], "that it is of another version of this package"),
        ([(Kind.HELLO, {})], "that it is of another version of this package"),
        ([(Kind.READY, {"name": "x", "slots": []})], "a frame of kind 32 instead"),
        ([HELLO, HELLO], "a frame of kind 31 instead"),
        ([HELLO, (Kind.NOTHING, {})], "a frame of kind 64 instead"),
        ([HELLO, (Kind.READY, {"name": 1, "slots": []})], "that it is ready, but not with what"),
        ([HELLO, (Kind.READY, {"name": "x", "slots": "control"})], "that it is ready, but not with what"),
        ([HELLO, (Kind.READY, {"name": "x", "slots": ["control"] * 1001})], "that it is ready, but not with what"),
        ([HELLO, (Kind.READY, {"name": "x", "slots": ["reserved"]})], "slots that there are not"),
        ([HELLO, (Kind.READY, {"name": "x", "slots": [["control"]]})], "slots that there are not"),
        ([HELLO, (Kind.READY, {"name": "x", "slots": ["new_packet", "control"]})], "slots that there are not"),
        ([HELLO, (Kind.REFUSED, {"reason": "\r\x1b"})], r"^\\r\\x1b$"),
        ([HELLO, (Kind.REFUSED, {"reason": ["why"]})], r"^\['why'\]$"),
    ],
)
def test_what_a_worker_says_of_itself_is_not_believed_as_it_is(
    said: list[tuple[Kind, object]], problem: str, load: Load, behaviours: Path, tmp_path: Path
) -> None:
    (tmp_path / "said").write_bytes(b"".join(frame(kind, payload=encode_json(value)) for kind, value in said))
    with pytest.raises(CalloutLoadError, match=problem):
        load(behaviours, worker_command=("sh", "-c", f"cat {tmp_path / 'said'}; cat >/dev/null"))


def test_the_chain_is_passed_on_and_the_first_that_loads_ends_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "import os\nfrom dhcpcallout.hooks import Callout\ncallout = Callout(__name__)\n"
    note = "callout.on_load(lambda entry: open(os.environ['RECORD'], 'w').write(' '.join(entry.chain)))\n"
    for name in ("a", "b"):
        (tmp_path / f"{name}.py").write_text(source + note, encoding="ascii")
    isolation = Isolation("process", environment={"RECORD": str(tmp_path / "record")})
    registry = Registry([str(tmp_path / "b.py"), str(tmp_path / "a.py")], 1, isolation=isolation)
    result = load_callouts(registry)
    result.close()
    assert [attempt.callout is not None for attempt in result.attempts] == [True, False]
    assert isinstance(result.attempts[0].callout, IsolatedCallout)
    assert (tmp_path / "record").read_text(encoding="ascii") == str(tmp_path / "b.py")


def test_one_callout_may_be_isolated_and_another_not(tmp_path: Path, behaviours: Path) -> None:
    (tmp_path / "plain.py").write_text("from dhcpcallout.hooks import Callout\ncallout = Callout('plain')\n")
    plain = str(tmp_path / "plain.py")
    isolation = Isolation("process", environment={"BEHAVIOUR": "nothing"})
    registry = Registry([plain, str(behaviours)], 1, "all", isolation=isolation, isolations={plain: Isolation()})
    result = load_callouts(registry)
    result.close()
    kinds = {attempt.entry: isinstance(attempt.callout, IsolatedCallout) for attempt in result.attempts}
    assert kinds == {plain: False, str(behaviours): True}


def test_a_callout_that_is_closed_has_left_no_process_and_no_descriptor(load: Load, broken: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    callout = load(broken, environment={"BEHAVIOUR": "leave children behind"})
    pid = callout.pid or 0
    receive(HookTable([callout]), bytes(33) + bytes([BROKEN]))
    callout.close()
    callout.close()
    assert set(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    wait_until_gone(pid)


def test_a_callout_is_closed_in_its_worker_and_a_call_after_that_is_a_fault(load: Load, behaviours: Path) -> None:
    callout = load(behaviours, environment={"BEHAVIOUR": "shrink"})
    table = HookTable([callout])
    callout.close()
    assert receive(table) == b"packet"
    assert table.faults == [1]


def test_a_worker_that_will_not_end_is_ended(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated, "_END_S", 0.1)
    (tmp_path / "stays.py").write_text(
        "import threading\nfrom dhcpcallout.hooks import Callout\ncallout = Callout('stays')\n"
        "threading.Thread(target=threading.Event().wait).start()\n"
    )
    callout = load(tmp_path / "stays.py")
    pid = callout.pid or 0
    callout.close()
    wait_until_gone(pid)


@pytest.mark.parametrize("behaviour", ["serves", "hangs"])
def test_the_worker_ends_with_a_server_that_is_killed(
    behaviour: str, tmp_path: Path, behaviours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stays.py").write_text(
        "import sys, time\nfrom dhcpcallout.hooks import Callout\n"
        "sys.modules['__main__']._LAST_RESORT_S = 0.1\ncallout = Callout('stays')\n"
        "callout.new_packet(lambda event: time.sleep(3600))\n"
    )
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom dhcpcallout import hooks\n"
        "from dhcpcallout.hooks import CalloutEntry, HookTable\n"
        "from dhcpcallout.loaders import IsolatedLoader, Isolation\n"
        "from dhcpcallout.loaders.python import PythonLoader\n"
        "base = Path.cwd()\nisolation = Isolation('process', timeout_ms=60000)\n"
        "callout = IsolatedLoader(PythonLoader(base), isolation, base).load(sys.argv[1], CalloutEntry(()))\n"
        "print(callout.pid, flush=True)\n"
        "event = dict(server_address_int=0, source_int=0, source_port=68, interface='')\n"
        "if sys.argv[2] == 'hangs':\n    HookTable([callout]).ask(hooks.NEW_PACKET, ({},), b'', **event)\n"
        "sys.stdin.read()\n"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path / "stays.py"), behaviour]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        pid = int(server.stdout.readline())
        server.kill()
    deadline_s = time.monotonic() + 10
    while is_running(pid):
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def test_an_answer_is_told_twice_by_a_worker_that_has_split_in_two(load: Load, broken: Path) -> None:
    callout = load(broken, environment={"BEHAVIOUR": "answer twice"})
    table = HookTable([callout])
    data = bytes(33) + bytes([BROKEN])
    deadline_s = time.monotonic() + 10
    while not callout.failures:
        assert receive(table, data) == data
        assert time.monotonic() < deadline_s
    assert callout.failures[0].reason.startswith("it sent a frame of kind 64 for a call that there is not")
