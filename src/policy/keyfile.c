/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/keyfile.h"

#include "util/str.h"

#include <string.h>

struct reader {
    struct keyfile *k;
    struct source *s;
    struct kf_group *group; /* NULL: before the first, or below a malformed header */
    bool seen_header;
    size_t entries;
    bool full;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes blanks off both ends of the *n bytes at *s; returns how many were taken off the end. */
static size_t trim(const char **s, size_t *n)
{
    size_t behind = 0;
    while (*n > 0 && is_blank((*s)[*n - 1])) {
        --*n;
        behind++;
    }
    while (*n > 0 && is_blank(**s)) {
        ++*s;
        --*n;
    }
    return behind;
}

static struct kf_group *find_group(struct keyfile *k, const char *name)
{
    for (size_t i = 0; i < k->n; i++)
        if (str_eq(k->v[i].name, name))
            return &k->v[i];
    return NULL;
}

static void read_header(struct reader *r, const char *line, size_t n, struct place at)
{
    struct arena *a = r->s->p->arena;
    const char *end = memchr(line, ']', n);
    r->seen_header = true;
    r->group = NULL;
    if (!end || end != line + n - 1) {
        source_diag(r->s, DIAG_ERROR, at, "a group is one line: [Name]",
                    end ? "there is text behind the group's ']'" : "the group has no ']'");
        return;
    }
    const char *name = arena_strndup(a, line + 1, n - 2);
    if (*name == '\0' || strchr(name, '[')) {
        source_diag(r->s, DIAG_ERROR, at, "a group is one line: [Name]",
                    "\"%s\" is no name of a group", name);
        return;
    }
    r->group = find_group(r->k, name);
    if (r->group) {
        r->group->again = at;
        return;
    }
    if (r->k->n == KF_MAX_GROUPS) {
        source_diag(r->s, DIAG_ERROR, at, NULL, "more than %d groups", KF_MAX_GROUPS);
        r->full = true;
        return;
    }
    r->k->v = arena_grow(a, r->k->v, r->k->n, &r->k->cap, sizeof *r->k->v);
    r->group = &r->k->v[r->k->n++];
    *r->group = (struct kf_group){.name = name, .at = at};
}

/* Splits "key[locale]" in place. Returns false when it is malformed. */
static bool split_locale(char *key, struct kf_entry *e)
{
    char *open = strchr(key, '[');
    e->key = key;
    if (!open)
        return strchr(key, ']') == NULL;
    size_t n = strlen(open);
    if (open == key || n < 3 || open[n - 1] != ']' || strchr(open + 1, '[') ||
        strchr(open, ']') != open + n - 1)
        return false;
    *open = '\0';
    open[n - 1] = '\0';
    e->locale = open + 1;
    return true;
}

static bool same_key(const struct kf_entry *a, const struct kf_entry *b)
{
    if (!str_eq(a->key, b->key) || !a->locale != !b->locale)
        return false;
    return !a->locale || str_eq(a->locale, b->locale);
}

/* The last entry with a key wins, and stands where the last one stood. */
static void store(struct reader *r, struct kf_entry e)
{
    struct kf_group *g = r->group;
    for (size_t i = 0; i < g->n; i++) {
        if (same_key(&g->v[i], &e)) {
            e.replaces = g->v[i].key_at.line;
            memmove(&g->v[i], &g->v[i + 1], (g->n - i - 1) * sizeof *g->v);
            g->n--;
            break;
        }
    }
    if (r->entries == KF_MAX_ENTRIES) {
        source_diag(r->s, DIAG_ERROR, e.key_at, NULL, "more than %d keys", KF_MAX_ENTRIES);
        r->full = true;
        return;
    }
    r->entries++;
    g->v = arena_grow(r->s->p->arena, g->v, g->n, &g->cap, sizeof *g->v);
    g->v[g->n++] = e;
}

static void read_pair(struct reader *r, const char *line, size_t n, struct place at,
                      const char *equals)
{
    const char *key = line, *value = equals + 1;
    size_t n_key = (size_t)(equals - line), n_value = n - n_key - 1;
    struct kf_entry e = {.key_at = at};
    if (!r->group) {
        if (!r->seen_header)
            source_diag(r->s, DIAG_ERROR, at, "begin the file with a group such as [Context]",
                        "there is a key before the first [group]");
        return;
    }
    trim(&key, &n_key);
    if (n_key == 0 || !split_locale(arena_strndup(r->s->p->arena, key, n_key), &e)) {
        source_diag(r->s, DIAG_ERROR, at, "a line is key=value, key[language]=value or [Group]",
                    "there is no usable key before the '='");
        return;
    }
    size_t behind = trim(&value, &n_value);
    e.at = place_after(at, line, (size_t)(value - line));
    e.value = arena_strndup(r->s->p->arena, value, n_value);
    if (behind && n_value)
        source_diag(r->s, DIAG_WARNING, place_after(at, line, (size_t)(value - line) + n_value),
                    "write \\s for a blank that belongs to the value",
                    "the blank at the end of the line is left out");
    store(r, e);
}

static bool line_is_clean(struct reader *r, const char *line, size_t n, struct place at)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)line[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            source_diag(r->s, DIAG_ERROR, place_after(at, line, i), "is this really a text file?",
                        "the control character 0x%02x has no place here", c);
            return false;
        }
    }
    return true;
}

