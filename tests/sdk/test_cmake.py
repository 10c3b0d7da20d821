"""The CMake package, by CMake itself."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import dhcpcallout
from dhcpcallout.loaders import load_callout

SDK = Path(dhcpcallout.__file__).parent / "sdk"
WINAPI = Path(__file__).parents[1] / "native" / "winapi.c"


def project(folder: Path, lines: str, *flags: str, languages: str = "C CXX") -> subprocess.CompletedProcess[str]:
    """Configure and build a project that finds the package; give what came of it."""
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.15)\n"
        f"project(callouts LANGUAGES {languages})\n"
        "find_package(dhcpcallout-sdk CONFIG REQUIRED)\n"
        f"{lines}\n"
    )
    build = folder / "build"
    configured = subprocess.run(
        ["cmake", "-S", folder, "-B", build, f"-Ddhcpcallout-sdk_DIR={SDK / 'cmake'}", *flags],
        capture_output=True,
        text=True,
        check=False,
    )
    if configured.returncode != 0:
        return configured
    return subprocess.run(["cmake", "--build", build], capture_output=True, text=True, check=False)


def test_callouts_in_c_and_in_cpp_are_built_and_load(require_system: Callable[..., None], tmp_path: Path) -> None:
    require_system("cmake", "make", "cc", "c++")
    (tmp_path / "winapi.cpp").write_text(WINAPI.read_text())
    built = project(
        tmp_path,
        f"dhcpcallout_add_callout(in_c DLLMAIN {WINAPI})\n"
        "dhcpcallout_add_callout(in_cpp DLLMAIN winapi.cpp)\n"
        "target_compile_options(in_cpp PRIVATE -Wall -Wextra -pedantic -Werror)",
    )
    assert built.returncode == 0, built.stdout + built.stderr
    for name in ("in_c", "in_cpp"):
        callout = load_callout(str(tmp_path / "build" / f"{name}.so"))
        assert list(callout.functions) == ["new_packet", "packet_drop"]
        callout.close()


def test_the_target_serves_whoever_makes_the_library_himself(
    require_system: Callable[..., None], tmp_path: Path
) -> None:
    require_system("cmake", "make", "c++")
    (tmp_path / "own.cpp").write_text(
        "#include <dhcpssdk.h>\n"
        'extern "C" __declspec(dllexport) DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR, DWORD, LPDHCP_CALLOUT_TABLE)\n'
        "{\n    return ERROR_SUCCESS;\n}\n"
    )
    lines = "add_library(own MODULE own.cpp)\ntarget_link_libraries(own PRIVATE dhcpcallout::sdk)"
    built = project(tmp_path, lines, languages="CXX")
    assert built.returncode == 0, built.stdout + built.stderr
    load_callout(str(tmp_path / "build" / "libown.so")).close()


def test_a_dllmain_without_a_c_compiler_says_what_to_do(require_system: Callable[..., None], tmp_path: Path) -> None:
    require_system("cmake", "make", "c++")
    (tmp_path / "winapi.cpp").write_text(WINAPI.read_text())
    built = project(tmp_path, "dhcpcallout_add_callout(in_cpp DLLMAIN winapi.cpp)", languages="CXX")
    assert built.returncode != 0
    assert "add C to the" in built.stderr


def test_a_dll_for_windows_exports_the_bare_name_and_needs_no_dll_of_the_compilers(
    require_system: Callable[..., None], tmp_path: Path
) -> None:
    # For 32 bits, where the compiler would decorate the name and want a library of its own.
    compiler, objdump = "i686-w64-mingw32-gcc", "i686-w64-mingw32-objdump"
    require_system("cmake", "make", compiler, objdump)
    built = project(
        tmp_path,
        f"dhcpcallout_add_callout(audit DLLMAIN {WINAPI})\ntarget_link_libraries(audit PRIVATE ws2_32)",
        "-DCMAKE_SYSTEM_NAME=Windows",
        f"-DCMAKE_C_COMPILER={compiler}",
        languages="C",
    )
    assert built.returncode == 0, built.stdout + built.stderr
    listing = subprocess.run([objdump, "-p", tmp_path / "build" / "audit.dll"], capture_output=True, check=True)
    assert re.findall(rb"^\s*\[ *\d+\] (?:\+base\[ *\d+\] +\w+ )?(\w+)$", listing.stdout, flags=re.MULTILINE) == [
        b"DhcpServerCalloutEntry"
    ]
    needed = {name.lower() for name in re.findall(rb"DLL Name: (\S+)", listing.stdout)}
    assert needed == {b"kernel32.dll", b"msvcrt.dll", b"ws2_32.dll"}
