"""The asyncio shell that ties one engine to its sockets, its lease store and its callouts."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .codes import ControlCode
from .control.leases import LeaseCommands
from .control.server import ControlServer
from .engine import Arrival, ClientClass, Engine, Exchange, Outgoing, Reservation, Scope, SharedNetwork, Subnet
from .engine.exchange import Stage
from .engine.parking import OnTimeout, Parking
from .errors import CalloutFault, CommitError, ConfigError, Problem
from .hooks import Callout, CalloutEntry, HookTable, Pending
from .leases import LeaseChange, LeaseStore, Refusal
from .stores import MemoryStore
from .stores.formats import SubnetIds
from .transports import Reader, Transport, UdpTransport, open_reader, parse_listen
from .wire import REGISTRY, OptionRegistry

if TYPE_CHECKING:
    from .config import Settings

__all__ = ["Server"]

_log = logging.getLogger(__name__)

_TURN = 64
"""The most datagrams of one turn, so that other sockets and timers get theirs."""
_MOST_WAITING = 2048
"""How many exchanges may wait for a commit before the sockets are left alone; the kernel's buffers then fill."""
_PERIOD_S = 1.0
"""How often it is looked whether leases have ended, and what the kernel has dropped, in seconds."""
_EXPIRY_ROWS = 10
_EXPIRY_SLICE = 100
_EXPIRY_SLICE_S = 0.001
"""Leases whose time is over are seen to by tens, until there are a hundred or a millisecond is over; then packets."""


@dataclass(slots=True)
class _Turn:
    """What was decided and waits to become durable.

    One with ``done`` has changes alone, no packet's; it gets those that were refused, or the CommitError.
    """

    exchanges: list[tuple[Transport, Exchange]] = field(default_factory=list)
    changes: list[LeaseChange] = field(default_factory=list)
    done: "asyncio.Future[list[Refusal]] | None" = None
    undone: bool = False

    def decided(self) -> Iterable[Exchange | LeaseChange]:
        """What is undone where the changes cannot become durable."""
        return self.changes if self.undone else (exchange for _, exchange in self.exchanges)


