/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/tree.h"

#include "util/file.h"
#include "util/libc.h"
#include "util/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)

int tree_open(int below, const char *path, bool create)
{
    char part[NAME_MAX + 1];
    cleanup_fd int fd = openat(below, ".", OPEN_FOLDER);
    if (fd < 0)
        return -errno;
    while (*path) {
        size_t n = strcspn(path, "/");
        if (n > NAME_MAX)
            return -ENAMETOOLONG;
        memcpy(part, path, n);
        part[n] = '\0';
        path += n + (path[n] == '/');
        if (n == 0 || str_eq(part, "."))
            continue;
        if (str_eq(part, ".."))
            return -EINVAL;
        if (create && mkdirat(fd, part, 0700) < 0 && errno != EEXIST)
            return -errno;
        int next = openat(fd, part, OPEN_FOLDER);
        if (next < 0)
            return -errno;
        close(fd);
        fd = next;
    }
    return steal_fd(&fd);
}

/* ---- a walk, folders after what they hold ---- */

struct walk {
    struct diags *d;
    dev_t dev;
    const char *path; /* for messages */
    int depth;
    void *target;
    /* What to do about a folder that lies too deep; NULL: it is an error. */
    int (*too_deep)(struct walk *w, int at, const char *name);
};

typedef int (*visit)(struct walk *w, int at, const char *name, const struct stat *st);

static int broken(const struct walk *w, const char *name, const char *what, int error)
{
    diag_add(w->d, DIAG_ERROR,
             (struct place){.file = arena_printf(w->d->arena, "%s/%s", w->path, name)}, NULL,
             "%s: %s", what, strerror(error));
    return -1;
}

/* A folder without rights is opened all the same: the person owns it. */
static int open_folder(int at, const char *name)
{
    char link[64];
    int fd = openat(at, name, OPEN_FOLDER);
    if (fd >= 0 || errno != EACCES)
        return fd;
    cleanup_fd int path = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (path < 0)
        return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", path);
    if (chmod(link, 0700) < 0)
        return -1;
    return openat(path, ".", OPEN_FOLDER);
}

static int walk_folder(struct walk *w, int fd, visit v);

static int walk_entry(struct walk *w, int at, const char *name, visit v)
{
    struct stat st;
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return broken(w, name, "cannot look at it", errno);
    if (S_ISDIR(st.st_mode)) {
        cleanup_fd int fd = open_folder(at, name);
        if (fd < 0)
            return broken(w, name, "cannot open the folder", errno);
        if (fstat(fd, &st) < 0 || st.st_dev != w->dev)
            return broken(w, name, "another file system is mounted here", EXDEV);
        if (w->depth >= TREE_MAX_DEPTH)
            return w->too_deep ? w->too_deep(w, at, name)
                               : broken(w, name, "folders too deep in each other", ELOOP);
        struct walk inner = *w;
        inner.path = arena_printf(w->d->arena, "%s/%s", w->path, name);
        inner.depth++;
        if (walk_folder(&inner, fd, v) < 0)
            return -1;
    }
    return v(w, at, name, &st);
}

static int walk_folder(struct walk *w, int fd, visit v)
{
    DIR *dir = fdopendir(openat(fd, ".", OPEN_FOLDER));
    int r = 0;
    if (!dir)
        return broken(w, ".", "cannot read the folder", errno);
    for (struct dirent *e; r == 0 && (e = readdir(dir));)
        if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
            r = walk_entry(w, fd, e->d_name, v);
    closedir(dir);
    return r;
}

static int count(struct walk *w, int at, const char *name, const struct stat *st)
{
    struct tree_size *size = w->target;
    (void)at;
    (void)name;
    size->bytes += (unsigned long long)st->st_blocks * 512;
    size->files += !S_ISDIR(st->st_mode);
    return 0;
}

/* The size is for a question to a person: what lies too deep to be counted may be left out. */
static int not_counted(struct walk *w, int at, const char *name)
{
    (void)w;
    (void)at;
    (void)name;
    return 0;
}

int tree_measure(int fd, const char *where, struct tree_size *out, struct diags *d)
{
    struct stat st;
    struct walk w = {.d = d, .path = where, .target = out, .too_deep = not_counted};
    *out = (struct tree_size){0, 0};
    if (fstat(fd, &st) < 0)
        return broken(&w, ".", "cannot look at it", errno);
    w.dev = st.st_dev;
    return walk_folder(&w, fd, count);
}

/* Whether a folder of the person's was not to be written to, and is now. */
static bool may_write_now(int folder)
{
    struct stat st;
    return errno == EACCES && fstat(folder, &st) == 0 && (st.st_mode & 0700) != 0700 &&
           fchmod(folder, 0700) == 0;
}

static int unlink_entry(struct walk *w, int at, const char *name, const struct stat *st)
{
    int flags = S_ISDIR(st->st_mode) ? AT_REMOVEDIR : 0;
    /* Programs leave folders read-only (Go's modules); what is above the tree stays as it is. */
    while (unlinkat(at, name, flags) < 0)
        if (!w->target || !may_write_now(at))
            return broken(w, name, "cannot remove it", errno);
    return 0;
}

struct removal {
    int top;             /* the folder that is to go */
    unsigned long moved; /* so many folders were moved up into it */
};

/* An app can nest folders as deep as it likes, and must not keep its home from being deleted so. */
static int move_up(struct walk *w, int at, const char *name)
{
    struct removal *r = w->target;
    char fresh[64];
    cleanup_fd int fd = open_folder(at, name); /* whose ".." changes, too */
    do
        snprintf(fresh, sizeof fresh, ".carrel-deep.%lu", r->moved++);
    while (sys_renameat2(at, name, r->top, fresh, RENAME_NOREPLACE) < 0 &&
           (errno == EEXIST || may_write_now(at) || (fd >= 0 && may_write_now(fd)) ||
            may_write_now(r->top)));
    return faccessat(at, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0
               ? broken(w, name, "cannot move it up", EBUSY)
               : 0;
}

static int empty_folder(struct walk *w, int at, const char *name)
{
    struct stat st;
    cleanup_fd int fd = open_folder(at, name);
    struct removal r = {.top = fd};
    unsigned long before;
    if (fd < 0 || fstat(fd, &st) < 0)
        return broken(w, name, "cannot open the folder", errno);
    w->path = arena_printf(w->d->arena, "%s/%s", w->path, name);
    w->dev = st.st_dev;
    w->target = &r;
    w->too_deep = move_up;
    do {
        before = r.moved;
        if (walk_folder(w, fd, unlink_entry) < 0)
            return -1;
    } while (r.moved != before);
    return 0;
}

int tree_remove(int at, const char *where, const char *name, struct diags *d)
{
    struct stat st;
    struct walk w = {.d = d, .path = where};
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : broken(&w, name, "cannot look at it", errno);
    if (S_ISDIR(st.st_mode) && empty_folder(&w, at, name) < 0)
        return -1;
    w.path = where;
    w.target = NULL;
    return unlink_entry(&w, at, name, &st);
}
