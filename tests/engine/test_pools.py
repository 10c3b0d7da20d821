"""What is given out of a subnet, and every mistake in how it is said."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.engine.model import Pool
from dhcpcallout.engine.pools import PlannedPool, compile_pools

TEN = IPv4Network("10.0.0.0/8")


class Compiled:
    """What became of a subnet's pools, and what was wrong with them."""

    def __init__(
        self,
        *pools: str | Pool,
        exclude: Sequence[str] = (),
        network: IPv4Network | None = TEN,
        known_classes: Sequence[str] | None = None,
    ) -> None:
        self.problems: list[tuple[str, str]] = []
        self.pools: tuple[PlannedPool, ...] = compile_pools(
            pools,
            exclude,
            network,
            "subnet[0]",
            lambda *problem: self.problems.append(problem),
            known_classes=known_classes,
        )

    @property
    def ranges(self) -> list[str]:
        return [f"{IPv4Address(first)}-{IPv4Address(last)}" for pool in self.pools for first, last in pool.ranges]


def test_pools_are_ranges_prefixes_and_single_addresses_and_come_by_address() -> None:
    compiled = Compiled("10.3.0.0/30", " 10.2.0.0 - 10.2.0.9", "10.1.0.7")
    assert compiled.ranges == ["10.1.0.7-10.1.0.7", "10.2.0.0-10.2.0.9", "10.3.0.0-10.3.0.3"]
    assert not compiled.problems


@pytest.mark.parametrize(
    ("network", "pool", "ranges"),
    [
        ("10.0.0.0/24", "10.0.0.0/24", ["10.0.0.1-10.0.0.254"]),
        ("10.0.0.0/24", "10.0.0.250-10.0.0.255", ["10.0.0.250-10.0.0.254"]),
        ("10.0.0.0/31", "10.0.0.0/31", ["10.0.0.0-10.0.0.1"]),
        ("10.0.0.9/32", "10.0.0.9", ["10.0.0.9-10.0.0.9"]),
    ],
)
def test_the_addresses_that_no_client_may_have_are_left_out(network: str, pool: str, ranges: list[str]) -> None:
    compiled = Compiled(pool, network=IPv4Network(network))
    assert compiled.ranges == ranges
    assert not compiled.problems


@pytest.mark.parametrize("pool", ["10.0.0.0", "10.255.255.255-10.255.255.255", "10.0.0.0/32"])
def test_a_pool_of_these_alone_is_a_mistake(pool: str) -> None:
    compiled = Compiled(pool)
    assert not compiled.pools
    ((key, text),) = compiled.problems
    assert key == "subnet[0].pools[0]"
    assert text.startswith(f"{pool} has no address for clients")


def test_exclusions_are_left_out_wherever_they_fall() -> None:
    exclude = ["10.1.0.0-10.1.0.3", "10.1.0.8/31", "10.1.0.9", "10.1.0.14-10.2.0.1", "10.2.0.2", "10.9.0.0/16"]
    compiled = Compiled("10.1.0.0/28", "10.2.0.0-10.2.0.4", exclude=exclude)
    assert compiled.ranges == ["10.1.0.4-10.1.0.7", "10.1.0.10-10.1.0.13", "10.2.0.3-10.2.0.4"]
    assert not compiled.problems


def test_a_pool_that_exclusions_leave_nothing_of_is_a_mistake() -> None:
    compiled = Compiled("10.1.0.0-10.1.0.9", exclude=["10.1.0.4-10.1.0.9", "10.0.0.0-10.1.0.3"])
    assert compiled.problems == [("subnet[0].pools[0]", "exclude leaves nothing of 10.1.0.0-10.1.0.9")]


def test_what_a_pool_says_more_is_kept() -> None:
    pool = Pool(range="10.1.0.0/24", classes=["voip", "staff"], options={"routers": ["10.1.0.1"]}, lease_time_s=60)
    (planned,) = Compiled(pool, known_classes=["staff", "voip"]).pools
    assert planned.name == "10.1.0.0/24"
    assert planned.classes == {"voip", "staff"}
    assert (planned.scope.name, planned.scope.lease_time_s) == ("pool 10.1.0.0/24", 60)
    assert planned.scope.options == {3: b"\x0a\x01\x00\x01"}


