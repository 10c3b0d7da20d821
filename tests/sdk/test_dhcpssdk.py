import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import dhcpcallout
from dhcpcallout import codes, hooks
from dhcpcallout.hooks import HookTable
from dhcpcallout.loaders import load_callout

LAYOUT = Path(__file__).parents[1] / "native" / "layout.c"
WINAPI = Path(__file__).parents[1] / "native" / "winapi.c"
CLANG = (("clang", "c89"), ("clang", "c17"), ("clang++", "c++11"), ("clang++", "c++17"))
SDK = Path(dhcpcallout.__file__).parent / "sdk"
POINTER = 8 if sys.maxsize > 1 << 32 else 4

SIZES = {
    "sizeof WCHAR": 2,
    "sizeof BYTE": 1,
    "sizeof DWORD": 4,
    "sizeof ULONG": 4,
    "sizeof BOOL": 4,
    "sizeof BOOLEAN": 1,
}

SERVER_OPTIONS = {
    "sizeof DHCP_SERVER_OPTIONS": (176, 96),
    "DHCP_SERVER_OPTIONS.MessageType": (0, 0),
    "DHCP_SERVER_OPTIONS.SubnetMask": (8, 4),
    "DHCP_SERVER_OPTIONS.RequestedAddress": (16, 8),
    "DHCP_SERVER_OPTIONS.RequestLeaseTime": (24, 12),
    "DHCP_SERVER_OPTIONS.OverlayFields": (32, 16),
    "DHCP_SERVER_OPTIONS.RouterAddress": (40, 20),
    "DHCP_SERVER_OPTIONS.Server": (48, 24),
    "DHCP_SERVER_OPTIONS.ParameterRequestList": (56, 28),
    "DHCP_SERVER_OPTIONS.ParameterRequestListLength": (64, 32),
    "DHCP_SERVER_OPTIONS.MachineName": (72, 36),
    "DHCP_SERVER_OPTIONS.MachineNameLength": (80, 40),
    "DHCP_SERVER_OPTIONS.ClientHardwareAddressType": (84, 44),
    "DHCP_SERVER_OPTIONS.ClientHardwareAddressLength": (85, 45),
    "DHCP_SERVER_OPTIONS.ClientHardwareAddress": (88, 48),
    "DHCP_SERVER_OPTIONS.ClassIdentifier": (96, 52),
    "DHCP_SERVER_OPTIONS.ClassIdentifierLength": (104, 56),
    "DHCP_SERVER_OPTIONS.VendorClass": (112, 60),
    "DHCP_SERVER_OPTIONS.VendorClassLength": (120, 64),
    "DHCP_SERVER_OPTIONS.DNSFlags": (124, 68),
    "DHCP_SERVER_OPTIONS.DNSNameLength": (128, 72),
    "DHCP_SERVER_OPTIONS.DNSName": (136, 76),
    "DHCP_SERVER_OPTIONS.DSDomainNameRequested": (144, 80),
    "DHCP_SERVER_OPTIONS.DSDomainName": (152, 84),
    "DHCP_SERVER_OPTIONS.DSDomainNameLen": (160, 88),
    "DHCP_SERVER_OPTIONS.ScopeId": (168, 92),
}

TABLE = [
    "DhcpControlHook",
    "DhcpNewPktHook",
    "DhcpPktDropHook",
    "DhcpPktSendHook",
    "DhcpAddressDelHook",
    "DhcpAddressOfferHook",
    "DhcpHandleOptionsHook",
    "DhcpDeleteClientHook",
    "DhcpExtensionHook",
    "DhcpReservedHook",
]

CONSTANTS = {
    **{f"DHCP_CONTROL_{code.name}": code.value for code in codes.ControlCode},
    **{f"DHCP_DROP_{code.name}": code.value for code in codes.DropReason},
    **{f"DHCP_{code.name}": code.value for code in codes.SendCode},
    **{f"DHCP_PROB_{code.name}": code.value for code in codes.AddressDeleteReason},
    **{f"DHCP_GIVE_ADDRESS_{code.name}": code.value for code in codes.AddressGiven},
    **{f"DHCP_CLIENT_{code.name}": code.value for code in codes.AddressType},
}


