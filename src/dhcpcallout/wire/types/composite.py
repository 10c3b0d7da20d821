"""Values made of values: lists, records, and what has its length before it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Self, TypeVar

from ...errors import EncodeError, WireError
from . import notation
from .base import SelfDelimited, ValueType, shifted

__all__ = ["Array", "LengthPrefixed", "Record", "plain_tuple"]

T = TypeVar("T")


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
        self.min_items = min_items

    def decode(self, data: bytes) -> tuple[T, ...]:
        values = self.of.decode_many(data)
        if len(values) < self.min_items:
            raise WireError(f"{len(values)} values; at least {self.min_items} are needed", offset=0)
        return values

    def pack(self, value: Any) -> bytes:
        return b"".join(map(self.of.encode, self.items(value)))

    def items(self, value: Any) -> Sequence[Any]:
        """The items of what a user gave: a list, its text, or a single value.

        Raises:
            EncodeError: They are too few, or the text is not one of such a list.
        """
        items = self.parse_text(value) if isinstance(value, str) else value
        if not isinstance(items, Sequence):
            items = (items,)
        self._check(items)
        return items

    def to_text(self, value: Any) -> str:
        return ", ".join(map(self.of.to_item, value))

    def parse_text(self, text: str) -> tuple[T, ...]:
        values = tuple(map(self.of.parse_item, notation.split_list(text)))
        self._check(values)
        return values

    def _check(self, values: Sequence[Any]) -> None:
        if len(values) < self.min_items:
            raise EncodeError(f"{len(values)} values; at least {self.min_items} are needed")

    def bind(self, spaces: Mapping[str, Any]) -> Self:
        of = self.of.bind(spaces)
        return self if of is self.of else type(self)(of, min_items=self.min_items)


class Record(ValueType[T]):
    """Fields of fixed order.

    Args:
        make: Builds the value from the fields' values in order: a dataclass, or ``plain_tuple``.
        fields: Each field's name (the dataclass's attribute; "" in a plain tuple) and type. All but the last must
            end by themselves.
        named: Write the fields' names in texts. Without, a field is known by its place.
        defaults: Values of the fields that texts and tables may leave out.
    """

    def __init__(
        self,
        make: Callable[..., T],
        fields: Sequence[tuple[str, ValueType[Any]]],
        *,
        named: bool = True,
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        self.make = make
        self.fields = tuple(fields)
        self._types = tuple(field_type for _, field_type in fields)
        self._named = named
        self._defaults = dict(defaults or {})
        self._labels = tuple(name.replace("_", "-") for name, _ in fields)
        self._places = {label: place for place, label in enumerate(self._labels) if label}
        sizes = [field_type.size for field_type in self._types if field_type.size is not None]
        self.size = sum(sizes) if len(sizes) == len(self.fields) else None
        self.name = f"record of {self._shape()}"

    def _shape(self) -> str:
        words = (f"{label} ({kind.name})" for label, kind in zip(self._labels, self._types, strict=True))
        return ", ".join(words) if self._labels[0] else ", ".join(kind.name for kind in self._types)

    @property
    def delimited(self) -> bool:
        return all(field_type.delimited for field_type in self._types)

    def decode(self, data: bytes) -> T:
        values = []
        at = 0
        for field_type in self._types[:-1]:
            value, at = field_type.read(data, at)
            values.append(value)
        try:
            values.append(self._types[-1].decode(data[at:]))
        except WireError as error:
            raise shifted(error, at) from None
        return self.make(*values)

    def read(self, data: bytes, at: int) -> tuple[T, int]:
        values = []
        for field_type in self._types:
            value, at = field_type.read(data, at)
            values.append(value)
        return self.make(*values), at

    def pack(self, value: Any) -> bytes:
        return self._pack_fields(self._values(self.parse_text(value) if isinstance(value, str) else value))

    def _pack_fields(self, values: Sequence[Any]) -> bytes:
        return b"".join(kind.encode(one) for kind, one in zip(self._types, values, strict=True))

    def to_text(self, value: Any) -> str:
        words = []
        for (name, kind), label, one in zip(self.fields, self._labels, self._values(value), strict=True):
            if name in self._defaults and one == self._defaults[name]:
                continue
            text = kind.to_field(one)
            words.append(f"{label}={text}" if self._named and label else text)
        return " ".join(words)

    def parse_text(self, text: str) -> T:
        texts: dict[int, str] = {}
        for word in notation.split_fields(text):
            label, _, rest = word.partition("=")
            place = self._places.get(label)
            if place is None or rest == "":
                place, rest = len(texts), word
            if place in texts or place >= len(self.fields):
                raise EncodeError(f"{word!r} is one too many; the fields are {self._shape()}")
            texts[place] = rest
        values = []
        for place, (name, kind) in enumerate(self.fields):
            if place in texts:
                values.append(kind.parse_item(texts[place]))
            elif name in self._defaults:
                values.append(self._defaults[name])
            else:
                raise EncodeError(f"{text!r} lacks a field; the fields are {self._shape()}")
        value = self.make(*values)
        self._pack_fields(values)
        return value

    def _values(self, value: Any) -> Sequence[Any]:
        if isinstance(value, Mapping):
            given = self._defaults | {str(key).replace("-", "_"): one for key, one in value.items()}
            if set(given) == {name for name, _ in self.fields}:
                return [given[name] for name, _ in self.fields]
        elif isinstance(value, list | tuple):
            if len(value) == len(self.fields):
                return value
        elif all(hasattr(value, name) for name, _ in self.fields if name):
            return [getattr(value, name) for name, _ in self.fields]
        raise EncodeError(f"{value!r}: the fields are {self._shape()}")

    def bind(self, spaces: Mapping[str, Any]) -> Self:
        fields = [(name, kind.bind(spaces)) for name, kind in self.fields]
        if all(new is old for (_, new), old in zip(fields, self._types, strict=True)):
            return self
        return type(self)(self.make, fields, named=self._named, defaults=self._defaults)


def plain_tuple(*values: Any) -> tuple[Any, ...]:
    """The value of a record whose fields have no names."""
    return values


class LengthPrefixed(SelfDelimited[T]):
    """A value with its length in bytes before it.

    Args:
        of: The value's type.
        length_size: Bytes of the length, 1 or 2.
        counted: Bytes before the value that the length counts too.
        unit: Bytes that the length counts as one.
    """

    def __init__(self, of: ValueType[T], *, length_size: int = 1, counted: int = 0, unit: int = 1) -> None:
        self.of = of
        self.name = of.name
        self._length_size = length_size
        self._counted = counted
        self._unit = unit

    def read(self, data: bytes, at: int) -> tuple[T, int]:
        start = at + self._length_size
        if start > len(data):
            raise WireError("it ends before the length does", offset=at)
        size = int.from_bytes(data[at:start], "big") * self._unit - self._counted
        end = start + size
        if size < 0 or end > len(data):
            raise WireError(f"length {size + self._counted}, but {len(data) - start} bytes are left", offset=at)
        try:
            return self.of.decode(data[start:end]), end
        except WireError as error:
            raise shifted(error, start) from None

    def pack(self, value: Any) -> bytes:
        data = self.of.encode(value)
        most = ((1 << 8 * self._length_size) - 1) * self._unit - self._counted
        if len(data) > most:
            raise EncodeError(f"{len(data)} bytes; at most {most} fit")
        return ((len(data) + self._counted) // self._unit).to_bytes(self._length_size, "big") + data

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
        return (
            self
            if of is self.of
            else type(self)(of, length_size=self._length_size, counted=self._counted, unit=self._unit)
        )
