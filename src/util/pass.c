/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/pass.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

ssize_t pass_send(int to, const void *bytes, size_t n, const int *fds, size_t n_fds, int flags)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(PASS_MOST * sizeof(int))];
    } control = {.space = {0}};
    size_t size = n_fds * sizeof *fds;
    struct iovec v = {(void *)(uintptr_t)bytes, n};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    if (n_fds > PASS_MOST)
        return -EINVAL;
    if (size) {
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(size);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(&control.head), fds, size);
    }
    ssize_t sent = sendmsg(to, &m, MSG_NOSIGNAL | flags);
    return sent < 0 ? -errno : sent;
}

size_t pass_take_one(struct msghdr *m, int *fd)
{
    size_t count = 0;
    *fd = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof *fd;
        for (size_t i = 0; i < n; i++, count++) {
            if (*fd >= 0)
                close(*fd);
            memcpy(fd, CMSG_DATA(c) + i * sizeof *fd, sizeof *fd);
        }
    }
    if (count > 1) {
        close(*fd);
        *fd = -1;
    }
    return count;
}
