/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel grant --always: one more word in the person's own policy of an app. */
#include "cli/grant.h"

#include "policy/keyfile.h"
#include "util/file.h"
#include "util/str.h"
#include "util/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A line of a key file holds UTF-8, and no control character. */
static bool can_be_written(const char *path)
{
    size_t n = strlen(path), length;
    for (uint32_t cp; n; path += length, n -= length)
        if (!(length = utf8_decode(path, n, &cp)) || !utf8_safe(cp))
            return false;
    return true;
}

/* ---- the place in the text ---- */

/* Where the word goes, before text[at]; what stands up to text[rest] is left out. */
struct spot {
    enum { AT_END, BELOW_HEADER, IN_LIST } kind;
    size_t at, rest;
    size_t line; /* IN_LIST: where that line begins */
    bool joins;  /* in a list whose last item has no ';' behind it */
};

/* The length without blanks, and the end of a line of DOS, behind it. */
static size_t trimmed(const char *line, size_t n)
{
    while (n && strchr(" \t\r", line[n - 1]))
        n--;
    return n;
}

/* The value of KEY= in a line without blanks at its ends, or NULL. */
static const char *value_in(const char *line, size_t n, const char *key)
{
    size_t i = strlen(key);
    if (n < i || memcmp(line, key, i) != 0)
        return NULL;
    while (i < n && (line[i] == ' ' || line[i] == '\t'))
        i++;
    return i < n && line[i] == '=' ? line + i + 1 : NULL;
}

static bool ends_in_item(struct arena *a, const char *value, size_t n)
{
    const char *text = arena_strndup(a, value, n);
    while (*(text += strspn(text, " \t"))) {
        size_t length = kf_item_length(text);
        if (!text[length])
            return true;
        text += length + 1;
    }
    return false;
}

struct line {
    size_t start, at, n; /* from at on n bytes without blanks at the ends */
    size_t end, next;    /* where it ends, and where the next one begins */
};

/* Begins with {.next = 0}. */
static bool next_line(const char *text, size_t size, struct line *l)
{
    if (l->next >= size)
        return false;
    l->start = l->at = l->next;
    const char *newline = memchr(text + l->start, '\n', size - l->start);
    l->end = newline ? (size_t)(newline - text) : size;
    l->next = l->end + (newline != NULL);
    while (l->at < l->end && (text[l->at] == ' ' || text[l->at] == '\t'))
        l->at++;
    l->n = trimmed(text + l->at, l->end - l->at);
    return true;
}

/* A header opens its group, or ends it. */
static bool is_header(const char *text, const struct line *l, const char *header, bool *in_group)
{
    if (!l->n || text[l->at] != '[')
        return false;
    *in_group = l->n == strlen(header) && memcmp(text + l->at, header, l->n) == 0;
    return true;
}

/* Of two keys the later one counts, so it is the last one that is sought. */
static struct spot find_spot(struct arena *a, const char *text, size_t size, const char *header,
                             const char *key)
{
    struct spot s = {AT_END, size, size, size, false};
    bool in_group = false;
    for (struct line l = {.next = 0}; next_line(text, size, &l);) {
        const char *list = in_group ? value_in(text + l.at, l.n, key) : NULL;
        bool opens = is_header(text, &l, header, &in_group) && in_group;
        if (list)
            s = (struct spot){IN_LIST, l.at + l.n, l.end, l.at,
                              ends_in_item(a, list, (size_t)(text + l.at + l.n - list))};
        else if (opens && s.kind != IN_LIST)
            s = (struct spot){BELOW_HEADER, l.next, l.next, 0, false};
    }
    return s;
}

/* What stands before a new line, up to it. */
static void put_before(const struct spot *s, const char *text, const char *header, struct buf *out)
{
    buf_bytes(out, text, s->at);
    if (s->at && text[s->at - 1] != '\n')
        buf_char(out, '\n');
    if (s->kind == AT_END)
        buf_printf(out, "%s%s\n", s->at ? "\n" : "", header);
}

void grant_set_key(const char *text, size_t size, const char *group, const char *key,
                   const char *value, struct buf *out)
{
    const char *header = arena_printf(out->arena, "[%s]", group);
    const struct spot s = find_spot(out->arena, text, size, header, key);
    if (s.kind == IN_LIST)
        buf_bytes(out, text, s.line);
    else
        put_before(&s, text, header, out);
    buf_printf(out, "%s=%s%s", key, value, s.kind == IN_LIST ? "" : "\n");
    buf_bytes(out, text + s.rest, size - s.rest);
}

void grant_add_word(const char *text, size_t size, const char *word, struct buf *out)
{
    const char *header = "[Context]";
    const struct spot s = find_spot(out->arena, text, size, header, "filesystems");
    if (s.kind == IN_LIST)
        buf_bytes(out, text, s.at);
    else
        put_before(&s, text, header, out);
    buf_str(out, s.kind != IN_LIST ? "filesystems=" : s.joins ? ";" : "");
    kf_escape(out, word, true);
    buf_str(out, s.kind == IN_LIST ? ";" : ";\n");
    buf_bytes(out, text + s.rest, size - s.rest);
}

/* ---- what is taken out ---- */

bool grant_is_path(struct arena *a, const struct fs_grant *g, const char *home, const char *path)
{
    const char *is = g->base == FS_PATH        ? g->sub
                     : g->base != FS_HOME_PATH ? NULL
                                               : arena_printf(a, "%s/%s", home, g->sub);
    return g->mode != FS_NONE && is && str_eq(is, path);
}

