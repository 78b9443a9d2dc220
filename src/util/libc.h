/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_UTIL_LIBC_H
#define CARREL_UTIL_LIBC_H

#include <linux/close_range.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* Calls that glibc 2.36 wraps and musl 1.2.3 does not. As there: 0, or -1 with errno set. */

static inline int sys_renameat2(int olddir, const char *oldpath, int newdir, const char *newpath,
                                unsigned flags)
{
    return (int)syscall(SYS_renameat2, olddir, oldpath, newdir, newpath, flags);
}

static inline int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
    return (int)syscall(SYS_close_range, first, last, flags);
}

/* Fills `to`, aligned as they are, with struct dirent, which are as the kernel's. Bytes, or -1. */
static inline ssize_t sys_getdents(int folder, void *to, size_t n)
{
    return syscall(SYS_getdents64, folder, to, n);
}

static inline int sys_pidfd_open(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

#endif
