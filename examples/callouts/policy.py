"""A callout in Python: it refuses one client, and logs each hook that it is called by.

Name this file in ``CalloutDlls``, or import it: ``Server(..., callouts=[policy.callout])``.
"""

import logging

from dhcpcallout import (
    AddressDeleted,
    AddressOffered,
    Callout,
    ClientDeleted,
    Drop,
    OptionsParsed,
    PacketDropped,
    PacketReceived,
    ReplyBuilt,
    ServiceControlled,
    Verdict,
)

REFUSED = {bytes.fromhex("020000000bad")}

callout = Callout("policy")
log = logging.getLogger("policy.py")


@callout.control
def on_control(event: ServiceControlled) -> None:
    log.info("control %s", event.code.name)


@callout.new_packet
def refuse(event: PacketReceived) -> Verdict | None:
    packet = event.packet
    client = packet.chaddr.hex(":") if packet is not None else "?"
    event.context["client"] = client  # comes back in every later event of this packet
    if packet is not None and packet.chaddr in REFUSED:
        log.info("new_packet from %s: refused", client)
        return Drop()
    log.info("new_packet from %s", client)
    return None


@callout.handle_options
def on_options(event: OptionsParsed) -> None:
    packet = event.packet
    if packet is not None and packet.message_type is not None:
        log.info("handle_options %s from %s", packet.message_type.name, event.context["client"])


@callout.address_offer
def on_offer(event: AddressOffered) -> None:
    log.info(
        "address_offer %s to %s for %d s, %s",
        event.address,
        event.context["client"],
        event.lease_time_s,
        event.given.name,
    )


@callout.address_delete
def on_delete(event: AddressDeleted) -> None:
    log.info("address_delete %s: %s", event.address, event.reason.name)


@callout.packet_send
def on_send(event: ReplyBuilt) -> None:
    reply = event.packet
    if reply is not None and reply.message_type is not None:
        log.info("packet_send %s to %s", reply.message_type.name, event.context["client"])


@callout.packet_drop
def on_drop(event: PacketDropped) -> None:
    log.info("packet_drop %s", event.reason.name)


@callout.delete_client
def on_delete_client(event: ClientDeleted) -> None:
    log.info("delete_client %s", event.address)