class Server:
    """A DHCPv4 server: give it subnets, enter it, and it serves until it is left.

    ::

        server = Server(
            [Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.99"])],
            listen=["127.0.0.1:6767"],
            callouts=[policy.callout],
        )
        async with server:
            await server.serve_forever()

    Everything happens in the event loop's thread, but for the store's commits, which have a thread of their own.

    Args:
        subnets: The networks to serve: subnets, and shared networks of several.
        defaults: What all clients are told.
        classes: The kinds of clients.
        reservations: What is kept for single clients, whatever their subnet.
        listen: Addresses to listen on: ``"127.0.0.1:6767"``, ``"10.0.0.1"`` (port 67), port 0 for any.
        interfaces: Interfaces whose clients are served on port 67 (Linux; needs root or CAP_NET_RAW and
            CAP_NET_BIND_SERVICE).
        store: Where leases are kept; the server closes it. A new ``MemoryStore`` where none is given.
        callouts: Callouts to run, in order.
        authoritative: See ``Engine``.
        max_parked: How many packets may wait for async functions of callouts; the next that would is dropped (NOMEM).
        parked_timeout_s: For how long a packet may wait for them until it is answered, in seconds.
        on_timeout: Whether it is then dropped (TIMEOUT, ``"drop"``) or goes on without the answer (``"continue"``).
        offer_time_s: For how long an offered address is held, in seconds.
        decline_time_s: For how long a declined address rests, in seconds.
        leasequery_relays: See ``Engine``.
        control: Where the control socket is to be, by which leases are looked at and changed while the server runs;
            there is none by default.
        registry: Where option names are looked up.
        clock: What tells the time, Unix time in seconds.

    Attributes:
        engine: The engine, once started.

    Raises:
        ConfigError: On construction, with every mistake in what is configured.
        StoreError: On entering: the lease store cannot be read.
        TransportError: On entering: a socket cannot be opened.
        Exception: On entering: whatever the ``on_load`` of a callout raises that no loader has loaded before.
    """

    def __init__(
        self,
        subnets: Sequence[Subnet | SharedNetwork],
        *,
        defaults: Scope | None = None,
        classes: Sequence[ClientClass] = (),
        reservations: Sequence[Reservation] = (),
        listen: Sequence[str] = (),
        interfaces: Sequence[str] = (),
        store: LeaseStore | None = None,
        callouts: Iterable[Callout] = (),
        authoritative: bool = False,
        max_parked: int = 256,
        parked_timeout_s: float = 2.0,
        on_timeout: OnTimeout = "drop",
        offer_time_s: float = 30,
        decline_time_s: int = 86400,
        leasequery_relays: Sequence[str | IPv4Address | IPv4Network] = (),
        control: str | Path | None = None,
        registry: OptionRegistry = REGISTRY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._listen = [_listen_on(text) for text in listen]
        self._interfaces = tuple(interfaces)
        self._store = store if store is not None else MemoryStore()
        self._callouts = tuple(callouts)
        self._clock = clock
        self.engine = Engine(
            subnets,
            defaults=defaults,
            classes=classes,
            reservations=reservations,
            hooks=HookTable(self._callouts, registry=registry),
            authoritative=authoritative,
            offer_time_s=offer_time_s,
            decline_time_s=decline_time_s,
            parking=Parking(max_parked, parked_timeout_s, on_timeout),
            leasequery_relays=leasequery_relays,
            registry=registry,
        )
        self._control: ControlServer | None = None
        if control is not None:
            commands = LeaseCommands(self.engine, self._store, self._make_durable, clock, SubnetIds.in_order(subnets))
            self._control = ControlServer(Path(control), commands.commands())
        self._transports: list[Transport] = []
        self._readers: list[Reader] = []
        self._reading = False
        self._waiting: list[_Turn] = []
        self._to_send: list[tuple[Transport, Outgoing]] = []
        self._work = asyncio.Event()
        self._attending: set[asyncio.Task[None]] = set()
        self._strays: set[asyncio.Task[Any]] = set()
        self._writer = ThreadPoolExecutor(1, "dhcpcallout-store")
        self._committing: asyncio.Task[None]
        self._housekeeping: asyncio.Task[None]
        self._socket_drops = 0
        self._store_failed = False
        self._stopped = asyncio.Event()

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """A server as a configuration file describes it, its callouts loaded and its lease store opened.

        Raises:
            ConfigError: With every mistake in the file.
            StoreOpenError: The lease store cannot be opened or is not one of ours; nothing was changed.
        """
        from .config import load_config

        return cls.from_settings(load_config(path))

    @classmethod
    def from_settings(cls, settings: "Settings") -> Self:
        """A server as ``config.load_config`` read it; see ``from_file``."""
        from .loaders import load_callouts
        from .stores import open_store

        return cls(
            settings.networks,
            defaults=settings.defaults,
            classes=settings.classes,
            reservations=settings.reservations,
            listen=[f"{host}:{port}" for host, port in settings.listen],
            interfaces=settings.interfaces,
            store=open_store(settings.store),
            callouts=load_callouts(settings.callouts, base_directory=settings.base_directory).callouts,
            authoritative=settings.authoritative,
            max_parked=settings.max_parked,
            parked_timeout_s=settings.parked_timeout_s,
            on_timeout=settings.on_timeout,
            offer_time_s=settings.offer_time_s,
            decline_time_s=settings.decline_time_s,
            leasequery_relays=settings.leasequery_relays,
            control=settings.control,
            registry=settings.registry,
        )

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """The addresses and ports that the server listens on; empty before it is entered."""
        return tuple(transport.address for transport in self._transports)

    @property
    def statistics(self) -> Counter[str]:
        """How often what happened, by Kea's names."""
        return self.engine.statistics

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Open the sockets, take over the store's leases, tell the callouts, and serve."""
        try:
            for callout in self._callouts:
                callout.load(CalloutEntry(()))
            self.engine.load(self._store.load())
            for host, port in self._listen:
                self._transports.append(UdpTransport(host, port))
            for interface in self._interfaces:
                self._transports.append(UdpTransport(interface=interface))
            for transport in self._transports:
                self._readers.append(open_reader(transport.fileno(), partial(self._receive, transport)))
            self.engine.server_addresses = frozenset(
                int(IPv4Address(host)) for host, _ in self.addresses if host != "0.0.0.0"
            )
        except BaseException:
            self._release()
            raise
        self.engine.control(ControlCode.START)
        self._committing = asyncio.create_task(self._commit_turns())
        self._housekeeping = asyncio.create_task(self._keep_house())
        await self._listen_for_commands()
        self._read(True)
        _log.info("ready: listening on %s", ", ".join(map(str, self._transports)))

    async def stop(self) -> None:
        """Stop reading, finish what was received, tell the callouts, close the sockets and the store."""
        if self._stopped.is_set():
            return
        control, self._control = self._control, None
        if control is not None:
            await control.close()  # while what it has begun can still become durable
        self._stopped.set()
        self._read(False)
        self._work.set()
        self._housekeeping.cancel()
        await asyncio.gather(self._committing, self._housekeeping, return_exceptions=True)
        self.engine.control(ControlCode.STOP)
        self._release()
        _log.info("stopped")

    async def serve_forever(self) -> None:
        """Wait until the server is stopped.

        Raises:
            Exception: What ended the server's own work, should that happen.
        """
        await asyncio.gather(self._committing, self._stopped.wait())

    def pause(self) -> None:
        """Drop every packet (PAUSED) until ``resume``."""
        self.engine.control(ControlCode.PAUSE)

    def resume(self) -> None:
        """Serve again after ``pause``."""
        self.engine.control(ControlCode.CONTINUE)

    async def _listen_for_commands(self) -> None:
        """Open the control socket. Clients are served without it, too."""
        if self._control is None:
            return
        try:
            await self._control.start()
        except OSError as error:
            _log.error(
                "no control socket at %s: %s; leases can only be changed while the server is stopped",
                self._control.path,
                error.strerror or error,
            )

    def _release(self) -> None:
        for reader in self._readers:
            reader.close()
        for transport in self._transports:
            transport.close()
        self._writer.shutdown()
        self._store.close()
        for callout in self._callouts:
            callout.close()

    # One turn: receive and decide; commit; finish and send

    def _read(self, wanted: bool) -> None:
        if wanted == self._reading:
            return
        self._reading = wanted
        for reader in self._readers:
            if wanted:
                reader.resume()
            else:
                reader.pause()

    def _receive(self, transport: Transport) -> None:
        turn = _Turn()
        now = self._clock()
        exchanges = []
        # All of a turn is received, then decided about, then answered, then sent: what each of these works with is
        # still in the processor's caches then (docs/performance.md).
        for datagram, arrival in transport.receive(_TURN):
            try:
                exchanges.append(self.engine.receive(datagram, arrival, now))
            except Exception:
                self._fault(arrival)
        for exchange in exchanges:
            self._go_on(transport, exchange, turn)
        self._send_all()
        self._wait(turn)

    def _wait(self, turn: _Turn) -> None:
        if not turn.changes:
            return
        self._waiting.append(turn)
        self._work.set()
        if sum(len(waiting.exchanges) for waiting in self._waiting) >= _MOST_WAITING:
            self._read(False)

    async def _make_durable(self, changes: list[LeaseChange]) -> list[Refusal]:
        """Commit what an administrator changed in the engine, in its turn; give what was refused of it.

        Raises:
            CommitError: Nothing was written, and the engine has what it had before.
        """
        return await self._durable(_Turn(changes=changes, undone=True))

    async def _durable(self, turn: _Turn) -> list[Refusal]:
        if not turn.changes:
            return []
        turn.done = asyncio.get_running_loop().create_future()
        self._wait(turn)
        return await turn.done

    async def _commit_turns(self) -> None:
        """Commit what waits, all of it at once, and finish it; until stopped and nothing waits any more."""
        while not self._stopped.is_set() or self._waiting or self._attending:
            await self._work.wait()
            self._work.clear()
            turns, self._waiting = self._waiting, []
            if turns:
                await self._commit(turns)
            if not self._stopped.is_set():
                self._read(True)

    async def _commit(self, turns: list[_Turn]) -> None:
        changes = [change for turn in turns for change in turn.changes]
        try:
            refusals = await asyncio.get_running_loop().run_in_executor(self._writer, self._store.commit, changes)
        except CommitError as error:
            self._commit_failed(turns, error)
            return
        if self._store_failed:
            self._store_failed = False
            _log.warning("the lease store works again")
        meanwhile = self._take_back() if refusals else []
        self.engine.take_over(refusals, changes)
        refused = {id(refusal.change) for refusal in refusals}
        again = _Turn()
        for turn in turns:
            if turn.done is not None and not turn.done.done():
                turn.done.set_result([refusal for refusal in refusals if refusal.change in turn.changes])
            for transport, exchange in turn.exchanges:
                if refused and any(id(change) in refused for change in exchange.changes):
                    self.engine.refuse(exchange, (), self._clock())
                    self._go_on(transport, exchange, again)
                else:
                    self._finish(transport, exchange)
        for transport, exchange in meanwhile:
            self.engine.refuse(exchange, (), self._clock())
            self._go_on(transport, exchange, again)
        self._send_all()
        self._wait(again)

    def _take_back(self) -> list[tuple[Transport, Exchange]]:
        """Have the exchanges that wait for their commit wait no more: they are to be decided again."""
        waiting = [one for turn in self._waiting for one in turn.exchanges]
        taken = {id(change) for _, exchange in waiting for change in exchange.changes}
        for turn in self._waiting:
            turn.exchanges = []
            turn.changes = [change for change in turn.changes if id(change) not in taken]
        self.engine.take_back([exchange for _, exchange in waiting])
        return waiting

    def _commit_failed(self, turns: list[_Turn], error: CommitError) -> None:
        """Acknowledge nothing: undo these turns, and those decided meanwhile, which rest on them."""
        turns, self._waiting = [*turns, *self._waiting], []
        self.statistics["commit-fail"] += 1
        if not self._store_failed:
            self._store_failed = True
            _log.error("the lease store cannot commit, nothing is acknowledged until it can: %s", error)
        abandoned = [waiting for turn in turns for waiting in turn.exchanges]
        self.engine.abandon([one for turn in turns for one in turn.decided()])
        for turn in turns:
            if turn.done is not None and not turn.done.done():
                turn.done.set_exception(error)
        for transport, exchange in abandoned:
            if exchange.parked is not None:
                self._park(transport, exchange, exchange.parked)

    def _finish(self, transport: Transport, exchange: Exchange) -> None:
        try:
            outgoing = self.engine.finish(exchange, self._clock())
        except Exception:
            self._fault(exchange.arrival)
            return
        if outgoing is not None:
            self._to_send.append((transport, outgoing))
        if exchange.parked is not None:
            self._park(transport, exchange, exchange.parked)

    def _go_on(self, transport: Transport, exchange: Exchange, turn: _Turn) -> None:
        """Do what an exchange needs next; what has to become durable is added to a turn."""
        if exchange.parked is not None:
            turn.changes += exchange.take_changes()
            self._park(transport, exchange, exchange.parked)
        elif exchange.stage is Stage.DECIDING and exchange.changes:
            turn.changes += exchange.changes
            turn.exchanges.append((transport, exchange))
        elif exchange.stage is Stage.DECIDING:
            self._finish(transport, exchange)

    def _fault(self, arrival: Arrival) -> None:
        """Note the exception at hand: a fault of ours must not cost other clients their answer."""
        self.statistics["pkt4-processing-failed"] += 1
        _log.exception("a packet from %s could not be processed", arrival.source)

    # Async functions of callouts

    def _park(self, transport: Transport, exchange: Exchange, pending: Pending) -> None:
        task = asyncio.create_task(self._attend(transport, exchange, pending))
        self._attending.add(task)
        task.add_done_callback(self._attended)

    def _attended(self, task: asyncio.Task[None]) -> None:
        self._attending.discard(task)
        self._work.set()  # the last one to end may be what a stop waits for

    async def _attend(self, transport: Transport, exchange: Exchange, pending: Pending) -> None:
        """Await what a parked exchange waits for, and go on with it."""
        try:
            # In a task of its own: a function that will not be cancelled must not hold up its exchange.
            hook = asyncio.create_task(_answer(pending.awaitable))
            await asyncio.wait({hook}, timeout=self.engine.parking.time_left_s(exchange, self._clock()))
            outgoing = self._resume(exchange, hook)
            if outgoing is not None:
                self._to_send.append((transport, outgoing))
            turn = _Turn()
            self._go_on(transport, exchange, turn)
            self._send_all()
            self._wait(turn)
        except Exception:
            self._fault(exchange.arrival)

    def _resume(self, exchange: Exchange, hook: asyncio.Task[Any]) -> Outgoing | None:
        now = self._clock()
        if not hook.done():
            self.engine.parking.strays += 1
            self._strays.add(hook)
            hook.add_done_callback(self._stray_ended)
            hook.cancel()
            return self.engine.time_out(exchange, now)
        if hook.cancelled():
            return self.engine.resume(exchange, now, error=CalloutFault("it was cancelled"))
        error = hook.exception()
        return self.engine.resume(exchange, now, None if error is not None else hook.result(), error)

    def _stray_ended(self, hook: asyncio.Task[Any]) -> None:
        self._strays.discard(hook)
        self.engine.parking.strays -= 1
        if not hook.cancelled():
            hook.exception()  # its time was over, and that has been told: asyncio need not tell of this as well

    def _send_all(self) -> None:
        to_send, self._to_send = self._to_send, []
        for transport, outgoing in to_send:
            try:
                transport.send(outgoing)
            except OSError as error:
                self.statistics["pkt4-send-fail"] += 1
                _log.debug("a reply to %s could not be sent: %s", outgoing.address, error)
            except Exception:
                self._fault(outgoing.arrival)

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_PERIOD_S)
            try:
                self._count_socket_drops()
                while self._has_ended():
                    # Others not before these are durable: a commit of thousands holds up the ACKs that it covers.
                    await self._durable(_Turn(changes=self._expire_some()))
                    await asyncio.sleep(0)
            except CommitError:
                continue  # which has been told, and what has ended ends again after a restart
            except Exception:
                _log.exception("leases that have ended could not be seen to")

    def _has_ended(self) -> bool:
        end_s = self.engine.next_expiry_s()
        return end_s is not None and end_s <= self._clock()

    def _expire_some(self) -> list[LeaseChange]:
        changes: list[LeaseChange] = []
        until_s = time.perf_counter() + _EXPIRY_SLICE_S
        while self._has_ended() and len(changes) < _EXPIRY_SLICE:
            changes += self.engine.expire(self._clock(), _EXPIRY_ROWS)
            if time.perf_counter() >= until_s:
                break
        return changes

    def _count_socket_drops(self) -> None:
        """Count, and report, the datagrams for which the kernel had no room left in a socket's buffer."""
        drops = sum(transport.drops for transport in self._transports)
        lost = drops - self._socket_drops
        if lost > 0:
            self._socket_drops = drops
            self.statistics["pkt4-socket-drop"] += lost
            _log.warning("the kernel dropped %d datagrams that came faster than they were read", lost)


async def _answer(awaitable: Awaitable[Any]) -> Any:
    try:
        return await awaitable
    except SystemExit as error:  # a task that raises it ends the event loop
        raise CalloutFault(f"it raised {error!r}") from error


def _listen_on(text: str) -> tuple[str, int]:
    try:
        return parse_listen(text)
    except ValueError as error:
        raise ConfigError([Problem("", None, "listen", str(error))]) from None
