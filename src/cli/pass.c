/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel copy: from one app's home into another's, by the person's act. */
#include "cli/commands.h"

#include "cli/tree.h"
#include "util/file.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct side {
    const char *app, *path; /* path: below the app's home; "" its top */
    int home;
};

/* "APP:PATH"; the path may be as the app itself says it. */
static int read_side(struct cli *c, const char *text, bool needs_path, struct side *out)
{
    const char *colon = strchr(text, ':'), *name = text;
    struct app app;
    *out = (struct side){.path = colon ? colon + 1 : "", .home = -1};
    if (needs_path && !*out->path)
        return cli_fail(c, "carrel copy APP:FILE APP[:FOLDER]", "\"%s\" names no file", text);
    if (colon)
        name = arena_strndup(&c->arena, text, (size_t)(colon - text));
    out->app = name;
    if (app_id_error(name)) {
        int r = catalog_find(&c->catalog, &c->facts, name, &app, &c->diags);
        if (r < 0)
            return r == -ENOENT ? EXIT_NOT_FOUND : EXIT_REFUSED;
        out->app = app.id;
    }
    const char *home = cli_app_home(c, out->app);
    if (*out->path == '/' && path_within(out->path, home))
        out->path += strlen(home);
    else if (*out->path == '/' || (out->path[0] == '~' && out->path[1] != '/'))
        return cli_fail(c, "write it as it is below the app's home, or grant it: carrel grant",
                        "\"%s\" is not in the home of %s", out->path, out->app);
    out->path += out->path[0] == '~';
    out->path += strspn(out->path, "/");
    cleanup_fd int top = open(c->facts.home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    out->home =
        top < 0 ? -errno : tree_open(top, arena_printf(&c->arena, ".var/app/%s", out->app), false);
    return out->home >= 0
               ? 0
               : cli_fail(c, "it has none before its first start", "cannot open the home of %s: %s",
                          out->app, strerror(-out->home));
}

/* What an app has put there may be a link, which is not followed, or a pipe, which is not read. */
static int open_source(struct cli *c, int home, const char *path)
{
    const struct open_how how = {
        .flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    struct stat st;
    int fd = (int)syscall(SYS_openat2, home, path, &how, sizeof how);
    int error = fd < 0 ? errno : 0;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    if (fd >= 0)
        close(fd);
    cli_fail(c, error == ELOOP ? "copy what it leads to" : NULL, "cannot copy \"%s\": %s", path,
             error == ELOOP                           ? "it is, or lies behind, a symbolic link"
             : error == EXDEV                         ? "it does not lie in the app's home"
             : error && error != ENXIO /* a socket */ ? strerror(error)
                                                      : "it is no ordinary file");
    return -1;
}

static int copy_bytes(int from, int to)
{
    ssize_t n;
    while ((n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0)) > 0)
        ;
    if (n == 0)
        return 0;
    if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
        return -errno;
    char block[64 << 10];
    while ((n = read(from, block, sizeof block)) > 0) {
        int r = file_write_all(to, block, (size_t)n);
        if (r < 0)
            return r;
    }
    return n < 0 ? -errno : 0;
}

/* Whole, under its name, or not there: it is written without a name. Neither set-id bits nor
 * attributes go along; it is as readable for others as it was. */
static int put(struct cli *c, int from, int folder, const char *name, bool force)
{
    struct stat st;
    const char *staged = arena_printf(&c->arena, ".%s.carrel-%d", name, (int)getpid());
    mode_t mode = fstat(from, &st) == 0 ? st.st_mode & 0777 : 0600;
    cleanup_fd int to =
        openat(folder, staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    int r = to < 0 ? -errno : copy_bytes(from, to);
    /* linkat(2) takes no name that there is; renameat(2) takes any but a folder's. */
    if (r == 0 && force && renameat(folder, staged, folder, name) < 0)
        r = -errno;
    if (r == 0 && !force && linkat(folder, staged, folder, name, 0) < 0)
        r = -errno;
    if (to >= 0)
        unlinkat(folder, staged, 0);
    return r == 0 ? 0
                  : cli_fail(c, r == -EEXIST ? "--force replaces it" : NULL,
                             "cannot write \"%s\": %s", name, strerror(-r));
}

static int copy(struct cli *c)
{
    struct side from = {.home = -1}, to = {.home = -1};
    if (cli_look_around(c) < 0)
        return EXIT_REFUSED;
    int r = read_side(c, c->operands[0], true, &from);
    if (r == 0)
        r = read_side(c, c->operands[1], false, &to);
    cleanup_fd int home = to.home, theirs = from.home;
    cleanup_fd int source = r == 0 ? open_source(c, theirs, from.path) : -1;
    if (source < 0)
        return r ? r : EXIT_REFUSED;
    const char *slash = strrchr(from.path, '/'), *name = slash ? slash + 1 : from.path;
    cleanup_fd int folder = tree_open(home, to.path, false);
    if (folder < 0)
        return cli_fail(c, "name a folder that is there", "cannot open the folder \"%s\" of %s: %s",
                        to.path, to.app, strerror(-folder));
    return put(c, source, folder, name, cli_has(c, "force"));
}

static const struct option copy_options[] = {
    {"force", NULL, "replace a file of that name"},
    {NULL, NULL, NULL},
};

const struct command command_copy = {
    .name = "copy",
    .operands = "APP:FILE APP[:FOLDER]",
    .summary = "copy a file from one app's home into another's",
    .options = copy_options,
    .least = 2,
    .most = 2,
    .run = copy,
};
