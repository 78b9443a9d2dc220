/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "filter/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * FDS_AT_ONCE) + CMSG_SPACE(sizeof(struct ucred))];
};

/* Takes over what came; all of it is closed when it can not be kept. */
static bool keep_fds(struct stream *s, const struct cmsghdr *cm)
{
    struct relay *r = s->conn->relay;
    size_t n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    int fds[FDS_AT_ONCE];
    if (n > FDS_AT_ONCE)
        n = FDS_AT_ONCE;
    memcpy(fds, CMSG_DATA(cm), n * sizeof(int));
    if (!s->fds)
        s->fds = malloc(sizeof(int) * FDS_MOST);
    if (!s->fds || s->n_fds + n > FDS_MOST || r->counts.fds + n > r->limits.fds) {
        for (size_t i = 0; i < n; i++)
            close(fds[i]);
        return false;
    }
    memcpy(s->fds + s->n_fds, fds, n * sizeof(int));
    s->n_fds += (unsigned)n;
    r->counts.fds += (unsigned)n;
    return true;
}

long io_read(struct stream *s, int fd, uint8_t *to, size_t size)
{
    union control control;
    struct iovec iov = {to, size};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    bool good = true;
    ssize_t n;
    do
        n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? -EAGAIN : 0; /* a peer that is gone has nothing more to say */
    for (struct cmsghdr *cm = CMSG_FIRSTHDR(&m); cm; cm = CMSG_NXTHDR(&m, cm))
        if (cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS)
            good = keep_fds(s, cm) && good;
    return good && !(m.msg_flags & MSG_CTRUNC) ? n : -EPROTO;
}

long io_write(int fd, const void *a, size_t n_a, const void *b, size_t n_b, const int *fds,
              unsigned n_fds)
{
    union control control;
    struct iovec iov[2] = {{(void *)(uintptr_t)a, n_a}, {(void *)(uintptr_t)b, n_b}};
    struct msghdr m = {.msg_iov = n_a ? iov : iov + 1, .msg_iovlen = n_a && n_b ? 2 : 1};
    if (n_fds) {
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        memset(&control, 0, m.msg_controllen);
        struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
        cm->cmsg_level = SOL_SOCKET;
        cm->cmsg_type = SCM_RIGHTS;
        cm->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(cm), fds, sizeof(int) * n_fds);
    }
    ssize_t n;
    do
        n = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return n;
    /* Too many descriptors on their way (ETOOMANYREFS) go by when the other side reads. */
    return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ? -EAGAIN : -errno;
}

void io_close_fds(struct stream *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        close(s->fds[i]);
    s->n_fds -= n;
    s->conn->relay->counts.fds -= n;
    if (s->n_fds == 0) {
        free(s->fds);
        s->fds = NULL;
        return;
    }
    memmove(s->fds, s->fds + n, s->n_fds * sizeof(int));
}
