/*
 * A callout as its author wrote it for Windows, with nothing in it for another system. Its entry point tries what it
 * calls of Windows, and returns the number of the line that went wrong.
 */
#include <winsock2.h>
#include <windows.h>

#include <dhcpssdk.h>

#ifdef __cplusplus
#define C_LINKAGE extern "C"
#else
#define C_LINKAGE
#endif

#define CHECK(fact)                                                                                                    \
    do {                                                                                                               \
        if (!(fact))                                                                                                   \
            return __LINE__;                                                                                           \
    } while (0)

static CRITICAL_SECTION lock;
static HINSTANCE self;
static volatile LONG packets;

typedef struct {
    DWORD number;
    CHAR host[MAX_PATH];
} PACKET_CONTEXT, *PPACKET_CONTEXT;

BOOL APIENTRY DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved)
{
    UNREFERENCED_PARAMETER(reserved);
    switch (reason) {
    case DLL_PROCESS_ATTACH:
        self = instance;
        InitializeCriticalSection(&lock);
        break;
    case DLL_PROCESS_DETACH:
        DeleteCriticalSection(&lock);
        break;
    }
    return TRUE;
}

static DWORD CALLBACK NewPacket(LPBYTE *Packet, DWORD *PacketSize, DWORD IpAddress, LPVOID Reserved,
                                LPVOID *PktContext, LPBOOL ProcessIt)
{
    PPACKET_CONTEXT context = (PPACKET_CONTEXT)HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof(PACKET_CONTEXT));

    (void)Packet, (void)PacketSize, (void)IpAddress, (void)Reserved;
    if (context == NULL) {
        *ProcessIt = FALSE;
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    EnterCriticalSection(&lock);
    context->number = (DWORD)InterlockedIncrement(&packets);
    LeaveCriticalSection(&lock);
    *PktContext = context;
    return ERROR_SUCCESS;
}

static DWORD CALLBACK PacketDrop(LPBYTE *Packet, DWORD *PacketSize, DWORD ControlCode, DWORD IpAddress, LPVOID Reserved,
                                 LPVOID PktContext)
{
    (void)Packet, (void)PacketSize, (void)IpAddress, (void)Reserved;
    if (ControlCode == DHCP_DROP_PROCESSED && PktContext != NULL) {
        InterlockedDecrement(&packets);
        HeapFree(GetProcessHeap(), 0, PktContext);
    }
    return ERROR_SUCCESS;
}

static int TryText(void)
{
    /* a, a umlaut, the euro sign, a clef (a pair of surrogates), and half a pair */
    static const WCHAR text[] = {'a', 0xE4, 0x20AC, 0xD834, 0xDD1E, 0xD834, 'b', 0};
    static const CHAR utf8[] = "a\xC3\xA4\xE2\x82\xAC\xF0\x9D\x84\x9E\xEF\xBF\xBD"
                               "b";
    CHAR bytes[32];

    CHECK(lstrlenW(text) == 7 && lstrlenA(utf8) == 14 && lstrlenW(NULL) == 0);
    CHECK(WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL) == (int)sizeof utf8);
    CHECK(WideCharToMultiByte(CP_UTF8, 0, text, -1, bytes, sizeof bytes, NULL, NULL) == (int)sizeof utf8);
    CHECK(memcmp(bytes, utf8, sizeof utf8) == 0);
    CHECK(WideCharToMultiByte(CP_UTF8, 0, text, 2, bytes, 3, NULL, NULL) == 3);
    SetLastError(ERROR_SUCCESS);
    CHECK(WideCharToMultiByte(CP_UTF8, 0, text, -1, bytes, sizeof utf8 - 1, NULL, NULL) == 0);
    CHECK(GetLastError() == ERROR_INSUFFICIENT_BUFFER);
    CHECK(WideCharToMultiByte(CP_UTF8, 0, text, 0, bytes, sizeof bytes, NULL, NULL) == 0);
    CHECK(GetLastError() == ERROR_INVALID_PARAMETER);
    return 0;
}

