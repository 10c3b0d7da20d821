"""Sub-options of option 82 as relay agents write them, and as anybody may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.engine.relay import agent_suboption, find_suboption
from dhcpcallout.wire import Packet

CIRCUIT, REMOTE = 1, 2


@pytest.mark.parametrize(
    ("data", "code", "value"),
    [
        ("0102aabb 0201cc", CIRCUIT, "aabb"),
        ("0102aabb 0201cc", REMOTE, "cc"),
        ("0102aabb 0201cc", 5, None),
        ("0100", CIRCUIT, ""),
        ("0101aa 0101bb", CIRCUIT, "aa"),
        ("0102aabb 00", CIRCUIT, "aabb"),
        ("0102aabb ff", CIRCUIT, "aabb"),
        ("0102aabb 0209cc", CIRCUIT, "aabb"),
        ("0102aabb 0209cc", REMOTE, None),
        ("02ff 0102aabb", CIRCUIT, None),
        ("01", CIRCUIT, None),
        ("", CIRCUIT, None),
    ],
    ids=[
        "first", "second", "absent", "empty", "repeated", "padded", "ended", "before-damage", "damaged", "after-damage",
        "cut", "nothing",
    ],
)  # fmt: skip
def test_a_suboption_is_found_as_far_as_it_is_whole(data: str, code: int, value: str | None) -> None:
    expected = None if value is None else bytes.fromhex(value)
    assert find_suboption(bytes.fromhex(data), code) == expected
    assert agent_suboption(Packet(options={82: bytes.fromhex(data)}), code) == expected


def test_a_packet_without_relay_information_has_no_suboption() -> None:
    assert agent_suboption(Packet(), CIRCUIT) is None


@given(
    st.dictionaries(st.integers(0, 255), st.binary(max_size=40), max_size=6), st.integers(0, 255), st.binary(max_size=3)
)
def test_what_is_well_formed_is_found_whatever_follows(values: dict[int, bytes], code: int, rest: bytes) -> None:
    data = b"".join(bytes((each, len(value))) + value for each, value in values.items())
    assert find_suboption(data, code) == values.get(code)
    if code in values:
        assert find_suboption(data + rest, code) == values[code]
