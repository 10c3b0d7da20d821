"""``dhcpcallout callouts``: the commands about callouts, one module each, registered here."""

import typer

from .callouts_list import list_
from .callouts_verify import verify

__all__ = ["callouts"]

callouts = typer.Typer(name="callouts", help="Look into callouts.", no_args_is_help=True)
callouts.command("list")(list_)
callouts.command()(verify)
