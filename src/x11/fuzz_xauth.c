/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An Xauthority file, read for a display of a host; the first two bytes choose the display. */
#include "fuzz.h"
#include "x11/xauth.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xauth_fact x = {0};
    if (size < 2)
        return 0;
    const char *file = (const char *)data + 2;
    if (xauth_find(file, size - 2, "desk", data[0] * 256u + data[1], &x)) {
        if (x.size == 0 || x.data < file || x.data + x.size > file + size - 2)
            abort();
        /* Every byte of what was found must be readable. */
        volatile uint8_t sum = 0;
        for (size_t i = 0; i < x.size; i++)
            sum = (uint8_t)(sum ^ (uint8_t)x.data[i]);
    }
    return 0;
}
