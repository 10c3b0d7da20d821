"""``dhcpcallout check``: whether a configuration file is right, without a server."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .text import printable

if TYPE_CHECKING:
    from ..config import Settings

__all__ = ["check"]


def check(
    config: Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration file.")],
) -> None:
    """Print every mistake in a configuration file, or what it configures; no store is opened, no callout loaded.

    The functions of classes are looked up, for which their modules are imported.
    """
    from ..config import load_config

    settings = load_config(config)
    typer.echo(f"{config}: ok")
    for line in _summary(settings):
        typer.echo(f"  {line}")


def _summary(settings: "Settings") -> Iterator[str]:
    from ..engine import SharedNetwork

    places = [*settings.interfaces, *(f"{host}:{port}" for host, port in settings.listen)]
    yield f"listens on {', '.join(places)}"
    planned = settings.plan()
    subnets = planned.networks.subnets
    ranges = (one for subnet in subnets for pool in subnet.pools for one in pool.ranges)
    addresses = sum(last - first + 1 for first, last in ranges)
    reservations = sum(map(len, (planned.reservations, *(subnet.reservations for subnet in subnets))))
    shared = sum(isinstance(network, SharedNetwork) for network in settings.networks)
    yield (
        f"serves {_count(len(subnets), 'subnet')}"
        + (f" ({_count(shared, 'shared network')})" if shared else "")
        + f" with {_count(addresses, 'address', 'addresses')} in pools and {_count(reservations, 'reservation')}"
    )
    if settings.classes:
        yield f"knows {_count(len(settings.classes), 'class', 'classes')} of clients"
    yield f"keeps leases in {settings.store}"
    callouts = settings.callouts
    if not callouts.dlls:
        yield "has no callouts"
    elif not callouts.enabled:
        yield f"has {_count(len(callouts.dlls), 'callout')}, not enabled: CalloutEnabled = 1 enables them"
    else:
        which = "the first that loads" if callouts.policy == "first" else "each that loads"
        yield f"tries these callouts, and calls {which}: {', '.join(map(printable, callouts.entries))}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