static void read_line(struct reader *r, const char *line, size_t n, struct place at)
{
    const char *start = line;
    while (n > 0 && is_blank(*line)) {
        line++;
        n--;
    }
    at = place_after(at, start, (size_t)(line - start));
    if (n == 0 || *line == '#' || !line_is_clean(r, line, n, at))
        return;
    if (*line == '[') {
        while (is_blank(line[n - 1]))
            n--;
        read_header(r, line, n, at);
        return;
    }
    const char *equals = memchr(line, '=', n);
    if (equals)
        read_pair(r, line, n, at, equals);
    else
        source_diag(r->s, DIAG_ERROR, at,
                    *line == ';' ? "a comment begins with #"
                                 : "a line is key=value, [Group] or a # comment",
                    "this is neither a key with its value nor a group");
}

void keyfile_read(struct keyfile *k, struct source *s, const char *name, const char *text,
                  size_t size)
{
    struct reader r = {.k = k, .s = s};
    struct place at = {.file = name, .line = 1, .col = 1};
    if (!source_text_ok(s, name, text, size))
        return;
    for (size_t i = 0; i < size && !r.full; at.line++) {
        const char *newline = memchr(text + i, '\n', size - i);
        size_t end = newline ? (size_t)(newline - text) : size, n = end - i;
        if (n > 0 && text[i + n - 1] == '\r')
            n--;
        read_line(&r, text + i, n, at);
        i = end + 1;
    }
}

/* ---- values ---- */

static const char escapes[] = "s n\nt\tr\r\\\\;;";

static char escape_meaning(char c)
{
    for (size_t i = 0; escapes[i]; i += 2)
        if (escapes[i] == c)
            return escapes[i + 1];
    return '\0';
}

size_t kf_unescape(const char *in, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        char c = in[i];
        if (c == '\\') {
            c = i + 1 < n ? escape_meaning(in[i + 1]) : '\0';
            if (c == '\0') {
                *out = '\0';
                return i + 1;
            }
            i++;
        }
        *out++ = c;
    }
    *out = '\0';
    return 0;
}

size_t kf_item_length(const char *value)
{
    size_t i = 0;
    while (value[i] && value[i] != ';')
        i += value[i] == '\\' && value[i + 1] ? 2 : 1;
    return i;
}

static const char *unescaped(struct source *s, const char *text, size_t n, struct place at)
{
    char *out = arena_alloc(s->p->arena, n + 1);
    size_t bad = kf_unescape(text, n, out);
    if (bad == 0)
        return out;
    const char *hint = "known escapes: \\s (blank) \\n \\t \\r \\\\ \\;";
    if (text[bad] == ':')
        hint = "in a key file the '\\' is doubled: write \\\\: for a ':' that belongs to the path";
    at = place_after(at, text, bad - 1);
    if (bad < n)
        source_diag(s, DIAG_ERROR, at, hint, "the escape \"\\%c\" is unknown", text[bad]);
    else
        source_diag(s, DIAG_ERROR, at, hint, "there is a lone '\\' at the end of the value");
    return NULL;
}

const char *kf_string(struct source *s, const char *value, struct place at)
{
    return unescaped(s, value, strlen(value), at);
}

static bool item_ok(struct source *s, const char *text, size_t n, struct place at)
{
    if (*text != '#' || n == 0)
        return n > 0;
    source_diag(s, DIAG_ERROR, at, "give the comment a line of its own",
                "a comment can not stand behind a value");
    return false;
}

size_t kf_list(struct source *s, const char *value, struct place at, struct kf_item **items)
{
    struct kf_item *v = NULL;
    size_t count = 0, cap = 0;
    for (const char *p = value; *p;) {
        size_t length = kf_item_length(p), n = length, step = length + (p[length] == ';');
        const char *text = p;
        trim(&text, &n);
        struct place item_at = place_after(at, p, (size_t)(text - p));
        if (count == KF_MAX_ITEMS) {
            source_diag(s, DIAG_ERROR, item_at, NULL, "more than %d items", KF_MAX_ITEMS);
            break;
        }
        if (item_ok(s, text, n, item_at)) {
            const char *plain = unescaped(s, text, n, item_at);
            if (plain) {
                v = arena_grow(s->p->arena, v, count, &cap, sizeof *v);
                v[count++] = (struct kf_item){.text = plain, .at = item_at};
            }
        }
        at = place_after(at, p, step);
        p += step;
    }
    *items = v;
    return count;
}

void kf_escape(struct buf *out, const char *value, bool in_list)
{
    for (size_t i = 0; value[i]; i++) {
        char c = value[i];
        bool edge = i == 0 || value[i + 1] == '\0';
        if (c == '\n' || c == '\r' || c == '\t' || c == '\\')
            buf_printf(out, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : '\\');
        else if (c == ' ' && edge)
            buf_str(out, "\\s");
        else if (c == ';' && in_list)
            buf_str(out, "\\;");
        else
            buf_char(out, c);
    }
}
