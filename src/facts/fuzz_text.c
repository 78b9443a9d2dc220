/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text form of facts: what can be read is written, read and written again alike. */
#include "facts/facts.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct facts f = {.arena = &a}, again = {.arena = &a};
    struct buf one = {.arena = &a}, two = {.arena = &a};
    int line;
    const char *error;
    if (facts_read(&f, (const char *)data, size, &line, &error) == 0) {
        facts_write(&f, &one);
        if (facts_read(&again, one.data, one.len, &line, &error) < 0)
            abort();
        facts_write(&again, &two);
        if (one.len != two.len || memcmp(one.data, two.data, one.len) != 0)
            abort();
        for (size_t i = 0; i < f.n_paths; i++)
            if (facts_path(&f, f.paths[i].path) != &f.paths[i])
                abort();
    } else if (line < 1 || !error) {
        abort();
    }
    arena_release(&a);
    return 0;
}
