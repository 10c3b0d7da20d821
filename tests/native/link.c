/*
 * A callout for chains, NAME for short: it writes each call to the file RECORD, with the packet's number by its own
 * count from its own context ("-" for none), which it frees when the packet is done with.
 *
 * It adds its name to sname in NewPkt and in PktSend. In NewPkt, it drops a client whose hardware address ends in its
 * name, and moves one whose ends in the upper case of its name to a buffer of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include <dhcpssdk.h>

#define SNAME 44

typedef struct {
    DWORD number;
    CHAR name;
} CONTEXT_OF_MINE;

static DWORD packets;

static DWORD note(const char *hook, const CONTEXT_OF_MINE *context, const char *detail)
{
    FILE *file = fopen(getenv("RECORD"), "a");

    if (file == NULL)
        return ERROR_OPEN_FAILED;
    if (context == NULL)
        fprintf(file, "%c - %s %s\n", NAME, hook, detail);
    else if (context->name != NAME)
        fprintf(file, "%c has the context of another\n", NAME);
    else
        fprintf(file, "%c %u %s %s\n", NAME, (unsigned)context->number, hook, detail);
    fclose(file);
    return ERROR_SUCCESS;
}

static DWORD note_number(const char *hook, LPVOID context, DWORD number)
{
    CHAR text[16];

    snprintf(text, sizeof text, "%lx", (unsigned long)number);
    return note(hook, (const CONTEXT_OF_MINE *)context, text);
}

static DWORD sign(LPBYTE packet)
{
    LPBYTE end = packet + SNAME;

    while (*end != 0)
        end++;
    *end = NAME;
    return ERROR_SUCCESS;
}

static DWORD CALLBACK control(DWORD code, LPVOID reserved)
{
    (void)reserved;
    return note_number("control", NULL, code);
}

static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD server, LPVOID reserved, LPVOID *context,
                                 LPBOOL process)
{
    static BYTE own[4096];
    CONTEXT_OF_MINE *mine = (CONTEXT_OF_MINE *)malloc(sizeof *mine);
    BYTE last = (*packet)[28 + 5];

    (void)server, (void)reserved;
    if (mine == NULL || *context != NULL || !*process)
        return note("new_packet", NULL, "badly called");
    mine->number = ++packets;
    mine->name = NAME;
    *context = mine;
    note("new_packet", mine, (const char *)*packet + SNAME);
    if (last == NAME)
        *process = FALSE;
    if (last == NAME - 'a' + 'A') {
        CopyMemory(own, *packet, *size);
        *packet = own;
    }
    return sign(*packet);
}

static DWORD CALLBACK packet_drop(LPBYTE *packet, DWORD *size, DWORD reason, DWORD server, LPVOID reserved,
                                  LPVOID context)
{
    (void)packet, (void)size, (void)server, (void)reserved;
    note_number("packet_drop", context, reason);
    if (reason == DHCP_DROP_PROCESSED)
        free(context);
    return ERROR_SUCCESS;
}

static DWORD CALLBACK packet_send(LPBYTE *packet, DWORD *size, DWORD code, DWORD server, LPVOID reserved,
                                  LPVOID context)
{
    (void)size, (void)code, (void)server, (void)reserved;
    note("packet_send", (const CONTEXT_OF_MINE *)context, (const char *)*packet + SNAME);
    return sign(*packet);
}

static DWORD CALLBACK address_delete(LPBYTE packet, DWORD size, DWORD reason, DWORD server, DWORD address,
                                     LPVOID reserved, LPVOID context)
{
    (void)packet, (void)size, (void)reason, (void)server, (void)reserved;
    return note_number("address_delete", context, address);
}

static DWORD CALLBACK address_offer(LPBYTE packet, DWORD size, DWORD given, DWORD server, DWORD address, DWORD type,
                                    DWORD lease_time, LPVOID reserved, LPVOID context)
{
    (void)packet, (void)size, (void)given, (void)server, (void)type, (void)lease_time, (void)reserved;
    return note_number("address_offer", context, address);
}

static DWORD CALLBACK handle_options(LPBYTE packet, DWORD size, LPVOID reserved, LPVOID context,
                                     LPDHCP_SERVER_OPTIONS options)
{
    (void)packet, (void)size, (void)reserved;
    return note_number("handle_options", context, *options->MessageType);
}

static DWORD CALLBACK delete_client(DWORD address, LPBYTE hardware_address, ULONG length, DWORD reserved, DWORD type)
{
    (void)hardware_address, (void)length, (void)reserved, (void)type;
    return note_number("delete_client", NULL, address);
}

__declspec(dllexport) DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    if (*chain != 0 || version != 0)
        return ERROR_INVALID_PARAMETER;
#ifndef ONLY_SENDS
    table->DhcpControlHook = control;
    table->DhcpNewPktHook = new_packet;
    table->DhcpPktDropHook = packet_drop;
    table->DhcpAddressDelHook = address_delete;
    table->DhcpAddressOfferHook = address_offer;
    table->DhcpHandleOptionsHook = handle_options;
    table->DhcpDeleteClientHook = delete_client;
#else
    (void)control, (void)new_packet, (void)packet_drop, (void)address_delete, (void)address_offer;
    (void)handle_options, (void)delete_client;
#endif
    table->DhcpPktSendHook = packet_send;
    return ERROR_SUCCESS;
}
