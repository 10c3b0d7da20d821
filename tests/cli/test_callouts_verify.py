"""``dhcpcallout callouts verify``, as a user calls it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dhcpcallout.cli import app

DATA = Path(__file__).parents[1] / "data" / "captures"
GOOD = """
from dhcpcallout import Callout, Drop

callout = Callout("good")


@callout.new_packet
def refuse(event):
    packet = event.packet
    return Drop() if packet is not None and packet.chaddr == bytes.fromhex("0200c0ffee00") else None
"""
BAD = """
from dhcpcallout import Callout

callout = Callout("bad")


@callout.packet_send
def send(event):
    raise ValueError("not today")
"""
FASTER = ("--isolation", "none", "--scenario", "messages")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["callouts", "verify", *map(str, arguments)])


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.py"
    path.write_text(GOOD)
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.py"
    path.write_text(BAD)
    return path


def test_a_good_callout_ends_with_status_0_and_says_what_was_tried(good: Path) -> None:
    result = run(good, *FASTER, "--scenario", "refused")

    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[:3] == [f"{good}: ok", "  0 errors, 0 warnings", "  listens on new_packet"]
    assert lines[-1] == "scenarios: messages, refused"
    (row,) = (line for line in lines if line.startswith("new_packet"))
    assert row.split()[2] == "0"


def test_a_bad_callout_ends_with_status_1_and_says_why(bad: Path) -> None:
    result = run(bad, *FASTER)

    assert (result.exit_code, result.stderr) == (1, "")
    assert f"{bad}: would hurt a server\n  1 error, 0 warnings\n" in result.stdout
    assert f"error (fault): ValueError: not today ({bad}:9)\n  in scenario messages, DhcpPktSendHook\n" in result.stdout


def test_json_gives_the_whole_report(bad: Path) -> None:
    result = run(bad, *FASTER, "--json")

    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert list(report) == [
        "callout", "name", "hurts", "slots", "findings", "hooks", "answers", "dropped", "changed", "statuses",
        "contexts", "growth", "scenarios",
    ]  # fmt: skip
    assert (report["callout"], report["name"], report["hurts"]) == (str(bad), "bad", True)
    (finding,) = report["findings"]
    assert (finding["severity"], finding["kind"], finding["slot"]) == ("error", "fault", "packet_send")
    (hook,) = report["hooks"]
    assert hook["faults"] == hook["calls"] > 10
    assert 0 < hook["median-us"] <= hook["p99-us"] <= hook["max-us"]


def test_the_messages_of_a_capture_are_replayed(good: Path) -> None:
    result = run(good, "--isolation", "none", "--scenario", "capture", "--pcap", DATA / "own.pcapng", "--json")

    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert [one["name"] for one in report["scenarios"]] == ["capture"]
    assert report["hooks"][0]["calls"] == 3  # frames 1, 4 and 7: what goes to port 67


def test_clients_have_the_addresses_that_they_are_given(good: Path) -> None:
    result = run(good, *FASTER, "--mac", "02:00:c0:ff:ee:00", "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["dropped"]["REQUEST"] > 5


def test_a_relative_path_and_a_module_are_found(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(good.parent)
    monkeypatch.syspath_prepend(good.parent)

    assert run("good.py", *FASTER).exit_code == 0
    assert run("python:good", *FASTER).exit_code == 0


def test_what_the_callout_prints_does_not_get_into_the_report(bad: Path) -> None:
    bad.write_text(BAD.replace('raise ValueError("not today")', 'print("printed")'))

    result = run(bad, "--scenario", "messages", "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["findings"] == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["/nonexistent/callout.so"], "there is no file"),
        (["GOOD", "--scenario", "nothing"], "no scenario nothing"),
        (["GOOD", "--mac", "rubbish"], "--mac"),
        (["GOOD", "--pcap", "/nonexistent/file"], "No such file"),
        (["GOOD", "--pcap", "GOOD"], "not a capture file"),
        (["GOOD", "--worker-command", "/nonexistent/python -x"], "/nonexistent/python"),
        (["GOOD", "--isolation", "some"], "some"),
        ([], "CALLOUT"),
    ],
)
def test_mistakes_in_usage_end_with_status_2(arguments: list[str], problem: str, good: Path) -> None:
    result = run(*(str(good) if one == "GOOD" else one for one in arguments))

    assert result.exit_code == 2
    assert problem in " ".join(result.stderr.replace("│", " ").split())


def test_a_capture_without_a_request_is_refused(good: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(b"\xd4\xc3\xb2\xa1\x02\0\x04\0" + bytes(8) + b"\0\0\x04\0\x01\0\0\0")

    result = run(good, "--pcap", empty)

    assert result.exit_code == 2
    assert "no message to a server" in result.stderr


def test_a_terminal_is_not_steered_by_what_a_callout_says(bad: Path) -> None:
    bad.write_text(BAD.replace("not today", r"\x1b[2J" + "\N{SNOWMAN}"))

    result = run(bad, *FASTER)

    assert "\x1b" not in result.stdout
    assert "ValueError: \\x1b[2J\N{SNOWMAN}" in result.stdout
