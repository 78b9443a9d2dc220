/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* finish-args files: which form it is, and the plain form. */
#include "policy/finish_args.h"

#include "policy/options.h"
#include "policy/read.h"
#include "util/str.h"

#include <string.h>

char fa_peek(const struct finish_args *f)
{
    return f->pos < f->size ? f->text[f->pos] : '\0';
}

bool fa_at(const struct finish_args *f, const char *word)
{
    size_t n = strlen(word);
    return f->size - f->pos >= n && memcmp(f->text + f->pos, word, n) == 0;
}

void fa_skip(struct finish_args *f, size_t n)
{
    for (; n > 0 && f->pos < f->size; n--, f->pos++) {
        if (f->text[f->pos] == '\n') {
            f->at.line++;
            f->at.col = 1;
        } else {
            f->at = place_after(f->at, f->text + f->pos, 1);
        }
    }
}

int fa_broken(struct finish_args *f, const char *hint, const char *message)
{
    source_diag(f->s, DIAG_ERROR, f->at, hint, "%s", message);
    return -1;
}

/* An unknown option may be a newer Flatpak's; one that looks misspelt is refused. */
static void unknown_option(struct finish_args *f, const char *arg, struct place at)
{
    const char *near = policy_option_nearest(arg);
    bool option = str_after(arg, "--") != NULL;
    const char *hint = near ? arena_printf(f->s->p->arena, "did you mean --%s?", near)
                            : "a finish-args entry looks like --share=network";
    source_diag(f->s, near || !option ? DIAG_ERROR : DIAG_WARNING, at, hint,
                "\"%s\" is no option%s", arg,
                near || !option ? "" : " that is known; it has no effect");
}

void fa_take(struct finish_args *f, const char *arg, struct place at)
{
    if (f->count == FINISH_ARGS_MAX)
        source_diag(f->s, DIAG_ERROR, at, NULL, "more than %d arguments", FINISH_ARGS_MAX);
    if (f->count++ >= FINISH_ARGS_MAX)
        return;
    if (policy_read_option(f->s, arg, at) == 0)
        unknown_option(f, arg, at);
}

bool fa_put_char(struct buf *out, unsigned cp)
{
    if (cp == 0 || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
        return false;
    if (cp < 0x80) {
        buf_char(out, (char)cp);
        return true;
    }
    int more = cp < 0x800 ? 1 : cp < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    buf_char(out, (char)(lead[more] | cp >> (6 * more)));
    while (more-- > 0)
        buf_char(out, (char)(0x80 | (cp >> (6 * more) & 0x3f)));
    return true;
}

long fa_hex(struct finish_args *f, size_t n)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    long value = 0;
    for (; n > 0; n--) {
        const char *d = fa_peek(f) ? strchr(digits, fa_peek(f)) : NULL;
        if (!d)
            return -1;
        value = value << 4 | ((d - digits) & 15);
        fa_skip(f, 1);
    }
    return value;
}

/* ---- one option a word or line, with quotes as in a shell ---- */

static int plain_quoted(struct finish_args *f, struct buf *out)
{
    struct finish_args start = *f;
    char quote = fa_peek(f);
    fa_skip(f, 1);
    while (fa_peek(f) != quote) {
        if (fa_peek(f) == '\0' || fa_peek(f) == '\n')
            return fa_broken(&start, NULL, "the quote is not closed on its line");
        if (fa_peek(f) == '\\' && quote == '"')
            fa_skip(f, 1);
        if (fa_peek(f))
            buf_char(out, fa_peek(f));
        fa_skip(f, 1);
    }
    fa_skip(f, 1);
    return 0;
}

static int plain_word(struct finish_args *f)
{
    struct place at = f->at;
    struct buf out = {.arena = f->s->p->arena};
    buf_bytes(&out, "", 0);
    while (fa_peek(f) && !strchr(" \t\r\n", fa_peek(f))) {
        char c = fa_peek(f);
        if (c == '"' || c == '\'') {
            if (plain_quoted(f, &out) < 0)
                return -1;
            continue;
        }
        if (c == '\\')
            fa_skip(f, 1);
        if (fa_peek(f))
            buf_char(&out, fa_peek(f));
        fa_skip(f, 1);
    }
    fa_take(f, out.data, at);
    return 0;
}

int fa_read_plain(struct finish_args *f)
{
    while (fa_peek(f)) {
        if (strchr(" \t\r\n", fa_peek(f)) || fa_at(f, "\\\n")) {
            fa_skip(f, fa_peek(f) == '\\' ? 2 : 1);
        } else if (fa_peek(f) == '#') {
            while (fa_peek(f) && fa_peek(f) != '\n')
                fa_skip(f, 1);
        } else if (plain_word(f) < 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- which form ---- */

/* The first byte that is neither blank nor part of a comment of any form; '=' for an option. */
static char first_byte(struct finish_args f)
{
    while (fa_peek(&f)) {
        if (strchr(" \t\r\n", fa_peek(&f))) {
            fa_skip(&f, 1);
        } else if (fa_peek(&f) == '#' || fa_at(&f, "//")) {
            while (fa_peek(&f) && fa_peek(&f) != '\n')
                fa_skip(&f, 1);
        } else if (fa_at(&f, "/*")) {
            while (fa_peek(&f) && !fa_at(&f, "*/"))
                fa_skip(&f, 1);
            fa_skip(&f, 2);
        } else {
            bool option =
                (fa_at(&f, "--") && !fa_at(&f, "---")) || fa_at(&f, "\"--") || fa_at(&f, "'--");
            return option ? '=' : fa_peek(&f);
        }
    }
    return '\0';
}

void policy_merge_finish_args(struct policy *p, const char *name, const char *text, size_t size,
                              struct diags *d)
{
    struct source s = {.p = p, .d = d, .rank = POLICY_RANK_OPTIONS};
    name = arena_strdup(p->arena, name);
    struct finish_args f = {
        .s = &s, .text = text, .size = size, .at = {.file = name, .line = 1, .col = 1}};
    if (!source_text_ok(&s, name, text, size))
        return;
    char first = first_byte(f);
    if (first == '\0')
        fa_broken(&f, "give a manifest, or options such as --share=network",
                  "there is nothing in it");
    else if (first == '{' || first == '[')
        fa_read_json(&f);
    else if (first == '=')
        fa_read_plain(&f);
    else
        fa_read_yaml(&f);
}
