/*
 * The types and constants of Windows that callouts use, for systems other than Windows, with the sizes and the values
 * that they have there. Types of 32 bits are so where long has 64, and WCHAR has 16 bits whatever wchar_t has.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef DHCPCALLOUT_WINDEF_H
#define DHCPCALLOUT_WINDEF_H

#ifdef _WIN32
#error "Windows has this header itself: leave the SDK's posix folder out of the include path"
#endif

#include <stddef.h>
#include <stdint.h>

typedef char CHAR, *PCHAR, *PSTR, *LPSTR;
typedef const char *PCSTR, *LPCSTR;
typedef uint8_t BYTE, *PBYTE, *LPBYTE;
typedef uint8_t UCHAR, *PUCHAR;
typedef uint8_t BOOLEAN, *PBOOLEAN;
typedef int16_t SHORT, *PSHORT;
typedef uint16_t WORD, *PWORD, *LPWORD;
typedef uint16_t USHORT, *PUSHORT;
typedef int32_t INT, *PINT, *LPINT;
typedef uint32_t UINT, *PUINT;
typedef int32_t LONG, *PLONG, *LPLONG;
typedef uint32_t ULONG, *PULONG;
typedef uint32_t DWORD, *PDWORD, *LPDWORD;
typedef int32_t BOOL, *PBOOL, *LPBOOL;
typedef int8_t INT8;
typedef int16_t INT16;
typedef int32_t INT32, LONG32;
typedef int64_t INT64, LONG64, LONGLONG;
typedef uint8_t UINT8;
typedef uint16_t UINT16;
typedef uint32_t UINT32, ULONG32, DWORD32;
typedef uint64_t UINT64, ULONG64, DWORD64, ULONGLONG, DWORDLONG;
typedef intptr_t INT_PTR, LONG_PTR, SSIZE_T;
typedef uintptr_t UINT_PTR, ULONG_PTR, DWORD_PTR, SIZE_T;
typedef void *PVOID, *LPVOID, *HANDLE, *HINSTANCE, *HMODULE;
typedef const void *LPCVOID;
typedef void (*FARPROC)(void);

/*
 * A unit of UTF-16. u"..." is an array of them; L"..." is one with -fshort-wchar alone, and then the C library's
 * functions on wchar_t (wcslen, wprintf) take it for something else.
 */
#if defined(__SIZEOF_WCHAR_T__) && __SIZEOF_WCHAR_T__ == 2
typedef wchar_t WCHAR;
#define DHCPCALLOUT_WIDE(text) L##text
#elif defined(__cplusplus) && __cplusplus >= 201103L
typedef char16_t WCHAR;
#define DHCPCALLOUT_WIDE(text) u##text
#else
typedef uint16_t WCHAR;
#define DHCPCALLOUT_WIDE(text) u##text
#endif
typedef WCHAR *PWCHAR, *PWSTR, *LPWSTR;
typedef const WCHAR *PCWSTR, *LPCWSTR;

#ifdef UNICODE
typedef WCHAR TCHAR, *PTSTR, *LPTSTR;
typedef LPCWSTR LPCTSTR;
#define TEXT(text) DHCPCALLOUT_WIDE(text)
#else
typedef CHAR TCHAR, *PTSTR, *LPTSTR;
typedef LPCSTR LPCTSTR;
#define TEXT(text) text
#endif

#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif
#ifndef VOID
#define VOID void
#endif
#ifndef CONST
#define CONST const
#endif

/* Annotations that say nothing to other compilers. */
#ifndef IN
#define IN
#endif
#ifndef OUT
#define OUT
#endif
#ifndef OPTIONAL
#define OPTIONAL
#endif
#ifndef _In_
#define _In_
#define _In_opt_
#define _Out_
#define _Out_opt_
#define _Inout_
#define _Inout_opt_
#endif
#ifndef UNALIGNED
#define UNALIGNED
#endif
#ifndef UNREFERENCED_PARAMETER
#define UNREFERENCED_PARAMETER(parameter) ((void)(parameter))
#endif

/* Here there is one calling convention, the platform's. */
#ifndef CALLBACK
#define CALLBACK
#endif
#ifndef WINAPI
#define WINAPI
#endif
#ifndef APIENTRY
#define APIENTRY
#endif
#ifndef __stdcall
#define __stdcall
#endif
#ifndef __cdecl
#define __cdecl
#endif

