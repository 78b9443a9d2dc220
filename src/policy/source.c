/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/source.h"

#include "util/utf8.h"

#include <stdarg.h>
#include <string.h>

void source_diag(struct source *s, enum severity severity, struct place at, const char *hint,
                 const char *fmt, ...)
{
    if (s->shown[severity] > SOURCE_MAX_SHOWN)
        return;
    if (s->shown[severity]++ == SOURCE_MAX_SHOWN) {
        diag_add(s->d, severity, (struct place){.file = at.file}, NULL,
                 "more than %d problems of this kind; the rest is not shown", SOURCE_MAX_SHOWN);
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    const char *message = arena_vprintf(s->d->arena, fmt, ap);
    va_end(ap);
    diag_add(s->d, severity, at, hint, "%s", message);
}

static bool stands_before(struct place a, struct place b)
{
    return a.line != b.line ? a.line < b.line : a.col < b.col;
}

void source_sort_diags(struct diags *d, size_t from)
{
    for (size_t i = from + 1; i < d->n; i++) {
        struct diag g = d->v[i];
        size_t k = i;
        for (; k > from && stands_before(g.at, d->v[k - 1].at); k--)
            d->v[k] = d->v[k - 1];
        d->v[k] = g;
    }
}

/* The place of the byte at offset, which lies in text whose bytes before it are valid UTF-8. */
static struct place place_at(const char *name, const char *text, size_t offset)
{
    struct place at = {.file = name, .line = 1, .col = 1};
    size_t line_start = 0;
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            at.line++;
            line_start = i + 1;
        }
    }
    return place_after(at, text + line_start, offset - line_start);
}

bool source_text_ok(struct source *s, const char *name, const char *text, size_t size)
{
    if (size > POLICY_MAX_BYTES) {
        source_diag(s, DIAG_ERROR, (struct place){.file = name}, "is this really a policy?",
                    "the file is larger than %u bytes", POLICY_MAX_BYTES);
        return false;
    }
    for (size_t i = 0; i < size;) {
        uint32_t cp;
        size_t len = utf8_decode(text + i, size - i, &cp);
        if (len == 0) {
            source_diag(s, DIAG_ERROR, place_at(name, text, i),
                        "policies are UTF-8 text; convert the file with iconv(1)",
                        "the byte 0x%02x is not UTF-8", (unsigned char)text[i]);
            return false;
        }
        if (cp == 0 || (cp == 0xfeff && i == 0)) {
            source_diag(s, DIAG_ERROR, place_at(name, text, i),
                        cp ? "save the file without one" : "is this really a text file?",
                        cp ? "the file begins with a byte order mark" : "there is a NUL byte");
            return false;
        }
        i += len;
    }
    return true;
}

struct place place_after(struct place at, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        at.col +=
            at.line > 0 && ((unsigned char)text[i] & 0xc0) != 0x80; /* else an argument's number */
    return at;
}

const char *unsafe_char(const char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t len = utf8_decode(s + i, n - i, &cp);
        if (len == 0 || !utf8_safe(cp))
            return s + i;
        i += len;
    }
    return NULL;
}
