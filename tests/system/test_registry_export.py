"""``.reg`` files as another program reads and writes them: Wine's ``reg``."""

import os
import subprocess
from pathlib import Path
from typing import Any, Protocol

import pytest

from dhcpcallout.loaders.reg_file import RegFile

EXPORT = Path(__file__).parents[1] / "data" / "registry" / "server.reg"
KEY = r"HKEY_LOCAL_MACHINE\Software\dhcpcallout"
pytestmark = pytest.mark.timeout(300)  # a prefix is made for Wine first, on whatever machine


class WindowsPython(Protocol):
    """What conftest.py gives."""

    environment: dict[str, str]
    command: list[str]

    def path(self, path: Path) -> str: ...


def reg(wine: WindowsPython, *arguments: str) -> None:
    """Run Wine's own ``reg``."""
    subprocess.run(
        [wine.command[0], "reg", *arguments],
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        env=os.environ | wine.environment,
    )


def imported_and_exported(wine: WindowsPython, file: Path, key: str, folder: Path) -> RegFile:
    """What Wine's registry has of a key after the file was imported, by its own export."""
    exported = folder / "exported.reg"
    try:
        reg(wine, "import", wine.path(file))
        reg(wine, "export", key, wine.path(exported), "/y")
    finally:
        reg(wine, "delete", key, "/f")
    return RegFile.read(exported)


def values(file: RegFile) -> dict[str, dict[str, Any]]:
    return {key: {name: file.get(key, name) for name in found} for key, found in file.keys.items()}


def test_an_export_of_a_server_is_read_alike_before_and_after_another_program_had_it(
    windows_python: WindowsPython, tmp_path: Path
) -> None:
    ours = RegFile.read(EXPORT)
    key = next(iter(ours.keys)).replace("PARAMETERS", "Parameters")
    theirs = values(imported_and_exported(windows_python, EXPORT, key, tmp_path))
    expected = values(ours)
    # A string of two lines, which Windows writes so, is more than Wine's import takes.
    for found in (theirs, expected):
        found[key.upper()].pop("NOTE", None)
    assert theirs == expected


LINES = [
    "; a comment",
    f"[{KEY}]",
    '"string"="C:\\\\a \\"b\\" c" ; a comment',
    '"unicode"="Räume 表 \U0001d11e"',
    '@="default"',
    '"dword"=dword:00ff',
    '"DWORD2"=dword:FFFFFFFF',
    '"binary"=hex:0,1,02,ff',
    '"nothing"=hex(0):',
    '"number"=hex(4):01,02,03,04',
    '"long"=hex(b):01,02,03,04,05,06,07,08',
    '"list"=hex(7):41,00,00,00,\\',
    "  42,00,\\ ",
    "  00,00,\\;a comment",
    "  00,00",
    '"expanded"=hex(2):25,00,41,00,25,00,00,00',
    '"gone"="x"',
    '"gone"=-',
    '"twice"="first"',
    '"TWICE"="second"',
    "",
    f"[{KEY}\\[a] key]",
    '"in it"="x"',
    f"[{KEY}\\Gone\\Below]",
    '"x"="y"',
    f"[-{KEY}\\gone]",
    "",
]


@pytest.mark.parametrize(
    ("header", "encoding"), [("Windows Registry Editor Version 5.00", "utf-16"), ("REGEDIT4", "cp1252")]
)
def test_all_that_may_stand_in_a_file_is_read_as_another_program_reads_it(
    header: str, encoding: str, windows_python: WindowsPython, tmp_path: Path
) -> None:
    lines = LINES
    if header == "REGEDIT4":
        lines = [line for line in LINES if not line.startswith(('"unicode"', '"list"', "  ", '"expanded"'))]
        lines[3:3] = ['"list"=hex(7):41,00,42,\\', "  e4,00,00", '"expanded"=hex(2):25,41,25,00', '"ansi"="Räume"']
    file = tmp_path / "source.reg"
    file.write_bytes("\r\n".join([header, "", *lines]).encode(encoding))
    theirs = imported_and_exported(windows_python, file, KEY, tmp_path)
    assert values(theirs) == values(RegFile.read(file, code_page=1252))
