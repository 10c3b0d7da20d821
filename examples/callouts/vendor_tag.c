/*
 * Tells each client what it is taken for: the answer to a client whose vendor class (option 60) is known gets a tag in
 * option 224, one of those that are for a site's own use (RFC 3942). vendor_tag.py does the same, byte for byte.
 *
 *     cc -shared -fPIC $(dhcpcallout sdk --cflags) -o vendor_tag.so vendor_tag.c
 *     x86_64-w64-mingw32-gcc -shared -static -o vendor_tag.dll vendor_tag.c
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include <dhcpssdk.h>

#define OPTIONS 240   /* where the options begin */
#define SMALLEST 300  /* what some clients and relay agents take for the least (RFC 951, RFC 1542) */
#define LARGEST 548   /* what every client takes: a datagram of 576 bytes (RFC 2131 section 2) */
#define PAD 0
#define OVERLOAD 52
#define RELAY_AGENT_INFORMATION 82
#define TAG 224
#define END 255

static const struct {
    const char *vendor_class; /* how it begins */
    const char *tag;
} known[] = {
    {"MSFT 5.0", "windows"},
    {"android-dhcp", "android"},
    {"PXEClient", "boot"},
    {"udhcp", "embedded"},
    {"Cisco", "phone"},
};

/* A packet's context: it can be set in NewPkt alone, and filled in later. */
typedef struct {
    const char *tag;
} NOTES;

static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD server, LPVOID reserved, LPVOID *context,
                                 LPBOOL process)
{
    (void)packet, (void)size, (void)server, (void)reserved, (void)process;
    *context = calloc(1, sizeof(NOTES));
    return *context != NULL ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
}

static DWORD CALLBACK handle_options(LPBYTE packet, DWORD size, LPVOID reserved, LPVOID context,
                                     LPDHCP_SERVER_OPTIONS options)
{
    NOTES *notes = (NOTES *)context;
    size_t i;

    (void)packet, (void)size, (void)reserved;
    for (i = 0; notes != NULL && i < sizeof known / sizeof known[0]; i++) {
        size_t length = strlen(known[i].vendor_class);

        /* Of the vendor class there is a length and no NUL, and none of either where the packet has none. */
        if (options->VendorClass != NULL && options->VendorClassLength >= length
            && memcmp(options->VendorClass, known[i].vendor_class, length) == 0)
            notes->tag = known[i].tag;
    }
    return ERROR_SUCCESS;
}

static DWORD CALLBACK packet_send(LPBYTE *packet, DWORD *size, DWORD code, DWORD server, LPVOID reserved,
                                  LPVOID context)
{
    const NOTES *notes = (const NOTES *)context;
    BYTE *message = *packet;
    DWORD at = OPTIONS, before = 0, length;

    (void)code, (void)server, (void)reserved;
    if (notes == NULL || notes->tag == NULL)
        return ERROR_SUCCESS;
    while (at < *size && message[at] != END) {
        if (message[at] == PAD) {
            at++;
            continue;
        }
        if (message[at] == TAG || message[at] == OVERLOAD || at + 1 >= *size)
            return ERROR_SUCCESS; /* It has a tag, or no room. */
        if (message[at] == RELAY_AGENT_INFORMATION && before == 0)
            before = at; /* which stays the last one (RFC 3046 section 2.2) */
        at += 2u + message[at + 1];
    }
    length = (DWORD)strlen(notes->tag);
    if (at >= *size || at + 1 + 2 + length > LARGEST)
        return ERROR_SUCCESS;
    if (before == 0)
        before = at;
    /* In place: the buffer has 4096 bytes. */
    memmove(message + before + 2 + length, message + before, at + 1 - before);
    message[before] = TAG;
    message[before + 1] = (BYTE)length;
    memcpy(message + before + 2, notes->tag, length);
    *size = at + 1 + 2 + length;
    if (*size < SMALLEST) {
        memset(message + *size, PAD, SMALLEST - *size);
        *size = SMALLEST;
    }
    return ERROR_SUCCESS;
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
    (void)chain;
    if (version != 0)
        return ERROR_NOT_SUPPORTED;
    table->DhcpNewPktHook = new_packet;
    table->DhcpHandleOptionsHook = handle_options;
    table->DhcpPktSendHook = packet_send;
    table->DhcpPktDropHook = packet_drop;
    return ERROR_SUCCESS;
}
