/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/instance.h"

#include "util/buf.h"
#include "util/file.h"
#include "util/pass.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { MAX_ANSWER = 64 << 10, PATIENCE_SECONDS = 30 };

/* By a descriptor of the folder, as its path may be longer than an address can hold. */
static int connect_to(const struct instance *in)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {PATIENCE_SECONDS, 0};
    cleanup_fd int folder = open(in->folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (folder < 0 || fd < 0)
        return -errno;
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/control", folder);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return -errno;
    return steal_fd(&fd);
}

static ssize_t receive(int from, char *text, size_t size, struct instance_reply *r)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof r->fds)];
    } control;
    struct iovec v = {text, size};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
    for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        size_t bytes = c->cmsg_len - CMSG_LEN(0);
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || bytes > sizeof r->fds)
            continue;
        memcpy(r->fds, CMSG_DATA(c), bytes);
        r->n_fds = (int)(bytes / sizeof *r->fds);
    }
    return n < 0 ? -errno : n;
}

static void split(struct arena *a, const char *text, size_t size, struct instance_reply *r)
{
    size_t cap = 0;
    for (size_t i = 0; i < size; i += strlen(text + i) + 1) {
        r->words = arena_grow(a, r->words, r->n_words, &cap, sizeof *r->words);
        r->words[r->n_words++] = arena_strdup(a, text + i);
    }
}

/* "ok", or "error", a text and an errno; the first word is taken away. */
static int judge(struct instance_reply *r, const char **why)
{
    bool failed = r->n_words >= 3 && str_eq(r->words[0], "error");
    if (r->n_words && str_eq(r->words[0], "ok")) {
        r->words++;
        r->n_words--;
        return 0;
    }
    *why = failed ? r->words[1] : "its supervisor gave no answer";
    int error = failed ? (int)strtol(r->words[2], NULL, 10) : EPROTO;
    return error > 0 && error < 4096 ? -error : -EPROTO;
}

/* to: the connection, or -errno. */
static int converse(int to, const struct buf *words, int fd, struct instance_reply *reply,
                    const char **why)
{
    struct arena *a = words->arena;
    *reply = (struct instance_reply){.n_fds = 0};
    *why = "its supervisor cannot be reached";
    ssize_t n = to < 0 ? to : pass_send(to, words->data, words->len, &fd, fd >= 0, 0);
    if (n < 0)
        return (int)n;
    char *text = arena_alloc(a, MAX_ANSWER + 1);
    n = receive(to, text, MAX_ANSWER, reply);
    if (n < 0)
        return (int)n;
    split(a, text, (size_t)n, reply);
    return judge(reply, why);
}

int instance_ask(struct arena *a, const struct instance *in, int fd, struct instance_reply *reply,
                 const char **why, ...)
{
    struct buf words = {.arena = a};
    va_list ap;
    va_start(ap, why);
    for (const char *w; (w = va_arg(ap, const char *));)
        buf_bytes(&words, w, strlen(w) + 1);
    va_end(ap);
    cleanup_fd int to = connect_to(in);
    return converse(to, &words, fd, reply, why);
}

int instance_hold(struct arena *a, const struct instance *in, struct instance_reply *reply,
                  const char **why, const char *word)
{
    struct buf words = {.arena = a};
    buf_bytes(&words, word, strlen(word) + 1);
    cleanup_fd int to = connect_to(in);
    int r = converse(to, &words, -1, reply, why);
    return r < 0 ? r : steal_fd(&to);
}
