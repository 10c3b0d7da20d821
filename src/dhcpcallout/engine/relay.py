"""What a relay agent says of itself and its clients: the sub-options of option 82 (RFC 3046)."""

from ..codes import OptionCode
from ..wire import Packet

__all__ = ["agent_suboption", "find_suboption"]

_AGENT_OPTIONS = int(OptionCode.DHCP_AGENT_OPTIONS)


def agent_suboption(packet: Packet, code: int) -> bytes | None:
    """The value of a sub-option of a packet's option 82, or None where it is absent or cut off."""
    value = packet.options.get(_AGENT_OPTIONS)
    return find_suboption(value, code) if value is not None else None


def find_suboption(data: bytes, code: int) -> bytes | None:
    """The value of the first sub-option with a code, or None where there is none or it is cut off.

    It makes no objects of the others, for it is asked for every packet, and what follows the sub-option may be damaged:
    some relay agents pad the option.

    Args:
        data: An option's value: a code, a length and a value for each sub-option, each of the first two a byte.
        code: The sub-option's code.
    """
    at, size = 0, len(data)
    while at + 2 <= size:
        end = at + 2 + data[at + 1]
        if data[at] == code:
            return data[at + 2 : end] if end <= size else None
        at = end
    return None
