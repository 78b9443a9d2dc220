/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wayland/line.h"

#include "util/pass.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int line_tell(int to, const char *word, unsigned number, int fd)
{
    char text[LINE_MOST];
    int n = snprintf(text, sizeof text, "%s %u", word, number);
    ssize_t sent = pass_send(to, text, (size_t)n, &fd, fd >= 0, MSG_DONTWAIT);
    return sent < 0 ? (int)sent : 0;
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
    w->fd = -1;
    if (n >= 0)
        pass_take_one(&m, &w->fd);
    line_read(w, text, n > 0 ? (size_t)n : 0);
    return n < 0 ? -errno : n;
}
