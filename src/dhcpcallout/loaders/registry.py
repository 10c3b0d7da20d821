"""The registry rule of Microsoft DHCP Server: which entries of ``CalloutDlls`` are loaded, and in which order.

Where the two values come from is no matter here: a configuration file, the Windows registry or a program.
"""

import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from ..codes import EventId
from ..errors import CalloutInitError, CalloutLoadError
from ..hooks import Callout, CalloutEntry
from .isolated import IsolatedLoader, Isolation
from .native import NativeLoader
from .python import PythonLoader

__all__ = [
    "Attempt",
    "LoadResult",
    "Loader",
    "Policy",
    "Registry",
    "default_loaders",
    "load_callout",
    "load_callouts",
    "ordered",
    "resolve",
]

_log = logging.getLogger(__name__)

Policy = Literal["first", "all"]
"""Who loads the entries after the first that loads: that callout itself ("first"), or the server ("all")."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
"""What tells an entry that is no path, as in ``python:module``; one letter alone is a Windows drive."""


@runtime_checkable
class Loader(Protocol):
    """What makes a ``Callout`` of an entry.

    Attributes:
        name: What log records and listings call it.
    """

    name: str

    def accepts(self, entry: str) -> bool:
        """Whether the entry, by its looks alone, is this loader's."""

    def load(self, entry: str, call: CalloutEntry) -> Callout:
        """Load the callout, and tell it what ``call`` says.

        Args:
            entry: The entry; a path is absolute.
            call: The chain that comes after it, and the newest version of the ABI.

        Returns:
            The callout; its ``close`` gives back what loading it took.

        Raises:
            CalloutInitError: The callout's own code raised something.
            CalloutLoadError: It cannot be loaded.
        """


@dataclass(frozen=True, slots=True)
class Registry:
    """The values that say which callouts there are, as they were when the server started.

    Attributes:
        dlls: ``CalloutDlls``: paths ending in .dll, .so, .dylib or .py, and ``python:package.module``.
        enabled: ``CalloutEnabled``: 0 disables them all, another number enables them, None is for a value that is
            not there, which disables too.
        policy: ``first``, as Microsoft's server does, or ``all``.
        isolation: How the callouts are kept apart from the server.
        isolations: The same for those entries for which it is otherwise.
    """

    dlls: Sequence[str] = ()
    enabled: int | None = None
    policy: Policy = "first"
    isolation: Isolation = field(default_factory=Isolation)
    isolations: Mapping[str, Isolation] = field(default_factory=dict)

    def isolation_of(self, entry: str) -> Isolation:
        """How the callout of an entry is kept apart."""
        return self.isolations.get(entry, self.isolation)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one entry.

    Attributes:
        entry: As it is in the list.
        loader: The name of the loader that it is for, or None where no loader accepts it.
        callout: The callout, or None where it was not loaded.
        event_id: LOADED, LOAD_FAILED or LOAD_EXCEPTION; None where it was not tried.
        reason: Why it was not loaded, or not tried; else "".
    """

    entry: str
    loader: str | None
    callout: Callout | None = None
    event_id: EventId | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What became of a list.

    Attributes:
        attempts: One an entry, in the order in which they are tried.
    """

    attempts: tuple[Attempt, ...]

    @property
    def callouts(self) -> tuple[Callout, ...]:
        """The callouts that were loaded, in the order in which their functions are called."""
        return tuple(attempt.callout for attempt in self.attempts if attempt.callout is not None)

    def close(self) -> None:
        """Close the callouts, the last one first; after STOP, when no hook is called any more."""
        for callout in reversed(self.callouts):
            callout.close()


def default_loaders(base_directory: Path) -> tuple[Loader, ...]:
    """The loaders that there are: native and Python."""
    return NativeLoader(), PythonLoader(base_directory)


def load_callouts(
    registry: Registry, *, base_directory: str | os.PathLike[str] | None = None, loaders: Sequence[Loader] | None = None
) -> LoadResult:
    """Load what the registry says; nothing that a callout does wrong is raised.

    The entries are tried in order. With policy ``first`` the first that loads ends the search, and the names after
    it are its chain. With policy ``all`` each is tried, and none gets a chain: the server calls them all itself.

    Args:
        registry: The values.
        base_directory: What relative paths are relative to, and where ``python:`` modules are found that
            ``sys.path`` does not have: the configuration file's folder. The current directory by default.
        loaders: Who may load an entry, the first that accepts it does; ``default_loaders`` by default.
    """
    base = _absolute(base_directory)
    loaders = default_loaders(base) if loaders is None else loaders
    entries = ordered(registry.dlls)
    if not registry.enabled:
        return LoadResult(_all_disabled(entries, registry.enabled, loaders))
    attempts: list[Attempt] = []
    winner = ""
    for place, entry in enumerate(entries):
        if winner:
            reason = f"not tried: it is in the chain that {winner} was given"
            attempts.append(Attempt(entry, _name_of_loader(entry, loaders), reason=reason))
            continue
        rest = entries[place + 1 :] if registry.policy == "first" else ()
        chain = tuple(resolve(name, base) for name in rest if _is_name(name))
        isolated = _isolated(loaders, registry.isolation_of(entry), base)
        attempt = _attempt(entry, CalloutEntry(chain), base, isolated)
        attempts.append(attempt)
        if registry.policy == "first" and attempt.callout is not None:
            winner = entry
    return LoadResult(tuple(attempts))


