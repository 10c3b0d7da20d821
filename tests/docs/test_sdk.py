"""The code and the commands in docs/sdk.md, as a reader would use them."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import dhcpcallout
from dhcpcallout import hooks
from dhcpcallout.cli import app
from dhcpcallout.config import load_config
from dhcpcallout.hooks import ABI_SLOTS, Drop, HookTable
from dhcpcallout.loaders import load_callout, load_callouts

PAGE = (Path(__file__).parents[2] / "docs" / "sdk.md").read_text(encoding="utf-8")
SDK = Path(dhcpcallout.__file__).parent / "sdk"
COMMANDS = re.findall(r"^    (\S.*)$", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL), flags=re.MULTILINE)


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return str(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the page shows."""
    (tmp_path / "first.c").write_text(block("c"))
    (tmp_path / "first.cpp").write_text(block("c").replace("__declspec", 'extern "C" __declspec'))
    (tmp_path / "CMakeLists.txt").write_text(block("cmake"))
    (tmp_path / "dhcp.toml").write_text(block("toml").replace("/opt/callouts", str(tmp_path)))
    return tmp_path


def run(command: str, folder: Path) -> None:
    command = command.replace("$(dhcpcallout", f"$({shlex.quote(sys.executable)} -m dhcpcallout")
    subprocess.run(command, shell=True, check=True, cwd=folder, stdout=subprocess.DEVNULL)


def test_all_commands_are_known() -> None:
    assert {command.split()[0] for command in COMMANDS} == {
        *("cc", "c++", "cmake", "cl", "x86_64-w64-mingw32-gcc", "i686-w64-mingw32-gcc")
    }


def drops_what_is_long(library: Path) -> bool:
    table = HookTable([load_callout(str(library))])
    where: dict[str, Any] = {"server_address_int": 1, "source_int": 0, "source_port": 68, "interface": ""}
    long, short = (table.ask(hooks.NEW_PACKET, table.contexts(), bytes(size), **where) for size in (1501, 1500))
    table.callouts[0].close()
    return isinstance(long, Drop) and short == bytes(1500)


@pytest.mark.parametrize("compiler", ["cc", "c++"])
def test_the_first_callout_is_built_by_the_command_and_does_what_is_said(
    compiler: str, require_system: Callable[..., None], folder: Path
) -> None:
    require_system(compiler)
    (command,) = (command for command in COMMANDS if command.split()[0] == compiler)
    run(command, folder)
    assert drops_what_is_long(folder / "first.so")


def test_the_configuration_loads_it(require_system: Callable[..., None], folder: Path) -> None:
    require_system("cc")
    run(COMMANDS[0], folder)
    settings = load_config(folder / "dhcp.toml")
    (callout,) = load_callouts(settings.callouts, base_directory=settings.base_directory).callouts
    assert list(callout.functions) == ["new_packet"]
    callout.close()


def test_cmake_builds_it(require_system: Callable[..., None], folder: Path) -> None:
    require_system("cmake", "make", "cc")
    for command in COMMANDS:
        if command.startswith("cmake"):
            run(command, folder)
    assert drops_what_is_long(folder / "build" / "first.so")


@pytest.mark.parametrize("compiler", ["x86_64-w64-mingw32-gcc", "i686-w64-mingw32-gcc"])
def test_mingw_builds_it(compiler: str, require_system: Callable[..., None], folder: Path) -> None:
    objdump = compiler.replace("gcc", "objdump")
    require_system(compiler, objdump)
    (command,) = (command for command in COMMANDS if command.startswith(compiler))
    run(command, folder)
    listing = subprocess.run([objdump, "-p", folder / "first.dll"], capture_output=True, text=True, check=True).stdout
    assert re.search(r" DhcpServerCalloutEntry$", listing, flags=re.MULTILINE)


def test_the_options_of_the_command_are_all_there() -> None:
    help_text = CliRunner().invoke(app, ["sdk", "--help"]).stdout
    told = re.findall(r"^\| `(--\w+)` \|", PAGE, flags=re.MULTILINE)
    assert told == [option for option in re.findall(r"--\w+(?= )", help_text) if option in told]
    assert {*told, "--help"} == set(re.findall(r"^\W*(--\w+)", help_text, flags=re.MULTILINE))


def test_the_table_of_hooks_has_each_and_says_what_may_be_changed() -> None:
    rows = re.findall(r"^\| `(Dhcp\w+Hook)` \| .* \| (.*) \|$", PAGE, flags=re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(str(slot.abi_name) for slot in ABI_SLOTS)
    assert {name for name, changes in rows if changes != "nothing"} == {
        slot.abi_name for slot in ABI_SLOTS if slot.may_answer
    }


def test_what_the_page_says_is_in_the_headers_is_there() -> None:
    (table,) = re.findall(r"\| header \| what is there \|\n(.*?)\n\n", PAGE, flags=re.DOTALL)
    windef, windows = ((SDK / "posix" / name).read_text() for name in ("windef.h", "windows.h"))
    named = {name for row in table.splitlines()[1:3] for name in re.findall(r"`(\w+)`", row.partition("|")[2])}
    named -= {"windef", "windows"}
    assert {name for name in named if not re.search(rf"\b{name}", windef + windows)} == set()
    headers = set(re.findall(r"`(\w+\.h)`", table))
    assert headers - {"Dhcpssdk.h"} >= {path.name for path in (SDK / "posix").glob("*.h")}
    assert headers == {path.name for path in (SDK / "posix").rglob("*.h")}
