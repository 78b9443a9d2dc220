/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_SECCOMP_INSTALL_H
#define CARREL_SECCOMP_INSTALL_H

#include "seccomp/seccomp.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* For the tests: puts the calling process under a filter. Returns 0 or -errno. */
static inline int install_filter(const struct seccomp_filter *f)
{
    struct sock_fprog prog = {
        .len = (unsigned short)(f->size / sizeof(struct sock_filter)),
        .filter = (struct sock_filter *)(uintptr_t)f->program,
    };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
        return -errno;
    return 0;
}

#endif
