/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/diag.h"

#include "util/json.h"
#include "util/utf8.h"

#include <stdarg.h>
#include <string.h>

static const char *const severity_names[] = {
    [DIAG_NOTE] = "note",
    [DIAG_WARNING] = "warning",
    [DIAG_ERROR] = "error",
};

void diag_add(struct diags *d, enum severity severity, struct place at, const char *hint,
              const char *fmt, ...)
{
    d->v = arena_grow(d->arena, d->v, d->n, &d->cap, sizeof *d->v);
    va_list ap;
    va_start(ap, fmt);
    d->v[d->n++] = (struct diag){
        .severity = severity,
        .at = at,
        .message = arena_vprintf(d->arena, fmt, ap),
        .hint = hint && *hint ? arena_strdup(d->arena, hint) : NULL,
    };
    va_end(ap);
    d->errors += severity == DIAG_ERROR;
    d->warnings += severity == DIAG_WARNING;
}

void diag_escape(struct buf *out, const char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t len = utf8_decode(s + i, n - i, &cp);
        if (len && utf8_safe(cp)) {
            buf_bytes(out, s + i, len);
            i += len;
        } else {
            buf_printf(out, "\\x%02x", (unsigned char)s[i]);
            i++;
        }
    }
}

static void place_text(struct buf *out, struct place at)
{
    diag_escape(out, at.file ? at.file : "carrel");
    if (at.line > 0)
        buf_printf(out, ":%d", at.line);
    if (at.line > 0 && at.col > 0)
        buf_printf(out, ":%d", at.col);
    if (at.line <= 0 && at.col > 0)
        buf_printf(out, ", argument %d", at.col);
    buf_str(out, ": ");
}

void diag_text(const struct diags *d, struct buf *out)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct diag *g = &d->v[i];
        place_text(out, g->at);
        buf_printf(out, "%s: ", severity_names[g->severity]);
        diag_escape(out, g->message);
        if (g->hint) {
            buf_str(out, "\n  hint: ");
            diag_escape(out, g->hint);
        }
        buf_char(out, '\n');
    }
}

void diag_json(const struct diags *d, struct buf *out)
{
    struct json j = {.out = out};
    json_array(&j, NULL);
    for (size_t i = 0; i < d->n; i++) {
        const struct diag *g = &d->v[i];
        json_object(&j, NULL);
        json_string(&j, "severity", severity_names[g->severity]);
        if (g->at.file)
            json_string(&j, "file", g->at.file);
        if (g->at.line > 0)
            json_number(&j, "line", g->at.line);
        if (g->at.col > 0)
            json_number(&j, "column", g->at.col);
        json_string(&j, "message", g->message);
        if (g->hint)
            json_string(&j, "hint", g->hint);
        json_end(&j);
    }
    json_end(&j);
}
