"""Every message of captures made by others, against what tshark 4.0 read in them, and options against FreeRADIUS.

The captures are no part of the project: they are looked for where DHCPCALLOUT_CAPTURES says, else beside the
checkout. Where we and the others disagree, a table in tests/data/captures says why they are wrong, or what they do that
is out of our scope; a disagreement that is not listed fails, and so does a listed one that is none any more.
"""

import csv
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dhcpcallout.cli.decode import describe
from dhcpcallout.errors import WireError
from dhcpcallout.transports.capture import Capture
from dhcpcallout.wire import REGISTRY, decode, scan

DATA = Path(__file__).parents[1] / "data" / "captures"
FOLDER = Path(os.environ.get("DHCPCALLOUT_CAPTURES") or Path(__file__).parents[3] / "shared" / "captures")
GOLDEN = ".golden.jsonl"
NUMBERS = ("op", "htype", "hlen", "hops", "xid", "secs", "flags")
ADDRESSES = ("ciaddr", "yiaddr", "siaddr", "giaddr")

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no captures in {FOLDER}; see DHCPCALLOUT_CAPTURES")


class Message(NamedTuple):
    """One line of a golden file: where it is from, and what tshark read."""

    file: str
    golden: dict[str, Any]
    payload: bytes


class Disagreement(NamedTuple):
    """What they read and what we read, as short texts; frame is a line number where the file is no capture."""

    file: str
    frame: str
    what: str
    theirs: str
    ours: str


def golden_files() -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    for path in sorted(FOLDER.rglob(f"*{GOLDEN}")):
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        yield path.with_name(path.name.removesuffix(GOLDEN)), lines


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    return [
        Message(str(path.relative_to(FOLDER)), golden, bytes.fromhex(golden["payload"]))
        for path, lines in golden_files()
        for golden in lines
    ]


def listed(name: str) -> set[Disagreement]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, dialect="excel-tab"))
    assert all(row["reason"] for row in rows)
    return {Disagreement(row["file"], row["frame"], row["what"], row["theirs"], row["ours"]) for row in rows}


