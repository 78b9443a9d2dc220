/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

#include "util/file.h"
#include "util/str.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

static const struct place nowhere;

int cli_fail(struct cli *c, const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    diag_add(&c->diags, DIAG_ERROR, nowhere, hint, "%s", arena_vprintf(&c->arena, fmt, ap));
    va_end(ap);
    return EXIT_REFUSED;
}

int cli_print(struct cli *c, const struct buf *text)
{
    int r = 0;
    if (text->len)
        r = c->no_output ? -EBADF : file_write_all(STDOUT_FILENO, text->data, text->len);
    if (r < 0)
        return cli_fail(c, NULL, "cannot write to the standard output: %s", strerror(-r));
    return 0;
}

void cli_print_diags(const struct cli *c, enum severity least)
{
    struct diags chosen = {.arena = c->diags.arena};
    struct buf text = {.arena = c->diags.arena};
    for (size_t i = 0; i < c->diags.n; i++) {
        const struct diag *g = &c->diags.v[i];
        if (g->severity >= least)
            diag_add(&chosen, g->severity, g->at, g->hint, "%s", g->message);
    }
    diag_text(&chosen, &text);
    if (text.len)
        (void)!file_write_all(STDERR_FILENO, text.data, text.len);
}
