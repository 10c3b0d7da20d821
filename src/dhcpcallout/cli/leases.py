"""``dhcpcallout leases``: what is in the lease store, looked at and changed, beside a running server or without one."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, NamedTuple

import typer

from .text import printable

if TYPE_CHECKING:
    from ..engine import SharedNetwork, Subnet
    from ..leases import Lease, LeaseChange
    from ..stores.formats import FileFormat, SubnetIds
    from ..stores.transfer import Staging, Tally

__all__ = ["leases"]

leases = typer.Typer(name="leases", help="Look into the lease store, and change what is in it.", no_args_is_help=True)

_ETHERNET = 1
_STDIN = "-"
_MOST_PROBLEMS = 20

_Config = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="The configuration file that names the store.")
]
_Store = Annotated[str | None, typer.Option(metavar="URL", help="The store itself, for example sqlite:PATH.")]
_Control = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="The control socket of the running server, where it is not the usual one."),
]
_Json = Annotated[bool, typer.Option("--json", help="Print a JSON object a lease, each on a line.")]
_Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The IPv4 address.")]
_HardwareAddress = Annotated[
    str | None, typer.Option("--hw-address", metavar="HEX", help="The client's hardware address, 00:0c:01:02:03:04.")
]
_ClientId = Annotated[
    str | None, typer.Option("--client-id", metavar="HEX", help="The client identifier (option 61), ff:00:01.")
]
_Hostname = Annotated[str | None, typer.Option("--hostname", metavar="NAME", help="The client's name.")]


class ExportFormat(StrEnum):
    """What can be written."""

    KEA_CSV = "kea-csv"
    JSON = "json"


class ImportFormat(StrEnum):
    """What can be read."""

    KEA_CSV = "kea-csv"
    ISC = "isc"
    JSON = "json"


@leases.command("list")
def list_(config: _Config = None, store: _Store = None, as_json: _Json = False) -> None:
    """Print the leases that are durable now, by address.

    Nothing is changed, and a running server is not held up. Times are UTC; in JSON they are seconds of Unix time, and
    null is never.
    """
    from ..stores import read_leases

    _print_leases(read_leases(_place(config, store).url), as_json=as_json)


@leases.command()
def get(
    address: Annotated[str | None, typer.Argument(metavar="[ADDRESS]", help="The IPv4 address.")] = None,
    hardware_address: _HardwareAddress = None,
    client_id: _ClientId = None,
    hostname: _Hostname = None,
    config: _Config = None,
    store: _Store = None,
    as_json: _Json = False,
) -> None:
    """Print the leases that are as everything says that is given; exit with 1 where there is none.

    A client without a client identifier is also found by --client-id with its hardware type, 01, before its hardware
    address.
    """
    from itertools import chain

    from ..leases import LeaseQuery
    from ..stores import read_leases

    query = LeaseQuery(
        _parsed_address(address) if address is not None else None,
        _parsed_hex(hardware_address, "--hw-address"),
        _parsed_hex(client_id, "--client-id"),
        hostname,
    )
    if query == LeaseQuery():
        raise typer.BadParameter("give an ADDRESS, --hw-address, --client-id or --hostname")
    rows = iter(read_leases(_place(config, store).url, query=query))
    first = next(rows, None)
    if first is None:
        typer.echo("dhcpcallout: there is no such lease", err=True)
        raise typer.Exit(1)
    _print_leases(chain((first,), rows), as_json=as_json)


@leases.command()
def add(
    address: _Address,
    hardware_address: _HardwareAddress = None,
    client_id: _ClientId = None,
    hostname: _Hostname = None,
    hardware_type: Annotated[int, typer.Option(min=0, max=255, help="IANA's number; 1 is Ethernet.")] = _ETHERNET,
    lease_time: Annotated[str, typer.Option(metavar="SECONDS", help="For how long, or never to end.")] = "3600",
    replace: Annotated[bool, typer.Option("--replace", help="Even if the address is in use.")] = False,
    config: _Config = None,
    store: _Store = None,
    control: _Control = None,
) -> None:
    """Lease an address to a client, from now on; exit with 1 where another lease is in the way."""
    import time
    from math import ceil

    from ..codes import INFINITE
    from ..control.desk import open_desk
    from ..errors import ControlError
    from ..leases import Lease, LeaseState
    from ..stores.formats.common import client_key_of

    place = _place(config, store, control)
    address_int = _parsed_address(address)
    hardware = _parsed_hex(hardware_address, "--hw-address") or b""
    client_key = client_key_of(_parsed_hex(client_id, "--client-id") or b"", hardware_type, hardware)
    if not client_key:
        raise typer.BadParameter("give --hw-address, --client-id or both: whose lease is it to be?")
    if len(hardware) > 16 or len(client_key) > 255:
        raise typer.BadParameter("a hardware address has at most 16 bytes, a client identifier 255")
    if not place.is_inside(address_int):
        raise ControlError(f"{address} is in no subnet of the configuration")
    now = time.time()
    seconds = _parsed_lease_time(lease_time)
    expires_s = INFINITE if seconds is None else ceil(now) + seconds
    lease = Lease(
        address_int,
        client_key,
        hardware_type if hardware else 0,
        hardware,
        int(LeaseState.ACTIVE),
        int(now),
        expires_s,
        hostname or "",
    )
    with open_desk(place.url, place.control) as desk:
        if not desk.add(lease, now, replace=replace):
            raise ControlError(f"{address} is in use; --replace takes it from whom it is leased to")
    typer.echo(f"{address} added")


@leases.command()
def delete(address: _Address, config: _Config = None, store: _Store = None, control: _Control = None) -> None:
    """Forget an address' lease, whoever has it; exit with 1 where there is none.

    The client is not told. A running server tells its callouts.
    """
    from ..control.desk import open_desk

    place = _place(config, store, control)
    with open_desk(place.url, place.control) as desk:
        deleted = desk.delete(_parsed_address(address))
    if not deleted:
        typer.echo(f"dhcpcallout: there is no lease of {address}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{address} deleted")


@leases.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write; - is standard output.")],
    kind: Annotated[ExportFormat, typer.Option("--format", help="What to write.")] = ExportFormat.KEA_CSV,
    subnet_id: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NETWORK=ID",
            help="The id that Kea's configuration has for a subnet; may be repeated. Otherwise the subnets of --config "
            "are counted from 1 on, and with --store all leases are of subnet 1.",
        ),
    ] = None,
    config: _Config = None,
    store: _Store = None,
) -> None:
    """Write all leases to a file.

    kea-csv is what kea-dhcp4 reads at its start from its memfile lease database; json is everything that a lease is.
    """
    import sys

    from ..errors import StoreError
    from ..stores import read_leases
    from ..stores.formats import write_csv, write_jsonl

    place = _place(config, store)
    ids = _subnet_ids(subnet_id or [], place)
    rows = read_leases(place.url)
    lines = write_csv(rows, ids) if kind is ExportFormat.KEA_CSV else write_jsonl(rows)
    try:
        if str(file) == _STDIN:
            sys.stdout.buffer.writelines(lines)
            sys.stdout.flush()
        else:
            with file.open("wb") as stream:
                stream.writelines(lines)
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror or error}") from error


@leases.command("import")
def import_(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="What to read, the newest last; - is standard input.")
    ],
    kind: Annotated[
        ImportFormat | None, typer.Option("--format", help="What they are; otherwise their beginning tells.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take addresses that are in use from whom they are leased to.")
    ] = False,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Import the rest of files some lines of which are wrong.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would happen.")] = False,
    config: _Config = None,
    store: _Store = None,
    control: _Control = None,
) -> None:
    """Take over the leases that files hold: Kea's lease files (kea-csv), ISC dhcpd's (isc), or what export wrote.

    Nothing is imported where a line is wrong, unless --skip-invalid is given. A lease that is there already stays if
    another client uses the address, or if it is the later of the two, unless --replace is given. Leases in no subnet of
    the configuration are left out. The exit status is 1 unless all leases of the files are in the store afterwards, or
    later ones of the same clients.
    """
    import time

    from ..control.desk import open_desk
    from ..stores.transfer import Staging, Tally, merge

    place = _place(config, store, control)
    tally, now = Tally(), time.time()
    with Staging() as staging:
        wrong = _stage(files, kind.value if kind is not None else None, staging)
        if wrong and not skip_invalid:
            typer.echo(f"dhcpcallout: nothing is imported: {wrong} mistakes; --skip-invalid leaves them out", err=True)
            raise typer.Exit(1)

        def changes(existing: "Iterable[Lease]") -> "Iterator[LeaseChange]":
            return merge(staging.leases(), existing, tally, now=now, replace=replace, is_inside=place.is_inside)

        if dry_run:
            for _ in changes(_existing(place)):
                pass
        else:
            with open_desk(place.url, place.control) as desk:
                desk.apply(changes(desk.leases()), tally, replace=replace)
    _print_tally(tally, wrong, "would be added" if dry_run else "added")
    if wrong or tally.kept or tally.outside or tally.refused:
        raise typer.Exit(1)


def _stage(files: Iterable[str], kind: "FileFormat | None", staging: "Staging") -> int:
    """Read files; how many lines of them are wrong."""
    from ..errors import LeaseFileError
    from ..stores.formats import guess_format, read_entries

    wrong = 0
    for name in files:

        def report(line: int, problem: str, name: str = name) -> None:
            nonlocal wrong
            wrong += 1
            if wrong <= _MOST_PROBLEMS:
                typer.echo(f"{name}:{line}: {printable(problem)}", err=True)

        try:
            with _opened(name) as (stream, beginning):
                staging.add(read_entries(stream, kind or guess_format(beginning), report))
        except OSError as error:
            raise LeaseFileError(f"{name}: {error.strerror or error}") from error
        except LeaseFileError as error:
            raise LeaseFileError(f"{name}: {error}") from error
    if wrong > _MOST_PROBLEMS:
        typer.echo(f"and {wrong - _MOST_PROBLEMS} more", err=True)
    return wrong


@contextmanager
def _opened(name: str) -> Iterator[tuple[BinaryIO, bytes]]:
    """A file, or standard input, and how it begins."""
    import sys

    with open(sys.stdin.fileno() if name == _STDIN else name, "rb", closefd=name != _STDIN) as stream:
        yield stream, stream.peek(512)


def _existing(place: "_Place") -> Iterable["Lease"]:
    """What is in the store; nothing where no server has made the file yet."""
    from ..stores import read_leases
    from ..stores.sqlite import has_leases

    path = place.url.partition(":")[2]
    if not path:
        return ()  # in a server's memory
    return read_leases(place.url) if has_leases(path) else ()


def _print_tally(tally: "Tally", wrong: int, added: str) -> None:
    told = [f"{tally.added} {added}", f"{tally.replaced} replaced", f"{tally.unchanged} unchanged"]
    rest = {
        "later already": tally.later,
        "in use by other clients": tally.kept,
        "in no subnet of the configuration": tally.outside,
        "refused by the server": tally.refused,
        "mistakes in the files": wrong,
    }
    told += [f"{number} {what}" for what, number in rest.items() if number]
    typer.echo(f"{tally.read} leases: {', '.join(told)}")
    for problem in tally.problems:
        typer.echo(f"dhcpcallout: {printable(problem)}", err=True)


# What the options say


class _Place(NamedTuple):
    """Where the leases are.

    Attributes:
        url: The store's URL.
        control: Where the control socket of its server is, or None.
        networks: What is served, or None where the configuration is not known.
        is_inside: Whether an address is in a subnet, as far as that is known.
    """

    url: str
    control: Path | None
    networks: "Iterable[Subnet | SharedNetwork] | None"
    is_inside: Callable[[int], bool]


def _place(config: Path | None, store: str | None, control: Path | None = None) -> _Place:
    from ..control.address import control_path
    from ..stores.formats import SubnetIds

    if (config is None) == (store is None):
        raise typer.BadParameter("give either --config or --store")
    if config is not None:
        from ..config import load_config

        settings = load_config(config)
        ids = SubnetIds.in_order(settings.networks, default=0)
        return _Place(settings.store, control or settings.control, settings.networks, lambda at: ids(at) != 0)
    url = store or ""
    path = url.partition(":")[2]
    return _Place(url, control or (control_path(path) if path else None), None, lambda _: True)


def _subnet_ids(given: list[str], place: _Place) -> "SubnetIds":
    from ipaddress import IPv4Network

    from ..stores.formats import SubnetIds

    numbers: dict[IPv4Network, int] = {}
    for one in given:
        network, _, number = one.partition("=")
        try:
            numbers[IPv4Network(network)] = int(number)
        except ValueError:
            raise typer.BadParameter(f"{one!r} is not like 10.0.0.0/8=7", param_hint="--subnet-id") from None
    if numbers or place.networks is None:
        return SubnetIds(numbers)
    return SubnetIds.in_order(place.networks)


def _parsed_address(text: str) -> int:
    from ..stores.formats.common import parse_address

    try:
        return parse_address(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="ADDRESS") from None


def _parsed_hex(text: str | None, option: str) -> bytes | None:
    from ..stores.formats.common import parse_hex

    try:
        return parse_hex(text.replace("-", ":")) if text is not None else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _parsed_lease_time(text: str) -> int | None:
    if text in ("never", "infinite"):
        return None
    if not text.isdecimal() or not 0 < int(text) < 0xFFFFFFFF:
        raise typer.BadParameter(f"{text!r} is not a number of seconds, nor never", param_hint="--lease-time")
    return int(text)


# What is printed


def _print_leases(rows: Iterable["Lease"], *, as_json: bool) -> None:
    import sys
    import time

    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a terminal that is not UTF-8
    if as_json:
        from ..stores.formats import write_jsonl

        sys.stdout.writelines(line.decode() for line in write_jsonl(rows))
    else:
        now = time.time()
        sys.stdout.write(_line("ADDRESS", "HARDWARE ADDRESS", "STATE", "EXPIRES", "HOSTNAME"))
        sys.stdout.writelines(_tabulate(row, now) for row in rows)


def _tabulate(lease: "Lease", now: float) -> str:
    from datetime import UTC, datetime

    from ..codes import INFINITE
    from ..leases import LeaseState

    ended = lease.state == LeaseState.ACTIVE and not lease.is_active(now)
    expires = f"{datetime.fromtimestamp(lease.expires_s, UTC):%Y-%m-%d %H:%M:%S}"
    return _line(
        str(lease.address),
        lease.hardware_address.hex(":") or "-",
        "expired" if ended else LeaseState(lease.state).name.lower(),
        "never" if lease.expires_s == INFINITE else expires,
        printable(lease.hostname),
    )


def _line(address: str, hardware_address: str, state: str, expires: str, hostname: str) -> str:
    return f"{address:<15}  {hardware_address:<17}  {state:<8}  {expires:<19}  {hostname}".rstrip() + "\n"
