"""``dhcpcallout sdk``: where the C header is, for the commands that build native callouts."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["sdk"]


def sdk(
    cflags: Annotated[bool, typer.Option("--cflags", help="What the compiler needs: -I and folders.")] = False,
    libs: Annotated[bool, typer.Option("--libs", help="What the linker needs.")] = False,
    includedir: Annotated[bool, typer.Option("--includedir", help="The folder that dhcpssdk.h is in.")] = False,
    cmakedir: Annotated[
        bool, typer.Option("--cmakedir", help="The folder of the CMake package, for -Ddhcpcallout-sdk_DIR=.")
    ] = False,
) -> None:
    """Print what building a native callout takes: cc -shared -fPIC $(dhcpcallout sdk --cflags) -o my.so my.c.

    What is asked for is printed on one line, in the order of the options below; without any, the folder of the SDK.
    Flags are quoted, as a shell needs it.
    """
    folder = Path(__file__).parent.parent / "sdk"
    posix = sys.platform != "win32"
    words: list[str] = []
    if cflags:
        folders = (folder, folder / "posix", folder / "posix" / "aliases") if posix else (folder,)
        words += (_quoted(f"-I{one}") for one in folders)
    if libs and posix:
        words.append("-pthread" if sys.platform == "darwin" else "-pthread -ldl")
    if includedir or not (cflags or libs or cmakedir):
        words.append(str(folder))
    if cmakedir:
        words.append(str(folder / "cmake"))
    typer.echo(" ".join(words))


def _quoted(word: str) -> str:
    return f'"{word}"' if sys.platform == "win32" else shlex.quote(word)
