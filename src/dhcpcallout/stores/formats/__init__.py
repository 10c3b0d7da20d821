"""Files that leases are exported to and imported from: Kea's, ISC dhcpd's, and JSON of our own."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import BinaryIO, Literal

from ...errors import LeaseFileError
from .common import Entry, Report
from .isc import read_isc
from .jsonl import describe, read_jsonl, write_jsonl
from .kea import SubnetIds, from_json, read_csv, to_json, write_csv

__all__ = [
    "Entry",
    "FileFormat",
    "Report",
    "SubnetIds",
    "describe",
    "from_json",
    "guess_format",
    "read_entries",
    "to_json",
    "write_csv",
    "write_jsonl",
]

FileFormat = Literal["kea-csv", "isc", "json"]

_READERS = {"kea-csv": read_csv, "isc": read_isc, "json": read_jsonl}
_ISC_BEGINNINGS = (
    b"lease", b"#", b"authoring-byte-order", b"server-duid", b"failover", b"host", b"group", b"class", b"subclass",
    b"ia-",
)  # fmt: skip


def guess_format(beginning: bytes) -> FileFormat:
    """What a file is, by its first bytes; an empty one is the ISC's, which is all comments and declarations.

    Raises:
        LeaseFileError: It is none of what can be read.
    """
    beginning = beginning.removeprefix(BOM_UTF8).lstrip()
    if beginning.startswith(b"address,"):
        return "kea-csv"
    if beginning.startswith(b"{"):
        return "json"
    if not beginning or beginning.startswith(_ISC_BEGINNINGS):
        return "isc"
    raise LeaseFileError(
        "it begins like no file of leases: neither Kea's, nor ISC's, nor JSON; say which with --format"
    )


def read_entries(stream: BinaryIO, kind: FileFormat, report: Report) -> Iterator[Entry]:
    """The entries of a file, as they come; later ones of an address replace earlier ones.

    Args:
        stream: The file.
        kind: What it is.
        report: Called with the line and the text of each thing that is wrong.

    Raises:
        OSError: The file cannot be read to its end.
    """
    return _READERS[kind](stream, report)