@pytest.mark.parametrize(
    ("compiler", "language"),
    [("cc", "c"), ("c++", "c++")],
)
def test_sizes_offsets_and_constants_are_those_of_the_abi(
    compiler: str, language: str, require_system: Callable[..., None], tmp_path: Path
) -> None:
    require_system(compiler)
    program = tmp_path / "layout"
    flags = ("-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{SDK}", "-x", language)
    subprocess.run([compiler, *flags, "-o", str(program), str(LAYOUT)], check=True)
    output = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout
    found = {name: int(value) for name, _, value in (line.rpartition(" ") for line in output.splitlines())}
    column = 0 if POINTER == 8 else 1
    assert found == {
        **SIZES,
        **{name: offsets[column] for name, offsets in SERVER_OPTIONS.items()},
        "sizeof DHCP_CALLOUT_TABLE": len(TABLE) * POINTER,
        **{f"DHCP_CALLOUT_TABLE.{name}": place * POINTER for place, name in enumerate(TABLE)},
        **CONSTANTS,
    }


WARNINGS = ("-Wall", "-Wextra", "-pedantic", "-Werror")
HEADERS = "#include <windows.h>\n#include <dhcpssdk.h>\n"
OURS = ("-I", str(SDK), "-I", str(SDK / "posix"))
MINGW = {64: "x86_64-w64-mingw32-gcc", 32: "i686-w64-mingw32-gcc"}
NUMBERS = r"(?:DHCP|ERROR|NO_ERROR|DLL|REG|CP|HEAP|TRUE|FALSE|MAX_PATH|INFINITE)(?:_\w+)?"

FACTS = """
#define HEX(n, shift) (char)("0123456789abcdef"[0] + ((n) >> (shift) & 15) + (((n) >> (shift) & 15) > 9 ? 39 : 0))
#define FACT(name, n) {"FACT ", name, {HEX(n, 28), HEX(n, 24), HEX(n, 20), HEX(n, 16), HEX(n, 12), HEX(n, 8), \\
                                       HEX(n, 4), HEX(n, 0)}}
const struct { char mark[5], name[64], value[8]; } facts[] = {
"""


def macros(compiler: str, *flags: str) -> dict[str, str]:
    """What a compiler's preprocessor knows after the headers."""
    command = [compiler, *flags, "-x", "c", "-dM", "-E", "-"]
    done = subprocess.run(command, input=HEADERS, capture_output=True, text=True, check=True)
    return dict(re.findall(r"^#define (\w+) (.*)$", done.stdout, flags=re.MULTILINE))


def our_types() -> list[str]:
    """The types that our windef.h has, but for FARPROC, which is compared as a pointer is."""
    text = (SDK / "posix" / "windef.h").read_text()
    definitions = re.findall(r"^typedef ([^()]*?);", text, flags=re.MULTILINE)
    return sorted({name for one in definitions for name in re.findall(r"(\w+)(?=,|$)", one)} | {"FARPROC"})


