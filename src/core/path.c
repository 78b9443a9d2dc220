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

static void forget(struct folder *f)
{
    if (f->fd >= 0 && f->fd != f->base)
        sys_close(f->fd);
    f->fd = -1;
}

/* The folder above path, which a mode lets be made. *name is the last component. */
static int parent_of(struct job *j, const struct step *s, struct folder *f, char *path, long mode,
                     const char **name)
{
    const char *slash = strrchr(path, '/');
    const size_t n = (size_t)(slash - path);
    *name = slash[1] ? slash + 1 : ".";
    if (f->fd >= 0 && n == f->size && memcmp(path, f->path, n) == 0)
        return f->fd;
    forget(f);
    if (f->base < 0) /* the root as this process sees it */
        f->base = (int)must(s, "openat", sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0),
                            "cannot open the root");
    path[n] = '\0';
    int fd = n ? open_beneath(f->base, path + 1, O_DIRECTORY) : f->base;
    path[n] = '/';
    if (fd < 0 && f == &j->parent && j->loose)
        fd = compat_parent(j, s, path, n);
    else if (fd < 0 && (mode >= 0 || fd != -ENOENT)) /* or this says why */
        fd = walk(s, f->base, path + 1, n - 1, mode, path);
    *f = (struct folder){f->base, fd, path, n};
    return fd;
}

int root_parent(struct job *j, const struct step *s, char *path, const char **name)
{
    j->parent.base = j->root;
    return parent_of(j, s, &j->parent, path, 0755, name);
}

void root_covered(struct job *j, size_t size)
{
    if (size <= j->parent.size || j->aliased)
        forget(&j->parent);
}

int source_parent(struct job *j, const struct step *s, char *path, const char **name)
{
    return parent_of(j, s, &j->source, path, -1, name);
}

int path_open(struct job *j, const struct step *s, char *path)
{
    const char *name;
    int parent = source_parent(j, s, path, &name);
    int fd = parent < 0 ? parent : open_beneath(parent, name, 0);
    return fd >= 0 || fd == -ENOENT ? fd : entry_open(s, parent, name, path, 0);
}

static void make_folder(const struct step *s, int parent, const char *name)
{
    long err = sys3(__NR_mkdirat, parent, name, s->n[1]);
    must(s, "mkdirat", err == -EEXIST ? 0 : err, "cannot make %q", s->w[0].s);
    if (err) /* it must be a folder, and no symbolic link to one */
        sys_close(entry_open(s, parent, name, s->w[0].s, O_DIRECTORY));
}

void run_host_dir(struct job *j, const struct step *s)
{
    const char *name;
    int parent = parent_of(j, s, &j->source, s->w[0].s, (long)s->n[1], &name);
    make_folder(s, parent, name);
}

void run_dir(struct job *j, const struct step *s)
{
    const char *name;
    int parent = root_parent(j, s, s->w[0].s, &name);
    make_folder(s, parent, name);
}
