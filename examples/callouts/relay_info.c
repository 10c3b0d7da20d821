/*
 * Writes down where each lease went: a line with the address, the client's hardware address, and what the relay agent
 * said of the client's port (option 82, RFC 3046), to the file that RELAY_INFO_LOG names.
 *
 * Option 82 is in the packet, the address is known when it is given away: the packet's context carries the one to the
 * other. It is made in NewPkt and freed with PktDrop (PROCESSED), which every packet comes to, whatever becomes of it.
 *
 *     cc -shared -fPIC $(dhcpcallout sdk --cflags) -o relay_info.so relay_info.c
 *     x86_64-w64-mingw32-gcc -shared -static -o relay_info.dll relay_info.c
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <windows.h>

#include <dhcpssdk.h>

#define OPTIONS 240 /* where the options of a message begin, behind the magic cookie */
#define PAD 0
#define END 255
#define RELAY_AGENT_INFORMATION 82
#define CIRCUIT_ID 1
#define REMOTE_ID 2

/* What is noted of a packet from a relay agent; the pieces of option 82 follow the structure. */
typedef struct {
    DWORD circuit_size, remote_size;
    BYTE circuit[255], remote[255];
} NOTES;

static FILE *journal;

/*
 * Find an option, or a suboption: the place of its value in the bytes from `at` to `end`, and its size. Bytes of a
 * network are not to be trusted: each step looks whether it stays before the end.
 */
static const BYTE *find(const BYTE *at, const BYTE *end, BYTE code, BOOL in_message, DWORD *size)
{
    while (at < end) {
        if (in_message && *at == PAD) {
            at++;
            continue;
        }
        if ((in_message && *at == END) || end - at < 2 || end - at < 2 + at[1])
            return NULL;
        if (*at == code) {
            *size = at[1];
            return at + 2;
        }
        at += 2 + at[1];
    }
    return NULL;
}

static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD server, LPVOID reserved, LPVOID *context,
                                 LPBOOL process)
{
    const BYTE *option = NULL, *circuit, *remote;
    DWORD option_size = 0;
    NOTES *notes;

    (void)server, (void)reserved, (void)process;
    if (*size > OPTIONS)
        option = find(*packet + OPTIONS, *packet + *size, RELAY_AGENT_INFORMATION, TRUE, &option_size);
    if (option == NULL)
        return ERROR_SUCCESS; /* The context stays NULL. */
    notes = (NOTES *)calloc(1, sizeof *notes);
    if (notes == NULL)
        return ERROR_NOT_ENOUGH_MEMORY;
    /* Copied: the packet's buffer is gone when this call ends. */
    circuit = find(option, option + option_size, CIRCUIT_ID, FALSE, &notes->circuit_size);
    if (circuit != NULL)
        memcpy(notes->circuit, circuit, notes->circuit_size);
    remote = find(option, option + option_size, REMOTE_ID, FALSE, &notes->remote_size);
    if (remote != NULL)
        memcpy(notes->remote, remote, notes->remote_size);
    *context = notes;
    return ERROR_SUCCESS;
}

static void hex(char *text, const BYTE *bytes, DWORD size)
{
    DWORD i;

    strcpy(text, size == 0 ? "-" : "");
    for (i = 0; i < size; i++)
        sprintf(text + 2 * i, "%02x", bytes[i]);
}

static DWORD CALLBACK address_offer(LPBYTE packet, DWORD size, DWORD given, DWORD server, DWORD address, DWORD type,
                                    DWORD lease_time, LPVOID reserved, LPVOID context)
{
    const NOTES *notes = (const NOTES *)context;
    char circuit[511], remote[511], client[33];

    (void)size, (void)given, (void)server, (void)type, (void)lease_time, (void)reserved;
    if (notes == NULL)
        return ERROR_SUCCESS;
    hex(client, packet + 28, packet[2] <= 16 ? packet[2] : 16); /* chaddr, hlen */
    hex(circuit, notes->circuit, notes->circuit_size);
    hex(remote, notes->remote, notes->remote_size);
    /* One call a line, so that lines of several threads do not mix. */
    fprintf(journal, "%lu %u.%u.%u.%u client %s circuit %s remote %s\n", (unsigned long)time(NULL),
            (unsigned)(address >> 24), (unsigned)(address >> 16 & 255), (unsigned)(address >> 8 & 255),
            (unsigned)(address & 255), client, circuit, remote);
    return fflush(journal) == 0 ? ERROR_SUCCESS : ERROR_WRITE_FAULT;
}

static DWORD CALLBACK packet_drop(LPBYTE *packet, DWORD *size, DWORD reason, DWORD server, LPVOID reserved,
                                  LPVOID context)
{
    (void)packet, (void)size, (void)server, (void)reserved;
    if (reason == DHCP_DROP_PROCESSED)
        free(context);
    return ERROR_SUCCESS;
}

__declspec(dllexport) DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    const char *path = getenv("RELAY_INFO_LOG");

    (void)chain;
    if (version != 0)
        return ERROR_NOT_SUPPORTED;
    journal = path != NULL ? fopen(path, "a") : NULL;
    if (journal == NULL)
        return ERROR_OPEN_FAILED;
    table->DhcpNewPktHook = new_packet;
    table->DhcpAddressOfferHook = address_offer;
    table->DhcpPktDropHook = packet_drop;
    return ERROR_SUCCESS;
}
