"""Routes: with a destination of any length, and by class."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from ...errors import EncodeError, WireError
from . import notation
from .addresses import Address
from .base import SelfDelimited

__all__ = ["ClasslessRoute", "PolicyFilter", "Route", "StaticRoute"]


@dataclass(frozen=True, slots=True)
class Route:
    """A classless static route (RFC 3442).

    Attributes:
        destination: Where it leads to.
        router: The next hop; 0.0.0.0 where the destination is on the link.
    """

    destination: IPv4Network
    router: IPv4Address


@dataclass(frozen=True, slots=True)
class StaticRoute:
    """A static route by class (RFC 2132 section 5.8): the destination's mask is that of its class.

    Attributes:
        destination: Where it leads to.
        router: The next hop.
    """

    destination: IPv4Address
    router: IPv4Address


@dataclass(frozen=True, slots=True)
class PolicyFilter:
    """A pair of the policy filter option (RFC 2132 section 4.3).

    Attributes:
        address: A destination that source-routed datagrams may go to.
        mask: Its mask.
    """

    address: IPv4Address
    mask: IPv4Address


class ClasslessRoute(SelfDelimited[Route]):
    """The prefix length, as many bytes of the destination as it says, the router (RFC 3442).

    Bits of the destination beyond its prefix do not count, as RFC 3442 says. Its text is ``10.0.0.0/8 via 10.0.0.1``;
    ``via`` can be left out, and ``default`` is 0.0.0.0/0.
    """

    name = "classless route"

    def read(self, data: bytes, at: int) -> tuple[Route, int]:
        if at >= len(data):
            raise WireError("no route", offset=at)
        width = data[at]
        if width > 32:
            raise WireError(f"a prefix of {width} bits; at most 32", offset=at)
        router_at = at + 1 + (width + 7) // 8
        end = router_at + 4
        if end > len(data):
            raise WireError(f"{len(data) - at} bytes left; a route of {width} bits has {end - at}", offset=at)
        significant = int.from_bytes(data[at + 1 : router_at].ljust(4, b"\0"), "big")
        address = significant & (0xFFFFFFFF << (32 - width))
        return Route(IPv4Network((address, width)), IPv4Address(data[router_at:end])), end

    def pack(self, value: Any) -> bytes:
        route = value if isinstance(value, Route) else self._made_from(value)
        width = route.destination.prefixlen
        significant = route.destination.network_address.packed[: (width + 7) // 8]
        return bytes((width,)) + significant + route.router.packed

    def _made_from(self, value: Any) -> Route:
        if isinstance(value, str):
            return self.parse_text(value)
        if isinstance(value, dict) and set(value) == {"destination", "router"}:
            value = (value["destination"], value["router"])
        if not isinstance(value, list | tuple) or len(value) != 2 or not isinstance(value[0], str | IPv4Network):
            raise EncodeError(f"{value!r} is not a route such as 10.0.0.0/8 via 10.0.0.1")
        destination, router = value
        try:
            network = IPv4Network("0.0.0.0/0" if destination == "default" else destination)
            return Route(network, IPv4Address(Address().encode(router)))
        except ValueError as error:
            raise EncodeError(f"{error}; a route is written as 10.0.0.0/8 via 10.0.0.1") from None

    def to_text(self, value: Any) -> str:
        return f"{value.destination} via {value.router}"

    def parse_text(self, text: str) -> Route:
        words = notation.split_fields(text)
        if len(words) == 3 and words[1] == "via":
            del words[1]
        return self._made_from(words)
