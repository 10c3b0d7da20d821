"""``docs/configuration.md``, made from the schema: ``python -m dhcpcallout.config.reference`` prints it."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.fields import FieldInfo

from ..wire import REGISTRY
from .schema import Document, Table, as_key, as_toml, fields, table_of, tables_of

__all__ = ["reference"]

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


def reference() -> str:
    """The whole page, in Markdown."""
    return "\n".join([_INTRODUCTION, *_sections(Document, ())])


def _sections(table: type[Table], above: tuple[str, ...]) -> Iterator[str]:
    """The sections of the tables in a table, each with its keys; and of those in them."""
    for name, field in fields(table).items():
        header = ".".join((*above, name))
        header = f"[[{header}]]" if tables_of(field) else f"[{header}]"
        kind = table_of(field)
        if kind is not None:
            yield f"## `{header}`\n\n{kind.__doc__}\n"
            yield from _keys(kind, header)
            yield from _sections(kind, (*above, name))
        elif not above:
            yield f"## `{header}`\n\n{field.description}\n"
            yield _example(header, _example_of(field))
            yield _options()


def _keys(table: type[Table], header: str) -> Iterator[str]:
    schemas: dict[str, Any] = table.model_json_schema()["properties"]
    for name, field in fields(table).items():
        if table_of(field) is None:
            yield f"### `{header.strip('[]')}.{name}`\n"
            yield f"{field.description}\n"
            yield f"Type: {_type(schemas[name])}; {_presence(field)}.\n"
            yield _example(header, {name: _example_of(field)})


def _example_of(field: FieldInfo) -> Any:
    assert field.examples, f"a key has no example: {field}"
    return field.examples[0]


def _example(header: str, table: Mapping[str, Any]) -> str:
    lines = [header, *(f"{as_key(key)} = {as_toml(value)}" for key, value in table.items())]
    return "```toml\n" + "\n".join(lines) + "\n```\n"


def _options() -> str:
    rows = (f"| `{spec.name}` | {spec.code} | {spec.type.name} | {spec.reference} |" for spec in REGISTRY)
    return "\n".join(["| name | number | value | defined in |", "|---|---|---|---|", *rows, ""])


def _type(schema: Mapping[str, Any]) -> str:
    """What a value is, from its JSON schema, in TOML's words."""
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"] if one != {"type": "null"})
    if "enum" in schema:
        return " or ".join(f"`{as_toml(value)}`" for value in schema["enum"])
    if schema["type"] == "array":
        return f"array of {_type(schema['items'])}s"
    return {"object": "table of options"}.get(schema["type"], str(schema["type"]))


def _presence(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default()
    return "optional" if default is None or default in ("", [], {}) else f"default: `{as_toml(default)}`"


if __name__ == "__main__":
    print(reference(), end="")
