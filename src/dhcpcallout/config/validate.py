"""From a document's data to the schema's tables, with everything that the schema finds wrong."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from .locate import Place
from .schema import Document, ScopeTable, Table, as_key, as_toml, fields, table_of, tables_of

__all__ = ["Mistake", "Validated", "validate"]

Mistake = tuple[Place, str]
"""Where something is wrong, or is missing, and what."""

_EXPECTED = {
    "bool_type": "a boolean",
    "dict_type": "a table",
    "finite_number": "a number that is finite",
    "float_type": "a number",
    "int_type": "an integer",
    "list_type": "an array",
    "model_type": "a table",
    "option_name_type": "a string or an integer",
    "string_type": "a string",
}


@dataclass(frozen=True, slots=True)
class Validated:
    """What the schema made of a document.

    Attributes:
        document: The document without its mistakes, so that what is left can be checked further.
        origins: For each place in ``document``, where it is in what was given.
        mistakes: Everything that is wrong.
        stand_ins: Where empty texts are in the document for what is missing or wrong.
    """

    document: Document
    origins: Mapping[Place, Place]
    mistakes: list[Mistake]
    stand_ins: AbstractSet[Place]


def validate(data: dict[str, Any]) -> Validated:
    """Check data against the schema.

    What is wrong is left out and the rest is checked again, so that no mistake hides another: a misspelt key is read
    as what it was meant to be, and a table that lacks a text gets an empty one, so that all else in it is checked. A
    table that lacks anything else is left out whole.

    Args:
        data: What ``tomllib.loads`` gives.
    """
    data, origins = _corrected(data, {}, {})
    mistakes: list[Mistake] = []
    left_out: set[Place] = set()
    stand_ins: set[Place] = set()
    while True:
        try:
            return Validated(Document.model_validate(data), origins, mistakes, stand_ins)
        except ValidationError as error:
            errors = error.errors(include_url=False)
            unknown = [details["loc"] for details in errors if details["type"] == "extra_forbidden"]
            meant = {place: _meant(place, data) for place in unknown}
            meant_places = {(*place[:-1], key) for place, key in meant.items()}
            corrections: dict[Place, str | None] = {}
            for details in errors:
                place = details["loc"]
                named = (*origins[place[:-1]], place[-1])
                if details["type"] != "missing":
                    corrections[place] = meant.get(place)
                    left_out.add(named)
                elif place in meant_places:
                    continue
                else:
                    if _field_at(place).annotation is str:
                        _at(place[:-1], data)[place[-1]] = ""
                        origins[place] = named
                        stand_ins.add(named)
                    else:
                        corrections[place[:-1]] = None
                    if named in left_out:
                        continue
                mistakes.append((origins.get(place, named), _explain(details, meant.get(place))))
            data, origins = _corrected(data, corrections, origins)


def _corrected(
    data: dict[str, Any], corrections: Mapping[Place, str | None], origins: Mapping[Place, Place]
) -> tuple[dict[str, Any], dict[Place, Place]]:
    """A copy of the data with places renamed, or left out (None); and where each place of it comes from."""
    kept: dict[Place, Place] = {}

    def copy(value: Any, old: Place, new: Place) -> Any:
        kept[new] = origins.get(old, old)
        if isinstance(value, dict):
            table: dict[str, Any] = {}
            for key, child in value.items():
                name = corrections.get((*old, key), key)
                if name is not None and (name == key or name not in value.keys() | table.keys()):
                    table[name] = copy(child, (*old, key), (*new, name))
            return table
        if isinstance(value, list):
            array: list[Any] = []
            for index, child in enumerate(value):
                if (*old, index) not in corrections:
                    array.append(copy(child, (*old, index), (*new, len(array))))
            return array
        return value

    return copy(data, (), ()), kept


def _meant(place: Place, data: Any) -> str | None:
    """The key that an unknown one was meant to be: the most like it of those that its table lacks."""
    data = _at(place[:-1], data)
    table = _table_at(place[:-1])
    if _is_for_all(place):
        return None
    missing = {_folded(name): name for name in fields(table) if name not in data}
    close = get_close_matches(_folded(str(place[-1])), missing, n=1)
    return missing[close[0]] if close else None


def _at(place: Place, data: Any) -> Any:
    for part in place:
        data = data[part]
    return data


def _is_for_all(place: Place) -> bool:
    """Whether an unknown key is one that scopes have, written below a header that none of them has."""
    return _folded(str(place[-1])) in fields(ScopeTable) and not issubclass(_table_at(place[:-1]), ScopeTable)


def _folded(key: str) -> str:
    return key.casefold().replace("_", "-")


def _explain(details: ErrorDetails, meant: str | None) -> str:
    """What is wrong, and what would be right, in the words of TOML."""
    place, value, context = details["loc"], details["input"], details.get("ctx", {})
    match details["type"]:
        case "missing":
            return f"is missing; for example: {place[-1]} = {as_toml(_example(place))}"
        case "extra_forbidden":
            if _is_for_all(place):
                return "unknown key here; what all clients are told stands at the top of the file, before any [table]"
            known = ", ".join(fields(_table_at(place[:-1])))
            return f"unknown key; did you mean {meant}?" if meant else f"unknown key; the keys here are {known}"
        case "literal_error":
            return f"must be {context['expected']}"
        case "string_too_short":
            return "must not be empty"
        case "greater_than_equal" | "less_than_equal":
            bound = f"less than {context['ge']:.12g}" if "ge" in context else f"more than {context['le']:.12g}"
            return f"{value} is {bound}"
        case "greater_than":
            return f"{value} is not more than {context['gt']:g}"
        case "value_error":
            return str(context["error"])
        case kind if kind in _EXPECTED:
            return f"must be {_EXPECTED[kind]}{_such_as(place)}; this is {_kind(value)}"
    return details["msg"]


def _such_as(place: Place) -> str:
    name = ".".join(as_key(part) for part in place if isinstance(part, str))
    field = _field_at(place)
    if tables_of(field) is not None:
        return f", under [[{name}]]" if isinstance(place[-1], int) else f" of tables, each under [[{name}]]"
    if table_of(field) is not None:
        return f", under [{name}]"
    return f", such as {as_toml(_example(place))}"


def _kind(value: object) -> str:
    """What TOML calls a value's type."""
    match value:
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a float"
        case str():
            return "a string"
        case dict():
            return "a table"
        case list():
            return "an array"
    return "a date or time"


def _example(place: Place) -> Any:
    examples = _field_at(place).examples
    assert examples, f"the schema has no example for {place}"
    return examples[0][0] if isinstance(place[-1], int) else examples[0]


def _field_at(place: Place) -> FieldInfo:
    """The schema of the key at a place, or of the array that the place is an element of."""
    *above, key = (part for part in place if isinstance(part, str))
    return fields(_table_at(tuple(above)))[key]


def _table_at(place: Place) -> type[Table]:
    """The schema of the table at a place."""
    table: type[Table] | None = Document
    for part in place:
        if isinstance(part, str) and table is not None:
            table = table_of(fields(table)[part])
    assert table is not None, f"the schema has no table at {place}"
    return table
