import codecs
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dhcpcallout.errors import ConfigError
from dhcpcallout.loaders.reg_file import RegFile

DATA = Path(__file__).parents[1] / "data" / "registry"
UNICODE, ANSI = "Windows Registry Editor Version 5.00", "REGEDIT4"
KEY = r"HKEY_LOCAL_MACHINE\Software\Example"


def unicode_file(*lines: str) -> bytes:
    """A file of version 5 with one key, and lines under it."""
    return codecs.BOM_UTF16_LE + "\r\n".join([UNICODE, "", f"[{KEY}]", *lines, ""]).encode("utf-16-le", "surrogatepass")


def parsed(*lines: str) -> RegFile:
    return RegFile(unicode_file(*lines), file="x.reg")


def values(*lines: str) -> dict[str, Any]:
    file = parsed(*lines)
    return {name: file.get(KEY, name) for name in file.keys[KEY.upper()]}


def problem_of(content: bytes, name: str = "", code_page: int | None = None) -> str:
    with pytest.raises(ConfigError) as raised:
        RegFile(content, file="x.reg", code_page=code_page).get(KEY, name)
    (problem,) = str(raised.value).splitlines()
    return problem


def test_a_file_that_a_server_has_exported() -> None:
    file = RegFile.read(DATA / "server.reg")
    key = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\DHCPServer\Parameters"
    assert file.get(key, "CalloutDlls") == (
        [
            "C:\\Program Files\\Räume\\audit.dll",
            '"C:\\Callouts\\mac filter.dll"',
            "%ProgramFiles%\\Policy\\policy.dll",
        ],
        7,
    )
    assert file.get(key, "CalloutEnabled") == (1, 4)
    assert file.get(key, "ServiceDll") == (r"%SystemRoot%\system32\dhcpssvc.dll", 2)
    assert file.get(key, "Note") == ('a "quoted" word\\path,\nand a second line', 1)
    assert file.get(key, "Blob") == (bytes(range(64)), 3)
    assert file.get(key, "NoData") == (b"", 0)
    assert file.get(key, "") == ("the default value", 1)
    assert file.get(key + "\\Filters", "AddressAllowList") == (0, 4)
    assert file.line_of(key, "CalloutEnabled") == 24
    assert file.get(key, "nothing") is None
    assert file.get("nowhere", "CalloutDlls") is None


def test_a_file_in_the_old_format() -> None:
    file = RegFile.read(DATA / "regedit4.reg")
    (key,) = file.keys
    assert file.get(key, "calloutdlls") == (["C:\\Callouts\\audit.dll", "C:\\Callouts\\filter.dll"], 7)
    assert file.get(key.lower(), "DatabaseName") == ("dhcp.mdb", 1)


def test_a_file_in_the_old_format_has_its_letters_by_the_code_page() -> None:
    file = RegFile.read(DATA / "japanese.reg", code_page=932)
    (key,) = file.keys
    assert file.get(key, "CalloutDlls") == (["C:\\表\\監査.dll"], 7)
    assert file.get(key, "Comment") == ("表示", 1)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('"a"="x"', ("x", 1)),
        (' "A" = "x" ; a comment', ("x", 1)),
        ('"a"=""', ("", 1)),
        (r'"a"="C:\\x\\\"y\""', ('C:\\x\\"y"', 1)),
        ('"a"=dword:1f', (31, 4)),
        ('"a"=DWORD: FFFFFFFF;c', (0xFFFFFFFF, 4)),
        ('"a"=hex(4):01,02,00,00', (513, 4)),
        ('"a"=hex:', (b"", 3)),
        ('"a"=hex:1,Af , 03', (b"\1\xaf\3", 3)),
        ('"a"=hex(b):01,00,00,00,00,00,00,00', (b"\1\0\0\0\0\0\0\0", 11)),
        ('"a"=hex(1):41,00,00,00,42,00', ("A", 1)),
        ('"a"=hex(2):41,00', ("A", 2)),
        ('"a"=hex(7):', ([], 7)),
        ('"a"=hex(7):00,00', ([], 7)),
        ('"a"=hex(7):00,00,00,00', ([], 7)),
        # Some programs write one NUL too few.
        ('"a"=hex(7):41,00,00,00', (["A"], 7)),
        ('"a"=hex(7):41,00,00,00,00,00,42,00,00,00,00,00', (["A", "", "B"], 7)),
        ('"a"=hex(7):41,\\\r\n  00,00,\\ \r\n00,\\ ; a comment\r\n\t00,00', (["A"], 7)),
        ('"a"="x"\r\n"A"="y"', ("y", 1)),
        ('"a"=hex(7):34,d8,1e,dd,00,00,00,00', (["\U0001d11e"], 7)),
        ('"a"=hex(1):00,d8', ("\ud800", 1)),
    ],
)
def test_the_ways_to_write_a_value(line: str, value: Any) -> None:
    assert values(line, "; a comment", "") == {"A": value}


