import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from dhcpcallout.errors import ConfigError
from dhcpcallout.loaders import Registry, load_callouts, read_reg_file, read_windows_registry
from dhcpcallout.loaders.windows_registry import HIVE, KEY

DATA = Path(__file__).parents[1] / "data" / "registry"
SOURCE = f"{HIVE}\\{KEY}"
SZ, EXPAND_SZ, BINARY, DWORD, MULTI_SZ = 1, 2, 3, 4, 7


class Winreg:
    """The part of the module ``winreg`` that is used, over a dict of one key's values."""

    HKEY_LOCAL_MACHINE = 18446744071562067970

    def __init__(self, values: Mapping[str, tuple[Any, int]] | OSError) -> None:
        self._values = values
        self.is_open = False

    def OpenKey(self, key: object, sub_key: str) -> Self:
        assert (key, sub_key) == (self.HKEY_LOCAL_MACHINE, KEY)
        if isinstance(self._values, OSError):
            raise self._values
        self.is_open = True
        return self

    def QueryValueEx(self, key: object, name: str) -> tuple[Any, int]:
        assert key is self
        assert isinstance(self._values, Mapping)
        if name not in self._values:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        return self._values[name]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_open = False


@pytest.mark.parametrize(
    ("values", "registry"),
    [
        (
            {"CalloutDlls": (["C:\\b.dll", "C:\\a.dll"], MULTI_SZ), "CalloutEnabled": (1, DWORD)},
            Registry(("C:\\b.dll", "C:\\a.dll"), 1),
        ),
        ({"CalloutDlls": (["C:\\a.dll"], MULTI_SZ)}, Registry(("C:\\a.dll",), None)),
        ({"CalloutEnabled": (0, DWORD)}, Registry((), 0)),
        ({}, Registry()),
        ({"CalloutDlls": (None, MULTI_SZ)}, Registry()),
        # What follows an empty name is not in the list for whoever walks it in C.
        ({"CalloutDlls": (["C:\\a.dll", "", "C:\\b.dll"], MULTI_SZ)}, Registry(("C:\\a.dll",))),
        ({"CalloutDlls": ("C:\\a.dll", SZ)}, Registry(("C:\\a.dll",))),
        ({"CalloutDlls": ("%SystemRoot%\\a.dll", EXPAND_SZ)}, Registry(("%SystemRoot%\\a.dll",))),
        ({"CalloutDlls": ("", SZ)}, Registry()),
    ],
)
def test_the_values_of_the_key_are_read(values: dict[str, tuple[Any, int]], registry: Registry) -> None:
    winreg = Winreg(values)
    found = read_windows_registry(winreg)
    assert found == registry
    assert found.source == SOURCE
    assert not winreg.is_open


def test_without_the_key_nothing_is_enabled() -> None:
    assert read_windows_registry(Winreg(FileNotFoundError(2, "not there"))) == Registry()


def test_a_key_that_may_not_be_read_is_a_mistake() -> None:
    with pytest.raises(ConfigError) as raised:
        read_windows_registry(Winreg(PermissionError(5, "Access is denied")))
    assert str(raised.value) == f"{SOURCE}: Access is denied"


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"CalloutDlls": (b"C", BINARY)}, "CalloutDlls: is of type REG_BINARY; it must be REG_MULTI_SZ"),
        ({"CalloutDlls": (b"C", 99)}, "CalloutDlls: is of type type 99; it must be REG_MULTI_SZ"),
        ({"CalloutEnabled": ("1", SZ)}, "CalloutEnabled: is of type REG_SZ; it must be REG_DWORD"),
    ],
)
def test_a_value_of_another_type_is_a_mistake(values: dict[str, tuple[Any, int]], problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_windows_registry(Winreg(values))
    assert str(raised.value) == f"{SOURCE}: {problem}"


def test_the_module_is_asked_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "winreg", Winreg({"CalloutEnabled": (1, DWORD)}))
    assert read_windows_registry() == Registry((), 1)


def test_where_there_is_no_registry_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "winreg", None)
    with pytest.raises(
        ConfigError, match=r"this system has no registry; on the Windows machine, export the key to a \.reg"
    ):
        read_windows_registry()


@pytest.mark.parametrize(
    ("name", "code_page", "dlls"),
    [
        (
            "server.reg",
            None,
            (
                "C:\\Program Files\\Räume\\audit.dll",
                '"C:\\Callouts\\mac filter.dll"',
                "%ProgramFiles%\\Policy\\policy.dll",
            ),
        ),
        ("regedit4.reg", None, ("C:\\Callouts\\audit.dll", "C:\\Callouts\\filter.dll")),
        ("japanese.reg", 932, ("C:\\表\\監査.dll",)),
    ],
)
def test_the_values_of_an_exported_key_are_read(name: str, code_page: int | None, dlls: tuple[str, ...]) -> None:
    found = read_reg_file(DATA / name, code_page=code_page)
    assert found == Registry(dlls, 1)
    assert found.source == f"{DATA / name}, {SOURCE}"


def write(folder: Path, *lines: str) -> Path:
    path = folder / "server.reg"
    path.write_text("\n".join(["Windows Registry Editor Version 5.00", "", *lines]), encoding="utf-16")
    return path


def test_upper_and_lower_case_are_alike_in_names(tmp_path: Path) -> None:
    path = write(tmp_path, f"[{SOURCE.upper()}]", r'"calloutdlls"="C:\\a.dll"', '"CALLOUTENABLED"=dword:1')
    assert read_reg_file(path) == Registry(("C:\\a.dll",), 1)


def test_an_export_of_another_key_is_a_mistake(tmp_path: Path) -> None:
    path = write(
        tmp_path, r"[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\DHCPServer]", '"CalloutEnabled"=dword:1'
    )
    with pytest.raises(ConfigError) as raised:
        read_reg_file(path)
    assert str(raised.value) == f"{path}: has no key [{SOURCE}]; that is the one to export"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('"CalloutEnabled"="1"', "CalloutEnabled: is of type REG_SZ; it must be REG_DWORD"),
        ('"CalloutDlls"=dword:1', "CalloutDlls: is of type REG_DWORD; it must be REG_MULTI_SZ"),
    ],
)
def test_a_value_of_another_type_in_a_file_is_a_mistake_with_its_line(line: str, problem: str, tmp_path: Path) -> None:
    path = write(tmp_path, f"[{SOURCE}]", "", line)
    with pytest.raises(ConfigError) as raised:
        read_reg_file(path)
    assert str(raised.value) == f"{path}:5: {problem}"


def test_a_list_of_windows_is_loaded_here_by_a_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    for name in ("audit", "filter"):
        (tmp_path / f"{name}.py").write_text(f"from dhcpcallout import Callout\ncallout = Callout('{name}')\n")
    registry = replace(
        read_reg_file(DATA / "regedit4.reg"),
        path_map={f"C:\\Callouts\\{name}.dll": str(tmp_path / f"{name}.py") for name in ("audit", "filter")},
        policy="all",
    )
    result = load_callouts(registry)
    assert [(attempt.entry, attempt.callout and attempt.callout.name) for attempt in result.attempts] == [
        ("C:\\Callouts\\audit.dll", "audit"),
        ("C:\\Callouts\\filter.dll", "filter"),
    ]
