"""A DHCPv4 server library with pluggable callouts.

Importing this loads the protocol core alone: messages, events, hooks and the sans-IO ``Engine``. ``Server`` and
``Client`` are loaded when they are first used.
"""

from typing import TYPE_CHECKING, Any

from .codes import (
    AddressDeleteReason,
    AddressGiven,
    AddressType,
    ControlCode,
    DropReason,
    EventId,
    MessageType,
    OptionCode,
)
from .engine import (
    Arrival,
    ClientClass,
    Delivery,
    Engine,
    Exchange,
    Outgoing,
    Pool,
    Reservation,
    Scope,
    SharedNetwork,
    Subnet,
)
from .errors import DhcpCalloutError
from .events import (
    AddressDeleted,
    AddressOffered,
    AddressSelected,
    ClientDeleted,
    LeaseCommitted,
    LeaseExpired,
    OptionsParsed,
    PacketDropped,
    PacketReceived,
    ReplyBuilt,
    ReplyPrepared,
    ServiceControlled,
    SubnetSelected,
)
from .hooks import Callout, CalloutEntry, Drop, Extend, HookTable, InUse, Replace, UseAddress, UseSubnet, Verdict
from .leases import Lease, LeaseChange, LeaseState, LeaseStore
from .wire import Packet, decode, encode

if TYPE_CHECKING:
    from .client import Client
    from .server import Server

__all__ = [
    "AddressDeleteReason",
    "AddressDeleted",
    "AddressGiven",
    "AddressOffered",
    "AddressSelected",
    "AddressType",
    "Arrival",
    "Callout",
    "CalloutEntry",
    "Client",
    "ClientClass",
    "ClientDeleted",
    "ControlCode",
    "Delivery",
    "DhcpCalloutError",
    "Drop",
    "DropReason",
    "Engine",
    "EventId",
    "Exchange",
    "Extend",
    "HookTable",
    "InUse",
    "Lease",
    "LeaseChange",
    "LeaseCommitted",
    "LeaseExpired",
    "LeaseState",
    "LeaseStore",
    "MessageType",
    "OptionCode",
    "OptionsParsed",
    "Outgoing",
    "Packet",
    "PacketDropped",
    "PacketReceived",
    "Pool",
    "Replace",
    "ReplyBuilt",
    "ReplyPrepared",
    "Reservation",
    "Scope",
    "Server",
    "ServiceControlled",
    "SharedNetwork",
    "Subnet",
    "SubnetSelected",
    "UseAddress",
    "UseSubnet",
    "Verdict",
    "__version__",
    "decode",
    "encode",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "Server":
        from .server import Server

        return Server
    if name == "Client":
        from .client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