def test_names_have_escapes_too_and_the_default_value_has_none() -> None:
    assert values(r'"C:\\\"x\""=dword:0', '@="y"') == {'C:\\"X"': (0, 4), "": ("y", 1)}


def test_what_is_deleted_is_gone_and_may_come_again() -> None:
    file = parsed(
        *('"a"="1"', '"b"="2"', '"A"=-', '"never"=-', f"[{KEY}\\Sub]", '"c"="3"', f"[{KEY}Too]", '"d"="4"'),
        *(f"[-{KEY.lower()}\\sub]", '"ignored"="5"', f"[{KEY}\\Again]"),
    )
    assert {key: list(found) for key, found in file.keys.items()} == {
        KEY.upper(): ["B"],
        f"{KEY}Too".upper(): ["D"],
        f"{KEY}\\Again".upper(): [],
    }
    assert parsed('"a"="1"', f"[-{KEY}]").keys == {}
    assert values('"a"="1"', f"[-{KEY}]", f"[{KEY}]", '"b"="2"') == {"B": ("2", 1)}


def test_a_keys_name_may_have_brackets() -> None:
    assert list(parsed("[HKEY_USERS\\[a]]").keys) == [KEY.upper(), "HKEY_USERS\\[A]"]


@pytest.mark.parametrize(
    "content",
    [
        unicode_file('"a"="ä"').removeprefix(codecs.BOM_UTF16_LE),
        codecs.BOM_UTF8 + f'{UNICODE}\n[{KEY}]\n"a"="ä"'.encode(),
        f'\r\n{UNICODE}\r\n[{KEY}]\r\n"a"="x"'.removeprefix("\r\n").encode(),
    ],
)
def test_encodings_that_editors_save_in(content: bytes) -> None:
    found = RegFile(content).get(KEY, "a")
    assert found is not None
    assert found[0] in ("ä", "x")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("abc", "5: is neither a [key], nor a value, nor a comment"),
        ("[HKEY_LOCAL_MACHINE", "5: a key's name has no closing bracket"),
        ('"b"', "5: there is no = behind a value's name"),
        ('"b"=', '5: is no value: a value is a "string", dword:, hex: or hex(n):'),
        ('"b"=qword:1', '5: is no value: a value is a "string", dword:, hex: or hex(n):'),
        ('"b"=dword:123456789', '5: is no value: a value is a "string", dword:, hex: or hex(n):'),
        ('"b"="x" y', "5: something is behind the value"),
        ('"b"=dword:1 "c"=dword:2', "5: something is behind the value"),
        ('"b"=hex:0g', "5: something is behind the value"),
        ('"b"=hex:012', "5: '012' is no byte: a byte has two hexadecimal digits"),
        ('"b"=hex:01,,02', "5: '' is no byte: a byte has two hexadecimal digits"),
        ('"b"="C:\\new"', "5: a backslash in a string is written twice"),
        ('"b"="two\r\nlines \\x"', "6: a backslash in a string is written twice"),
        ('"b', "5: a string has no closing quotation mark"),
        ('"b"="x', "5: a string has no closing quotation mark"),
        ('"b"="x\\', "5: a backslash in a string is written twice"),
        ('"b"=hex:01,', "5: a byte is expected behind the comma: the file seems to be cut short"),
        ('"b"=hex:01,\\\r\n02,\\', "6: the file ends, or the line goes on, where the rest of a value is expected"),
        ('"b"=hex:01,\\ 02', "5: the file ends, or the line goes on, where the rest of a value is expected"),
        ('"b"=hex:01,\\\r\n\r\n"c"=-', "6: a byte is expected behind the comma: the file seems to be cut short"),
    ],
)
def test_a_line_that_cannot_be_is_a_mistake_with_its_number(line: str, problem: str) -> None:
    content = unicode_file('"a"="x"', line).removesuffix("\r\n".encode("utf-16-le"))
    assert problem_of(content) == f"x.reg:{problem}"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('"b"=hex(4):01', "b is a REG_DWORD of 1 bytes; it must have 4"),
        ('"b"=hex(7):41,00,00', "b has 3 bytes, where UTF-16 has pairs of them"),
        ('"b"=hex(7):41,00,00,00,42,00', "b does not end with a NUL: the file seems to be cut short"),
    ],
)
def test_a_value_that_is_none_of_its_type_is_a_mistake_for_who_asks_for_it(line: str, problem: str) -> None:
    content = unicode_file('"a"="x"', "", line)
    assert problem_of(content, "b") == f"x.reg:6: {problem}"
    assert RegFile(content).get(KEY, "a") == ("x", 1)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"\0", b"\0\0\0\0", b"[HKEY_LOCAL_MACHINE]\n", b"MZ\x90\0\x03", b"REGEDIT5\n"]
)
def test_what_is_no_export_is_a_mistake(content: bytes) -> None:
    problem = problem_of(content)
    assert problem == f'x.reg:1: is no export of a registry: its first line is neither "{UNICODE}" nor "{ANSI}"'


