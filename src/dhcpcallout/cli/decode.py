"""``dhcpcallout decode``: the DHCP messages of a capture file, or one message, for people or as JSON."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, cast

import typer

from ..errors import CaptureError, WireError
from .text import printable

if TYPE_CHECKING:
    from rich.text import Text

    from ..transports.dissect import Datagram
    from ..wire import RawOption

__all__ = ["decode", "describe", "open_input", "parse_hex"]

MAX_MESSAGE = 65_535
"""More than any UDP datagram carries."""
LONG_FILE = 2**20
"""From how many bytes on a capture file gets a progress bar."""

_FIELD_ENDS = {
    "op": 1, "htype": 2, "hlen": 3, "hops": 4, "xid": 8, "secs": 10, "flags": 12, "ciaddr": 16, "yiaddr": 20,
    "siaddr": 24, "giaddr": 28, "chaddr": 44, "sname": 108, "file": 236, "options": 236,
}  # fmt: skip
"""The header's fields, and how many bytes a message must have for each to be read (RFC 2131 figure 1)."""


def decode(
    file: Annotated[
        Path | None,
        typer.Argument(help="A pcap, pcapng or snoop file; - is standard input."),
    ] = None,
    hex_: Annotated[str | None, typer.Option("--hex", metavar="HEX", help="One message, in hexadecimal.")] = None,
    raw: Annotated[
        Path | None,
        typer.Option(help="A file of one message's bytes; - is standard input."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a message, each on a line.")] = False,
) -> None:
    """Print the DHCP messages of a capture file, or a single one.

    A capture's messages are the UDP datagrams from or to port 67, 68 or 4011. What is wrong with a message is told with
    it; the exit status is 1 only where the file cannot be read to its end.
    """
    if sum(source is not None for source in (file, hex_, raw)) != 1:
        raise typer.BadParameter("give a capture file, or --hex, or --raw")
    write = _write_json if as_json else _write_text
    if file is not None:
        _decode_capture(file, write)
    else:
        write(describe(1, _read_raw(raw) if raw is not None else parse_hex(hex_ or "")), "")


def parse_hex(text: str) -> bytes:
    """The bytes of ``--hex``: digits in pairs, with blanks or colons between or not.

    Raises:
        typer.BadParameter: It is none.
    """
    digits = "".join(text.split()).replace(":", "").lower().removeprefix("0x")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise typer.BadParameter("not pairs of hexadecimal digits", param_hint="--hex") from None


def _read_raw(path: Path) -> bytes:
    with open_input(path) as file:
        data = file.read(MAX_MESSAGE + 1)
    if len(data) > MAX_MESSAGE:
        raise typer.BadParameter(f"{path} has more than the {MAX_MESSAGE} bytes of a message", param_hint="--raw")
    return data


@contextmanager
def open_input(path: Path) -> Iterator[BinaryIO]:
    """A file, open and binary; - is standard input.

    Raises:
        CaptureError: It cannot be opened.
    """
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror}") from error
    with file:
        yield file


def _decode_capture(path: Path, write: Callable[[dict[str, Any], str], None]) -> None:
    from ..transports.capture import Capture

    messages = 0
    with open_input(path) as opened, _progress(opened) as file:
        if not opened.seekable():
            sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # whoever feeds a pipe may be slow
        try:
            capture = Capture(file)
            for datagram in capture:
                messages += 1
                write(describe(datagram.frame, datagram.payload, datagram.size), _route(datagram))
        except CaptureError as error:
            raise CaptureError(f"{path}: {error}") from None
    for link_type, count in sorted(capture.unread.items()):
        typer.echo(f"dhcpcallout: {path}: {count} frames of link type {link_type} were not looked into", err=True)
    if not messages:
        typer.echo(f"dhcpcallout: {path}: no DHCP message in {capture.frames} frames", err=True)


def _route(datagram: "Datagram") -> str:
    return f"{datagram.src}:{datagram.src_port} > {datagram.dst}:{datagram.dst_port}"


@contextmanager
def _progress(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file, with a bar on standard error that follows its being read, where there is somebody to see it."""
    import io
    import os
    import stat

    status = os.fstat(file.fileno()) if sys.stderr.isatty() else None
    if status is None or not stat.S_ISREG(status.st_mode) or status.st_size < LONG_FILE:
        yield file
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()) as progress:
        followed = progress.wrap_file(file, status.st_size, description="decoding")
        yield io.BufferedReader(cast("io.RawIOBase", followed), 2**16)


def describe(frame: int, data: bytes, size: int | None = None) -> dict[str, Any]:
    """A message as ``decode --json`` prints it: every key is there, and null where it cannot be read.

    Args:
        frame: The number of the capture's frame that it came in, from 1.
        data: The message: a UDP datagram's payload.
        size: How many bytes it had on the network, where the capture may have cut it.
    """
    from ..wire import scan

    errors: list[WireError] = []
    try:
        seen = scan(data)
    except WireError as error:
        errors.append(error)
        # The fields that are there are told all the same: zeros stand for the missing ones, and no hardware address is
        # longer than its field.
        whole = data.ljust(_FIELD_ENDS["file"], b"\0")
        seen = scan(whole[:2] + bytes((min(whole[2], 16),)) + whole[3:])
    options, malformed = _describe_options(seen.options)
    record: dict[str, Any] = {
        "frame": frame,
        "op": seen.op,
        "htype": seen.htype,
        "hlen": data[2] if len(data) > 2 else None,
        "hops": seen.hops,
        "xid": seen.xid,
        "secs": seen.secs,
        "flags": seen.flags,
        "ciaddr": str(seen.ciaddr),
        "yiaddr": str(seen.yiaddr),
        "siaddr": str(seen.siaddr),
        "giaddr": str(seen.giaddr),
        "chaddr": seen.chaddr.hex(),
        "sname": _text(seen.sname),
        "file": _text(seen.file),
        "options": options,
    }
    for name, end in _FIELD_ENDS.items():
        if len(data) < end:
            record[name] = None
    errors += sorted((*seen.errors, *malformed), key=lambda error: error.offset)
    record["errors"] = [str(error) for error in errors]
    if size is not None and size > len(data):
        record["errors"].append(f"the capture has {len(data)} of the message's {size} bytes")
    return record


def _text(field: bytes | None) -> str | None:
    return None if field is None else field.partition(b"\0")[0].decode("utf-8", "backslashreplace")


def _describe_options(options: tuple["RawOption", ...]) -> tuple[list[dict[str, Any]], list[WireError]]:
    """The options one by one; the value of one in several parts (RFC 3396) stands at the first of them."""
    from ..wire import REGISTRY

    described = []
    errors = []
    parts: dict[int, list[RawOption]] = {}
    for option in options:
        parts.setdefault(option.code, []).append(option)
    for option in options:
        spec = REGISTRY.spec(option.code)
        value = None
        if option is parts[option.code][0] and not any(part.cut for part in parts[option.code]):
            try:
                value = spec.to_text(spec.decode(b"".join(part.data for part in parts[option.code])))
            except WireError as error:
                offset = _place(error.offset, parts[option.code])
                errors.append(WireError(error.message, offset=offset, code=option.code))
        described.append(
            {"code": option.code, "name": spec.name, "hex": option.data.hex(), "value": value, "area": option.area}
        )
    return described, errors


def _place(offset: int, parts: list["RawOption"]) -> int:
    """Where in the message a byte of an option's joined value stands."""
    for part in parts[:-1]:
        if offset < len(part.data):
            return part.offset + 2 + offset
        offset -= len(part.data)
    return parts[-1].offset + 2 + offset


def _write_json(record: dict[str, Any], route: str) -> None:
    import json

    del route
    sys.stdout.write(json.dumps(record) + "\n")


def _write_text(record: dict[str, Any], route: str) -> None:
    from rich.console import Console

    Console(highlight=False, soft_wrap=True).print(_render(record, route))


def _render(record: dict[str, Any], route: str) -> "Text":
    """A message for people. All that came from the network goes through ``printable`` and is never read as markup."""
    from rich.text import Text

    options = record["options"] or []
    kind = next((option["value"] for option in options if option["code"] == 53 and option["value"]), None)
    kind = kind or ("CUT" if record["options"] is None else "BOOTP")
    text = Text()
    text.append(f"frame {record['frame']}", "bold")
    text.append(f"  {route}" if route else "")
    text.append(f"  {printable(kind.upper())}\n", "bold")
    shown = {name: record[name] for name in _FIELD_ENDS if name != "options"}
    if record["xid"] is not None:
        shown["xid"] = f"0x{record['xid']:08x}"
    if record["flags"] is not None:
        shown["flags"] = f"0x{record['flags']:04x}"
    if record["chaddr"] is not None:
        shown["chaddr"] = bytes.fromhex(record["chaddr"]).hex(":")
    for names in (("op", "htype", "hlen", "hops", "xid", "secs", "flags"), ("ciaddr", "yiaddr", "siaddr", "giaddr")):
        text.append("".join(f"  {name} {'?' if shown[name] is None else shown[name]}" for name in names) + "\n")
    for name in ("chaddr", "sname", "file"):
        if shown[name]:
            text.append(f"  {name} {printable(shown[name])}\n")
    width = max((len(option["name"]) for option in options), default=0)
    for option in options:
        text.append(f"  {option['code']:>3} ", "cyan")
        text.append(f"{option['name']:<{width}}", "cyan")
        text.append(f"  0x{option['hex']}" if option["value"] is None else f"  {printable(option['value'])}")
        text.append("\n" if option["area"] == "options" else f"  (in {option['area']})\n", "dim")
    for error in record["errors"]:
        text.append(f"  ! {printable(error)}\n", "red")
    return text
