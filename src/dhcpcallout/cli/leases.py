"""``dhcpcallout leases``: what is in the lease store, beside a running server or without one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .text import printable

if TYPE_CHECKING:
    from ..leases import Lease

__all__ = ["leases"]

leases = typer.Typer(name="leases", help="Look into the lease store.", no_args_is_help=True)


@leases.command("list")
def list_(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="FILE", help="The configuration file that names the store.")
    ] = None,
    store: Annotated[str | None, typer.Option(metavar="URL", help="The store itself, for example sqlite:PATH.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a lease, each on a line.")] = False,
) -> None:
    """Print the leases that are durable now, by address.

    Nothing is changed, and a running server is not held up. Times are UTC; in JSON they are seconds of Unix time, and
    null is never.
    """
    import sys
    import time

    from ..stores import read_leases

    if (config is None) == (store is None):
        raise typer.BadParameter("give either --config or --store")
    if config is not None:
        from ..config import load_config

        store = load_config(config).store
    rows = read_leases(store or "")
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a terminal that is not UTF-8
    if as_json:
        import json

        sys.stdout.writelines(json.dumps(_describe(row)) + "\n" for row in rows)
    else:
        now = time.time()
        sys.stdout.write(_line("ADDRESS", "HARDWARE ADDRESS", "STATE", "EXPIRES", "HOSTNAME"))
        sys.stdout.writelines(_tabulate(row, now) for row in rows)


def _describe(lease: "Lease") -> dict[str, Any]:
    from ..codes import INFINITE

    return {
        "address": str(lease.address),
        "state": _state(lease),
        "hardware-type": lease.hardware_type,
        "hardware-address": lease.hardware_address.hex(":"),
        "client-key": lease.client_key.hex(":"),
        "hostname": lease.hostname,
        "starts": lease.starts_s,
        "expires": None if lease.expires_s == INFINITE else lease.expires_s,
        "relay-information": lease.relay_information.hex(":"),
    }


def _tabulate(lease: "Lease", now: float) -> str:
    from datetime import UTC, datetime

    from ..codes import INFINITE
    from ..leases import LeaseState

    ended = lease.state == LeaseState.ACTIVE and not lease.is_active(now)
    expires = f"{datetime.fromtimestamp(lease.expires_s, UTC):%Y-%m-%d %H:%M:%S}"
    return _line(
        str(lease.address),
        lease.hardware_address.hex(":") or "-",
        "expired" if ended else _state(lease),
        "never" if lease.expires_s == INFINITE else expires,
        printable(lease.hostname),
    )


def _line(address: str, hardware_address: str, state: str, expires: str, hostname: str) -> str:
    return f"{address:<15}  {hardware_address:<17}  {state:<8}  {expires:<19}  {hostname}".rstrip() + "\n"


def _state(lease: "Lease") -> str:
    from ..leases import LeaseState

    return LeaseState(lease.state).name.lower()
