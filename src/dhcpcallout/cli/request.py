"""``dhcpcallout request``: one real exchange with a server."""

from typing import TYPE_CHECKING, Annotated

import typer

from .text import printable

if TYPE_CHECKING:
    from ..client import ClientLease

__all__ = ["request"]


def request(
    server: Annotated[str, typer.Argument(metavar="HOST[:PORT]", help="The server's address; port 67 if none.")],
    mac: Annotated[str, typer.Option(help="The hardware address to lease for; a random one if none.")] = "",
    hostname: Annotated[str, typer.Option(help="The host name to send (option 12).")] = "",
    renew: Annotated[str, typer.Option(metavar="ADDRESS", help="Renew this address instead of leasing one.")] = "",
    release: Annotated[bool, typer.Option("--release", help="Give the address back at once.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for each answer, at first.", min=0.01)] = 1.0,
) -> None:
    """Lease an address and print what the server granted.

    Exit status 1, and the reason, where the server refuses or stays silent.
    """
    from ipaddress import IPv4Address

    from ..client import Client
    from ..engine.clients import parse_hardware_address

    host, _, port = server.partition(":")
    try:
        address = IPv4Address(renew) if renew else None
        hardware_address = parse_hardware_address(mac) if mac else None
        port_number = int(port) if port else 67
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with Client(host, port_number, hardware_address=hardware_address, hostname=hostname, timeout_s=timeout) as client:
        lease = client.renew(address) if address else client.lease()
        if release:
            client.release(lease)
        typer.echo(_json(lease, released=release) if as_json else _text(lease, released=release))


def _options(lease: "ClientLease") -> dict[str, str]:
    from ..wire import REGISTRY

    told = {}
    for code in lease.packet.options:
        option = lease.packet.option(code)
        if option is not None:
            told[REGISTRY.spec(code).name] = option.text
    return told


def _json(lease: "ClientLease", *, released: bool) -> str:
    import json

    return json.dumps(
        {
            "address": str(lease.address),
            "server": str(lease.server),
            "lease-time": lease.lease_time_s,
            "hardware-address": lease.packet.chaddr.hex(":"),
            "released": released,
            "options": _options(lease),
        }
    )


def _text(lease: "ClientLease", *, released: bool) -> str:
    lines = [f"{lease.address} from {lease.server} for {lease.packet.chaddr.hex(':')}, {lease.lease_time_s} s"]
    lines += [f"  {name}: {text}" for name, text in _options(lease).items()]
    if released:
        lines.append("released")
    return "\n".join(map(printable, lines))
