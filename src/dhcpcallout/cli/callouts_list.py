"""``dhcpcallout callouts list``: which callouts a server would try, in which order, and what becomes of each."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .text import printable

if TYPE_CHECKING:
    from ..loaders import Attempt, Registry

__all__ = ["list_"]


class Policy(StrEnum):
    """Who loads the entries after the first that loads."""

    FIRST = "first"
    ALL = "all"


def list_(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="FILE", help="A configuration file: its list.")
    ] = None,
    registry: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A .reg file that a Windows machine has exported: its list.")
    ] = None,
    windows: Annotated[bool, typer.Option("--windows", help="The list in the registry of this machine.")] = False,
    load: Annotated[
        bool,
        typer.Option(
            "--load/--no-load",
            help="Whether to load them, which runs their code: each in a process of its own, which is ended at once.",
        ),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    policy: Annotated[Policy, typer.Option(help="As in a configuration file, for the other lists.")] = Policy.FIRST,
    path_map: Annotated[
        list[str] | None,
        typer.Option(
            metavar="THERE=HERE", help=r"As there: what a folder such as C:\Callouts is here. May be repeated."
        ),
    ] = None,
    code_page: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="The code page of a .reg file in the old format.")
    ] = None,
) -> None:
    """Print where the list of callouts comes from, its order, and for each callout what became of it, and why.

    Callouts are loaded as a server does it, but for the process that each has: their start-up code runs, beside a
    server that may be running; no hook is called. --no-load runs nothing, and tells what is known beforehand.

    Exit status: 1 if a callout that is to be loaded cannot be, or was refused; 2 for mistakes in usage or
    configuration; else 0, also where nothing is enabled.
    """
    import sys

    if [config is not None, registry is not None, windows].count(True) != 1:
        raise typer.BadParameter("give one of --config, --registry and --windows")
    values, folder = _values(config, registry, policy, path_map or [], code_page)
    attempts = _attempts(values, folder, load)
    described = [_describe(attempt, values) for attempt in attempts]
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a terminal that is not UTF-8
    if as_json:
        import json

        whole = {"source": values.source, "enabled": values.enabled, "policy": values.policy, "callouts": described}
        sys.stdout.write(json.dumps(whole) + "\n")
    else:
        sys.stdout.writelines(f"{printable(line)}\n" for line in _table(values, described))
    if any(one["state"] == "not loaded" for one in described):
        raise typer.Exit(1)


def _values(
    config: Path | None, registry: Path | None, policy: Policy, path_map: list[str], code_page: int | None
) -> "tuple[Registry, Path]":
    """The list, and where its Python modules are looked for."""
    from dataclasses import replace

    from ..loaders import read_reg_file, read_windows_registry

    if config is not None:
        from ..config import load_config

        settings = load_config(config)
        return settings.callouts, settings.base_directory
    values = read_reg_file(registry, code_page=code_page) if registry is not None else read_windows_registry()
    places = {}
    for pair in path_map:
        there, equals, here = pair.partition("=")
        if not equals or not there.strip("/\\ "):
            raise typer.BadParameter(f"{pair!r} is not THERE=HERE", param_hint="--path-map")
        places[there] = here
    return replace(values, policy=policy.value, path_map=places), Path()


def _attempts(registry: "Registry", folder: Path, load: bool) -> "tuple[Attempt, ...]":
    import os
    from dataclasses import replace

    from ..loaders import Isolation, examine_callouts, load_callouts

    if not load and registry.enabled:
        return examine_callouts(registry, base_directory=folder)

    def apart(isolation: Isolation) -> Isolation:
        # What a server would load into itself finds the server's own Python and environment.
        return isolation if isolation.mode == "process" else Isolation("process", environment=dict(os.environ))

    isolated = {name: apart(one) for name, one in registry.isolations.items()}
    registry = replace(registry, isolation=apart(registry.isolation), isolations=isolated)
    with _silence():
        result = load_callouts(registry, base_directory=folder)
        result.close()
    return result.attempts


@contextmanager
def _silence() -> Iterator[None]:
    """Log nothing: the table says it all."""
    logger, handler = logging.getLogger("dhcpcallout"), logging.NullHandler()
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates


def _describe(attempt: "Attempt", registry: "Registry") -> dict[str, Any]:
    if attempt.callout is not None:
        state = "loaded"
    elif attempt.event_id is not None:
        state = "not loaded"
    else:
        state = "not tried" if attempt.reason else "to be tried"
    return {
        "entry": attempt.entry,
        "path": attempt.path,
        "loader": attempt.loader,
        "isolation": registry.isolation_of(attempt.entry).mode,
        "state": state,
        "event-id": None if attempt.event_id is None else int(attempt.event_id),
        "reason": attempt.reason.removeprefix("not tried: "),
        "sha256": attempt.sha256,
        "slots": list(attempt.callout.functions) if attempt.callout is not None else [],
    }


def _table(registry: "Registry", described: list[dict[str, Any]]) -> Iterator[str]:
    yield f"The list is that of {registry.source}."
    enabled = "not there, which disables them" if registry.enabled is None else registry.enabled
    yield f"CalloutEnabled is {enabled}; the policy is {registry.policy}."
    if not described:
        yield "CalloutDlls names no callouts."
        return
    yield ""
    yield _line("", "STATE", "LOADER", "EVENT", "CALLOUT")
    for number, one in enumerate(described, 1):
        yield _line(str(number), one["state"], one["loader"] or "-", str(one["event-id"] or "-"), one["entry"])
        details = {
            "file": one["path"] if one["path"] != one["entry"] else "",
            "slots": ", ".join(one["slots"]) or ("none" if one["state"] == "loaded" else ""),
            "sha256": one["sha256"],
            "why": one["reason"],
        }
        for name, text in details.items():
            if text:
                yield f"     {name:<6}  {text}"


def _line(number: str, state: str, loader: str, event: str, entry: str) -> str:
    return f"{number:>3}  {state:<11}  {loader:<6}  {event:<5}  {entry}"
