/* Text of either kind, of <tchar.h>. SPDX-License-Identifier: Apache-2.0 */
#ifndef DHCPCALLOUT_TCHAR_H
#define DHCPCALLOUT_TCHAR_H

#include "windef.h"

#define _T(text) TEXT(text)
#define _TEXT(text) TEXT(text)

#endif /* DHCPCALLOUT_TCHAR_H */
