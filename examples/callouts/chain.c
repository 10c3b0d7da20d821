/*
 * The callout to put first where several are wanted: it loads the rest of the list and calls them all, which is what
 * Microsoft asks of the one that its server loads (and ours, with policy "first").
 *
 *     cc -shared -fPIC $(dhcpcallout sdk --cflags) -o 00_chain.so chain.c
 *     x86_64-w64-mingw32-gcc -shared -static -o 00_chain.dll chain.c
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <windows.h>

#include <dhcpssdk.h>

#define MOST 32

static DHCP_CALLOUT_TABLE tables[MOST]; /* What the callouts of the chain filled in, in the list's order. */
static DWORD count;

/* The result of several calls: that of the first that failed. */
static DWORD worse(DWORD before, DWORD after)
{
    return before != ERROR_SUCCESS ? before : after;
}

static DWORD CALLBACK control(DWORD code, LPVOID reserved)
{
    DWORD i, status = ERROR_SUCCESS;

    for (i = 0; i < count; i++)
        if (tables[i].DhcpControlHook != NULL)
            status = worse(status, tables[i].DhcpControlHook(code, reserved));
    return status;
}

/*
 * The server keeps one context a packet, and this is it: an array with a context for each callout. It begins in NewPkt
 * and ends in PktDrop (PROCESSED), which are therefore filled in whoever listens to them.
 */
static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD server, LPVOID reserved, LPVOID *context,
                                 LPBOOL process)
{
    LPVOID *contexts = (LPVOID *)HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, count * sizeof *contexts);
    DWORD i, status = ERROR_SUCCESS;

    if (contexts == NULL)
        return ERROR_NOT_ENOUGH_MEMORY;
    *context = contexts;
    /* Each sees the packet as those before it left it. A drop is the end of it for those after it. */
    for (i = 0; i < count && *process; i++)
        if (tables[i].DhcpNewPktHook != NULL)
            status = worse(status, tables[i].DhcpNewPktHook(packet, size, server, reserved, &contexts[i], process));
    return status;
}

static DWORD CALLBACK packet_drop(LPBYTE *packet, DWORD *size, DWORD reason, DWORD server, LPVOID reserved,
                                  LPVOID context)
{
    LPVOID *contexts = (LPVOID *)context;
    DWORD i, status = ERROR_SUCCESS;

    if (contexts == NULL) /* There was no memory for them: nobody was shown this packet. */
        return ERROR_SUCCESS;
    for (i = 0; i < count; i++)
        if (tables[i].DhcpPktDropHook != NULL)
            status = worse(status,
                           tables[i].DhcpPktDropHook(packet, size, reason, server, reserved, contexts[i]));
    if (reason == DHCP_DROP_PROCESSED)
        HeapFree(GetProcessHeap(), 0, contexts);
    return status;
}

static DWORD CALLBACK packet_send(LPBYTE *packet, DWORD *size, DWORD code, DWORD server, LPVOID reserved,
                                  LPVOID context)
{
    LPVOID *contexts = (LPVOID *)context;
    DWORD i, status = ERROR_SUCCESS;

    for (i = 0; contexts != NULL && i < count; i++)
        if (tables[i].DhcpPktSendHook != NULL)
            status = worse(status, tables[i].DhcpPktSendHook(packet, size, code, server, reserved, contexts[i]));
    return status;
}

static DWORD CALLBACK address_delete(LPBYTE packet, DWORD size, DWORD reason, DWORD server, DWORD address,
                                     LPVOID reserved, LPVOID context)
{
    LPVOID *contexts = (LPVOID *)context;
    DWORD i, status = ERROR_SUCCESS;

    for (i = 0; contexts != NULL && i < count; i++)
        if (tables[i].DhcpAddressDelHook != NULL)
            status = worse(status, tables[i].DhcpAddressDelHook(packet, size, reason, server, address, reserved,
                                                                contexts[i]));
    return status;
}

