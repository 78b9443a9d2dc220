/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * finish-args from a JSON manifest (RFC 8259; comments as json-glib and flatpak-builder take them,
 * and a comma behind a last element). Only the top level's "finish-args" is used; a file that is
 * nothing but such a list will do as well.
 */
#include "policy/finish_args.h"

#include "util/str.h"

#include <string.h>

#define MAX_DEPTH 64

static int skip_space(struct finish_args *f)
{
    for (;;) {
        if (fa_peek(f) && strchr(" \t\r\n", fa_peek(f))) {
            fa_skip(f, 1);
        } else if (fa_at(f, "//")) {
            while (fa_peek(f) && fa_peek(f) != '\n')
                fa_skip(f, 1);
        } else if (fa_at(f, "/*")) {
            struct finish_args start = *f;
            while (fa_peek(f) && !fa_at(f, "*/"))
                fa_skip(f, 1);
            if (!fa_peek(f))
                return fa_broken(&start, NULL, "the comment is not closed");
            fa_skip(f, 2);
        } else {
            return 0;
        }
    }
}

static int unicode_escape(struct finish_args *f, struct buf *out)
{
    long cp = fa_hex(f, 4);
    if (cp >= 0xd800 && cp < 0xdc00 && fa_at(f, "\\u")) {
        fa_skip(f, 2);
        long low = fa_hex(f, 4);
        cp = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00) : -1;
    }
    if (cp < 0 || !fa_put_char(out, (unsigned)cp))
        return fa_broken(f, NULL, "there is a bad \\u escape in the string");
    return 0;
}

static int escape(struct finish_args *f, struct buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    fa_skip(f, 1);
    if (fa_peek(f) == 'u') {
        fa_skip(f, 1);
        return unicode_escape(f, out);
    }
    const char *at = fa_peek(f) ? strchr(from, fa_peek(f)) : NULL;
    if (!at)
        return fa_broken(f, NULL, "there is an unknown escape in the string");
    buf_char(out, to[at - from]);
    fa_skip(f, 1);
    return 0;
}

static int read_string(struct finish_args *f, struct buf *out)
{
    struct finish_args start = *f;
    if (fa_peek(f) != '"')
        return fa_broken(f, NULL, "a string in double quotes should stand here");
    fa_skip(f, 1);
    buf_bytes(out, "", 0);
    while (fa_peek(f) != '"') {
        if (fa_peek(f) == '\0' || fa_peek(f) == '\n')
            return fa_broken(&start, NULL, "the string is not closed on its line");
        if (fa_peek(f) == '\\') {
            if (escape(f, out) < 0)
                return -1;
            continue;
        }
        buf_char(out, fa_peek(f));
        fa_skip(f, 1);
    }
    fa_skip(f, 1);
    return 0;
}

static int read_list(struct finish_args *f)
{
    fa_skip(f, 1);
    for (;;) {
        struct buf arg = {.arena = f->s->p->arena};
        if (skip_space(f) < 0)
            return -1;
        if (fa_peek(f) == ']') {
            fa_skip(f, 1);
            return 0;
        }
        struct place at = f->at;
        if (read_string(f, &arg) < 0)
            return -1;
        fa_take(f, arg.data, at);
        if (skip_space(f) < 0)
            return -1;
        if (fa_peek(f) == ',')
            fa_skip(f, 1);
        else if (fa_peek(f) != ']')
            return fa_broken(f, NULL, "a ',' or ']' should stand here");
    }
}

/*
 * Passes over one value. Brackets are only counted, with their kinds kept on a stack: what is in
 * the rest of a manifest is not ours to judge.
 */
static int skip_value(struct finish_args *f)
{
    char stack[MAX_DEPTH];
    size_t depth = 0;
    do {
        char c;
        if (skip_space(f) < 0)
            return -1;
        c = fa_peek(f);
        if (c == '"') {
            struct buf scrap = {.arena = f->s->p->arena};
            if (read_string(f, &scrap) < 0)
                return -1;
        } else if (c == '{' || c == '[') {
            if (depth == MAX_DEPTH)
                return fa_broken(f, NULL, "the manifest is nested too deeply");
            stack[depth++] = c == '{' ? '}' : ']';
            fa_skip(f, 1);
        } else if (depth && c == stack[depth - 1]) {
            depth--;
            fa_skip(f, 1);
        } else if (depth && (c == ',' || c == ':')) {
            fa_skip(f, 1);
        } else {
            size_t n = 0;
            while (f->pos + n < f->size && !strchr(" \t\r\n,:{}[]\"/", f->text[f->pos + n]))
                n++;
            if (n == 0)
                return fa_broken(f, NULL, "a JSON value should stand here");
            fa_skip(f, n);
        }
    } while (depth);
    return 0;
}

static int read_member(struct finish_args *f, bool *found)
{
    struct buf key = {.arena = f->s->p->arena};
    if (read_string(f, &key) < 0 || skip_space(f) < 0)
        return -1;
    if (fa_peek(f) != ':')
        return fa_broken(f, NULL, "a ':' should stand here");
    fa_skip(f, 1);
    if (skip_space(f) < 0)
        return -1;
    if (!str_eq(key.data, "finish-args"))
        return skip_value(f);
    *found = true;
    if (fa_peek(f) != '[')
        return fa_broken(f, "write \"finish-args\": [\"--share=network\", …]",
                         "finish-args is no list");
    return read_list(f);
}

static int read_manifest(struct finish_args *f)
{
    bool found = false;
    fa_skip(f, 1);
    for (;;) {
        if (skip_space(f) < 0)
            return -1;
        if (fa_peek(f) == '}')
            break;
        if (read_member(f, &found) < 0 || skip_space(f) < 0)
            return -1;
        if (fa_peek(f) == ',')
            fa_skip(f, 1);
        else if (fa_peek(f) != '}')
            return fa_broken(f, NULL, "a ',' or '}' should stand here");
    }
    fa_skip(f, 1);
    if (!found)
        return fa_broken(f, "is this the right file?",
                         "there is no \"finish-args\" in the manifest");
    return 0;
}

int fa_read_json(struct finish_args *f)
{
    if (skip_space(f) < 0)
        return -1;
    int r = fa_peek(f) == '[' ? read_list(f) : read_manifest(f);
    if (r < 0 || skip_space(f) < 0)
        return -1;
    return fa_peek(f) ? fa_broken(f, NULL, "there is text behind the manifest") : 0;
}
