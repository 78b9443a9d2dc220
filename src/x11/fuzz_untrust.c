/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first bytes of a client, in pieces; and the same bytes as settings. */
#include "x11/untrust.h"

#include "fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct untrust ours = {"/x", "0123456789abcdef", 16};
    uint8_t setup[UNTRUST_SETUP];
    struct untrust u;
    for (size_t n = 0; n <= size && n <= UNTRUST_HEAD; n++) {
        int whole = untrust_size(data, n);
        if (whole > UNTRUST_MOST || (whole > 0 && n < UNTRUST_HEAD))
            abort();
        if (whole > 0 && untrust_setup(&ours, data, setup) != 12 + 20 + 16)
            abort();
    }
    if (size > UNTRUST_MAX)
        return 0;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (!untrust_read(&u, text, size) &&
        (!u.socket || (!u.size && !u.person) || u.size > UNTRUST_COOKIE))
        abort();
    free(text);
    return 0;
}
