import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import dhcpcallout
from dhcpcallout.cli import app

SDK = Path(dhcpcallout.__file__).parent / "sdk"


def printed(*options: str) -> str:
    result = CliRunner().invoke(app, ["sdk", *options])
    assert result.exit_code == 0
    return result.stdout.removesuffix("\n")


@pytest.mark.parametrize("options", [(), ("--includedir",)])
def test_the_folder_of_the_header_is_printed(options: tuple[str, ...]) -> None:
    assert (Path(printed(*options)) / "dhcpssdk.h").is_file()


def test_the_folder_of_the_cmake_package_is_printed() -> None:
    assert (Path(printed("--cmakedir")) / "dhcpcallout-sdkConfig.cmake").is_file()


@pytest.mark.parametrize(
    ("platform", "folders", "libraries"),
    [
        ("linux", [SDK, SDK / "posix", SDK / "posix" / "aliases"], "-pthread -ldl"),
        ("darwin", [SDK, SDK / "posix", SDK / "posix" / "aliases"], "-pthread"),
        # Windows has a windows.h of its own, and libraries that are linked anyway.
        ("win32", [SDK], ""),
    ],
)
def test_each_platform_has_its_flags(
    platform: str, folders: list[Path], libraries: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert shlex.split(printed("--cflags")) == [f"-I{folder}" for folder in folders]
    assert printed("--libs") == libraries
    assert printed("--cflags", "--libs") == f"{printed('--cflags')} {libraries}".rstrip()


def test_flags_are_quoted_for_a_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = tmp_path / "a folder" / "cli"
    monkeypatch.setattr(sys.modules["dhcpcallout.cli.sdk"], "__file__", str(copy / "sdk.py"))
    assert shlex.split(printed("--cflags"))[0] == f"-I{tmp_path / 'a folder' / 'sdk'}"


def test_the_command_that_the_header_names_builds_a_callout(
    require_system: Callable[..., None], tmp_path: Path
) -> None:
    require_system("cc")
    (command,) = (line for line in (SDK / "dhcpssdk.h").read_text().splitlines() if "$(dhcpcallout sdk" in line)
    shutil.copy(Path(__file__).parents[1] / "contracts" / "loader" / "callout.c", tmp_path)
    command = command.strip(" *").replace("$(dhcpcallout", f"$({shlex.quote(sys.executable)} -m dhcpcallout")
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert (tmp_path / "callout.so").is_file()
