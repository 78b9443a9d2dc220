/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The property of the person's display that resources_read takes from: what is kept is what was
 * there, of the two kinds, in plain lines. */
#include "fuzz.h"
#include "xserver/resources.h"

#include <stdlib.h>
#include <string.h>

static void check(int ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct resources r;
    resources_read(data, size, &r);
    check(r.n <= sizeof r.text && (r.n == 0 || r.text[r.n - 1] == '\n'));
    check(r.dpi == 0 || (r.dpi >= 30 && r.dpi <= 600));
    for (size_t at = 0; at < r.n;) {
        const char *line = r.text + at;
        size_t n = (size_t)((const char *)memchr(line, '\n', r.n - at) - line);
        check(strncmp(line, "Xft.", 4) == 0 || strncmp(line, "Xcursor.", 8) == 0);
        check(memmem(data, size, line, n) != NULL && memchr(line, ':', n) != NULL);
        for (size_t i = 0; i < n; i++)
            check(line[i] == '\t' || (line[i] >= ' ' && line[i] <= '~' && line[i] != '\\'));
        at += n + 1;
    }
    return 0;
}
