/*
 * A callout that writes DHCP_SERVER_OPTIONS to the file RECORD, a field a line: what it points to as an offset into
 * the packet ("-" for NULL), and then the structure's bytes.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "dhcpssdk.h"

static void pointer(FILE *file, const char *name, const BYTE *packet, const void *where)
{
    if (where == NULL)
        fprintf(file, "%s -\n", name);
    else
        fprintf(file, "%s %ld\n", name, (long)((const BYTE *)where - packet));
}

#define POINTER(name) pointer(file, #name, packet, options->name)
#define NUMBER(name) fprintf(file, #name " %u\n", (unsigned)options->name)

static DWORD CALLBACK handle_options(LPBYTE packet, DWORD size, LPVOID reserved, LPVOID context,
                                     LPDHCP_SERVER_OPTIONS options)
{
    FILE *file = fopen(getenv("RECORD"), "w");
    size_t i;

    (void)size, (void)reserved, (void)context;
    if (file == NULL)
        return ERROR_FILE_NOT_FOUND;
    POINTER(MessageType);
    POINTER(SubnetMask);
    POINTER(RequestedAddress);
    POINTER(RequestLeaseTime);
    POINTER(OverlayFields);
    POINTER(RouterAddress);
    POINTER(Server);
    POINTER(ParameterRequestList);
    NUMBER(ParameterRequestListLength);
    POINTER(MachineName);
    NUMBER(MachineNameLength);
    NUMBER(ClientHardwareAddressType);
    NUMBER(ClientHardwareAddressLength);
    POINTER(ClientHardwareAddress);
    POINTER(ClassIdentifier);
    NUMBER(ClassIdentifierLength);
    POINTER(VendorClass);
    NUMBER(VendorClassLength);
    NUMBER(DNSFlags);
    NUMBER(DNSNameLength);
    POINTER(DNSName);
    NUMBER(DSDomainNameRequested);
    POINTER(DSDomainName);
    NUMBER(DSDomainNameLen);
    POINTER(ScopeId);
    fprintf(file, "sizeof %u\n", (unsigned)sizeof *options);
    /* What a consumer that takes BOOLEAN for four bytes reads. */
    for (i = 0; i < 4; i++)
        fprintf(file, "%02x", ((const BYTE *)&options->DSDomainNameRequested)[i]);
    fclose(file);
    return ERROR_SUCCESS;
}

DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    (void)chain, (void)version;
    table->DhcpHandleOptionsHook = handle_options;
    return ERROR_SUCCESS;
}
