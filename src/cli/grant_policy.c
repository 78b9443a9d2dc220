/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel grant --always: one more word in the person's own policy of an app. */
#include "cli/grant.h"

#include "policy/keyfile.h"
#include "util/file.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A line of a key file holds no control character. */
static bool can_be_written(const char *path)
{
    for (const unsigned char *p = (const unsigned char *)path; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
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

/* Of two keys the later one counts, so it is the last one that is sought. */
static struct spot find_spot(struct arena *a, const char *text, size_t size, const char *header,
                             const char *key)
{
    struct spot s = {AT_END, size, size, size, false};
    bool in_group = false;
    for (size_t i = 0, end; i < size; i = end + 1) {
        const char *newline = memchr(text + i, '\n', size - i);
        end = newline ? (size_t)(newline - text) : size;
        while (i < end && (text[i] == ' ' || text[i] == '\t'))
            i++;
        size_t n = trimmed(text + i, end - i);
        const char *list = in_group ? value_in(text + i, n, key) : NULL;
        if (n && text[i] == '[')
            in_group = n == strlen(header) && memcmp(text + i, header, n) == 0;
        if (list)
            s = (struct spot){IN_LIST, i + n, end, i,
                              ends_in_item(a, list, (size_t)(text + i + n - list))};
        else if (n && text[i] == '[' && in_group && s.kind != IN_LIST)
            s = (struct spot){BELOW_HEADER, newline ? end + 1 : end, newline ? end + 1 : end, 0,
                              false};
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
        return cli_fail(c, "mend it first: carrel check", "nothing was added to %s", path);
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
        return cli_fail(c, "grant the folder that it lies in",
                        "no policy can hold this path, with its control character");
    return grant_change(c, app, add_path, g);
}
