/* A callout that has all eight hooks, or with -DNONE none: each returns at once. */
#include "dhcpssdk.h"

#ifndef NONE
static DWORD CALLBACK control(DWORD code, LPVOID reserved)
{
    (void)code, (void)reserved;
    return ERROR_SUCCESS;
}

static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD server, LPVOID reserved, LPVOID *context,
                                 LPBOOL process)
{
    (void)packet, (void)size, (void)server, (void)reserved, (void)context, (void)process;
    return ERROR_SUCCESS;
}

static DWORD CALLBACK drop_send(LPBYTE *packet, DWORD *size, DWORD code, DWORD server, LPVOID reserved, LPVOID context)
{
    (void)packet, (void)size, (void)code, (void)server, (void)reserved, (void)context;
    return ERROR_SUCCESS;
}

static DWORD CALLBACK address_delete(LPBYTE packet, DWORD size, DWORD code, DWORD server, DWORD address,
                                     LPVOID reserved, LPVOID context)
{
    (void)packet, (void)size, (void)code, (void)server, (void)address, (void)reserved, (void)context;
    return ERROR_SUCCESS;
}

static DWORD CALLBACK address_offer(LPBYTE packet, DWORD size, DWORD code, DWORD server, DWORD address, DWORD type,
                                    DWORD lease_time, LPVOID reserved, LPVOID context)
{
    (void)packet, (void)size, (void)code, (void)server, (void)address, (void)type, (void)lease_time, (void)reserved,
        (void)context;
    return ERROR_SUCCESS;
}

static DWORD CALLBACK handle_options(LPBYTE packet, DWORD size, LPVOID reserved, LPVOID context,
                                     LPDHCP_SERVER_OPTIONS options)
{
    (void)packet, (void)size, (void)reserved, (void)context, (void)options;
    return ERROR_SUCCESS;
}

static DWORD CALLBACK delete_client(DWORD address, LPBYTE hardware, ULONG size, DWORD reserved, DWORD type)
{
    (void)address, (void)hardware, (void)size, (void)reserved, (void)type;
    return ERROR_SUCCESS;
}
#endif

DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    (void)chain, (void)version, (void)table;
#ifndef NONE
    table->DhcpControlHook = control;
    table->DhcpNewPktHook = new_packet;
    table->DhcpPktDropHook = drop_send;
    table->DhcpPktSendHook = drop_send;
    table->DhcpAddressDelHook = address_delete;
    table->DhcpAddressOfferHook = address_offer;
    table->DhcpHandleOptionsHook = handle_options;
    table->DhcpDeleteClientHook = delete_client;
#endif
    return ERROR_SUCCESS;
}
