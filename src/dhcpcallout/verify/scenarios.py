"""What a callout is put through, scenario by scenario: each loads it, starts the service, and ends by unloading it."""

import gc
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import cycle, islice, pairwise, product
from operator import truediv
from pathlib import Path
from typing import NamedTuple

from .. import hooks as slots
from ..codes import (
    CLIENT_PORT,
    INFINITE,
    SERVER_PORT,
    AddressDeleteReason,
    AddressGiven,
    AddressType,
    ControlCode,
    DropReason,
    MessageType,
    OptionCode,
)
from ..engine import Arrival, Subnet
from ..errors import CalloutLoadError
from ..events import ClientDeleted, Context
from ..hooks import Callout, CalloutEntry
from ..loaders import Loader, default_loaders
from ..loaders.native import NativeLoader
from ..loaders.trust import check_file
from ..testing import SimulatedClient
from ..wire import Packet, encode
from .entry import try_entry_point
from .packets import CLIENT_OPTIONS, hostile, mutants, of_every_type, reply_of, request_of
from .probes import Usage, usage
from .stage import RELAY, SERVER, Stage
from .watch import Watch

__all__ = ["SCENARIOS", "Captured", "Job", "Run", "ScenarioDone", "SecondLoadError"]

MOST_NETWORKS = 256
"""Of relay agents in a capture."""
WINDOWS = 5
"""In how many parts the packets of ``volume`` are counted: what grows must grow in each."""
BYTES_A_PACKET = 16
"""Which memory that is not given back counts: malloc's least."""
FEWEST_WINDOWS = 3
"""Of those, where the scenario is cut short."""
BLOCKS_A_PACKET = 0.5
"""The same of Python's own memory, in objects."""
MOST_KEPT = 64
"""From how many more descriptors or threads on they count as a leak, although there may be no more in the end."""
RESIDENT_BYTES_A_PACKET = 64
"""The same of the process as a whole, which grows by pages."""
_NOWHERE = "/nonexistent/dhcpcallout"
SETTLING_S = 0.5
"""How long threads have to end after STOP."""