@pytest.mark.parametrize("network", [TEN, None], ids=["good network", "bad network"])
def test_every_mistake_is_told_at_once(network: IPv4Network | None) -> None:
    compiled = Compiled(
        "10.1.0.0-10.1.0.255",
        "10.2",
        "10.2.0.9-10.2.0.1",
        Pool(range="10.1.0.128/25", classes=["viop"], options={"routrs": "10.1.0.1"}),
        Pool(range="10.1.0.1/24"),
        "10.1.0.200-10.1.1.0",
        exclude=["10.1.0.1", "10.1.0.300"],
        network=network,
        known_classes=["voip"],
    )
    assert [key for key, _ in compiled.problems] == [
        "subnet[0].exclude[1]",
        "subnet[0].pools[1]",
        "subnet[0].pools[2]",
        "subnet[0].pools[3].options.routrs",
        "subnet[0].pools[3].classes[0]",
        "subnet[0].pools[4].range",
        "subnet[0].pools[3].range",
        "subnet[0].pools[5]",
    ]
    texts = [text for _, text in compiled.problems]
    assert texts[1].endswith("; a range is written as 10.1.0.0-10.1.0.255 or 10.1.0.0/24")
    assert texts[2] == "10.2.0.9-10.2.0.1 ends before it begins"
    assert texts[4] == "there is no class 'viop'; is 'voip' meant?"
    assert texts[6] == "10.1.0.128/25 overlaps 10.1.0.0-10.1.0.255"
    assert texts[7] == "10.1.0.200-10.1.1.0 overlaps 10.1.0.0-10.1.0.255"


def test_what_is_not_within_the_network_is_a_mistake() -> None:
    compiled = Compiled("11.0.0.0/16", "9.255.255.255-10.0.0.9", exclude=["192.0.2.1"])
    assert compiled.problems == [
        ("subnet[0].exclude[0]", "192.0.2.1 is not within 10.0.0.0/8"),
        ("subnet[0].pools[0]", "11.0.0.0/16 is not within 10.0.0.0/8"),
        ("subnet[0].pools[1]", "9.255.255.255-10.0.0.9 is not within 10.0.0.0/8"),
    ]


def test_an_overlap_is_told_of_the_later_one_wherever_the_earlier_lies() -> None:
    compiled = Compiled("10.1.0.9-10.1.0.20", "10.1.0.0-10.1.0.9", "10.1.0.15-10.1.0.16", "10.1.0.21")
    assert compiled.problems == [
        ("subnet[0].pools[1]", "10.1.0.0-10.1.0.9 overlaps 10.1.0.9-10.1.0.20"),
        ("subnet[0].pools[2]", "10.1.0.15-10.1.0.16 overlaps 10.1.0.9-10.1.0.20"),
    ]


ends = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted).map(tuple)


@given(st.lists(ends, max_size=4), st.lists(ends, max_size=6))
def test_what_is_left_is_what_is_in_a_pool_and_not_excluded(
    pools: list[tuple[int, int]], exclude: list[tuple[int, int]]
) -> None:
    first = int(TEN.network_address)

    def text(ends: tuple[int, int]) -> str:
        return f"{IPv4Address(first + ends[0])}-{IPv4Address(first + ends[1])}"

    compiled = Compiled(*map(text, pools), exclude=list(map(text, exclude)))
    in_pools = [set(range(low, high + 1)) for low, high in pools]
    excluded = {host for low, high in exclude for host in range(low, high + 1)} | {0}
    left = [host - first for pool in compiled.pools for low, high in pool.ranges for host in range(low, high + 1)]
    assert set(left) == set().union(*in_pools) - excluded
    if not compiled.problems:
        assert left == sorted(set(left))
    overlapping = sum(map(len, in_pools)) > len(set().union(*in_pools))
    assert overlapping == any("overlaps" in text for _, text in compiled.problems)
