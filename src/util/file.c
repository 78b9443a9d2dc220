/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { CHUNK = 4096 };

int file_read_fd(int fd, size_t max, struct buf *out)
{
    for (;;) {
        if (out->cap - out->len <= 1)
            buf_reserve(out, CHUNK);
        ssize_t n = read(fd, out->data + out->len, out->cap - out->len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        if (out->len + (size_t)n > max)
            return -EFBIG;
        out->len += (size_t)n;
    }
    buf_bytes(out, "", 0);
    return 0;
}

int file_read(const char *path, size_t max, struct buf *out)
{
    cleanup_fd int fd =
        openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* in musl cheaper */
    if (fd < 0)
        return -errno;
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    if ((uintmax_t)st.st_size > max)
        return -EFBIG;
    buf_reserve(out, (size_t)st.st_size + 1); /* so that the end is seen, too */
    return file_read_fd(fd, max, out);
}

const char *file_real(struct arena *a, const char *path)
{
    char text[PATH_MAX];
    return realpath(path, text) ? arena_strdup(a, text) : NULL;
}

int file_write_all(int fd, const void *p, size_t n)
{
    const char *s = p;
    while (n > 0) {
        ssize_t w = write(fd, s, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return -errno;
        s += w;
        n -= (size_t)w;
    }
    return 0;
}

int file_replace(int folder, const char *staged, const char *name, unsigned mode, const void *p,
                 size_t n)
{
    unlinkat(folder, staged, 0);
    cleanup_fd int fd =
        openat(folder, staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    int r = file_write_all(fd, p, n);
    if (r == 0 && renameat(folder, staged, folder, name) < 0)
        r = -errno;
    if (r < 0)
        unlinkat(folder, staged, 0);
    return r;
}

int file_lock(int folder)
{
    while (flock(folder, LOCK_EX) < 0)
        if (errno != EINTR) /* a file system without locks is nobody's fault */
            return errno == ENOLCK || errno == EOPNOTSUPP ? 0 : -errno;
    return 0;
}