static DWORD CALLBACK address_offer(LPBYTE packet, DWORD size, DWORD given, DWORD server, DWORD address, DWORD type,
                                    DWORD lease_time, LPVOID reserved, LPVOID context)
{
    LPVOID *contexts = (LPVOID *)context;
    DWORD i, status = ERROR_SUCCESS;

    for (i = 0; contexts != NULL && i < count; i++)
        if (tables[i].DhcpAddressOfferHook != NULL)
            status = worse(status, tables[i].DhcpAddressOfferHook(packet, size, given, server, address, type,
                                                                  lease_time, reserved, contexts[i]));
    return status;
}

static DWORD CALLBACK handle_options(LPBYTE packet, DWORD size, LPVOID reserved, LPVOID context,
                                     LPDHCP_SERVER_OPTIONS options)
{
    LPVOID *contexts = (LPVOID *)context;
    DWORD i, status = ERROR_SUCCESS;

    for (i = 0; contexts != NULL && i < count; i++)
        if (tables[i].DhcpHandleOptionsHook != NULL)
            status = worse(status,
                           tables[i].DhcpHandleOptionsHook(packet, size, reserved, contexts[i], options));
    return status;
}

static DWORD CALLBACK delete_client(DWORD address, LPBYTE hardware_address, ULONG length, DWORD reserved, DWORD type)
{
    DWORD i, status = ERROR_SUCCESS;

    for (i = 0; i < count; i++)
        if (tables[i].DhcpDeleteClientHook != NULL)
            status = worse(status,
                           tables[i].DhcpDeleteClientHook(address, hardware_address, length, reserved, type));
    return status;
}

/* Load one callout of the chain. Like the server, go on without it where that fails. */
static DWORD load(LPWSTR name, DWORD version)
{
    static WCHAR nothing[2]; /* A chain without names: what comes after this one is ours to load. */
    HMODULE library = LoadLibraryW(name);
    LPDHCP_ENTRY_POINT_FUNC entry;
    DWORD status;

    if (library == NULL)
        return GetLastError();
    entry = (LPDHCP_ENTRY_POINT_FUNC)(void (*)(void))GetProcAddress(library, DHCP_CALLOUT_ENTRY_POINT);
    status = entry != NULL ? entry(nothing, version, &tables[count]) : ERROR_PROC_NOT_FOUND;
    if (status == ERROR_SUCCESS) {
        count++; /* It stays loaded for as long as the process lives. */
        return ERROR_SUCCESS;
    }
    ZeroMemory(&tables[count], sizeof tables[count]);
    FreeLibrary(library);
    return status;
}

__declspec(dllexport) DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    DWORD i, status = ERROR_NOT_FOUND;

    if (version != 0)
        return ERROR_NOT_SUPPORTED;
    count = 0;
    /* UTF-16 on every platform: the names one after another, a NUL behind each, and an empty name at the end. */
    for (; *chain != 0; chain += lstrlenW(chain) + 1)
        if (count < MOST)
            status = load(chain, version);
    if (count == 0)
        return status; /* Refuse: then the server tries the rest of its list itself. */

    table->DhcpNewPktHook = new_packet;
    table->DhcpPktDropHook = packet_drop;
    for (i = 0; i < count; i++) { /* Of the others, those that somebody wants. */
        if (tables[i].DhcpControlHook != NULL)
            table->DhcpControlHook = control;
        if (tables[i].DhcpPktSendHook != NULL)
            table->DhcpPktSendHook = packet_send;
        if (tables[i].DhcpAddressDelHook != NULL)
            table->DhcpAddressDelHook = address_delete;
        if (tables[i].DhcpAddressOfferHook != NULL)
            table->DhcpAddressOfferHook = address_offer;
        if (tables[i].DhcpHandleOptionsHook != NULL)
            table->DhcpHandleOptionsHook = handle_options;
        if (tables[i].DhcpDeleteClientHook != NULL)
            table->DhcpDeleteClientHook = delete_client;
    }
    return ERROR_SUCCESS;
}
