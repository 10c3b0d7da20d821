"""Other Pythons than the one that runs the tests: a Windows one under Wine, and a 32-bit one."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build"
WINE = "/usr/lib/wine/wine64"  # Debian's wine64 has it there, and nowhere on PATH
WINESERVER = "/usr/lib/wine/wineserver64"

Require = Callable[..., None]


@dataclass(frozen=True)
class WindowsPython:
    """The Windows Python under Wine, which has this package; its standard streams must be pipes, or nothing."""

    folder: Path
    environment: dict[str, str]

    @property
    def command(self) -> list[str]:
        return [WINE, str(self.folder / "python.exe")]

    def run(self, *arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run it to its end; what it prints has Windows' line ends translated."""
        return subprocess.run(
            [*self.command, *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=os.environ | self.environment,
        )

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start it, with pipes for input and for output and errors together."""
        return subprocess.Popen(
            [*self.command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | self.environment,
        )

    @staticmethod
    def path(path: Path) -> str:
        """A file of this machine, as Windows programs under Wine have it."""
        return "Z:" + str(path).replace("/", "\\")


def make(kind: str, require_system: Require) -> Path:
    """The folder of another Python, made on first use."""
    folder = BUILD / f"{kind}-python"
    done = subprocess.run(
        [sys.executable, str(HERE / "interpreters.py"), kind, str(folder)],
        check=False,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        require_system(reason=f"no {kind} Python could be made: {done.stderr[-1000:]}")
    return folder


@pytest.fixture(scope="session")
def windows_python(require_system: Require) -> WindowsPython:
    """A Windows Python under Wine; skip where there is no Wine."""
    require_system(WINE, "x86_64-w64-mingw32-gcc")
    folder = make("windows", require_system)
    environment = {
        "WINEPREFIX": str(BUILD / "wine"),
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "mscoree,mshtml=",  # or it asks whether to install .NET and a browser
    }
    # Wine's own processes are started here: those that the first program of a test starts would keep its pipes open.
    # They end by themselves, two minutes after the last program.
    for command in ([WINESERVER, "-p120"], [WINE, "wineboot"]):
        subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | environment,
        )
    return WindowsPython(folder, environment)


@pytest.fixture(scope="session")
def compile_dll(require_system: Require, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Compile a native callout for Windows, against mingw-w64's own dhcpssdk.h, as its author would."""
    require_system("x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-g++")

    def compile_dll(source: Path, *arguments: str) -> Path:
        dll = tmp_path_factory.mktemp("windows") / f"{source.stem}.dll"
        compiler, standard = ("g++", "c++17") if source.suffix == ".cpp" else ("gcc", "c99")
        flags = (f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-shared", "-static")
        subprocess.run([f"x86_64-w64-mingw32-{compiler}", *flags, *arguments, "-o", str(dll), str(source)], check=True)
        return dll

    return compile_dll


@pytest.fixture(scope="session")
def python32(require_system: Require) -> Path:
    """A 32-bit Python for a worker; skip where the machine runs no 32-bit programs."""
    require_system("apt-get", "dpkg-deb", "gcc")
    if not Path("/lib/ld-linux.so.2").exists():
        require_system(reason="32-bit programs do not run: libc6-i386 is not installed")
    return make("i386", require_system) / "python"


@pytest.fixture(scope="session")
def compile_callout_32(require_system: Require, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Compile a native callout with 32 bits, against our dhcpssdk.h."""
    require_system("gcc")
    cflags = subprocess.run(
        [sys.executable, "-m", "dhcpcallout", "sdk", "--cflags"], check=True, capture_output=True, text=True
    ).stdout.split()

    def compile_callout_32(source: Path) -> Path:
        library = tmp_path_factory.mktemp("native32") / f"{source.stem}.so"
        flags = ("-m32", "-std=c99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *cflags)
        subprocess.run(["gcc", *flags, "-o", str(library), str(source)], check=True)
        return library

    return compile_callout_32
