/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "catalog/desktop.h"

#include <stdlib.h>
#include <string.h>

/* Whatever the text, the answer is an error or a bounded list of words that begins with one that is
 * not empty. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {NULL};
    const char *const *argv, *error;
    int line;
    size_t total = 0, n = 0;
    if (desktop_exec(&a, (const char *)data, size, &argv, &line, &error) == 0) {
        for (; argv[n]; n++)
            total += strlen(argv[n]);
        if (n == 0 || n > DESKTOP_MAX_ARGS || !*argv[0] || total > size || line < 1 ||
            desktop_program(argv) >= n)
            abort();
    } else if (!error || !*error) {
        abort();
    }
    arena_release(&a);
    return 0;
}
