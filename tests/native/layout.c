/* A program that prints the sizes, offsets and constants of dhcpssdk.h, one a line. */
#include <stddef.h>
#include <stdio.h>

#include "dhcpssdk.h"

#define PRINT(name, value) printf("%s %lu\n", name, (unsigned long)(value))
#define OPTION(field) PRINT("DHCP_SERVER_OPTIONS." #field, offsetof(DHCP_SERVER_OPTIONS, field))
#define MEMBER(field) PRINT("DHCP_CALLOUT_TABLE." #field, offsetof(DHCP_CALLOUT_TABLE, field))
#define CONSTANT(name) PRINT(#name, name)

int main(void)
{
    PRINT("sizeof WCHAR", sizeof(WCHAR));
    PRINT("sizeof BYTE", sizeof(BYTE));
    PRINT("sizeof DWORD", sizeof(DWORD));
    PRINT("sizeof ULONG", sizeof(ULONG));
    PRINT("sizeof BOOL", sizeof(BOOL));
    PRINT("sizeof BOOLEAN", sizeof(BOOLEAN));
    PRINT("sizeof DHCP_SERVER_OPTIONS", sizeof(DHCP_SERVER_OPTIONS));
    OPTION(MessageType);
    OPTION(SubnetMask);
    OPTION(RequestedAddress);
    OPTION(RequestLeaseTime);
    OPTION(OverlayFields);
    OPTION(RouterAddress);
    OPTION(Server);
    OPTION(ParameterRequestList);
    OPTION(ParameterRequestListLength);
    OPTION(MachineName);
    OPTION(MachineNameLength);
    OPTION(ClientHardwareAddressType);
    OPTION(ClientHardwareAddressLength);
    OPTION(ClientHardwareAddress);
    OPTION(ClassIdentifier);
    OPTION(ClassIdentifierLength);
    OPTION(VendorClass);
    OPTION(VendorClassLength);
    OPTION(DNSFlags);
    OPTION(DNSNameLength);
    OPTION(DNSName);
    OPTION(DSDomainNameRequested);
    OPTION(DSDomainName);
    OPTION(DSDomainNameLen);
    OPTION(ScopeId);
    PRINT("sizeof DHCP_CALLOUT_TABLE", sizeof(DHCP_CALLOUT_TABLE));
    MEMBER(DhcpControlHook);
    MEMBER(DhcpNewPktHook);
    MEMBER(DhcpPktDropHook);
    MEMBER(DhcpPktSendHook);
    MEMBER(DhcpAddressDelHook);
    MEMBER(DhcpAddressOfferHook);
    MEMBER(DhcpHandleOptionsHook);
    MEMBER(DhcpDeleteClientHook);
    MEMBER(DhcpExtensionHook);
    MEMBER(DhcpReservedHook);
    CONSTANT(DHCP_CONTROL_START);
    CONSTANT(DHCP_CONTROL_STOP);
    CONSTANT(DHCP_CONTROL_PAUSE);
    CONSTANT(DHCP_CONTROL_CONTINUE);
    CONSTANT(DHCP_DROP_DUPLICATE);
    CONSTANT(DHCP_DROP_NOMEM);
    CONSTANT(DHCP_DROP_INTERNAL_ERROR);
    CONSTANT(DHCP_DROP_TIMEOUT);
    CONSTANT(DHCP_DROP_UNAUTH);
    CONSTANT(DHCP_DROP_PAUSED);
    CONSTANT(DHCP_DROP_NO_SUBNETS);
    CONSTANT(DHCP_DROP_INVALID);
    CONSTANT(DHCP_DROP_WRONG_SERVER);
    CONSTANT(DHCP_DROP_NOADDRESS);
    CONSTANT(DHCP_DROP_PROCESSED);
    CONSTANT(DHCP_DROP_GEN_FAILURE);
    CONSTANT(DHCP_SEND_PACKET);
    CONSTANT(DHCP_PROB_CONFLICT);
    CONSTANT(DHCP_PROB_DECLINE);
    CONSTANT(DHCP_PROB_RELEASE);
    CONSTANT(DHCP_PROB_NACKED);
    CONSTANT(DHCP_GIVE_ADDRESS_NEW);
    CONSTANT(DHCP_GIVE_ADDRESS_OLD);
    CONSTANT(DHCP_CLIENT_BOOTP);
    CONSTANT(DHCP_CLIENT_DHCP);
    return 0;
}
