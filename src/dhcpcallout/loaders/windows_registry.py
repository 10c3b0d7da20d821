"""The two values in the Windows registry: in this machine's, and in a ``.reg`` file of another's."""

import importlib
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Any, NoReturn

from ..errors import ConfigError, Problem
from .reg_file import REG_DWORD, REG_EXPAND_SZ, REG_MULTI_SZ, REG_SZ, RegFile, type_name
from .registry import Registry

__all__ = ["HIVE", "KEY", "read_reg_file", "read_windows_registry"]

HIVE = "HKEY_LOCAL_MACHINE"
KEY = r"SYSTEM\CurrentControlSet\Services\DHCPServer\Parameters"
"""Where Microsoft DHCP Server has its callouts, in the hive."""

_DLLS, _ENABLED = "CalloutDlls", "CalloutEnabled"

_Fail = Callable[[str, str], NoReturn]


def read_windows_registry(winreg: Any = None) -> Registry:
    """Read the values from the registry of this machine, which runs Windows.

    A value, or the whole key, that is not there is as for Microsoft's server: nothing is enabled.

    Args:
        winreg: What has the interface of the module ``winreg``, to be asked in its place.

    Raises:
        ConfigError: There is no registry here, it cannot be read, or a value in it is of a type that it cannot have.
    """
    source = f"{HIVE}\\{KEY}"

    def fail(name: str, problem: str) -> NoReturn:
        raise ConfigError([Problem(source, None, name, problem)])

    if winreg is None:
        try:
            winreg = importlib.import_module("winreg")
        except ModuleNotFoundError:
            fail("", "this system has no registry; on the Windows machine, export the key to a .reg file")
    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, KEY) as key:

            def query(name: str) -> tuple[Any, int] | None:
                try:
                    value, kind = winreg.QueryValueEx(key, name)
                except FileNotFoundError:
                    return None
                return value, kind

            return _registry(query, fail, source)
    except FileNotFoundError:
        return Registry(source=source)
    except OSError as error:
        fail("", error.strerror or str(error))


def read_reg_file(path: str | Path, *, code_page: int | None = None) -> Registry:
    """Read the values from a ``.reg`` file that a Windows machine has exported.

    Args:
        path: The file.
        code_page: See ``RegFile``.

    Raises:
        ConfigError: The file cannot be read or is damaged, it lacks the key, or a value in it is of a type that it
            cannot have; with the line.
    """
    file = RegFile.read(Path(path), code_page=code_page)
    full = f"{HIVE}\\{KEY}"

    def fail(name: str, problem: str) -> NoReturn:
        raise ConfigError([Problem(file.file, file.line_of(full, name), name, problem)])

    if full.upper() not in file.keys:
        fail("", f"has no key [{full}]; that is the one to export")
    return _registry(lambda name: file.get(full, name), fail, f"{file.file}, {full}")


def _registry(query: Callable[[str], tuple[Any, int] | None], fail: _Fail, source: str) -> Registry:
    dlls: tuple[str, ...] = ()
    value, kind = query(_DLLS) or (None, None)
    if kind == REG_MULTI_SZ:
        # An empty name ends the list for whoever walks it in C, as Microsoft's server does.
        dlls = tuple(takewhile(bool, value or ()))
    elif kind in (REG_SZ, REG_EXPAND_SZ):
        dlls = (value,) if value else ()
    elif kind is not None:
        fail(_DLLS, f"is of type {type_name(kind)}; it must be REG_MULTI_SZ")
    enabled, kind = query(_ENABLED) or (None, None)
    if kind not in (REG_DWORD, None):
        fail(_ENABLED, f"is of type {type_name(kind)}; it must be REG_DWORD")
    return Registry(dlls, enabled, source=source)
