"""The server's decisions, sans I/O: datagrams and the time in, replies and lease changes out."""

from .core import Engine
from .exchange import Arrival, Delivery, Exchange, Outgoing
from .model import ClientClass, OptionValues, Pool, Reservation, Scope, SharedNetwork, Subnet

__all__ = [
    "Arrival",
    "ClientClass",
    "Delivery",
    "Engine",
    "Exchange",
    "OptionValues",
    "Outgoing",
    "Pool",
    "Reservation",
    "Scope",
    "SharedNetwork",
    "Subnet",
]
