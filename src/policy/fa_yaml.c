/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * finish-args from a YAML manifest. Of YAML 1.2 just what such lists are written in: the top
 * level's "finish-args:" with a block list (at any indentation) or a flow list, items plain, in
 * single or in double quotes, plain ones also folded over lines, comments. Anchors, tags and block
 * scalars are refused rather than guessed at. A file that is nothing but such a block list will do
 * as well.
 */
#include "policy/finish_args.h"

#include "util/str.h"

#include <string.h>

static void skip_blanks(struct finish_args *f)
{
    while (fa_peek(f) == ' ' || fa_peek(f) == '\t')
        fa_skip(f, 1);
}

static void skip_line(struct finish_args *f)
{
    while (fa_peek(f) && fa_peek(f) != '\n')
        fa_skip(f, 1);
    fa_skip(f, 1);
}

static bool at_line_end(const struct finish_args *f)
{
    return fa_peek(f) == '\0' || fa_peek(f) == '\n' || fa_at(f, "\r\n");
}

/* Takes blanks and a comment; an error when something else is left on the line. */
static int end_line(struct finish_args *f)
{
    struct finish_args start = *f;
    skip_blanks(f);
    if (!at_line_end(f) && !(fa_peek(f) == '#' && f->pos != start.pos))
        return fa_broken(f, "put the whole entry in quotes", "there is text behind the entry");
    skip_line(f);
    return 0;
}

static int hex_escape(struct finish_args *f, struct buf *out, size_t digits)
{
    long cp = fa_hex(f, digits);
    if (cp < 0 || !fa_put_char(out, (unsigned)cp))
        return fa_broken(f, NULL, "there is a bad escape in the string");
    return 0;
}

static int double_escape(struct finish_args *f, struct buf *out)
{
    static const char from[] = "\"\\/ntr e\t", to[] = "\"\\/\n\t\r \x1b\t";
    fa_skip(f, 1);
    char c = fa_peek(f);
    const char *at = c ? strchr(from, c) : NULL;
    fa_skip(f, 1);
    if (c == 'x' || c == 'u' || c == 'U')
        return hex_escape(f, out, c == 'x' ? 2 : c == 'u' ? 4 : 8);
    if (!at)
        return fa_broken(f, NULL, "there is an unknown escape in the string");
    buf_char(out, to[at - from]);
    return 0;
}

static int quoted(struct finish_args *f, struct buf *out)
{
    struct finish_args start = *f;
    char quote = fa_peek(f);
    fa_skip(f, 1);
    for (;;) {
        char c = fa_peek(f);
        if (c == '\0' || c == '\n')
            return fa_broken(&start, "write it on one line", "the quote is not closed on its line");
        if (c == '\\' && quote == '"') {
            if (double_escape(f, out) < 0)
                return -1;
            continue;
        }
        fa_skip(f, 1);
        if (c == quote && !(quote == '\'' && fa_peek(f) == quote))
            return 0;
        if (c == quote)
            fa_skip(f, 1);
        buf_char(out, c);
    }
}

/* A plain scalar up to the end of the line, a comment, or (in a flow list) one of ",]". */
static int plain(struct finish_args *f, struct buf *out, bool flow)
{
    size_t kept = 0;
    if (fa_peek(f) && strchr("&*!|>%@`{}[", fa_peek(f)))
        return fa_broken(f, "put the entry in quotes", "this form of YAML is not understood here");
    while (!at_line_end(f)) {
        char c = fa_peek(f);
        bool blank = c == ' ' || c == '\t';
        if (flow && strchr(",]", c))
            break;
        if (c == '#' && kept < out->len)
            break;
        if (c == ':' && (fa_at(f, ": ") || fa_at(f, ":\n") || f->pos + 1 == f->size))
            return fa_broken(f, "put the entry in quotes", "a ':' before a blank makes a mapping");
        buf_char(out, c);
        if (!blank)
            kept = out->len;
        fa_skip(f, 1);
    }
    out->len = kept;
    if (out->data)
        out->data[kept] = '\0';
    return 0;
}

/* Blanks at the beginning of the line. */
static size_t indentation(const struct finish_args *f)
{
    size_t n = 0;
    while (f->pos + n < f->size && f->text[f->pos + n] == ' ')
        n++;
    return n;
}

/* Folds the lines behind a plain item that are indented deeper than its '-'. */
static int continuation(struct finish_args *f, struct buf *out, size_t dash)
{
    for (;;) {
        struct finish_args line = *f;
        size_t n = indentation(f);
        fa_skip(&line, n);
        if (n <= dash || at_line_end(&line) || fa_peek(&line) == '#')
            return 0;
        *f = line;
        if (out->len)
            buf_char(out, ' ');
        struct buf part = {.arena = out->arena};
        if (plain(f, &part, false) < 0)
            return -1;
        if (part.len)
            buf_bytes(out, part.data, part.len);
        skip_line(f);
    }
}

