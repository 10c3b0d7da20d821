/*
 * Refuses the clients whose hardware addresses are in the file that MAC_FILTER names, one a line: 00:0c:01:02:03:04.
 *
 *     cc -shared -fPIC -I ../../src/dhcpcallout/sdk -o mac_filter.so mac_filter.c
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dhcpssdk.h"

#define MOST 4096

static BYTE refused[MOST][6];
static size_t count;

static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD server, LPVOID reserved, LPVOID *context,
                                 LPBOOL process)
{
    size_t i;

    (void)server, (void)reserved, (void)context;
    if (*size < 236 || (*packet)[2] != 6) /* hlen; chaddr is at 28 */
        return ERROR_SUCCESS;
    for (i = 0; i < count; i++)
        if (memcmp(*packet + 28, refused[i], 6) == 0)
            *process = FALSE;
    return ERROR_SUCCESS;
}

static DWORD read_list(FILE *list)
{
    char line[128];

    while (fgets(line, sizeof line, list) != NULL) {
        BYTE *mac = refused[count];

        if (line[0] == '\n' || line[0] == '#')
            continue;
        if (sscanf(line, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6)
            return ERROR_INVALID_PARAMETER;
        if (++count == MOST)
            return ERROR_NOT_ENOUGH_MEMORY;
    }
    return ERROR_SUCCESS;
}

__declspec(dllexport) DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    const char *path = getenv("MAC_FILTER");
    FILE *list = path != NULL ? fopen(path, "r") : NULL;
    DWORD status;

    (void)chain;
    if (version != 0)
        return ERROR_NOT_SUPPORTED;
    if (list == NULL)
        return ERROR_FILE_NOT_FOUND;
    count = 0;
    status = read_list(list);
    fclose(list);
    table->DhcpNewPktHook = new_packet;
    return status;
}
