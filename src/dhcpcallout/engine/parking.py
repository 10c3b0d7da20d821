"""Which exchanges wait for an async function of a callout: how many, whose they are, and until when."""

from typing import Literal

from ..codes import DropReason, MessageType, OptionCode
from ..errors import WireError
from ..wire import decode
from .exchange import Exchange, Stage

__all__ = ["OnTimeout", "Parking"]

OnTimeout = Literal["drop", "continue"]
"""What becomes of an exchange whose time is over: dropped, or on its way as if the function had answered nothing."""

_Sender = tuple[int, bytes, bytes]
_CLIENT_IDENTIFIER = int(OptionCode.DHCP_CLIENT_IDENTIFIER)


class Parking:
    """The exchanges that an async function has held up, from then on until they end.

    A client has one of them at most that is not answered yet: whatever it sends meanwhile, of whatever type, is a
    duplicate, for there is nothing that it could know of what is still to be decided. It will send it again, and what
    is not sent again (RELEASE, DECLINE) may be lost on any network. A client is told by its hardware address and
    its client identifier, as it sent them.

    Args:
        limit: The most exchanges, so that callouts that hang, or a flood of packets, take no more memory than that.
        timeout_s: For how long an exchange may be held up in all until it is answered or dropped, in seconds; for what
            callouts do after that, it has as long again.
        on_timeout: What happens then.

    Attributes:
        clients: The unanswered exchange of each client that has one here.
        strays: How many functions go on although their time is over; they count as exchanges, for the memory's sake.
    """

    def __init__(self, limit: int = 256, timeout_s: float = 2.0, on_timeout: OnTimeout = "drop") -> None:
        self.limit = limit
        self.timeout_s = timeout_s
        self.on_timeout = on_timeout
        self.clients: dict[_Sender, Exchange] = {}
        self.strays = 0
        self._exchanges: dict[Exchange, _Sender | None] = {}

    def __len__(self) -> int:
        return len(self._exchanges)

    def enter(self, exchange: Exchange, now: float) -> DropReason | None:
        """Let an exchange wait, or say why it cannot.

        One that is here already, having waited before, always can.
        """
        if exchange not in self._exchanges:
            sender = _sender(exchange) if exchange.stage < Stage.ENDING else None
            if sender in self.clients:
                return DropReason.DUPLICATE
            if len(self._exchanges) + self.strays >= self.limit:
                return DropReason.NOMEM
            self._exchanges[exchange] = sender
            if sender is not None:
                self.clients[sender] = exchange
        if exchange.deadline_s is None:
            self.renew(exchange, now)
        return None

    def renew(self, exchange: Exchange, now: float) -> None:
        """Give an exchange all its time from now on."""
        exchange.deadline_s = now + self.timeout_s

    def is_duplicate(self, exchange: Exchange) -> bool:
        """Whether the client of an exchange has another one here that is not answered yet."""
        return exchange not in self._exchanges and _sender(exchange) in self.clients

    def answered(self, exchange: Exchange) -> None:
        """Note that all is decided about an exchange: its client may send what comes next."""
        sender = self._exchanges.get(exchange)
        if sender is not None:
            del self.clients[sender]
            self._exchanges[exchange] = None
        exchange.deadline_s = None

    def leave(self, exchange: Exchange) -> None:
        """Forget an exchange that has ended, if it ever was here."""
        if exchange in self._exchanges:
            self.answered(exchange)
            del self._exchanges[exchange]

    def time_left_s(self, exchange: Exchange, now: float) -> float:
        """How long an exchange may still wait, in seconds; no longer than ``timeout_s`` if the clock was set back."""
        deadline_s = exchange.deadline_s if exchange.deadline_s is not None else now + self.timeout_s
        return min(max(deadline_s - now, 0.0), self.timeout_s)


def _sender(exchange: Exchange) -> _Sender | None:
    """Who sent a datagram; None where it does not tell."""
    packet = exchange.packet
    if packet is None or exchange.data is not exchange.datagram:
        try:
            packet = decode(exchange.datagram)
        except WireError:
            return None
    if packet.message_type is MessageType.LEASEQUERY:  # it is about a client, not from one
        return None
    identifier = packet.options.get(_CLIENT_IDENTIFIER, b"")
    return (packet.htype, packet.chaddr, identifier) if packet.chaddr or identifier else None
