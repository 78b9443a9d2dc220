/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel import and reset: an app's own home, seen from the host. */
#include "cli/commands.h"

#include "cli/grant.h"
#include "cli/running.h"
#include "cli/tree.h"
#include "util/file.h"
#include "util/libc.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>

/* The app that operand 0 means. Returns 0 or an exit code. */
static int find_app(struct cli *c, struct app *app)
{
    const char *name = c->operands[0];
    if (cli_look_around(c) < 0)
        return EXIT_REFUSED;
    /* An id that has a home is enough: its program may be gone. */
    if (!app_id_error(name) && access(cli_app_home(c, name), F_OK) == 0) {
        *app = (struct app){.id = name};
        return 0;
    }
    int r = catalog_find(&c->catalog, &c->facts, name, app, &c->diags);
    return r == 0 ? 0 : r == -ENOENT ? EXIT_NOT_FOUND : EXIT_REFUSED;
}

/* The app's home below the person's home, without following any link there. */
static int open_app_home(struct cli *c, const char *id, bool create)
{
    cleanup_fd int home = open(c->facts.home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (home < 0)
        return -errno;
    return tree_open(home, arena_printf(&c->arena, ".var/app/%s", id), create);
}

/* ---- import ---- */

/* Where the settings of unconfined programs lie, and where the confined one looks for them. */
static const struct {
    const char *variable, *usual, *inside;
} places[] = {
    {"XDG_CONFIG_HOME", ".config", "config"},
    {"XDG_DATA_HOME", ".local/share", "data"},
    {"XDG_CACHE_HOME", ".cache", "cache"},
    {"XDG_STATE_HOME", ".local/state", ".local/state"},
};

/* What must not be copied as a whole. */
static const char *const too_much[] = {".local", ".var", ".var/app"};

/* The rest of path below dir, without the slash; NULL when it is not below. "" when equal. */
static const char *below(const char *path, const char *dir)
{
    if (!path_within(path, dir))
        return NULL;
    const char *rest = path + (str_eq(dir, "/") ? 0 : strlen(dir));
    return *rest == '/' ? rest + 1 : rest;
}

static int whole(struct cli *c, const char *path)
{
    return cli_fail(c, "name the folders of the one app, such as ~/.config/mousepad",
                    "\"%s\" is too much to import", path);
}

/* Sets *target to where path (absolute, clean) goes below the app's home. */
static int place_inside(struct cli *c, const char *path, const char **target)
{
    const char *home = c->facts.home, *rest;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        const char *dir = facts_env(&c->facts, places[i].variable);
        if (!dir || dir[0] != '/')
            dir = arena_printf(&c->arena, "%s/%s", home, places[i].usual);
        rest = below(path, dir);
        if (rest && !*rest)
            return whole(c, path);
        if (rest) {
            *target = arena_printf(&c->arena, "%s/%s", places[i].inside, rest);
            return 0;
        }
    }
    rest = below(path, home);
    if (!rest)
        return cli_fail(c, "only settings in your home can be imported",
                        "\"%s\" does not lie in your home", path);
    for (size_t i = 0; i < ARRAY_SIZE(too_much); i++)
        if (!*rest || str_eq(rest, too_much[i]))
            return whole(c, path);
    if (below(rest, ".var/app"))
        return cli_fail(c, NULL, "\"%s\" is the home of a confined app", path);
    *target = rest;
    return 0;
}

