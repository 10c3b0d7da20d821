"""The Python loader: modules in which an object named ``callout`` has functions on slots, and single functions."""

import importlib
import os
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from ..errors import CalloutInitError, CalloutLoadError
from ..hooks import Callout, CalloutEntry
from . import trust

__all__ = ["PREFIX", "SUFFIX", "PythonLoader", "load_function", "module_files"]

PREFIX = "python:"
"""What an entry that names a module begins with."""
SUFFIX = ".py"
"""What an entry that names a file ends in."""


class PythonLoader:
    """Loads ``python:package.module``, and files that end in .py.

    Args:
        base_directory: Where modules are looked for that ``sys.path`` does not have: it is put at its end when the
            first module is loaded, and stays there, since a callout may import when it is called.
    """

    name = "python"

    def __init__(self, base_directory: Path) -> None:
        self._base_directory = base_directory

    def accepts(self, entry: str) -> bool:
        """Whether the entry begins with ``python:`` or ends in .py."""
        return entry.startswith(PREFIX) or entry.lower().endswith(SUFFIX)

    def load(self, entry: str, call: CalloutEntry) -> Callout:
        """Import the module and call the function that its callout has registered with ``on_load``, if any.

        Raises:
            CalloutInitError: Its code raised something, be it SystemExit or SyntaxError.
            CalloutLoadError: There is no such module, somebody else than root and the user of this process may have
                written it, it has no callout, or ``on_load`` raised this.
        """
        if entry.startswith(PREFIX):
            name = entry.removeprefix(PREFIX)
            for file in module_files(name, self._base_directory):
                with suppress(FileNotFoundError):  # as importing it will say
                    trust.check_file(file)
            module = _import_module(name, self._base_directory, is_callout=True)
            self._init(entry, module, call)
        else:
            module = _import_file(Path(entry))
            try:
                self._init(entry, module, call)
            except BaseException:
                del sys.modules[module.__name__]
                raise
        return _callout_of(entry, module)

    @staticmethod
    def _init(entry: str, module: ModuleType, call: CalloutEntry) -> None:
        callout = _callout_of(entry, module)
        with _callouts_own_code(f"{entry}: its on_load function"):
            callout.load(call)


def load_function(entry: str, base_directory: Path) -> Callable[..., Any]:
    """What ``python:package.module:name`` names, which should be a function; the module is imported.

    Args:
        entry: The name.
        base_directory: As for ``PythonLoader``.

    Raises:
        CalloutInitError: The module's code raised something.
        CalloutLoadError: There is no such module, or it has nothing of that name.
    """
    source, _, name = entry.rpartition(":")
    if not source.startswith(PREFIX) or not name.isidentifier():
        raise CalloutLoadError(f"{entry!r} is no function's name; write {PREFIX}package.module:function")
    module = _import_module(source.removeprefix(PREFIX), base_directory)
    function: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(function):
        what = f"it has no {name!r}" if function is None else f"its {name!r} is of type {type(function).__name__}"
        raise CalloutLoadError(f"{source}: {what}, where a function is needed")
    return function


def module_files(name: str, base_directory: Path) -> tuple[str, ...]:
    """The files whose code importing a module runs: those of the packages that it is in, and its own, which is last.

    Nothing is imported, and what the module itself imports is not looked for. Bytecode counts where Python keeps any.

    Returns:
        Absolute paths; fewer, or none, where one of them is in no file, or is not found.
    """
    files: list[str] = []
    importlib.invalidate_caches()
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        return ()
    spec = _find_on_path(parts[0]) or _find_in(parts[0], [str(base_directory)])
    for size in range(2, len(parts) + 2):
        if spec is None:
            break
        if spec.has_location and spec.origin:
            files += [cached] if (cached := spec.cached) and Path(cached).exists() else []
            # A module in an archive is in the archive's file.
            files.append(os.path.abspath(getattr(spec.loader, "archive", spec.origin)))
        spec = _find_in(".".join(parts[:size]), spec.submodule_search_locations or ()) if size <= len(parts) else None
    return tuple(files)


