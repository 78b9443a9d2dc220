/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_UTIL_FILE_H
#define CARREL_UTIL_FILE_H

#include "util/buf.h"
#include <stddef.h>
#include <unistd.h>

/* Closes on leaving the scope: `cleanup_fd int fd = open(...)`. */
static inline void cleanup_fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define cleanup_fd __attribute__((cleanup(cleanup_fd_close)))

/* Hands a descriptor over: the variable is -1 afterwards. */
static inline int steal_fd(int *fd)
{
    int r = *fd;
    *fd = -1;
    return r;
}

/*
 * Reads a whole regular file into out. Returns 0, or -errno: -EFBIG when it is larger than max,
 * -EINVAL when it is not a regular file (a FIFO never blocks us: opened O_NONBLOCK).
 */
int file_read(const char *path, size_t max, struct buf *out);
/* The same for an open descriptor of any kind, from its current position to the end. */
int file_read_fd(int fd, size_t max, struct buf *out);
/* The path without links, "." and ".."; NULL with errno set: it is not there. */
const char *file_real(struct arena *a, const char *path);
/* Writes all n bytes, retrying short writes. Returns 0 or -errno. */
int file_write_all(int fd, const void *p, size_t n);
/*
 * Puts a file with this text in the place of what the folder has under `name`: written beside it as
 * `staged`, then renamed, so that there is never half a file, and nothing is left when it fails.
 * Returns 0 or -errno.
 */
int file_replace(int folder, const char *staged, const char *name, unsigned mode, const void *p,
                 size_t n);
/* The lock, until the descriptor is closed, that those take who read one of the folder's files in
 * order to write it anew. Returns 0 or -errno. */
int file_lock(int folder);

#endif
