/*
 * The DHCP server callout API, for native callouts on any platform.
 *
 * Source-compatible with the header of the same name in the Windows SDK: on Windows it takes the base types from
 * <windows.h>, elsewhere from the folder posix beside it, which also has a <windows.h> for callouts that include one.
 *
 * A callout is a shared library that exports DhcpServerCalloutEntry. Build one with
 *
 *     cc -shared -fPIC $(dhcpcallout sdk --cflags) -o callout.so callout.c
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DHCPCALLOUT_DHCPSSDK_H
#define DHCPCALLOUT_DHCPSSDK_H

#ifdef _WIN32

#include <windows.h>

#else

#include "posix/windef.h"

#endif /* _WIN32 */

#ifdef __cplusplus
extern "C" {
#endif

/* The list of callouts, and the entry point that each exports. */
#define DHCP_CALLOUT_LIST_KEY L"System\\CurrentControlSet\\Services\\DHCPServer\\Parameters"
#define DHCP_CALLOUT_LIST_VALUE L"CalloutDlls"
#define DHCP_CALLOUT_LIST_TYPE REG_MULTI_SZ
#define DHCP_CALLOUT_ENABLED_VALUE L"CalloutEnabled"
#define DHCP_CALLOUT_ENTRY_POINT "DhcpServerCalloutEntry"

/* DhcpControlHook: dwControlCode */
#define DHCP_CONTROL_START 0x00000001
#define DHCP_CONTROL_STOP 0x00000002
#define DHCP_CONTROL_PAUSE 0x00000003
#define DHCP_CONTROL_CONTINUE 0x00000004

/* DhcpPktDropHook: ControlCode. DHCP_DROP_PROCESSED is the last call of every packet. */
#define DHCP_DROP_DUPLICATE 0x00000001
#define DHCP_DROP_NOMEM 0x00000002
#define DHCP_DROP_INTERNAL_ERROR 0x00000003
#define DHCP_DROP_TIMEOUT 0x00000004
#define DHCP_DROP_UNAUTH 0x00000005
#define DHCP_DROP_PAUSED 0x00000006
#define DHCP_DROP_NO_SUBNETS 0x00000007
#define DHCP_DROP_INVALID 0x00000008
#define DHCP_DROP_WRONG_SERVER 0x00000009
#define DHCP_DROP_NOADDRESS 0x0000000A
#define DHCP_DROP_PROCESSED 0x0000000B
#define DHCP_DROP_GEN_FAILURE 0x00000100

/* DhcpPktSendHook: ControlCode */
#define DHCP_SEND_PACKET 0x10000000

/* DhcpAddressDelHook: ControlCode */
#define DHCP_PROB_CONFLICT 0x20000001
#define DHCP_PROB_DECLINE 0x20000002
#define DHCP_PROB_RELEASE 0x20000003
#define DHCP_PROB_NACKED 0x20000004

/* DhcpAddressOfferHook: ControlCode */
#define DHCP_GIVE_ADDRESS_NEW 0x30000001
#define DHCP_GIVE_ADDRESS_OLD 0x30000002

/* DhcpAddressOfferHook: AddrType; DhcpDeleteClientHook: ClientType */
#define DHCP_CLIENT_BOOTP 0x30000003
#define DHCP_CLIENT_DHCP 0x30000004

typedef DWORD DHCP_IP_ADDRESS, *LPDHCP_IP_ADDRESS;

/*
 * What a packet's common options say. A pointer is NULL for what the packet lacks. It points into the packet: what
 * it points to is in network byte order, need not be aligned, has no NUL at its end, and is gone after the call.
 */
typedef struct _DHCP_SERVER_OPTIONS {
    BYTE *MessageType;
    DHCP_IP_ADDRESS UNALIGNED *SubnetMask;
    DHCP_IP_ADDRESS UNALIGNED *RequestedAddress;
    DWORD UNALIGNED *RequestLeaseTime;
    BYTE *OverlayFields;
    DHCP_IP_ADDRESS UNALIGNED *RouterAddress;
    DHCP_IP_ADDRESS UNALIGNED *Server;
    BYTE *ParameterRequestList;
    DWORD ParameterRequestListLength;
    CHAR *MachineName;
    DWORD MachineNameLength;
    BYTE ClientHardwareAddressType;
    BYTE ClientHardwareAddressLength;
    BYTE *ClientHardwareAddress;
    CHAR *ClassIdentifier;
    DWORD ClassIdentifierLength;
    BYTE *VendorClass;
    DWORD VendorClassLength;
    DWORD DNSFlags;
    DWORD DNSNameLength;
    LPBYTE DNSName;
    BOOLEAN DSDomainNameRequested;
    CHAR *DSDomainName;
    DWORD DSDomainNameLen;
    DWORD UNALIGNED *ScopeId;
} DHCP_SERVER_OPTIONS, *LPDHCP_SERVER_OPTIONS;

/*
 * The hooks. IpAddress, AltAddress and LeaseTime are in host byte order. What a hook returns is logged, no more.
 * Packet is a buffer of 4096 bytes. In NewPkt and PktSend a callout may write to it and change *PacketSize, or
 * point *Packet to a buffer of its own, which the server copies and never frees.
 */
typedef DWORD(CALLBACK *LPDHCP_CONTROL)(DWORD dwControlCode, LPVOID lpReserved);
typedef DWORD(CALLBACK *LPDHCP_NEWPKT)(LPBYTE *Packet, DWORD *PacketSize, DWORD IpAddress, LPVOID Reserved,
                                       LPVOID *PktContext, LPBOOL ProcessIt);
typedef DWORD(CALLBACK *LPDHCP_DROP_SEND)(LPBYTE *Packet, DWORD *PacketSize, DWORD ControlCode, DWORD IpAddress,
                                          LPVOID Reserved, LPVOID PktContext);
typedef DWORD(CALLBACK *LPDHCP_PROB)(LPBYTE Packet, DWORD PacketSize, DWORD ControlCode, DWORD IpAddress,
                                     DWORD AltAddress, LPVOID Reserved, LPVOID PktContext);
typedef DWORD(CALLBACK *LPDHCP_GIVE_ADDRESS)(LPBYTE Packet, DWORD PacketSize, DWORD ControlCode, DWORD IpAddress,
                                             DWORD AltAddress, DWORD AddrType, DWORD LeaseTime, LPVOID Reserved,
                                             LPVOID PktContext);
typedef DWORD(CALLBACK *LPDHCP_HANDLE_OPTIONS)(LPBYTE Packet, DWORD PacketSize, LPVOID Reserved, LPVOID PktContext,
                                               LPDHCP_SERVER_OPTIONS ServerOptions);
typedef DWORD(CALLBACK *LPDHCP_DELETE_CLIENT)(DWORD IpAddress, LPBYTE HwAddress, ULONG HwAddressLength,
                                              DWORD Reserved, DWORD ClientType);

/* What the entry point fills in; NULL is for what the callout does not want to be told. */
typedef struct _DHCP_CALLOUT_TABLE {
    LPDHCP_CONTROL DhcpControlHook;
    LPDHCP_NEWPKT DhcpNewPktHook;
    LPDHCP_DROP_SEND DhcpPktDropHook;
    LPDHCP_DROP_SEND DhcpPktSendHook;
    LPDHCP_PROB DhcpAddressDelHook;
    LPDHCP_GIVE_ADDRESS DhcpAddressOfferHook;
    LPDHCP_HANDLE_OPTIONS DhcpHandleOptionsHook;
    LPDHCP_DELETE_CLIENT DhcpDeleteClientHook;
    LPVOID DhcpExtensionHook;
    LPVOID DhcpReservedHook;
} DHCP_CALLOUT_TABLE, *LPDHCP_CALLOUT_TABLE;

/*
 * The entry point. ChainDlls are the names that come after this callout's: UTF-16, a NUL after each, an empty one at
 * the end; whoever has them loads and calls them itself. CalloutVersion is 0. Return ERROR_SUCCESS, or refuse.
 */
typedef DWORD(CALLBACK *LPDHCP_ENTRY_POINT_FUNC)(LPWSTR ChainDlls, DWORD CalloutVersion,
                                                 LPDHCP_CALLOUT_TABLE CalloutTbl);

#ifdef __cplusplus
}
#endif

#endif /* DHCPCALLOUT_DHCPSSDK_H */
