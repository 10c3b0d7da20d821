"""What a worker process does for its callout: everything that the server's own process does."""

import asyncio
import os
import socket
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dhcpcallout import Client, Server, Subnet, hooks
from dhcpcallout.codes import AddressType
from dhcpcallout.errors import CalloutLoadError
from dhcpcallout.events import ClientDeleted
from dhcpcallout.hooks import Callout, HookTable
from dhcpcallout.loaders import IsolatedCallout, load_callout
from dhcpcallout.testing import SimulatedNetwork
from dhcpcallout.wire import REGISTRY, OptionDefinition

Load = Callable[..., IsolatedCallout]
FIRST = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.12"], lease_time_s=600)
SECOND = Subnet(network="10.0.7.0/24", pools=["10.0.7.10-10.0.7.12"], lease_time_s=600)

THOROUGH = """
import asyncio
import os
from dataclasses import fields

from dhcpcallout.hooks import SLOTS, Callout, CalloutEntry, Drop, Extend, InUse, Replace, UseAddress, UseSubnet

callout = Callout("thorough")
in_use = []
extended = []


def note(event):
    values = {one.name: getattr(event, one.name) for one in fields(event) if one.name[0] != "_"}
    values.pop("registry", None)
    values = {name: str(value) if isinstance(value, str) else value for name, value in values.items()}
    packet = getattr(event, "packet", None)
    tag = packet.get("asset-tag") if packet is not None and "asset-tag" in event.registry else None
    with open(os.environ["RECORD"], "a") as file:
        print(type(event).__name__, sorted(values.items()), tag, file=file)
    if "context" in values:
        event.context["hooks"] = event.context.get("hooks", 0) + 1
    return packet.chaddr[-1] if packet is not None else None


def answer(slot, event):
    client = note(event)
    if slot == "new_packet" and client == 6:
        return Replace(event.data.replace(b"\\2\\0\\0\\0\\0\\6", b"\\2\\0\\0\\0\\0\\7"))
    if slot == "select_subnet" and client == 2:
        return UseSubnet("10.0.7.0/24")
    if slot == "select_address" and client == 3:
        return UseAddress("10.0.0.12")
    if slot == "select_address" and client == 4 and not in_use:
        in_use.append(event.address)
        return InUse()
    if slot == "build_reply":
        event.reply.set("domain-name", f"client-{client}.example.org")
    if slot == "lease_committed" and client == 5:
        return Drop()
    if slot == "lease_expired" and event.lease.hardware_address[-1] == 1 and not extended:
        extended.append(event.lease)
        return Extend(60)
    return None


def function(slot, may_be_async):
    async def later(event):
        await asyncio.sleep(0)
        return answer(slot, event)

    return later if may_be_async and os.environ["HOW"] == "async" else lambda event: answer(slot, event)


for slot in SLOTS:
    callout.register(slot.name, function(slot.name, slot.may_be_async))
"""


@pytest.fixture
def thorough(tmp_path: Path) -> Path:
    (tmp_path / "thorough.py").write_text(THOROUGH, encoding="ascii")
    return tmp_path / "thorough.py"


