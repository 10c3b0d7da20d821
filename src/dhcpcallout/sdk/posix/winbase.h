/* Part of <windows.h>. SPDX-License-Identifier: Apache-2.0 */
#include "windows.h"
