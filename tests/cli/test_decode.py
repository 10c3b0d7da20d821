"""``dhcpcallout decode`` on files and single messages, as a user calls it."""

import io
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from dhcpcallout.cli import app
from dhcpcallout.cli.decode import LONG_FILE, describe

KEYS = [
    "frame", "op", "htype", "hlen", "hops", "xid", "secs", "flags", "ciaddr", "yiaddr", "siaddr", "giaddr", "chaddr",
    "sname", "file", "options", "errors",
]  # fmt: skip
HEADER = struct.pack("!BBBBIHH", 2, 1, 6, 3, 0x01020304, 0x0506, 0x8007) + bytes(range(10, 26))
CHADDR = bytes.fromhex("00155d0a0b0c")
DATA = Path(__file__).parents[1] / "data" / "captures"
COOKIE = b"\x63\x82\x53\x63"


def message(
    options: bytes = b"\x35\x01\x05\xff", *, sname: bytes = b"server", file: bytes = b"boot.img", cookie: bytes = COOKIE
) -> bytes:
    return HEADER + CHADDR.ljust(16, b"\0") + sname.ljust(64, b"\0") + file.ljust(128, b"\0") + cookie + options


def capture(*messages: bytes) -> bytes:
    file = io.BytesIO()
    writer = dpkt.pcap.Writer(file)
    for payload in messages:
        udp = dpkt.udp.UDP(sport=67, dport=68, ulen=8 + len(payload), data=payload)
        ip = dpkt.ip.IP(src=b"\xc0\0\x02\1", dst=b"\xff" * 4, p=17, len=28 + len(payload), data=udp)
        writer.writepkt(dpkt.ethernet.Ethernet(data=ip), 0.0)
    return file.getvalue()


def run(*arguments: str | Path, data: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["decode", *map(str, arguments)], input=data)


def records(result: Result) -> list[dict[str, Any]]:
    assert (result.exit_code, result.stderr) == (0, "")
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_json_gives_every_key_in_its_order_and_every_field_from_its_place() -> None:
    (line,) = run("--json", "--hex", message().hex()).stdout.splitlines()

    assert json.loads(line) == {
        "frame": 1,
        "op": 2,
        "htype": 1,
        "hlen": 6,
        "hops": 3,
        "xid": 0x01020304,
        "secs": 0x0506,
        "flags": 0x8007,
        "ciaddr": "10.11.12.13",
        "yiaddr": "14.15.16.17",
        "siaddr": "18.19.20.21",
        "giaddr": "22.23.24.25",
        "chaddr": "00155d0a0b0c",
        "sname": "server",
        "file": "boot.img",
        "options": [{"code": 53, "name": "dhcp-message-type", "hex": "05", "value": "ack", "area": "options"}],
        "errors": [],
    }
    assert list(json.loads(line)) == KEYS


def test_a_capture_of_many_kinds_gives_what_its_readme_says() -> None:
    result = run(DATA / "own.pcapng", "--json")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (DATA / "own.jsonl").read_text("utf-8")


def test_a_capture_gives_a_line_a_message_with_its_frame(tmp_path: Path) -> None:
    file = tmp_path / "two.pcap"
    file.write_bytes(capture(message(), message(b"\x35\x01\x02\xff")))

    found = records(run(file, "--json"))

    assert [(record["frame"], record["options"][0]["value"]) for record in found] == [(1, "ack"), (2, "offer")]


@pytest.mark.parametrize("arguments", [("-",), ("--raw", "-")])
def test_standard_input_is_read(arguments: tuple[str, ...]) -> None:
    data = message() if "--raw" in arguments else capture(message())

    assert records(run("--json", *arguments, data=data)) == [describe(1, message())]


def test_a_raw_message_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "message.bin"
    file.write_bytes(message())

    assert records(run("--raw", file, "--json")) == [describe(1, message())]


@pytest.mark.parametrize(
    "text", [message().hex(), f"0x{message().hex().upper()}", message().hex(":"), message().hex(" ", 4)]
)
def test_hexadecimal_is_taken_as_people_write_it(text: str) -> None:
    assert records(run("--hex", text, "--json")) == [describe(1, message())]


def test_options_stand_as_on_the_wire_with_their_areas() -> None:
    data = message(b"\x34\x01\x03\0\x0c\x02ab\xff\x01", file=b"\x0c\x02cd\xff", sname=b"\0\x0f\x01z\xff")

    record = describe(1, data)

    assert (record["sname"], record["file"], record["errors"]) == (None, None, [])
    assert [(o["code"], o["hex"], o["value"], o["area"]) for o in record["options"]] == [
        (52, "03", "both", "options"),
        (12, b"ab".hex(), "abcd", "options"),
        (12, b"cd".hex(), None, "file"),
        (15, b"z".hex(), "z", "sname"),
    ]


