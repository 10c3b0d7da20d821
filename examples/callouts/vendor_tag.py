"""Tells each client what it is taken for: the answer to a client whose vendor class (option 60) is known gets a tag.

The tag is in option 224, one of those that are for a site's own use (RFC 3942). vendor_tag.c does the same, byte for
byte.
"""

from dhcpcallout import Callout, OptionCode, OptionsParsed, Replace, ReplyBuilt

TAG = 224
LARGEST = 548  # what every client takes: a datagram of 576 bytes (RFC 2131 section 2)
KNOWN = {
    b"MSFT 5.0": b"windows",
    b"android-dhcp": b"android",
    b"PXEClient": b"boot",
    b"udhcp": b"embedded",
    b"Cisco": b"phone",
}

callout = Callout("vendor_tag")


@callout.handle_options
def note_the_vendor_class(event: OptionsParsed) -> None:
    packet = event.packet
    if packet is None:
        return
    vendor_class = packet.options.get(OptionCode.VENDOR_CLASS_IDENTIFIER, b"")
    for start, tag in KNOWN.items():
        if vendor_class.startswith(start):
            event.context["tag"] = tag


@callout.packet_send
def tag_the_reply(event: ReplyBuilt) -> Replace | None:
    reply, tag = event.packet, event.context.get("tag")
    if reply is None or tag is None or TAG in reply.options:
        return None
    overloaded = OptionCode.DHCP_OPTION_OVERLOAD in reply.options  # there was no room for what it has already
    reply.options[TAG] = tag
    data = reply.encode()
    return None if overloaded or len(data) > LARGEST else Replace(data)
