/*
 * The functions of Windows that callouts commonly call, for systems other than Windows: each on what the system itself
 * has for it. The types and constants are in windef.h.
 *
 * It is no emulation of Windows: what is not here (files, the registry, events) a callout calls from POSIX.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DHCPCALLOUT_WINDOWS_H
#define DHCPCALLOUT_WINDOWS_H

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "windef.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Has C linkage in C++, too. dllmain.c beside this file calls it; without that nobody does. */
__attribute__((visibility("hidden"))) BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved);

#define DHCPCALLOUT_INLINE static __inline__ __attribute__((unused))

/* One for all of a library's files, and none of another library's business. */
__attribute__((weak, visibility("hidden"))) __thread DWORD dhcpcallout_last_error;

DHCPCALLOUT_INLINE DWORD WINAPI GetLastError(void)
{
    return dhcpcallout_last_error;
}

DHCPCALLOUT_INLINE void WINAPI SetLastError(DWORD error)
{
    dhcpcallout_last_error = error;
}

/* Memory */

#define CopyMemory(to, from, size) memcpy((to), (from), (size))
#define MoveMemory(to, from, size) memmove((to), (from), (size))
#define FillMemory(to, size, value) memset((to), (value), (size))
#define ZeroMemory(to, size) memset((to), 0, (size))
#define RtlCopyMemory CopyMemory
#define RtlMoveMemory MoveMemory
#define RtlFillMemory FillMemory
#define RtlZeroMemory ZeroMemory

#define HEAP_ZERO_MEMORY 0x00000008

DHCPCALLOUT_INLINE HANDLE WINAPI GetProcessHeap(void)
{
    static char heap;

    return &heap;
}

DHCPCALLOUT_INLINE LPVOID WINAPI HeapAlloc(HANDLE heap, DWORD flags, SIZE_T size)
{
    (void)heap;
    if (size == 0)
        size = 1;
    return (flags & HEAP_ZERO_MEMORY) != 0 ? calloc(1, size) : malloc(size);
}

DHCPCALLOUT_INLINE BOOL WINAPI HeapFree(HANDLE heap, DWORD flags, LPVOID memory)
{
    (void)heap, (void)flags;
    free(memory);
    return TRUE;
}

/* Critical sections: locks that the thread that has one may take again. */

typedef struct _RTL_CRITICAL_SECTION {
    pthread_mutex_t mutex;
    uintptr_t owner;
    LONG depth;
} CRITICAL_SECTION, *PCRITICAL_SECTION, *LPCRITICAL_SECTION;

DHCPCALLOUT_INLINE void WINAPI InitializeCriticalSection(LPCRITICAL_SECTION section)
{
    pthread_mutex_init(&section->mutex, NULL);
    section->owner = 0;
    section->depth = 0;
}

DHCPCALLOUT_INLINE BOOL WINAPI InitializeCriticalSectionAndSpinCount(LPCRITICAL_SECTION section, DWORD spins)
{
    (void)spins;
    InitializeCriticalSection(section);
    return TRUE;
}

DHCPCALLOUT_INLINE BOOL WINAPI TryEnterCriticalSection(LPCRITICAL_SECTION section)
{
    /* Each thread has its own variable, so that its address tells the threads apart. */
    uintptr_t thread = (uintptr_t)&dhcpcallout_last_error;

    if (__atomic_load_n(&section->owner, __ATOMIC_RELAXED) != thread) {
        if (pthread_mutex_trylock(&section->mutex) != 0)
            return FALSE;
        __atomic_store_n(&section->owner, thread, __ATOMIC_RELAXED);
    }
    section->depth++;
    return TRUE;
}

DHCPCALLOUT_INLINE void WINAPI EnterCriticalSection(LPCRITICAL_SECTION section)
{
    uintptr_t thread = (uintptr_t)&dhcpcallout_last_error;

    if (__atomic_load_n(&section->owner, __ATOMIC_RELAXED) != thread) {
        pthread_mutex_lock(&section->mutex);
        __atomic_store_n(&section->owner, thread, __ATOMIC_RELAXED);
    }
    section->depth++;
}

DHCPCALLOUT_INLINE void WINAPI LeaveCriticalSection(LPCRITICAL_SECTION section)
{
    if (--section->depth > 0)
        return;
    __atomic_store_n(&section->owner, (uintptr_t)0, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&section->mutex);
}

DHCPCALLOUT_INLINE void WINAPI DeleteCriticalSection(LPCRITICAL_SECTION section)
{
    pthread_mutex_destroy(&section->mutex);
}

#define InterlockedIncrement(number) __sync_add_and_fetch((number), 1)
#define InterlockedDecrement(number) __sync_sub_and_fetch((number), 1)
#define InterlockedExchangeAdd(number, value) __sync_fetch_and_add((number), (value))
#define InterlockedExchange(number, value) __atomic_exchange_n((number), (value), __ATOMIC_SEQ_CST)
#define InterlockedCompareExchange(number, value, comparand) __sync_val_compare_and_swap((number), (comparand), (value))

/* Text */

DHCPCALLOUT_INLINE int WINAPI lstrlenA(LPCSTR text)
{
    return text == NULL ? 0 : (int)strlen(text);
}

