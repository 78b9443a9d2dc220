/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames of what a bus says, one behind the other. */
#include "facts/store.h"
#include "fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    while (size) {
        bool is_reply = false;
        size_t n = documents_reply(data, size, &is_reply);
        if ((n == 0) != (size < 16) || (n && n < 16) ||
            (n != SIZE_MAX && n > 2 * DOCUMENTS_MOST + 32))
            abort();
        if (n == 0 || n > size)
            return 0;
        data += n;
        size -= n;
    }
    return 0;
}
