/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first byte chooses a file of settings, the rest is its text. What is taken up can stand in a
 * line of its own and names no file but the system's. */
#include "facts/looks.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct facts f = {.arena = &a};
    if (size == 0)
        return 0;
    looks_read(&f, (enum look_file)(data[0] % LOOK_FILES), (const char *)data + 1, size - 1);
    for (size_t i = 0; i < f.n_looks; i++) {
        const struct look_fact *l = &f.looks[i];
        if (strpbrk(l->group, "\n\r") || strpbrk(l->key, "\n\r=[") || strpbrk(l->value, "\n\r") ||
            !*l->key || !*l->value || (strchr(l->value, '/') && strncmp(l->value, "/usr/", 5) != 0))
            abort();
    }
    arena_release(&a);
    return 0;
}
