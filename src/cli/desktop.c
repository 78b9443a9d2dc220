/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel desktop: makes the menu, the file manager, xdg-open, D-Bus activation and the shell start
 * the confined app. Files of the same names as the system's, in the person's folders, take the
 * place of those: no file of the system is changed, and nothing runs in between.
 */
#include "cli/commands.h"

#include "catalog/desktop.h"
#include "cli/entry.h"
#include "cli/exported.h"
#include "util/file.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static const struct place nowhere;

/* ---- what is in the person's folders ---- */

enum state { FILE_OURS, FILE_OURS_OLD, FILE_MISSING, FILE_FOREIGN };

static enum state state_of(struct cli *c, const struct exported_file *f, const char *id)
{
    struct buf text = {.arena = &c->arena};
    struct stat st;
    const char *path = arena_printf(&c->arena, "%s/%s", own_folder(c, f->folder), f->name);
    if (lstat(path, &st) < 0)
        return errno == ENOENT || errno == ENOTDIR ? FILE_MISSING : FILE_FOREIGN;
    if (!S_ISREG(st.st_mode) || file_read(path, DESKTOP_MAX_BYTES, &text) < 0 ||
        !entry_is_ours(text.data ? text.data : "", text.len, id, NULL, NULL))
        return FILE_FOREIGN;
    return text.len == f->text.len && memcmp(text.data, f->text.data, text.len) == 0
               ? FILE_OURS
               : FILE_OURS_OLD;
}

/* mkdir -p: these folders are the person's own, and may be links as they like. */
static int make_folder(struct cli *c, const char *path)
{
    char *copy = arena_strdup(&c->arena, path);
    for (char *p = copy + 1;; p++) {
        if (*p && *p != '/')
            continue;
        char end = *p;
        *p = '\0';
        if (mkdir(copy, 0755) < 0 && errno != EEXIST)
            return -errno;
        *p = end;
        if (!end)
            return 0;
    }
}

/* Writes beside its place and renames: there is never half a file, nor none. */
int put_own_file(struct cli *c, const struct exported_file *f)
{
    const char *base = base_name(f->name);
    const char *dir = arena_printf(&c->arena, "%s/%.*s", own_folder(c, f->folder),
                                   (int)(base - f->name), f->name);
    const char *staged = arena_printf(&c->arena, ".%s.carrel-new", base);
    int r = make_folder(c, dir);
    cleanup_fd int at = r < 0 ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r == 0 && at < 0)
        r = -errno;
    return r < 0 ? r
                 : file_replace(at, staged, base, f->folder == SHIMS ? 0755 : 0644, f->text.data,
                                f->text.len);
}

static void tell_path(struct cli *c, const struct exported *e)
{
    const char *bin = own_folder(c, SHIMS), *path = facts_env(&c->facts, "PATH");
    size_t n = strlen(bin);
    bool shims = e->n && e->v[e->n - 1].folder == SHIMS;
    for (const char *p = path; shims && p && *p;) {
        size_t k = strcspn(p, ":");
        if (k == n && strncmp(p, bin, n) == 0)
            return;
        const char *dir = arena_strndup(&c->arena, p, k);
        if (str_eq(dir, "/usr/bin") || str_eq(dir, "/bin") || str_eq(dir, "/usr/games"))
            break;
        p += k + (p[k] == ':');
    }
    if (shims)
        diag_add(&c->diags, DIAG_WARNING, nowhere,
                 "put it first in ~/.profile (Debian's does so at the next login, if it exists)",
                 "%s is not before /usr/bin in PATH: the shell will start programs unconfined",
                 bin);
}

static int enable(struct cli *c, const struct exported *e, struct buf *out)
{
    if (e->n == 0)
        return cli_fail(c, "is its package installed?", "%s has no .desktop file and no program",
                        e->id);
    for (size_t i = 0; i < e->n; i++)
        if (state_of(c, &e->v[i], NULL) == FILE_FOREIGN)
            return cli_fail(c, "look at it and move it away", "%s/%s is there and not Carrel's",
                            own_folder(c, e->v[i].folder), e->v[i].name);
    for (size_t i = 0; i < e->n; i++) {
        int r = put_own_file(c, &e->v[i]);
        if (r < 0)
            return cli_fail(c, NULL, "cannot write %s/%s: %s", own_folder(c, e->v[i].folder),
                            e->v[i].name, strerror(-r));
        buf_printf(out, "wrote %s/%s\n", own_folder(c, e->v[i].folder), e->v[i].name);
    }
    tell_path(c, e);
    tell_ways(e);
    for (size_t i = 0; i < e->n; i++)
        if (e->v[i].folder == UNITS) {
            diag_add(&c->diags, DIAG_NOTE, nowhere, "systemctl --user daemon-reload",
                     "a running systemd does not know %s yet", e->v[i].name);
            break;
        }
    return 0;
}

/* ---- disable and status look at what is there, whatever would be written today ---- */

typedef int visit(struct cli *c, int folder, const char *name, const char *id, struct buf *out);

struct visiting {
    struct cli *c;
    const char *id; /* NULL: any */
    visit *f;
    struct buf *out;
    int folder, found;
    bool failed;
};

