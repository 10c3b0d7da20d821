/*
 * A callout that fails at packets of clients whose hardware addresses end in E1 (it writes to NULL), E2 (it
 * exits) and E4 (it loops for ever), in plain C: the compiler of any system builds it.
 */
#include <stdlib.h>
#include <windows.h>

#include <dhcpssdk.h>

static volatile DWORD turns;

static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD server, LPVOID reserved, LPVOID *context,
                                 LPBOOL process)
{
    volatile BYTE *volatile nowhere = NULL;

    (void)server, (void)reserved, (void)context, (void)process;
    switch (*size < 34 ? 0 : (*packet)[33]) {
    case 0xE1: *nowhere = 1; break;
    case 0xE2: exit(7);
    case 0xE4: for (;;) ++turns;
    }
    return ERROR_SUCCESS;
}

__declspec(dllexport) DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    (void)chain, (void)version;
    table->DhcpNewPktHook = new_packet;
    return ERROR_SUCCESS;
}