DHCPCALLOUT_INLINE int WINAPI lstrlenW(LPCWSTR text)
{
    int length = 0;

    while (text != NULL && text[length] != 0)
        length++;
    return length;
}

#define CP_ACP 0
#define CP_UTF8 65001

/*
 * UTF-16 to UTF-8, whichever code page is asked for; half a surrogate pair becomes U+FFFD. As on Windows, a length of
 * -1 takes the text up to its NUL, and the NUL with it; a size of 0 asks for the size that is needed; and 0 is returned
 * where the bytes do not fit.
 */
DHCPCALLOUT_INLINE int WINAPI WideCharToMultiByte(UINT code_page, DWORD flags, LPCWSTR text, int length, LPSTR bytes,
                                                  int size, LPCSTR substitute, LPBOOL substituted)
{
    int needed = 0, at = 0;

    (void)code_page, (void)flags, (void)substitute;
    if (substituted != NULL)
        *substituted = FALSE;
    if (text == NULL || length == 0 || length < -1) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return 0;
    }
    if (length == -1)
        length = lstrlenW(text) + 1;
    while (at < length) {
        uint32_t point = text[at++];
        char utf8[4];
        int count = 0;

        if (point - 0xD800u < 0x400u && at < length && (uint32_t)text[at] - 0xDC00u < 0x400u)
            point = 0x10000u + ((point - 0xD800u) << 10) + ((uint32_t)text[at++] - 0xDC00u);
        else if (point - 0xD800u < 0x800u)
            point = 0xFFFDu;
        if (point < 0x80u)
            utf8[count++] = (char)point;
        else {
            if (point < 0x800u)
                utf8[count++] = (char)(0xC0u | point >> 6);
            else {
                if (point < 0x10000u)
                    utf8[count++] = (char)(0xE0u | point >> 12);
                else {
                    utf8[count++] = (char)(0xF0u | point >> 18);
                    utf8[count++] = (char)(0x80u | (point >> 12 & 0x3Fu));
                }
                utf8[count++] = (char)(0x80u | (point >> 6 & 0x3Fu));
            }
            utf8[count++] = (char)(0x80u | (point & 0x3Fu));
        }
        if (size != 0) {
            if (bytes == NULL || count > size - needed) {
                SetLastError(ERROR_INSUFFICIENT_BUFFER);
                return 0;
            }
            memcpy(bytes + needed, utf8, (size_t)count);
        }
        needed += count;
    }
    return needed;
}

DHCPCALLOUT_INLINE void WINAPI OutputDebugStringA(LPCSTR text)
{
    fputs(text, stderr);
}

/* Libraries */

DHCPCALLOUT_INLINE HMODULE WINAPI LoadLibraryA(LPCSTR path)
{
    HMODULE library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL)
        SetLastError(ERROR_MOD_NOT_FOUND);
    return library;
}

DHCPCALLOUT_INLINE HMODULE WINAPI LoadLibraryW(LPCWSTR path)
{
    int size = WideCharToMultiByte(CP_UTF8, 0, path, -1, NULL, 0, NULL, NULL);
    LPSTR bytes = size != 0 ? (LPSTR)malloc((size_t)size) : NULL;
    HMODULE library = NULL;

    if (bytes != NULL && WideCharToMultiByte(CP_UTF8, 0, path, -1, bytes, size, NULL, NULL) == size)
        library = LoadLibraryA(bytes);
    else
        SetLastError(size != 0 ? ERROR_NOT_ENOUGH_MEMORY : ERROR_INVALID_PARAMETER);
    free(bytes);
    return library;
}

DHCPCALLOUT_INLINE FARPROC WINAPI GetProcAddress(HMODULE library, LPCSTR name)
{
    void *symbol = dlsym(library, name);
    FARPROC function = NULL;

    if (symbol == NULL)
        SetLastError(ERROR_PROC_NOT_FOUND);
    /* C knows no cast from an object to a function; POSIX says that they have one representation. */
    memcpy(&function, &symbol, sizeof function);
    return function;
}

DHCPCALLOUT_INLINE BOOL WINAPI FreeLibrary(HMODULE library)
{
    return dlclose(library) == 0;
}

#ifdef UNICODE
#define LoadLibrary LoadLibraryW
#define lstrlen lstrlenW
#else
#define LoadLibrary LoadLibraryA
#define lstrlen lstrlenA
#endif

/* Times: of strict C, time.h has no such clock. */
#ifdef CLOCK_MONOTONIC
DHCPCALLOUT_INLINE ULONGLONG WINAPI GetTickCount64(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (ULONGLONG)now.tv_sec * 1000 + (ULONGLONG)now.tv_nsec / 1000000;
}

DHCPCALLOUT_INLINE DWORD WINAPI GetTickCount(void)
{
    return (DWORD)GetTickCount64();
}
#endif

#ifdef __cplusplus
}
#elif !defined(NOMINMAX)
#ifndef min
#define min(a, b) ((a) < (b) ? (a) : (b))
#endif
#ifndef max
#define max(a, b) ((a) > (b) ? (a) : (b))
#endif
#endif

#endif /* DHCPCALLOUT_WINDOWS_H */
