/*
 * A callout that does what the environment variable BEHAVIOUR says as soon as a packet of the client whose hardware
 * address ends in BB arrives; or, with WHERE=start, when the service starts, with WHERE=load, when it is loaded, and
 * with WHERE=later, in HandleOptions.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dhcpssdk.h"

static volatile int zero;
static volatile char *volatile nowhere;

static int is(const char *behaviour)
{
    return strcmp(getenv("BEHAVIOUR"), behaviour) == 0;
}

static int happens(const char *where)
{
    return strcmp(getenv("WHERE") != NULL ? getenv("WHERE") : "packet", where) == 0;
}

static int recurse(int depth);
static int (*volatile deeper)(int) = recurse;

static int recurse(int depth)
{
    volatile char page[4096];

    page[0] = (char)depth;
    return deeper(depth + 1) + page[0];
}

static void *crash(void *argument)
{
    (void)argument;
    *nowhere = 1;
    return NULL;
}

static void *leave(void *argument)
{
    (void)argument;
    exit(6);
}

static void for_ever(void)
{
    for (;;)
        pause();
}

/* To every descriptor that may be the pipe to the server; its fourth call is the one at hand. */
static void say(const void *bytes, size_t size)
{
    int fd;

    for (fd = 3; fd < 64; fd++)
        if (fcntl(fd, F_GETFD) != -1 && write(fd, bytes, size) < 0)
            continue;
}

static void misbehave(LPBYTE packet)
{
    pthread_t thread;
    int fd;

    if (is("dereference NULL"))
        *nowhere = 1;
    else if (is("read from nowhere"))
        zero = *(volatile char *)(uintptr_t)0xdeadbeef0000;
    else if (is("call NULL"))
        ((void (*)(void))(uintptr_t)zero)();
    else if (is("overrun the buffer"))
        memset(packet, 'x', 4100);
    else if (is("overrun all that is behind the buffer"))
        memset(packet, 'x', 1 << 28);
    else if (is("write before the buffer"))
        memset(packet - (1 << 28), 'x', 1 << 28);
    else if (is("free the server's buffer")) {
        BYTE *volatile buffer = packet;

        free(buffer);
    } else if (is("free twice")) {
        char *volatile block = malloc(64);
        char *volatile same = block;

        free(block);
        free(same);
        free(same);
    } else if (is("overflow the stack"))
        zero = recurse(0);
    else if (is("divide by zero"))
        raise(SIGFPE);
    else if (is("execute rubbish"))
        __builtin_trap();
    else if (is("exit"))
        exit(3);
    else if (is("exit at once"))
        _exit(4);
    else if (is("exit with success"))
        _exit(0);
    else if (is("abort"))
        abort();
    else if (is("loop for ever"))
        for (;;)
            zero++;
    else if (is("sleep for ever"))
        for_ever();
    else if (is("stop itself"))
        raise(SIGSTOP);
    else if (is("set an alarm")) {
        alarm(1);
        for_ever();
    } else if (is("end its thread"))
        pthread_exit(NULL);
    else if (is("deadlock")) {
        static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

        pthread_mutex_lock(&mutex);
        pthread_mutex_lock(&mutex);
    } else if (is("allocate without end")) {
        for (;;)
            memset(malloc(1 << 20), 1, 1 << 20);
    } else if (is("use the processor without end")) {
        alarm(0);
        for (;;)
            zero++;
    } else if (is("crash in a thread")) {
        pthread_create(&thread, NULL, crash, NULL);
        pthread_join(thread, NULL);
    } else if (is("exit in a thread")) {
        pthread_create(&thread, NULL, leave, NULL);
        pthread_join(thread, NULL);
    } else if (is("close all descriptors")) {
        for (fd = 0; fd < 64; fd++)
            close(fd);
    } else if (is("close all descriptors and stay")) {
        for (fd = 0; fd < 64; fd++)
            close(fd);
        for_ever();
    } else if (is("read what is for the worker")) {
        char bytes[4096];

        for (fd = 3; fd < 64; fd++)
            if (fcntl(fd, F_GETFL) == O_RDONLY || fcntl(fd, F_GETFL) == (O_RDONLY | O_NONBLOCK))
                while (read(fd, bytes, sizeof bytes) > 0)
                    continue;
    } else if (is("say rubbish"))
        say("\377\377\377\377 is no length of a frame", 31);
    else if (is("say half a frame")) {
        say("\4\0\0\0@", 5);
        for_ever();
    } else if (is("say a frame that nobody asked for"))
        say("\0\0\0\0@\377\377\377\377", 9);
    else if (is("say an answer that there is not"))
        say("\0\0\0\0\177\4\0\0\0", 9);
    else if (is("say that it awaits"))
        say("\3\0\0\0\"\4\0\0\0abc", 12);
    else if (is("say a verdict of rubbish"))
        say("\4\0\0\0A\4\0\0\0\377\377\377\377", 13);
    else if (is("say a subnet"))
        say("\12\0\0\0C\4\0\0\00010.0.0.0/8", 19);
    else if (is("say more than there is room for")) {
        static char frames[1 << 20];

        for (;;)
            say(frames, sizeof frames);
    } else if (is("leave children behind")) {
        if (fork() == 0)
            for_ever();
        if (fork() == 0)
            for (;;)
                zero++;
        _exit(5);
    } else if (is("leave its process group")) {
        setpgid(0, getpgid(getppid()));
        for_ever();
    } else if (is("answer twice")) {
        if (fork() == 0)
            return; /* both are the worker now */
    } else if (is("become another program"))
        execl("/bin/true", "true", (char *)NULL);
    else if (is("print")) {
        printf("printed by the callout\n");
        fflush(stdout);
    } else if (is("read standard input"))
        while (getchar() != EOF)
            continue;
}

static DWORD CALLBACK control(DWORD code, LPVOID reserved)
{
    static BYTE nothing[8192];

    (void)reserved;
    if (code == DHCP_CONTROL_START && happens("start"))
        misbehave(nothing);
    return ERROR_SUCCESS;
}

static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD server, LPVOID reserved, LPVOID *context,
                                 LPBOOL process)
{
    (void)server, (void)reserved, (void)context, (void)process;
    if (*size > 33 && (*packet)[33] == 0xBB && happens("packet"))
        misbehave(*packet);
    return ERROR_SUCCESS;
}

static DWORD CALLBACK handle_options(LPBYTE packet, DWORD size, LPVOID reserved, LPVOID context,
                                     LPDHCP_SERVER_OPTIONS options)
{
    (void)reserved, (void)context, (void)options;
    if (size > 33 && packet[33] == 0xBB && happens("later"))
        misbehave(packet);
    return ERROR_SUCCESS;
}

DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    static BYTE nothing[8192];

    (void)chain, (void)version;
    if (happens("load"))
        misbehave(nothing);
    table->DhcpControlHook = control;
    if (!happens("later"))
        table->DhcpNewPktHook = new_packet;
    table->DhcpHandleOptionsHook = handle_options;
    return ERROR_SUCCESS;
}
