/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "ask/access.h"
#include "ask/ask.h"

#include <errno.h>
#include <stdlib.h>

/* Whatever the dialog answers is one of four answers or none. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message m = {.type = WIRE_RETURN, .body = size, .signature = "ua{sv}"};
    for (int big = 0; big < 2; big++) {
        m.big = big;
        int r = access_answer(&m, data, size);
        if (r != -EPROTO && (r < ANSWER_NO || r > ANSWER_ALWAYS))
            abort();
    }
    return 0;
}
