"""Leases as JSON, an object a line: everything that a lease is, by our own names."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from ...codes import INFINITE
from ...leases import Lease, LeaseState
from .common import Entry, Report, checked, numbered_lines, parse_address, parse_hex

__all__ = ["describe", "read_jsonl", "write_jsonl"]

_STATES = {state.name.lower(): state for state in LeaseState}
_KINDS: dict[str, type | tuple[type, ...]] = {
    "address": str,
    "state": str,
    "hardware-type": int,
    "hardware-address": str,
    "client-key": str,
    "hostname": str,
    "starts": int,
    "expires": (int, type(None)),
    "relay-information": str,
}


def describe(lease: Lease) -> dict[str, Any]:
    """A lease as an object: bytes in hexadecimal, times in seconds of Unix time, null for never."""
    return {
        "address": str(lease.address),
        "state": LeaseState(lease.state).name.lower(),
        "hardware-type": lease.hardware_type,
        "hardware-address": lease.hardware_address.hex(":"),
        "client-key": lease.client_key.hex(":"),
        "hostname": lease.hostname,
        "starts": lease.starts_s,
        "expires": None if lease.expires_s == INFINITE else lease.expires_s,
        "relay-information": lease.relay_information.hex(":"),
    }


def write_jsonl(leases: Iterable[Lease]) -> Iterator[bytes]:
    """The lines of a file of leases."""
    for lease in leases:
        yield json.dumps(describe(lease)).encode() + b"\n"


def read_jsonl(stream: BinaryIO, report: Report) -> Iterator[Entry]:
    """The entries of a file of leases."""
    for number, line in numbered_lines(stream, report):
        if not line.strip():
            continue
        try:
            lease = _parse(line)
        except (ValueError, RecursionError) as error:
            report(number, str(error))
        else:
            yield Entry(number, lease.address_int, lease)


def _parse(line: bytes) -> Lease:
    shown = json.loads(line)
    if not isinstance(shown, dict):
        raise ValueError("this is no object")
    for name, kind in _KINDS.items():
        if name not in shown:
            raise ValueError(f"{name} is missing")
        if not isinstance(shown[name], kind) or isinstance(shown[name], bool):
            raise ValueError(f"{name} must be {'a string' if kind is str else 'an integer'}")
    if shown["state"] not in _STATES:
        raise ValueError(f"the state is one of {', '.join(_STATES)}")
    return checked(
        Lease(
            parse_address(shown["address"]),
            parse_hex(shown["client-key"]),
            shown["hardware-type"],
            parse_hex(shown["hardware-address"]),
            int(_STATES[shown["state"]]),
            shown["starts"],
            INFINITE if shown["expires"] is None else shown["expires"],
            shown["hostname"],
            parse_hex(shown["relay-information"]),
        )
    )
