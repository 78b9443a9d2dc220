/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A dconf database. What comes out is one line of GVariant text. */
#include "facts/gvdb.h"
#include "fuzz.h"
#include "util/str.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {
        "/org/gnome/desktop/interface/gtk-theme",
        "/org/gnome/desktop/interface/cursor-size",
        "/org/gnome/desktop/interface/text-scaling-factor",
        "/org/gnome/desktop/interface/enable-animations",
        "/a/b",
        "/",
        "",
    };
    struct arena a = {0};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const char *value = gvdb_lookup(&a, (const char *)data, size, keys[i]);
        if (value && (!*value || (*value == '\'' && value[strlen(value) - 1] != '\'') ||
                      (*value != '\'' && value[strspn(value, "-0123456789.truefals")])))
            abort();
    }
    arena_release(&a);
    return 0;
}
