"""Values made of values: lists, records, and what has its length before it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Self, TypeVar

from ...errors import EncodeError, WireError
from . import notation
from .base import ValueType, shifted

__all__ = ["Array", "LengthPrefixed", "Record"]

T = TypeVar("T")
_Field = tuple[str, ValueType[Any]]


class Array(ValueType[tuple[T, ...]], Generic[T]):
    """One value after the other, to the end of the option.

    Args:
        of: The values' type, which must end by itself.
        min_items: How many there are at least.
    """

    def __init__(self, of: ValueType[T], *, min_items: int = 1) -> None:
        if not of.delimited:
            raise TypeError(f"{of.name} does not end by itself, so that no list can be made of it")
        self.of = of
        self.name = f"list of {of.name}"
        self._min_items = min_items

    def decode(self, data: bytes) -> tuple[T, ...]:
        values = self.of.decode_many(data)
        if len(values) < self._min_items:
            raise WireError(f"{len(values)} values; at least {self._min_items} are needed", offset=0)
        return values

    def pack(self, value: Any) -> bytes:
        if isinstance(value, str):
            value = self.parse_text(value)
        elif not isinstance(value, Sequence):
            value = (value,)
        self._check(value)
        return b"".join(map(self.of.encode, value))

    def to_text(self, value: Any) -> str:
        return ", ".join(map(self.of.to_item, value))

    def parse_text(self, text: str) -> tuple[T, ...]:
        values = tuple(map(self.of.parse_item, notation.split_list(text)))
        self._check(values)
        return values

    def _check(self, values: Sequence[Any]) -> None:
        if len(values) < self._min_items:
            raise EncodeError(f"{len(values)} values; at least {self._min_items} are needed")

    def bind(self, spaces: Mapping[str, Any]) -> Self:
        of = self.of.bind(spaces)
        return self if of is self.of else type(self)(of, min_items=self._min_items)


class Record(ValueType[T]):
    """Fields of fixed order.

    Args:
        make: Builds the value from the fields' values in order: a dataclass, or ``tuple_of`` for a plain tuple.
        fields: Each field's name (of the dataclass's attribute; "" in a plain tuple) and type. All but the last
            must end by themselves.
        named: Write the fields' names in texts. Without, a field of a record is known by its place.
    """

    def __init__(self, make: Callable[..., T], fields: Sequence[_Field], *, named: bool = True) -> None:
        for name, field_type in fields[:-1]:
            if not field_type.delimited:
                raise TypeError(f"field {name!r}: {field_type.name} does not end by itself, so that none can follow")
        self._make = make
        self._fields = tuple(fields)
        self._named = named
        self._places = {name.replace("_", "-"): place for place, (name, _) in enumerate(fields) if name}
        sizes = [field_type.size for _, field_type in fields]
        self.size = None if None in sizes else sum(size for size in sizes if size is not None)
        self._delimited = all(field_type.delimited for _, field_type in fields)
        words = (f"{name.replace('_', '-')} {kind.name}" if name else kind.name for name, kind in fields)
        self.name = f"record of {', '.join(words)}"

    @property
    def delimited(self) -> bool:
        return self._delimited

    def decode(self, data: bytes) -> T:
        values = []
        at = 0
        for _, field_type in self._fields[:-1]:
            value, at = field_type.read(data, at)
            values.append(value)
        try:
            values.append(self._fields[-1][1].decode(data[at:]))
        except WireError as error:
            raise shifted(error, at) from None
        return self._make(*values)

    def read(self, data: bytes, at: int) -> tuple[T, int]:
        values = []
        for _, field_type in self._fields:
            value, at = field_type.read(data, at)
            values.append(value)
        return self._make(*values), at

    def pack(self, value: Any) -> bytes:
        if isinstance(value, str):
            value = self.parse_text(value)
        return b"".join(
            field_type.encode(one) for (_, field_type), one in zip(self._fields, self._values(value), strict=True)
        )

    def to_text(self, value: Any) -> str:
        words = []
        for (name, field_type), one in zip(self._fields, self._values(value), strict=True):
            text = field_type.to_field(one)
            words.append(f"{name.replace('_', '-')}={text}" if self._named and name else text)
        return " ".join(words)

    def parse_text(self, text: str) -> T:
        texts: dict[int, str] = {}
        for word in notation.split_fields(text):
            name, equals, rest = word.partition("=")
            place = self._places.get(name) if equals else None
            if place is None:
                place, rest = len(texts), word
            if place in texts or place >= len(self._fields):
                raise EncodeError(f"{word!r} is one too many; {self._wanted()}")
            texts[place] = rest
        if len(texts) < len(self._fields):
            raise EncodeError(f"{text!r} lacks a field; {self._wanted()}")
        return self._make(*(kind.parse_item(texts[place]) for place, (_, kind) in enumerate(self._fields)))

    def _values(self, value: Any) -> Sequence[Any]:
        if isinstance(value, Mapping):
            given = {str(key).replace("-", "_"): one for key, one in value.items()}
            if set(given) != {name for name, _ in self._fields}:
                raise EncodeError(f"{value!r}: {self._wanted()}")
            return [given[name] for name, _ in self._fields]
        if isinstance(value, list | tuple):
            if len(value) != len(self._fields):
                raise EncodeError(f"{value!r}: {self._wanted()}")
            return value
        try:
            return [getattr(value, name) for name, _ in self._fields]
        except AttributeError:
            raise EncodeError(f"{value!r}: {self._wanted()}") from None

    def _wanted(self) -> str:
        return f"the fields are {self.name.removeprefix('record of ')}"

    def bind(self, spaces: Mapping[str, Any]) -> Self:
        fields = [(name, field_type.bind(spaces)) for name, field_type in self._fields]
        if all(new is old for (_, new), (_, old) in zip(fields, self._fields, strict=True)):
            return self
        return type(self)(self._make, fields, named=self._named)


class LengthPrefixed(ValueType[T]):
    """A value with its length in bytes before it.

    Args:
        of: The value's type.
        length_size: Bytes of the length, 1 or 2.
    """

    def __init__(self, of: ValueType[T], *, length_size: int = 1) -> None:
        self.of = of
        self.name = of.name
        self._length_size = length_size

    @property
    def delimited(self) -> bool:
        return True

    def decode(self, data: bytes) -> T:
        value, end = self.read(data, 0)
        if end != len(data):
            raise WireError(f"{len(data) - end} bytes too many", offset=end)
        return value

    def read(self, data: bytes, at: int) -> tuple[T, int]:
        start = at + self._length_size
        if start > len(data):
            raise WireError("it ends before the length does", offset=at)
        end = start + int.from_bytes(data[at:start], "big")
        if end > len(data):
            raise WireError(f"length {end - start}, but {len(data) - start} bytes are left", offset=at)
        try:
            return self.of.decode(data[start:end]), end
        except WireError as error:
            raise shifted(error, start) from None

    def pack(self, value: Any) -> bytes:
        data = self.of.encode(value)
        if len(data) >= 1 << (8 * self._length_size):
            raise EncodeError(f"{len(data)} bytes; at most {(1 << (8 * self._length_size)) - 1} fit")
        return len(data).to_bytes(self._length_size, "big") + data

    def encode(self, value: Any) -> bytes:
        return self.pack(value)

    def to_text(self, value: Any) -> str:
        return self.of.to_text(value)

    def to_item(self, value: Any) -> str:
        return self.of.to_item(value)

    def to_field(self, value: Any) -> str:
        return self.of.to_field(value)

    def parse_text(self, text: str) -> T:
        return self.of.parse_text(text)

    def parse_item(self, text: str) -> T:
        return self.of.parse_item(text)

    def bind(self, spaces: Mapping[str, Any]) -> Self:
        of = self.of.bind(spaces)
        return self if of is self.of else type(self)(of, length_size=self._length_size)
