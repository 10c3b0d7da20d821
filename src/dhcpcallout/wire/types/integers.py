"""Whole numbers in network byte order, some with names for their values, and booleans."""

from enum import IntEnum, IntFlag
from struct import Struct, unpack
from typing import Any

from ...errors import EncodeError, WireError
from .base import ValueType

__all__ = ["Boolean", "Flags", "Integer", "Named"]

_FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}


class Integer(ValueType[int]):
    """A number of 8, 16, 32 or 64 bits.

    Args:
        bits: Its width.
        signed: Whether it is a two's complement number.
    """

    def __init__(self, bits: int, *, signed: bool = False) -> None:
        self.name = f"{'' if signed else 'u'}int{bits}"
        self._size = self.size = bits // 8
        self._format = _FORMATS[self.size].lower() if signed else _FORMATS[self.size]
        self._struct = Struct("!" + self._format)
        self.minimum, self.maximum = (-1 << (bits - 1), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)

    def decode(self, data: bytes) -> int:
        if len(data) != self._size:
            raise WireError(f"{len(data)} bytes; {self.name} has {self._size}", offset=0)
        number: int = self._struct.unpack(data)[0]
        return number

    def decode_many(self, data: bytes) -> tuple[int, ...]:
        count, rest = divmod(len(data), self._size)
        if rest:
            raise WireError(f"{len(data)} bytes; not a multiple of {self._size}", offset=len(data) - rest)
        return unpack(f"!{count}{self._format}", data)

    def pack(self, value: Any) -> bytes:
        return self._struct.pack(self._checked(value))

    def to_text(self, value: Any) -> str:
        return str(int(value))

    def parse_text(self, text: str) -> int:
        return self._checked(text)

    def _checked(self, value: Any) -> int:
        number = value
        if isinstance(value, str):
            try:
                number = int(value.strip(), 0)
            except ValueError:
                number = None
        if isinstance(number, int) and not isinstance(number, bool) and self.minimum <= number <= self.maximum:
            return int(number)
        raise EncodeError(f"{value!r} is not a whole number from {self.minimum} to {self.maximum}")


class Named(Integer):
    """An unsigned number whose values have names; a number without one stays a plain int.

    Args:
        names: The enum; texts have its members' names in lower case, with ``-`` for ``_``.
        bits: The number's width.
        name: What the documentation calls it.
    """

    def __init__(self, names: type[IntEnum], *, bits: int = 8) -> None:
        super().__init__(bits)
        self.enum = names
        self._members: dict[int, IntEnum] = {int(member): member for member in names}
        self._by_text = {_spelling(name): member for name, member in names.__members__.items()}

    @property
    def words(self) -> tuple[str, ...]:
        """The values' names as texts have them."""
        return tuple(self._by_text)

    def decode(self, data: bytes) -> int:
        number = super().decode(data)
        return self._members.get(number, number)

    def decode_many(self, data: bytes) -> tuple[int, ...]:
        members = self._members
        return tuple([members.get(number, number) for number in super().decode_many(data)])

    def to_text(self, value: Any) -> str:
        member = self._members.get(value)
        return str(int(value)) if member is None else _spelling(member.name)

    def parse_text(self, text: str) -> int:
        number = self._checked(text)
        return self._members.get(number, number)

    def _checked(self, value: Any) -> int:
        if isinstance(value, str):
            member = self._by_text.get(_spelling(value.strip()))
            if member is not None:
                return int(member)
        try:
            return super()._checked(value)
        except EncodeError as error:
            raise EncodeError(f"{error.message}, or one of {', '.join(self._by_text)}") from None


class Flags(Integer):
    """Eight bits with a letter or a word for each; bits without one are kept.

    Args:
        names: The flags; texts have their names in lower case, with ``-`` for ``_``, joined by ``+``.
    """

    def __init__(self, names: type[IntFlag]) -> None:
        super().__init__(8)
        self.flags = names
        self._by_text = {_spelling(name): int(member) for name, member in names.__members__.items()}

    @property
    def words(self) -> tuple[str, ...]:
        """The flags' names as texts have them."""
        return tuple(self._by_text)

    def decode(self, data: bytes) -> int:
        return self.flags(super().decode(data))

    def decode_many(self, data: bytes) -> tuple[int, ...]:
        return tuple(map(self.flags, super().decode_many(data)))

    def to_text(self, value: Any) -> str:
        rest = int(value)
        words = []
        for word, member in self._by_text.items():
            if rest & member:
                words.append(word)
                rest &= ~member
        if rest or not words:
            words.append(str(rest))
        return "+".join(words)

    def parse_text(self, text: str) -> int:
        return self.flags(self._checked(text))

    def _checked(self, value: Any) -> int:
        if not isinstance(value, str):
            return super()._checked(value)
        number = 0
        for word in value.split("+"):
            member = self._by_text.get(_spelling(word.strip()))
            if member is None:
                try:
                    number |= super()._checked(word)
                except EncodeError as error:
                    raise EncodeError(f"{error.message}, or of {' + '.join(self._by_text)}") from None
            else:
                number |= member
        return number


class Boolean(ValueType[bool]):
    """One byte, 0 or 1."""

    name = "boolean"
    size = 1

    def decode(self, data: bytes) -> bool:
        if len(data) != 1:
            raise WireError(f"{len(data)} bytes; a boolean has 1", offset=0)
        if data[0] > 1:
            raise WireError(f"{data[0]}; a boolean is 0 or 1", offset=0)
        return data[0] == 1

    def pack(self, value: Any) -> bytes:
        return b"\1" if self._checked(value) else b"\0"

    def to_text(self, value: Any) -> str:
        return "true" if value else "false"

    def parse_text(self, text: str) -> bool:
        return self._checked(text)

    def _checked(self, value: Any) -> bool:
        word = value.strip().lower() if isinstance(value, str) else value
        if word in (True, "true", "1", "yes", "on"):
            return True
        if word in (False, "false", "0", "no", "off"):
            return False
        raise EncodeError(f"{value!r} is not true or false")


def _spelling(name: str) -> str:
    return name.lower().replace("_", "-")
