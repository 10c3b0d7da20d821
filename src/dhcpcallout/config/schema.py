"""What a configuration file may hold: its tables and their keys, each with its meaning and an example."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeGuard, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from ..engine.parking import OnTimeout
from ..loaders import Mode, OnFailure, Policy
from ..loaders.python import PREFIX
from ..stores import URL_FORMS
from ..transports import parse_listen
from ..wire.registry import TYPE_NAMES
from ..wire.table import DHCP4

__all__ = [
    "CalloutTable",
    "CalloutsTable",
    "ClassTable",
    "Document",
    "IsolationTable",
    "LeasesTable",
    "OptionDefinitionTable",
    "PoolTable",
    "ReservationTable",
    "ScopeTable",
    "ServerTable",
    "SharedNetworkTable",
    "SubnetTable",
    "Table",
    "as_key",
    "as_toml",
    "fields",
    "table_of",
    "tables_of",
]

_BARE_KEY = re.compile("[A-Za-z0-9_-]+")
_SHA256 = re.compile("[0-9A-Fa-f]{64}")
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


def _is_path_map(places: dict[str, Any]) -> dict[str, Any]:
    for name, place in places.items():
        if not isinstance(place, str) or not (place.startswith(PREFIX) or Path(place).is_absolute()):
            raise ValueError(f'{name} must be an absolute path, such as "/opt/callouts", or python:package.module')
        if not name.strip("/\\ "):
            raise ValueError(f'"{name}" is no folder of another machine, such as C:\\Callouts')
    return places


def _is_sha256(text: str) -> str:
    if _SHA256.fullmatch(text) is None:
        raise ValueError(f'"{text}" is no SHA-256, which has 64 hexadecimal digits')
    return text


def _is_option(name: object) -> object:
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise PydanticCustomError("option_name_type", "neither a name nor a number")
    return name


def _is_environment(variables: dict[str, Any]) -> dict[str, Any]:
    for name, value in variables.items():
        if not isinstance(value, str):
            raise ValueError(f'{name} must be a string, such as "1"')
    return variables


_Text = Annotated[str, StringConstraints(min_length=1)]
_Option = Annotated[
    Any, AfterValidator(_is_option), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]})
]
"""A name or number, of an option or a user. A union of types would report two mistakes where there is one."""


class Table(BaseModel):
    """A table of the file: a field is a key, its alias the key's name, its name that of the model's attribute."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _beside(**keys: Any) -> dict[str, Any]:
    """What the example of a key has besides it, as the key means nothing alone."""
    return {"beside": {name.replace("_", "-"): value for name, value in keys.items()}}