/* Whether a list's item, as it stands in the file, grants this path. */
static bool grants_path(struct arena *a, const char *item, size_t n, const char *home,
                        const char *path)
{
    struct diags unused = {.arena = a};
    struct policy p = {.arena = a, .app_id = "", .command = ""};
    const char *text = arena_printf(a, "[Context]\nfilesystems=%.*s;\n", (int)n, item);
    policy_merge_text(&p, LAYER_USER, "item", text, strlen(text), &unused);
    return p.n_filesystems == 1 && grant_is_path(a, &p.filesystems[0], home, path);
}

void grant_drop_path(const char *text, size_t size, const char *home, const char *path,
                     struct buf *out)
{
    bool in_group = false, again = false;
    for (struct line l = {.next = 0}; next_line(text, size, &l);) {
        const char *list = in_group ? value_in(text + l.at, l.n, "filesystems") : NULL;
        struct buf kept = {.arena = out->arena};
        bool goes = false;
        is_header(text, &l, "[Context]", &in_group);
        const char *item =
            list ? arena_strndup(out->arena, list, (size_t)(text + l.at + l.n - list)) : "";
        for (size_t n; *item; item += n + (item[n] == ';')) {
            n = kf_item_length(item);
            if (grants_path(out->arena, item, n, home, path))
                goes = true;
            else if (n)
                buf_printf(&kept, "%.*s;", (int)n, item);
        }
        if (!goes)
            buf_bytes(out, text + l.start, l.next - l.start);
        else if (kept.len || again) /* an earlier line would count without this one */
            buf_printf(out, "filesystems=%s%.*s", kept.len ? kept.data : "",
                       (int)(l.next - l.at - l.n), text + l.at + l.n);
        again |= list != NULL;
    }
}

void grant_drop_key(const char *text, size_t size, const char *group, const char *key,
                    struct buf *out)
{
    const char *header = arena_printf(out->arena, "[%s]", group);
    bool in_group = false;
    for (struct line l = {.next = 0}; next_line(text, size, &l);) {
        bool goes = in_group && value_in(text + l.at, l.n, key);
        is_header(text, &l, header, &in_group);
        if (!goes)
            buf_bytes(out, text + l.start, l.next - l.start);
    }
}

/* Whether a policy says nothing, in no comment either. */
static bool is_bare(const struct buf *text)
{
    for (struct line l = {.next = 0}; next_line(text->data, text->len, &l);)
        if (l.n && text->data[l.at] != '[')
            return false;
    return true;
}

/* ---- the file ---- */

static int make_folders(struct cli *c, const char *dir)
{
    for (const char *slash = strchr(dir + 1, '/');; slash = strchr(slash + 1, '/')) {
        const char *part = slash ? arena_strndup(&c->arena, dir, (size_t)(slash - dir)) : dir;
        if (mkdir(part, 0700) < 0 && errno != EEXIST)
            return cli_fail(c, NULL, "cannot make %s: %s", part, strerror(errno));
        if (!slash)
            return 0;
    }
}

static int not_written(struct cli *c, const char *path, int error)
{
    return cli_fail(c, NULL, "cannot write %s: %s", path, strerror(error));
}

int grant_change(struct cli *c, const char *app, grant_editor *edit, const void *what)
{
    struct buf old = {.arena = &c->arena}, text = {.arena = &c->arena};
    struct policy check = {.arena = &c->arena, .app_id = "", .command = ""};
    struct stat st;
    const char *dir = c->catalog.layers[LAYER_USER];
    const char *name = arena_printf(&c->arena, "%s.policy", app);
    const char *path = arena_printf(&c->arena, "%s/%s", dir, name);
    int r = make_folders(c, dir);
    if (r)
        return r;
    /* Somebody who keeps policies elsewhere has left a link here, which stays one. */
    const char *real = file_real(&c->arena, path);
    const char *slash = real ? strrchr(real, '/') : NULL;
    if (slash) {
        dir = arena_strndup(&c->arena, real, (size_t)(slash - real));
        name = slash + 1;
    }
    cleanup_fd int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r = folder < 0 ? -errno : file_lock(folder);
    if (r < 0)
        return not_written(c, path, -r);
    r = file_read(path, POLICY_MAX_BYTES, &old);
    if (r < 0 && r != -ENOENT)
        return cli_fail(c, NULL, "cannot read %s: %s", path, strerror(-r));
    edit(old.data ? old.data : "", old.len, what, &text);
    policy_merge_text(&check, LAYER_USER, path, text.data, text.len, &c->diags);
    if (c->diags.errors)
        return cli_fail(c, "mend it first: carrel check", "%s stays as it is", path);
    if (text.len == old.len && (!text.len || memcmp(text.data, old.data, text.len) == 0))
        return 0;
    /* An app with an empty policy is another than one without any; a link is not ours to take. */
    if (is_bare(&text) && lstat(path, &st) == 0 && S_ISREG(st.st_mode))
        return unlinkat(folder, name, 0) == 0 ? 0 : not_written(c, path, errno);
    r = file_replace(folder, arena_printf(&c->arena, ".%s.new", name), name, 0600, text.data,
                     text.len);
    return r == 0 ? 0 : not_written(c, path, -r);
}

static void add_path(const char *text, size_t size, const void *what, struct buf *out)
{
    const struct granted *g = what;
    struct fs_grant word = {.base = FS_PATH, .sub = g->path, .mode = g->rw ? FS_RW : FS_RO};
    grant_add_word(text, size, fs_grant_text(out->arena, &word), out);
}

int grant_always(struct cli *c, const char *app, const struct granted *g)
{
    if (!can_be_written(g->path))
        return cli_fail(
            c, "grant the folder that it lies in",
            "no policy can hold this path, with a control character or what is no UTF-8");
    return grant_change(c, app, add_path, g);
}
