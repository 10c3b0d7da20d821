"""The message format's constants: 236 bytes of BOOTP (RFC 951 section 3, RFC 2131 figure 1), the cookie, the fields."""

from struct import Struct

__all__ = [
    "COOKIE",
    "END",
    "FILE_OFFSET",
    "FILE_SIZE",
    "HEADER",
    "MAX_CHADDR",
    "MAX_PART",
    "OPTIONS_OFFSET",
    "OVERLOAD",
    "PAD",
    "SNAME_OFFSET",
    "SNAME_SIZE",
]

HEADER = Struct("!BBBBIHHIIII16s64s128s")
"""op htype hlen hops xid secs flags ciaddr yiaddr siaddr giaddr chaddr sname file, in network order."""

COOKIE = b"\x63\x82\x53\x63"
"""What the options begin with (RFC 1048, RFC 2131 section 3)."""

MAX_CHADDR = 16
SNAME_OFFSET, SNAME_SIZE = 44, 64
FILE_OFFSET, FILE_SIZE = 108, 128
OPTIONS_OFFSET = HEADER.size + len(COOKIE)

PAD, OVERLOAD, END = 0, 52, 255
"""The codes that frame options rather than tell something (RFC 2132 sections 3.1, 3.2 and 9.3)."""

MAX_PART = 255
"""The longest value behind one length byte; a longer one is split (RFC 3396)."""
