"""``dhcpcallout explain``: what a server with a configuration would do with a message, and why."""

from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import CaptureError
from .decode import open_input, parse_hex
from .text import printable

if TYPE_CHECKING:
    from ..config import Settings
    from ..engine import Arrival, Engine
    from ..engine.plan import Plan
    from ..hooks import HookTable
    from ..transports.dissect import Datagram

__all__ = ["explain"]

_CLIENT_PORT, _SERVER_PORT = 68, 67


def explain(
    config: Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration file.")],
    hex_: Annotated[str | None, typer.Option("--hex", metavar="HEX", help="The message, in hexadecimal.")] = None,
    pcap: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A capture file that holds it; - is standard input.")
    ] = None,
    frame: Annotated[
        int | None, typer.Option(min=1, help="The number of its frame there; the first message to a server if none.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    interface: Annotated[str, typer.Option(metavar="NAME", help="The interface where it arrives.")] = "",
    from_: Annotated[str, typer.Option("--from", metavar="ADDRESS[:PORT]", help="Where it comes from.")] = "",
    to: Annotated[str, typer.Option(metavar="ADDRESS[:PORT]", help="The server's address that it reaches.")] = "",
    no_leases: Annotated[
        bool, typer.Option("--no-leases", help="Leave out the leases on disk, as if there were none yet.")
    ] = False,
) -> None:
    """Tell what the server would do with a message, and why: classes, subnet, address, options, destination.

    Nothing is sent, changed or loaded: the leases are read beside a running server, whose offers are in its memory
    alone, and the callouts are named, not asked.
    """
    import json
    import sys
    import time

    from ..config import load_config
    from ..engine import Engine

    if (hex_ is None) == (pcap is None):
        raise typer.BadParameter("give either --hex or --pcap")
    if frame is not None and pcap is None:
        raise typer.BadParameter("it is a frame of a --pcap", param_hint="--frame")
    settings = load_config(config)
    captured = _read_frame(pcap, frame) if pcap is not None else None
    message = captured.payload if captured is not None else parse_hex(hex_ or "")
    arrival = _arrival(settings, message, captured, interface, from_, to)
    listening = (int(IPv4Address(host)) for host, _ in settings.listen if host != "0.0.0.0")
    engine = Engine(
        settings.networks,
        defaults=settings.defaults,
        classes=settings.classes,
        reservations=settings.reservations,
        hooks=_unloaded(settings),
        authoritative=settings.authoritative,
        server_addresses=(arrival.server_address_int, *listening),
        offer_time_s=settings.offer_time_s,
        decline_time_s=settings.decline_time_s,
        leasequery_relays=settings.leasequery_relays,
        registry=settings.registry,
    )
    if not no_leases:
        _load_leases(engine, settings)
    told = engine.explain(message, arrival, time.time())
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a terminal that is not UTF-8
    text = json.dumps(told.to_dict()) if as_json else "\n".join(map(printable, str(told).splitlines()))
    sys.stdout.write(text + "\n")


def _read_frame(path: Path, frame: int | None) -> "Datagram":
    from ..transports.capture import Capture

    with open_input(path) as file:
        try:
            for datagram in Capture(file):
                if datagram.frame == frame or (frame is None and datagram.dst_port == _SERVER_PORT):
                    if datagram.size > len(datagram.payload):
                        size = f"{len(datagram.payload)} of the message's {datagram.size} bytes"
                        typer.echo(f"dhcpcallout: {path}: the capture has {size}", err=True)
                    return datagram
        except CaptureError as error:
            raise CaptureError(f"{path}: {error}") from None
    what = "message to a server" if frame is None else f"DHCP message in frame {frame}"
    raise CaptureError(f"{path}: no {what}")


def _arrival(
    settings: "Settings", message: bytes, captured: "Datagram | None", interface: str, from_: str, to: str
) -> "Arrival":
    """How the message comes in: as the options say, else as it was captured, else as it would most likely be."""
    from ..engine import Arrival
    from ..engine.delivery import is_unicast

    interface = interface or next(iter(settings.interfaces), "")
    if to:
        server_int, port = _parse(to, "--to")
        server_port = port if port is not None else _port_of(settings, server_int)
    elif captured is not None and is_unicast(captured.dst_int):
        server_int, server_port = captured.dst_int, captured.dst_port
    else:
        server_int, server_port = _server(settings, interface)
    if from_:
        source_int, port = _parse(from_, "--from")
        source_port = port if port is not None else _CLIENT_PORT
    elif captured is not None:
        source_int, source_port = captured.src_int, captured.src_port
    else:
        source_int, source_port = _source(message)
    return Arrival(source_int, source_port, server_int, server_port, interface)


def _parse(text: str, option: str) -> tuple[int, int | None]:
    """An address, and the port if one is given."""
    from ..transports import parse_listen

    try:
        host, port = parse_listen(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
    return int(IPv4Address(host)), port if ":" in text else None


def _port_of(settings: "Settings", server_int: int) -> int:
    hosts = (str(IPv4Address(server_int)), "0.0.0.0")
    return next((port for host, port in settings.listen if host in hosts), _SERVER_PORT)


def _server(settings: "Settings", interface: str) -> tuple[int, int]:
    """The address and port of the server for a message that was sent to all.

    What address an interface has, only its machine knows: the first one of the subnet that it serves is taken.
    """
    plan = settings.plan()
    if not interface:
        host, port = settings.listen[0]
        return (int(IPv4Address(host)) if host != "0.0.0.0" else _first_address(plan, interface)), port
    return _first_address(plan, interface), _SERVER_PORT


def _first_address(plan: "Plan", interface: str) -> int:
    subnets = [
        (subnet, interface and interface in (network.interface, subnet.interface))
        for network in plan.networks.networks
        for subnet in network.subnets
    ]
    subnet = next((subnet for subnet, is_served in subnets if is_served), subnets[0][0])
    return subnet.network_int + 1


def _source(message: bytes) -> tuple[int, int]:
    """Where a message comes from that does not say it otherwise: its relay agent, or its client's address, if any."""
    from ..errors import WireError
    from ..wire import decode

    try:
        packet = decode(message)
    except WireError:
        return 0, _CLIENT_PORT
    return (packet.giaddr_int, _SERVER_PORT) if packet.giaddr_int else (packet.ciaddr_int, _CLIENT_PORT)


def _unloaded(settings: "Settings") -> "HookTable":
    """The callouts, with a function on every slot that they may have one on; none is ever called."""
    from ..hooks import ABI_SLOTS, SLOTS, Callout, HookTable
    from ..loaders.python import PREFIX, SUFFIX

    callouts = []
    for name in settings.callouts.entries if settings.callouts.enabled else ():
        callout = Callout(name)
        for slot in SLOTS if name.startswith(PREFIX) or name.lower().endswith(SUFFIX) else ABI_SLOTS:
            callout.register(slot.name, _never_called)
        callouts.append(callout)
    return HookTable(callouts)


def _never_called(event: object) -> None:
    raise AssertionError(f"{event} was announced to a callout that is not loaded")


def _load_leases(engine: "Engine", settings: "Settings") -> None:
    from ..stores import read_leases

    kind, _, path = settings.store.partition(":")
    if kind == "memory":
        typer.echo("dhcpcallout: the leases are in the server's memory: none are known here", err=True)
    elif not Path(path).exists():
        typer.echo(f"dhcpcallout: {path}: not there yet: no leases are known", err=True)
    else:
        engine.load(read_leases(settings.store))