class Captured(NamedTuple):
    """A datagram of a capture."""

    source_int: int
    source_port: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be verified, and how.

    Attributes:
        entry: The callout: an absolute path, or ``python:package.module``.
        chain: The names that it is given as the rest of the list.
        packets: How many packets ``volume`` counts.
        scenario_s: After how many seconds a scenario is cut short.
        parked_s: For how long a packet may wait for async functions, in seconds.
        hardware_addresses: What clients have.
        captured: The datagrams for ``capture``.
    """

    entry: str
    chain: tuple[str, ...] = ()
    packets: int = 10_000
    scenario_s: float = 30.0
    parked_s: float = 2.0
    hardware_addresses: tuple[bytes, ...] = ()
    captured: tuple[Captured, ...] = ()


class ScenarioDone(Exception):
    """A scenario has taken too long, and ends early."""


class SecondLoadError(Exception):
    """The callout was loaded once, and cannot be loaded again in the same process."""


class Run:
    """The scenarios of one process.

    Args:
        job: What is to be verified.
        watch: Who watches.
        loaded: Called with the callout's name and its slots when it is loaded first.
    """

    def __init__(self, job: Job, watch: Watch, loaded: Callable[[str, Sequence[str]], None]) -> None:
        self.job = job
        self.watch = watch
        self._loaded = loaded
        self._times_loaded = 0
        self._ends_at = 0.0
        if self.is_native:
            # What a loader does once is not the callout's time.
            with suppress(CalloutLoadError):
                NativeLoader().load(f"{_NOWHERE}.so", CalloutEntry(()))

    def begin(self) -> None:
        """Start the time of a scenario."""
        self._ends_at = time.monotonic() + self.job.scenario_s

    def check_time(self) -> None:
        """Ask whether a scenario may go on.

        Raises:
            ScenarioDone: It may not.
        """
        if time.monotonic() > self._ends_at:
            raise ScenarioDone

    def load(self, chain: Sequence[str] | None = None) -> Callout:
        """Load the callout; whoever verifies it trusts it, wherever its file lies.

        Raises:
            CalloutLoadError: It cannot be loaded.
            SecondLoadError: ... although it could before, in this process.
        """
        self.watch.doing("load")
        try:
            names = self.job.chain if chain is None else tuple(chain)
            callout = self._loader().load(self.job.entry, CalloutEntry(names))
        except CalloutLoadError as error:
            if self._times_loaded and chain is None:
                raise SecondLoadError(str(error)) from error
            raise
        finally:
            self.watch.doing("")
        if not self._times_loaded:
            self._loaded(callout.name, tuple(callout.functions))
        self._times_loaded += 1
        return callout

    def unload(self, callout: Callout) -> None:
        """Unload the callout."""
        self.watch.doing("unload")
        callout.close()
        self.watch.doing("")

    @contextmanager
    def stage(self, callout: Callout | None = None, networks: Sequence[Subnet] = ()) -> Iterator[Stage]:
        """A server with the callout in it, started; at the end it is stopped, and the callout unloaded."""
        callout = callout if callout is not None else self.load()
        stage = Stage(
            self.watch,
            callout,
            networks=networks,
            hardware_addresses=self.job.hardware_addresses,
            timeout_s=self.job.parked_s,
        )
        try:
            stage.control(ControlCode.START)
            yield stage
        finally:
            stage.control(ControlCode.STOP)
            stage.close()
            self.unload(callout)

    def _loader(self) -> Loader:
        for loader in default_loaders(Path.cwd()):
            if loader.accepts(self.job.entry):
                return loader
        raise CalloutLoadError(f"{self.job.entry} is no callout: its name ends in neither .dll, .so, .dylib nor .py")

    @property
    def is_native(self) -> bool:
        """Whether the callout is a shared library."""
        return NativeLoader().accepts(self.job.entry)


def _entry(run: Run) -> None:
    """Its entry point, with versions that there are not and guarded memory; then it is loaded as a server does."""
    if run.is_native:
        run.watch.doing("load")
        try_entry_point(run.job.entry, run.job.chain, run.watch.find)
        run.watch.doing("")
    if Path(run.job.entry).is_file():
        try:
            check_file(run.job.entry)
        except CalloutLoadError as error:
            run.watch.find("trust", str(error))
    callout = run.load()
    if not callout.functions:
        run.watch.find("no-slots", "it is loaded, and never called")
    run.unload(callout)


def _messages(run: Run) -> None:
    """Every message type, in the exchanges of clients that say much or little, relayed or not; the ends of leases."""
    with run.stage() as stage:
        for client in (stage.client(), stage.client(**CLIENT_OPTIONS), stage.relayed_client(RELAY, **CLIENT_OPTIONS)):
            run.check_time()
            _live(stage, client)
        _speak_bootp(stage)
        _query(stage)
        _fail(stage)
        for client in (stage.client(), stage.client()):
            client.lease()
        stage.advance(4000)  # DeleteClient, with no packet


def _lease(client: SimulatedClient) -> None:
    """Get an address; a client that gets none goes on as if it had one, so that its messages are tried all the same."""
    client.lease()
    if client.address is None:
        client.address, client.server = IPv4Address("10.0.0.10"), IPv4Address(SERVER)


def _live(stage: Stage, client: SimulatedClient) -> None:
    """A client's life, with all that it may say."""
    _lease(client)
    stage.advance(1000)
    client.renew()
    _lease(client)
    client.reboot()
    _lease(client)
    client.inform("10.0.0.200")
    client.release()
    _lease(client)
    client.decline()
    stage.in_use = 2
    _lease(client)
    client.reboot("10.0.0.77")
    client.reboot("192.0.2.1")  # is refused
    _lease(client)


def _speak_bootp(stage: Stage) -> None:
    stage.ask(Packet(chaddr=b"\x02\0\0\0\xb0\x01", xid=7))


def _query(stage: Stage) -> None:
    for address in ("10.0.0.10", "10.0.0.150", "192.0.2.1"):
        query = Packet(ciaddr=address, giaddr=RELAY, options={53: bytes((MessageType.LEASEQUERY,))})
        stage.ask(query, Arrival(RELAY, SERVER_PORT, SERVER))


def _fail(stage: Stage) -> None:
    """What a server drops: for another server, from nowhere, where nothing is free, what cannot be written to disk."""
    client = stage.client(**CLIENT_OPTIONS)
    message = client.message(MessageType.REQUEST)
    message.set(OptionCode.DHCP_SERVER_IDENTIFIER, "10.0.0.254")
    message.set(OptionCode.DHCP_REQUESTED_ADDRESS, "10.0.0.20")
    stage.ask(message)
    stage.relayed_client(int(IPv4Address("192.0.2.1"))).discover()
    for _ in range(4):
        _lease(stage.relayed_client(RELAY))
    discover = encode(stage.client().message(MessageType.DISCOVER)).data
    stage.turn([(discover, None)] * 3, durable=False)


def _types(run: Run) -> None:
    """A message of each type there is, those that servers send too, of no type, and of types that are none."""
    with run.stage() as stage:
        _try_each(run, stage, of_every_type())