def test_a_value_before_any_key_is_a_mistake() -> None:
    assert problem_of(b'REGEDIT4\n"a"="x"\n') == "x.reg:2: a value comes before any key"


@pytest.mark.parametrize(
    ("content", "code_page", "problem"),
    [
        (unicode_file('"a"="x"')[:-1], None, "4: ends with half a unit of UTF-16: the file is cut short"),
        (codecs.BOM_UTF8 + f"{UNICODE}\n\n;\xe4".encode("latin-1"), None, "3: byte 0xe4 is not UTF-8"),
        (b"REGEDIT4\n;\x81", 932, "2: byte 0x81 is not CP932"),
        (f'REGEDIT4\n[{KEY}]\n"a"=hex(1):81,00'.encode(), 932, "3: a is no text of code page 932"),
    ],
)
def test_letters_that_cannot_be_are_a_mistake(content: bytes, code_page: int | None, problem: str) -> None:
    assert problem_of(content, "a", code_page) == f"x.reg:{problem}"


WHICH = (
    "the file does not say of which code page its letters are: give its number (1252 in Western Europe, 932 in "
    "Japan), or export the key as version 5.00"
)


@pytest.mark.parametrize("value", ['"\xe4"', "hex(7):e4,00,00"])
def test_letters_of_an_unknown_code_page_are_a_mistake_only_where_they_are_asked_for(value: str) -> None:
    content = f'REGEDIT4\n[{KEY}]\n"a"={value}\n"b"="x"'.encode("latin-1")
    assert RegFile(content).get(KEY, "b") == ("x", 1)
    assert problem_of(content, "a") == f"x.reg:3: a has letters beyond ASCII, and {WHICH}"
    assert RegFile(content, code_page=1252).get(KEY, "a") in (("ä", 1), (["ä"], 7))


def test_a_backslash_in_a_letter_of_an_unknown_code_page_is_thought_of() -> None:
    with pytest.raises(ConfigError) as raised:
        RegFile.read(DATA / "japanese.reg")
    problem = "a backslash in a string is written twice"
    assert str(raised.value) == f"{DATA / 'japanese.reg'}:4: {problem}; or else it is that {WHICH}"


def test_a_code_page_that_there_is_not_is_a_mistake() -> None:
    assert problem_of(b"REGEDIT4\n", code_page=9999) == "x.reg: there is no code page 9999"


def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.reg"):
        with pytest.raises(ConfigError, match=str(path)):
            RegFile.read(path)