def facts(compiler: str, flags: tuple[str, ...], folder: Path) -> dict[str, int]:
    """Sizes, signs, offsets and constants by the headers that a compiler finds, read from what it makes of them."""
    types = our_types()
    expressions = {f"sizeof {name}": f"sizeof({name})" for name in types}
    integers = [name for name in types if not re.match(r"(L?P|HANDLE|HINSTANCE|HMODULE|FARPROC)", name)]
    expressions |= {f"signed {name}": f"(({name})-1 < ({name})1)" for name in integers}
    for structure, members in (
        ("DHCP_SERVER_OPTIONS", [name.partition(".")[2] for name in SERVER_OPTIONS if "." in name]),
        ("DHCP_CALLOUT_TABLE", TABLE),
    ):
        expressions[f"sizeof {structure}"] = f"sizeof({structure})"
        expressions |= {f"offset {structure}.{name}": f"offsetof({structure}, {name})" for name in members}
        expressions |= {f"size {structure}.{name}": f"sizeof((({structure} *)0)->{name})" for name in members}
    defined = macros("cc", *OURS)
    expressions |= {
        name: name for name, value in defined.items() if re.fullmatch(NUMBERS, name) and value[0] in "0123456789"
    }
    rows = ",\n".join(f'FACT("{name}", (unsigned)({expression}))' for name, expression in expressions.items())
    (folder / "facts.c").write_text(f"#include <stddef.h>\n{HEADERS}{FACTS}{rows}}};\n")
    subprocess.run([compiler, *flags, "-c", "-o", "facts.o", "facts.c"], cwd=folder, check=True)
    found = re.findall(rb"FACT ([\w. ]+)\0+([0-9a-f]{8})", (folder / "facts.o").read_bytes())
    assert len(found) == len(expressions)
    return {name.decode(): int(value, 16) for name, value in found}


@pytest.mark.parametrize("bits", [64, 32])
def test_sizes_offsets_and_constants_are_those_of_the_header_that_comes_with_mingw(
    bits: int, require_system: Callable[..., None], tmp_path: Path
) -> None:
    require_system("cc", MINGW[bits])
    ours = facts("cc", (*OURS, f"-m{bits}"), tmp_path)
    assert ours == facts(MINGW[bits], (), tmp_path)
    # Our header on Windows, with Windows's own types.
    assert ours == facts(MINGW[bits], ("-I", str(SDK)), tmp_path)
    # Of all sorts, so that nothing was lost on the way.
    column = 0 if bits == 64 else 1
    assert ours["sizeof DHCP_SERVER_OPTIONS"] == SERVER_OPTIONS["sizeof DHCP_SERVER_OPTIONS"][column]
    assert ours["DHCP_GIVE_ADDRESS_OLD"] == 0x30000002
    assert ours["ERROR_PROC_NOT_FOUND"] == 127
    assert ours["sizeof WCHAR"] == 2
    assert (ours["signed LONG"], ours["signed BOOLEAN"]) == (1, 0)


def test_nothing_that_mingws_header_defines_is_missing_and_texts_are_the_same(
    require_system: Callable[..., None],
) -> None:
    require_system("cc", MINGW[64])
    ours, theirs = (
        {name: value for name, value in found.items() if name.startswith("DHCP_")}
        for found in (macros("cc", *OURS), macros(MINGW[64]))
    )
    assert len(theirs) > 25
    assert {name: ours.get(name) for name in theirs} == theirs


def test_the_types_of_the_hooks_are_those_of_mingws_header(require_system: Callable[..., None], tmp_path: Path) -> None:
    require_system("cc", *MINGW.values())
    (tmp_path / "types.c").write_text(
        HEADERS
        + """
        extern LPDHCP_CONTROL control;
        extern DWORD (WINAPI *control)(DWORD, LPVOID);
        extern LPDHCP_NEWPKT new_packet;
        extern DWORD (WINAPI *new_packet)(LPBYTE *, DWORD *, DWORD, LPVOID, LPVOID *, LPBOOL);
        extern LPDHCP_DROP_SEND drop_send;
        extern DWORD (WINAPI *drop_send)(LPBYTE *, DWORD *, DWORD, DWORD, LPVOID, LPVOID);
        extern LPDHCP_PROB address_delete;
        extern DWORD (WINAPI *address_delete)(LPBYTE, DWORD, DWORD, DWORD, DWORD, LPVOID, LPVOID);
        extern LPDHCP_GIVE_ADDRESS address_offer;
        extern DWORD (WINAPI *address_offer)(LPBYTE, DWORD, DWORD, DWORD, DWORD, DWORD, DWORD, LPVOID, LPVOID);
        extern LPDHCP_HANDLE_OPTIONS handle_options;
        extern DWORD (WINAPI *handle_options)(LPBYTE, DWORD, LPVOID, LPVOID, LPDHCP_SERVER_OPTIONS);
        extern LPDHCP_DELETE_CLIENT delete_client;
        extern DWORD (WINAPI *delete_client)(DWORD, LPBYTE, ULONG, DWORD, DWORD);
        extern LPDHCP_ENTRY_POINT_FUNC entry;
        extern DWORD (WINAPI *entry)(LPWSTR, DWORD, LPDHCP_CALLOUT_TABLE);
        """
    )
    for command in (["cc", *OURS], ["cc", "-m32", *OURS], *([compiler] for compiler in MINGW.values())):
        subprocess.run([*command, *WARNINGS, "-fsyntax-only", str(tmp_path / "types.c")], check=True)


