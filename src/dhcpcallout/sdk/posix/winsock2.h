/* What callouts use of <winsock2.h>: htonl and its like, and struct in_addr. SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "windows.h"
