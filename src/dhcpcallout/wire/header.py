"""The fixed part of a message: 236 bytes of BOOTP (RFC 951 section 3, RFC 2131 figure 1) and the magic cookie."""

from struct import Struct

__all__ = ["COOKIE", "FILE_OFFSET", "FILE_SIZE", "HEADER", "OPTIONS_OFFSET", "SNAME_OFFSET", "SNAME_SIZE"]

HEADER = Struct("!BBBBIHHIIII16s64s128s")
"""op htype hlen hops xid secs flags ciaddr yiaddr siaddr giaddr chaddr sname file, in network order."""

COOKIE = b"\x63\x82\x53\x63"
"""What the options begin with (RFC 1048, RFC 2131 section 3)."""

SNAME_OFFSET, SNAME_SIZE = 44, 64
FILE_OFFSET, FILE_SIZE = 108, 128
OPTIONS_OFFSET = HEADER.size + len(COOKIE)
