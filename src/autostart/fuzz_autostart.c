/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "autostart/autostart.h"
#include "util/str.h"

#include <stdlib.h>

#define ID     "org.example.App"
#define CARREL "/usr/bin/carrel"

/* What is written anew has one command, which is ours; is ours when it is read again; and has no
 * line that the app chose. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const begins[] = {AUTOSTART_MARK ID, "[Desktop Entry]", "Type=Application",
                                         "Name=", "Exec=" CARREL " run "};
    struct arena a = {NULL};
    struct buf out = {.arena = &a}, again = {.arena = &a};
    enum autostart r = autostart_rewrite(&a, (const char *)data, size, ID, CARREL, &out);
    if (r == AUTOSTART_FOREIGN || r == AUTOSTART_OURS) {
        if (out.len)
            abort();
        arena_release(&a);
        return 0;
    }
    size_t n = 0;
    for (char *line = out.data, *end; *line; line = end + 1, n++) {
        end = strchr(line, '\n');
        if (!end)
            abort();
        *end = '\0';
        if (n < ARRAY_SIZE(begins) ? !str_after(line, begins[n]) : !str_eq(line, "Hidden=true"))
            abort();
        *end = '\n';
    }
    if (n != ARRAY_SIZE(begins) + (r == AUTOSTART_OFF) ||
        autostart_rewrite(&a, out.data, out.len, ID, CARREL, &again) != AUTOSTART_OURS)
        abort();
    arena_release(&a);
    return 0;
}
