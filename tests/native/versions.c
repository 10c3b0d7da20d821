/*
 * A callout whose entry point writes to the file RECORD which versions it is called with, and takes ACCEPT alone. It
 * writes there, too, that it is unloaded.
 */
#include <stdio.h>
#include <stdlib.h>

#include "dhcpssdk.h"

__attribute__((destructor)) static void unloaded(void)
{
    FILE *file = fopen(getenv("RECORD"), "a");

    if (file != NULL) {
        fputs("unloaded\n", file);
        fclose(file);
    }
}

DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    FILE *file = fopen(getenv("RECORD"), "a");

    if (file == NULL)
        return ERROR_FILE_NOT_FOUND;
    fprintf(file, "version %u, chain %04x%04x, table %s\n", version, chain[0], chain[1],
            table->DhcpNewPktHook == NULL ? "empty" : "filled");
    fclose(file);
    /* Rubbish that counts for nothing where the call fails. */
    table->DhcpNewPktHook = (LPDHCP_NEWPKT)1;
    if (version != (DWORD)atoi(getenv("ACCEPT")))
        return ERROR_NOT_SUPPORTED;
    table->DhcpNewPktHook = NULL;
    return ERROR_SUCCESS;
}
