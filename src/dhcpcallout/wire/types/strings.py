"""Texts, and bytes that have no structure of their own."""

import re
from abc import abstractmethod
from typing import Any, TypeVar

from ...errors import EncodeError, WireError
from . import notation
from .base import ValueType

__all__ = ["Item", "Opaque", "Text"]

_SEPARATORS = re.compile(r"[\s:.-]")
S = TypeVar("S", bound=str)


class Item(ValueType[S]):
    """A value that is a text by itself, and stands in quotation marks where it would not be clear without."""

    @abstractmethod
    def value_of(self, text: str) -> S:
        """The value that ``text`` is, out of its quotation marks.

        Raises:
            EncodeError: It is none.
        """

    def to_text(self, value: Any) -> str:
        return notation.quoted_if_needed(value, alone=True)

    def to_item(self, value: Any) -> str:
        return notation.quoted_if_needed(value, alone=False)

    def to_field(self, value: Any) -> str:
        return notation.quoted_if_needed(value, alone=False)

    def parse_text(self, text: str) -> S:
        return self.value_of(notation.unquoted(text))

    def parse_item(self, text: str) -> S:
        return self.value_of(notation.unquoted(text))


class Text(Item[str]):
    """A text in UTF-8, or ASCII.

    Bytes that are not UTF-8 become lone surrogates (PEP 383): no byte is lost, and ``encode`` puts them back. NULs
    at the end, which some clients send, are not part of it (RFC 2132 section 2).

    Args:
        min_size: Bytes that it has at least.
        size: Bytes that it has exactly, or None. Such a text keeps its NULs.
    """

    name = "string"

    def __init__(self, *, min_size: int = 1, size: int | None = None) -> None:
        self.min_size = min_size
        self.size = size

    def decode(self, data: bytes) -> str:
        if self.size is not None:
            if len(data) != self.size:
                raise WireError(f"{len(data)} bytes; {self.size} are needed", offset=0)
            return data.decode("utf-8", "surrogateescape")
        text = data.rstrip(b"\0")
        if len(text) < self.min_size:
            raise WireError("an empty text", offset=0)
        return text.decode("utf-8", "surrogateescape")

    def pack(self, value: Any) -> bytes:
        if not isinstance(value, str):
            raise EncodeError(f"{value!r} is not a text")
        data = notation.encode_utf8(value)
        if self.size is not None:
            if len(data) != self.size:
                raise EncodeError(f"{value!r} has {len(data)} bytes; {self.size} are needed")
        elif len(data) < self.min_size:
            raise EncodeError("a text of at least one character is needed")
        elif data.endswith(b"\0"):
            raise EncodeError(f"{value!r} ends with NUL, which is not part of a text; give bytes to send one")
        return data

    def value_of(self, text: str) -> str:
        self.pack(text)
        return text


class Opaque(ValueType[bytes]):
    """Bytes.

    Their text is hexadecimal; ``:``, ``-``, ``.``, spaces and a leading ``0x`` are read too, and so is a text in
    quotation marks, which stands for its own bytes.

    Args:
        min_size: Bytes that it has at least.
        size: Bytes that it has exactly, or None.
        printable: Write it as a text in quotation marks where all of it is printable ASCII.
    """

    name = "binary"

    def __init__(self, *, min_size: int = 0, size: int | None = None, printable: bool = False) -> None:
        self.size = size
        self.min_size = min_size
        self.printable = printable

    def decode(self, data: bytes) -> bytes:
        if len(data) < self.min_size:
            raise WireError(f"{len(data)} bytes; at least {self.min_size} are needed", offset=0)
        if self.size is not None and len(data) != self.size:
            raise WireError(f"{len(data)} bytes; {self.size} are needed", offset=0)
        return bytes(data)

    def pack(self, value: Any) -> bytes:
        if not isinstance(value, str):
            raise EncodeError(f"{value!r} is neither bytes nor a text in hexadecimal")
        return self.parse_text(value)

    def to_text(self, value: Any) -> str:
        if self.printable and value:
            text = notation.decode_utf8(value)
            if text.isascii() and text.isprintable():
                return notation.quote(text)
        return bytes(value).hex()

    def parse_text(self, text: str) -> bytes:
        if text.startswith('"'):
            return self.encode(notation.encode_utf8(notation.unquoted(text)))
        digits = _SEPARATORS.sub("", text)
        try:
            data = bytes.fromhex(digits.removeprefix("0x").removeprefix("0X"))
        except ValueError:
            raise EncodeError(f'{text!r} is neither hexadecimal, such as 0a0b0c, nor a text in quotes, "..."') from None
        return self.encode(data)
