/*
 * Calls a callout's DllMain where nobody else does: compile this file into the library. DllMain is called when the
 * library is loaded and unloaded; threads are not told of.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "windows.h"

static char library; /* Its address stands for the library, as the handle of one does on Windows. */

__attribute__((constructor)) static void attach(void)
{
    (void)DllMain(&library, DLL_PROCESS_ATTACH, NULL);
}

__attribute__((destructor)) static void detach(void)
{
    (void)DllMain(&library, DLL_PROCESS_DETACH, NULL);
}
