"""Leases as JSON, an object a line."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.codes import INFINITE
from dhcpcallout.leases import Lease, LeaseState
from dhcpcallout.stores.formats.jsonl import describe, read_jsonl, write_jsonl

PRINTER = Lease(
    0x0A090001, b"\1\2\0\0\0\0\1", 1, b"\2\0\0\0\0\1", LeaseState.ACTIVE, 1_700_000_000, INFINITE, "printer", b"\1\1x"
)


def read(data: bytes) -> tuple[list[Lease | None], list[tuple[int, str]]]:
    problems: list[tuple[int, str]] = []
    entries = read_jsonl(io.BytesIO(data), lambda line, problem: problems.append((line, problem)))
    return [entry.lease for entry in entries], problems


leases = st.builds(
    Lease,
    address_int=st.integers(0, 0xFFFFFFFF),
    client_key=st.binary(min_size=1, max_size=255),
    hardware_type=st.integers(0, 255),
    hardware_address=st.binary(max_size=16),
    state=st.sampled_from([0, 1, 2]),
    starts_s=st.integers(0, 0xFFFFFFFF),
    expires_s=st.integers(0, 1 << 33) | st.just(INFINITE),
    hostname=st.text(st.characters(), max_size=30),
    relay_information=st.binary(max_size=255),
)


@given(st.lists(leases, max_size=3))
def test_whatever_we_hold_survives(rows: list[Lease]) -> None:
    data = b"".join(write_jsonl(rows))
    assert data.isascii()
    assert data.count(b"\n") == len(rows)
    assert read(data) == (rows, [])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"address": "10.9.0"}, "is not an IPv4 address"),
        ({"address": 5}, "address must be a string"),
        ({"state": "lost"}, "the state is one of active, declined, released"),
        ({"expires": "never"}, "expires must be an integer"),
        ({"expires": 1 << 40}, "which is not Unix time"),
        ({"starts": True}, "starts must be an integer"),
        ({"starts": 1.5}, "starts must be an integer"),
        ({"client-key": ""}, "neither a client identifier nor"),
        ({"client-key": "xy"}, "is not hexadecimal"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(change: dict[str, object], problem: str) -> None:
    good = b"".join(write_jsonl([PRINTER]))
    bad = json.dumps(describe(PRINTER) | change).encode() + b"\n"
    rows, problems = read(good + b"\n" + bad + good)
    assert rows == [PRINTER, PRINTER]
    ((line, text),) = problems
    assert line == 3
    assert problem in text


@pytest.mark.parametrize("data", [b"{}", b"[]", b"x", b"{", b"[" * 60000, b"\xff", b'{"address": "\xff"}'])
def test_what_is_no_lease_is_told(data: bytes) -> None:
    rows, problems = read(data)
    assert rows == []
    assert [line for line, _ in problems] == [1]


@given(st.binary(max_size=200))
def test_any_bytes_give_leases_or_problems(data: bytes) -> None:
    rows, problems = read(data)
    assert len(rows) + len(problems) <= data.count(b"\n") + 1
