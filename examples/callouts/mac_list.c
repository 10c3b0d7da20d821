/*
 * Serves the clients on a list, or all but those; mac_list.py does the same with the same file:
 *
 *     MAC_ACTION = {ALLOW}        # or {DENY}; what is done with the clients that follow
 *     00:0c:01:02:03:04           # a comment
 *     000c.0102.0305
 *     00-0C-01-02-03-06
 *
 * The environment variable MAC_LIST names the file. A mistake in it keeps the callout from being loaded: a filter that
 * lets everybody pass because of a slip of the pen is worse than none.
 *
 *     cc -shared -fPIC $(dhcpcallout sdk --cflags) -o mac_list.so mac_list.c
 *     x86_64-w64-mingw32-gcc -shared -static -o mac_list.dll mac_list.c
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include <dhcpssdk.h>

#define HLEN 2    /* where the length of the hardware address stands in a message, */
#define CHADDR 28 /* and where the address itself (RFC 2131 section 2) */
#define CHADDR_SIZE 16
#define SMALLEST 236

/* Addresses as an array that bsearch can search: the length, then the bytes, then zeros. */
typedef BYTE LISTED[1 + CHADDR_SIZE];

static LISTED *list;
static size_t count;
static BOOL allow;

static int compare(const void *one, const void *other)
{
    return memcmp(one, other, sizeof(LISTED));
}

static int digit(char letter)
{
    if (!isxdigit((unsigned char)letter))
        return -1;
    return isdigit((unsigned char)letter) ? letter - '0' : tolower((unsigned char)letter) - 'a' + 10;
}

/* Pairs of digits, with or without a colon, a point or a hyphen between two. */
static BOOL parse(const char *text, LISTED address)
{
    ZeroMemory(address, sizeof(LISTED));
    for (;;) {
        int high = digit(text[0]);
        int low = high >= 0 ? digit(text[1]) : -1;

        if (low < 0 || address[0] == CHADDR_SIZE)
            return FALSE;
        address[++address[0]] = (BYTE)(high << 4 | low);
        text += 2;
        if (*text == '\0')
            return TRUE;
        if (strchr(":.-", *text) != NULL)
            text++;
    }
}

/* A line without its comment and without blanks, the one or the other of which may be as long as it likes. */
static BOOL read_line(FILE *file, char *line, size_t size)
{
    BOOL comment = FALSE;
    size_t length = 0;
    int letter = getc(file);

    if (letter == EOF)
        return FALSE;
    for (; letter != EOF && letter != '\n'; letter = getc(file)) {
        if (letter == '#')
            comment = TRUE;
        if (!comment && !isspace(letter) && length < size - 1)
            line[length++] = (char)(letter != 0 ? letter : '?');
    }
    line[length] = '\0';
    return TRUE;
}

static DWORD read_list(const char *path)
{
    char line[64];
    int number = 0, actions = 0;
    FILE *file = path != NULL ? fopen(path, "rb") : NULL;
    DWORD status = file != NULL ? ERROR_SUCCESS : ERROR_FILE_NOT_FOUND;

    while (status == ERROR_SUCCESS && read_line(file, line, sizeof line)) {
        number++;
        if (line[0] == '\0')
            continue;
        if (strcmp(line, "MAC_ACTION={ALLOW}") == 0 || strcmp(line, "MAC_ACTION={DENY}") == 0) {
            allow = line[12] == 'A';
            actions++;
        } else {
            LISTED *longer = (LISTED *)realloc(list, (count + 1) * sizeof *list);

            if (longer == NULL)
                status = ERROR_NOT_ENOUGH_MEMORY;
            else {
                list = longer;
                if (parse(line, list[count]))
                    count++;
                else
                    status = ERROR_INVALID_DATA;
            }
        }
        if (actions > 1)
            status = ERROR_INVALID_DATA;
    }
    if (status == ERROR_SUCCESS && actions != 1)
        status = ERROR_INVALID_DATA;
    if (status == ERROR_INVALID_DATA)
        fprintf(stderr, "mac_list: %s:%d: neither a hardware address nor the one MAC_ACTION that a list has\n", path,
                number);
    if (file != NULL)
        fclose(file);
    if (count > 0)
        qsort(list, count, sizeof *list, compare);
    return status;
}

static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD server, LPVOID reserved, LPVOID *context,
                                 LPBOOL process)
{
    LISTED client = {0};
    BOOL listed;

    (void)server, (void)reserved, (void)context;
    if (*size < SMALLEST || (*packet)[HLEN] > CHADDR_SIZE)
        return ERROR_SUCCESS; /* No message: the server will see for itself. */
    client[0] = (*packet)[HLEN];
    memcpy(client + 1, *packet + CHADDR, client[0]);
    listed = count > 0 && bsearch(client, list, count, sizeof *list, compare) != NULL;
    if (listed != allow)
        *process = FALSE;
    return ERROR_SUCCESS;
}

__declspec(dllexport) DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    DWORD status;

    (void)chain;
    if (version != 0)
        return ERROR_NOT_SUPPORTED;
    status = read_list(getenv("MAC_LIST"));
    if (status == ERROR_SUCCESS)
        table->DhcpNewPktHook = new_packet;
    return status;
}