def load_callout(
    entry: str,
    *,
    chain: Sequence[str] = (),
    base_directory: str | os.PathLike[str] | None = None,
    loaders: Sequence[Loader] | None = None,
) -> Callout:
    """Load one callout, whatever a registry says: for programs, and for callouts that load their chain.

    Args:
        entry: Its entry.
        chain: The names that it is to load itself.
        base_directory: As in ``load_callouts``.
        loaders: As in ``load_callouts``.

    Raises:
        CalloutInitError: The callout's own code raised something.
        CalloutLoadError: It cannot be loaded.
    """
    base = _absolute(base_directory)
    loaders = default_loaders(base) if loaders is None else loaders
    return _load(entry, CalloutEntry(tuple(resolve(name, base) for name in chain)), base, loaders)


def ordered(entries: Iterable[str]) -> tuple[str, ...]:
    """Entries in the order in which they are tried, each once: ordinal, upper and lower case alike.

    As Windows orders names: by UTF-16 units, each letter in its upper case. Those that differ by case alone are
    ordered by their code units.
    """
    return tuple(sorted(set(entries), key=lambda entry: (_units(_upper(entry)), _units(entry))))


def resolve(entry: str, base_directory: Path) -> str:
    """An entry with its path made absolute; the name of a module stays as it is."""
    return entry if _SCHEME.match(entry) else os.path.abspath(base_directory / entry)


def _upper(text: str) -> str:
    # A letter without an upper case of one character (ß) stays as it is, as in Windows's table.
    return "".join(upper if len(upper := letter.upper()) == 1 else letter for letter in text)


def _units(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def _absolute(base_directory: str | os.PathLike[str] | None) -> Path:
    return Path(base_directory or "").absolute()


def _is_name(entry: str) -> bool:
    """Whether an entry can stand in a REG_MULTI_SZ and be read back."""
    return bool(entry.strip()) and "\0" not in entry


def _loader_of(entry: str, loaders: Sequence[Loader]) -> Loader | None:
    return next((loader for loader in loaders if _is_name(entry) and loader.accepts(entry)), None)


def _isolated(loaders: Sequence[Loader], isolation: Isolation, base: Path) -> Sequence[Loader]:
    if isolation.mode == "none":
        return loaders
    return [IsolatedLoader(loader, isolation, base) for loader in loaders]


def _name_of_loader(entry: str, loaders: Sequence[Loader]) -> str | None:
    loader = _loader_of(entry, loaders)
    return loader.name if loader is not None else None


def _load(entry: str, call: CalloutEntry, base: Path, loaders: Sequence[Loader]) -> Callout:
    loader = _loader_of(entry, loaders)
    if loader is None:
        raise CalloutLoadError(
            f"{entry!r} is no callout: a native one's path ends in .dll, .so or .dylib; "
            "a Python one is python:package.module, or a path that ends in .py"
        )
    return loader.load(resolve(entry, base), call)


def _attempt(entry: str, call: CalloutEntry, base: Path, loaders: Sequence[Loader]) -> Attempt:
    name = _name_of_loader(entry, loaders)
    try:
        callout = _load(entry, call, base, loaders)
    except CalloutLoadError as error:
        raised = isinstance(error, CalloutInitError)
        event_id = EventId.CALLOUT_LOAD_EXCEPTION if raised else EventId.CALLOUT_LOAD_FAILED
        _log.error("callout not loaded: %s", error, exc_info=raised, extra={"event_id": int(event_id)})
        return Attempt(entry, name, event_id=event_id, reason=str(error))
    event_id = EventId.CALLOUT_LOADED
    slots = ", ".join(callout.functions) or "none"
    _log.info("callout %s loaded; its slots: %s", entry, slots, extra={"event_id": int(event_id)})
    return Attempt(entry, name, callout, event_id)


def _all_disabled(entries: Sequence[str], enabled: int | None, loaders: Sequence[Loader]) -> tuple[Attempt, ...]:
    reason = "CalloutEnabled is 0" if enabled is not None else "CalloutEnabled is not there; 1 enables the callouts"
    if entries and enabled is None:
        _log.warning("the %d callouts in CalloutDlls are disabled: %s", len(entries), reason)
    return tuple(Attempt(entry, _name_of_loader(entry, loaders), reason=f"not tried: {reason}") for entry in entries)