class ScopeTable(Table):
    """A table that says what clients are told, and for how long."""

    options: dict[str | int, Any] = Field(
        {},
        description="Options by name, or by number; the names are below. A value is a string, an integer, a boolean, "
        "an array of these, or a table of sub-options. Where the option is no text, a string is read as its value, so "
        'that `"10.0.0.53"` and `["10.0.0.53"]` are the same list of addresses. The server sets by itself what the '
        "protocol needs, such as the lease time. At the top of the file the table may have a header, `[options]`.",
        examples=[{"domain-name-servers": ["10.0.0.53"]}],
    )
    always_send: list[_Option] = Field(
        [],
        alias="always-send",
        description="Options that are sent whether the client asks for them or not.",
        examples=[["domain-name", 42]],
    )
    never_send: list[_Option] = Field(
        [],
        alias="never-send",
        description="Options that are not sent even if the client asks for them.",
        examples=[["routers"]],
    )
    lease_time_s: int | None = Field(
        None,
        alias="lease-time",
        description="For how long an address is leased to a client that asks for no time of its own, in seconds, 1 to "
        "4294967295; the last means for ever. 3600 where nothing is said.",
        examples=[4000],
    )
    min_lease_time_s: int | None = Field(
        None,
        alias="min-lease-time",
        description="The shortest time that a client may choose, in seconds; the lease time itself where nothing is "
        "said.",
        examples=[300],
    )
    max_lease_time_s: int | None = Field(
        None,
        alias="max-lease-time",
        description="The longest time that a client may choose, in seconds; the lease time itself where nothing is "
        "said.",
        examples=[86400],
    )
    renew_time_s: int | None = Field(
        None,
        alias="renew-time",
        description="After how many seconds a client renews its lease (T1); half the lease time where nothing is said.",
        examples=[1000],
    )
    rebind_time_s: int | None = Field(
        None,
        alias="rebind-time",
        description="After how many seconds a client asks any server (T2); 7/8 of the lease time where nothing is "
        "said.",
        examples=[3000],
    )
    next_server: str | None = Field(
        None,
        alias="next-server",
        description="The address of the server that a client boots from (`siaddr`).",
        examples=["10.0.0.5"],
    )
    server_name: str | None = Field(
        None,
        alias="server-name",
        description="That server's name (`sname`), at most 63 bytes.",
        examples=["boot.example.org"],
    )
    boot_file_name: str | None = Field(
        None,
        alias="boot-file-name",
        description="The file that a client boots (`file`), at most 127 bytes.",
        examples=["pxelinux.0"],
    )


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
    offer_time_s: int = Field(
        30,
        alias="offer-time",
        ge=1,
        le=_MOST_DWORD,
        description="For how long an offered address is held for its client, in seconds.",
        examples=[60],
    )
    decline_time_s: int = Field(
        86400,
        alias="decline-time",
        ge=1,
        le=_MOST_DWORD,
        description="For how long an address rests that a client declined because another uses it, in seconds.",
        examples=[3600],
    )
    leasequery_relays: list[str] = Field(
        [],
        alias="leasequery-relays",
        description="The relay agents that are told who has which lease when they ask (RFC 4388): addresses, or "
        "networks that these are in. Nobody else is told.",
        examples=[["10.0.0.2", "192.0.2.0/24"]],
    )
    control: str | None = Field(
        None,
        description="The path of the Unix socket by which leases are looked at and changed while the server runs, "
        "relative to this file's folder; only the server's own user may use it. Where nothing is said it is the lease "
        'file\'s path with `-control` at its end; `""` is for none. See [Leases](leases.md#while-the-server-runs).',
        examples=["control"],
    )
    max_parked: int = Field(
        256,
        alias="max-parked",
        ge=1,
        le=1_000_000,
        description="How many packets may wait for async functions of callouts at a time. One more that would have to "
        "wait is dropped.",
        examples=[64],
    )
    parked_timeout_s: float = Field(
        2.0,
        alias="parked-timeout",
        gt=0,
        le=3600,
        allow_inf_nan=False,
        description="For how long a packet may wait for them until it is answered, in seconds.",
        examples=[0.5],
    )
    on_timeout: OnTimeout = Field(
        "drop",
        alias="on-timeout",
        description="What becomes of a packet that has waited so long. `drop`: it is dropped. `continue`: it goes on "
        "as if the function had answered nothing.",
        examples=["continue"],
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


class IsolationTable(Table):
    """Keys that say how callouts are kept apart: for all in `[callouts]`, for one in its `[[callouts.entry]]`."""

    isolation: Mode | None = Field(
        None,
        description="`process`: a callout runs in a worker process of its own; what it does wrong, or a crash, ends "
        "that process and no more. `none`: it runs in the server's own process, as in Microsoft DHCP Server. See "
        "[Isolated callouts](isolation.md). `none` where nothing is said.",
        examples=["process"],
    )
    timeout_ms: int | None = Field(
        None,
        alias="timeout-ms",
        ge=1,
        le=60_000,
        description="For how long the server waits for a hook of an isolated callout, in milliseconds; the worker is "
        "ended then. 250 where nothing is said.",
        examples=[100],
    )
    on_failure: OnFailure | None = Field(
        None,
        alias="on-failure",
        description="What becomes of packets that a worker fails at, and of those that come while there is no worker. "
        "`continue`: they go on as if the callout were not there. `drop`: they are dropped. `continue` where nothing "
        "is said.",
        examples=["drop"],
    )
    max_failures: int | None = Field(
        None,
        alias="max-failures",
        ge=1,
        le=1000,
        description="After how many failures of its worker within a minute a callout is taken out. 5 where nothing is "
        "said.",
        examples=[10],
    )
    worker_command: list[_Text] | None = Field(
        None,
        alias="worker-command",
        description="The command that starts the worker's Python, with its arguments, such as a 32-bit Python or one "
        "for Windows under Wine; this package must be installed there. The server's own Python where nothing is said.",
        examples=[["/opt/python32/bin/python3"]],
    )
    worker_environment: Annotated[dict[str, Any], AfterValidator(_is_environment)] | None = Field(
        None,
        alias="worker-environment",
        description="Environment variables for the worker. Of the server's it gets only a few, such as `PATH`, `LANG` "
        "and `TZ`.",
        examples=[{"AUDIT_DB": "/var/lib/dhcp/audit.db"}],
    )
    worker_start_timeout_s: float | None = Field(
        None,
        alias="worker-start-timeout",
        gt=0,
        le=3600,
        allow_inf_nan=False,
        description="For how long a worker may start and load its callout, in seconds; and for how long the callout "
        "may take when the service starts and stops. 10 where nothing is said.",
        examples=[30],
    )
    worker_memory_mib: int | None = Field(
        None,
        alias="worker-memory",
        ge=16,
        le=1 << 30,
        description="How much memory a worker may take, in MiB of address space.",
        examples=[512],
    )
    worker_cpu_s: int | None = Field(
        None,
        alias="worker-cpu",
        ge=1,
        le=_MOST_DWORD,
        description="How many seconds of a processor's time a worker may use in its life. Another one follows it.",
        examples=[3600],
    )
    worker_open_files: int | None = Field(
        None,
        alias="worker-open-files",
        ge=16,
        le=1 << 30,
        description="How many files, sockets included, a worker may have open.",
        examples=[64],
    )
    worker_no_new_files: bool | None = Field(
        None,
        alias="worker-no-new-files",
        description="Whether a worker that has loaded its callout may open no file or socket any more, and may never "
        "write to a file.",
        examples=[True],
    )
    worker_no_new_processes: bool | None = Field(
        None,
        alias="worker-no-new-processes",
        description="Whether a worker that has loaded its callout may start no process and no thread. It does not bind "
        "root: set `worker-user` as well.",
        examples=[True],
    )
    worker_user: _Option | None = Field(
        None,
        alias="worker-user",
        description="The user, by name or number, that a worker is, with no right of the server's. The server must be "
        "root, or have `CAP_SETUID`, `CAP_SETGID` and `CAP_KILL`.",
        examples=["dhcp-callouts"],
    )


class CalloutTable(IsolationTable):
    """What holds for one callout of `CalloutDlls` alone.

    Besides the key below it has those of `[callouts]` from `isolation` to `worker-user`; what is not said here is as it
    is there.
    """

    name: str = Field(
        description="The callout, as it stands in `CalloutDlls`.",
        examples=["/opt/callouts/audit.so"],
        json_schema_extra=_beside(isolation="process"),
    )


class CalloutsTable(IsolationTable):
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
        description="The callouts, tried in alphabetical order whatever their order here. An absolute path that ends "
        "in `.dll`, `.so` or `.dylib` is a native one, `python:package.module` or an absolute path that ends in `.py` "
        "a Python one; modules are looked for in this file's folder too. Nobody but root and the server's user may be "
        "able to write to a callout's file, or to a folder above it: it is not loaded otherwise.",
        examples=[["python:policy", "/opt/callouts/audit.so"]],
    )
    policy: Policy = Field(
        "first",
        description="`first`: the first callout that loads is the only one that the server calls, and is told the "
        "names after it, to load them itself, as Microsoft DHCP Server does. `all`: the server calls every callout "
        "that loads, in order.",
        examples=["all"],
    )
    registry: _Text | None = Field(
        None,
        description="Where `CalloutEnabled` and `CalloutDlls` come from in the place of this file: `windows` is the "
        "registry of this machine; all else is the path of a `.reg` file that a Windows machine has exported, relative "
        "to this file's folder. See [From the Windows registry](registry.md).",
        examples=["dhcp-server.reg"],
    )
    registry_code_page: int | None = Field(
        None,
        alias="registry-code-page",
        ge=1,
        le=65535,
        description="The number of the code page that a `.reg` file in the old format (`REGEDIT4`) is written in, "
        "where a path in it has other letters than ASCII's.",
        examples=[932],
        json_schema_extra=_beside(registry="dhcp-server.reg"),
    )
    path_map: Annotated[dict[str, Any], AfterValidator(_is_path_map)] = Field(
        {},
        alias="path-map",
        description="Where folders, or files, of the machine that the list was made on are here: upper and lower case, "
        "`/` and `\\` are alike, and the longest that fits counts. A file may also stand for a Python module.",
        examples=[{"C:\\Callouts": "/opt/callouts"}],
        json_schema_extra=_beside(registry="dhcp-server.reg"),
    )
    allow_sha256: list[Annotated[str, AfterValidator(_is_sha256)]] | None = Field(
        None,
        alias="allow-sha256",
        description="The SHA-256 of each file that may be loaded, as `sha256sum`, `certutil -hashfile FILE SHA256` and "
        "`dhcpcallout callouts list` print it. A callout whose file has another one is not loaded. Every file may be "
        "where nothing is said.",
        examples=[["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]],
    )
    entry: list[CalloutTable] = []


class ReservationTable(ScopeTable):
    """What is kept for one client: an address, and what it is told.

    Exactly one of `hardware-address`, `client-id`, `circuit-id`, `remote-id` and `option` says which client.
    """

    hardware_address: str | None = Field(
        None,
        alias="hardware-address",
        description="The client's hardware address, in hexadecimal.",
        examples=["00:0c:01:02:03:04"],
    )
    hardware_type: int = Field(
        1,
        alias="hardware-type",
        description="The type of that address (`htype`), IANA's number; 1 is Ethernet.",
        examples=[6],
        json_schema_extra=_beside(hardware_address="00:0c:01:02:03:04"),
    )
    client_id: str | None = Field(
        None,
        alias="client-id",
        description="The client identifier that the client sends (option 61): hexadecimal, or a text in quotation "
        "marks of its own.",
        examples=["ff:00:00:00:01:00:03:00:01:00:0c:01:02:03:04"],
    )
    circuit_id: str | None = Field(
        None,
        alias="circuit-id",
        description="What the relay agent says of where the client is (option 82, sub-option 1): a text, or "
        "hexadecimal after `0x`.",
        examples=["eth0/1"],
    )
    remote_id: str | None = Field(
        None,
        alias="remote-id",
        description="What the relay agent says of who the client is (option 82, sub-option 2): a text, or "
        "hexadecimal after `0x`.",
        examples=["0x000c01020304"],
    )
    option: _Option | None = Field(
        None,
        description="Any other option, by name or number, whose value says which client it is.",
        examples=["uuid-guid"],
        json_schema_extra=_beside(option_value="type=0 identifier=00112233445566778899aabbccddeeff"),
    )
    suboption: _Option | None = Field(
        None,
        description="The sub-option within `option`, by name or number, whose value it is instead.",
        examples=["subscriber-id"],
        json_schema_extra=_beside(option="dhcp-agent-options", option_value="customer-7"),
    )
    enterprise: int | None = Field(
        None,
        description="The enterprise number of the vendor whose part of `option` (124 or 125) it is.",
        examples=[4491],
        json_schema_extra=_beside(option="vivco-suboptions", option_value="docsis3.0"),
    )
    option_value: Any = Field(
        None,
        alias="option-value",
        description="The value of `option` that the client sends, written as in `options`.",
        examples=["printer-7"],
        json_schema_extra=_beside(option="host-name"),
    )
    address: str | None = Field(
        None,
        description="The address that is kept: within the subnet's network, whether in its pools or not. Without it, "
        "the client gets one of the pools, and what else the reservation says.",
        examples=["10.0.0.9"],
        json_schema_extra=_beside(hardware_address="00:0c:01:02:03:04"),
    )
    hostname: str | None = Field(
        None,
        description="The client's name, whatever it calls itself.",
        examples=["printer"],
        json_schema_extra=_beside(hardware_address="00:0c:01:02:03:04"),
    )
    classes: list[str] = Field(
        [],
        description="Classes that the client belongs to, whatever their tests say.",
        examples=[["staff"]],
        json_schema_extra=_beside(hardware_address="00:0c:01:02:03:04"),
    )


class PoolTable(ScopeTable):
    """Addresses that are given out, with more to say about them than `pools` can."""

    range: str = Field(
        description="The addresses: a range, ends included, or a prefix.",
        examples=["10.2.0.0-10.2.0.255"],
    )
    classes: list[str] = Field(
        [],
        description="If any, only clients that belong to one of these classes get an address from here.",
        examples=[["telephones"]],
        json_schema_extra=_beside(range="10.2.0.0/24"),
    )


class SubnetTable(ScopeTable):
    """A network whose clients get addresses. There is at least one, here or in a `[[shared-network]]`."""

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
    exclude: list[str] = Field(
        [],
        description="Addresses that are given out of no pool: ranges, prefixes or single ones.",
        examples=[["10.1.0.1", "10.1.9.0/24"]],
    )
    interface: str = Field(
        "",
        description="The interface whose clients are of this subnet, whatever addresses the interface itself has.",
        examples=["eth1"],
    )
    relays: list[str] = Field(
        [],
        description="Addresses of relay agents (`giaddr`) whose clients are of this subnet. One within the network "
        "need not be listed.",
        examples=[["192.0.2.1"]],
    )
    classes: list[str] = Field(
        [],
        description="If any, only clients that belong to one of these classes are of this subnet.",
        examples=[["staff"]],
    )
    match_client_id: bool = Field(
        True,
        alias="match-client-id",
        description="Whether a client is known by its client identifier (option 61) where it sends one. `false` is for "
        "networks where machines change theirs, such as those that boot several systems: there the hardware address "
        "counts.",
        examples=[False],
    )
    rapid_commit: bool = Field(
        False,
        alias="rapid-commit",
        description="Whether a client that asks for it (option 80) has its address after two messages instead of four "
        "(RFC 4039).",
        examples=[True],
    )
    bootp: bool = Field(
        False,
        description="Whether BOOTP clients without a reservation get addresses, which they then have for ever.",
        examples=[True],
    )
    pool: list[PoolTable] = Field([], description="Pools with classes, options or lease times of their own.")
    reservation: list[ReservationTable] = []


class SharedNetworkTable(ScopeTable):
    """Several subnets on one link: a client of one gets an address of another where its own has none left."""

    name: str = Field(description="What log records and explanations call it.", examples=["hall"])
    interface: str = Field(
        "",
        description="The interface whose clients are of this network.",
        examples=["eth1"],
        json_schema_extra=_beside(name="hall"),
    )
    relays: list[str] = Field(
        [],
        description="Addresses of relay agents (`giaddr`) whose clients are of this network.",
        examples=[["192.0.2.1"]],
        json_schema_extra=_beside(name="hall"),
    )
    classes: list[str] = Field(
        [],
        description="If any, only clients that belong to one of these classes are of this network.",
        examples=[["staff"]],
        json_schema_extra=_beside(name="hall"),
    )
    subnet: list[SubnetTable] = Field(
        [], description="A subnet of the shared network: they are tried in their order. There is at least one."
    )


class ClassTable(ScopeTable):
    """A kind of client; see [Classes of clients](classes.md)."""

    name: str = Field(
        description="What guards, reservations and other classes' tests call it. `ALL`, `KNOWN` and `UNKNOWN` exist by "
        "themselves.",
        examples=["staff"],
    )
    test: dict[str, Any] | None = Field(
        None,
        description="Which clients belong to it. Without it, and without `function`, those whose reservation says so.",
        examples=[{"option": "host-name", "prefix": "staff-"}],
        json_schema_extra=_beside(name="staff"),
    )
    function: str | None = Field(
        None,
        description="A Python function that says so instead: it gets the packet, and returns whether the client "
        "belongs to the class. `python:`, the module's name, `:`, and the function's; the module is looked for in "
        "this file's folder too, and is imported whenever the file is read.",
        examples=["python:kiosks:is_kiosk"],
        json_schema_extra=_beside(name="kiosks"),
    )
    drop: bool = Field(
        False,
        description="Whether what these clients send is dropped.",
        examples=[True],
        json_schema_extra=_beside(name="unwanted", test={"field": "hardware-address", "prefix": "de:ad:be"}),
    )


class OptionDefinitionTable(Table):
    """An option, or a sub-option, of your own: everywhere in the file it can be given by its name."""

    code: int = Field(
        description="Its number, 1 to 254; 224 to 254 are for private use.",
        examples=[224],
        json_schema_extra=_beside(name="asset-tag", type="string"),
    )
    name: str = Field(
        description="Its name: small letters, digits and hyphens; not another option's.",
        examples=["asset-tag"],
        json_schema_extra=_beside(code=224),
    )
    type: str = Field(
        "",
        description=f"The type of its value: {', '.join(f'`{name}`' for name in TYPE_NAMES)}. Where nothing is said it "
        "is `binary`.",
        examples=["ipv4-address"],
        json_schema_extra=_beside(code=225, name="badge-reader"),
    )
    array: bool = Field(
        False,
        description="Whether the option holds several such values, one after the other.",
        examples=[True],
        json_schema_extra=_beside(code=226, name="badge-readers", type="ipv4-address"),
    )
    record: list[str] = Field(
        [],
        description="The types of a record's fields.",
        examples=[["uint8", "ipv4-address"]],
        json_schema_extra=_beside(code=227, name="badge-door", type="record"),
    )
    encapsulates: str = Field(
        "",
        description="The space of the sub-options that make up its value, in the place of a type. Naming it here makes "
        "it.",
        examples=["door-options"],
        json_schema_extra=_beside(code=228, name="door-options"),
    )
    space: str = Field(
        DHCP4,
        description="The space that it belongs to: that of DHCP's own options, that of the sub-options of another, or "
        "`vendor-N`, those of the vendor with the enterprise number N in option 125.",
        examples=["vendor-32473"],
        json_schema_extra=_beside(code=1, name="building", type="string"),
    )


class Document(ScopeTable):
    """The file."""

    server: ServerTable = Field(default_factory=ServerTable)
    leases: LeasesTable = Field(default_factory=LeasesTable)
    callouts: CalloutsTable = Field(default_factory=CalloutsTable)
    subnet: list[SubnetTable] = []
    shared_network: list[SharedNetworkTable] = Field([], alias="shared-network")
    class_: list[ClassTable] = Field([], alias="class")
    reservation: list[ReservationTable] = Field(
        [], description="What is kept for a client whatever its subnet is. A reservation in its subnet counts first."
    )
    option_definition: list[OptionDefinitionTable] = Field([], alias="option-definition")


def fields(table: type[Table]) -> Mapping[str, FieldInfo]:
    """A table's fields by the names of their keys, its own before those of every scope."""
    own_first = sorted(table.model_fields.items(), key=lambda item: item[0] in ScopeTable.model_fields)
    return {field.alias or name: field for name, field in own_first}


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
