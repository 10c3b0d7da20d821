"""The server's decisions, sans I/O: datagrams and the time in, replies and lease changes out."""

from .core import Engine
from .exchange import Arrival, Delivery, Exchange, Outgoing
from .model import OptionValues, Reservation, Subnet

__all__ = ["Arrival", "Delivery", "Engine", "Exchange", "OptionValues", "Outgoing", "Reservation", "Subnet"]
