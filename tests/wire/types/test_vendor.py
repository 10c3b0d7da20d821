from ipaddress import IPv4Address

from dhcpcallout.wire.registry import REGISTRY
from dhcpcallout.wire.types.vendor import (
    BootItem,
    BootMenuItem,
    BootPrompt,
    BootServers,
    KerberosBackoff,
    RadiusAttribute,
    Subnet,
    SubnetInformation,
    SubnetRequest,
    VendorClass,
    VirtualSubnet,
    VirtualSubnetType,
)

ADDRESS = IPv4Address("192.0.2.1")


def test_pxe_tags_are_typed() -> None:
    pxe = REGISTRY.space("pxe")
    assert pxe.spec("boot-servers").decode(b"\0\1\1\xc0\0\2\1\0\2\0") == (
        BootServers(1, (ADDRESS,)),
        BootServers(2, ()),
    )
    assert pxe.spec("boot-menu").decode(b"\0\0\5local\0\1\3one") == (BootMenuItem(0, "local"), BootMenuItem(1, "one"))
    assert pxe.spec("menu-prompt").decode(b"\x0aF8") == BootPrompt(10, "F8")
    assert pxe.spec("boot-item").decode(b"\0\1\x80\0") == BootItem(1, 0x8000)


def test_relay_agents_values_are_typed() -> None:
    agent = REGISTRY.space("dhcp-agent-options")
    assert agent.spec("radius").decode(b"\1\5bob") == (RadiusAttribute(1, b"bob"),)
    subnet = agent.spec("virtual-subnet-select").decode(b"\0red")
    assert subnet == VirtualSubnet(VirtualSubnetType.VPN_NAME, b"red")
    assert subnet.type is VirtualSubnetType.VPN_NAME


def test_subnet_allocation_is_typed() -> None:
    space = REGISTRY.space("subnet-allocation")
    assert space.spec("subnet-request").decode(b"\2\x18") == SubnetRequest(2, 24)
    information = space.spec("subnet-information").decode(b"\0\xc0\0\2\1\x18\1\4\0\5\0\2")
    assert information == SubnetInformation(0, (Subnet(ADDRESS, 24, 1, (5, 2)),))


def test_vendor_classes_and_kerberos_timeouts_are_typed() -> None:
    assert REGISTRY.spec("vivco-suboptions").decode(b"\0\0\0\x09\2ab") == (VendorClass(9, b"ab"),)
    backoff = REGISTRY.space("cablelabs-client-configuration").spec("as-backoff")
    assert backoff.decode(bytes.fromhex("000001f40000000800000005")) == KerberosBackoff(500, 8, 5)
