"""What a configuration file may hold: its tables and their keys, each with its meaning and an example."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeGuard, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.fields import FieldInfo

from ..loaders import Policy
from ..stores import URL_FORMS
from ..transports import parse_listen

__all__ = [
    "CalloutsTable",
    "Document",
    "LeasesTable",
    "ReservationTable",
    "ServerTable",
    "SubnetTable",
    "Table",
    "as_key",
    "as_toml",
    "fields",
    "table_of",
    "tables_of",
]

_BARE_KEY = re.compile("[A-Za-z0-9_-]+")
_MOST_DWORD = 0xFFFFFFFF


def _is_listen(text: str) -> str:
    parse_listen(text)
    return text


def _is_store(url: str) -> str:
    if _url_shape(url) not in map(_url_shape, URL_FORMS):
        raise ValueError(f'"{url}" is not the URL of a lease store, which is {" or ".join(URL_FORMS)}')
    return url


def _url_shape(url: str) -> tuple[str, bool]:
    """A URL's scheme with its colon, and whether anything is behind it."""
    scheme, colon, rest = url.partition(":")
    return scheme + colon, bool(rest)


_Text = Annotated[str, StringConstraints(min_length=1)]
_Options = dict[str | int, Any]


class Table(BaseModel):
    """A table of the file: a field is a key, its alias the key's name."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ServerTable(Table):
    """Where the server listens, and for whom it speaks. `interfaces`, `listen` or both are needed."""

    interfaces: list[_Text] = Field(
        [],
        description="The network interfaces whose clients are served, on port 67. On Linux; it needs root, or the "
        "capabilities `CAP_NET_RAW` and `CAP_NET_BIND_SERVICE`.",
        examples=[["eth1"]],
    )
    listen: list[Annotated[str, AfterValidator(_is_listen)]] = Field(
        [],
        description="Addresses of this machine to listen on, each with a port; 67 where none is given, and any free "
        "one for 0. Without root, take a port above 1023.",
        examples=[["127.0.0.1:6767"]],
    )
    authoritative: bool = Field(
        False,
        description="Whether no other server knows this network's clients, so that a client that asks for an address "
        "that it cannot have here is refused (DHCPNAK) and starts again at once. Otherwise the server is silent where "
        "another server might know better.",
        examples=[True],
    )


class LeasesTable(Table):
    """Where leases are kept."""

    store: Annotated[str, AfterValidator(_is_store)] = Field(
        "sqlite:dhcp-leases.db",
        description="`sqlite:` and the path of a file, relative to this file's folder, which is made where there is "
        "none; or `memory:`, where a restart forgets every lease. What an acknowledged lease promises to a client must "
        "outlive the server, or the next client gets the same address: therefore a file is the default.",
        examples=["sqlite:leases.db"],
    )


class CalloutsTable(Table):
    """Which callouts are loaded. The first two keys are values of the registry of Microsoft DHCP Server."""

    enabled: int | None = Field(
        None,
        alias="CalloutEnabled",
        ge=0,
        le=_MOST_DWORD,
        description="1 enables the callouts, 0 disables them; so does leaving it out, with a warning where "
        "`CalloutDlls` names any.",
        examples=[1],
    )
    dlls: list[_Text] = Field(
        [],
        alias="CalloutDlls",
        description="The callouts, tried in alphabetical order whatever their order here. A path that ends in `.dll`, "
        "`.so` or `.dylib` is a native one, `python:package.module` or a path that ends in `.py` a Python one. "
        "Relative paths start, and Python modules are looked for, in this file's folder.",
        examples=[["python:policy", "/opt/callouts/audit.so"]],
    )
    policy: Policy = Field(
        "first",
        description="`first`: the first callout that loads is the only one that the server calls, and is told the "
        "names after it, to load them itself, as Microsoft DHCP Server does. `all`: the server calls every callout "
        "that loads, in order.",
        examples=["all"],
    )


class ReservationTable(Table):
    """An address that is kept for one client."""

    hardware_address: str = Field(
        alias="hardware-address",
        description="The client's hardware address, in hexadecimal.",
        examples=["00:0c:01:02:03:04"],
    )
    address: str = Field(
        description="The address: within the subnet's network, whether in its pools or not.",
        examples=["10.0.0.9"],
    )


class SubnetTable(Table):
    """A network whose clients get addresses. There is at least one."""

    network: str = Field(
        description="Its prefix. It overlaps no other subnet's.",
        examples=["10.0.0.0/8"],
    )
    pools: list[str] = Field(
        [],
        description="The addresses that are given out: ranges, ends included, or prefixes. They do not overlap; the "
        "network's own address and its broadcast address are left out by themselves.",
        examples=[["10.1.0.0-10.200.255.254", "10.201.0.0/16"]],
    )
    lease_time: int | None = Field(
        None,
        alias="lease-time",
        description="For how long an address is leased, in seconds, 1 to 4294967295; the last means for ever. 3600 where "
        "nothing is said.",
        examples=[4000],
    )
    options: _Options = Field(
        {},
        description="What this subnet's clients are told. It comes before the same option in `[options]`.",
        examples=[{"routers": ["10.0.0.1"], "domain-name": "example.org"}],
    )
    interface: str = Field(
        "",
        description="The interface whose clients are of this subnet, whatever addresses the interface itself has.",
        examples=["eth1"],
    )
    reservation: list[ReservationTable] = Field([], description="Addresses kept for single clients.")


class Document(Table):
    """The file."""

    server: ServerTable = Field(default_factory=ServerTable)
    leases: LeasesTable = Field(default_factory=LeasesTable)
    callouts: CalloutsTable = Field(default_factory=CalloutsTable)
    options: _Options = Field(
        {},
        description="What the clients of every subnet are told: options by name, or by number. A value is a string, an "
        "integer, a boolean, or an array of these. Where the option is no text, a string is read as its value, so "
        'that `"10.0.0.53"` and `["10.0.0.53"]` are the same list of addresses. The server sets by itself what the '
        "protocol needs, such as the lease time.",
        examples=[{"domain-name-servers": ["10.0.0.53"]}],
    )
    subnet: list[SubnetTable] = []


def fields(table: type[Table]) -> Mapping[str, FieldInfo]:
    """A table's fields by the names of their keys."""
    return {field.alias or name: field for name, field in table.model_fields.items()}


def tables_of(field: FieldInfo) -> type[Table] | None:
    """The schema of each table where a field holds an array of tables, with headers in double brackets; else None."""
    return next((kind for kind in get_args(field.annotation) if _is_table(kind)), None)


def table_of(field: FieldInfo) -> type[Table] | None:
    """The schema of a field's table, or of each of its array's tables; None where it holds something else."""
    return field.annotation if _is_table(field.annotation) else tables_of(field)


def _is_table(kind: object) -> TypeGuard[type[Table]]:
    return isinstance(kind, type) and issubclass(kind, Table)


def as_toml(value: Any) -> str:
    """A value as it is written in the file."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{as_key(key)} = {as_toml(child)}" for key, child in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    # JSON's strings, numbers and booleans are TOML's as well, but for this one character
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def as_key(key: str) -> str:
    """A key as it is written in the file: in quotes where it needs them."""
    return key if _BARE_KEY.fullmatch(key) else as_toml(key)
