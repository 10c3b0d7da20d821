"""The commands about leases: what is durable is told, and what is changed is durable before it is answered."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from ..engine import Engine
from ..errors import CommitError, StoreError
from ..leases import EVERY_LEASE, Lease, LeaseChange, LeaseQuery, LeaseStore, Refusal
from ..stores.formats import from_json, to_json
from ..stores.formats.common import parse_address, parse_hex
from . import Result
from .server import Answer, Command, answer

__all__ = ["LeaseCommands"]

_MOST_TOLD = 1000
"""How many leases an answer may have."""
_SLICE = 25
"""How many changes are made before packets have their turn."""
_LEASE_TIME_S = 3600


class LeaseCommands:
    """Looks into the lease store of a server, and changes leases through its engine.

    Args:
        engine: The engine.
        store: Its lease store; only snapshots are taken of it.
        make_durable: Commits changes that the engine has made, in their turn; gives those that were refused, or raises
            CommitError when the engine has what it had before.
        clock: Tells the time, Unix time in seconds.
        subnet_id: The number of the subnet of an address.
    """

    def __init__(
        self,
        engine: Engine,
        store: LeaseStore,
        make_durable: Callable[[list[LeaseChange]], Awaitable[Sequence[Refusal]]],
        clock: Callable[[], float],
        subnet_id: Callable[[int], int],
    ) -> None:
        self._engine = engine
        self._store = store
        self._make_durable = make_durable
        self._clock = clock
        self._subnet_id = subnet_id

    def commands(self) -> Mapping[str, Command]:
        """The commands by their names."""
        return {
            "lease4-add": self._add,
            "lease4-bulk-apply": self._bulk_apply,
            "lease4-del": self._delete,
            "lease4-get": self._get,
            "lease4-get-all": self._get_all,
            "lease4-get-by-client-id": self._get_by_client_id,
            "lease4-get-by-hostname": self._get_by_hostname,
            "lease4-get-by-hw-address": self._get_by_hardware_address,
            "lease4-get-page": self._get_page,
            "lease4-update": self._update,
        }

    # Looking

    async def _get(self, arguments: dict[str, Any]) -> Answer:
        leases = await self._find(LeaseQuery(address_int=_address(arguments)))
        if not leases:
            return answer(Result.EMPTY, "Lease not found.")
        return answer(Result.SUCCESS, "IPv4 lease found.", leases[0])

    async def _get_by_hardware_address(self, arguments: dict[str, Any]) -> Answer:
        return await self._tell(LeaseQuery(hardware_address=parse_hex(_text(arguments, "hw-address"))))

    async def _get_by_client_id(self, arguments: dict[str, Any]) -> Answer:
        return await self._tell(LeaseQuery(client_key=parse_hex(_text(arguments, "client-id"))))

    async def _get_by_hostname(self, arguments: dict[str, Any]) -> Answer:
        return await self._tell(LeaseQuery(hostname=_text(arguments, "hostname")))

    async def _get_all(self, arguments: dict[str, Any]) -> Answer:
        subnets = arguments.get("subnets")
        if subnets is None:
            return await self._tell(EVERY_LEASE)
        if not isinstance(subnets, list) or not all(type(number) is int for number in subnets):
            raise ValueError("subnets must be an array of subnets' numbers")
        return await self._tell(EVERY_LEASE, frozenset(subnets))

    async def _get_page(self, arguments: dict[str, Any]) -> Answer:
        start, limit = _text(arguments, "from"), arguments.get("limit")
        if not isinstance(limit, int) or isinstance(limit, bool) or not 0 < limit <= _MOST_TOLD:
            raise ValueError(f"limit must be 1 to {_MOST_TOLD}")
        after_int = -1 if start == "start" else parse_address(start)
        leases = await self._find(LeaseQuery(after_int=after_int), limit)
        result = Result.SUCCESS if leases else Result.EMPTY
        return answer(result, f"{len(leases)} IPv4 lease(s) found.", {"count": len(leases), "leases": leases})

    async def _tell(self, query: LeaseQuery, subnets: frozenset[int] | None = None) -> Answer:
        leases = await self._find(query, _MOST_TOLD + 1, subnets)
        if len(leases) > _MOST_TOLD:
            return answer(Result.ERROR, f"there are more than {_MOST_TOLD} leases; ask for them with lease4-get-page")
        result = Result.SUCCESS if leases else Result.EMPTY
        return answer(result, f"{len(leases)} IPv4 lease(s) found.", {"leases": leases})

    async def _find(
        self, query: LeaseQuery, limit: int = 1, subnets: frozenset[int] | None = None
    ) -> list[dict[str, Any]]:
        def read() -> list[dict[str, Any]]:
            rows = ((lease, self._subnet_id(lease.address_int)) for lease in self._store.snapshot(query))
            wanted = (row for row in rows if subnets is None or row[1] in subnets)
            return [to_json(lease, number) for lease, number in islice(wanted, limit)]

        try:
            return await asyncio.to_thread(read)
        except StoreError as error:
            raise ValueError(str(error)) from error

    # Changing

    async def _add(self, arguments: dict[str, Any]) -> Answer:
        lease = self._lease(arguments)
        if self._is_in_use(lease.address_int):
            return answer(Result.CONFLICT, "IPv4 lease already exists.")
        await self._change(lease.address_int, lease)
        number = self._subnet_id(lease.address_int)
        return answer(Result.SUCCESS, f"Lease for address {lease.address}, subnet-id {number} added.")

    async def _update(self, arguments: dict[str, Any]) -> Answer:
        lease = self._lease(arguments)
        is_new = self._engine.lease_of(lease.address_int) is None
        if is_new and arguments.get("force-create") is not True:
            return answer(Result.EMPTY, f"There is no lease of {lease.address} to update.")
        await self._change(lease.address_int, lease)
        return answer(Result.SUCCESS, "IPv4 lease added." if is_new else "IPv4 lease updated.")

    async def _delete(self, arguments: dict[str, Any]) -> Answer:
        address_int = _address(arguments)
        if self._engine.lease_of(address_int) is None:
            return answer(Result.EMPTY, "IPv4 lease not found.")
        await self._change(address_int, None)
        return answer(Result.SUCCESS, "IPv4 lease deleted.")

    async def _bulk_apply(self, arguments: dict[str, Any]) -> Answer:
        """Apply many leases; each that cannot be applied is told, and costs no other.

        With ``"replace": false`` a lease that is there stays unless it ``gives_way_to`` the one that is given.
        """
        given, replace = arguments.get("leases"), arguments.get("replace", True)
        if not isinstance(given, list) or not isinstance(replace, bool):
            raise ValueError("leases must be an array, and replace a boolean")
        failed: list[dict[str, Any]] = []
        commits: list[asyncio.Future[Sequence[Refusal]]] = []
        unchanged, now = 0, self._clock()

        def fail(one: Any, result: Result, problem: str) -> None:
            address = str(one.get("ip-address"))[:80] if isinstance(one, dict) else ""
            failed.append({"ip-address": address, "result": int(result), "error-message": problem})

        for begin in range(0, len(given), _SLICE):
            changes: list[LeaseChange] = []
            for one in given[begin : begin + _SLICE]:
                try:
                    lease = self._lease(one)
                    before = self._engine.lease_of(lease.address_int)
                    if before == lease:
                        unchanged += 1
                    elif before is not None and not replace and not before.gives_way_to(lease, now):
                        fail(one, Result.CONFLICT, "the address is in use, or has a later lease")
                    else:
                        changes.append(self._engine.administer(lease.address_int, lease))
                except (ValueError, LookupError) as error:
                    fail(one, Result.ERROR, str(error))
            if changes:
                commits.append(asyncio.ensure_future(self._make_durable(changes)))
            await asyncio.sleep(0)
        for refusals in await asyncio.gather(*commits, return_exceptions=True):
            if isinstance(refusals, CommitError):
                raise ValueError(f"not all leases were stored: {refusals}")
            if isinstance(refusals, BaseException):
                raise refusals
            for refusal in refusals:
                address = {"ip-address": str(refusal.change.after.address if refusal.change.after else "")}
                fail(address, Result.CONFLICT, "another server has changed the lease")
        text = f"Bulk apply of {len(given)} IPv4 leases completed."
        return answer(Result.SUCCESS, text, {"unchanged": unchanged, "failed-leases": failed})

    def _lease(self, arguments: Any) -> Lease:
        if not isinstance(arguments, dict):
            raise ValueError("a lease must be an object")
        return from_json(arguments, self._clock(), _LEASE_TIME_S)

    def _is_in_use(self, address_int: int) -> bool:
        lease = self._engine.lease_of(address_int)
        return lease is not None and lease.is_held(self._clock())

    async def _change(self, address_int: int, lease: Lease | None) -> None:
        try:
            refusals = await self._make_durable([self._engine.administer(address_int, lease)])
        except (CommitError, LookupError) as error:
            raise ValueError(str(error)) from error
        if refusals:
            raise ValueError("another server has changed the lease at the same time; try again")


def _text(arguments: Mapping[str, Any], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be given, as a string")
    return value


def _address(arguments: Mapping[str, Any]) -> int:
    return parse_address(_text(arguments, "ip-address"))
