/*
 * A native callout that writes a line for each hook that it is called by, all eight: to the file that the environment
 * variable AUDIT_LOG names, or to standard error.
 *
 *     cc -shared -fPIC $(dhcpcallout sdk --cflags) -o audit.so audit.c
 *     x86_64-w64-mingw32-gcc -shared -static -o audit.dll audit.c
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include <dhcpssdk.h>

#define ADDRESS "%u.%u.%u.%u"
#define OF(address) (address) >> 24 & 255, (address) >> 16 & 255, (address) >> 8 & 255, (address) & 255

static FILE *audit;
static uintptr_t packets; /* How many there were; hooks are called one after the other. */

static DWORD note(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("audit.c ", audit);
    vfprintf(audit, format, arguments);
    fputc('\n', audit);
    fflush(audit);
    va_end(arguments);
    return ERROR_SUCCESS;
}

static const char *name_of(DWORD code)
{
    static const char *const drops[] = {"?", "DUPLICATE", "NOMEM", "INTERNAL_ERROR", "TIMEOUT", "UNAUTH", "PAUSED",
                                        "NO_SUBNETS", "INVALID", "WRONG_SERVER", "NOADDRESS", "PROCESSED"};

    switch (code) {
    case DHCP_DROP_GEN_FAILURE: return "GEN_FAILURE";
    case DHCP_PROB_CONFLICT: return "CONFLICT";
    case DHCP_PROB_DECLINE: return "DECLINE";
    case DHCP_PROB_RELEASE: return "RELEASE";
    case DHCP_PROB_NACKED: return "NACKED";
    case DHCP_GIVE_ADDRESS_NEW: return "NEW";
    case DHCP_GIVE_ADDRESS_OLD: return "OLD";
    case DHCP_CLIENT_BOOTP: return "BOOTP";
    case DHCP_CLIENT_DHCP: return "DHCP";
    default: return code <= DHCP_DROP_PROCESSED ? drops[code] : "?";
    }
}

static DWORD CALLBACK control(DWORD code, LPVOID reserved)
{
    static const char *const names[] = {"?", "START", "STOP", "PAUSE", "CONTINUE"};

    (void)reserved;
    return note("DhcpControlHook %s", names[code <= DHCP_CONTROL_CONTINUE ? code : 0]);
}

static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD server, LPVOID reserved, LPVOID *context,
                                 LPBOOL process)
{
    (void)packet, (void)reserved, (void)process;
    /* The context comes back in every later hook of this packet. Here it is a number, so there is nothing to free. */
    *context = (LPVOID)++packets;
    return note("DhcpNewPktHook packet %lu: %lu bytes came to " ADDRESS, (unsigned long)packets, (unsigned long)*size,
                OF(server));
}

static DWORD CALLBACK handle_options(LPBYTE packet, DWORD size, LPVOID reserved, LPVOID context,
                                     LPDHCP_SERVER_OPTIONS options)
{
    static const char *const types[] = {"?",       "DISCOVER", "OFFER", "REQUEST", "DECLINE",
                                        "ACK",     "NAK",      "RELEASE", "INFORM"};
    BYTE type = options->MessageType != NULL ? *options->MessageType : 0; /* NULL: the packet has no such option. */

    (void)packet, (void)size, (void)reserved;
    return note("DhcpHandleOptionsHook packet %lu: %s", (unsigned long)(uintptr_t)context, types[type <= 8 ? type : 0]);
}

static DWORD CALLBACK address_offer(LPBYTE packet, DWORD size, DWORD given, DWORD server, DWORD address, DWORD type,
                                    DWORD lease_time, LPVOID reserved, LPVOID context)
{
    (void)packet, (void)size, (void)server, (void)reserved;
    return note("DhcpAddressOfferHook packet %lu: " ADDRESS " %s, %s client, %lu seconds",
                (unsigned long)(uintptr_t)context, OF(address), name_of(given), name_of(type),
                (unsigned long)lease_time);
}

static DWORD CALLBACK address_delete(LPBYTE packet, DWORD size, DWORD reason, DWORD server, DWORD address,
                                     LPVOID reserved, LPVOID context)
{
    (void)packet, (void)size, (void)server, (void)reserved;
    return note("DhcpAddressDelHook packet %lu: " ADDRESS " %s", (unsigned long)(uintptr_t)context, OF(address),
                name_of(reason));
}

static DWORD CALLBACK packet_send(LPBYTE *packet, DWORD *size, DWORD code, DWORD server, LPVOID reserved,
                                  LPVOID context)
{
    (void)packet, (void)code, (void)server, (void)reserved;
    return note("DhcpPktSendHook packet %lu: a reply of %lu bytes", (unsigned long)(uintptr_t)context,
                (unsigned long)*size);
}

static DWORD CALLBACK packet_drop(LPBYTE *packet, DWORD *size, DWORD reason, DWORD server, LPVOID reserved,
                                  LPVOID context)
{
    (void)packet, (void)size, (void)server, (void)reserved;
    /* PROCESSED is the packet's last hook: a context that was allocated is freed here. */
    return note("DhcpPktDropHook packet %lu: %s", (unsigned long)(uintptr_t)context, name_of(reason));
}

static DWORD CALLBACK delete_client(DWORD address, LPBYTE hardware_address, ULONG length, DWORD reserved, DWORD type)
{
    char text[3 * 16 + 1] = "";
    ULONG i;

    (void)reserved;
    for (i = 0; i < length && i < 16; i++)
        snprintf(text + 3 * i, 4, "%02x:", hardware_address[i]);
    if (i > 0)
        text[3 * i - 1] = '\0';
    return note("DhcpDeleteClientHook " ADDRESS " of %s client %s", OF(address), name_of(type), text);
}

__declspec(dllexport) DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    const char *path = getenv("AUDIT_LOG");

    (void)chain; /* Whoever comes after this callout is not loaded, unless the server's policy is "all". */
    if (version != 0)
        return ERROR_NOT_SUPPORTED;
    audit = path != NULL ? fopen(path, "a") : stderr;
    if (audit == NULL)
        return ERROR_ACCESS_DENIED;
    table->DhcpControlHook = control;
    table->DhcpNewPktHook = new_packet;
    table->DhcpPktDropHook = packet_drop;
    table->DhcpPktSendHook = packet_send;
    table->DhcpAddressDelHook = address_delete;
    table->DhcpAddressOfferHook = address_offer;
    table->DhcpHandleOptionsHook = handle_options;
    table->DhcpDeleteClientHook = delete_client;
    return ERROR_SUCCESS;
}
