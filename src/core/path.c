/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/sys.h"

#include <errno.h>
#include <linux/openat2.h>
#include <string.h>

/*
 * No path is followed twice and no symbolic link is followed at all. Destinations are reached
 * from the descriptor of the new root only (RESOLVE_BENEATH), so nothing that a folder on the
 * host holds, and nothing that is swapped meanwhile, leads out of it.
 */
#define NO_LINKS (RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
#define BENEATH  (RESOLVE_BENEATH | NO_LINKS)

/* The caller's root, as a start for host paths. */
static int open_slash(const struct step *s)
{
    int fd = sys_openat2(AT_FDCWD, "/", O_PATH | O_DIRECTORY, NO_LINKS);
    if (fd < 0)
        die(s, "openat2", fd, "cannot open the root");
    return fd;
}

/* Names the first symbolic link on the way, if that is what failed; path is writable. */
static _Noreturn void die_at(const struct step *s, char *path, long err)
{
    if (err == -ELOOP || err == -ENOTDIR)
        for (char *p = path + 1;; p++) {
            char c = *p;
            if (c && c != '/')
                continue;
            *p = '\0';
            int fd = sys_openat2(AT_FDCWD, path, O_PATH, NO_LINKS);
            if (fd == -ELOOP)
                die(s, NULL, 0, "%q is a symbolic link now, none may be in a source", path);
            if (fd >= 0)
                sys_close(fd);
            *p = c;
            if (fd < 0 || !c)
                break;
        }
    die(s, "openat2", err, "cannot open %q", path);
}

/*
 * Walks from `base` down the folders of path (its first n bytes, relative), making those that are
 * missing. Returns a descriptor of the last one. whole is for the message.
 */
static int walk(const struct step *s, int base, char *path, size_t n, unsigned mode,
                const char *whole)
{
    int fd = base;
    for (size_t i = 0; i < n;) {
        size_t len = strcspn(path + i, "/");
        char behind = path[i + len];
        path[i + len] = '\0';
        const char *name = path + i;
        int next = sys_openat2(fd, name, O_PATH | O_DIRECTORY, BENEATH);
        if (next == -ENOENT) {
            long err = sys3(__NR_mkdirat, fd, name, mode);
            if (err && err != -EEXIST)
                die(s, "mkdirat", err, "cannot make the folder %q of %q", name, whole);
            next = sys_openat2(fd, name, O_PATH | O_DIRECTORY, BENEATH);
        }
        if (next < 0)
            next = entry_open(s, fd, name, whole, O_DIRECTORY); /* says what is in the way */
        if (fd != base)
            sys_close(fd);
        fd = next;
        path[i + len] = behind;
        i += len + 1;
    }
    return fd;
}

int entry_open(const struct step *s, int parent, const char *name, const char *path, int extra)
{
    int fd = sys_openat2(parent, name, O_PATH | extra, BENEATH);
    if (fd == -ELOOP || fd == -ENOTDIR) {
        char target[1];
        if (sys4(__NR_readlinkat, parent, name, target, sizeof target) >= 0)
            die(s, NULL, 0, "the component %q of %q is a symbolic link, which is never followed",
                name, path);
    }
    if (fd < 0)
        die(s, "openat2", fd, "cannot open %q of %q", name, path);
    return fd;
}

static void forget_parent(struct job *j)
{
    if (j->parent >= 0 && j->parent != j->root)
        sys_close(j->parent);
    j->parent = -1;
}

int root_parent(struct job *j, const struct step *s, char *path, const char **name)
{
    char *slash = strrchr(path, '/');
    size_t n = (size_t)(slash - path);
    *name = slash + 1;
    if (j->parent >= 0 && n == j->parent_size && memcmp(path, j->parent_path, n) == 0)
        return j->parent;
    forget_parent(j);
    int fd = j->root;
    if (n > 0) {
        *slash = '\0';
        fd = sys_openat2(j->root, path + 1, O_PATH | O_DIRECTORY, BENEATH);
        *slash = '/';
        if (fd < 0)
            fd = walk(s, j->root, path + 1, n - 1, 0755, path);
    }
    j->parent = fd;
    j->parent_path = path;
    j->parent_size = n;
    return fd;
}

void root_covered(struct job *j, const char *path)
{
    size_t n = strlen(path);
    if (j->parent >= 0 && n <= j->parent_size && memcmp(path, j->parent_path, n) == 0 &&
        (n == j->parent_size || j->parent_path[n] == '/'))
        forget_parent(j);
}

int root_open(struct job *j, const struct step *s, const char *path)
{
    if (!path[1])
        return (int)sys3(__NR_fcntl, j->root, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    int fd = sys_openat2(j->root, path + 1, O_PATH, BENEATH);
    if (fd < 0)
        die(s, "openat2", fd, "cannot open %q", path);
    return fd;
}

int host_open(const struct step *s, char *path)
{
    int fd = sys_openat2(AT_FDCWD, path, O_PATH, NO_LINKS);
    if (fd < 0 && fd != -ENOENT)
        die_at(s, path, fd);
    return fd;
}

void host_make_dirs(const struct step *s, char *path, unsigned mode)
{
    int slash = open_slash(s);
    int fd = walk(s, slash, path + 1, strlen(path + 1), mode, path);
    if (fd != slash)
        sys_close(fd);
    sys_close(slash);
}
