/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "t.h"
#include "util/pass.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The lowest free descriptor: the same before and after when none has leaked. */
static int next_free(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(fd);
    return fd;
}

/* Sends n descriptors and takes one of them as the receivers do. */
static size_t passed(size_t n, int *fd)
{
    int pair[2], fds[PASS_MOST];
    char byte, space[CMSG_SPACE(2 * sizeof(int))];
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    m.msg_control = space;
    m.msg_controllen = sizeof space;
    CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    for (size_t i = 0; i < n; i++)
        fds[i] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    CHECK_INT(pass_send(pair[0], "x", 1, fds, n, 0), 1);
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
    CHECK_INT(recvmsg(pair[1], &m, MSG_CMSG_CLOEXEC), 1);
    size_t count = pass_take_one(&m, fd);
    close(pair[0]);
    close(pair[1]);
    return count;
}

static void takes_the_one_that_comes(void)
{
    int fd, before = next_free();
    char byte = 'x';
    CHECK_INT(passed(1, &fd), 1);
    CHECK(fd >= 0);
    CHECK_INT(read(fd, &byte, 1), 1);
    CHECK_INT(byte, 0); /* it is what was sent */
    close(fd);
    CHECK_INT(next_free(), before);
}

static void takes_none_of_several(void)
{
    int fd, before = next_free();
    CHECK_INT(passed(2, &fd), 2);
    CHECK_INT(fd, -1);
    CHECK_INT(next_free(), before);
}

static void takes_nothing_where_nothing_comes(void)
{
    int fd = 7, before = next_free();
    CHECK_INT(passed(0, &fd), 0);
    CHECK_INT(fd, -1);
    CHECK_INT(next_free(), before);
}

static void sends_no_more_than_it_can(void)
{
    static const int many[PASS_MOST + 1];
    CHECK_INT(pass_send(-1, "x", 1, many, PASS_MOST + 1, 0), -EINVAL);
    CHECK_INT(pass_send(-1, "x", 1, NULL, 0, 0), -EBADF);
}

int main(void)
{
    RUN(takes_the_one_that_comes);
    RUN(takes_none_of_several);
    RUN(takes_nothing_where_nothing_comes);
    RUN(sends_no_more_than_it_can);
    return t_done();
}
