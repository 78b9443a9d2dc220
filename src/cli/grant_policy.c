/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel grant --always: one more word in the person's own policy of an app. */
#include "cli/grant.h"

#include "util/file.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A key file cannot hold these, and a list parts at ';'. */
static bool can_be_written(const char *path)
{
    for (const unsigned char *p = (const unsigned char *)path; *p; p++)
        if (*p < 0x20 || *p == 0x7f || *p == ';')
            return false;
    return true;
}

/* Whether a line is the header [Context]; *other: another header. */
static bool is_context(const char *line, size_t n, bool *other)
{
    static const char header[] = "[Context]";
    *other = n > 0 && line[0] == '[';
    return n >= sizeof header - 1 && strncmp(line, header, sizeof header - 1) == 0;
}

/* The text with the word added to filesystems= of the group [Context], which is made if it is not
 * there. Nothing else changes, comments neither. */
static void add_word(const char *text, size_t size, const char *word, struct buf *out)
{
    bool in_context = false, done = false, other;
    for (size_t i = 0, n; i < size; i += n + 1) {
        const char *line = text + i, *end = memchr(line, '\n', size - i);
        n = end ? (size_t)(end - line) : size - i;
        bool header = is_context(line, n, &other);
        const char *rest = str_after(line, "filesystems");
        size_t blanks = rest ? strspn(rest, " \t") : 0;
        bool key = in_context && rest && rest[blanks] == '=';
        buf_bytes(out, line, n);
        while (key && out->len && strchr(" \t\r", out->data[out->len - 1]))
            out->len--;
        if (key && !done)
            buf_printf(out, "%s%s;",
                       out->data[out->len - 1] == ';' || n == strlen("filesystems=") ? "" : ";",
                       word);
        done |= key;
        buf_char(out, '\n');
        in_context = header || (in_context && !other);
    }
    if (done)
        return;
    buf_printf(out, "%s[Context]\nfilesystems=%s;\n", size ? "\n" : "", word);
}

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

/* Beside its place, then renamed: there is never half a policy. */
static int replace(struct cli *c, const char *dir, const char *name, const struct buf *text)
{
    const char *staged = arena_printf(&c->arena, ".%s.new", name);
    cleanup_fd int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at >= 0)
        unlinkat(at, staged, 0);
    cleanup_fd int fd =
        at < 0 ? -1
               : openat(at, staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : file_write_all(fd, text->data, text->len);
    if (r == 0 && renameat(at, staged, at, name) < 0)
        r = -errno;
    return r == 0 ? 0 : cli_fail(c, NULL, "cannot write %s/%s: %s", dir, name, strerror(-r));
}

int grant_always(struct cli *c, const char *app, const struct granted *g)
{
    struct buf old = {.arena = &c->arena}, text = {.arena = &c->arena};
    struct policy check = {.arena = &c->arena, .app_id = "", .command = ""};
    struct fs_grant word = {.base = FS_PATH, .sub = g->path, .mode = g->rw ? FS_RW : FS_RO};
    const char *dir = c->catalog.layers[LAYER_USER];
    const char *name = arena_printf(&c->arena, "%s.policy", app);
    const char *path = arena_printf(&c->arena, "%s/%s", dir, name);
    if (!can_be_written(g->path))
        return cli_fail(c, "grant the folder that it lies in",
                        "no policy can hold this path, with its control character or semicolon");
    int r = file_read(path, POLICY_MAX_BYTES, &old);
    if (r < 0 && r != -ENOENT)
        return cli_fail(c, NULL, "cannot read %s: %s", path, strerror(-r));
    add_word(old.data ? old.data : "", old.len, fs_grant_text(&c->arena, &word), &text);
    policy_merge_text(&check, LAYER_USER, path, text.data, text.len, &c->diags);
    if (c->diags.errors)
        return cli_fail(c, "mend it first: carrel check", "nothing was added to %s", path);
    r = make_folders(c, dir);
    return r ? r : replace(c, dir, name, &text);
}
