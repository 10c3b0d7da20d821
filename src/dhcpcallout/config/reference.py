"""``docs/configuration.md``, made from the schema: ``python -m dhcpcallout.config.reference`` prints it."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.fields import FieldInfo

from ..wire import REGISTRY
from .schema import (
    CalloutsTable,
    Document,
    IsolationTable,
    ScopeTable,
    Table,
    as_key,
    as_toml,
    fields,
    table_of,
    tables_of,
)

__all__ = ["example_of", "reference"]

_INTRODUCTION = """\
# The configuration file

It is a [TOML](https://toml.io/en/v1.0.0) file. The least that serves anyone says where to listen, and which addresses
there are:

```toml
[server]
listen = ["127.0.0.1:6767"]

[[subnet]]
network = "10.0.0.0/8"
pools = ["10.1.0.0-10.200.255.254"]
```

`dhcpcallout check -c FILE` tells whether a file is right, and starts nothing. Every mistake in a file is reported at
once, in the file's order, as `file:line: key: problem`, with exit status 2:

```text
dhcp.toml:2: server.lisen: unknown key; did you mean listen?
dhcp.toml:6: subnet[0].pools[0]: 10.1.0.0-11.0.0.9 is not within 10.0.0.0/8
```

<!-- Made by `make docs` from src/dhcpcallout/config/schema.py: what is to be changed here is changed there. -->
"""


_SCOPE = """\
## What clients are told

These keys stand at the top of the file, before any table, where they are for all clients; and in each `[[class]]`,
`[[shared-network]]`, `[[subnet]]`, `[[subnet.pool]]` and reservation, where they are for its clients. What is said
closest to the client counts: [What a client is told](replies.md) has the rules.
"""


def reference() -> str:
    """The whole page, in Markdown."""
    scope = [_SCOPE, *_keys(ScopeTable, ""), "### The options\n", _options()]
    return "\n".join([_INTRODUCTION, *_sections(Document, (), {}), *scope])


def _sections(table: type[Table], above: tuple[str, ...], described: dict[type[Table], str]) -> Iterator[str]:
    """The sections of the tables in a table, each with its keys; and of those in them. A kind is described once."""
    for name, field in fields(table).items():
        kind = table_of(field)
        if kind is None:
            continue
        header = ".".join((*above, name))
        header = f"[[{header}]]" if tables_of(field) else f"[{header}]"
        text = field.description or inspect.cleandoc(kind.__doc__ or "")
        if kind in described:
            yield f"## `{header}`\n\n{text}\n\nIts keys, and the tables in it, are those of `{described[kind]}`.\n"
            continue
        described[kind] = header
        if issubclass(kind, ScopeTable):
            text += "\n\nBesides the keys below it has those of [what clients are told](#what-clients-are-told)."
        yield f"## `{header}`\n\n{text}\n"
        yield from _keys(kind, header)
        yield from _sections(kind, (*above, name), described)


def _keys(table: type[Table], header: str) -> Iterator[str]:
    schemas: dict[str, Any] = table.model_json_schema()["properties"]
    inherited = {**fields(ScopeTable), **fields(IsolationTable)}
    if table in (ScopeTable, CalloutsTable):
        inherited = {}
    for name, field in fields(table).items():
        if table_of(field) is None and name not in inherited:
            above = f"{header.strip('[]')}." if header else ""
            yield f"### `{above}{name}`\n"
            yield f"{field.description}\n"
            yield f"Type: {_type(schemas[name])}; {_presence(field)}.\n"
            yield _example(header, example_of(table, name))


def example_of(table: type[Table], name: str) -> dict[str, Any]:
    """The example of a key: with its value, and with what it needs beside it."""
    field = fields(table)[name]
    extra = field.json_schema_extra
    beside: Any = extra["beside"] if isinstance(extra, dict) else {}
    example = {name: _example_of(field), **beside}
    return {key: example[key] for key in fields(table) if key in example}


def _example_of(field: FieldInfo) -> Any:
    assert field.examples, f"a key has no example: {field}"
    return field.examples[0]


def _example(header: str, table: Mapping[str, Any]) -> str:
    lines = [f"{as_key(key)} = {as_toml(value)}" for key, value in table.items()]
    if header:
        lines.insert(0, header)
    return "```toml\n" + "\n".join(lines) + "\n```\n"


def _options() -> str:
    rows = (f"| `{spec.name}` | {spec.code} | {spec.type.name} | {spec.reference} |" for spec in REGISTRY)
    return "\n".join(["| name | number | value | defined in |", "|---|---|---|---|", *rows, ""])


def _type(schema: Mapping[str, Any], ending: str = "") -> str:
    """What a value is, from its JSON schema, in TOML's words; the ending makes it many."""
    if "anyOf" in schema:
        kinds = (_type(one, ending) for one in schema["anyOf"] if one != {"type": "null"})
        return " or ".join(kinds)
    if "enum" in schema:
        return " or ".join(f"`{as_toml(value)}`" for value in schema["enum"])
    if "type" not in schema:
        return "any value"
    if schema["type"] == "array":
        return f"array of {_type(schema['items'], 's')}"
    return {"object": "table"}.get(schema["type"], str(schema["type"])) + ending


def _presence(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default()
    return "optional" if default is None or default in ("", [], {}) else f"default: `{as_toml(default)}`"


if __name__ == "__main__":
    print(reference(), end="")
