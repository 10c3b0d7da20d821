"""The server that a callout is tried in: a real engine, leases in a dict, and a clock that stands until it is moved."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address
from typing import Any, TypeVar

from ..codes import CLIENT_PORT, SERVER_PORT, ControlCode, OptionCode
from ..engine import Arrival, Delivery, Engine, Exchange, Outgoing, Subnet
from ..engine.parking import Parking
from ..errors import WireError
from ..events import AddressSelected, ClientDeleted, Context, PacketReceived
from ..hooks import Callout, Drop, InUse, Slot, Steps
from ..leases import Lease, LeaseChange
from ..testing import SimulatedClient
from ..wire import Packet, check, decode, encode
from .watch import Watch, WatchedTable

__all__ = ["RELAY", "SERVER", "Stage"]

SERVER = int(IPv4Address("10.0.0.1"))
RELAY = int(IPv4Address("10.0.1.1"))
"""The relay agent of a subnet that has two addresses."""

_SUBNETS = (
    Subnet(
        network="10.0.0.0/24",
        pools=["10.0.0.10-10.0.0.199"],
        lease_time_s=3600,
        options={"routers": ["10.0.0.1"], "domain-name-servers": ["10.0.0.1"], "domain-name": "example.org"},
        bootp=True,
    ),
    Subnet(network="10.0.1.0/29", pools=["10.0.1.2-10.0.1.3"], lease_time_s=600),
)

_BROADCAST = Arrival(0, CLIENT_PORT, SERVER, interface="lan")

T = TypeVar("T")


class Stage:
    """A server with one callout in it, watched.

    Args:
        watch: Who watches.
        callout: The callout, as it was loaded.
        networks: Further networks to serve.
        hardware_addresses: What clients have, in turn; each another where there are none.
        timeout_s: For how long a packet may wait for async functions, in seconds of the real clock.

    Attributes:
        now: The server's time, Unix time in seconds.
        drops_first: Whether a callout that comes before the watched one drops each packet in NewPkt.
        in_use: How many addresses that the server chooses next are found in use.
    """

    def __init__(
        self,
        watch: Watch,
        callout: Callout,
        *,
        networks: Iterable[Subnet] = (),
        hardware_addresses: Sequence[bytes] = (),
        timeout_s: float = 2.0,
    ) -> None:
        self.now = 1_700_000_000.0
        self.drops_first = False
        self.in_use = 0
        self._watch = watch
        self._timeout_s = timeout_s
        self._leases: dict[int, Lease] = {}
        self._hardware_addresses = hardware_addresses
        self._clients = 0
        self.table = WatchedTable((self._first(), watch.callout(callout), watch.witness()), 1, watch)
        self.engine = Engine(
            [*_SUBNETS, *networks],
            hooks=self.table,
            authoritative=True,
            server_addresses=[SERVER],
            parking=Parking(timeout_s=timeout_s),
            leasequery_relays=[str(IPv4Address(RELAY))],
        )
        self._loop = asyncio.new_event_loop()

    def _first(self) -> Callout:
        """What decides before the callout does."""
        first = Callout("verifier")

        def drop(_event: PacketReceived) -> Drop | None:
            return Drop() if self.drops_first else None

        def find_in_use(_event: AddressSelected) -> InUse | None:
            if not self.in_use:
                return None
            self.in_use -= 1
            return InUse()

        first.register("new_packet", drop)
        first.register("select_address", find_in_use)
        return first

    def client(self, **options: bytes) -> SimulatedClient:
        """A client on the server's link, with the options that it sends by registry name with ``_`` for ``-``."""
        return SimulatedClient(self.ask, self._hardware_address(), options)

    def relayed_client(self, relay: int, **options: bytes) -> SimulatedClient:
        """A client behind a relay agent that adds option 82."""

        def relayed(message: Packet) -> Outgoing | None:
            copy = decode(encode(message).data)
            copy.giaddr_int = relay
            copy.hops = 1
            copy.options[OptionCode.DHCP_AGENT_OPTIONS] = b"\x01\x04eth0\x02\x06switch"
            reply = self.ask(copy, Arrival(relay, SERVER_PORT, SERVER))
            return reply._replace(delivery=Delivery.BROADCAST) if reply is not None else None

        return SimulatedClient(relayed, self._hardware_address(), options)

    def _hardware_address(self) -> bytes:
        self._clients += 1
        if self._hardware_addresses:
            return self._hardware_addresses[self._clients % len(self._hardware_addresses)]
        return b"\x02\0\0" + self._clients.to_bytes(3, "big")

    def ask(self, message: Packet | bytes, arrival: Arrival | None = None) -> Outgoing | None:
        """Have the server take in one message.

        Returns:
            The reply; None where there is none that a client can read.
        """
        data = message if isinstance(message, bytes) else encode(message).data
        (outgoing,) = self.turn([(data, arrival)])
        try:
            return outgoing if outgoing is not None and not check(outgoing.data) else None
        except WireError:
            return None

    def turn(self, datagrams: Sequence[tuple[bytes, Arrival | None]], *, durable: bool = True) -> list[Outgoing | None]:
        """Have the server take in several datagrams, commit their leases, and answer them.

        Args:
            datagrams: Each with how it came in; broadcast on the server's link where that is None.
            durable: Whether the commit succeeds.
        """
        replies = self.run(self._turn(datagrams, durable))
        self._watch.answered += len(replies) - replies.count(None)
        return replies

    async def _turn(self, datagrams: Sequence[tuple[bytes, Arrival | None]], durable: bool) -> list[Outgoing | None]:
        exchanges = []
        for data, arrival in datagrams:
            exchange = self.engine.receive(data, arrival or _BROADCAST, self.now)
            await self._wait(exchange)
            exchanges.append(exchange)
        if not durable:
            self.engine.abandon(exchanges)
            for exchange in exchanges:
                await self._wait(exchange)
            return []
        for exchange in exchanges:
            self._commit(exchange.changes)
        outgoing = []
        for exchange in exchanges:
            reply = self.engine.finish(exchange, self.now)
            outgoing.append(await self._wait(exchange) or reply)
        return outgoing

    async def _wait(self, exchange: Exchange) -> Outgoing | None:
        """Let the async functions that hold up an exchange come to their end, as a server does."""
        outgoing = None
        while exchange.parked is not None:
            pending = exchange.parked
            task = asyncio.ensure_future(_result_of(pending.awaitable))
            answer, error, late = await self._finish(task)
            if late:
                self._watch.timed_out(pending.slot, self._timeout_s)
                self._watch.late = True
                reply = self.engine.time_out(exchange, self.now)
                self._watch.late = False
            else:
                reply = self.engine.resume(exchange, self.now, answer, error)
            outgoing = reply or outgoing
        return outgoing

    async def _finish(self, task: "asyncio.Task[Any]") -> tuple[object, BaseException | None, bool]:
        """Wait for a task.

        Returns:
            Its result, what it raised, and whether it was not done in time.
        """
        await asyncio.wait({task}, timeout=self._timeout_s)
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=self._timeout_s)
            return None, None, True
        if task.cancelled():
            return None, asyncio.CancelledError(), False
        error = task.exception()
        return (task.result() if error is None else None), error, False

    def submit(self, slot: Slot[Any], contexts: tuple[Context, ...], data: bytes, *values: Any) -> bytes | Drop:
        """Have the hook table submit a message, without an exchange."""

        async def submit() -> bytes | Drop:
            answer = self.table.submit(slot, contexts, data, SERVER, *values)
            return answer if isinstance(answer, bytes | Drop) else await self._drive(answer)

        return self.run(submit())

    def notify(self, slot: Slot[Any], contexts: tuple[Context, ...], data: bytes, *values: Any) -> None:
        """Have the hook table notify, without an exchange."""

        async def notify() -> None:
            steps = self.table.notify_steps(slot, contexts, data, SERVER, *values)
            if not isinstance(steps, tuple):
                await self._drive(steps)

        self.run(notify())

    def announce(self, slot: Slot[Any], event: ClientDeleted) -> None:
        """Have the hook table announce what belongs to no packet."""
        self._call(lambda: self.table.announce(slot, event))

    async def _drive(self, steps: Steps[T]) -> T:
        try:
            pending = next(steps)
            while True:
                answer, error, late = await self._finish(asyncio.ensure_future(_result_of(pending.awaitable)))
                if late:
                    self._watch.timed_out(pending.slot, self._timeout_s)
                pending = steps.throw(error) if error is not None else steps.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result

    def run(self, work: Awaitable[T]) -> T:
        """Have work done in the server's event loop, which callouts may use."""
        return self._loop.run_until_complete(_result_of(work))

    def control(self, code: ControlCode) -> None:
        """Start, stop, pause or continue the service."""
        self._call(lambda: self.engine.control(code))

    def advance(self, seconds: float) -> None:
        """Let time pass, and end what has run out by then."""
        self.now += seconds

        def expire() -> None:
            while changes := self.engine.expire(self.now):
                self._commit(changes)

        self._call(expire)

    def _call(self, function: Callable[[], object]) -> None:
        async def call() -> None:
            function()

        self.run(call())

    def close(self) -> None:
        """Close the event loop; what callouts have left running in it is cancelled."""
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self._loop.run_until_complete(asyncio.wait(tasks, timeout=1))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _commit(self, changes: Iterable[LeaseChange]) -> None:
        for change in changes:
            if change.after is None:
                self._leases.pop(change.address_int, None)
            else:
                self._leases[change.address_int] = change.after


async def _result_of(awaitable: Awaitable[T]) -> T:
    return await awaitable
