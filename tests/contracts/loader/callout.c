/* The callout of the loaders' contract, native: callout.py beside it does the same, and writes the same lines. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "dhcpssdk.h"

static FILE *record;

static void hex(const BYTE *bytes, DWORD size)
{
    DWORD i;

    fputc(' ', record);
    for (i = 0; i < size; i++)
        fprintf(record, "%02x", bytes[i]);
}

static DWORD end(void)
{
    fputc('\n', record);
    fflush(record);
    return ERROR_SUCCESS;
}

static DWORD CALLBACK control(DWORD code, LPVOID reserved)
{
    fprintf(record, "control %x%s", code, reserved == NULL ? "" : " reserved");
    return end();
}

static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD server, LPVOID reserved, LPVOID *context,
                                 LPBOOL process)
{
    fprintf(record, "new_packet %08x", server);
    hex(*packet, *size);
    if (reserved != NULL || *context != NULL || *process != TRUE)
        fputs(" badly initialized", record);
    *context = (LPVOID)(uintptr_t)(*packet)[1];
    if ((*packet)[0] == 'D')
        *process = FALSE;
    if ((*packet)[0] == 'R')
        (*packet)[(*size)++] = '!';
    if ((*packet)[0] == 'F')
        *packet = NULL;
    return end();
}

static DWORD CALLBACK packet_drop(LPBYTE *packet, DWORD *size, DWORD reason, DWORD server, LPVOID reserved,
                                  LPVOID context)
{
    fprintf(record, "packet_drop %x %08x %u%s", reason, server, (unsigned)(uintptr_t)context,
            reserved == NULL ? "" : " reserved");
    hex(*packet, *size);
    return end();
}

static DWORD CALLBACK packet_send(LPBYTE *packet, DWORD *size, DWORD code, DWORD server, LPVOID reserved,
                                  LPVOID context)
{
    fprintf(record, "packet_send %x %08x %u%s", code, server, (unsigned)(uintptr_t)context,
            reserved == NULL ? "" : " reserved");
    hex(*packet, *size);
    if ((*packet)[0] == 'R')
        (*packet)[(*size)++] = (BYTE)(uintptr_t)context;
    return end();
}

static DWORD CALLBACK address_delete(LPBYTE packet, DWORD size, DWORD reason, DWORD server, DWORD address,
                                     LPVOID reserved, LPVOID context)
{
    fprintf(record, "address_delete %x %08x %08x %u%s", reason, server, address, (unsigned)(uintptr_t)context,
            reserved == NULL ? "" : " reserved");
    hex(packet, size);
    return end();
}

static DWORD CALLBACK address_offer(LPBYTE packet, DWORD size, DWORD given, DWORD server, DWORD address, DWORD type,
                                    DWORD lease_time, LPVOID reserved, LPVOID context)
{
    fprintf(record, "address_offer %x %08x %08x %x %u %u%s", given, server, address, type, lease_time,
            (unsigned)(uintptr_t)context, reserved == NULL ? "" : " reserved");
    hex(packet, size);
    return end();
}

static DWORD CALLBACK handle_options(LPBYTE packet, DWORD size, LPVOID reserved, LPVOID context,
                                     LPDHCP_SERVER_OPTIONS options)
{
    fprintf(record, "handle_options %u%s type %u", (unsigned)(uintptr_t)context, reserved == NULL ? "" : " reserved",
            options->MessageType != NULL ? *options->MessageType : 0);
    hex(packet, size);
    return end();
}

static DWORD CALLBACK delete_client(DWORD address, LPBYTE hardware_address, ULONG length, DWORD reserved, DWORD type)
{
    fprintf(record, "delete_client %08x %x%s", address, type, reserved == 0 ? "" : " reserved");
    hex(hardware_address, length);
    return end();
}

DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    if (getenv("CONTRACT_REFUSE") != NULL)
        return ERROR_ACCESS_DENIED;
    record = fopen(getenv("CONTRACT_RECORD"), "a");
    if (record == NULL)
        return ERROR_FILE_NOT_FOUND;
    fprintf(record, "load %u ", version);
    do {
        for (; *chain != 0; chain++)
            fprintf(record, "%04x", *chain);
        fputs("0000", record);
        chain++;
    } while (*chain != 0);
    fputs("0000", record);
    table->DhcpControlHook = control;
    table->DhcpNewPktHook = new_packet;
    table->DhcpPktDropHook = packet_drop;
    table->DhcpPktSendHook = packet_send;
    table->DhcpAddressDelHook = address_delete;
    table->DhcpAddressOfferHook = address_offer;
    table->DhcpHandleOptionsHook = handle_options;
    table->DhcpDeleteClientHook = delete_client;
    return end();
}
