"""A ``.reg`` file as regedit and ``reg export`` write it: the keys and values that it holds.

Both formats are read: "Windows Registry Editor Version 5.00" and the older REGEDIT4, in which bytes are text of the
machine's ANSI code page.
"""

import codecs
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from ..errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_SIZE", "REG_DWORD", "REG_EXPAND_SZ", "REG_MULTI_SZ", "REG_SZ", "RegFile", "Value", "type_name"]

MAX_SIZE = 4 * 1024 * 1024
"""The largest file that is read, in bytes."""

REG_SZ, REG_EXPAND_SZ, REG_BINARY, REG_DWORD, REG_MULTI_SZ = 1, 2, 3, 4, 7
_TYPES = {
    0: "REG_NONE",
    REG_SZ: "REG_SZ",
    REG_EXPAND_SZ: "REG_EXPAND_SZ",
    REG_BINARY: "REG_BINARY",
    REG_DWORD: "REG_DWORD",
    5: "REG_DWORD_BIG_ENDIAN",
    6: "REG_LINK",
    REG_MULTI_SZ: "REG_MULTI_SZ",
    11: "REG_QWORD",
}

_WHICH_CODE_PAGE = (
    "the file does not say of which code page its letters are: give its number (1252 in Western Europe, 932 in "
    "Japan), or export the key as version 5.00"
)
_UNICODE = "Windows Registry Editor Version 5.00"
_ANSI = "REGEDIT4"


def type_name(kind: int) -> str:
    """What Windows calls a type of values."""
    return _TYPES.get(kind, f"type {kind}")


class Value(NamedTuple):
    """A value, not interpreted yet.

    Attributes:
        kind: Its type, by Windows's number.
        data: The text of a string in quotation marks; else the bytes.
        line: Where it begins, from 1.
    """

    kind: int
    data: str | bytes
    line: int


