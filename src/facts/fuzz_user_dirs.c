/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A user-dirs.dirs file, and the same bytes as a path and as a display's name. */
#include "facts/facts.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

/* Clean: absolute, no empty, "." or ".." part. */
static int clean(const char *p)
{
    size_t n = strlen(p);
    return p[0] == '/' && !strstr(p, "//") && !strstr(p, "/./") && !strstr(p, "/../") &&
           (n == 1 || p[n - 1] != '/') && (n < 2 || strcmp(p + n - 2, "/.") != 0) &&
           (n < 3 || strcmp(p + n - 3, "/..") != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    const char *dirs[8] = {0}, *text = arena_strndup(&a, (const char *)data, size);
    struct x_display x;
    user_dirs_parse(&a, "/home/anna", (const char *)data, size, dirs);
    for (int i = 0; i < 8; i++)
        if (dirs[i] && (!clean(dirs[i]) || strcmp(dirs[i], "/home/anna") == 0))
            abort();
    const char *path = path_clean(&a, text);
    if (path && !clean(path))
        abort();
    if (display_parse(text, &x) && (x.number > 999999 || (*x.rest && *x.rest != '.')))
        abort();
    arena_release(&a);
    return 0;
}
