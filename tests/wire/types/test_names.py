import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.errors import EncodeError, WireError
from dhcpcallout.wire.types.names import CompressedNames, DomainName, join_labels, read_labels, split_labels

labels = st.lists(st.binary(min_size=1, max_size=63), max_size=5).filter(
    lambda found: sum(map(len, found)) + len(found) < 255
)


@given(labels, st.booleans())
def test_labels_survive_their_text(found: list[bytes], absolute: bool) -> None:
    text = join_labels(found) + ("." if absolute else "")
    assert text.isascii()
    assert text.isprintable()
    assert split_labels(text) == (found, absolute)


@pytest.mark.parametrize("name", ["example.com", "example.com."])
def test_a_name_is_absolute_with_or_without_its_last_dot(name: str) -> None:
    assert DomainName().encode(name) == b"\7example\3com\0"
    assert DomainName().decode(b"\7example\3com\0") == "example.com"


@pytest.mark.parametrize(
    "name",
    ["", "a..b", ".a", "a" * 64, ".".join(["a" * 63] * 4), "exämple.com", "a\\", "\\256", "a.\\", 5, None, b"\1a"],
)
def test_what_is_no_domain_name_is_told(name: object) -> None:
    with pytest.raises(EncodeError):
        DomainName().encode(name)


def test_the_longest_name_has_255_bytes() -> None:
    name = ".".join(["a" * 63] * 3 + ["a" * 61])
    data = DomainName().encode(name)
    assert len(data) == 255
    assert DomainName().decode(data) == name
    longer = b"\x3f" + data[1:-63] + b"a" * 62 + b"\1a\0"
    for kind in (DomainName(), CompressedNames()):
        with pytest.raises(WireError):
            kind.decode(longer)


def test_a_partial_name_ends_with_its_bytes() -> None:
    assert read_labels(b"\4host", 0, partial=True) == ([b"host"], False, 5)
    assert read_labels(b"\4host\0", 0, partial=True) == ([b"host"], True, 6)
    with pytest.raises(WireError):
        read_labels(b"\4host", 0)


def test_names_share_their_ends_when_compressed() -> None:
    names = ("a.example.com", "b.example.com", "com", "a.example.com", "example.net")
    data = CompressedNames().encode(names)
    assert data == b"\1a\7example\3com\0\1b\xc0\2\xc0\x0a\xc0\0\7example\3net\0"
    assert CompressedNames().decode(data) == names
    assert CompressedNames().encode("a.example.com, b.example.com") == data[:19]


def test_names_beyond_a_pointers_reach_are_written_out() -> None:
    names = tuple(f"n{number}.{'x' * 60}.{number}" for number in range(300))
    data = CompressedNames().encode((*names, names[0], names[-1]))
    assert len(data) > 0x4000
    assert CompressedNames().decode(data) == (*names, names[0], names[-1])


def test_a_pointer_cannot_make_a_name_too_long() -> None:
    label = b"\x3f" + b"a" * 63
    with pytest.raises(WireError, match="more than 255"):
        CompressedNames().decode(label * 3 + b"\0" + label + b"\xc0\0")


def test_many_pointers_to_a_long_name_cost_no_more_than_their_own_bytes() -> None:
    long_name = b"\1a" * 126 + b"\0"
    names = CompressedNames().decode(long_name + b"\xc0\0" * 30000)
    assert len(names) == 30001
    assert len({id(name) for name in names}) == 1


def test_a_name_of_too_many_labels_is_given_up_early() -> None:
    with pytest.raises(WireError, match="more than 255"):
        CompressedNames().decode(b"\1a" * 30000)


def test_no_names_are_no_value() -> None:
    with pytest.raises(EncodeError, match="at least 1"):
        CompressedNames().encode([])
    with pytest.raises(EncodeError, match="not a domain name"):
        CompressedNames().encode([5])
