"""Serves the clients on a list, or all but those; mac_list.c does the same with the same file.

For example::

    MAC_ACTION = {ALLOW}        # or {DENY}; what is done with the clients that follow
    00:0c:01:02:03:04           # a comment
    000c.0102.0305
    00-0C-01-02-03-06

The environment variable MAC_LIST names the file. A mistake in it keeps the callout from being loaded: a filter that
lets everybody pass because of a slip of the pen is worse than none.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from dhcpcallout import Callout, CalloutEntry, Drop, PacketReceived
from dhcpcallout.errors import CalloutLoadError

ADDRESS = re.compile(rb"[0-9A-Fa-f]{2}(?:[:.-]?[0-9A-Fa-f]{2}){0,15}")
ACTIONS = {b"MAC_ACTION={ALLOW}": True, b"MAC_ACTION={DENY}": False}


@dataclass
class Rules:
    """What the file says."""

    allow: bool = False
    listed: set[bytes] = field(default_factory=set)


callout = Callout("mac_list")
rules = Rules()


@callout.on_load
def read_list(_: CalloutEntry) -> None:
    path = Path(os.environ.get("MAC_LIST", ""))
    if not path.is_file():
        raise CalloutLoadError("mac_list: the environment variable MAC_LIST names no file")
    actions = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        text = b"".join(line.partition(b"#")[0].split())  # without its comment and without blanks
        if text in ACTIONS:
            actions.append(ACTIONS[text])
        elif ADDRESS.fullmatch(text):
            rules.listed.add(bytes.fromhex(re.sub(rb"[:.-]", b"", text).decode()))
        elif text:
            raise CalloutLoadError(f"mac_list: {path}:{number}: neither a hardware address nor a MAC_ACTION")
    if len(actions) != 1:
        raise CalloutLoadError(f"mac_list: {path}: a list has one MAC_ACTION, not {len(actions)}")
    rules.allow = actions[0]


@callout.new_packet
def filter_client(event: PacketReceived) -> Drop | None:
    packet = event.packet
    if packet is None:  # no message: the server will see for itself
        return None
    return None if (packet.chaddr in rules.listed) == rules.allow else Drop()
