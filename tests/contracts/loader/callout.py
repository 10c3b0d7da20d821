"""The callout of the loaders' contract, in Python: callout.c beside it does the same, and writes the same lines."""

import os
from pathlib import Path

from dhcpcallout.events import (
    AddressDeleted,
    AddressOffered,
    ClientDeleted,
    OptionsParsed,
    PacketDropped,
    PacketReceived,
    ReplyBuilt,
    ServiceControlled,
)
from dhcpcallout.hooks import Callout, CalloutEntry, Drop, Replace, Verdict

callout = Callout("contract")


def record(line: str) -> None:
    with Path(os.environ["CONTRACT_RECORD"]).open("a", encoding="ascii") as file:
        file.write(f"{line}\n")


@callout.on_load
def load(entry: CalloutEntry) -> None:
    if "CONTRACT_REFUSE" in os.environ:
        raise PermissionError("refused")
    units = ("".join(f"{name}\0" for name in entry.chain) or "\0") + "\0"
    record(f"load {entry.version} {units.encode('utf-16-be').hex()}")


@callout.control
def control(event: ServiceControlled) -> None:
    record(f"control {event.code:x}")


@callout.new_packet
def new_packet(event: PacketReceived) -> Verdict | None:
    record(f"new_packet {event.server_address_int:08x} {event.data.hex()}")
    event.context["tag"] = event.data[1]
    if event.data[0] == ord("D"):
        return Drop()
    if event.data[0] == ord("R"):
        return Replace(event.data + b"!")
    if event.data[0] == ord("F"):
        raise RuntimeError("a fault")
    return None


@callout.packet_drop
def packet_drop(event: PacketDropped) -> None:
    tag = event.context.get("tag", 0)
    record(f"packet_drop {event.reason:x} {event.server_address_int:08x} {tag} {event.data.hex()}")


@callout.packet_send
def packet_send(event: ReplyBuilt) -> Verdict | None:
    tag = event.context.get("tag", 0)
    record(f"packet_send {event.code:x} {event.server_address_int:08x} {tag} {event.data.hex()}")
    return Replace(event.data + bytes([tag])) if event.data[0] == ord("R") else None


@callout.address_delete
def address_delete(event: AddressDeleted) -> None:
    addresses = f"{event.server_address_int:08x} {event.address_int:08x}"
    record(f"address_delete {event.reason:x} {addresses} {event.context.get('tag', 0)} {event.data.hex()}")


@callout.address_offer
def address_offer(event: AddressOffered) -> None:
    addresses = f"{event.server_address_int:08x} {event.address_int:08x}"
    lease = f"{event.address_type:x} {event.lease_time_s}"
    record(f"address_offer {event.given:x} {addresses} {lease} {event.context.get('tag', 0)} {event.data.hex()}")


@callout.handle_options
def handle_options(event: OptionsParsed) -> None:
    message_type = event.packet.message_type if event.packet is not None else None
    record(f"handle_options {event.context.get('tag', 0)} type {message_type or 0:d} {event.data.hex()}")


@callout.delete_client
def delete_client(event: ClientDeleted) -> None:
    record(f"delete_client {event.address_int:08x} {event.address_type:x} {event.hardware_address.hex()}")