def _hostile(run: Run) -> None:
    """Datagrams of an attacker, a broken client or a bad line: cut, lying, of 0 to 65,507 bytes; and 500 mutants."""
    with run.stage() as stage:
        _try_each(run, stage, hostile())
        _try_each(run, stage, mutants(500))


def _try_each(run: Run, stage: Stage, datagrams: Iterator[tuple[str, bytes]]) -> None:
    for name, data in datagrams:
        run.check_time()
        run.watch.packet(name, data)
        stage.turn([(data, None)])
    run.watch.packet("", b"")


def _sizes(run: Run) -> None:
    """Requests and replies of every size up to 4,096 bytes, where a buffer ends, and beyond."""
    with run.stage() as stage:
        for size in (*range(250, 4000, 250), *range(4076, 4100), 9000, 65507):
            run.check_time()
            request, reply = request_of(size), reply_of(size)
            run.watch.packet(f"{size:,} bytes", request)
            contexts = stage.table.contexts()
            _begin(stage, contexts, request)
            stage.submit(slots.PACKET_SEND, contexts, reply, request)
            _end(stage, contexts, request)
        run.watch.packet("", b"")


def _begin(stage: Stage, contexts: tuple[Context, ...], data: bytes) -> None:
    stage.submit(slots.NEW_PACKET, contexts, data, 0, CLIENT_PORT, "lan")


def _end(stage: Stage, contexts: tuple[Context, ...], data: bytes, *reasons: DropReason) -> None:
    for reason in (*reasons, DropReason.PROCESSED):
        stage.notify(slots.PACKET_DROP, contexts, data, reason)


def _codes(run: Run) -> None:
    """Each hook directly, with each code that there is for it, the rare ones too."""
    with run.stage() as stage:
        for data in (request_of(548), b"no DHCP message", b""):
            for reason in DropReason:
                contexts = stage.table.contexts()
                _begin(stage, contexts, data)
                _end(stage, contexts, data, *([reason] if reason is not DropReason.PROCESSED else []))
        data = request_of(548)
        contexts = stage.table.contexts()
        _begin(stage, contexts, data)
        for deleted, address in product(AddressDeleteReason, (0x0A00000A, 0, 0xFFFFFFFF)):
            stage.notify(slots.ADDRESS_DELETE, contexts, data, address, deleted)
        for given, kind, lease_time_s in product(AddressGiven, AddressType, (0, 1, 3600, INFINITE)):
            stage.notify(slots.ADDRESS_OFFER, contexts, data, 0x0A00000A, given, kind, lease_time_s)
        for message in (data, *(packet for _, packet in islice(hostile(), 40))):
            stage.notify(slots.HANDLE_OPTIONS, contexts, message)
        _end(stage, contexts, data)
        for kind, size in product(AddressType, (0, 1, 6, 16)):
            stage.announce(slots.DELETE_CLIENT, ClientDeleted(0x0A00000A, bytes(range(size)), kind))


def _refused(run: Run) -> None:
    """A callout before it in the list drops each packet: it sees the ends of packets that it has never seen begin."""
    with run.stage() as stage:
        stage.drops_first = True
        for client in (stage.client(), stage.client(**CLIENT_OPTIONS)):
            client.discover()
            client.inform("10.0.0.200")


def _turns(run: Run) -> None:
    """Packets of many clients at once, whose hooks take turns; some turns cannot be written to disk."""
    with run.stage() as stage:
        clients = [stage.client(**CLIENT_OPTIONS) for _ in range(16)]
        for client in clients:
            _lease(client)
        for durable in (True, True, False, True):
            for kind in (MessageType.DISCOVER, MessageType.REQUEST, MessageType.INFORM, MessageType.RELEASE):
                run.check_time()
                messages = [client.message(kind, ciaddr=client.address or 0) for client in clients]
                stage.turn([(encode(message).data, None) for message in messages], durable=durable)


def _service(run: Run) -> None:
    """The service is started, paused, continued and stopped again and again, with packets meanwhile."""
    counts = _Growth(run)
    with run.stage() as stage:
        for _ in range(10):
            run.check_time()
            _lease(stage.client())
            stage.control(ControlCode.PAUSE)
            stage.client().discover()
            stage.control(ControlCode.CONTINUE)
            _lease(stage.client())
            stage.control(ControlCode.STOP)
            stage.control(ControlCode.START)
            counts.take()
    counts.find_kept("each time that the service is stopped and started")