/* __declspec(dllexport) exports, as it does there. */
#ifndef __declspec
#define __declspec(what) DHCPCALLOUT_DECLSPEC_##what
#define DHCPCALLOUT_DECLSPEC_dllexport __attribute__((visibility("default")))
#define DHCPCALLOUT_DECLSPEC_dllimport
#define DHCPCALLOUT_DECLSPEC_noinline __attribute__((noinline))
#define DHCPCALLOUT_DECLSPEC_noreturn __attribute__((noreturn))
#define DHCPCALLOUT_DECLSPEC_thread __thread
#define DHCPCALLOUT_DECLSPEC_align(size) __attribute__((aligned(size)))
#endif

#define MAKEWORD(low, high) ((WORD)(((BYTE)(low)) | (WORD)((WORD)(BYTE)(high) << 8)))
#define MAKELONG(low, high) ((LONG)((DWORD)(WORD)(low) | (DWORD)(WORD)(high) << 16))
#define LOBYTE(word) ((BYTE)((word) & 0xFF))
#define HIBYTE(word) ((BYTE)(((word) >> 8) & 0xFF))
#define LOWORD(dword) ((WORD)((dword) & 0xFFFF))
#define HIWORD(dword) ((WORD)(((dword) >> 16) & 0xFFFF))

#define MAX_PATH 260
#define INFINITE 0xFFFFFFFF

/* DllMain: its second argument. Who calls it here: dllmain.c beside this file. */
#define DLL_PROCESS_DETACH 0
#define DLL_PROCESS_ATTACH 1
#define DLL_THREAD_ATTACH 2
#define DLL_THREAD_DETACH 3

#define REG_NONE 0
#define REG_SZ 1
#define REG_EXPAND_SZ 2
#define REG_BINARY 3
#define REG_DWORD 4
#define REG_MULTI_SZ 7

/* What entry points and hooks return. */
#define NO_ERROR 0
#define ERROR_SUCCESS 0
#define ERROR_INVALID_FUNCTION 1
#define ERROR_FILE_NOT_FOUND 2
#define ERROR_PATH_NOT_FOUND 3
#define ERROR_TOO_MANY_OPEN_FILES 4
#define ERROR_ACCESS_DENIED 5
#define ERROR_INVALID_HANDLE 6
#define ERROR_NOT_ENOUGH_MEMORY 8
#define ERROR_BAD_ENVIRONMENT 10
#define ERROR_BAD_FORMAT 11
#define ERROR_INVALID_ACCESS 12
#define ERROR_INVALID_DATA 13
#define ERROR_OUTOFMEMORY 14
#define ERROR_NO_MORE_FILES 18
#define ERROR_NOT_READY 21
#define ERROR_BAD_LENGTH 24
#define ERROR_WRITE_FAULT 29
#define ERROR_READ_FAULT 30
#define ERROR_GEN_FAILURE 31
#define ERROR_SHARING_VIOLATION 32
#define ERROR_LOCK_VIOLATION 33
#define ERROR_HANDLE_EOF 38
#define ERROR_HANDLE_DISK_FULL 39
#define ERROR_NOT_SUPPORTED 50
#define ERROR_FILE_EXISTS 80
#define ERROR_INVALID_PARAMETER 87
#define ERROR_OPEN_FAILED 110
#define ERROR_BUFFER_OVERFLOW 111
#define ERROR_DISK_FULL 112
#define ERROR_CALL_NOT_IMPLEMENTED 120
#define ERROR_INSUFFICIENT_BUFFER 122
#define ERROR_INVALID_NAME 123
#define ERROR_MOD_NOT_FOUND 126
#define ERROR_PROC_NOT_FOUND 127
#define ERROR_BUSY 170
#define ERROR_ALREADY_EXISTS 183
#define ERROR_BAD_EXE_FORMAT 193
#define ERROR_MORE_DATA 234
#define ERROR_NO_MORE_ITEMS 259
#define ERROR_INVALID_ADDRESS 487
#define ERROR_NOACCESS 998
#define ERROR_DLL_INIT_FAILED 1114
#define ERROR_NOT_FOUND 1168
#define ERROR_CANCELLED 1223
#define ERROR_ALREADY_INITIALIZED 1247
#define ERROR_UNKNOWN_REVISION 1305
#define ERROR_REVISION_MISMATCH 1306
#define ERROR_INTERNAL_ERROR 1359
#define ERROR_FUNCTION_FAILED 1627
#define ERROR_TIMEOUT 1460

#endif /* DHCPCALLOUT_WINDEF_H */
