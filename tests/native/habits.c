/*
 * A callout with the habit that the environment variable HABIT names: good ones, and those that hurt a server in
 * time, without a crash with the first packet.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dhcpssdk.h"

struct note {
    DWORD size;
    char text[60];
};

static struct note *last;

static int is(const char *habit)
{
    return strcmp(getenv("HABIT"), habit) == 0;
}

static void wait_ms(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    nanosleep(&time, NULL);
}

static void compute_ms(long milliseconds)
{
    clock_t end = clock() + milliseconds * (CLOCKS_PER_SEC / 1000);

    while (clock() < end)
        continue;
}

static void *idle(void *argument)
{
    (void)argument;
    for (;;)
        pause();
    return NULL;
}

static void start_thread(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, idle, NULL) == 0)
        pthread_detach(thread);
}

static void add_option(BYTE *packet, DWORD *size, int checked)
{
    static const BYTE option[] = {43, 8, 'a', 'd', 'd', 'e', 'd', '.', '.', '.', 255};

    if (checked && *size + sizeof option - 1 > 548)
        return;
    memcpy(packet + *size - 1, option, sizeof option); /* where the end option is, as long as nothing follows it */
    *size += sizeof option - 1;
}

static DWORD CALLBACK control(DWORD code, LPVOID reserved)
{
    (void)reserved;
    if (is("dawdle at the start") && code == DHCP_CONTROL_START)
        wait_ms(15);
    if (is("open at each start") && code == DHCP_CONTROL_START)
        return open("/dev/null", O_RDONLY) < 0;
    return ERROR_SUCCESS;
}

static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD server, LPVOID reserved, LPVOID *context,
                                 LPBOOL process)
{
    (void)server, (void)reserved;
    if (is("free its contexts") || is("leak its contexts") || is("free its contexts twice") ||
        is("trust its contexts")) {
        struct note *note = malloc(sizeof *note);

        if (note == NULL)
            return ERROR_NOT_ENOUGH_MEMORY;
        note->size = *size;
        *context = note;
    }
    if (is("keep one context"))
        *context = &last;
    if (is("leak a little"))
        last = malloc(24);
    if (is("open a file a packet") && open("/dev/null", O_RDONLY) < 0)
        return ERROR_NOT_ENOUGH_MEMORY;
    if (is("start a thread a packet"))
        start_thread();
    if (is("drop everything"))
        *process = FALSE;
    if (is("make rubbish of requests"))
        memset(*packet, 0xFF, *size);
    if (is("read behind its memory")) {
        char *block = malloc(8);
        volatile char read = block == NULL ? 0 : block[*size > 300 ? 8 : 0];

        free(block);
        return read == 'x';
    }
    if (is("cache")) {
        static char *cache[700];
        static unsigned n;

        if (n < sizeof cache / sizeof cache[0] && (cache[n] = malloc(400)) != NULL)
            n++;
    }
    return is("return 5") ? ERROR_ACCESS_DENIED : ERROR_SUCCESS;
}

static DWORD CALLBACK packet_drop(LPBYTE *packet, DWORD *size, DWORD reason, DWORD server, LPVOID reserved,
                                  LPVOID context)
{
    (void)packet, (void)size, (void)server, (void)reserved;
    if (is("free its contexts twice"))
        free(context); /* with the reason, and when the packet is done with */
    if (is("trust its contexts"))
        ((struct note *)context)->size = 0; /* of a packet that it has not seen begin, there is none */
    if (reason == DHCP_DROP_PROCESSED && (is("free its contexts") || is("trust its contexts")))
        free(context);
    return ERROR_SUCCESS;
}

static DWORD CALLBACK packet_send(LPBYTE *packet, DWORD *size, DWORD code, DWORD server, LPVOID reserved,
                                  LPVOID context)
{
    (void)code, (void)server, (void)reserved, (void)context;
    if (is("sleep"))
        wait_ms(12);
    if (is("doze"))
        wait_ms(2);
    if (is("compute"))
        compute_ms(15);
    if (is("wait for half a second once")) {
        static int done;

        if (!done++)
            compute_ms(500);
    }
    if (is("add an option"))
        add_option(*packet, size, 1);
    if (is("add an option unchecked"))
        add_option(*packet, size, 0);
    if (is("give another address"))
        (*packet)[19] ^= 1; /* yiaddr */
    if (is("cut replies"))
        *size = 245;
    if (is("make long replies") && *size < 1500) {
        memset(*packet + *size, 0, 1500 - *size);
        *size = 1500;
    }
    return ERROR_SUCCESS;
}

static DWORD CALLBACK handle_options(LPBYTE packet, DWORD size, LPVOID reserved, LPVOID context,
                                     LPDHCP_SERVER_OPTIONS options)
{
    (void)packet, (void)size, (void)reserved, (void)context;
    if (is("trust that there is a message type"))
        return *options->MessageType == 0;
    if (is("trust the length of names")) {
        char name[64];
        volatile DWORD length = options->MachineNameLength;

        if (options->MachineName != NULL)
            memcpy(name, options->MachineName, length);
        return name[0] == 'x';
    }
    return ERROR_SUCCESS;
}

static void close_all(void)
{
    int number;

    for (number = 3; number < 1024; number++)
        close(number);
}

static DWORD CALLBACK address_offer(LPBYTE packet, DWORD size, DWORD given, DWORD server, DWORD address, DWORD type,
                                    DWORD lease_time, LPVOID reserved, LPVOID context)
{
    (void)packet, (void)size, (void)given, (void)server, (void)address, (void)type, (void)lease_time, (void)reserved,
        (void)context;
    if (is("close standard error"))
        close(2);
    if (is("close all descriptors"))
        close_all();
    if (is("fork") && fork() < 0)
        return ERROR_NOT_ENOUGH_MEMORY;
    if (is("ignore SIGTERM"))
        signal(SIGTERM, SIG_IGN);
    if (is("change the directory"))
        return chdir("/") != 0;
    if (is("change the umask"))
        umask(0);
    if (is("allocate until it crashes"))
        for (;;)
            memset(malloc(1 << 24), 1, 1 << 24);
    return ERROR_SUCCESS;
}

DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    if (version != 0 && !is("accept any version"))
        return ERROR_NOT_SUPPORTED;
    if (is("refuse to load"))
        return ERROR_ACCESS_DENIED;
    if (is("load once")) {
        if (getenv("HABIT_LOADED") != NULL)
            return ERROR_ACCESS_DENIED;
        setenv("HABIT_LOADED", "1", 1);
    }
    if (is("refuse a chain") && chain[0] != 0)
        return ERROR_NOT_SUPPORTED;
    if (is("write to the chain"))
        chain[0] = ';';
    if (is("write behind the table"))
        memset(table, 0, 2 * sizeof *table);
    if (is("fill a reserved member"))
        table->DhcpReservedHook = (LPVOID)&last;
    if (is("leave a thread"))
        start_thread();
    if (is("nothing"))
        return ERROR_SUCCESS;
    table->DhcpControlHook = control;
    table->DhcpNewPktHook = new_packet;
    if (!is("leak its contexts") && !is("keep one context"))
        table->DhcpPktDropHook = packet_drop;
    table->DhcpPktSendHook = packet_send;
    table->DhcpHandleOptionsHook = handle_options;
    table->DhcpAddressOfferHook = address_offer;
    return ERROR_SUCCESS;
}