def _chains(run: Run) -> None:
    """Names in its chain: none, one that does not exist, non-ASCII, overlong and many ones, and a copy of itself."""
    for name, chain in _CHAINS.items():
        run.check_time()
        run.watch.packet(f"a chain of {name}", b"")
        _try_chain(run, name, chain)
    path = Path(run.job.entry)
    if path.is_file():
        # In a folder of its own, since a library may look for files beside it.
        with tempfile.TemporaryDirectory(prefix="dhcpcallout-") as folder:
            copy = Path(folder) / f"Kopie-копия{path.suffix}"
            shutil.copyfile(path, copy)
            copy.chmod(0o700)
            run.watch.packet("a chain of a copy of itself", b"")
            _try_chain(run, "a copy of itself", (str(copy),))
    run.watch.packet("", b"")


_CHAINS: Mapping[str, tuple[str, ...]] = {
    "no name": (),
    "a name that does not exist": (f"{_NOWHERE}/second.dll",),
    "a name that is not ASCII": (f"{_NOWHERE}/Rückruf-коллаут-呼び出し-😀.dll",),
    "names as administrators write them": (r"C:\Program Files\Callouts\second one.dll", "relative.dll",
                                           r"%SystemRoot%\System32\third.dll"),
    "a name of 30,000 characters": (f"{_NOWHERE}/{'n' * 30000}.dll",),
    "1,000 names": tuple(f"{_NOWHERE}/number-{number}.dll" for number in range(1000)),
}  # fmt: skip


def _try_chain(run: Run, name: str, chain: tuple[str, ...]) -> None:
    try:
        callout = run.load(chain=chain)
    except CalloutLoadError as error:
        run.watch.find("chain", f"it refuses to load with {name} in its chain: {error}")
        return
    with run.stage(callout) as stage:
        _lease(stage.client(**CLIENT_OPTIONS))


def _reload(run: Run) -> None:
    """It is loaded and unloaded again and again, with a start, a lease and a stop each time."""
    before = _threads_left()
    counts = _Growth(run)
    for _ in range(10):
        run.check_time()
        with run.stage() as stage:
            _lease(stage.client())
        left = _threads_left(at_most=before)
        if left > before and run.is_native:
            run.watch.find("unload", f"{left - before} threads go on after STOP, in a library that is unloaded")
            return
        counts.take()
    counts.find_kept("each time that it is loaded and unloaded")


def _threads_left(at_most: int = 0) -> int:
    """How many threads there are; if more than ``at_most``, after some time that they may take to end."""
    ends_at = time.monotonic() + (SETTLING_S if at_most else 0)
    while (threads := usage().threads) > at_most and time.monotonic() < ends_at:
        time.sleep(0.01)
    return threads


