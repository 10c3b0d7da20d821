import pytest

from dhcpcallout.errors import EncodeError, WireError
from dhcpcallout.wire.types.strings import Opaque, Text


def test_texts_are_utf_8() -> None:
    assert Text().decode("naïve".encode()) == "naïve"
    assert Text().encode("naïve") == "naïve".encode()


def test_bytes_that_are_not_utf_8_are_not_lost() -> None:
    value = Text().decode(b"caf\xe9")
    assert Text().encode(value) == b"caf\xe9"
    assert Text().to_text(value) == r'"caf\xe9"'


def test_nuls_at_the_end_are_no_part_of_a_text() -> None:
    assert Text().decode(b"web\0\0") == "web"
    assert Text().decode(b"a\0b\0") == "a\0b"
    with pytest.raises(EncodeError, match="give bytes"):
        Text().encode("web\0")


@pytest.mark.parametrize("data", [b"", b"\0"])
def test_an_empty_text_is_malformed_unless_it_may_be(data: bytes) -> None:
    with pytest.raises(WireError, match="empty"):
        Text().decode(data)
    assert Text(min_size=0).decode(data) == ""


@pytest.mark.parametrize("value", ["", 5, None, ["a"], "\ud800"])
def test_what_is_no_text_is_told(value: object) -> None:
    with pytest.raises(EncodeError):
        Text().encode(value)


def test_a_text_of_fixed_size_keeps_its_nuls() -> None:
    assert Text(size=2).decode(b"A\0") == "A\0"
    assert Text(size=2).encode("A\0") == b"A\0"
    with pytest.raises(WireError):
        Text(size=2).decode(b"A")
    with pytest.raises(EncodeError, match="2 are needed"):
        Text(size=2).encode("é!")


def test_a_configured_text_is_taken_as_it_stands() -> None:
    assert Text().encode('"quoted"') == b'"quoted"'
    assert Text().parse_text('"quoted"') == "quoted"
    assert Text().parse_text(r"boot\x64\wdsboot.com") == r"boot\x64\wdsboot.com"


@pytest.mark.parametrize(
    "text", ["0a0b0c", "0a:0b:0c", "0A-0B-0C", "0a0b.0c", "0a 0b 0c", "0x0a0b0c", r'"\x0a\x0b\x0c"']
)
def test_bytes_are_written_in_hexadecimal_or_quotes(text: str) -> None:
    assert Opaque().parse_text(text) == Opaque().encode(text) == b"\x0a\x0b\x0c"


@pytest.mark.parametrize("value", ["0a0", "hello", 5, None, '"a', [1]])
def test_what_is_no_bytes_is_told(value: object) -> None:
    with pytest.raises(EncodeError):
        Opaque().encode(value)


def test_bytes_have_the_size_that_they_must_have() -> None:
    for kind in (Opaque(min_size=2), Opaque(size=2)):
        assert kind.decode(b"ab") == b"ab"
        with pytest.raises(WireError):
            kind.decode(b"a")
        with pytest.raises(EncodeError):
            kind.encode("61")
    assert Opaque(size=2).size == 2


@pytest.mark.parametrize(
    ("data", "text"), [(b"eth0", '"eth0"'), (b'a"\\', r'"a\"\\"'), (b"\x00a", "0061"), (b"\xc3\xa9", "c3a9"), (b"", "")]
)
def test_printable_bytes_can_be_written_as_a_text(data: bytes, text: str) -> None:
    kind = Opaque(printable=True)
    assert kind.to_text(data) == text
    assert kind.parse_text(text) == data
