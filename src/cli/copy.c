/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tree_copy: one small function for each kind of file. */
#include "cli/tree.h"

#include "util/file.h"
#include "util/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ATTR_MAX (64 << 10) /* the kernel's limits: XATTR_LIST_MAX, XATTR_SIZE_MAX */

/* A copied file that has more than one name. */
struct linked {
    dev_t dev;
    ino_t ino;
    const char *copy; /* below the folder that is copied into */
};

struct copy {
    struct diags *d;
    int base;          /* the folder the copy is made in */
    const char *label; /* the source's path, for messages */
    const char *below; /* the copy's path below base */
    int depth;
    struct linked **linked;
    size_t *n_linked, *cap_linked;
};

static int failed(const struct copy *c, const char *what, int error)
{
    diag_add(c->d, DIAG_ERROR, (struct place){.file = c->label},
             error == ENOSPC || error == EDQUOT ? "make room, then import again" : NULL, "%s: %s",
             what, strerror(error));
    return -1;
}

/* Attributes that the file system or our rights do not allow (security.*, another file system's)
 * are left out: they do not belong to the settings. */
static int copy_attributes(const struct copy *c, int from, int to)
{
    char names[ATTR_MAX], value[ATTR_MAX];
    ssize_t n = flistxattr(from, names, ATTR_MAX);
    if (n < 0)
        return errno == ENOTSUP ? 0 : failed(c, "cannot read its attributes", errno);
    for (char *name = names; name < names + n; name += strlen(name) + 1) {
        ssize_t size = fgetxattr(from, name, value, ATTR_MAX);
        if (size < 0 || fsetxattr(to, name, value, (size_t)size, 0) == 0)
            continue;
        if (errno != EPERM && errno != ENOTSUP && errno != EACCES)
            return failed(c, "cannot set an attribute", errno);
    }
    return 0;
}

/* Owner first: changing it clears mode bits. What only root may set is left as it is. */
static int copy_state(const struct copy *c, int from, int to, const struct stat *st)
{
    mode_t mode = st->st_mode & (S_ISDIR(st->st_mode) ? 03777 : 01777);
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    if (fchown(to, st->st_uid, st->st_gid) < 0 && errno != EPERM && errno != EINVAL)
        return failed(c, "cannot set the owner", errno);
    if (copy_attributes(c, from, to) < 0)
        return -1;
    if (fchmod(to, mode) < 0)
        return failed(c, "cannot set the mode", errno);
    if (futimens(to, times) < 0)
        return failed(c, "cannot set the times", errno);
    return 0;
}

