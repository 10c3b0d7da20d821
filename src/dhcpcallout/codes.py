"""The numbers of the protocol (IANA, RFC 2131) and of the callout ABI (dhcpssdk.h), as enums."""

from enum import IntEnum, IntFlag

__all__ = [
    "BOOTREPLY",
    "BOOTREQUEST",
    "BROADCAST_FLAG",
    "CLIENT_PORT",
    "INFINITE",
    "MESSAGE_TYPES",
    "SERVER_PORT",
    "AddressDeleteReason",
    "AddressGiven",
    "AddressType",
    "AgentSubOption",
    "AutoConfigure",
    "ClientArchitecture",
    "ControlCode",
    "DataSource",
    "DhcpState",
    "DropReason",
    "EventId",
    "MessageType",
    "NetbiosNodeType",
    "OptionCode",
    "OptionOverload",
    "RelayFlags",
    "SendCode",
    "StatusCode",
]

BOOTREQUEST = 1
BOOTREPLY = 2
BROADCAST_FLAG = 0x8000
"""The B bit of ``flags`` (RFC 2131 figure 2)."""
SERVER_PORT = 67
CLIENT_PORT = 68
INFINITE = 0xFFFFFFFF
"""A lease time that never ends (RFC 2131 section 3.3)."""


class MessageType(IntEnum):
    """Values of option 53 (IANA, "DHCP Message Type 53 Values")."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8
    FORCERENEW = 9
    LEASEQUERY = 10
    LEASEUNASSIGNED = 11
    LEASEUNKNOWN = 12
    LEASEACTIVE = 13
    BULKLEASEQUERY = 14
    LEASEQUERYDONE = 15
    ACTIVELEASEQUERY = 16
    LEASEQUERYSTATUS = 17
    TLS = 18


MESSAGE_TYPES: tuple[MessageType | None, ...] = tuple(
    MessageType(value) if value in MessageType._value2member_map_ else None for value in range(256)
)
"""A byte to its message type, or None: one index instead of an enum call on the hot path."""


class OptionCode(IntEnum):
    """Codes of IANA's "BOOTP Vendor Extensions and DHCP Options", with 249 and 252 of the private ones.

    A member is the option's name in Kea's spelling (IANA's where Kea has none), in capitals: ``ROUTERS`` is
    "routers". ``PAD`` and ``END`` are marks in the options field, without length or value (RFC 2132 section 3).
    """

    PAD = 0
    SUBNET_MASK = 1
    TIME_OFFSET = 2
    ROUTERS = 3
    TIME_SERVERS = 4
    NAME_SERVERS = 5
    DOMAIN_NAME_SERVERS = 6
    LOG_SERVERS = 7
    COOKIE_SERVERS = 8
    LPR_SERVERS = 9
    IMPRESS_SERVERS = 10
    RESOURCE_LOCATION_SERVERS = 11
    HOST_NAME = 12
    BOOT_SIZE = 13
    MERIT_DUMP = 14
    DOMAIN_NAME = 15
    SWAP_SERVER = 16
    ROOT_PATH = 17
    EXTENSIONS_PATH = 18
    IP_FORWARDING = 19
    NON_LOCAL_SOURCE_ROUTING = 20
    POLICY_FILTER = 21
    MAX_DGRAM_REASSEMBLY = 22
    DEFAULT_IP_TTL = 23
    PATH_MTU_AGING_TIMEOUT = 24
    PATH_MTU_PLATEAU_TABLE = 25
    INTERFACE_MTU = 26
    ALL_SUBNETS_LOCAL = 27
    BROADCAST_ADDRESS = 28
    PERFORM_MASK_DISCOVERY = 29
    MASK_SUPPLIER = 30
    ROUTER_DISCOVERY = 31
    ROUTER_SOLICITATION_ADDRESS = 32
    STATIC_ROUTES = 33
    TRAILER_ENCAPSULATION = 34
    ARP_CACHE_TIMEOUT = 35
    IEEE802_3_ENCAPSULATION = 36
    DEFAULT_TCP_TTL = 37
    TCP_KEEPALIVE_INTERVAL = 38
    TCP_KEEPALIVE_GARBAGE = 39
    NIS_DOMAIN = 40
    NIS_SERVERS = 41
    NTP_SERVERS = 42
    VENDOR_ENCAPSULATED_OPTIONS = 43
    NETBIOS_NAME_SERVERS = 44
    NETBIOS_DD_SERVER = 45
    NETBIOS_NODE_TYPE = 46
    NETBIOS_SCOPE = 47
    FONT_SERVERS = 48
    X_DISPLAY_MANAGER = 49
    DHCP_REQUESTED_ADDRESS = 50
    DHCP_LEASE_TIME = 51
    DHCP_OPTION_OVERLOAD = 52
    DHCP_MESSAGE_TYPE = 53
    DHCP_SERVER_IDENTIFIER = 54
    DHCP_PARAMETER_REQUEST_LIST = 55
    DHCP_MESSAGE = 56
    DHCP_MAX_MESSAGE_SIZE = 57
    DHCP_RENEWAL_TIME = 58
    DHCP_REBINDING_TIME = 59
    VENDOR_CLASS_IDENTIFIER = 60
    DHCP_CLIENT_IDENTIFIER = 61
    NWIP_DOMAIN_NAME = 62
    NWIP_SUBOPTIONS = 63
    NISPLUS_DOMAIN_NAME = 64
    NISPLUS_SERVERS = 65
    TFTP_SERVER_NAME = 66
    BOOT_FILE_NAME = 67
    MOBILE_IP_HOME_AGENT = 68
    SMTP_SERVER = 69
    POP_SERVER = 70
    NNTP_SERVER = 71
    WWW_SERVER = 72
    FINGER_SERVER = 73
    IRC_SERVER = 74
    STREETTALK_SERVER = 75
    STREETTALK_DIRECTORY_ASSISTANCE_SERVER = 76
    USER_CLASS = 77
    SLP_DIRECTORY_AGENT = 78
    SLP_SERVICE_SCOPE = 79
    RAPID_COMMIT = 80
    FQDN = 81
    DHCP_AGENT_OPTIONS = 82
    ISNS = 83
    NDS_SERVERS = 85
    NDS_TREE_NAME = 86
    NDS_CONTEXT = 87
    BCMS_CONTROLLER_NAMES = 88
    BCMS_CONTROLLER_ADDRESS = 89
    AUTHENTICATE = 90
    CLIENT_LAST_TRANSACTION_TIME = 91
    ASSOCIATED_IP = 92
    CLIENT_SYSTEM = 93
    CLIENT_NDI = 94
    LDAP = 95
    UUID_GUID = 97
    UAP_SERVERS = 98
    GEOCONF_CIVIC = 99
    PCODE = 100
    TCODE = 101
    V6_ONLY_PREFERRED = 108
    DHCP4O6_S46_SADDR = 109
    NETINFO_SERVER_ADDRESS = 112
    NETINFO_SERVER_TAG = 113
    V4_CAPTIVE_PORTAL = 114
    AUTO_CONFIG = 116
    NAME_SERVICE_SEARCH = 117
    SUBNET_SELECTION = 118
    DOMAIN_SEARCH = 119
    SIP_SERVERS = 120
    CLASSLESS_STATIC_ROUTE = 121
    CABLELABS_CLIENT_CONFIGURATION = 122
    GEOCONF = 123
    VIVCO_SUBOPTIONS = 124
    VIVSO_SUBOPTIONS = 125
    TFTP_SERVER_IP_ADDRESS = 128
    CALL_SERVER_IP_ADDRESS = 129
    DISCRIMINATION_STRING = 130
    REMOTE_STATISTICS_SERVER_IP_ADDRESS = 131
    IEEE802_1Q_VLAN_ID = 132
    IEEE802_1P_PRIORITY = 133
    DIFFSERV_CODE_POINT = 134
    PHONE_HTTP_PROXY = 135
    PANA_AGENT = 136
    V4_LOST = 137
    CAPWAP_AC_V4 = 138
    IPV4_ADDRESS_MOS = 139
    IPV4_FQDN_MOS = 140
    SIP_UA_CS_DOMAINS = 141
    IPV4_ADDRESS_ANDSF = 142
    V4_SZTP_REDIRECT = 143
    GEOLOC = 144
    FORCERENEW_NONCE_CAPABLE = 145
    RDNSS_SELECTION = 146
    V4_DOTS_RI = 147
    V4_DOTS_ADDRESS = 148
    TFTP_SERVER_ADDRESS = 150
    STATUS_CODE = 151
    BASE_TIME = 152
    START_TIME_OF_STATE = 153
    QUERY_START_TIME = 154
    QUERY_END_TIME = 155
    DHCP_STATE = 156
    DATA_SOURCE = 157
    V4_PCP_SERVER = 158
    V4_PORTPARAMS = 159
    MUD_URL_V4 = 161
    V4_DNR = 162
    IPXE_ENCAP_OPTS = 175
    IP_TELEPHONE = 176
    PACKETCABLE = 177
    PXELINUX_MAGIC = 208
    CONFIGURATION_FILE = 209
    PATH_PREFIX = 210
    REBOOT_TIME = 211
    OPTION_6RD = 212
    V4_ACCESS_DOMAIN = 213
    SUBNET_ALLOCATION = 220
    VIRTUAL_SUBNET_SELECTION = 221
    MS_CLASSLESS_STATIC_ROUTE = 249
    WPAD = 252
    END = 255


class AgentSubOption(IntEnum):
    """Sub-option codes of option 82 (IANA, "DHCP Relay Agent Sub-Option Codes")."""

    CIRCUIT_ID = 1
    REMOTE_ID = 2
    DOCSIS_DEVICE_CLASS = 4
    LINK_SELECTION = 5
    SUBSCRIBER_ID = 6
    RADIUS = 7
    AUTHENTICATION = 8
    VENDOR_SPECIFIC_INFORMATION = 9
    RELAY_FLAGS = 10
    SERVER_ID_OVERRIDE = 11
    RELAY_ID = 12
    ACCESS_TECHNO_TYPE = 13
    ACCESS_NETWORK_NAME = 14
    ACCESS_POINT_NAME = 15
    ACCESS_POINT_BSSID = 16
    OPERATOR_ID = 17
    OPERATOR_REALM = 18
    RELAY_PORT = 19
    VIRTUAL_SUBNET_SELECT = 151
    VIRTUAL_SUBNET_SELECT_CTRL = 152


class OptionOverload(IntEnum):
    """Values of option 52 (RFC 2132 section 9.3): the fields that hold options."""

    FILE = 1
    SNAME = 2
    BOTH = 3


class NetbiosNodeType(IntEnum):
    """Values of option 46 (RFC 2132 section 8.7)."""

    B_NODE = 1
    P_NODE = 2
    M_NODE = 4
    H_NODE = 8


class AutoConfigure(IntEnum):
    """Values of option 116 (RFC 2563 section 2)."""

    DO_NOT_AUTO_CONFIGURE = 0
    AUTO_CONFIGURE = 1


class ClientArchitecture(IntEnum):
    """Values of option 93 (RFC 4578 section 2.1; IANA, "Processor Architecture Types")."""

    X86_BIOS = 0
    NEC_PC98 = 1
    ITANIUM = 2
    DEC_ALPHA = 3
    ARC_X86 = 4
    INTEL_LEAN_CLIENT = 5
    X86_UEFI = 6
    X64_UEFI = 7
    EFI_XSCALE = 8
    EBC = 9
    ARM32_UEFI = 10
    ARM64_UEFI = 11
    POWERPC_OPEN_FIRMWARE = 12
    POWERPC_EPAPR = 13
    POWER_OPAL_V3 = 14
    X86_UEFI_HTTP = 15
    X64_UEFI_HTTP = 16
    EBC_HTTP = 17
    ARM32_UEFI_HTTP = 18
    ARM64_UEFI_HTTP = 19
    X86_BIOS_HTTP = 20
    ARM32_UBOOT = 21
    ARM64_UBOOT = 22
    ARM32_UBOOT_HTTP = 23
    ARM64_UBOOT_HTTP = 24
    RISCV32_UEFI = 25
    RISCV32_UEFI_HTTP = 26
    RISCV64_UEFI = 27
    RISCV64_UEFI_HTTP = 28
    RISCV128_UEFI = 29
    RISCV128_UEFI_HTTP = 30
    S390_BASIC = 31
    S390_EXTENDED = 32
    MIPS32_UEFI = 33
    MIPS64_UEFI = 34
    SUNWAY32_UEFI = 35
    SUNWAY64_UEFI = 36
    LOONGARCH32_UEFI = 37
    LOONGARCH32_UEFI_HTTP = 38
    LOONGARCH64_UEFI = 39
    LOONGARCH64_UEFI_HTTP = 40
    ARM_RPIBOOT = 41


class StatusCode(IntEnum):
    """Codes of option 151 (RFC 6926 section 6.2.2, RFC 7724)."""

    SUCCESS = 0
    UNSPEC_FAIL = 1
    QUERY_TERMINATED = 2
    MALFORMED_QUERY = 3
    NOT_ALLOWED = 4
    DATA_MISSING = 5
    CONNECTION_ACTIVE = 6
    CATCH_UP_COMPLETE = 7
    TLS_CONNECTION_REFUSED = 8


class DhcpState(IntEnum):
    """Values of option 156 (RFC 6926 section 6.2.7)."""

    AVAILABLE = 1
    ACTIVE = 2
    EXPIRED = 3
    RELEASED = 4
    ABANDONED = 5
    RESET = 6
    REMOTE = 7
    TRANSITIONING = 8


class DataSource(IntFlag):
    """Flags of option 157 (RFC 6926 section 6.2.8)."""

    REMOTE = 1


class RelayFlags(IntFlag):
    """Flags of sub-option 10 of option 82 (RFC 5010)."""

    UNICAST = 0x80
    """The relay agent got the message by unicast."""


class ControlCode(IntEnum):
    """What the Control hook tells (``DHCP_CONTROL_*``)."""

    START = 1
    STOP = 2
    PAUSE = 3
    CONTINUE = 4


class DropReason(IntEnum):
    """Why a packet was dropped (``DHCP_DROP_*``); PROCESSED ends every packet's life."""

    DUPLICATE = 0x01
    NOMEM = 0x02
    INTERNAL_ERROR = 0x03
    TIMEOUT = 0x04
    UNAUTH = 0x05
    PAUSED = 0x06
    NO_SUBNETS = 0x07
    INVALID = 0x08
    WRONG_SERVER = 0x09
    NOADDRESS = 0x0A
    PROCESSED = 0x0B
    GEN_FAILURE = 0x100


class SendCode(IntEnum):
    """What the PktSend hook tells (``DHCP_SEND_PACKET``)."""

    SEND_PACKET = 0x10000000


class AddressDeleteReason(IntEnum):
    """Why an address was taken away (``DHCP_PROB_*``)."""

    CONFLICT = 0x20000001
    DECLINE = 0x20000002
    RELEASE = 0x20000003
    NACKED = 0x20000004


class AddressGiven(IntEnum):
    """How an address is given (``DHCP_GIVE_ADDRESS_*``).

    NEW: the client had no active lease of it. OLD: a renewal.
    """

    NEW = 0x30000001
    OLD = 0x30000002


class AddressType(IntEnum):
    """Which kind of client gets the address (``DHCP_CLIENT_*``)."""

    BOOTP = 0x30000003
    DHCP = 0x30000004


class EventId(IntEnum):
    """Microsoft DHCP Server's event log ids, which our log records carry too."""

    CALLOUT_EXCEPTION = 1031
    CALLOUT_LOAD_EXCEPTION = 1032
    CALLOUT_LOADED = 1033
    CALLOUT_LOAD_FAILED = 1034