def _volume(run: Run) -> None:
    """Thousands of packets of a few clients: timings, and whether memory, descriptors and threads grow with them."""
    with run.stage() as stage:
        before = usage()
        datagrams = cycle(_traffic(stage))
        window = max(run.job.packets // WINDOWS, 1)
        growth = _Growth(run)
        try:
            _flow(run, stage, datagrams, max(run.job.packets // 5, 200))
            _grow(run, stage, datagrams, window, growth)
            if growth.find_memory() or growth.find_leak():
                # A cache that fills up grows as well, at first: ask again, with more packets.
                growth = _Growth(run)
                _grow(run, stage, datagrams, window * 2, growth)
        finally:
            for kind, text in (("memory", growth.find_memory()), ("leak", growth.find_leak())):
                if text:
                    run.watch.find(kind, text)
            for what, count in growth.kept_since(before):
                run.watch.find("leak", f"{count} {what} more than before the first packet")
            run.watch.grew(growth.total())


def _grow(run: Run, stage: Stage, datagrams: Iterator[bytes], window: int, growth: "_Growth") -> None:
    growth.take()
    for _ in range(WINDOWS):
        _flow(run, stage, datagrams, window)
        growth.take(window)


def _traffic(stage: Stage) -> list[bytes]:
    """What sixteen clients send, so that it can be sent over and over."""
    datagrams = []
    for number in range(16):
        client = stage.client(**(CLIENT_OPTIONS if number % 2 else {}))
        offered = client.lease() or IPv4Address("10.0.0.10")
        select = client.message(MessageType.REQUEST)
        select.set(OptionCode.DHCP_REQUESTED_ADDRESS, offered)
        select.set(OptionCode.DHCP_SERVER_IDENTIFIER, SERVER)
        release = client.message(MessageType.RELEASE, ciaddr=offered)
        release.set(OptionCode.DHCP_SERVER_IDENTIFIER, SERVER)
        renew = client.message(MessageType.REQUEST, ciaddr=offered)
        inform = client.message(MessageType.INFORM, ciaddr=offered)
        discover = client.message(MessageType.DISCOVER)
        packets = (discover, select, renew, inform, renew, release, discover, select)
        datagrams += [encode(packet).data for packet in packets]
    return datagrams


def _flow(run: Run, stage: Stage, datagrams: Iterator[bytes], count: int) -> None:
    for _ in range(0, count, 8):
        run.check_time()
        stage.now += 0.01
        stage.turn([(data, None) for data in islice(datagrams, 8)])


class _Growth:
    """What a process uses, again and again."""

    def __init__(self, run: Run) -> None:
        self._watch = run.watch
        self._taken: list[Usage] = []
        self._packets: list[int] = []

    def take(self, packets: int = 0) -> None:
        """Look what is used now, after so many packets more."""
        gc.collect()
        if packets:
            self._packets.append(packets)
        self._taken.append(usage())

    def _steps(self, field: str) -> list[int]:
        """By how much it grew from each time to the next; empty where it cannot be measured."""
        values = [getattr(one, field) for one in self._taken]
        return [] if None in values else [after - before for before, after in pairwise(values)]

    def total(self) -> dict[str, int | None]:
        """By how much all of it grew."""
        totals = {}
        for field in Usage._fields:
            steps = self._steps(field)
            totals[field.replace("_", "-")] = sum(steps) if steps else None
        return {"packets": sum(self._packets), **totals}

    def find_memory(self) -> str:
        """In words, what of the memory grows; "" where nothing does."""
        packets = sum(self._packets)
        for field, least, what in (
            ("allocated_bytes", BYTES_A_PACKET, "bytes"),
            ("python_blocks", BLOCKS_A_PACKET, "objects in Python"),
            ("resident_bytes", RESIDENT_BYTES_A_PACKET, "bytes"),
        ):
            steps = self._steps(field)
            if len(steps) >= FEWEST_WINDOWS and min(map(truediv, steps, self._packets)) >= least:
                return f"{sum(steps) / packets:,.1f} {what} a packet are not given back, over {packets:,} packets"
        return ""

    def find_leak(self) -> str:
        """In words, whether descriptors or threads grow; "" where they do not."""
        for field in ("descriptors", "threads"):
            steps = self._steps(field)
            if len(steps) >= FEWEST_WINDOWS and min(steps) > 0:
                return f"{sum(steps)} {field} more after {sum(self._packets):,} packets"
        return ""

    def kept_since(self, before: Usage) -> Iterator[tuple[str, int]]:
        """What there are more of than there were, by so many that it tells of a leak that has met a limit."""
        for field in ("descriptors", "threads"):
            first, last = getattr(before, field), getattr(self._taken[-1] if self._taken else before, field)
            if first is not None and last is not None and last - first >= MOST_KEPT:
                yield field, last - first

    def find_kept(self, when: str) -> None:
        """Find descriptors or threads that grow with the service's life; the first time need not be like the others."""
        for field in ("descriptors", "threads"):
            steps = self._steps(field)[1:]
            if steps and min(steps) > 0:
                self._watch.find("reload", f"it keeps {sum(steps) / len(steps):g} {field} {when}")


def _capture(run: Run) -> None:
    """The messages of a capture, each from where it came; a network is served for each relay agent in it."""
    with run.stage(networks=_networks(run.job.captured)) as stage:
        for number, (source_int, source_port, payload) in enumerate(run.job.captured, 1):
            run.check_time()
            run.watch.packet(f"message {number} of the capture", payload)
            stage.now += 0.01
            stage.turn([(payload, Arrival(source_int, source_port, SERVER, interface="lan"))])
        run.watch.packet("", b"")


def _networks(captured: Sequence[Captured]) -> list[Subnet]:
    networks: dict[IPv4Network, Subnet] = {}
    own = IPv4Network("10.0.0.0/23")
    for message in captured:
        relay = int.from_bytes(message.payload[24:28], "big")
        network = IPv4Network((relay, 24), strict=False)
        if relay and len(message.payload) >= 236 and not network.overlaps(own) and len(networks) < MOST_NETWORKS:
            first = network.network_address
            networks[network] = Subnet(network=network, pools=[f"{first + 10}-{first + 250}"])
    return list(networks.values())


SCENARIOS: Mapping[str, Callable[[Run], None]] = {
    "entry": _entry,
    "messages": _messages,
    "types": _types,
    "hostile": _hostile,
    "sizes": _sizes,
    "codes": _codes,
    "refused": _refused,
    "turns": _turns,
    "service": _service,
    "chains": _chains,
    "reload": _reload,
    "volume": _volume,
    "capture": _capture,
}
"""What there is to put a callout through, by name, in order; ``capture`` only where there is one."""