def up_to_nul(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("utf-8", "backslashreplace")


def places(errors: list[str]) -> list[str]:
    """Where the errors are, without their wording."""
    return [error.partition(": ")[0] for error in errors]


def compare_header(golden: dict[str, Any], ours: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Field by field; null in the golden file is what tshark did not get to."""
    for name in (*NUMBERS, *ADDRESSES):
        if golden[name] is not None and golden[name] != ours[name]:
            yield name, str(golden[name]), str(ours[name])
    if golden["chaddr"] is not None and golden["chaddr"][: 2 * min(golden["hlen"], 16)] != ours["chaddr"]:
        yield "chaddr", golden["chaddr"], str(ours["chaddr"])
    for name in ("sname", "file"):
        if golden[name] is None and golden[f"{name}_hex"] is not None:
            theirs = None  # overloaded
        elif golden[name] is None:
            continue
        else:
            theirs = up_to_nul(bytes.fromhex(golden[f"{name}_hex"]))
            assert golden[name] == theirs or not theirs.isprintable() or "\\x" in theirs
        if theirs != ours[name]:
            yield name, str(theirs), str(ours[name])


def compare_options(golden: dict[str, Any], ours: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Code and bytes of each option, field by field and in each field's order, pads and ends left out."""
    if golden["options"] is None:
        return
    areas = golden.get("option_areas") or ["options"] * len(golden["options"])
    for area in ("options", "file", "sname"):
        theirs = [
            f"{code}:{data}"
            for (code, data), where in zip(golden["options"], areas, strict=True)
            if where == area and code not in (0, 255)
        ]
        mine = [f"{option['code']}:{option['hex']}" for option in ours["options"] or () if option["area"] == area]
        if theirs != mine:
            same = next((n for n, pair in enumerate(zip(theirs, mine, strict=False)) if pair[0] != pair[1]), None)
            first = min(len(theirs), len(mine)) if same is None else same
            yield f"{area}, from option {first} on", " ".join(theirs[first:]), " ".join(mine[first:])


def compare_errors(golden: dict[str, Any], ours: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Whether anything is wrong with the message, by tshark's dissectors and by ours."""
    theirs = [text for severity, text in golden.get("expert") or () if severity == "error"]
    theirs += [name for name in ("malformed", "short") if golden[name]]
    if bool(theirs) != bool(ours["errors"]):
        yield "errors", "; ".join(theirs), "; ".join(places(ours["errors"]))


def test_our_capture_reader_finds_what_tshark_finds() -> None:
    for path, lines in golden_files():
        if path.suffix == ".bin":
            continue
        with path.open("rb") as file:
            capture = Capture(file)
            ours = [
                (d.frame, str(d.src), d.src_port, str(d.dst), d.dst_port, d.size + 8, d.payload.hex()) for d in capture
            ]
        names = ("frame", "src", "sport", "dst", "dport", "udp_length", "payload")
        assert ours == [tuple(line[name] for name in names) for line in lines], path
        assert not capture.unread


def test_raw_messages_are_those_of_the_golden_files() -> None:
    for path, lines in golden_files():
        if path.suffix == ".bin":
            assert [line["payload"] for line in lines] in ([path.read_bytes().hex()], [])


def test_every_message_is_read_as_tshark_reads_it(messages: list[Message]) -> None:
    assert len(messages) > 800
    found = set()
    for file, golden, payload in messages:
        ours = describe(golden["frame"], payload, golden["udp_length"] and golden["udp_length"] - 8)
        for compare in (compare_header, compare_options, compare_errors):
            for what, theirs, mine in compare(golden, ours):
                found.add(Disagreement(file, str(golden["frame"]), what, theirs, mine))
    expected = listed("disagreements.tsv")

    assert sorted(found - expected) == []
    assert sorted(expected - found) == [], "listed, but agreed upon"


def test_packets_hold_what_tshark_read(messages: list[Message]) -> None:
    """Packet against the golden file: the header, and each option with its parts joined as RFC 3396 says."""
    for file, golden, payload in messages:
        where = f"{file} frame {golden['frame']}"
        try:
            packet = decode(payload)
        except WireError:
            assert len(payload) < 236 or payload[2] > 16, where
            continue
        for name in NUMBERS:
            assert getattr(packet, name) == golden[name] or golden[name] is None, where
        for name in ADDRESSES:
            assert str(getattr(packet, name)) == golden[name] or golden[name] is None, where
        joined: dict[int, bytes] = {}
        for option in scan(payload).options:
            if not option.cut:
                joined[option.code] = joined.get(option.code, b"") + option.data
        assert dict(packet.options) == joined, where
        if packet.message_type is not None and golden["msgtype"] is not None:
            assert packet.message_type == golden["msgtype"], where


def test_values_of_real_options_survive_the_wire_and_the_text(messages: list[Message]) -> None:
    values = {
        (code, data)
        for _, _, payload in messages
        if len(payload) >= 236 and payload[2] <= 16
        for code, data in decode(payload).options.items()
    }
    well_formed = 0
    for code, data in values:
        spec = REGISTRY.spec(code)
        try:
            value = spec.decode(data)
        except WireError:
            continue
        well_formed += 1
        assert spec.decode(spec.encode(value)) == value
        assert spec.parse_text(spec.to_text(value)) == value
    assert well_formed > 500


def freeradius_literals(text: str) -> list[str]:
    """What stands behind the equals signs of FreeRADIUS's notation, in our spelling of literals."""
    found = []
    for literal in re.findall(r"""=\s*("[^"]*"|'[^']*'|[^\s,{}"']+)""", text):
        plain = literal.strip("\"'").removeprefix("::").lower()
        found.append({"yes": "true", "no": "false"}.get(plain, plain.removeprefix("0x")))
    return found


def our_literals(text: str) -> list[str]:
    return [literal.strip('"') for literal in re.findall(r'"[^"]*"|[^\s,{}="]+(?![^\s,{}]*=)', text)]


def test_options_have_the_values_that_freeradius_gives_them() -> None:
    header = bytes((1, 1, 6, 0)) + bytes(232) + bytes.fromhex("63825363")
    found = set()
    for line in (FOLDER / "fuzz" / "freeradius-options" / "pairs.jsonl").read_text("utf-8").splitlines():
        pair = json.loads(line)
        record = describe(1, header + bytes.fromhex(pair["options"]) + b"\xff")
        texts = [option["value"] for option in record["options"] if option["value"] is not None]
        theirs, ours = pair.get("encode") or pair["freeradius_match"], "; ".join([*texts, *places(record["errors"])])
        if freeradius_literals(theirs) != [literal for text in texts for literal in our_literals(text)]:
            found.add(Disagreement(pair["path"].rpartition("/")[2], str(pair["line"]), "options", theirs, ours))
    expected = listed("freeradius.tsv")

    assert sorted(found - expected) == []
    assert sorted(expected - found) == [], "listed, but agreed upon"


def test_every_capture_is_decoded_in_seconds() -> None:
    start = time.process_time()
    for path, _ in golden_files():
        if path.suffix != ".bin":
            with path.open("rb") as file:
                for datagram in Capture(file):
                    json.dumps(describe(datagram.frame, datagram.payload, datagram.size))

    assert time.process_time() - start < 10
