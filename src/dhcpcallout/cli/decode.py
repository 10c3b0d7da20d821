"""``dhcpcallout decode``: the DHCP messages of a capture file, for people or as JSON."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["decode"]


def decode(
    file: Annotated[Path | None, typer.Argument(help="A pcap, pcapng or snoop file; - for standard input.")] = None,
) -> None:
    """Print the DHCP messages of a capture file."""
    from ..wire import decode as decode_message

    if file is None:
        raise typer.BadParameter("name a capture file")
    decode_message(file.read_bytes())
