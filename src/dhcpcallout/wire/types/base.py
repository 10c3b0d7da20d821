"""What every value type can do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, Self, TypeVar

from ...errors import EncodeError, WireError
from . import notation

__all__ = ["AnyType", "Empty", "SelfDelimited", "ValueType", "shifted"]

T_co = TypeVar("T_co", covariant=True)


class ValueType(ABC, Generic[T_co]):
    """One kind of option value: how it stands on the wire and how it is written for people.

    For every value ``v`` that ``decode`` returns, ``decode(encode(v)) == v`` and ``parse_text(to_text(v)) == v``.

    Attributes:
        name: What definitions and the documentation call it.
        size: Its bytes, where that is always the same, else None.
    """

    name: str
    size: int | None = None

    @abstractmethod
    def decode(self, data: bytes) -> T_co:
        """The value of ``data``, all of it.

        Raises:
            WireError: It is malformed; the offset counts from the start of ``data``.
        """

    @abstractmethod
    def pack(self, value: Any) -> bytes:
        """The bytes of a value that is not given as bytes: what ``encode`` leaves to the type."""

    @abstractmethod
    def to_text(self, value: Any) -> str:
        """A value that ``decode`` returned, for people: printable, on one line."""

    @abstractmethod
    def parse_text(self, text: str) -> T_co:
        """The value that ``text`` stands for.

        Raises:
            EncodeError: It stands for none; the message says what would be right.
        """

    def encode(self, value: Any) -> bytes:
        """The bytes of a value.

        Args:
            value: What ``decode`` returns, or what a configuration file can hold in its place: numbers, booleans,
                texts, lists, tables. ``bytes`` are what stands on the wire already.

        Raises:
            EncodeError: It cannot be put on the wire; the message says what would be right.
        """
        if isinstance(value, bytes | bytearray | memoryview):
            data = bytes(value)
            try:
                self.decode(data)
            except WireError as error:
                raise EncodeError(f"{data.hex()}: byte {error.offset}: {error.message}") from None
            return data
        return self.pack(value)

    def read(self, data: bytes, at: int) -> tuple[T_co, int]:
        """Decode one value that begins at ``data[at]`` and ends by itself.

        Returns:
            The value and the offset after it.

        Raises:
            WireError: It is malformed, or ``data`` ends before it does.
        """
        if self.size is None:
            raise TypeError(f"{self.name} does not end by itself")
        end = at + self.size
        if end > len(data):
            raise WireError(f"{len(data) - at} bytes left where {self.name} needs {self.size}", offset=at)
        try:
            return self.decode(data[at:end]), end
        except WireError as error:
            raise shifted(error, at) from None

    def decode_many(self, data: bytes) -> tuple[T_co, ...]:
        """One value after the other, until ``data`` ends."""
        values = []
        at = 0
        while at < len(data):
            value, at = self.read(data, at)
            values.append(value)
        return tuple(values)

    @property
    def delimited(self) -> bool:
        """Whether a value ends by itself, so that another can follow."""
        return self.size is not None and self.size > 0

    def to_item(self, value: Any) -> str:
        """The text of a value among others, separated by commas."""
        return notation.as_item(self.to_text(value))

    def to_field(self, value: Any) -> str:
        """The text of a value among others, separated by spaces."""
        return notation.as_field(self.to_text(value))

    def parse_item(self, text: str) -> T_co:
        """The value that ``to_item`` or ``to_field`` wrote."""
        return self.parse_text(notation.ungroup(text))

    def bind(self, spaces: Mapping[str, Any]) -> Self:  # noqa: ARG002
        """The same type with its sub-options looked up in ``spaces``, by the name of the space."""
        return self

    def __repr__(self) -> str:
        return f"<{self.name}>"


AnyType = ValueType[Any]


class SelfDelimited(ValueType[T_co]):
    """A value of no fixed size that ends by itself, so that another can follow."""

    @abstractmethod
    def read(self, data: bytes, at: int) -> tuple[T_co, int]: ...

    def decode(self, data: bytes) -> T_co:
        value, end = self.read(data, 0)
        if end != len(data):
            raise WireError(f"{len(data) - end} bytes after the value", offset=end)
        return value

    @property
    def delimited(self) -> bool:
        return True


class Empty(ValueType[bool]):
    """An option whose presence is all it says: True."""

    name = "empty"
    size = 0

    def decode(self, data: bytes) -> bool:
        if data:
            raise WireError(f"{len(data)} bytes where none belongs", offset=0)
        return True

    def pack(self, value: Any) -> bytes:
        if value is True or (isinstance(value, str) and value.lower() == "true"):
            return b""
        raise EncodeError(f"{value!r}: an option without a value is given as true, or left out")

    def to_text(self, value: Any) -> str:  # noqa: ARG002
        return "true"

    def parse_text(self, text: str) -> bool:
        self.pack(text.strip())
        return True


def shifted(error: WireError, by: int) -> WireError:
    """An inner value's error with its offset counted from the start of the outer value."""
    return WireError(error.message, offset=error.offset + by)