/* Copies the bytes from `at` to `end`. */
static int copy_run(const struct copy *c, int from, int to, off_t at, off_t end)
{
    char bytes[65536];
    while (at < end) {
        size_t want = end - at < (off_t)sizeof bytes ? (size_t)(end - at) : sizeof bytes;
        ssize_t n = pread(from, bytes, want, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed(c, "cannot read", errno);
        if (n == 0)
            return 0; /* it became shorter while we read */
        for (ssize_t done = 0; done < n;) {
            ssize_t w = pwrite(to, bytes + done, (size_t)(n - done), at + done);
            if (w < 0 && errno != EINTR)
                return failed(c, "cannot write the copy", errno);
            done += w > 0 ? w : 0;
        }
        at += n;
    }
    return 0;
}

static int copy_bytes(const struct copy *c, int from, int to, off_t size)
{
    for (off_t at = 0; at < size;) {
        off_t data = lseek(from, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            break; /* only a hole is left */
        off_t hole = data < 0 ? -1 : lseek(from, data, SEEK_HOLE);
        if (data < 0 || hole < 0) { /* a file system that does not tell */
            data = at;
            hole = size;
        }
        if (copy_run(c, from, to, data, hole < size ? hole : size) < 0)
            return -1;
        at = hole;
    }
    return ftruncate(to, size) < 0 ? failed(c, "cannot write the copy", errno) : 0;
}

/* The app may run meanwhile and swap a folder of the copy for a link, so the name given to the
 * first copy is looked up without following any; only the file found so gets another name. */
static int link_again(const struct copy *c, const char *first, int at, const char *name)
{
    struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    char link[64];
    cleanup_fd int fd = (int)syscall(SYS_openat2, c->base, first, &how, sizeof how);
    if (fd < 0)
        return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, link, at, name, AT_SYMLINK_FOLLOW);
}

static bool copied_already(struct copy *c, const struct stat *st, int at, const char *name, int *r)
{
    for (size_t i = 0; st->st_nlink > 1 && i < *c->n_linked; i++) {
        const struct linked *l = &(*c->linked)[i];
        if (l->dev != st->st_dev || l->ino != st->st_ino)
            continue;
        *r = link_again(c, l->copy, at, name) < 0 ? failed(c, "cannot link", errno) : 0;
        return true;
    }
    if (st->st_nlink > 1) {
        *c->linked =
            arena_grow(c->d->arena, *c->linked, *c->n_linked, c->cap_linked, sizeof **c->linked);
        (*c->linked)[(*c->n_linked)++] = (struct linked){st->st_dev, st->st_ino, c->below};
    }
    return false;
}

static int copy_regular(struct copy *c, int from, int at, const char *name, const struct stat *st)
{
    int r;
    if (copied_already(c, st, at, name, &r))
        return r;
    cleanup_fd int to =
        openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return failed(c, "cannot make the copy", errno);
    return copy_bytes(c, from, to, st->st_size) < 0 ? -1 : copy_state(c, from, to, st);
}

static int copy_link(struct copy *c, int source, int at, const char *name, const struct stat *st)
{
    char target[PATH_MAX];
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    const char *base = strrchr(c->label, '/') + 1;
    ssize_t n = readlinkat(source, base, target, sizeof target);
    if (n < 0 || n == (ssize_t)sizeof target)
        return failed(c, "cannot read the link", n < 0 ? errno : ENAMETOOLONG);
    target[n] = '\0';
    if (symlinkat(target, at, name) < 0)
        return failed(c, "cannot make the link", errno);
    if (fchownat(at, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != EPERM &&
        errno != EINVAL)
        return failed(c, "cannot set the link's owner", errno);
    if (utimensat(at, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return failed(c, "cannot set the link's times", errno);
    return 0;
}

static int copy_folder(struct copy *c, int from, int at, const char *name, const struct stat *st);

/* fd: the file itself, opened without following a link. */
static int copy_open(struct copy *c, int from, int at, const char *name)
{
    struct stat st;
    if (fstat(from, &st) < 0)
        return failed(c, "cannot look at it", errno);
    if (S_ISDIR(st.st_mode))
        return copy_folder(c, from, at, name, &st);
    if (S_ISREG(st.st_mode))
        return copy_regular(c, from, at, name, &st);
    return failed(c, "it has changed while it was copied", EAGAIN);
}

static const char *kind_of(mode_t mode)
{
    return S_ISFIFO(mode) ? "a FIFO" : S_ISSOCK(mode) ? "a socket" : "a device";
}

static int copy_entry(struct copy *c, int source, int at, const char *name)
{
    struct stat st;
    if (fstatat(source, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return failed(c, "cannot look at it", errno);
    if (S_ISLNK(st.st_mode))
        return copy_link(c, source, at, name, &st);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        diag_add(c->d, DIAG_WARNING, (struct place){.file = c->label}, NULL,
                 "left out: %s cannot be imported", kind_of(st.st_mode));
        return 0;
    }
    cleanup_fd int from =
        openat(source, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (from < 0)
        return failed(c, "cannot open it", errno);
    return copy_open(c, from, at, name);
}

static int copy_folder(struct copy *c, int from, int at, const char *name, const struct stat *st)
{
    if (c->depth >= TREE_MAX_DEPTH)
        return failed(c, "folders too deep in each other", ELOOP);
    if (mkdirat(at, name, 0700) < 0)
        return failed(c, "cannot make the folder", errno);
    cleanup_fd int to = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to < 0)
        return failed(c, "cannot open the copy", errno);
    int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again < 0 ? NULL : fdopendir(again);
    if (!dir)
        return failed(c, "cannot read the folder", errno);
    int r = 0;
    for (struct dirent *e; r == 0 && (e = readdir(dir));) {
        if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
            continue;
        struct copy inner = *c;
        inner.label = arena_printf(c->d->arena, "%s/%s", c->label, e->d_name);
        inner.below = arena_printf(c->d->arena, "%s/%s", c->below, e->d_name);
        inner.depth++;
        r = copy_entry(&inner, from, to, e->d_name);
    }
    closedir(dir);
    return r < 0 ? r : copy_state(c, from, to, st);
}

int tree_copy(int from, const char *label, int at, const char *to, struct diags *d)
{
    struct linked *linked = NULL;
    size_t n = 0, cap = 0;
    struct copy c = {.d = d,
                     .base = at,
                     .label = label,
                     .below = to,
                     .linked = &linked,
                     .n_linked = &n,
                     .cap_linked = &cap};
    int r = copy_open(&c, from, at, to);
    if (r < 0)
        tree_remove(at, "the app's home", to, d);
    return r;
}
