/*
 * A callout that does what the environment variable BEHAVIOUR says, in NewPkt and, where it can, in PktSend and
 * AddressDel: right things and wrong ones.
 */
#include <stdlib.h>
#include <string.h>

#include "dhcpssdk.h"

static const char *behaviour;
static int calls;
static BYTE own[] = "a buffer of my own";

static DWORD act(LPBYTE *packet, DWORD *size)
{
    if (strcmp(behaviour, "in place") == 0)
        (*packet)[0] = '+';
    else if (strcmp(behaviour, "shrink") == 0)
        *size -= 1;
    else if (strcmp(behaviour, "empty") == 0)
        *size = 0;
    else if (strcmp(behaviour, "grow unwritten") == 0)
        *size += 8;
    else if (strcmp(behaviour, "fill") == 0)
        memset(*packet, 'x', *size = 4096);
    else if (strcmp(behaviour, "own buffer") == 0) {
        *packet = own;
        *size = sizeof own - 1;
    } else if (strcmp(behaviour, "point into it") == 0) {
        *packet += 2;
        *size -= 2;
    } else if (strcmp(behaviour, "too long") == 0)
        *size = 4097;
    else if (strcmp(behaviour, "huge") == 0)
        *size = 0xFFFFFFFF;
    else if (strcmp(behaviour, "null") == 0)
        *packet = NULL;
    else if (strcmp(behaviour, "overrun") == 0)
        (*packet)[4096] = 0;
    else if (strcmp(behaviour, "overrun once") == 0 && calls++ == 0)
        (*packet)[4096] = 0;
    else if (strcmp(behaviour, "return 5") == 0)
        return ERROR_ACCESS_DENIED;
    return ERROR_SUCCESS;
}

static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD server, LPVOID reserved, LPVOID *context,
                                 LPBOOL process)
{
    (void)server, (void)reserved, (void)context;
    if (strcmp(behaviour, "drop and write") == 0) {
        (*packet)[0] = '+';
        *process = FALSE;
    }
    if (strcmp(behaviour, "drop and overrun") == 0) {
        (*packet)[4096] = 0;
        *process = FALSE;
    }
    if (strcmp(behaviour, "process it twice") == 0)
        *process = 2;
    return act(packet, size);
}

static DWORD CALLBACK drop_send(LPBYTE *packet, DWORD *size, DWORD code, DWORD server, LPVOID reserved, LPVOID context)
{
    (void)code, (void)server, (void)reserved, (void)context;
    return act(packet, size);
}

static DWORD CALLBACK address_delete(LPBYTE packet, DWORD size, DWORD reason, DWORD server, DWORD address,
                                     LPVOID reserved, LPVOID context)
{
    (void)reason, (void)server, (void)address, (void)reserved, (void)context;
    return act(&packet, &size);
}

DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    (void)chain, (void)version;
    behaviour = getenv("BEHAVIOUR");
    table->DhcpNewPktHook = new_packet;
    table->DhcpPktDropHook = drop_send;
    table->DhcpPktSendHook = drop_send;
    table->DhcpAddressDelHook = address_delete;
    return ERROR_SUCCESS;
}
