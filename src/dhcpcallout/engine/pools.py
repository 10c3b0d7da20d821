"""The pools of a subnet, checked: which addresses are given out, to whom, and what comes with them."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from ..wire import REGISTRY, OptionRegistry
from .model import Pool
from .scopes import EMPTY_SCOPE, PlannedScope, compile_scope
from .subjects import suggestion

__all__ = ["AddressRange", "PlannedPool", "compile_pools", "parse_range"]

AddressRange = tuple[int, int]
"""The first and the last address of a range, 32-bit integers, both included."""


@dataclass(frozen=True, slots=True, eq=False)
class PlannedPool:
    """A pool, checked and in the engine's units. Each is equal to itself alone.

    Attributes:
        name: Its range as the user wrote it.
        ranges: What is given out, exclusions left out: ascending, apart from each other, at least one.
        classes: If any, a client must belong to one of these to get an address from here.
        scope: What the pool says to the clients of its addresses.
    """

    name: str
    ranges: tuple[AddressRange, ...]
    classes: frozenset[str] = frozenset()
    scope: PlannedScope = EMPTY_SCOPE


def parse_range(text: str) -> AddressRange:
    """A range from its text: ``10.1.0.0-10.1.0.255``, ``10.1.0.0/24`` or a single address; it may end before it begins.

    Raises:
        ValueError: It is none of these.
    """
    if "/" in text:
        network = IPv4Network(text)
        return int(network.network_address), int(network.broadcast_address)
    start, dash, end = text.partition("-")
    first = int(IPv4Address(start.strip()))
    return first, int(IPv4Address(end.strip())) if dash else first


def compile_pools(
    pools: Sequence[str | Pool],
    exclude: Sequence[str],
    network: IPv4Network | None,
    key: str,
    problem: Callable[[str, str], None],
    *,
    registry: OptionRegistry = REGISTRY,
    known_classes: Collection[str] | None = None,
) -> tuple[PlannedPool, ...]:
    """Check a subnet's pools and put them into the engine's units.

    The network's own address and its broadcast address are left out, for no client may have them.

    Args:
        pools: What the user says: ranges, or ranges with more about them.
        exclude: Ranges, prefixes or single addresses that are in no pool, whatever the pools say.
        network: The subnet's prefix; None where it is a mistake itself: all else is checked nevertheless.
        key: The subnet's key in the configuration file, ``subnet[0]``.
        problem: Called with the key and the text of every mistake; what is wrong is left out.
        registry: Where option names are looked up.
        known_classes: The names that guards may use; None where they are checked elsewhere.

    Returns:
        The pools, by their first address.
    """
    found: list[_Found] = []
    planned: list[PlannedPool] = []
    excluded = _merge(_exclusions(exclude, network, f"{key}.exclude", problem))
    for number, one in enumerate(pools):
        place = f"{key}.pools[{number}]"
        pool = Pool(range=one) if isinstance(one, str) else one
        range_key = place if isinstance(one, str) else f"{place}.range"
        scope = compile_scope(pool, f"pool {pool.range}", place, problem, registry=registry)
        if known_classes is not None:
            for at, name in enumerate(pool.classes):
                if name not in known_classes:
                    text = f"there is no class {name!r}; {suggestion(str(name), known_classes)}"
                    problem(f"{place}.classes[{at}]", text)
        whole = _range(pool.range, network, range_key, problem)
        if whole is None:
            continue
        found.append(_Found(*whole, number, pool.range, range_key))
        usable = whole if network is None else _usable(whole, network)
        ranges = tuple(_without(usable, excluded))
        if usable[0] > usable[1]:
            problem(range_key, f"{pool.range} has no address for clients: the first and the last of {network} are none")
        elif not ranges:
            problem(range_key, f"exclude leaves nothing of {pool.range}")
        else:
            planned.append(PlannedPool(pool.range, ranges, frozenset(pool.classes), scope))
    _check_overlaps(found, problem)
    return tuple(sorted(planned, key=lambda pool: pool.ranges))


class _Found(NamedTuple):
    """A pool's range where the user wrote it."""

    first: int
    last: int
    number: int
    text: str
    key: str


def _range(
    text: str, network: IPv4Network | None, key: str, problem: Callable[[str, str], None]
) -> AddressRange | None:
    try:
        first, last = parse_range(text)
    except ValueError as error:
        problem(key, f"{error}; a range is written as 10.1.0.0-10.1.0.255 or 10.1.0.0/24")
        return None
    if first > last:
        problem(key, f"{text} ends before it begins")
        return None
    if network is not None and (first < int(network.network_address) or last > int(network.broadcast_address)):
        problem(key, f"{text} is not within {network}")
        return None
    return first, last


def _exclusions(
    exclude: Sequence[str], network: IPv4Network | None, key: str, problem: Callable[[str, str], None]
) -> Iterator[AddressRange]:
    for number, text in enumerate(exclude):
        one = _range(text, network, f"{key}[{number}]", problem)
        if one is not None:
            yield one


def _check_overlaps(found: list[_Found], problem: Callable[[str, str], None]) -> None:
    furthest: _Found | None = None
    for one in sorted(found):
        if furthest is not None and one.first <= furthest.last:
            earlier, later = sorted((furthest, one), key=lambda found: found.number)
            problem(later.key, f"{later.text} overlaps {earlier.text}")
        if furthest is None or one.last > furthest.last:
            furthest = one


def _usable(whole: AddressRange, network: IPv4Network) -> AddressRange:
    """A range without what no client may have; in a /31 and a /32 it may have all (RFC 3021)."""
    if network.prefixlen >= 31:
        return whole
    return max(whole[0], int(network.network_address) + 1), min(whole[1], int(network.broadcast_address) - 1)


def _merge(ranges: Iterator[AddressRange]) -> list[AddressRange]:
    """Ranges as ascending ones that are apart from each other."""
    merged: list[AddressRange] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged


def _without(whole: AddressRange, excluded: list[AddressRange]) -> Iterator[AddressRange]:
    """What is left of a range; the excluded ones are ascending and apart from each other."""
    first, last = whole
    for hole_first, hole_last in excluded[bisect_left(excluded, first, key=lambda hole: hole[1]) :]:
        if hole_first > last:
            break
        if first < hole_first:
            yield first, hole_first - 1
        first = hole_last + 1
    if first <= last:
        yield first, last
