/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
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
