/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_UTIL_PASS_H
#define CARREL_UTIL_PASS_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Descriptors that go over unix sockets. Links the C library only, and uses no heap. */

enum { PASS_MOST = 16 };

/*
 * Sends n bytes, and with them n_fds descriptors (PASS_MOST at most; 0: none). flags are
 * sendmsg(2)'s; MSG_NOSIGNAL is always among them. Returns the bytes sent or -errno. The
 * descriptors stay the caller's.
 */
ssize_t pass_send(int to, const void *bytes, size_t n, const int *fds, size_t n_fds, int flags);

/*
 * Takes the one descriptor that came with a message that recvmsg(2) has filled in: *fd, or -1. Of
 * several none is what the sender means, so all are closed. The space for one has room for a
 * second, so that they do come. Returns how many there were.
 */
size_t pass_take_one(struct msghdr *m, int *fd);

#endif