static int block_item(struct finish_args *f, size_t dash)
{
    struct buf out = {.arena = f->s->p->arena};
    buf_bytes(&out, "", 0);
    fa_skip(f, 1);
    skip_blanks(f);
    struct place at = f->at;
    if (fa_peek(f) == '"' || fa_peek(f) == '\'') {
        if (quoted(f, &out) < 0 || end_line(f) < 0)
            return -1;
    } else {
        if (fa_peek(f) != '#' && plain(f, &out, false) < 0)
            return -1;
        skip_line(f);
        if (continuation(f, &out, dash) < 0)
            return -1;
    }
    if (out.len == 0) {
        source_diag(f->s, DIAG_ERROR, at, NULL, "the list has an empty entry");
        return -1;
    }
    fa_take(f, out.data, at);
    return 0;
}

/* The list's lines, from the beginning of a line on. */
static int block_list(struct finish_args *f)
{
    size_t dash = 0;
    bool any = false;
    while (fa_peek(f)) {
        struct finish_args line = *f;
        size_t n = indentation(f);
        fa_skip(&line, n);
        if (at_line_end(&line) || fa_peek(&line) == '#') {
            skip_line(f);
            continue;
        }
        if (fa_peek(&line) == '\t')
            return fa_broken(&line, "indent with blanks", "YAML is not indented with tabs");
        bool item = fa_at(&line, "- ") || fa_at(&line, "-\n") || fa_at(&line, "-\t");
        if (!item && (n == 0 || (any && n < dash)))
            return 0;
        if (!item)
            return fa_broken(&line, "each entry begins with \"- \"", "this is no entry of a list");
        if (any && n != dash)
            return fa_broken(&line, "indent all entries alike",
                             "the entry is indented differently from the one before");
        any = true;
        dash = n;
        *f = line;
        if (block_item(f, dash) < 0)
            return -1;
    }
    return 0;
}

static void skip_flow_space(struct finish_args *f)
{
    for (;;) {
        bool blank = f->pos > 0 && strchr(" \t\n", f->text[f->pos - 1]);
        if (fa_peek(f) && strchr(" \t\r\n", fa_peek(f)))
            fa_skip(f, 1);
        else if (fa_peek(f) == '#' && blank)
            skip_line(f);
        else
            return;
    }
}

static int flow_list(struct finish_args *f)
{
    fa_skip(f, 1);
    for (;;) {
        struct buf out = {.arena = f->s->p->arena};
        buf_bytes(&out, "", 0);
        skip_flow_space(f);
        if (fa_peek(f) == ']') {
            fa_skip(f, 1);
            return end_line(f);
        }
        struct place at = f->at;
        bool quote = fa_peek(f) == '"' || fa_peek(f) == '\'';
        if ((quote ? quoted(f, &out) : plain(f, &out, true)) < 0)
            return -1;
        if (out.len == 0)
            return fa_broken(f, NULL, "the list is not closed, or has an empty entry");
        fa_take(f, out.data, at);
        skip_flow_space(f);
        if (fa_peek(f) == ',')
            fa_skip(f, 1);
        else if (fa_peek(f) != ']')
            return fa_broken(f, NULL, "a ',' or ']' should stand here");
    }
}

/* Whether the line at the cursor is the key; the cursor is then behind its ':'. */
static bool take_key(struct finish_args *f)
{
    static const char *const keys[] = {"finish-args", "\"finish-args\"", "'finish-args'"};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        struct finish_args line = *f;
        if (!fa_at(f, keys[i]))
            continue;
        fa_skip(&line, strlen(keys[i]));
        skip_blanks(&line);
        if (fa_peek(&line) != ':')
            continue;
        fa_skip(&line, 1);
        *f = line;
        return true;
    }
    return false;
}

static int read_value(struct finish_args *f)
{
    skip_blanks(f);
    if (fa_peek(f) == '[')
        return flow_list(f);
    if (!at_line_end(f) && fa_peek(f) != '#')
        return fa_broken(f, "write the entries below it, each on a line that begins with \"- \"",
                         "finish-args is no list");
    skip_line(f);
    return block_list(f);
}

int fa_read_yaml(struct finish_args *f)
{
    bool first = true;
    while (fa_peek(f)) {
        if (take_key(f))
            return read_value(f);
        if (first && fa_at(f, "- "))
            return block_list(f);
        first = first && (at_line_end(f) || fa_peek(f) == '#' || fa_at(f, "---"));
        skip_line(f);
    }
    return fa_broken(f, "give a manifest with finish-args, or options such as --share=network",
                     "there are no finish-args in it");
}