/* Puts the finished copy, called `staged`, into its place. */
static int put_in_place(struct cli *c, int folder, const char *staged, const char *name,
                        const char *target, bool force)
{
    if (sys_renameat2(folder, staged, folder, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno == EEXIST && force &&
        sys_renameat2(folder, staged, folder, name, RENAME_EXCHANGE) == 0)
        return tree_remove(folder, "the app's home", staged, &c->diags) < 0 ? EXIT_REFUSED : 0;
    int error = errno;
    tree_remove(folder, "the app's home", staged, &c->diags);
    return cli_fail(c, error == EEXIST ? "to replace it, give --force" : NULL,
                    "cannot put \"%s\" into the app's home: %s", target, strerror(error));
}

/* The copy is made beside its place under a name nobody knows and then renamed: the app never sees
 * half of it. */
static int copy_into(struct cli *c, int from, const char *path, int folder, const char *target,
                     bool force)
{
    uint64_t random;
    const char *slash = strrchr(target, '/'), *name = slash ? slash + 1 : target;
    if (!force && faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return cli_fail(c, "to replace it, give --force", "\"%s\" is already in the app's home",
                        target);
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return cli_fail(c, NULL, "no random number: %s", strerror(errno));
    const char *staged =
        arena_printf(&c->arena, ".carrel-import.%016llx", (unsigned long long)random);
    if (tree_copy(from, path, folder, staged, &c->diags) < 0)
        return EXIT_REFUSED;
    return put_in_place(c, folder, staged, name, target, force);
}

static const char *clean_path(struct cli *c, const char *path)
{
    char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
    const char *clean =
        path_clean(&c->arena, cwd ? arena_printf(&c->arena, "%s/%s", cwd, path) : path);
    free(cwd);
    return clean;
}

/* What is copied becomes the app's to read, and by a link it may be what the app asks for. Returns
 * the path without links, or NULL with an error. */
static const char *without_links(struct cli *c, const char *path)
{
    const char *link = grant_link(c, path), *real = facts_path(&c->facts, path)->real;
    const char *what = link ? grant_guarded(c, real, false) : NULL;
    if (what)
        cli_fail(c, "if that is what you mean, give its own path",
                 "cannot import \"%s\": %s is a link, and leads to %s (%s)", path, link, real,
                 what);
    return what ? NULL : real;
}

static int open_whole(const char *real)
{
    const struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                                 .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, AT_FDCWD, real, &how, sizeof how);
}

static int import_one(struct cli *c, const char *path, int home, bool force)
{
    const char *target = "", *clean = clean_path(c, path);
    struct stat st;
    if (!clean)
        return cli_fail(c, "give the path without \"..\"", "cannot import \"%s\"", path);
    int r = place_inside(c, clean, &target);
    if (r)
        return r;
    const char *real = without_links(c, clean);
    if (!real)
        return EXIT_REFUSED;
    cleanup_fd int from = open_whole(real);
    if (from < 0 || fstat(from, &st) < 0)
        return cli_fail(c, NULL, "cannot import \"%s\": %s", clean, strerror(errno));
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return cli_fail(c, NULL, "cannot import \"%s\": it is no file and no folder", clean);
    const char *slash = strrchr(target, '/');
    const char *parent = slash ? arena_strndup(&c->arena, target, (size_t)(slash - target)) : "";
    cleanup_fd int folder = tree_open(home, parent, true);
    if (folder < 0)
        return cli_fail(c, "an app can make links in its home; look at it before you go on",
                        "cannot open \"%s\" in the app's home: %s", parent, strerror(-folder));
    return copy_into(c, from, clean, folder, target, force);
}

static int import(struct cli *c)
{
    struct app app;
    struct buf out = {.arena = &c->arena};
    int r = find_app(c, &app);
    if (r)
        return r;
    cleanup_fd int home = open_app_home(c, app.id, true);
    if (home < 0)
        return cli_fail(c,
                        home == -ELOOP || home == -ENOTDIR
                            ? "it must be a folder, not a link: move it away"
                            : NULL,
                        "cannot open \"%s\": %s", cli_app_home(c, app.id), strerror(-home));
    for (size_t i = 1; i < c->n_operands; i++) {
        r = import_one(c, c->operands[i], home, cli_has(c, "force"));
        if (r)
            return r;
        buf_str(&out, "imported ");
        diag_escape(&out, c->operands[i]);
        buf_char(&out, '\n');
    }
    return cli_print(c, &out);
}

static const struct option import_options[] = {
    {"force", NULL, "replace what is already in the app's home"},
    {NULL, NULL, NULL},
};

const struct command command_import = {
    .name = "import",
    .operands = "APP PATH...",
    .summary = "copy existing settings into the home of an app",
    .options = import_options,
    .least = 2,
    .most = -1,
    .run = import,
};

/* ---- reset ---- */

static const char *size_text(struct arena *a, unsigned long long bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double n = (double)bytes / 1024;
    size_t u = 0;
    while (n >= 1024 && u + 1 < ARRAY_SIZE(units)) {
        n /= 1024;
        u++;
    }
    return arena_printf(a, n < 10 ? "%.1f %s" : "%.0f %s", n, units[u]);
}

static bool said_yes(void)
{
    char answer[16];
    if (!fgets(answer, sizeof answer, stdin))
        return false;
    answer[strcspn(answer, "\n")] = '\0';
    return str_eq(answer, "y") || str_eq(answer, "Y") || str_eq(answer, "yes");
}

static int reset(struct cli *c)
{
    struct app app;
    struct tree_size size;
    int r = find_app(c, &app);
    if (r)
        return r;
    const char *path = cli_app_home(c, app.id);
    cleanup_fd int home = open_app_home(c, app.id, false);
    if (home == -ENOENT) {
        diag_add(&c->diags, DIAG_NOTE, (struct place){.file = NULL}, NULL,
                 "%s has no home yet: nothing to do", app.id);
        return 0;
    }
    if (home < 0)
        return cli_fail(c, "it must be a folder, not a link: look at it yourself",
                        "cannot open \"%s\": %s", path, strerror(-home));
    if (app_is_running(path))
        return cli_fail(c, "close it first", "%s is running", app.id);
    if (!cli_has(c, "yes")) {
        if (tree_measure(home, path, &size, &c->diags) < 0)
            return EXIT_REFUSED;
        struct buf shown = {.arena = &c->arena};
        diag_escape(&shown, path);
        dprintf(STDERR_FILENO, "Delete %s (%s in %llu files) with all settings of %s? [y/N] ",
                shown.data, size_text(&c->arena, size.bytes), size.files, app.id);
        if (!said_yes())
            return cli_fail(c, "without a question: --yes", "nothing was deleted");
    }
    cleanup_fd int person = open(c->facts.home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup_fd int apps = tree_open(person, ".var/app", false);
    if (apps < 0)
        return cli_fail(c, NULL, "cannot open \"%s\": %s", path, strerror(-apps));
    return tree_remove(apps, arena_printf(&c->arena, "%s/.var/app", c->facts.home), app.id,
                       &c->diags) < 0
               ? EXIT_REFUSED
               : 0;
}

static const struct option reset_options[] = {
    {"yes", NULL, "do not ask"},
    {NULL, NULL, NULL},
};

const struct command command_reset = {
    .name = "reset",
    .operands = "APP",
    .summary = "delete the home of an app with all its settings, after asking",
    .options = reset_options,
    .least = 1,
    .most = 1,
    .run = reset,
};
