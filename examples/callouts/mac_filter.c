/* Refuses the clients whose hardware addresses are on its list. */
#include <string.h>
#include <windows.h>

#include <dhcpssdk.h>

static const BYTE refused[][6] = {
    {0x00, 0x0c, 0x01, 0x0b, 0xad, 0x01},
    {0x00, 0x0c, 0x01, 0x0b, 0xad, 0x02},
};

static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD server, LPVOID reserved, LPVOID *context,
                                 LPBOOL process)
{
    size_t i;

    (void)server, (void)reserved, (void)context;
    if (*size < 236 || (*packet)[2] != 6) /* hlen */
        return ERROR_SUCCESS;
    for (i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (memcmp(*packet + 28, refused[i], 6) == 0) /* chaddr */
            *process = FALSE;
    return ERROR_SUCCESS;
}

__declspec(dllexport) DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    (void)chain, (void)version;
    table->DhcpNewPktHook = new_packet;
    return ERROR_SUCCESS;
}