def test_a_giant_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "giant.reg"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ConfigError, match="is larger than 4 MiB; export the key of the DHCP server alone"):
        RegFile.read(path)


@pytest.mark.parametrize(
    "body",
    [
        b'"a"=hex:' + b"00," * 8_000 + b"00",
        b'"' + b"\\\\" * 12_000 + b'"=-',
        b"[" * 24_000,
        b"\n" * 24_000 + b"x",
        b"@=-\n" * 6_000,
        b"[a]\n[-a]\n" * 2_500,
        b'@="' + b"\n" * 24_000,
    ],
)
def test_a_large_file_takes_memory_in_proportion(body: bytes) -> None:
    content = b"REGEDIT4\n[a]\n" + body
    tracemalloc.start()
    try:
        RegFile(content)
    except ConfigError:
        pass
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 64 * len(content)


_NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=6)
_STRINGS = st.text(st.characters(exclude_characters="\0\r"), max_size=12)
_DATA = st.one_of(
    st.tuples(st.just(1), _STRINGS),
    st.tuples(st.just(2), _STRINGS),
    st.tuples(st.just(7), st.lists(_STRINGS.filter(bool), max_size=4)),
    st.tuples(st.just(4), st.integers(0, 0xFFFFFFFF)),
    st.tuples(st.sampled_from([0, 3, 11, 0x12345678]), st.binary(max_size=40)),
)


def written(kind: int, data: Any, width: int, in_quotes: bool) -> str:
    """A value as a file has it, in lines of ``width`` bytes."""
    if kind == 1 and in_quotes:
        escaped = data.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if kind == 4 and in_quotes:
        return f"dword:{data:08x}"
    if kind == 4:
        data = data.to_bytes(4, "little")
    elif kind in (1, 2):
        data = f"{data}\0".encode("utf-16-le", "surrogatepass")
    elif kind == 7:
        data = "".join(f"{text}\0" for text in [*data, ""]).encode("utf-16-le", "surrogatepass")
    lines = [data[start : start + width].hex(",") for start in range(0, len(data), width)]
    return f"hex({kind:x}):" + ",\\\r\n  ".join(lines)


@given(st.dictionaries(_NAMES.map(str.upper), _DATA, max_size=6), st.integers(1, 30), st.booleans(), st.booleans())
@example({"A": (1, '\ud800\n\\"')}, 1, True, True)
def test_what_is_written_is_read_back(
    data: dict[str, tuple[int, Any]], width: int, in_quotes: bool, has_bom: bool
) -> None:
    lines = []
    for name, (kind, value) in data.items():
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'"{escaped}"={written(kind, value, width, in_quotes)}')
    content = unicode_file(*lines)
    file = RegFile(content if has_bom else content.removeprefix(codecs.BOM_UTF16_LE))
    assert {name: file.get(KEY, name) for name in data} == {name: (value, kind) for name, (kind, value) in data.items()}


_LINES = st.lists(
    st.sampled_from(
        [
            "[A]",
            "[-A]",
            '"a"',
            "@",
            "=",
            "-",
            "dword:",
            "hex(7):",
            "hex:",
            "00,",
            "41,00,",
            "\\",
            "\n",
            ";",
            '"',
            "\\\\",
        ]
    )
    | st.text(max_size=2),
    max_size=20,
).map("".join)


@given(
    st.binary(max_size=60)
    | _LINES.map(lambda text: f"{ANSI}\n{text}".encode("utf-8", "surrogatepass"))
    | _LINES.map(lambda text: f"{UNICODE}\n{text}".encode("utf-16", "surrogatepass"))
    | st.integers(0, len((DATA / "server.reg").read_bytes())).map(
        lambda size: (DATA / "server.reg").read_bytes()[:size]
    ),
    st.sampled_from([None, 932, 1252]),
)
def test_any_bytes_are_a_file_or_one_mistake(content: bytes, code_page: int | None) -> None:
    try:
        file = RegFile(content, file="x.reg", code_page=code_page)
        for key, found in file.keys.items():
            for name in found:
                file.get(key, name)
    except ConfigError as error:
        (problem,) = error.problems
        assert problem.line is not None
        assert 1 <= problem.line <= content.count(b"\n") + 1