class RegFile:
    """What importing the file into an empty registry would leave there.

    Args:
        content: What the file holds.
        file: Its name, for messages.
        code_page: The number of the Windows code page of a file that is not in Unicode. Without one such a file may
            still have other letters than ASCII's, but not in a value that is asked for.

    Raises:
        ConfigError: It is no such file, or it is damaged; with the line.
    """

    def __init__(self, content: bytes, *, file: str = "", code_page: int | None = None) -> None:
        self.file = file
        self._ansi, self._ansi_errors = "ascii", "surrogateescape"
        if code_page is not None:
            self._ansi, self._ansi_errors = f"cp{code_page}", "strict"
            try:
                codecs.lookup(self._ansi)
            except LookupError:
                self._fail(None, f"there is no code page {code_page}")
        text = self._text_of(content)
        try:
            parser = _Parser(text, file)
        except ConfigError as error:
            (problem,) = error.problems
            if problem.line == 1 or not self._text_is_ansi or code_page is not None or text.isascii():
                raise
            # In some code pages a letter has two bytes, and the second may be that of a backslash.
            self._fail(problem.line, f"{problem.problem}; or else it is that {_WHICH_CODE_PAGE}")
        self._bytes_are_ansi = not parser.is_unicode
        self.keys: Mapping[str, Mapping[str, Value]] = parser.keys
        """The values of each key, by the names of both, in upper case: letters of both cases are alike."""

    @classmethod
    def read(cls, path: Path, *, code_page: int | None = None) -> "RegFile":
        """Read a file.

        Raises:
            ConfigError: It cannot be read, is larger than ``MAX_SIZE``, or see above.
        """
        file = str(path)
        try:
            with path.open("rb") as stream:
                content = stream.read(MAX_SIZE + 1)
        except OSError as error:
            raise ConfigError([Problem(file, None, "", error.strerror or str(error))]) from None
        if len(content) > MAX_SIZE:
            problem = f"is larger than {MAX_SIZE >> 20} MiB; export the key of the DHCP server alone"
            raise ConfigError([Problem(file, None, "", problem)])
        return cls(content, file=file, code_page=code_page)

    def get(self, key: str, name: str) -> tuple[Any, int] | None:
        """A value and its type, as ``winreg.QueryValueEx`` gives them; None if it is not there.

        Raises:
            ConfigError: Its bytes are none of its type.
        """
        value = self.keys.get(key.upper(), {}).get(name.upper())
        if value is None:
            return None
        data: Any = value.data
        if value.kind in (REG_SZ, REG_EXPAND_SZ, REG_MULTI_SZ):
            text = self._text_in(value, name)
            if value.kind != REG_MULTI_SZ:
                data = text.split("\0", 1)[0]
            elif text and not text.endswith("\0"):
                self._fail(value.line, f"{name} does not end with a NUL: the file seems to be cut short")
            else:
                names = text.removesuffix("\0").removesuffix("\0")
                data = names.split("\0") if names else []
        elif value.kind == REG_DWORD:
            if len(data) != 4:
                self._fail(value.line, f"{name} is a REG_DWORD of {len(data)} bytes; it must have 4")
            data = int.from_bytes(data, "little")
        return data, value.kind

    def line_of(self, key: str, name: str) -> int | None:
        """The line where a value begins, if it is there."""
        value = self.keys.get(key.upper(), {}).get(name.upper())
        return value.line if value is not None else None

    def _text_in(self, value: Value, name: str) -> str:
        data = value.data
        is_ansi = self._text_is_ansi if isinstance(data, str) else self._bytes_are_ansi
        if isinstance(data, str):
            text = data
        elif is_ansi:
            try:
                text = data.decode(self._ansi, self._ansi_errors)
            except UnicodeError:
                self._fail(value.line, f"{name} is no text of code page {self._ansi[2:]}")
        elif len(data) % 2:
            self._fail(value.line, f"{name} has {len(data)} bytes, where UTF-16 has pairs of them")
        else:
            text = data.decode("utf-16-le", "surrogatepass")
        if is_ansi and any("\udc80" <= letter <= "\udcff" for letter in text):
            self._fail(
                value.line,
                f"{name} has letters beyond ASCII, and {_WHICH_CODE_PAGE}",
            )
        return text

    def _text_of(self, content: bytes) -> str:
        encoding, errors = self._ansi, self._ansi_errors
        if content.startswith(codecs.BOM_UTF8):
            encoding, errors, content = "utf-8", "strict", content.removeprefix(codecs.BOM_UTF8)
        elif content.startswith(codecs.BOM_UTF16_LE) or content[1:2] == b"\0":
            encoding, errors, content = "utf-16-le", "surrogatepass", content.removeprefix(codecs.BOM_UTF16_LE)
        self._text_is_ansi = encoding == self._ansi
        try:
            return content.decode(encoding, errors)
        except UnicodeDecodeError as error:
            line = content[: error.start].decode(encoding, "replace").count("\n") + 1
            if encoding == "utf-16-le":
                self._fail(line, "ends with half a unit of UTF-16: the file is cut short")
            self._fail(line, f"byte 0x{content[error.start]:02x} is not {encoding.upper()}")

    def _fail(self, line: int | None, problem: str) -> NoReturn:
        raise ConfigError([Problem(self.file, line, "", problem)])


# Comments may follow where something ends, and where a line is continued.
_REST = re.compile(r"[ \t]*(?:;[^\n]*)?(?:\n|\Z)")
_CONTINUED = re.compile(r"\\[ \t]*(?:;[^\n]*)?\n[ \t]*")
_BLANK = re.compile(r"[ \t]*")
_LINE = re.compile(r"[^\n]*\n?")
# The last bracket of the line: names of keys may have brackets.
_KEY = re.compile(r"\[(-?)([^\n]*)\][^\n]*(?:\n|\Z)")
_EQUALS = re.compile(r"[ \t]*=[ \t]*")
_DELETED = re.compile("-")
_DWORD = re.compile(r"dword:[ \t]*([0-9a-f]{1,8})(?![0-9a-f])", re.IGNORECASE)
_HEX = re.compile(r"hex(?:\(([0-9a-f]{1,8})\))?:", re.IGNORECASE)
_BYTES = re.compile(r"[0-9a-f, \t]*", re.IGNORECASE)
_BYTE = re.compile(r"[ \t]*[0-9a-f]{1,2}[ \t]*", re.IGNORECASE)
_STRING_SPECIAL = re.compile(r'["\\]')


