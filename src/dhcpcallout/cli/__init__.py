"""The ``dhcpcallout`` command: one module a subcommand, registered here."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .. import __version__
from ..errors import ConfigError, DhcpCalloutError
from .callouts import callouts
from .check import check
from .decode import decode
from .explain import explain
from .leases import leases
from .request import request
from .sdk import sdk
from .serve import serve

__all__ = ["app", "main"]


class _Commands(TyperGroup):
    """The subcommands. An error that the package raises on purpose ends as a line on stderr, never as a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except DhcpCalloutError as error:
            is_config = isinstance(error, ConfigError)
            for line in str(error).splitlines() or [type(error).__name__]:
                typer.echo(line if is_config else f"dhcpcallout: {line}", err=True)  # file:line: as compilers write it
            raise typer.Exit(2 if is_config else 1) from None


app = typer.Typer(
    cls=_Commands,
    name="dhcpcallout",
    help="A DHCPv4 server with pluggable callouts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dhcpcallout {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A DHCPv4 server with pluggable callouts."""


# A command's module imports at its top nothing but typer and errors: what it works with, it imports where it runs,
# so that `dhcpcallout --help` and every other command start fast.
app.command()(check)
app.command()(decode)
app.command()(explain)
app.command()(request)
app.command()(sdk)
app.command()(serve)
app.add_typer(callouts)
app.add_typer(leases)


def main() -> None:
    """Run the command line: exit status 0, 1 for what failed, 2 for mistakes in usage or configuration."""
    app()
