import json
import tomllib
from collections.abc import Iterator
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.config.locate import Duplicate, Place, find_duplicate, line_of, locate

T = TypeVar("T")
_NASTY = st.text(st.sampled_from("a1.=#[]{}',\"\\ \té漢\U0001f600"), max_size=6)


class _Writer:
    """Writes a document that tomllib accepts, as a draw decides, and notes the line of each place as it writes it."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._pieces: list[str] = []
        self._line = 1
        self._names = 0
        self.lines: dict[Place, int] = {}

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def document(self) -> None:
        self._pairs((), self._one_of(0, 1, 2))
        tables: dict[tuple[str, ...], Place] = {(): ()}  # headers that may have tables below them: where they are now
        arrays: dict[tuple[str, ...], list[Place]] = {}  # the elements so far
        for _ in range(self._one_of(0, 1, 2, 4)):
            self._space()
            if self._one_of(True, False) and arrays:
                header = self._one_of(*arrays)
                elements = arrays[header]
                path = (*elements[0][:-1], len(elements))
                # what is below the element before is out of reach from here on
                tables = {other: at for other, at in tables.items() if other[: len(header)] != header}
                arrays = {other: at for other, at in arrays.items() if other[: len(header)] != header}
            else:
                elements = []
                above = self._one_of(*tables)
                header, path = above, tables[above]
                for _ in range(self._one_of(1, 2)):
                    name = self._name()
                    header, path = (*header, name), (*path, name)
                    self.lines[path] = self._line
                if self._one_of(True, False):
                    path = (*path, 0)
            tables[header] = path
            is_array = path[-1:] != header[-1:]
            if is_array:
                arrays[header] = [*elements, path]
            self.lines[path] = self._line
            self._write(("[[" if is_array else "[") + self._written_key(header) + ("]]" if is_array else "]"))
            self._write(self._one_of("", " # [x]", "\r") + "\n")
            self._pairs(path, self._one_of(0, 1, 2))

    def _pairs(self, table: Place, count: int) -> None:
        for _ in range(count):
            self._space()
            self._pair(table, depth=0)
            self._write(self._one_of("", " # x = [", "\r") + "\n")

    def _pair(self, table: Place, depth: int) -> None:
        names = [self._name() for _ in range(self._one_of(1, 1, 1, 2, 3))]
        for end in range(len(names)):
            self.lines[(*table, *names[: end + 1])] = self._line
        self._write(self._written_key(names) + "=" + self._one_of("", " "))
        self._value((*table, *names), depth)

    def _value(self, path: Place, depth: int) -> None:
        kind = self._one_of("scalar", "string", "array", "table") if depth < 3 else "scalar"
        if kind == "scalar":
            self._write(self._one_of("-1", "0x1f", "6.5e3", "true", "inf", "1979-05-27 07:32:00.5", "1979-05-27"))
        elif kind == "string":
            self._string()
        elif kind == "array":
            self._array(path, depth)
        else:
            self._inline_table(path, depth)

    def _string(self) -> None:
        content = self._draw(_NASTY)
        tail = self._one_of("", "\n", "\n]\r\n\n") + self._draw(_NASTY)
        match self._one_of("basic", "literal", "long basic", "long literal"):
            case "basic":
                self._write(json.dumps(content, ensure_ascii=False))
            case "literal":
                self._write("'" + content.replace("'", "") + "'")
            case "long basic":
                escaped = (content + tail).replace("\\", "\\\\").replace('"', self._one_of('\\"', '"\\"', "'''"))
                self._write('"""' + escaped + self._one_of("", "\\\n  ", 'x"', 'x""') + '"""')
            case _:
                self._write("'''" + (content + tail).replace("'", '"') + self._one_of("", "x'", "x''") + "'''")

    def _array(self, path: Place, depth: int) -> None:
        self._write("[")
        for index in range(self._one_of(0, 1, 3)):
            if index:
                self._write(",")
            self._space()
            self.lines[(*path, index)] = self._line
            self._value((*path, index), depth + 1)
            self._space()
            if index == 2:
                self._write(self._one_of("", ","))
        self._space()
        self._write("]")

    def _inline_table(self, path: Place, depth: int) -> None:
        self._write("{")
        for number in range(self._one_of(0, 1, 2)):
            self._write("," if number else "")
            self._pair(path, depth + 1)
            self._write(self._one_of("", " "))
        self._write("}")

    def _name(self) -> str:
        self._names += 1
        return f"n{self._names}" + self._draw(st.just("") | _NASTY)

    def _written_key(self, names: tuple[str, ...] | list[str]) -> str:
        blank = self._one_of("", " ", "\t ")
        return blank + (blank + "." + blank).join(map(self._written_name, names)) + blank

    def _written_name(self, name: str) -> str:
        if name.isascii() and name.isalnum() and self._one_of(True, False):
            return name
        if "'" not in name and self._one_of(True, False):
            return f"'{name}'"
        return json.dumps(name, ensure_ascii=False)

    def _space(self) -> None:
        self._write(self._one_of("", " ", "\n", "\t\r\n", "# ]] }, \"\"\" '''\n", "\n\n# a = [\n "))

    def _one_of(self, *choices: T) -> T:
        return self._draw(st.sampled_from(choices))

    def _write(self, piece: str) -> None:
        self._pieces.append(piece)
        self._line += piece.count("\n")


