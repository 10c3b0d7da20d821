"""Which format a file is of."""

import io
from pathlib import Path

import pytest

from dhcpcallout.errors import LeaseFileError
from dhcpcallout.leases import Lease
from dhcpcallout.stores.formats import SubnetIds, guess_format, read_entries, write_csv, write_jsonl

DATA = Path(__file__).parents[2] / "data" / "leases"
LEASE = Lease(0x0A090001, b"\1\2", 1, b"\2\0\0\0\0\1", 0, 1, 2)


def test_real_files_are_known() -> None:
    for name, kind in (("kea-2.2.0.csv", "kea-csv"), ("dhcpd-4.4.3.leases", "isc")):
        assert guess_format((DATA / name).read_bytes()[:512]) == kind


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"".join(write_csv([LEASE], SubnetIds({}))), "kea-csv"),
        (b"".join(write_jsonl([LEASE])), "json"),
        (b"\xef\xbb\xbf" + b"".join(write_jsonl([LEASE])), "json"),
        (b"\n\nlease 10.9.0.1 {", "isc"),
        (b'server-duid "x";', "isc"),
        (b"", "isc"),
    ],
)
def test_a_file_is_known_by_how_it_begins(data: bytes, kind: str) -> None:
    assert guess_format(data) == kind


@pytest.mark.parametrize("data", [b"hello", b"SQLite format 3\0", b"\x00", b"<xml>"])
def test_what_is_of_no_format_is_an_error(data: bytes) -> None:
    with pytest.raises(LeaseFileError, match="like no file of leases"):
        guess_format(data)


@pytest.mark.parametrize("kind", ["kea-csv", "isc", "json"])
def test_every_format_is_read(kind: str) -> None:
    data = {
        "kea-csv": b"".join(write_csv([LEASE], SubnetIds({}))),
        "json": b"".join(write_jsonl([LEASE])),
        "isc": b'lease 10.9.0.1 { starts epoch 1; ends epoch 2; hardware ethernet 2:0:0:0:0:1; uid "\\001\\002"; }',
    }[kind]
    problems: list[str] = []
    entries = list(read_entries(io.BytesIO(data), kind, lambda _, problem: problems.append(problem)))  # type: ignore[arg-type]
    assert [entry.lease for entry in entries] == [LEASE]
    assert not problems