@pytest.mark.parametrize(
    ("compiler", "standard"),
    [
        ("cc", "c89"),
        ("cc", "c99"),
        ("cc", "c11"),
        ("cc", "c17"),
        ("c++", "c++98"),
        ("c++", "c++11"),
        ("c++", "c++17"),
        ("c++", "c++20"),
        *((compiler, standard) for compiler, standard in CLANG if shutil.which(compiler)),
    ],
)
def test_a_callout_written_for_windows_compiles_without_a_warning_and_exports_its_entry_point(
    compiler: str, standard: str, require_system: Callable[..., None], tmp_path: Path
) -> None:
    require_system(compiler, "nm")
    library = tmp_path / "callout.so"
    language = "c++" if "++" in compiler else "c"
    flags = (*WARNINGS, "-Wshadow", "-shared", "-fPIC", "-fvisibility=hidden", *OURS)
    subprocess.run([compiler, f"-std={standard}", *flags, "-x", language, "-o", library, WINAPI], check=True)
    symbols = subprocess.run(["nm", "-g", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"T _?(\w+)$", symbols, flags=re.MULTILINE) == ["DhcpServerCalloutEntry"]


@pytest.mark.parametrize("bits", [64, 32])
def test_the_same_callout_compiles_for_windows_with_the_header_that_comes_with_mingw(
    bits: int, require_system: Callable[..., None], tmp_path: Path
) -> None:
    objdump = MINGW[bits].replace("gcc", "objdump")
    require_system(MINGW[bits], objdump)
    flags = ("-Wall", "-Wextra", "-Werror", "-shared", "-Wl,--kill-at")
    subprocess.run([MINGW[bits], *flags, "-o", tmp_path / "callout.dll", WINAPI, "-lws2_32"], check=True)
    listing = subprocess.run([objdump, "-p", tmp_path / "callout.dll"], capture_output=True, text=True, check=True)
    assert re.search(r" DhcpServerCalloutEntry$", listing.stdout, flags=re.MULTILINE)


@pytest.mark.parametrize("language", ["c", "c++"])
def test_what_it_calls_of_windows_does_here_what_it_does_there(
    language: str, require_system: Callable[..., None], tmp_path: Path
) -> None:
    compiler = "cc" if language == "c" else "c++"
    require_system(compiler)
    library = tmp_path / "windöws.so"
    flags = (*WARNINGS, "-O2", "-shared", "-fPIC", *OURS, "-x", language)
    subprocess.run([compiler, *flags, "-o", library, WINAPI, SDK / "posix" / "dllmain.c"], check=True)
    callout = load_callout(str(library), chain=[str(library)])
    table = HookTable([callout])
    contexts = table.contexts()
    where = {"server_address_int": 1}
    assert table.ask(hooks.NEW_PACKET, contexts, b"x", **where, source_int=0, source_port=68, interface="") == b"x"
    table.notify(hooks.PACKET_DROP, contexts, data=b"x", **where, reason=codes.DropReason.PROCESSED)
    assert table.faults == [0]
    callout.close()


@pytest.mark.parametrize(("compiler", "language"), [("cc", "c"), ("c++", "c++")])
def test_each_header_stands_alone_and_they_stand_together(
    compiler: str, language: str, require_system: Callable[..., None]
) -> None:
    require_system(compiler)
    headers = [path.name for path in (SDK / "posix").rglob("*.h")]
    flags = (*WARNINGS, *OURS, f"-I{SDK / 'posix' / 'aliases'}", "-x", language, "-fsyntax-only", "-")
    for included in (*([header] for header in headers), headers, headers[::-1]):
        source = "".join(f"#include <{header}>\n" for header in included) + "extern DWORD something;\n"
        subprocess.run([compiler, *flags], input=source, text=True, check=True)


@pytest.mark.parametrize(
    ("compiler", "flags", "literal"),
    [
        ("cc", ("-std=c11",), 'u"'),
        ("cc", ("-std=c99", "-fshort-wchar"), 'L"'),
        ("c++", ("-std=c++11",), 'u"'),
        ("c++", ("-std=c++11", "-fshort-wchar"), 'L"'),
    ],
)
@pytest.mark.parametrize("unicode", [(), ("-DUNICODE",)])
def test_a_text_of_16_bits_is_written_as_the_documentation_says(
    compiler: str,
    flags: tuple[str, ...],
    literal: str,
    unicode: tuple[str, ...],
    require_system: Callable[..., None],
    tmp_path: Path,
) -> None:
    require_system(compiler)
    source = f"""
        {HEADERS}
        #include <tchar.h>
        int main(void)
        {{
            LPCWSTR wide = {literal}abc";
            LPCTSTR either = TEXT("abc");
            LPCTSTR also = _T(DHCP_CALLOUT_ENTRY_POINT);
            return lstrlenW(wide) != 3 || wide[2] != 'c' || lstrlen(either) != 3 || sizeof *also != {1 + len(unicode)};
        }}
    """
    program = tmp_path / "text"
    language = ("-x", "c++" if compiler == "c++" else "c")
    command = [compiler, *flags, *unicode, *WARNINGS, *OURS, *language, "-o", str(program), "-"]
    subprocess.run(command, input=source, text=True, check=True)
    subprocess.run([program], check=True)


def test_a_critical_section_keeps_other_threads_out_and_time_goes_on(
    require_system: Callable[..., None], tmp_path: Path
) -> None:
    require_system("cc")
    (tmp_path / "threads.c").write_text(
        """
        #include <windows.h>

        static CRITICAL_SECTION lock;
        static int inside, broken, entries;

        static void *visit(void *unused)
        {
            int i;

            for (i = 0; i < 20000; i++) {
                EnterCriticalSection(&lock);
                EnterCriticalSection(&lock);
                broken |= inside++;
                entries++;
                LeaveCriticalSection(&lock);
                inside--;
                LeaveCriticalSection(&lock);
                if (TryEnterCriticalSection(&lock)) {
                    broken |= inside;
                    LeaveCriticalSection(&lock);
                }
            }
            return unused;
        }

        int main(void)
        {
            pthread_t threads[4];
            int i;

            InitializeCriticalSection(&lock);
            for (i = 0; i < 4; i++)
                pthread_create(&threads[i], NULL, visit, NULL);
            for (i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
            DeleteCriticalSection(&lock);
            if (GetTickCount64() < GetTickCount() || min(1, 2) != 1 || max(1, 2) != 2)
                return 1;
            return broken != 0 || entries != 80000;
        }
        """
    )
    subprocess.run(
        ["cc", *WARNINGS, "-O2", *OURS, "-o", tmp_path / "threads", tmp_path / "threads.c", "-pthread"], check=True
    )
    subprocess.run([tmp_path / "threads"], check=True)
