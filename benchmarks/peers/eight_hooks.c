/* A callout with all eight hooks, none of which does anything: what is left is the cost of calling them. */
#include <windows.h>

#include <dhcpssdk.h>

static DWORD CALLBACK control(DWORD code, LPVOID reserved)
{
    (void)code, (void)reserved;
    return ERROR_SUCCESS;
}

static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD address, LPVOID reserved, LPVOID *context,
                                 LPBOOL process)
{
    (void)packet, (void)size, (void)address, (void)reserved, (void)context, (void)process;
    return ERROR_SUCCESS;
}

static DWORD CALLBACK drop_or_send(LPBYTE *packet, DWORD *size, DWORD code, DWORD address, LPVOID reserved,
                                   LPVOID context)
{
    (void)packet, (void)size, (void)code, (void)address, (void)reserved, (void)context;
    return ERROR_SUCCESS;
}

static DWORD CALLBACK address_delete(LPBYTE packet, DWORD size, DWORD code, DWORD address, DWORD other,
                                     LPVOID reserved, LPVOID context)
{
    (void)packet, (void)size, (void)code, (void)address, (void)other, (void)reserved, (void)context;
    return ERROR_SUCCESS;
}

static DWORD CALLBACK address_offer(LPBYTE packet, DWORD size, DWORD code, DWORD address, DWORD other, DWORD type,
                                    DWORD time, LPVOID reserved, LPVOID context)
{
    (void)packet, (void)size, (void)code, (void)address, (void)other, (void)type, (void)time, (void)reserved;
    (void)context;
    return ERROR_SUCCESS;
}

static DWORD CALLBACK handle_options(LPBYTE packet, DWORD size, LPVOID reserved, LPVOID context,
                                     LPDHCP_SERVER_OPTIONS options)
{
    (void)packet, (void)size, (void)reserved, (void)context, (void)options;
    return ERROR_SUCCESS;
}

static DWORD CALLBACK delete_client(DWORD address, LPBYTE hardware, ULONG length, DWORD reserved, DWORD type)
{
    (void)address, (void)hardware, (void)length, (void)reserved, (void)type;
    return ERROR_SUCCESS;
}

__declspec(dllexport) DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    (void)chain;
    if (version != 0)
        return ERROR_NOT_SUPPORTED;
    table->DhcpControlHook = control;
    table->DhcpNewPktHook = new_packet;
    table->DhcpPktDropHook = drop_or_send;
    table->DhcpPktSendHook = drop_or_send;
    table->DhcpAddressDelHook = address_delete;
    table->DhcpAddressOfferHook = address_offer;
    table->DhcpHandleOptionsHook = handle_options;
    table->DhcpDeleteClientHook = delete_client;
    return ERROR_SUCCESS;
}
