import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.errors import EncodeError
from dhcpcallout.wire.types import notation

texts = st.text().filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text)) | st.binary().map(
    notation.decode_utf8
)
items = st.text(st.sampled_from('ab ,{}"\\=\t\n') | st.characters(exclude_categories=["Cs"]), max_size=12)


@given(texts, st.booleans())
def test_a_text_is_written_printable_and_read_back(text: str, alone: bool) -> None:
    written = notation.quoted_if_needed(text, alone=alone)
    assert written.isprintable()
    assert notation.unquoted(written) == text


@given(st.binary())
def test_no_byte_is_lost_in_a_text(data: bytes) -> None:
    assert notation.encode_utf8(notation.decode_utf8(data)) == data


@given(st.lists(items))
def test_quoted_items_are_split_where_they_were_joined(values: list[str]) -> None:
    written = [notation.quoted_if_needed(value, alone=False) for value in values]
    assert notation.split_list(", ".join(written)) == written
    assert notation.split_fields(" ".join(written)) == written
    assert [notation.unquoted(item) for item in written] == values


@given(st.lists(items))
def test_lists_can_be_nested(values: list[str]) -> None:
    inner = ", ".join(notation.quoted_if_needed(value, alone=False) for value in values)
    outer = f"a, {notation.as_item(inner)}, b"
    assert notation.ungroup(notation.split_list(outer)[1]) == inner
    fields = f"a {notation.as_field(inner)} b"
    assert notation.ungroup(notation.split_fields(fields)[1]) == inner
    twice = notation.as_item(notation.as_item(inner))
    assert notation.ungroup(notation.ungroup(twice)) == inner


@pytest.mark.parametrize(
    ("text", "alone", "written"),
    [
        ("two words, and {more}", True, "two words, and {more}"),
        ("two words", False, '"two words"'),
        (r"boot\x64", True, r"boot\x64"),
        (r"boot\x64", False, r"boot\x64"),
        ('"', True, r'"\""'),
        ("", True, '""'),
        (" a", True, '" a"'),
        ("a\n", True, r'"a\x0a"'),
        ("\u202e", True, r'"\xe2\x80\xae"'),
        ("\udcff", False, r'"\xff"'),
        ("naïve", False, "naïve"),
    ],
)
def test_texts_are_quoted_only_where_they_must_be(text: str, alone: bool, written: str) -> None:
    assert notation.quoted_if_needed(text, alone=alone) == written


@pytest.mark.parametrize("text", ['"a', '"', '"a"b', r'"\q"', r'"\x1"', '"\\"'])
def test_broken_quotes_are_told(text: str) -> None:
    with pytest.raises(EncodeError):
        notation.unquoted(text)


def test_lists_and_fields_are_split_outside_quotes_and_braces() -> None:
    assert notation.split_list(' a b ,{c, d}, "e, f" ') == ["a b", "{c, d}", '"e, f"']
    assert notation.split_fields('a={b c}  "d e" f,g') == ["a={b c}", '"d e"', "f,g"]
    assert notation.split_list("  ") == []


@pytest.mark.parametrize("text", ["a,", ",", "a,,b"])
def test_an_empty_item_is_told(text: str) -> None:
    with pytest.raises(EncodeError, match="between two commas"):
        notation.split_list(text)


@pytest.mark.parametrize("text", ["{a", "a}", "}{", '"a', "{{a}"])
def test_what_does_not_match_is_told(text: str) -> None:
    with pytest.raises(EncodeError, match="do not match"):
        notation.split_list(text)


def test_a_lone_surrogate_that_is_no_byte_is_told() -> None:
    with pytest.raises(EncodeError, match="at 1"):
        notation.encode_utf8("a\ud800")
