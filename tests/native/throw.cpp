// A callout that throws a C++ exception out of a hook, where nobody can catch it.
#include <stdexcept>

#include "dhcpssdk.h"

extern "C" {

static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD, LPVOID, LPVOID *, LPBOOL)
{
    if (*size > 33 && (*packet)[33] == 0xBB)
        throw std::runtime_error("out of a hook");
    return ERROR_SUCCESS;
}

__attribute__((visibility("default"))) DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR, DWORD,
                                                                             LPDHCP_CALLOUT_TABLE table)
{
    table->DhcpNewPktHook = new_packet;
    return ERROR_SUCCESS;
}
}
