/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wayland/line.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int line_tell(int to, const char *word, unsigned number, int fd)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof fd)];
    } control = {.space = {0}};
    char text[LINE_MOST];
    int n = snprintf(text, sizeof text, "%s %u", word, number);
    struct iovec v = {text, (size_t)n};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    if (fd >= 0) {
        m.msg_control = &control;
        m.msg_controllen = sizeof control;
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
    }
    return sendmsg(to, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

void line_read(struct line_word *w, const char *text, size_t n)
{
    size_t i = 0;
    w->number = 0;
    while (i < n && i < LINE_WORD - 1 && text[i] >= 'a' && text[i] <= 'z')
        i++;
    memcpy(w->word, text, i);
    w->word[i] = '\0';
    bool good = i == n || (text[i] == ' ' && i + 1 < n);
    for (i++; good && i < n; i++) {
        unsigned digit = (unsigned)text[i] - '0';
        good = digit <= 9 && w->number <= (UINT_MAX - digit) / 10;
        w->number = good ? w->number * 10 + digit : 0;
    }
    if (!good)
        *w->word = '\0';
}

ssize_t line_hear(int from, struct line_word *w)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof w->fd)];
    } control;
    char text[LINE_MOST];
    struct iovec v = {text, sizeof text};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(from, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&m) : NULL;
    bool some = c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS;
    w->fd = -1;
    /* There may be room for a second one, which nobody means to send. */
    for (size_t i = 0; some && CMSG_LEN((i + 1) * sizeof w->fd) <= c->cmsg_len; i++) {
        if (w->fd >= 0)
            close(w->fd);
        memcpy(&w->fd, CMSG_DATA(c) + i * sizeof w->fd, sizeof w->fd);
    }
    line_read(w, text, n > 0 ? (size_t)n : 0);
    return n < 0 ? -errno : n;
}
