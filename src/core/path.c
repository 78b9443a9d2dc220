/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/sys.h"

#include <linux/openat2.h>

/* No path is followed twice and no symbolic link is followed at all. Destinations are reached from
 * the descriptor of the new root only, so nothing that a folder on the host holds, and nothing
 * that is swapped meanwhile, leads out of it. */
static int open_beneath(int dir, const char *name, int flags)
{
    const uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    return sys_openat2(dir, name, O_PATH | flags, resolve);
}

int entry_open(const struct step *s, int parent, const char *name, const char *path, int flags)
{
    char target[1];
    int fd = open_beneath(parent, name, flags);
    if ((fd == -ELOOP || fd == -ENOTDIR) &&
        sys4(__NR_readlinkat, parent, name, target, sizeof target) >= 0)
        die(s, NULL, 0, "the component %q of %q is a symbolic link, which is never followed", name,
            path);
    return (int)must(s, "openat2", fd, "cannot open %q", path);
}

/* Walks from `base` down the folders of path (its first n bytes, relative), one at a time. Those
 * that are missing are made if there is a mode. Returns a descriptor of the last one, which is
 * base itself for an empty path. whole is for the message. */
static int walk(const struct step *s, int base, char *path, size_t n, long mode, const char *whole)
{
    int fd = base;
    for (size_t i = 0; i < n;) {
        char *name = path + i, *end = name + strcspn(name, "/"), behind = *end;
        *end = '\0';
        int next = open_beneath(fd, name, O_DIRECTORY);
        if (next == -ENOENT && mode >= 0) {
            long err = sys3(__NR_mkdirat, fd, name, mode);
            must(s, "mkdirat", err == -EEXIST ? 0 : err, "cannot make the folder %q", whole);
        }
        if (next < 0)
            next = entry_open(s, fd, name, whole, O_DIRECTORY);
        if (fd != base)
            sys_close(fd);
        fd = next;
        *end = behind;
        i = (size_t)(end + 1 - path);
    }
    return fd;
}

/* The root as this process sees it. */
static int open_slash(const struct step *s)
{
    return (int)must(s, "openat", sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0),
                     "cannot open the root");
}

int path_open(const struct step *s, char *path)
{
    int fd = sys_openat2(AT_FDCWD, path, O_PATH, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
    if (fd >= 0 || fd == -ENOENT)
        return fd;
    char *slash = strrchr(path, '/');
    int parent = walk(s, open_slash(s), path + 1, (size_t)(slash - path), -1, path);
    return entry_open(s, parent, slash + 1, path, 0); /* one of the two says why */
}

void run_host_dir(NO_JOB, const struct step *s)
{
    char *path = s->w[0].s;
    int slash = open_slash(s), fd = walk(s, slash, path + 1, s->w[0].n - 1, (long)s->n[1], path);
    if (fd != slash)
        sys_close(fd);
    sys_close(slash);
}

void root_covered(struct job *j, size_t size)
{
    bool stale = size <= j->parent_size || j->aliased;
    if (j->parent >= 0 && j->parent != j->root && stale)
        sys_close(j->parent);
    j->parent = stale ? -1 : j->parent;
}

int root_parent(struct job *j, const struct step *s, char *path, const char **name)
{
    char *slash = strrchr(path, '/');
    size_t n = (size_t)(slash - path);
    *name = slash[1] ? slash + 1 : ".";
    if (j->parent >= 0 && n == j->parent_size && memcmp(path, j->parent_path, n) == 0)
        return j->parent;
    root_covered(j, 0);
    *slash = '\0';
    int fd = n ? open_beneath(j->root, path + 1, O_DIRECTORY) : j->root;
    *slash = '/';
    j->parent = fd >= 0    ? fd
                : j->loose ? compat_parent(j, s, path, n)
                           : walk(s, j->root, path + 1, n - 1, 0755, path);
    j->parent_path = path;
    j->parent_size = n;
    return j->parent;
}
