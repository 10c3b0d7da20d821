"""``dhcpcallout serve``: the server, until it is told to stop."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import logging

    from ..config import Settings

__all__ = ["serve"]


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def serve(
    config: Annotated[Path, typer.Option("--config", "-c", help="The configuration file (TOML).")],
    log_level: Annotated[LogLevel, typer.Option(help="The least severe log records to print.")] = LogLevel.INFO,
) -> None:
    """Serve until SIGTERM or SIGINT (Windows: Ctrl-C or Ctrl-Break); the log goes to standard error."""
    import asyncio
    import logging

    from ..config import load_config

    logging.basicConfig(
        level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(event)s%(message)s", force=True
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(_name_event)
    asyncio.run(_serve(load_config(config)))


def _name_event(record: "logging.LogRecord") -> bool:
    """Put Microsoft's event log id before a record that has one."""
    event_id = getattr(record, "event_id", None)
    record.event = f"[{event_id}] " if event_id is not None else ""
    return True


async def _serve(settings: "Settings") -> None:
    import asyncio
    import signal
    import sys

    from ..server import Server

    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGTERM, signal.SIGINT]
    if sys.platform == "win32":
        numbers.append(signal.SIGBREAK)  # Ctrl-Break
    for number in numbers:
        try:
            loop.add_signal_handler(number, asked_to_stop.set)
        except NotImplementedError:  # Windows: no handlers in the loop
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(asked_to_stop.set))
    async with Server.from_settings(settings) as server:
        _collect_less_often()
        serving = asyncio.create_task(server.serve_forever())
        stopping = asyncio.create_task(asked_to_stop.wait())
        done, _ = await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if serving in done:
            serving.result()
    await serving


def _collect_less_often() -> None:
    """Keep Python's garbage collector from what was made at the start, and from every single turn's objects.

    Those die by themselves; what is in a cycle can wait. It saves one packet's time in 25 (docs/performance.md).
    """
    import gc

    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
