/* A callout that calls, in a hook, a function that is nowhere: it must fail when it is loaded, not with a packet. */
#include "dhcpssdk.h"

DWORD a_function_that_is_nowhere(void);

static DWORD CALLBACK control(DWORD code, LPVOID reserved)
{
    (void)code, (void)reserved;
    return a_function_that_is_nowhere();
}

DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    (void)chain, (void)version;
    table->DhcpControlHook = control;
    return ERROR_SUCCESS;
}