static void visit_one(void *arg, const char *name)
{
    struct visiting *v = arg;
    struct arena *a = &v->c->arena;
    struct buf text;
    const char *owner, *path = arena_printf(a, "%s/%s", own_folder(v->c, v->folder), name);
    size_t len;
    if (!read_text(a, path, &text) || !entry_is_ours(text.data, text.len, v->id, &owner, &len))
        return;
    v->failed |= v->f(v->c, v->folder, name, arena_strndup(a, owner, len), v->out) < 0;
    v->found++;
}

/* Calls f for each of our files of this id (NULL: any), sorted. Returns how many, or -1. */
static int each_of_ours(struct cli *c, const char *id, visit *f, struct buf *out)
{
    struct visiting v = {.c = c, .id = id, .f = f, .out = out};
    for (v.folder = 0; v.folder < FOLDERS; v.folder++)
        walk_files(&c->arena, own_folder(c, v.folder), folder_depth(v.folder), visit_one, &v);
    return v.failed ? -1 : v.found;
}

static int remove_one(struct cli *c, int folder, const char *name, const char *id, struct buf *out)
{
    (void)id;
    const char *top = own_folder(c, folder), *base = base_name(name);
    const char *path = arena_printf(&c->arena, "%s/%s", top, name);
    if (unlink(path) < 0) {
        cli_fail(c, NULL, "cannot remove %s: %s", path, strerror(errno));
        return -1;
    }
    if (base != name) /* a folder that enable has made; one with something in it stays */
        rmdir(arena_printf(&c->arena, "%s/%.*s", top, (int)(base - name), name));
    buf_printf(out, "removed %s\n", path);
    return 0;
}

static int show_one(struct cli *c, int folder, const char *name, const char *id, struct buf *out)
{
    buf_printf(out, "%s  %s/%s\n", id, own_folder(c, folder), name);
    return 0;
}

/* Files that are missing or not as they would be written now. */
static void tell_differences(struct cli *c, const struct exported *e)
{
    static const char *const words[] = {
        [FILE_OURS] = NULL,
        [FILE_OURS_OLD] = "is out of date",
        [FILE_MISSING] = "is missing",
        [FILE_FOREIGN] = "is not Carrel's",
    };
    for (size_t i = 0; i < e->n; i++) {
        const char *word = words[state_of(c, &e->v[i], e->id)];
        if (word)
            diag_add(&c->diags, DIAG_WARNING, nowhere,
                     arena_printf(&c->arena, "carrel desktop enable %s", e->id),
                     "%s/%s %s: the app may be started unconfined", own_folder(c, e->v[i].folder),
                     e->v[i].name, word);
    }
    tell_path(c, e);
    tell_ways(e);
}

static int status(struct cli *c, const struct exported *e, struct buf *out)
{
    if (each_of_ours(c, e->id, show_one, out) == 0)
        buf_printf(out, "%s  not enabled\n", e->id);
    else
        tell_differences(c, e);
    return c->diags.warnings ? EXIT_FOUND_FAULTS : 0;
}

static int disable(struct cli *c, const struct exported *e, struct buf *out)
{
    int n = each_of_ours(c, e->id, remove_one, out);
    if (n == 0)
        buf_printf(out, "%s was not enabled\n", e->id);
    return n < 0 ? EXIT_REFUSED : 0;
}

/* An app that is gone, or whose policy is: its id is enough to disable it. */
static int find_any(struct cli *c, const char *name, struct exported *e)
{
    *e = (struct exported){.c = c, .id = name};
    if (!str_eq(c->operands[0], "enable") &&
        each_of_ours(c, name, show_one, &(struct buf){.arena = &c->arena}) > 0) {
        struct diags kept = c->diags;
        if (exported_find(c, name, e)) {
            c->diags = kept;
            *e = (struct exported){.c = c, .id = name};
        }
        return 0;
    }
    return exported_find(c, name, e);
}

static const struct {
    const char *name;
    int (*run)(struct cli *c, const struct exported *e, struct buf *out);
} verbs[] = {{"enable", enable}, {"disable", disable}, {"status", status}};

static int desktop(struct cli *c)
{
    struct buf out = {.arena = &c->arena};
    size_t v = 0;
    int r = 0;
    while (v < ARRAY_SIZE(verbs) && !str_eq(verbs[v].name, c->operands[0]))
        v++;
    if (v == ARRAY_SIZE(verbs))
        return cli_fail(c, "write enable, disable or status", "what is \"%s\" to do?",
                        c->operands[0]);
    if (c->n_operands == 1 && verbs[v].run != status)
        return cli_fail(c, "name it behind the word", "which app is to be %sd?", verbs[v].name);
    if (cli_look_around(c) < 0)
        return EXIT_REFUSED;
    if (c->n_operands == 1 && each_of_ours(c, NULL, show_one, &out) == 0)
        buf_str(&out, "no app is enabled\n");
    for (size_t i = 1; i < c->n_operands; i++) {
        struct exported e;
        int one = find_any(c, c->operands[i], &e);
        one = one ? one : verbs[v].run(c, &e, &out);
        r = r ? r : one;
    }
    int printed = out.len ? cli_print(c, &out) : 0;
    return r ? r : printed;
}

static const struct option desktop_options[] = {
    {NULL, NULL, NULL},
};

const struct command command_desktop = {
    .name = "desktop",
    .operands = "enable|disable|status [APP...]",
    .summary = "let the menu, the desktop and the shell start apps confined",
    .options = desktop_options,
    .least = 1,
    .most = -1,
    .run = desktop,
};
