"""What a client tells of itself: its name (81), its user classes (77), its network interface and its machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import TYPE_CHECKING, Any

from ...errors import EncodeError, WireError
from . import notation
from .base import ValueType
from .composite import Array, LengthPrefixed, Record
from .integers import Flags, Integer
from .names import join_labels, read_labels, split_labels
from .strings import Text

if TYPE_CHECKING:
    from uuid import UUID

__all__ = [
    "ClientFqdn",
    "FqdnFlags",
    "FullyQualifiedName",
    "MachineIdentifier",
    "NetworkInterface",
    "UserClass",
    "UserClasses",
]


class FqdnFlags(IntFlag):
    """The flags of option 81 (RFC 4702 section 2.1)."""

    S = 1
    """The server should, or does, update the client's A record."""
    O = 2  # noqa: E741 # the RFC's name
    """The server did other than the client asked for with ``S``."""
    E = 4
    """The name is encoded as labels (RFC 1035 section 3.1); ASCII, which is deprecated, without."""
    N = 8
    """The server should not, or does not, update DNS at all."""


@dataclass(frozen=True, slots=True)
class ClientFqdn:
    """A client's name in DNS (RFC 4702).

    Attributes:
        flags: See ``FqdnFlags``; bits beyond these are kept.
        rcode1, rcode2: DNS response codes, deprecated: a client sends 0, a server 255.
        name: With ``E``, labels between dots in DNS's notation: ``host.example.com.`` is fully qualified, ``host``
            is partial, "" is no name. Without ``E``, the text as it stands.
    """

    flags: FqdnFlags
    rcode1: int = 0
    rcode2: int = 0
    name: str = ""


class FullyQualifiedName(Record[ClientFqdn]):
    """Option 81: flags, two deprecated response codes, the name in one of two encodings."""

    def __init__(self) -> None:
        code = Integer(8)
        fields = [("flags", Flags(FqdnFlags)), ("rcode1", code), ("rcode2", code), ("name", Text(min_size=0))]
        super().__init__(ClientFqdn, fields, defaults={"rcode1": 0, "rcode2": 0, "name": ""})

    def decode(self, data: bytes) -> ClientFqdn:
        if len(data) < 3:
            raise WireError(f"{len(data)} bytes; flags and response codes are 3", offset=0)
        flags = FqdnFlags(data[0])
        if not flags & FqdnFlags.E:
            name = notation.decode_utf8(data[3:].rstrip(b"\0"))
        else:
            labels, absolute, end = read_labels(data, 3, partial=True)
            if end != len(data):
                raise WireError(f"{len(data) - end} bytes after the name", offset=end)
            name = join_labels(labels) + ("." if absolute else "")
        return ClientFqdn(flags, data[1], data[2], name)

    def _pack_fields(self, values: Sequence[Any]) -> bytes:
        head = b"".join(kind.encode(one) for kind, one in zip(self._types[:3], values[:3], strict=True))
        name = values[3]
        if not isinstance(name, str):
            raise EncodeError(f"{name!r} is not a domain name")
        if not head[0] & FqdnFlags.E:
            return head + self._types[3].encode(name)
        labels, absolute = split_labels(name)
        return head + b"".join(bytes((len(label),)) + label for label in labels) + (b"\0" if absolute else b"")


@dataclass(frozen=True, slots=True)
class UserClass:
    """The classes that a client's user belongs to (option 77).

    Attributes:
        classes: At least one.
        bare: Whether the option is a single class without a length before it, as iPXE and others send it, and not
            the list of RFC 3004.
    """

    classes: tuple[str, ...]
    bare: bool = False


class UserClasses(ValueType[UserClass]):
    """Option 77: a list, each class after its length (RFC 3004); or one class as the whole value.

    What can be read as a list is one, NULs after it ignored. The text of a bare class is ``bare iPXE``.
    """

    name = "list of tuple, or string"

    def __init__(self) -> None:
        self._list = Array(LengthPrefixed(Text()))
        self._bare = Text()

    def decode(self, data: bytes) -> UserClass:
        for listed in (data, data.rstrip(b"\0")):
            try:
                return UserClass(self._list.decode(listed))
            except WireError:
                pass
        return UserClass((self._bare.decode(data),), bare=True)

    def pack(self, value: Any) -> bytes:
        if not isinstance(value, UserClass):
            value = self.parse_text(value) if isinstance(value, str) else UserClass(value)
        if not value.bare:
            return self._list.encode(value.classes)
        if len(value.classes) != 1:
            raise EncodeError(f"{len(value.classes)} classes; only one can stand bare, without its length")
        data = self._bare.encode(value.classes[0])
        if not self.decode(data).bare:
            raise EncodeError(f"{value.classes[0]!r} cannot stand bare: its first byte would be read as a length")
        return data

    def to_text(self, value: Any) -> str:
        return f"bare {self._bare.to_item(value.classes[0])}" if value.bare else self._list.to_text(value.classes)

    def parse_text(self, text: str) -> UserClass:
        words = notation.split_fields(text)
        if len(words) == 2 and words[0] == "bare":
            value = UserClass((self._bare.parse_item(words[1]),), bare=True)
            self.pack(value)
            return value
        return UserClass(self._list.parse_text(text))


@dataclass(frozen=True, slots=True)
class NetworkInterface:
    """A client's network interface (option 94, RFC 4578 section 2.2).

    Attributes:
        type: 1 for UNDI.
        major, minor: The interface's version.
    """

    type: int
    major: int
    minor: int


@dataclass(frozen=True, slots=True)
class MachineIdentifier:
    """A client's machine (option 97, RFC 4578 section 2.3).

    Attributes:
        type: 0 for a UUID.
        identifier: Its bytes, 16 for a UUID.
    """

    type: int
    identifier: bytes

    @property
    def uuid(self) -> "UUID | None":
        """The identifier as a UUID in network byte order, or None where it is none."""
        from uuid import UUID  # it loads much

        return UUID(bytes=self.identifier) if self.type == 0 and len(self.identifier) == 16 else None
