"""The line of every key and every array element of a TOML document; ``tomllib`` tells what they are, not where."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

__all__ = ["Duplicate", "Place", "find_duplicate", "line_of", "locate"]

Place = tuple[str | int, ...]
"""A place in a document: keys of tables and indexes of arrays, from the root, ``("subnet", 0, "pools", 1)``."""

_BLANK = re.compile(r"[ \t]*")
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'""")
_SCALAR = re.compile(
    r"""
    "{3} (?: [^"\\] | \\. | "{1,2}(?!") )* "{3,5}    # up to two quotes may stand before the closing three
    | '{3} (?: [^'] | '{1,2}(?!') )* '{3,5}
    | " (?: [^"\\] | \\. )* "
    | ' [^']* '
    | [^,\]}\#\n]+                                    # a number, a boolean, or a date with a space in it
    """,
    re.VERBOSE | re.DOTALL,
)


def locate(text: str) -> dict[Place, int]:
    """Find where a document's keys and array elements are.

    Args:
        text: A document that ``tomllib.loads`` has accepted: nothing is checked again.

    Returns:
        The line, from 1, of each table, key and array element. A key is where it is first written; a table that has a
        header, there; an array element, where its value begins.
    """
    locator = _Locator(text)
    locator.run()
    return locator.lines


class Duplicate(NamedTuple):
    """A key or a table that is given again.

    Attributes:
        path: Which.
        line: The line where it is given again.
        first_line: The line where it was given first.
    """

    path: Place
    line: int
    first_line: int


def find_duplicate(text: str) -> Duplicate | None:
    """Find why ``tomllib.loads`` found something given twice: it names no key, and may name a later line.

    Args:
        text: A document without other mistakes before that one.

    Returns:
        The first key or header that is there twice in the same words, or None where there is none.
    """
    locator = _Locator(text)
    with suppress(ValueError):  # there may be other mistakes behind the one that tomllib stopped at
        locator.run()
    return locator.duplicate


def line_of(path: Place, lines: Mapping[Place, int]) -> int:
    """The line of a place, or of the nearest place around it that is written in the document; the document's is 1."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


class _Locator:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._line = 1
        self._given: dict[Place, int] = {}
        self._lengths: dict[Place, int] = {}  # of the arrays of tables, so far
        self.lines: dict[Place, int] = {}
        self.duplicate: Duplicate | None = None

    def run(self) -> None:
        table: Place = ()
        self._take(_SPACE)
        while self._position < len(self._text):
            if self._next("["):
                table = self._header()
            else:
                self._pair(table)
            self._take(_SPACE)

    def _header(self) -> Place:
        """A table's header, after its first bracket."""
        is_array = self._next("[")
        line = self._line
        path: Place = ()
        for part in self._key():
            path += (part,)
            self.lines.setdefault(path, line)
            parent = path
            if path in self._lengths:
                path += (self._lengths[path] - 1,)
        if is_array:
            index = self._lengths.get(parent, 0)
            self._lengths[parent] = index + 1
            path = (*parent, index)
        self.lines[path] = line
        self._give(path, line)
        self._next("]]" if is_array else "]")
        return path

    def _pair(self, table: Place) -> None:
        """A key and its value, in the table or inline table of that path."""
        path = table
        line = self._line
        for part in self._key():
            path += (part,)
            self.lines.setdefault(path, line)
        self._give(path, line)
        self._next("=")
        self._take(_BLANK)
        self._value(path)

    def _give(self, path: Place, line: int) -> None:
        if path not in self._given:
            self._given[path] = line
        elif self.duplicate is None:
            self.duplicate = Duplicate(path, line, self._given[path])

    def _key(self) -> Iterator[str]:
        """The parts of a key, ``a . "b"``, with the blanks around them."""
        dotted = True
        while dotted:
            self._take(_BLANK)
            part = self._take(_KEY)
            yield tomllib.loads(f"key = {part}")["key"] if part[0] in "\"'" else part
            self._take(_BLANK)
            dotted = self._next(".")

    def _value(self, path: Place) -> None:
        if self._next("["):
            index = 0
            while not self._closed("]"):
                self.lines[(*path, index)] = self._line
                self._value((*path, index))
                index += 1
        elif self._next("{"):
            while not self._closed("}"):
                self._pair(path)
        else:
            self._take(_SCALAR)

    def _closed(self, bracket: str) -> bool:
        """Go to an array's or inline table's next item; or out of it, where it ends."""
        self._take(_SPACE)
        if self._next(","):
            self._take(_SPACE)
        return self._next(bracket)

    def _next(self, token: str) -> bool:
        """Go past the token where it is what comes next."""
        found = self._text.startswith(token, self._position)
        if found:
            self._position += len(token)
        return found

    def _take(self, pattern: re.Pattern[str]) -> str:
        """Go past what the pattern matches, and give it."""
        found = pattern.match(self._text, self._position)
        if found is None:
            raise ValueError(f"line {self._line}: not a TOML document that tomllib accepts")
        self._position = found.end()
        taken = found.group()
        self._line += taken.count("\n")
        return taken
