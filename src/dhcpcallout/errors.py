"""Every exception that the package raises on purpose, in one tree.

::

    DhcpCalloutError
    ├── WireError              bytes from the network that are not a DHCP message (offset, code)
    ├── EncodeError            values that cannot be put on the wire (code)
    │   └── UnknownOptionError ... because no option has that name or code
    ├── ConfigError            everything wrong in a configuration, all at once (problems)
    ├── StoreError             a lease store that failed
    │   ├── StoreOpenError     ... that cannot be opened, or is not one of ours
    │   │   └── StoreInUseError    ... because a server has it
    │   ├── CommitError        ... that could not make a turn's changes durable
    │   └── LeaseFileError     ... a file to import leases from that cannot be read
    ├── CalloutError           a callout that misbehaves
    │   ├── CalloutLoadError   ... that cannot be loaded (event id 1034)
    │   │   └── CalloutInitError   ... because its own code raised meanwhile (event id 1032)
    │   └── CalloutFault       ... that raised, or broke the callout ABI, in a hook (event id 1031)
    ├── TransportError         a socket that cannot be opened or used
    │   └── CaptureError       ... a capture file that cannot be read, or not to its end
    ├── ClientError            an exchange of the client that got a NAK, or silence
    └── ControlError           a running server that could not be asked, or that refused (result)
"""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "CalloutError",
    "CalloutFault",
    "CalloutInitError",
    "CalloutLoadError",
    "CaptureError",
    "ClientError",
    "CommitError",
    "ConfigError",
    "ControlError",
    "DhcpCalloutError",
    "EncodeError",
    "LeaseFileError",
    "Problem",
    "StoreError",
    "StoreInUseError",
    "StoreOpenError",
    "TransportError",
    "UnknownOptionError",
    "WireError",
]


class DhcpCalloutError(Exception):
    """The root of the tree: catch this to catch whatever the package raises on purpose."""


class WireError(DhcpCalloutError, ValueError):
    """Bytes that are not a well-formed DHCP message, or a malformed option within one.

    Args:
        message: What is wrong.
        offset: Where, in bytes from the start of the message (or of the option's value, when an
            option's value was decoded on its own).
        code: The option's code, or None where no option is to blame.
    """

    def __init__(self, message: str, *, offset: int, code: int | None = None) -> None:
        super().__init__(message, offset, code)
        self.message = message
        self.offset = offset
        self.code = code

    def __str__(self) -> str:
        where = f"option {self.code}, " if self.code is not None else ""
        return f"{where}byte {self.offset}: {self.message}"


class EncodeError(DhcpCalloutError, ValueError):
    """A value that cannot be put on the wire.

    Args:
        message: What is wrong, and what would be right.
        code: The option's code, or None where no option is to blame.
    """

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message, code)
        self.message = message
        self.code = code

    def __str__(self) -> str:
        return f"option {self.code}: {self.message}" if self.code is not None else self.message


class UnknownOptionError(EncodeError, LookupError):
    """A name or a number that no option has."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a configuration; ``str()`` gives ``file:line: key: problem``.

    Attributes:
        file: The file's name as the user gave it, or "" for a configuration made in code.
        line: The line in it, from 1, or None where no line is to blame.
        key: The dotted key, for example ``subnet[0].pools[1]``.
        problem: What is wrong, and what would be right.
    """

    file: str
    line: int | None
    key: str
    problem: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line is not None else self.file
        return ": ".join(part for part in (where, self.key, self.problem) if part)


class ConfigError(DhcpCalloutError, ValueError):
    """A configuration with mistakes: all of them, not the first alone.

    Args:
        problems: One entry a mistake, in the file's order.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class StoreError(DhcpCalloutError):
    """A lease store that failed."""


class StoreOpenError(StoreError):
    """A lease store that cannot be opened, is damaged, is newer than this version, or is not ours."""


class StoreInUseError(StoreOpenError):
    """A lease store that a server has: it alone changes the leases."""


class LeaseFileError(StoreError):
    """A file to import leases from that cannot be read, or whose format cannot be told."""


class CommitError(StoreError):
    """A commit that did not become durable: nothing that depends on it may be acknowledged."""


class CalloutError(DhcpCalloutError):
    """A callout that misbehaves."""


class CalloutLoadError(CalloutError):
    """A callout that cannot be loaded: the next entry of the list is tried.

    A callout's own ``on_load`` function raises it to refuse in so many words.
    """


class CalloutInitError(CalloutLoadError):
    """A callout whose own code raised while it was loaded."""


class CalloutFault(CalloutError):
    """A callout that broke the rules of the callout ABI: its changes are ignored, the packet goes on."""


class TransportError(DhcpCalloutError, OSError):
    """A socket that cannot be opened or used."""


class CaptureError(TransportError):
    """A capture file that is none, or damaged, or cut: what was read before the damage is good."""


class ClientError(DhcpCalloutError):
    """A client's exchange that failed: the server answered with a NAK, or not at all."""


class ControlError(DhcpCalloutError):
    """A running server that could not be asked, or that refused what it was asked for.

    Args:
        message: What went wrong.
        result: The server's answer as a number, or None where there was none.
    """

    def __init__(self, message: str, result: int | None = None) -> None:
        super().__init__(message)
        self.result = result