def history(callout: Callout) -> list[object]:
    """What becomes of clients that do everything."""
    registry = REGISTRY.with_definitions([OptionDefinition(224, "asset-tag", "string")])
    net = SimulatedNetwork([FIRST, SECOND], callouts=[callout], registry=registry)
    seen: list[object] = []
    clients = [net.client(f"02:00:00:00:00:{number:02x}", asset_tag=f"tag {number}") for number in range(1, 7)]
    for client in clients:
        seen += [client.lease(), client.reply and client.reply.encode()]
    for client in clients[:2]:
        seen.append(client.renew() is not None)
    clients[1].release()
    clients[2].decline()
    seen.append(clients[3].inform("10.0.0.77") is not None)
    net.deliver(b"rubbish")
    net.advance(610)
    net.advance(100)
    net.engine.hooks.announce(hooks.DELETE_CLIENT, ClientDeleted(1, b"\2", AddressType.BOOTP))
    return [*seen, *net.trace, net.leases, net.engine.hooks.faults]


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_python_callout_does_in_a_worker_what_it_does_in_the_server(
    how: str, thorough: Path, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOW", how)
    monkeypatch.setenv("RECORD", str(tmp_path / "inside"))
    inside = history(load_callout(str(thorough)))
    isolated = load(thorough, environment={"HOW": how, "RECORD": str(tmp_path / "isolated")})
    assert history(isolated) == inside
    inside_record = (tmp_path / "inside").read_text(encoding="ascii").splitlines()
    assert (tmp_path / "isolated").read_text(encoding="ascii").splitlines() == inside_record
    assert {line.split()[0] for line in inside_record} == {slot.event.__name__ for slot in hooks.SLOTS}
    assert any("tag 5" in line for line in inside_record)
    assert inside[-1] == [0, 0]
    assert isolated.failures == ()


PROBE = """
import asyncio, os, resource, socket, sys, threading

from dhcpcallout.hooks import Callout, Replace

callout = Callout("probe")


@callout.new_packet
def evaluate(event):
    return Replace(repr(eval(event.data, {"event": event, **globals()})).encode())
"""


class Probe:
    """A callout that evaluates expressions in its worker."""

    def __init__(self, callout: IsolatedCallout) -> None:
        self.callout = callout
        self.table = HookTable([callout])
        self._event: dict[str, Any] = {"server_address_int": 0, "source_int": 0, "source_port": 68, "interface": ""}

    def __call__(self, expression: str) -> Any:
        faults = self.table.faults[0]
        answer = self.table.ask(hooks.NEW_PACKET, self.table.contexts(), expression.encode(), **self._event)
        assert self.table.faults[0] == faults
        assert isinstance(answer, bytes)
        return eval(answer)

    def fault(self, expression: str, caplog: pytest.LogCaptureFixture) -> str:
        caplog.clear()
        self.table.ask(hooks.NEW_PACKET, self.table.contexts(), expression.encode(), **self._event)
        (record,) = caplog.records
        assert record.exc_info is not None
        assert vars(record)["event_id"] == 1031
        return "\n".join([str(record.exc_info[1]), *getattr(record.exc_info[1], "__notes__", [])])


@pytest.fixture
def probe(load: Load, tmp_path: Path) -> Callable[..., Probe]:
    (tmp_path / "probe.py").write_text(PROBE, encoding="ascii")
    return lambda **settings: Probe(load(tmp_path / "probe.py", **settings))


def test_a_worker_gets_little_of_the_servers_environment(
    probe: Callable[..., Probe], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    monkeypatch.setenv("TZ", "Europe/Vienna")
    worker = probe(environment={"OWN": "1"})
    assert worker("os.environ.get('DATABASE_PASSWORD')") is None
    assert worker("(os.environ['TZ'], os.environ['OWN'])") == ("Europe/Vienna", "1")


def test_a_worker_has_no_descriptor_of_the_servers(probe: Callable[..., Probe], tmp_path: Path) -> None:
    with socket.socket() as server, (tmp_path / "leases").open("w") as leases:
        os.set_inheritable(server.fileno(), True)
        os.set_inheritable(leases.fileno(), True)
        targets = probe()("{os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd')[:-1]}")
        assert str(tmp_path / "leases") not in targets
        inode = os.readlink(f"/proc/self/fd/{server.fileno()}")
        assert inode not in targets


def test_what_a_callout_prints_and_reads_has_nothing_to_do_with_the_pipes(
    probe: Callable[..., Probe], capfd: pytest.CaptureFixture[str]
) -> None:
    worker = probe()
    assert worker("(print('printed'), os.write(1, b'written'), sys.stdin.read(), os.read(0, 10))")[1:] == (7, "", b"")
    assert worker("1 + 1") == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "printed" in captured.err
    assert "written" in captured.err


def test_a_fault_tells_where_it_happened_in_the_worker_in_printable_characters(
    probe: Callable[..., Probe], caplog: pytest.LogCaptureFixture
) -> None:
    worker = probe()
    told = worker.fault("{}['\\x1b[2J\\r' + 'x' * 10000]", caplog)
    assert told.startswith("KeyError: '")
    assert "probe.py" in told
    assert told.replace("\n", "").isprintable()
    assert len(told) < 10000
    assert "SystemExit: 3" in worker.fault("sys.exit(3)", caplog)
    assert worker.callout.failures == ()


@pytest.mark.parametrize("expression", ["os._exit(7)", "os.kill(os.getpid(), 9)", "threading.Event().wait()"])
def test_a_python_callout_may_end_its_worker_alone_too(expression: str, probe: Callable[..., Probe]) -> None:
    worker = probe()
    worker.table.ask(
        hooks.NEW_PACKET,
        worker.table.contexts(),
        expression.encode(),
        server_address_int=0,
        source_int=0,
        source_port=68,
        interface="",
    )
    assert len(worker.callout.failures) == 1


def test_contexts_are_forgotten_with_their_packets(probe: Callable[..., Probe]) -> None:
    worker = probe()
    contexts = "[one for one in __import__('gc').get_objects() if type(one).__name__ == '_Functions'][0]._contexts"
    for _ in range(200):
        worker("event.context.setdefault('note', 1)")
    assert len(worker(f"list({contexts})")) < 100


def test_memory_is_limited(probe: Callable[..., Probe], caplog: pytest.LogCaptureFixture) -> None:
    worker = probe(memory_mib=600)
    assert "MemoryError" in worker.fault("bytes(1 << 30)", caplog)
    assert worker("len(bytes(1 << 20))") == 1 << 20


def test_a_native_callout_that_allocates_without_end_ends_its_worker(
    load: Load, compile_callout: Callable[..., Path]
) -> None:
    broken = compile_callout(Path(__file__).parents[1] / "native" / "broken.c", "-pthread")
    callout = load(broken, memory_mib=400, timeout_ms=5000, environment={"BEHAVIOUR": "allocate without end"})
    event: dict[str, Any] = {"server_address_int": 0, "source_int": 0, "source_port": 68, "interface": ""}
    HookTable([callout]).ask(hooks.NEW_PACKET, ({},), bytes(33) + b"\xbb", **event)
    assert [failure.reason for failure in callout.failures] == ["it was ended by SIGSEGV"]


def test_the_use_of_the_processor_is_limited(probe: Callable[..., Probe]) -> None:
    worker = probe(cpu_s=1, timeout_ms=20_000)
    HookTable([worker.callout])
    worker.table.ask(
        hooks.NEW_PACKET,
        worker.table.contexts(),
        b"[0 for _ in iter(int, 1)]",
        server_address_int=0,
        source_int=0,
        source_port=68,
        interface="",
    )
    assert [failure.reason for failure in worker.callout.failures] == ["it was ended by SIGXCPU"]


def test_new_files_and_sockets_can_be_refused(
    probe: Callable[..., Probe], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    worker = probe(no_new_files=True)
    assert "Too many open files" in worker.fault(f"open('{tmp_path / 'new'}', 'w')", caplog)
    assert "Too many open files" in worker.fault("open('/etc/passwd')", caplog)
    assert "Too many open files" in worker.fault("socket.socket()", caplog)
    assert worker("resource.getrlimit(resource.RLIMIT_FSIZE)") == (0, 0)
    assert not (tmp_path / "new").exists()


def test_open_files_are_limited(probe: Callable[..., Probe], caplog: pytest.LogCaptureFixture) -> None:
    worker = probe(open_files=20)
    assert "Too many open files" in worker.fault("[open('/dev/null') for _ in range(20)]", caplog)


def test_a_worker_leaves_no_memory_image_behind(probe: Callable[..., Probe]) -> None:
    assert probe()("resource.getrlimit(resource.RLIMIT_CORE)") == (0, 0)


def test_another_users_rights_are_all_that_is_left_and_processes_can_be_refused(
    probe: Callable[..., Probe], require_system: Callable[..., None], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    require_system(root=True)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    worker = probe(user="nobody", no_new_processes=True)
    uid, gid = worker("(os.getresuid(), os.getresgid())")
    assert len(set(uid)) == len(set(gid)) == 1
    assert uid[0] != 0
    assert worker("os.getgroups()") == []
    status = worker("open('/proc/self/status').read()")
    values = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
    assert {values[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
    assert values["NoNewPrivs"] == "1"
    assert "Operation not permitted" in worker.fault(f"os.kill({os.getpid()}, 0)", caplog)
    assert "Resource temporarily unavailable" in worker.fault("os.fork()", caplog)
    assert worker("os.environ['USER']") == "nobody"


def test_a_worker_is_the_first_to_go_where_memory_is_short(probe: Callable[..., Probe]) -> None:
    assert probe()("open('/proc/self/oom_score_adj').read()") == "1000\n"


def test_what_ends_a_service_is_left_to_the_server(probe: Callable[..., Probe]) -> None:
    worker = probe()
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        assert worker(f"os.kill(os.getpid(), __import__('signal').{name})") is None
    assert worker("1 + 1") == 2


@pytest.mark.parametrize("user", ["no-such-user", 4_000_000_000])
def test_a_user_that_there_is_not_is_told(user: str | int, probe: Callable[..., Probe]) -> None:
    with pytest.raises(CalloutLoadError, match=f"worker-user: there is no user {user!r}"):
        probe(user=user)


# Async functions


WAITS = """
import asyncio, os

from dhcpcallout.hooks import Callout, Drop

callout = Callout("waits")
done = []


@callout.handle_options
async def wait(event):
    event.context["waited"] = True
    behaviour = event.packet.get("host-name")
    if behaviour == "waits":
        await asyncio.sleep(0.2)
    if behaviour == "fails":
        raise RuntimeError("no")
    if behaviour == "exits":
        await asyncio.sleep(0.05)
        os._exit(9)
    if behaviour == "never ends":
        try:
            await asyncio.Event().wait()
        finally:
            done.append("cancelled")


@callout.packet_send
def check(event):
    if done:
        return Drop()
    return None
"""


@pytest.fixture
def waits(load: Load, tmp_path: Path) -> IsolatedCallout:
    (tmp_path / "waits.py").write_text(WAITS, encoding="ascii")
    return load(tmp_path / "waits.py")


async def lease(server: Server, number: int, name: str, timeout_s: float = 5.0) -> float:
    """Have a client get an address; give the seconds that it took."""

    def run() -> float:
        host, port = server.addresses[0]
        hardware_address = bytes((2, 0, 0, 0, 0, number))
        began_s = time.monotonic()
        with Client(host, port, hardware_address=hardware_address, hostname=name, timeout_s=timeout_s) as client:
            client.lease()
        return time.monotonic() - began_s

    return await asyncio.to_thread(run)


@pytest.mark.asyncio
async def test_an_async_function_in_a_worker_holds_up_its_own_client_alone(waits: IsolatedCallout) -> None:
    async with Server([FIRST], listen=["127.0.0.1:0"], callouts=[waits]) as server:
        slow = asyncio.create_task(lease(server, 1, "waits"))
        while not server.engine.parking:  # noqa: ASYNC110 # what is waited for is no event of ours
            await asyncio.sleep(0)
        await lease(server, 2, "does not")
        assert not slow.done()
        assert await slow > 0.4
    assert waits.failures == ()
    assert server.engine.hooks.faults == [0]


@pytest.mark.asyncio
async def test_an_async_function_that_fails_in_a_worker_is_a_fault(
    waits: IsolatedCallout, caplog: pytest.LogCaptureFixture
) -> None:
    async with Server([FIRST], listen=["127.0.0.1:0"], callouts=[waits]) as server:
        await lease(server, 1, "fails")
    assert server.engine.hooks.faults == [2]
    assert "RuntimeError: no" in str(caplog.records[0].exc_info)
    assert waits.failures == ()


@pytest.mark.asyncio
async def test_a_worker_that_ends_while_functions_are_awaited_costs_nobody_the_answer(waits: IsolatedCallout) -> None:
    async with Server([FIRST], listen=["127.0.0.1:0"], callouts=[waits]) as server:
        await asyncio.gather(lease(server, 1, "exits"), lease(server, 2, "waits"))
    assert [failure.reason for failure in waits.failures] == ["it exited with status 9"]
    assert server.engine.hooks.faults == [0]


@pytest.mark.asyncio
async def test_an_async_function_whose_time_is_over_is_cancelled_in_the_worker(waits: IsolatedCallout) -> None:
    async with Server(
        [FIRST], listen=["127.0.0.1:0"], callouts=[waits], parked_timeout_s=0.1, on_timeout="continue"
    ) as server:
        worker = waits._worker
        with pytest.raises(Exception, match="no answer"):
            await lease(server, 1, "never ends", timeout_s=0.2)
    assert worker is not None
    assert (worker.pending, worker.cancelled) == ({}, set())
    # The callout drops whatever comes after that.
    assert (server.statistics["pkt4-offer-sent"], server.statistics["pkt4-ack-sent"]) == (1, 0)
    assert waits.failures == ()


def test_a_function_that_is_not_awaited_never_begins(probe: Callable[..., Probe], load: Load, tmp_path: Path) -> None:
    (tmp_path / "lazy.py").write_text(
        textwrap.dedent("""
        from dhcpcallout.hooks import Callout, Replace

        callout = Callout("lazy")
        begun = []

        @callout.handle_options
        async def begin(event):
            begun.append(1)

        @callout.new_packet
        def tell(event):
            return Replace(bytes([len(begun)]))
        """)
    )
    table = HookTable([load(tmp_path / "lazy.py")])
    event: dict[str, Any] = {"server_address_int": 0, "source_int": 0, "source_port": 68, "interface": ""}
    table.notify(hooks.HANDLE_OPTIONS, ({},), data=b"-", server_address_int=0)
    assert table.faults == [1]
    assert table.ask(hooks.NEW_PACKET, ({},), b"-", **event) == b"\0"