def _find_on_path(name: str) -> ModuleSpec | None:
    """What would import a module that is in no package, as the import system asks for it."""
    for finder in sys.meta_path:
        with suppress(AttributeError):
            if (spec := finder.find_spec(name, None, None)) is not None:
                return spec
    return None


def _find_in(name: str, places: Iterable[str]) -> ModuleSpec | None:
    """What would import a module from one of these places; the import system wants to have imported its package."""
    folders: list[str] = []
    for place in places:
        finder = pkgutil.get_importer(place)
        spec = finder.find_spec(name, None) if finder is not None else None
        if spec is not None and spec.loader is not None:
            return spec
        if spec is not None:
            folders += spec.submodule_search_locations or ()
    package = ModuleSpec(name, None, is_package=True)
    package.submodule_search_locations = folders
    return package if folders else None


def _import_module(name: str, base_directory: Path, *, is_callout: bool = False) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise CalloutLoadError(f"{PREFIX}{name}: {name!r} is no module's name; write python:package.module")
    place = str(base_directory)
    where = f"in {place} or on sys.path"
    if place not in sys.path:
        try:
            if is_callout:
                trust.check_folder(place)
        except FileNotFoundError:
            pass
        except CalloutLoadError as error:
            # Whoever may write there could add what a callout imports, be it only if it is there.
            where = f"on sys.path, and {error}"
        else:
            sys.path.append(place)
    importlib.invalidate_caches()
    with _callouts_own_code(f"{PREFIX}{name}: importing it"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            # Another name is a module that the callout itself wanted.
            if error.name is not None and f"{name}.".startswith(f"{error.name}."):
                raise CalloutLoadError(f"{PREFIX}{name}: no module {error.name!r} {where}") from error
            raise


class _SourceOnly(SourceFileLoader):
    """Has no bytecode on disk: what runs is what the file says."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def _import_file(path: Path) -> ModuleType:
    """Import a file under a name of its own, so that it takes the place of no other module."""
    name = f"dhcpcallout_callout_{sha256(str(path).encode(errors='surrogateescape')).hexdigest()[:16]}"
    while name in sys.modules:
        name += "_"
    spec = spec_from_file_location(name, path, loader=_SourceOnly(name, str(path)))
    if spec is None or spec.loader is None or not path.is_file():
        raise CalloutLoadError(f"{path}: there is no such file")
    module = module_from_spec(spec)
    # Registered first, as import does: dataclasses and typing look a class's module up by its name.
    sys.modules[name] = module
    try:
        with _callouts_own_code(f"{path}: importing it"):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _callout_of(entry: str, module: ModuleType) -> Callout:
    callout = getattr(module, "callout", None)
    if isinstance(callout, Callout):
        return callout
    others = [name for name, value in vars(module).items() if isinstance(value, Callout)]
    if callout is not None:
        problem = f"its 'callout' is a {type(callout).__name__}, not a dhcpcallout.hooks.Callout"
    elif others:
        problem = f"it has no 'callout'; is {others[0]!r} the one? Then name it callout"
    else:
        problem = "it has no 'callout'; a callout module has: callout = Callout(\"a name for the log\")"
    raise CalloutLoadError(f"{entry}: {problem}")


@contextmanager
def _callouts_own_code(doing: str) -> Iterator[None]:
    """Turn whatever the callout's own code raises into ``CalloutInitError``; Ctrl-C alone stays what it is."""
    try:
        yield
    except (KeyboardInterrupt, CalloutLoadError):
        raise
    except BaseException as error:
        ours = (__file__, importlib.__file__)
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename not in ours and not frame.filename.startswith("<frozen")
        ]
        # None for a SyntaxError, which says itself where it is.
        where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
        raise CalloutInitError(f"{doing} raised {type(error).__name__}: {error}{where}") from error