def test_a_malformed_option_hides_no_other_and_is_told_with_its_place() -> None:
    record = describe(1, message(b"\x33\x03\x00\x00\x01\x35\x01\x05\xfe\x00\xff"))

    assert [(o["name"], o["value"]) for o in record["options"]] == [
        ("dhcp-lease-time", None),
        ("dhcp-message-type", "ack"),
        ("option-254", ""),
    ]
    (error,) = record["errors"]
    assert error.startswith("option 51, byte 24")


def test_an_error_in_a_joined_value_points_into_the_part_that_holds_it() -> None:
    # Routers in three parts; the third address lacks its last byte, which would be in the last part.
    data = message(b"\x03\x02\x0a\0\x03\x06\0\1\x0a\0\0\2\x03\x03\x0a\0\0\xff")

    (error,) = describe(1, data)["errors"]

    assert error.startswith(f"option 3, byte {240 + 2 + 2 + 2 + 6 + 2}: ")


def test_a_cut_option_gives_its_bytes_and_no_value() -> None:
    record = describe(1, message(b"\x0c\x09abc"))

    assert record["options"] == [{"code": 12, "name": "host-name", "hex": "616263", "value": None, "area": "options"}]
    assert len(record["errors"]) == 1


@pytest.mark.parametrize("size", range(241))
def test_a_message_cut_anywhere_still_gives_every_key(size: int) -> None:
    whole = describe(1, message())
    ends = [("op", 1), ("htype", 2), ("hlen", 3), ("hops", 4), ("xid", 8), ("secs", 10), ("flags", 12), ("ciaddr", 16),
            ("yiaddr", 20), ("siaddr", 24), ("giaddr", 28), ("chaddr", 44), ("sname", 108), ("file", 236)]  # fmt: skip

    record = describe(1, message()[:size])

    assert list(record) == KEYS
    for name, end in ends:
        assert record[name] == (whole[name] if size >= end else None)
    assert record["options"] == ([] if size >= 236 else None)
    assert bool(record["errors"]) == (size < 236 or size == 240)


def test_what_the_capture_lacks_of_a_message_is_told() -> None:
    assert "the capture has 244 of the message's 300 bytes" in describe(1, message(), 300)["errors"]


def test_a_hardware_address_that_is_too_long_is_told_and_the_rest_read() -> None:
    data = bytearray(message())
    data[2] = 255

    record = describe(1, bytes(data))

    assert (record["hlen"], record["chaddr"]) == (255, CHADDR.hex().ljust(32, "0"))
    assert record["options"] == describe(1, message())["options"]
    assert record["errors"] == ["byte 2: hardware address length 255; at most 16"]


def test_a_message_without_the_cookie_has_no_options() -> None:
    record = describe(1, message(cookie=b"\1\2\3\4"))

    assert (record["options"], record["errors"]) == ([], [])


def test_texts_of_the_header_end_at_nul_and_keep_other_bytes_readable() -> None:
    record = describe(1, message(sname=b"sch\xc3\xb6n\xff\0rest", file=b'a\x1b[2J\n"\x9b'))

    assert record["sname"] == "schön\\xff"
    assert record["file"] == 'a\x1b[2J\n"\\x9b'


@given(data=st.one_of(st.binary(max_size=600), st.binary(max_size=300).map(message)))
def test_any_bytes_give_a_line_that_is_one_line_and_the_same_again(data: bytes) -> None:
    record = describe(7, data)

    assert list(record) == KEYS
    assert record == describe(7, data)
    line = json.dumps(record)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == record


def test_people_see_the_whole_message() -> None:
    text = run("--hex", message(b"\x35\x01\x05\x33\x02\0\0\xff").hex()).stdout

    assert text.splitlines()[0] == "frame 1  ACK"
    for part in (
        "op 2", "xid 0x01020304", "flags 0x8007", "yiaddr 14.15.16.17", "chaddr 00:15:5d:0a:0b:0c", "sname server",
        "file boot.img", "53 dhcp-message-type", "51 dhcp-lease-time", "0x0000", "! option 51, byte",
    ):  # fmt: skip
        assert part in text


def test_people_see_where_a_message_went(tmp_path: Path) -> None:
    file = tmp_path / "one.pcap"
    file.write_bytes(capture(message()))

    assert run(file).stdout.startswith("frame 1  192.0.2.1:67 > 255.255.255.255:68  ACK\n")


def test_people_see_what_can_be_read_of_a_broken_message() -> None:
    text = run("--hex", message()[:9].hex()).stdout

    assert text.startswith("frame 1  CUT\n")
    assert "xid 0x01020304  secs ?" in text
    assert "! byte 9:" in text


