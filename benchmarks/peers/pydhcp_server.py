# mypy: disable-error-code="import-not-found,misc"
"""pydhcp's server, with the pool that it has none of: a client that asks for no address is given the next one."""

from ipaddress import IPv4Address
from typing import Any

from pydhcp.options import DHCPOptionCode
from pydhcp.packet import DHCPMessageType
from pydhcp.server import DHCPServer

__all__ = ["PoolServer"]

SERVER, FIRST = "10.0.0.1", "10.1.0.0"


class PoolServer(DHCPServer):
    """Leases in memory, as pydhcp keeps them by itself."""

    _free = IPv4Address(FIRST)

    def acquire_lease(self, client_id: str, server_id: IPv4Address, msg: Any, *, commit: bool = True) -> Any:
        """The client's lease, or one of the next free address."""
        if msg.message_type is DHCPMessageType.DHCPDISCOVER and self.lookup_lease(client_id) is None:
            msg.options[DHCPOptionCode.REQUESTED_IP] = self._free
            self._free += 1
        return super().acquire_lease(client_id, server_id, msg, commit=commit)


if __name__ == "__main__":
    with PoolServer(listen=[(SERVER, [67])], receive_buffer_size=4 << 20) as server:
        server.serve_forever()