static int TryMemoryAndNumbers(void)
{
    BYTE from[4] = {1, 2, 3, 4}, to[4];
    volatile LONG number = 5;
    LPBYTE heap;

    ZeroMemory(to, sizeof to);
    CHECK(to[0] == 0 && to[3] == 0);
    FillMemory(to, sizeof to, 7);
    CHECK(to[0] == 7 && to[3] == 7);
    CopyMemory(to, from, sizeof to);
    MoveMemory(to + 1, to, 3);
    CHECK(to[0] == 1 && to[1] == 1 && to[3] == 3);
    heap = (LPBYTE)HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, 3);
    CHECK(heap != NULL && heap[0] == 0 && heap[2] == 0 && HeapFree(GetProcessHeap(), 0, heap));
    CHECK(InterlockedIncrement(&number) == 6 && InterlockedDecrement(&number) == 5);
    CHECK(InterlockedExchangeAdd(&number, 3) == 5 && InterlockedExchange(&number, 2) == 8);
    CHECK(InterlockedCompareExchange(&number, 9, 1) == 2 && number == 2);
    CHECK(InterlockedCompareExchange(&number, 9, 2) == 2 && number == 9);
    CHECK(MAKEWORD(0x34, 0x12) == 0x1234 && MAKELONG(0x5678, 0x1234) == 0x12345678);
    CHECK(LOBYTE(0x1234) == 0x34 && HIBYTE(0x1234) == 0x12);
    CHECK(LOWORD(0x12345678) == 0x5678 && HIWORD(0x12345678) == 0x1234);
    CHECK(ntohl(htonl(0xC0A80001)) == 0xC0A80001 && *(BYTE *)&number == 9);
    return 0;
}

static int TryLocks(void)
{
    CHECK(self != NULL); /* DllMain was called. */
    EnterCriticalSection(&lock);
    CHECK(TryEnterCriticalSection(&lock)); /* once more, by the thread that has it */
    LeaveCriticalSection(&lock);
    LeaveCriticalSection(&lock);
    CHECK(TryEnterCriticalSection(&lock));
    LeaveCriticalSection(&lock);
    return 0;
}

static int TryLibraries(LPWSTR chain)
{
    HMODULE library;

    CHECK(LoadLibraryA("/nowhere/nothing.dll") == NULL && GetLastError() == ERROR_MOD_NOT_FOUND);
    for (; *chain != 0; chain += lstrlenW(chain) + 1) {
        library = LoadLibraryW(chain);
        CHECK(library != NULL);
        CHECK(GetProcAddress(library, DHCP_CALLOUT_ENTRY_POINT) != NULL);
        CHECK(GetProcAddress(library, "NothingOfTheKind") == NULL && GetLastError() == ERROR_PROC_NOT_FOUND);
        CHECK(FreeLibrary(library));
    }
    return 0;
}

C_LINKAGE __declspec(dllexport) DWORD CALLBACK DhcpServerCalloutEntry(IN LPWSTR ChainDlls, IN DWORD CalloutVersion,
                                                                      OUT LPDHCP_CALLOUT_TABLE CalloutTbl)
{
    LPDHCP_ENTRY_POINT_FUNC me = DhcpServerCalloutEntry;
    int line = TryText();

    if (me == NULL || CalloutVersion != 0)
        return ERROR_NOT_SUPPORTED;
    if (line == 0)
        line = TryMemoryAndNumbers();
    if (line == 0)
        line = TryLocks();
    if (line == 0)
        line = TryLibraries(ChainDlls);
    if (line != 0)
        return (DWORD)line;
    ZeroMemory(CalloutTbl, sizeof(DHCP_CALLOUT_TABLE));
    CalloutTbl->DhcpNewPktHook = NewPacket;
    CalloutTbl->DhcpPktDropHook = PacketDrop;
    return ERROR_SUCCESS;
}
