"""Every option that IANA has assigned, as data: code, name, value type, reference; and the sub-options' spaces."""

from collections.abc import Iterable
from enum import IntEnum

from ..codes import (
    AgentSubOption,
    AutoConfigure,
    ClientArchitecture,
    DataSource,
    DhcpState,
    MessageType,
    NetbiosNodeType,
    OptionCode,
    OptionOverload,
    RelayFlags,
    StatusCode,
)
from .option import OptionSpec
from .suboptions import Encapsulated, SubnetAllocation, VendorEncapsulated, VendorIdentified
from .types.addresses import Address, Address6
from .types.base import AnyType, Empty
from .types.client import FullyQualifiedName, MachineIdentifier, NetworkInterface, UserClasses
from .types.composite import Array, LengthPrefixed, Record
from .types.integers import Boolean, Flags, Integer, Named
from .types.location import CivicAddress, CivicElement, GeoConf, GeoLoc, Location
from .types.names import CompressedNames, DomainName
from .types.routes import ClasslessRoute, PolicyFilter, StaticRoute
from .types.services import (
    Authentication,
    EncryptedDnsServer,
    Isns,
    NamesOrAddresses,
    PortParameters,
    RdnssPreference,
    RdnssSelection,
    RelayAuthentication,
    SixRd,
    SlpDirectoryAgent,
    SlpServiceScope,
    Status,
)
from .types.strings import Opaque, Text
from .types.vendor import (
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

__all__ = ["DHCP4", "SPACES"]

DHCP4 = "dhcp4"
"""The name of the space that DHCP's own options share."""

_ADDRESS = Address()
_ADDRESSES = Array(_ADDRESS)
_BINARY = Opaque()
_BOOLEAN = Boolean()
_EMPTY = Empty()
_NAME = DomainName()
_NAMES = Array(_NAME)
_OCTETS = Opaque(min_size=1)
_PRINTABLE = Opaque(printable=True)
_TEXT = Text()
_UINT8 = Integer(8)
_UINT16 = Integer(16)
_UINT32 = Integer(32)
_UINT64 = Integer(64)
_ROUTES = Array(ClasslessRoute())
_VIRTUAL_SUBNET = Record(VirtualSubnet, [("type", Named(VirtualSubnetType)), ("information", Opaque(printable=True))])


def _row(code: IntEnum, value_type: AnyType, reference: str, *aliases: str) -> OptionSpec:
    return OptionSpec(int(code), code.name.lower().replace("_", "-"), value_type, reference, aliases)


def _rfc2132(section: str) -> str:
    return f"RFC 2132 section {section}"


def _sub(reference: str, *rows: tuple[int, str, AnyType]) -> tuple[OptionSpec, ...]:
    return tuple(OptionSpec(code, name, value_type, reference) for code, name, value_type in rows)


_CIVIC_ADDRESS = Record(
    CivicAddress,
    [
        ("what", _UINT8),
        ("country", Text(size=2)),
        (
            "elements",
            Array(
                Record(CivicElement, [("type", _UINT8), ("value", LengthPrefixed(Text(min_size=0)))], named=False),
                min_items=0,
            ),
        ),
    ],
)
_RDNSS_SELECTION = Record(
    RdnssSelection,
    [
        ("preference", Named(RdnssPreference)),
        ("primary", _ADDRESS),
        ("secondary", _ADDRESS),
        ("domains", Array(_NAME, min_items=0)),
    ],
)

_BOOT_SERVERS = Array(
    Record(BootServers, [("type", _UINT16), ("addresses", LengthPrefixed(Array(_ADDRESS, min_items=0), unit=4))])
)

C = OptionCode
A = AgentSubOption

_OPTIONS = (
    _row(C.SUBNET_MASK, _ADDRESS, _rfc2132("3.3")),
    _row(C.TIME_OFFSET, Integer(32, signed=True), _rfc2132("3.4")),
    _row(C.ROUTERS, _ADDRESSES, _rfc2132("3.5"), "router"),
    _row(C.TIME_SERVERS, _ADDRESSES, _rfc2132("3.6"), "time-server"),
    _row(C.NAME_SERVERS, _ADDRESSES, _rfc2132("3.7"), "ien116-name-servers", "name-server"),
    _row(C.DOMAIN_NAME_SERVERS, _ADDRESSES, _rfc2132("3.8"), "domain-name-server", "dns-servers", "domain-server"),
    _row(C.LOG_SERVERS, _ADDRESSES, _rfc2132("3.9"), "log-server"),
    _row(C.COOKIE_SERVERS, _ADDRESSES, _rfc2132("3.10"), "quotes-servers", "quotes-server"),
    _row(C.LPR_SERVERS, _ADDRESSES, _rfc2132("3.11"), "lpr-server"),
    _row(C.IMPRESS_SERVERS, _ADDRESSES, _rfc2132("3.12"), "impress-server"),
    _row(C.RESOURCE_LOCATION_SERVERS, _ADDRESSES, _rfc2132("3.13"), "rlp-server"),
    _row(C.HOST_NAME, _TEXT, _rfc2132("3.14"), "hostname"),
    _row(C.BOOT_SIZE, _UINT16, _rfc2132("3.15"), "boot-file-size"),
    _row(C.MERIT_DUMP, _TEXT, _rfc2132("3.16"), "merit-dump-file"),
    _row(C.DOMAIN_NAME, _TEXT, _rfc2132("3.17")),
    _row(C.SWAP_SERVER, _ADDRESS, _rfc2132("3.18")),
    _row(C.ROOT_PATH, _TEXT, _rfc2132("3.19")),
    _row(C.EXTENSIONS_PATH, _TEXT, _rfc2132("3.20"), "extension-file", "extensions-file"),
    _row(C.IP_FORWARDING, _BOOLEAN, _rfc2132("4.1"), "forward-on-off"),
    _row(C.NON_LOCAL_SOURCE_ROUTING, _BOOLEAN, _rfc2132("4.2"), "srcrte-on-off"),
    _row(
        C.POLICY_FILTER,
        Array(Record(PolicyFilter, [("address", _ADDRESS), ("mask", _ADDRESS)], named=False)),
        _rfc2132("4.3"),
    ),
    _row(C.MAX_DGRAM_REASSEMBLY, _UINT16, _rfc2132("4.4"), "max-dg-assembly"),
    _row(C.DEFAULT_IP_TTL, _UINT8, _rfc2132("4.5")),
    _row(C.PATH_MTU_AGING_TIMEOUT, _UINT32, _rfc2132("4.6"), "mtu-timeout"),
    _row(C.PATH_MTU_PLATEAU_TABLE, Array(_UINT16), _rfc2132("4.7"), "mtu-plateau"),
    _row(C.INTERFACE_MTU, _UINT16, _rfc2132("5.1"), "mtu-interface"),
    _row(C.ALL_SUBNETS_LOCAL, _BOOLEAN, _rfc2132("5.2"), "mtu-subnet"),
    _row(C.BROADCAST_ADDRESS, _ADDRESS, _rfc2132("5.3")),
    _row(C.PERFORM_MASK_DISCOVERY, _BOOLEAN, _rfc2132("5.4"), "mask-discovery"),
    _row(C.MASK_SUPPLIER, _BOOLEAN, _rfc2132("5.5")),
    _row(C.ROUTER_DISCOVERY, _BOOLEAN, _rfc2132("5.6")),
    _row(C.ROUTER_SOLICITATION_ADDRESS, _ADDRESS, _rfc2132("5.7"), "router-request"),
    _row(
        C.STATIC_ROUTES,
        Array(Record(StaticRoute, [("destination", _ADDRESS), ("router", _ADDRESS)], named=False)),
        _rfc2132("5.8"),
        "static-route",
    ),
    _row(C.TRAILER_ENCAPSULATION, _BOOLEAN, _rfc2132("6.1"), "trailers"),
    _row(C.ARP_CACHE_TIMEOUT, _UINT32, _rfc2132("6.2"), "arp-timeout"),
    _row(C.IEEE802_3_ENCAPSULATION, _BOOLEAN, _rfc2132("6.3"), "ethernet"),
    _row(C.DEFAULT_TCP_TTL, _UINT8, _rfc2132("7.1")),
    _row(C.TCP_KEEPALIVE_INTERVAL, _UINT32, _rfc2132("7.2"), "keepalive-time"),
    _row(C.TCP_KEEPALIVE_GARBAGE, _BOOLEAN, _rfc2132("7.3"), "keepalive-data"),
    _row(C.NIS_DOMAIN, _TEXT, _rfc2132("8.1")),
    _row(C.NIS_SERVERS, _ADDRESSES, _rfc2132("8.2")),
    _row(C.NTP_SERVERS, _ADDRESSES, _rfc2132("8.3"), "ntp-server"),
    _row(
        C.VENDOR_ENCAPSULATED_OPTIONS,
        VendorEncapsulated("vendor-encapsulated-options", marks=True),
        _rfc2132("8.4"),
        "vendor-specific",
    ),
    _row(C.NETBIOS_NAME_SERVERS, _ADDRESSES, _rfc2132("8.5"), "netbios-name-srv", "wins-servers"),
    _row(C.NETBIOS_DD_SERVER, _ADDRESSES, _rfc2132("8.6"), "netbios-dist-srv"),
    _row(C.NETBIOS_NODE_TYPE, Named(NetbiosNodeType), _rfc2132("8.7")),
    _row(C.NETBIOS_SCOPE, _TEXT, _rfc2132("8.8")),
    _row(C.FONT_SERVERS, _ADDRESSES, _rfc2132("8.9"), "x-window-font"),
    _row(C.X_DISPLAY_MANAGER, _ADDRESSES, _rfc2132("8.10"), "x-window-manager"),
    _row(C.DHCP_REQUESTED_ADDRESS, _ADDRESS, _rfc2132("9.1"), "address-request", "requested-address"),
    _row(C.DHCP_LEASE_TIME, _UINT32, _rfc2132("9.2"), "address-time", "lease-time"),
    _row(C.DHCP_OPTION_OVERLOAD, Named(OptionOverload), _rfc2132("9.3"), "overload", "option-overload"),
    _row(C.DHCP_MESSAGE_TYPE, Named(MessageType), _rfc2132("9.6"), "dhcp-msg-type", "message-type"),
    _row(C.DHCP_SERVER_IDENTIFIER, _ADDRESS, _rfc2132("9.7"), "dhcp-server-id", "server-identifier"),
    _row(
        C.DHCP_PARAMETER_REQUEST_LIST,
        Array(Named(OptionCode)),
        _rfc2132("9.8"),
        "parameter-list",
        "parameter-request-list",
    ),
    _row(C.DHCP_MESSAGE, _TEXT, _rfc2132("9.9")),
    _row(C.DHCP_MAX_MESSAGE_SIZE, _UINT16, _rfc2132("9.10"), "dhcp-max-msg-size", "max-message-size"),
    _row(C.DHCP_RENEWAL_TIME, _UINT32, _rfc2132("9.11"), "renewal-time"),
    _row(C.DHCP_REBINDING_TIME, _UINT32, _rfc2132("9.12"), "rebinding-time"),
    _row(C.VENDOR_CLASS_IDENTIFIER, _TEXT, _rfc2132("9.13"), "class-id", "vendor-class"),
    _row(C.DHCP_CLIENT_IDENTIFIER, Opaque(min_size=2), _rfc2132("9.14"), "client-id", "client-identifier"),
    _row(C.NWIP_DOMAIN_NAME, _TEXT, "RFC 2242 section 2", "nwip-domain", "netware-ip-domain"),
    _row(C.NWIP_SUBOPTIONS, Encapsulated("nwip-suboptions"), "RFC 2242 section 3", "netware-ip-option"),
    _row(C.NISPLUS_DOMAIN_NAME, _TEXT, _rfc2132("8.11"), "nisplus-domain"),
    _row(C.NISPLUS_SERVERS, _ADDRESSES, _rfc2132("8.12")),
    _row(C.TFTP_SERVER_NAME, _TEXT, _rfc2132("9.4"), "server-name"),
    _row(C.BOOT_FILE_NAME, _TEXT, _rfc2132("9.5"), "bootfile-name"),
    _row(C.MOBILE_IP_HOME_AGENT, Array(_ADDRESS, min_items=0), _rfc2132("8.13"), "home-agent-addrs"),
    _row(C.SMTP_SERVER, _ADDRESSES, _rfc2132("8.14")),
    _row(C.POP_SERVER, _ADDRESSES, _rfc2132("8.15"), "pop3-server"),
    _row(C.NNTP_SERVER, _ADDRESSES, _rfc2132("8.16")),
    _row(C.WWW_SERVER, _ADDRESSES, _rfc2132("8.17")),
    _row(C.FINGER_SERVER, _ADDRESSES, _rfc2132("8.18")),
    _row(C.IRC_SERVER, _ADDRESSES, _rfc2132("8.19")),
    _row(C.STREETTALK_SERVER, _ADDRESSES, _rfc2132("8.20")),
    _row(C.STREETTALK_DIRECTORY_ASSISTANCE_SERVER, _ADDRESSES, _rfc2132("8.21"), "stda-server"),
    _row(C.USER_CLASS, UserClasses(), "RFC 3004"),
    _row(
        C.SLP_DIRECTORY_AGENT,
        Record(SlpDirectoryAgent, [("mandatory", _BOOLEAN), ("addresses", _ADDRESSES)]),
        "RFC 2610 section 3",
        "directory-agent",
    ),
    _row(
        C.SLP_SERVICE_SCOPE,
        Record(SlpServiceScope, [("mandatory", _BOOLEAN), ("scopes", Text(min_size=0))]),
        "RFC 2610 section 4",
        "service-scope",
    ),
    _row(C.RAPID_COMMIT, _EMPTY, "RFC 4039 section 4"),
    _row(C.FQDN, FullyQualifiedName(), "RFC 4702 section 2", "client-fqdn"),
    _row(C.DHCP_AGENT_OPTIONS, Encapsulated("dhcp-agent-options"), "RFC 3046", "relay-agent-information"),
    _row(
        C.ISNS,
        Record(
            Isns,
            [
                ("functions", _UINT16),
                ("dd_access", _UINT16),
                ("administration", _UINT16),
                ("security", _UINT32),
                ("addresses", _ADDRESSES),
            ],
        ),
        "RFC 4174 section 2",
    ),
    _row(C.NDS_SERVERS, _ADDRESSES, "RFC 2241 section 2"),
    _row(C.NDS_TREE_NAME, _TEXT, "RFC 2241 section 3"),
    _row(C.NDS_CONTEXT, _TEXT, "RFC 2241 section 4"),
    _row(C.BCMS_CONTROLLER_NAMES, _NAMES, "RFC 4280 section 4.1"),
    _row(C.BCMS_CONTROLLER_ADDRESS, _ADDRESSES, "RFC 4280 section 4.3"),
    _row(
        C.AUTHENTICATE,
        Record(
            Authentication,
            [
                ("protocol", _UINT8),
                ("algorithm", _UINT8),
                ("replay_detection_method", _UINT8),
                ("replay_detection", _UINT64),
                ("information", _BINARY),
            ],
        ),
        "RFC 3118 section 2",
        "authentication",
    ),
    _row(C.CLIENT_LAST_TRANSACTION_TIME, _UINT32, "RFC 4388 section 6.1"),
    _row(C.ASSOCIATED_IP, _ADDRESSES, "RFC 4388 section 6.1"),
    _row(
        C.CLIENT_SYSTEM,
        Array(Named(ClientArchitecture, bits=16)),
        "RFC 4578 section 2.1",
        "pxe-system-type",
        "client-arch",
    ),
    _row(
        C.CLIENT_NDI,
        Record(NetworkInterface, [("type", _UINT8), ("major", _UINT8), ("minor", _UINT8)]),
        "RFC 4578 section 2.2",
        "pxe-interface-id",
    ),
    _row(C.LDAP, _TEXT, "RFC 3679 (Apple)", "ldap-url"),
    _row(
        C.UUID_GUID,
        Record(MachineIdentifier, [("type", _UINT8), ("identifier", _BINARY)]),
        "RFC 4578 section 2.3",
        "pxe-client-id",
    ),
    _row(C.UAP_SERVERS, _TEXT, "RFC 2485", "user-auth"),
    _row(C.GEOCONF_CIVIC, _CIVIC_ADDRESS, "RFC 4776"),
    _row(C.PCODE, _TEXT, "RFC 4833 section 2"),
    _row(C.TCODE, _TEXT, "RFC 4833 section 2"),
    _row(C.V6_ONLY_PREFERRED, _UINT32, "RFC 8925 section 3.1", "ipv6-only-preferred"),
    _row(C.DHCP4O6_S46_SADDR, Address6(), "RFC 8539"),
    _row(C.NETINFO_SERVER_ADDRESS, _ADDRESSES, "RFC 3679 (Apple)", "netinfo-address"),
    _row(C.NETINFO_SERVER_TAG, _TEXT, "RFC 3679 (Apple)", "netinfo-tag"),
    _row(C.V4_CAPTIVE_PORTAL, _TEXT, "RFC 8910 section 2.1", "captive-portal", "default-url"),
    _row(C.AUTO_CONFIG, Named(AutoConfigure), "RFC 2563 section 2"),
    _row(C.NAME_SERVICE_SEARCH, Array(Named(OptionCode, bits=16)), "RFC 2937"),
    _row(C.SUBNET_SELECTION, _ADDRESS, "RFC 3011"),
    _row(C.DOMAIN_SEARCH, CompressedNames(), "RFC 3397 section 2"),
    _row(C.SIP_SERVERS, NamesOrAddresses(), "RFC 3361 section 3", "sip-server"),
    _row(C.CLASSLESS_STATIC_ROUTE, _ROUTES, "RFC 3442", "classless-static-routes", "rfc3442-classless-static-routes"),
    _row(C.CABLELABS_CLIENT_CONFIGURATION, Encapsulated("cablelabs-client-configuration"), "RFC 3495", "ccc"),
    _row(C.GEOCONF, Location(GeoConf), "RFC 6225 section 2.2"),
    _row(
        C.VIVCO_SUBOPTIONS,
        Array(Record(VendorClass, [("enterprise", _UINT32), ("data", LengthPrefixed(_PRINTABLE))], named=False)),
        "RFC 3925 section 3",
        "vivco",
        "vendor-identifying-vendor-class",
    ),
    _row(
        C.VIVSO_SUBOPTIONS,
        Array(VendorIdentified()),
        "RFC 3925 section 4",
        "vivso",
        "vendor-identifying-vendor-specific",
    ),
    _row(C.TFTP_SERVER_IP_ADDRESS, _BINARY, "IANA (several uses; PXE in RFC 4578)"),
    _row(C.CALL_SERVER_IP_ADDRESS, _BINARY, "IANA (several uses; PXE in RFC 4578)"),
    _row(C.DISCRIMINATION_STRING, _BINARY, "IANA (several uses; PXE in RFC 4578)"),
    _row(C.REMOTE_STATISTICS_SERVER_IP_ADDRESS, _BINARY, "IANA (several uses; PXE in RFC 4578)"),
    _row(C.IEEE802_1Q_VLAN_ID, _BINARY, "IANA (several uses; PXE in RFC 4578)"),
    _row(C.IEEE802_1P_PRIORITY, _BINARY, "IANA (several uses; PXE in RFC 4578)"),
    _row(C.DIFFSERV_CODE_POINT, _BINARY, "IANA (several uses; PXE in RFC 4578)"),
    _row(C.PHONE_HTTP_PROXY, _BINARY, "IANA (several uses; PXE in RFC 4578)"),
    _row(C.PANA_AGENT, _ADDRESSES, "RFC 5192"),
    _row(C.V4_LOST, _NAME, "RFC 5223"),
    _row(C.CAPWAP_AC_V4, _ADDRESSES, "RFC 5417"),
    _row(C.IPV4_ADDRESS_MOS, Encapsulated("ipv4-address-mos"), "RFC 5678"),
    _row(C.IPV4_FQDN_MOS, Encapsulated("ipv4-fqdn-mos"), "RFC 5678"),
    _row(C.SIP_UA_CS_DOMAINS, _NAMES, "RFC 6011"),
    _row(C.IPV4_ADDRESS_ANDSF, _ADDRESSES, "RFC 6153"),
    _row(C.V4_SZTP_REDIRECT, Array(LengthPrefixed(_TEXT, length_size=2)), "RFC 8572 section 8.1"),
    _row(C.GEOLOC, Location(GeoLoc), "RFC 6225 section 2.2"),
    _row(C.FORCERENEW_NONCE_CAPABLE, Array(_UINT8), "RFC 6704"),
    _row(C.RDNSS_SELECTION, _RDNSS_SELECTION, "RFC 6731 section 4.3"),
    _row(C.V4_DOTS_RI, _NAME, "RFC 8973"),
    _row(C.V4_DOTS_ADDRESS, _ADDRESSES, "RFC 8973"),
    _row(C.TFTP_SERVER_ADDRESS, _ADDRESSES, "RFC 5859", "tftp-servers"),
    _row(
        C.STATUS_CODE,
        Record(Status, [("code", Named(StatusCode)), ("message", Text(min_size=0))], defaults={"message": ""}),
        "RFC 6926 section 6.2.2",
    ),
    _row(C.BASE_TIME, _UINT32, "RFC 6926 section 6.2.3"),
    _row(C.START_TIME_OF_STATE, _UINT32, "RFC 6926 section 6.2.4"),
    _row(C.QUERY_START_TIME, _UINT32, "RFC 6926 section 6.2.5"),
    _row(C.QUERY_END_TIME, _UINT32, "RFC 6926 section 6.2.6"),
    _row(C.DHCP_STATE, Named(DhcpState), "RFC 6926 section 6.2.7"),
    _row(C.DATA_SOURCE, Flags(DataSource), "RFC 6926 section 6.2.8"),
    _row(C.V4_PCP_SERVER, Array(LengthPrefixed(_ADDRESSES)), "RFC 7291", "pcp-server"),
    _row(
        C.V4_PORTPARAMS,
        Record(PortParameters, [("offset", _UINT8), ("psid_length", _UINT8), ("psid", _UINT16)]),
        "RFC 7618 section 9",
    ),
    _row(C.MUD_URL_V4, _TEXT, "RFC 8520 section 10", "mud-url"),
    _row(
        C.V4_DNR,
        Array(LengthPrefixed(EncryptedDnsServer(Encapsulated("svc-params", number_size=2)), length_size=2)),
        "RFC 9463 section 5",
        "encrypted-dns",
    ),
    _row(
        C.IPXE_ENCAP_OPTS,
        Encapsulated("ipxe-encap-opts", marks=True),
        "iPXE (IANA: tentatively Etherboot)",
        "etherboot",
        "ipxe",
    ),
    _row(C.IP_TELEPHONE, _TEXT, "IANA (tentatively)"),
    _row(C.PACKETCABLE, _BINARY, "IANA (tentatively; replaced by 122)"),
    _row(C.PXELINUX_MAGIC, _BINARY, "RFC 5071 section 3"),
    _row(C.CONFIGURATION_FILE, _TEXT, "RFC 5071 section 4", "loader-configfile", "pxelinux-configfile"),
    _row(C.PATH_PREFIX, _TEXT, "RFC 5071 section 5", "loader-pathprefix", "pxelinux-pathprefix"),
    _row(C.REBOOT_TIME, _UINT32, "RFC 5071 section 6", "loader-reboottime", "pxelinux-reboottime"),
    _row(
        C.OPTION_6RD,
        Record(
            SixRd,
            [
                ("ipv4_mask_length", _UINT8),
                ("prefix_length", _UINT8),
                ("prefix", Address6()),
                ("border_relays", _ADDRESSES),
            ],
        ),
        "RFC 5969 section 7.1.1",
        "6rd",
    ),
    _row(C.V4_ACCESS_DOMAIN, _NAME, "RFC 5986"),
    _row(
        C.SUBNET_ALLOCATION,
        Record(SubnetAllocation, [("flags", _UINT8), ("options", Encapsulated("subnet-allocation"))]),
        "RFC 6656",
    ),
    _row(C.VIRTUAL_SUBNET_SELECTION, _VIRTUAL_SUBNET, "RFC 6607 section 3.1", "vss"),
    _row(C.MS_CLASSLESS_STATIC_ROUTE, _ROUTES, "Microsoft (as 121)", "ms-classless-static-routes"),
    _row(C.WPAD, _TEXT, "Microsoft", "wpad-url", "proxy-autodiscovery"),
)

_AGENT = (
    _row(A.CIRCUIT_ID, _PRINTABLE, "RFC 3046 section 3.1"),
    _row(A.REMOTE_ID, _PRINTABLE, "RFC 3046 section 3.2"),
    _row(A.DOCSIS_DEVICE_CLASS, _UINT32, "RFC 3256"),
    _row(A.LINK_SELECTION, _ADDRESS, "RFC 3527"),
    _row(A.SUBSCRIBER_ID, _TEXT, "RFC 3993"),
    _row(
        A.RADIUS,
        Array(
            Record(RadiusAttribute, [("type", _UINT8), ("value", LengthPrefixed(_PRINTABLE, counted=2))], named=False)
        ),
        "RFC 4014",
    ),
    _row(
        A.AUTHENTICATION,
        Record(
            RelayAuthentication,
            [
                ("algorithm", _UINT8),
                ("replay_detection_method", _UINT8),
                ("replay_detection", _UINT64),
                ("relay_identifier", _UINT32),
                ("information", _BINARY),
            ],
        ),
        "RFC 4030",
    ),
    _row(A.VENDOR_SPECIFIC_INFORMATION, Array(VendorIdentified()), "RFC 4243"),
    _row(A.RELAY_FLAGS, Flags(RelayFlags), "RFC 5010"),
    _row(A.SERVER_ID_OVERRIDE, _ADDRESS, "RFC 5107"),
    _row(A.RELAY_ID, _OCTETS, "RFC 6925"),
    _row(A.ACCESS_TECHNO_TYPE, _UINT16, "RFC 7839"),
    _row(A.ACCESS_NETWORK_NAME, _TEXT, "RFC 7839"),
    _row(A.ACCESS_POINT_NAME, _TEXT, "RFC 7839"),
    _row(A.ACCESS_POINT_BSSID, Opaque(size=6), "RFC 7839"),
    _row(A.OPERATOR_ID, _UINT32, "RFC 7839"),
    _row(A.OPERATOR_REALM, _TEXT, "RFC 7839"),
    _row(A.RELAY_PORT, _EMPTY, "RFC 8357"),
    _row(A.VIRTUAL_SUBNET_SELECT, _VIRTUAL_SUBNET, "RFC 6607 section 3.2"),
    _row(A.VIRTUAL_SUBNET_SELECT_CTRL, _EMPTY, "RFC 6607 section 3.3"),
)

_NWIP = _sub(
    "RFC 2242 section 3",
    (1, "does-not-exist", _EMPTY),
    (2, "exists-in-options-area", _EMPTY),
    (3, "exists-in-sname-file", _EMPTY),
    (4, "exists-but-too-big", _EMPTY),
    (5, "nsq-broadcast", _BOOLEAN),
    (6, "preferred-dss", _ADDRESSES),
    (7, "nearest-nwip-server", _ADDRESSES),
    (8, "autoretries", _UINT8),
    (9, "autoretry-secs", _UINT8),
    (10, "nwip-1-1", _BOOLEAN),
    (11, "primary-dss", _ADDRESS),
)

_BACKOFF = Record(
    KerberosBackoff, [("nominal_timeout_ms", _UINT32), ("maximum_timeout_s", _UINT32), ("maximum_retries", _UINT32)]
)
_CABLELABS = _sub(
    "RFC 3495, RFC 3594, RFC 3634",
    (1, "primary-dhcp-server", _ADDRESS),
    (2, "secondary-dhcp-server", _ADDRESS),
    (3, "provisioning-server", NamesOrAddresses(single=True)),
    (4, "as-backoff", _BACKOFF),
    (5, "ap-backoff", _BACKOFF),
    (6, "kerberos-realm", _NAME),
    (7, "ticket-granting-server", _BOOLEAN),
    (8, "provisioning-timer", _UINT8),
    (9, "security-ticket-control", _UINT16),
    (10, "kdc-servers", _ADDRESSES),
)

_MOS = "RFC 5678"
_MOS_ADDRESSES = _sub(_MOS, *((code, name, _ADDRESSES) for code, name in ((1, "is"), (2, "cs"), (3, "es"))))
_MOS_NAMES = _sub(_MOS, *((code, name, _NAMES) for code, name in ((1, "is"), (2, "cs"), (3, "es"))))

_IPXE_FEATURES = (
    (16, "pxeext"),
    (17, "iscsi"),
    (18, "aoe"),
    (19, "http"),
    (20, "https"),
    (21, "tftp"),
    (22, "ftp"),
    (23, "dns"),
    (24, "bzimage"),
    (25, "multiboot"),
    (26, "slam"),
    (27, "srp"),
    (32, "nbi"),
    (33, "pxe"),
    (34, "elf"),
    (35, "comboot"),
    (36, "efi"),
    (37, "fcoe"),
    (38, "vlan"),
    (39, "menu"),
    (40, "sdi"),
    (41, "nfs"),
)
_IPXE = _sub(
    "iPXE",
    (1, "priority", Integer(8, signed=True)),
    (8, "keep-san", _UINT8),
    (9, "skip-san-boot", _UINT8),
    *((code, name, _UINT8) for code, name in _IPXE_FEATURES),
    (85, "syslogs", _TEXT),
    (91, "cert", _BINARY),
    (92, "privkey", _BINARY),
    (93, "crosscert", _TEXT),
    (176, "no-pxedhcp", _UINT8),
    (177, "bus-id", _BINARY),
    (188, "san-filename", _TEXT),
    (189, "bios-drive", _UINT8),
    (190, "username", _TEXT),
    (191, "password", _TEXT),
    (192, "reverse-username", _TEXT),
    (193, "reverse-password", _TEXT),
    (235, "version", _BINARY),
)

_SUBNETS = Array(
    Record(
        Subnet,
        [
            ("network", _ADDRESS),
            ("prefix_length", _UINT8),
            ("flags", _UINT8),
            ("statistics", LengthPrefixed(Array(_UINT16, min_items=0))),
        ],
        defaults={"statistics": ()},
    )
)
_SUBNET_ALLOCATION = _sub(
    "RFC 6656",
    (1, "subnet-request", Record(SubnetRequest, [("flags", _UINT8), ("prefix_length", _UINT8)])),
    (2, "subnet-information", Record(SubnetInformation, [("flags", _UINT8), ("subnets", _SUBNETS)])),
    (3, "subnet-name", _TEXT),
    (4, "suggested-lease-time", _UINT32),
)

_SERVICE_PARAMETERS = _sub(
    "RFC 9460 section 14.3.2",
    (0, "mandatory", Array(_UINT16)),
    (1, "alpn", Array(LengthPrefixed(_TEXT))),
    (2, "no-default-alpn", _EMPTY),
    (3, "port", _UINT16),
    (4, "ipv4hint", _ADDRESSES),
    (5, "ech", _BINARY),
    (6, "ipv6hint", Array(Address6())),
    (7, "dohpath", _TEXT),
    (8, "ohttp", _EMPTY),
)

_PXE = _sub(
    "PXE 2.1",
    (1, "mtftp-address", _ADDRESS),
    (2, "mtftp-client-port", _UINT16),
    (3, "mtftp-server-port", _UINT16),
    (4, "mtftp-timeout", _UINT8),
    (5, "mtftp-delay", _UINT8),
    (6, "discovery-control", _UINT8),
    (7, "discovery-address", _ADDRESS),
    (8, "boot-servers", _BOOT_SERVERS),
    (9, "boot-menu", Array(Record(BootMenuItem, [("type", _UINT16), ("description", LengthPrefixed(_TEXT))]))),
    (10, "menu-prompt", Record(BootPrompt, [("timeout_s", _UINT8), ("prompt", Text(min_size=0))])),
    (71, "boot-item", Record(BootItem, [("type", _UINT16), ("layer", _UINT16)])),
)

_BROADBAND_FORUM = _sub(
    "TR-069, TR-111",
    (1, "manufacturer-oui", _TEXT),
    (2, "serial-number", _TEXT),
    (3, "product-class", _TEXT),
    (4, "gateway-manufacturer-oui", _TEXT),
    (5, "gateway-serial-number", _TEXT),
    (6, "gateway-product-class", _TEXT),
    (11, "acs-url", _TEXT),
    (12, "provisioning-code", _TEXT),
)

_CABLE_VENDOR = _sub(
    "CableLabs CL-SP-CANN-DHCP",
    (1, "oro", Array(_UINT8)),
    (2, "tftp-servers", _ADDRESSES),
    (5, "modem-capabilities", _BINARY),
)

SPACES: dict[str, Iterable[OptionSpec]] = {
    DHCP4: _OPTIONS,
    "dhcp-agent-options": _AGENT,
    "vendor-encapsulated-options": (),
    "nwip-suboptions": _NWIP,
    "cablelabs-client-configuration": _CABLELABS,
    "ipv4-address-mos": _MOS_ADDRESSES,
    "ipv4-fqdn-mos": _MOS_NAMES,
    "ipxe-encap-opts": _IPXE,
    "subnet-allocation": _SUBNET_ALLOCATION,
    "svc-params": _SERVICE_PARAMETERS,
    "pxe": _PXE,
    "vendor-3561": _BROADBAND_FORUM,
    "vendor-4491": _CABLE_VENDOR,
}
"""Each space's rows: DHCP's own options, and sub-options by the name of the option or the vendor that has them."""
