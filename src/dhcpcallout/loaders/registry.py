"""The registry rule of Microsoft DHCP Server: which entries of ``CalloutDlls`` are loaded, and in which order.

Where the two values come from is no matter here: a configuration file, the Windows registry or a program.
"""

import logging
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from ..codes import EventId
from ..errors import CalloutInitError, CalloutLoadError
from ..hooks import Callout, CalloutEntry
from . import trust
from .isolated import IsolatedLoader, Isolation
from .native import NativeLoader
from .python import PREFIX, PythonLoader, module_files

__all__ = [
    "Attempt",
    "LoadResult",
    "Loader",
    "Policy",
    "Registry",
    "default_loaders",
    "examine_callouts",
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
_ENVIRONMENT_STRING = re.compile("%([^%]+)%")
_WINDOWS_PATH = re.compile(r"[A-Za-z]:|\\\\")
"""How a path of another system begins, where this one is no Windows."""


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
        dlls: ``CalloutDlls``: absolute paths ending in .dll, .so, .dylib or .py, and ``python:package.module``. Quotes
            and blanks around one do not count, and environment strings in it (``%ProgramFiles%``) are replaced.
        enabled: ``CalloutEnabled``: 0 disables them all, another number enables them, None is for a value that is
            not there, which disables too.
        policy: ``first``, as Microsoft's server does, or ``all``.
        allow_sha256: The SHA-256 of each file that may be loaded, in hexadecimal; None allows every file that nobody
            else may write to.
        path_map: What folders, or files, of the machine that the list was made on are called here.
        source: Where the values come from, for people.
        isolation: How the callouts are kept apart from the server.
        isolations: The same for those entries for which it is otherwise.
    """

    dlls: Sequence[str] = ()
    enabled: int | None = None
    policy: Policy = "first"
    allow_sha256: Collection[str] | None = None
    path_map: Mapping[str, str] = field(default_factory=dict)
    source: str = field(default="", compare=False)
    isolation: Isolation = field(default_factory=Isolation)
    isolations: Mapping[str, Isolation] = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, policy: Policy = "first", source: str = "") -> "Registry":
        """The values from a mapping with their names in Microsoft's registry, upper and lower case alike.

        Args:
            values: ``{"CalloutDlls": ["/opt/audit.so"], "CalloutEnabled": 1}``. One path need be in no list.
            policy: See above.
            source: See above.

        Raises:
            TypeError: A value is of a type that it cannot have.
            ValueError: A name is neither.
        """
        dlls: Any = ()
        enabled: Any = None
        for name, value in values.items():
            if name.lower() == "calloutdlls":
                dlls = (value,) if isinstance(value, str) else value
            elif name.lower() == "calloutenabled":
                enabled = value
            else:
                raise ValueError(f"{name!r} is neither CalloutDlls nor CalloutEnabled")
        dlls = tuple(dlls) if isinstance(dlls, Iterable) else dlls
        if not isinstance(dlls, tuple) or not all(isinstance(name, str) for name in dlls):
            raise TypeError(f"CalloutDlls is a list of strings, not {dlls!r}")
        if enabled is not None and not isinstance(enabled, int):
            raise TypeError(f"CalloutEnabled is a number, not {enabled!r}")
        return cls(dlls, enabled, policy, source=source)

    @property
    def entries(self) -> tuple[str, ...]:
        """The entries of ``dlls`` without quotes and blanks around them, in the order in which they are tried."""
        return ordered(map(_bare, self.dlls))

    def isolation_of(self, entry: str) -> Isolation:
        """How the callout of an entry is kept apart."""
        others = {_bare(name): isolation for name, isolation in self.isolations.items()}
        return others.get(_bare(entry), self.isolation)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one entry.

    Attributes:
        entry: As it is in the list, without quotes and blanks around it.
        loader: The name of the loader that it is for, or None where no loader accepts it.
        callout: The callout, or None where it was not loaded.
        event_id: LOADED, LOAD_FAILED or LOAD_EXCEPTION; None where it was not tried.
        reason: Why it was not loaded, or not tried; else "".
        path: The file, or the module's name, that the entry stands for here; "" where that cannot be told.
        sha256: That file's SHA-256 in hexadecimal; "" where no file was found, or none that may be loaded.
    """

    entry: str
    loader: str | None
    callout: Callout | None = None
    event_id: EventId | None = None
    reason: str = ""
    path: str = ""
    sha256: str = ""


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

    The entries are tried in order; one that others than root and the user of this process may have written is refused
    (see ``trust``). With policy ``first`` the first that loads ends the search, and the names after it, but for those
    that are refused, are its chain. With policy ``all`` each is tried, and none gets a chain: the server calls them
    all itself.

    Args:
        registry: The values.
        base_directory: Where ``python:`` modules are found that ``sys.path`` does not have: the configuration file's
            folder. The current directory by default.
        loaders: Who may load an entry, the first that accepts it does; ``default_loaders`` by default.
    """
    base = _absolute(base_directory)
    loaders = default_loaders(base) if loaders is None else loaders
    if not registry.enabled:
        return LoadResult(_all_disabled(registry, loaders))
    attempts: list[Attempt] = []
    known = examine_callouts(registry, base_directory=base, loaders=loaders)
    winner = ""
    for place, one in enumerate(known):
        if winner:
            attempts.append(_chained(one, winner))
            continue
        rest = known[place + 1 :] if registry.policy == "first" and not one.reason else ()
        chain = tuple(later.path for later in rest if not later.reason)
        # Once more, as those before it have run: they may have changed where modules are found.
        isolation = registry.isolation_of(one.entry)
        attempt = _load(
            _examine(one.entry, registry, base, loaders), CalloutEntry(chain), _isolated(loaders, isolation, base)
        )
        attempts.append(attempt)
        if registry.policy == "first" and attempt.callout is not None:
            winner = attempt.entry
    return LoadResult(tuple(attempts))


def examine_callouts(
    registry: Registry, *, base_directory: str | os.PathLike[str] | None = None, loaders: Sequence[Loader] | None = None
) -> tuple[Attempt, ...]:
    """What is known of each entry before any is loaded: no code of any is run.

    Args:
        registry: The values; whether they enable anything is no matter.
        base_directory: As in ``load_callouts``.
        loaders: As in ``load_callouts``.

    Returns:
        An attempt an entry, in the order in which they would be tried; with a reason where it would be refused.
    """
    base = _absolute(base_directory)
    loaders = default_loaders(base) if loaders is None else loaders
    return tuple(_examine(entry, registry, base, loaders) for entry in registry.entries)


def load_callout(
    entry: str,
    *,
    chain: Sequence[str] = (),
    base_directory: str | os.PathLike[str] | None = None,
    loaders: Sequence[Loader] | None = None,
) -> Callout:
    """Load one callout, whatever a registry says: for programs, and for callouts that load their chain.

    Args:
        entry: Its entry: an absolute path, or ``python:package.module``.
        chain: The names that it is to load itself.
        base_directory: As in ``load_callouts``.
        loaders: As in ``load_callouts``.

    Raises:
        CalloutInitError: The callout's own code raised something.
        CalloutLoadError: It cannot be loaded.
    """
    base = _absolute(base_directory)
    loaders = default_loaders(base) if loaders is None else loaders
    registry = Registry((entry,))
    paths = []
    for name in (entry, *chain):
        path = resolve(name, base)
        _vouch(path, base, registry)
        paths.append(path)
    loader = _loader_of(paths[0], loaders)
    if loader is None:
        raise CalloutLoadError(_no_callout(entry))
    return loader.load(paths[0], CalloutEntry(tuple(paths[1:])))


def ordered(entries: Iterable[str]) -> tuple[str, ...]:
    """Entries in the order in which they are tried, each once: ordinal, upper and lower case alike.

    As Windows orders names: by UTF-16 units, each letter in its upper case. Those that differ by case alone are
    ordered by their code units.
    """
    return tuple(sorted(set(entries), key=lambda entry: (_units(_upper(entry)), _units(entry))))


def resolve(entry: str, base_directory: Path, path_map: Mapping[str, str] | None = None) -> str:
    """What an entry stands for here: its path, with environment strings replaced; a module's name stays as it is.

    Args:
        entry: The entry, without quotes around it.
        base_directory: Where a relative path might have been meant to begin, for the message.
        path_map: What folders or files of another machine are called here; the longest that fits counts.

    Raises:
        CalloutLoadError: The path is relative, or is one of another system.
    """
    if _SCHEME.match(entry):
        return entry
    path = _mapped(_expanded(entry, os.environ), path_map or {})
    if _SCHEME.match(path):
        return path
    if Path(path).is_absolute():
        return os.path.abspath(path)
    unknown = _ENVIRONMENT_STRING.match(path)
    if os.name == "posix" and (unknown or _WINDOWS_PATH.match(path)):
        what = f"begins with {unknown[0]}, which is not in the environment" if unknown else "is a path of Windows"
        folder = path.rpartition("\\")[0] or path
        raise CalloutLoadError(
            f"{path}: {what}; say where the file is here, "
            f"such as path-map = {{ '{folder}' = \"/opt/callouts\" }} under [callouts]"
        )
    raise CalloutLoadError(
        f"{entry}: is a relative path; write the absolute one: {os.path.abspath(base_directory / path)}"
    )


def _bare(entry: str) -> str:
    text = entry.strip(" \t\r\n")
    return text[1:-1].strip(" \t\r\n") if len(text) > 1 and text[0] == text[-1] == '"' else text


def _expanded(path: str, environment: Mapping[str, str]) -> str:
    """A path with its environment strings replaced as Windows does: cases are alike, and unknown ones stay."""
    known = {name.upper(): value for name, value in environment.items()}
    return _ENVIRONMENT_STRING.sub(lambda found: known.get(found[1].upper(), found[0]), path)


def _mapped(path: str, path_map: Mapping[str, str]) -> str:
    folded = _folded(path)
    for name in sorted(path_map, key=len, reverse=True):
        start = _folded(name).rstrip("\\")
        if folded == start:
            return path_map[name]
        if folded.startswith(f"{start}\\"):
            return os.path.join(path_map[name], path[len(start) + 1 :].replace("\\", "/"))
    return path


def _folded(path: str) -> str:
    return _upper(path).replace("/", "\\")


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


def _loader_name(entry: str, loaders: Sequence[Loader]) -> str | None:
    loader = _loader_of(entry, loaders)
    return loader.name if loader is not None else None


def _no_callout(entry: str) -> str:
    return (
        f"{entry!r} is no callout: a native one's path ends in .dll, .so or .dylib; "
        "a Python one is python:package.module, or a path that ends in .py"
    )


def _vouch(path: str, base: Path, registry: Registry) -> str:
    """Look whether nobody but whom the server trusts can have written what an entry stands for.

    Returns:
        The file's SHA-256; "" where there is no file.

    Raises:
        CalloutLoadError: Somebody else can, or the file is not one of those that are allowed.
    """
    sha256 = ""
    files: Sequence[str] = (path,)
    if _SCHEME.match(path):
        files = module_files(path.removeprefix(PREFIX), base) if path.startswith(PREFIX) else ()
    for place, file in enumerate(files, 1):
        with suppress(FileNotFoundError):  # that is for the loader to say
            trust.check_file(file)
            if place == len(files):
                sha256 = trust.sha256_of(file)
    if registry.allow_sha256 is not None and sha256 not in map(str.lower, registry.allow_sha256):
        what = f"its SHA-256 is {sha256}" if sha256 else "there is no file of it to hash"
        raise CalloutLoadError(f"{path}: is refused: {what}; allow-sha256 allows others")
    return sha256


def _examine(entry: str, registry: Registry, base: Path, loaders: Sequence[Loader]) -> Attempt:
    attempt = Attempt(entry, None)
    try:
        if not _is_name(entry):
            raise CalloutLoadError(_no_callout(entry))
        attempt = replace(attempt, path=resolve(entry, base, registry.path_map))
        attempt = replace(attempt, loader=_loader_name(attempt.path, loaders))
        return replace(attempt, sha256=_vouch(attempt.path, base, registry))
    except CalloutLoadError as error:
        return replace(attempt, event_id=EventId.CALLOUT_LOAD_FAILED, reason=str(error))


def _load(attempt: Attempt, call: CalloutEntry, loaders: Sequence[Loader]) -> Attempt:
    try:
        if attempt.reason:
            raise CalloutLoadError(attempt.reason)
        loader = _loader_of(attempt.path, loaders)
        if loader is None:
            raise CalloutLoadError(_no_callout(attempt.entry))
        callout = loader.load(attempt.path, call)
    except CalloutLoadError as error:
        raised = isinstance(error, CalloutInitError)
        event_id = EventId.CALLOUT_LOAD_EXCEPTION if raised else EventId.CALLOUT_LOAD_FAILED
        _log.error("callout not loaded: %s", error, exc_info=raised, extra={"event_id": int(event_id)})
        return replace(attempt, event_id=event_id, reason=str(error))
    event_id = EventId.CALLOUT_LOADED
    _log.info(
        "callout %s loaded; its slots: %s; SHA-256 %s",
        attempt.path,
        ", ".join(callout.functions) or "none",
        attempt.sha256 or "unknown",
        extra={"event_id": int(event_id)},
    )
    return replace(attempt, callout=callout, event_id=event_id)


def _chained(attempt: Attempt, winner: str) -> Attempt:
    """An attempt at an entry that comes after the one that was loaded."""
    if not attempt.reason:
        return replace(attempt, reason=f"not tried: it is in the chain that {winner} was given")
    reason = f"left out of the chain that {winner} was given: {attempt.reason}"
    _log.error("callout %s", reason, extra={"event_id": int(EventId.CALLOUT_LOAD_FAILED)})
    return replace(attempt, reason=reason)


def _all_disabled(registry: Registry, loaders: Sequence[Loader]) -> tuple[Attempt, ...]:
    reason = (
        "CalloutEnabled is 0" if registry.enabled is not None else "CalloutEnabled is not there; 1 enables the callouts"
    )
    entries = registry.entries
    if entries and registry.enabled is None:
        _log.warning("the %d callouts in CalloutDlls are disabled: %s", len(entries), reason)
    return tuple(Attempt(entry, _loader_name(entry, loaders), reason=f"not tried: {reason}") for entry in entries)