class _Parser:
    """Goes through the text once."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text.replace("\r\n", "\n")
        self._file = file
        self._position = 0
        self._line = 1
        self.keys: dict[str, dict[str, Value]] = {}
        header = self._text.partition("\n")[0].strip()
        if header not in (_UNICODE, _ANSI):
            self._fail(f'is no export of a registry: its first line is neither "{_UNICODE}" nor "{_ANSI}"')
        self.is_unicode = header == _UNICODE
        self._take(_LINE)
        self._run()

    def _run(self) -> None:
        values: dict[str, Value] | None = None
        is_deleted = False
        while self._position < len(self._text):
            if self._take(_REST) is not None:
                continue
            self._take(_BLANK)
            start = self._text[self._position]
            if start == "[":
                key = self._take(_KEY)
                if key is None:
                    self._fail("a key's name has no closing bracket")
                is_deleted = bool(key[1])
                values = self._delete(key[2]) if is_deleted else self.keys.setdefault(key[2].upper(), {})
            elif start in '@"':
                if values is None:
                    self._fail("a value comes before any key")
                self._assign(values)
            else:
                self._fail("is neither a [key], nor a value, nor a comment")

    def _delete(self, key: str) -> dict[str, Value]:
        """Delete a key and those below it; values that follow go nowhere."""
        name = key.upper()
        for known in list(self.keys):
            if known == name or known.startswith(f"{name}\\"):
                del self.keys[known]
        return {}

    def _assign(self, values: dict[str, Value]) -> None:
        """A line with a value, from its name on."""
        line = self._line
        if self._text[self._position] == "@":
            self._position += 1
            name = ""
        else:
            name = self._string().upper()
        if self._take(_EQUALS) is None:
            self._fail("there is no = behind a value's name")
        if self._take(_DELETED) is not None:
            values.pop(name, None)
        elif self._text.startswith('"', self._position):
            values[name] = Value(REG_SZ, self._string(), line)
        elif (dword := self._take(_DWORD)) is not None:
            values[name] = Value(REG_DWORD, int(dword[1], 16).to_bytes(4, "little"), line)
        elif (kind := self._take(_HEX)) is not None:
            values[name] = Value(int(kind[1], 16) if kind[1] else REG_BINARY, self._bytes(), line)
        else:
            self._fail('is no value: a value is a "string", dword:, hex: or hex(n):')
        if self._take(_REST) is None:
            self._fail("something is behind the value")

    def _string(self) -> str:
        """A string, at its opening quotation mark; it may go over several lines."""
        parts = []
        start = self._position + 1
        while True:
            special = _STRING_SPECIAL.search(self._text, start)
            if special is None:
                self._fail("a string has no closing quotation mark")
            at = special.start()
            parts.append(self._text[start:at])
            if special[0] == '"':
                break
            escaped = self._text[at + 1 : at + 2]
            if escaped not in ('"', "\\"):
                self._line += "".join(parts).count("\n")
                self._fail("a backslash in a string is written twice")
            parts.append(escaped)
            start = at + 2
        text = "".join(parts)
        self._position = at + 1
        self._line += text.count("\n")
        return text

    def _bytes(self) -> bytes:
        """The bytes of a value, to the end of the last of its lines."""
        data = bytearray()
        wants_more = False
        while True:
            taken = self._take(_BYTES)
            digits = taken[0].strip(" \t") if taken is not None else ""
            is_continued = self._text.startswith("\\", self._position)
            if digits:
                wants_more = digits.endswith(",")
                for part in digits.removesuffix(",").split(","):
                    if _BYTE.fullmatch(part) is None:
                        self._fail(f"{part.strip()!r} is no byte: a byte has two hexadecimal digits")
                    data.append(int(part, 16))
            if not is_continued:
                break
            if self._take(_CONTINUED) is None or self._position == len(self._text):
                self._fail("the file ends, or the line goes on, where the rest of a value is expected")
        if wants_more:
            self._fail("a byte is expected behind the comma: the file seems to be cut short")
        return bytes(data)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Go past what the pattern matches, if it does."""
        found = pattern.match(self._text, self._position)
        if found is not None:
            self._position = found.end()
            self._line += found[0].count("\n")
        return found

    def _fail(self, problem: str) -> NoReturn:
        raise ConfigError([Problem(self._file, self._line, "", problem)])
