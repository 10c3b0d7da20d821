"""``dhcpcallout callouts list``: which callouts a server would try, in which order."""

from pathlib import Path
from typing import Annotated

import typer

from .text import printable

__all__ = ["list_"]


def list_(
    config: Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration file.")],
) -> None:
    """Print the callouts in the order in which a server tries them."""
    from ..config import load_config
    from ..loaders import ordered

    for entry in ordered(load_config(config).callouts.dlls):
        typer.echo(printable(entry))
