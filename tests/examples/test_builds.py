"""Every native example, built for this system and for Windows by the commands that its readers are given."""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dhcpcallout.cli import app

EXAMPLES = Path(__file__).parents[2] / "examples" / "callouts"
README = (EXAMPLES / "README.md").read_text(encoding="utf-8")
SOURCES = sorted(path.name for path in EXAMPLES.glob("*.c*"))
COMMAND = r"^(?: \*)? {4,5}((?:\w+-)*(?:cc|c\+\+|gcc|g\+\+) .*)$"
STRICT = "-Wall -Wextra -pedantic -Werror"


def commands(text: str, source: str) -> list[str]:
    """The commands that the README gives for sources of one's kind."""
    path = Path(source)
    return [
        re.sub(r"\w+\.(so|dll) \S+$", rf"{path.stem}.\1 {path.name}", command)
        for command in re.findall(COMMAND, text, flags=re.MULTILINE)
        if command.endswith(path.suffix)
    ]


def build(command: str, source: str, folder: Path) -> Path:
    compiler, _, arguments = command.partition(" ")
    standard = "-std=c99" if source.endswith(".c") else ""
    cflags = CliRunner().invoke(app, ["sdk", "--cflags"]).stdout.strip()
    arguments = arguments.replace("$(dhcpcallout sdk --cflags)", cflags)
    (folder / source).write_bytes((EXAMPLES / source).read_bytes())
    subprocess.run(f"{compiler} {standard} {STRICT} {arguments}", shell=True, check=True, cwd=folder)
    return folder / shlex.split(command)[shlex.split(command).index("-o") + 1]


@pytest.mark.parametrize("source", SOURCES)
def test_it_is_built_without_a_warning_and_has_its_entry_point(
    source: str, require_system: Callable[..., None], tmp_path: Path
) -> None:
    (command,) = (command for command in commands(README, source) if "w64" not in command)
    require_system(command.split()[0], "nm")
    library = build(command, source, tmp_path)
    symbols = subprocess.run(["nm", "-g", "--defined-only", library], capture_output=True, text=True, check=True)
    assert re.search(r"T _?DhcpServerCalloutEntry$", symbols.stdout, flags=re.MULTILINE)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("machine", ["x86_64", "i686"])
def test_its_dll_exports_the_bare_name_and_needs_nothing_but_windows(
    source: str, machine: str, require_system: Callable[..., None], tmp_path: Path
) -> None:
    (command,) = (command for command in commands(README, source) if command.startswith(machine))
    objdump = f"{machine}-w64-mingw32-objdump"
    require_system(command.split()[0], objdump)
    library = build(command, source, tmp_path)
    listing = subprocess.run([objdump, "-p", library], capture_output=True, text=True, check=True).stdout
    exported = re.findall(r"^\s*\[ *\d+\] (?:\+base\[ *\d+\] +\w+ )?(\w+)$", listing, flags=re.MULTILINE)
    assert exported == ["DhcpServerCalloutEntry"]
    assert {name.lower() for name in re.findall(r"DLL Name: (\S+)", listing)} <= {"kernel32.dll", "msvcrt.dll"}


@pytest.mark.parametrize("source", SOURCES)
def test_the_commands_in_its_comment_are_those_of_the_readme(source: str) -> None:
    comment = (EXAMPLES / source).read_text(encoding="utf-8").partition("*/")[0]
    written = re.findall(COMMAND, comment, flags=re.MULTILINE)
    assert len(written) == (0 if source == "mac_filter.c" else 2)
    if source == "chain.c":  # which is to be the first of its list
        written = [command.replace("00_chain", "chain") for command in written]
    assert written == commands(README, source)[: len(written)]


def test_the_readme_names_every_callout() -> None:
    linked = set(re.findall(r"\]\(([\w.]+)\)", README))
    assert linked == {path.name for path in EXAMPLES.iterdir() if path.suffix in (".c", ".cpp", ".py")}
