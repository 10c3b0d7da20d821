"""The answer to a client that tells its name in DNS (option 81), of a server that updates no DNS (RFC 4702)."""

from ..errors import EncodeError, WireError
from ..wire.types.client import FqdnFlags
from ..wire.types.names import read_labels, split_labels

__all__ = ["answer_fqdn"]

_S, _O, _E, _N = (int(flag) for flag in (FqdnFlags.S, FqdnFlags.O, FqdnFlags.E, FqdnFlags.N))
_HEADER_SIZE = 3
_MAX_NAME = 255

_RCODES = b"\xff\xff"
"""What a server sends for the two response codes that nobody reads any more (RFC 4702 section 2.2)."""


def answer_fqdn(sent: bytes, hostname: bytes | None, domain: bytes) -> bytes | None:
    """The value of option 81 in a reply (RFC 4702 section 4).

    The server says that it updates no DNS (``N``), and that this is not what the client asked for (``O``) where the
    client asked for an update (``S``). A name that is not complete is made so.

    Args:
        sent: The client's option 81.
        hostname: The name that is reserved for the client, or None to leave it the one that it says.
        domain: The domain name (option 15) to complete a name with; b"" for none. Where it is several, separated by
            spaces, as some give it, the first.

    Returns:
        None where there is no telling what the client's option says.
    """
    if len(sent) < _HEADER_SIZE:
        return None
    flags = sent[0]
    if flags & _S and flags & _N:  # RFC 4702 section 2.1: they exclude each other
        return None
    complete = _complete_labels if flags & _E else _complete_text
    try:
        name = complete(sent, hostname, domain.split()[0] if domain.strip() else b"")
    except (WireError, EncodeError, UnicodeDecodeError):
        return None
    return bytes((_N | flags & _E | (_O if flags & _S else 0),)) + _RCODES + name


def _complete_labels(sent: bytes, hostname: bytes | None, domain: bytes) -> bytes:
    if hostname is not None:
        labels, absolute = split_labels(hostname.decode("ascii"))
        absolute = absolute or len(labels) > 1
    else:
        labels, absolute, end = read_labels(sent, _HEADER_SIZE, partial=True)
        if end != len(sent):
            raise WireError("bytes after the name", offset=end)
    if labels and domain and not absolute:
        completed = [*labels, *split_labels(domain.decode("ascii"))[0]]
        if sum(map(len, completed)) + len(completed) < _MAX_NAME:
            labels, absolute = completed, True
    return b"".join(bytes((len(label),)) + label for label in labels) + (b"\0" if absolute else b"")


def _complete_text(sent: bytes, hostname: bytes | None, domain: bytes) -> bytes:
    # Deprecated (RFC 4702 section 2.3.1), and what Windows sends: a dot makes the name a complete one.
    name = hostname if hostname is not None else sent[_HEADER_SIZE:].rstrip(b"\0")
    completed = name + b"." + domain.rstrip(b".")
    return completed if name and domain and b"." not in name and len(completed) < _MAX_NAME else name