@st.composite
def _documents(draw: st.DrawFn) -> tuple[str, dict[Place, int]]:
    writer = _Writer(draw)
    writer.document()
    return writer.text, writer.lines


def _places(value: Any, path: Place = ()) -> Iterator[Place]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from _places(child, (*path, key))


@given(_documents())
def test_every_place_of_any_document_has_the_line_where_it_was_written(document: tuple[str, dict[Place, int]]) -> None:
    text, written = document
    assert set(_places(tomllib.loads(text))) == set(written)
    assert locate(text) == written
    assert find_duplicate(text) is None


def test_a_table_is_where_its_header_is_even_when_it_was_implied_before() -> None:
    lines = locate("[a.b]\n[a]\nc = 1\n")
    assert lines[("a",)] == 2
    assert lines[("a", "b")] == 1


def test_the_array_of_tables_is_where_its_first_element_is() -> None:
    lines = locate("[[a]]\n[[a.b]]\n[[a]]\n[[a.b]]\n[[a.b]]\n")
    assert lines == {
        ("a",): 1, ("a", 0): 1, ("a", 0, "b"): 2, ("a", 0, "b", 0): 2,
        ("a", 1): 3, ("a", 1, "b"): 4, ("a", 1, "b", 0): 4, ("a", 1, "b", 1): 5,
    }  # fmt: skip


def test_a_dotted_key_that_continues_a_table_leaves_the_table_where_it_began() -> None:
    assert locate("a.b = 1\n\na.c = 2\n") == {("a",): 1, ("a", "b"): 1, ("a", "c"): 3}


def test_what_is_absent_is_where_what_should_hold_it_is() -> None:
    lines = locate("x = 1\n[a]\nb = [\n1]\n")
    assert line_of(("a", "b", 0), lines) == 4
    assert line_of(("a", "b", 7), lines) == 3
    assert line_of(("a", "c"), lines) == 2
    assert line_of(("d", "e"), lines) == 1
    assert line_of((), lines) == 1


def test_what_is_not_toml_raises_rather_than_looping() -> None:
    with pytest.raises(ValueError, match="line 2"):
        locate("a = 1\n= 2\n")


@pytest.mark.parametrize(
    ("text", "duplicate"),
    [
        ("a = 1\n[s]\nx = [\n1,\n]\n\nx = [\n2,\n3]\n", Duplicate(("s", "x"), 7, 3)),
        ("[a]\n[[b]]\n[a]\n", Duplicate(("a",), 3, 1)),
        ("[[a]]\n[a.b]\n[[a]]\n[a.b]\n[a.b]\n", Duplicate(("a", 1, "b"), 5, 4)),
        ("a = {b = 1,\tb = 2}\n", Duplicate(("a", "b"), 1, 1)),
        ("a.b = 1\na.'b' = 2 # and a mistake after it\n?\n", Duplicate(("a", "b"), 2, 1)),
        ("a.b = 1\na.c = 2\n[a.d]\n[x.y]\n[x]\n", None),
        ("a = 1\n= 2\n", None),
    ],
)
def test_what_is_given_twice_is_found_with_both_lines(text: str, duplicate: Duplicate | None) -> None:
    assert find_duplicate(text) == duplicate
