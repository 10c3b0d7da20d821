/* For a file system that tells upper from lower case. SPDX-License-Identifier: Apache-2.0 */
#include "../winsock2.h"
