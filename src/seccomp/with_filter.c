/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For the tests and benchmarks: with-filter NAME PROGRAM [ARGUMENT…] runs a program under one of
 * the filters and nothing else; the name "none" under none, by the same way.
 */
#include "seccomp/install.h"
#include "util/str.h"
#include <err.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc < 3)
        errx(125, "usage: with-filter NAME|none PROGRAM [ARGUMENT...]");
    const struct seccomp_filter *f = seccomp_filter_named(argv[1]);
    if (!f && !str_eq(argv[1], "none"))
        errx(125, "%s: no such filter", argv[1]);
    int r = f ? install_filter(f) : 0;
    if (r < 0)
        errx(125, "%s: %s", argv[1], strerror(-r));
    execvp(argv[2], argv + 2);
    err(127, "%s", argv[2]);
}