@pytest.mark.parametrize(
    "hostile",
    [b"\x1b[31mred\x1b[0m", b"[bold]markup[/bold][/]", b"line\r\nline", b"\xe2\x80\xaeright to left", b":smile:"],
)
@pytest.mark.parametrize("place", ["sname", "file", "option", "unknown option"])
def test_nothing_from_the_network_reaches_the_terminal_as_control_or_markup(place: str, hostile: bytes) -> None:
    options = {"option": b"\x0c", "unknown option": b"\xfe"}
    if place in options:
        data = message(options[place] + bytes((len(hostile),)) + hostile + b"\xff")
    else:
        data = message(sname=hostile) if place == "sname" else message(file=hostile)

    text = run("--hex", data.hex()).stdout

    assert all(character == "\n" or character.isprintable() for character in text)
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in hostile.decode())
    assert (f"  {place} {shown}\n" in text) == (place not in options)


def test_a_cut_capture_gives_its_messages_and_then_the_error(tmp_path: Path) -> None:
    file = tmp_path / "cut.pcap"
    file.write_bytes(capture(message(), message())[:-9])

    result = run(file, "--json")

    assert [json.loads(line)["frame"] for line in result.stdout.splitlines()] == [1]
    assert result.exit_code == 1
    assert result.stderr == f"dhcpcallout: {file}: cut off at byte {file.stat().st_size}, after 1 whole frames\n"


def test_no_capture_is_one_line_on_standard_error(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear reader")

    result = run(file)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"dhcpcallout: {file}: not a capture file: neither pcap nor pcapng nor snoop\n"


def test_a_capture_without_a_message_says_so(tmp_path: Path) -> None:
    file = tmp_path / "none.pcap"
    file.write_bytes(capture())

    result = run(file, "--json")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"dhcpcallout: {file}: no DHCP message in 0 frames\n"


def test_frames_that_cannot_be_looked_into_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "usb.pcap"
    data = bytearray(capture(message()))
    data[20] = 220
    file.write_bytes(data)

    assert "1 frames of link type 220 were not looked into" in run(file).stderr


@pytest.mark.parametrize(
    "arguments",
    [(), ("--json",), ("--hex", "00", "--raw", "-"), ("--hex", "0"), ("--hex", "no")],
)
def test_mistakes_in_usage_end_with_status_2(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize("arguments", [(), ("--raw",)])
def test_a_file_that_is_not_there_is_one_line_on_standard_error(arguments: tuple[str, ...]) -> None:
    result = run(*arguments, "no-such-file")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("dhcpcallout: no-such-file: No such file")


def test_more_than_a_message_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "large.bin"
    file.write_bytes(bytes(65_536))

    result = run("--raw", file)

    assert result.exit_code == 2
    assert "65535" in result.stderr


def test_the_module_runs_as_a_program_and_survives_a_reader_that_leaves(tmp_path: Path) -> None:
    file = tmp_path / "many.pcap"
    file.write_bytes(capture(*[message()] * 2000))
    with subprocess.Popen(
        [sys.executable, "-m", "dhcpcallout", "decode", str(file), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()

    assert json.loads(line) == describe(1, message())
    assert errors == b""


def test_a_slow_pipe_gives_each_message_when_it_comes() -> None:
    data = capture(message(), message())
    with subprocess.Popen(
        [sys.executable, "-m", "dhcpcallout", "decode", "-", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(data[: (24 + len(data)) // 2])
        process.stdin.flush()
        first = process.stdout.readline()
        process.stdin.write(data[(24 + len(data)) // 2 :])
        process.stdin.close()
        rest = process.stdout.read()

    assert json.loads(first) == describe(1, message())
    assert json.loads(rest) == describe(2, message())
    assert process.returncode == 0


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no pseudo-terminals")
@pytest.mark.parametrize("long", [True, False], ids=["long", "short"])
def test_a_long_capture_shows_a_progress_bar_on_a_terminal_only(tmp_path: Path, long: bool) -> None:
    frames = LONG_FILE // 4096 + 1 if long else 2
    file = tmp_path / "long.pcap"
    file.write_bytes(capture(*[message(bytes(4096))] * frames))
    terminal, inner = os.openpty()
    try:
        result = subprocess.run(
            [sys.executable, "-m", "dhcpcallout", "decode", str(file), "--json"],
            stdout=subprocess.PIPE,
            stderr=inner,
            env={**os.environ, "TERM": "xterm"},
            check=True,
        )
        os.close(inner)
        shown = b""
        try:
            while more := os.read(terminal, 65_536):
                shown += more
        except OSError:  # how Linux tells that nobody holds the other end any more
            pass
    finally:
        os.close(terminal)

    assert (b"decoding" in shown) == long
    assert len(result.stdout.splitlines()) == frames
    assert b"decoding" not in result.stdout
