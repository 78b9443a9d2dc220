/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x11/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int64_t x11_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int x11_dial(unsigned display)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int n = snprintf(a.sun_path, sizeof a.sun_path, "/tmp/.X11-unix/X%u", display);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    memmove(a.sun_path + 1, a.sun_path, (size_t)n);
    a.sun_path[0] = '\0';
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    if (connect(fd, (struct sockaddr *)&a, size) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

/* ---- bytes ---- */

static int wait_for(const struct x11 *x, short what)
{
    struct pollfd p = {x->fd, what, 0};
    int64_t left = x->deadline ? x->deadline - x11_now() : -1;
    if (x->deadline && left <= 0)
        return -ETIMEDOUT;
    int r = poll(&p, 1, (int)left);
    return r < 0 && errno != EINTR ? -errno : 0;
}

static int send_all(struct x11 *x, const uint8_t *p, size_t n)
{
    while (n) {
        ssize_t k = send(x->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (k >= 0) {
            p += k;
            n -= (size_t)k;
            continue;
        }
        int r = errno == EAGAIN ? wait_for(x, POLLOUT) : errno == EINTR ? 0 : -errno;
        if (r < 0)
            return r;
    }
    return 0;
}

/* At least so many bytes in the room. */
static int fill(struct x11 *x, size_t want)
{
    if (want > x->size)
        return -EMSGSIZE;
    while (x->have < want) {
        ssize_t k = recv(x->fd, x->room + x->have, x->size - x->have, MSG_DONTWAIT);
        if (k == 0)
            return -ECONNRESET;
        if (k > 0) {
            x->have += (size_t)k;
            continue;
        }
        int r = errno == EAGAIN ? wait_for(x, POLLIN) : errno == EINTR ? 0 : -errno;
        if (r < 0)
            return r;
    }
    return 0;
}

/* Forgets the answer that was given out, and waits for a whole new one. */
static int next(struct x11 *x, size_t (*size_of)(const uint8_t *, size_t), size_t least,
                const uint8_t **p, size_t *n)
{
    x->have -= x->given;
    memmove(x->room, x->room + x->given, x->have);
    x->given = 0;
    int r = fill(x, least);
    size_t size = r < 0 ? 0 : size_of(x->room, x->have);
    if (r < 0 || (r = fill(x, size)) < 0)
        return r;
    *p = x->room;
    *n = x->given = size;
    return 0;
}

/* ---- conversations ---- */

static void keep_refusal(struct x11 *x, const uint8_t *p, size_t n)
{
    size_t size = 0;
    const char *s = x_read_refusal(p, n, &size);
    size_t k = 0;
    for (; s && k < size && k < sizeof x->refusal - 1; k++)
        x->refusal[k] = (char)(s[k] >= ' ' && s[k] <= '~' ? s[k] : ' ');
    while (k && x->refusal[k - 1] == ' ')
        k--;
    x->refusal[k] = '\0';
}

int x11_hello(struct x11 *x, const char *name, const void *cookie, size_t size)
{
    uint8_t bytes[1024];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    const uint8_t *p;
    size_t n;
    x->have = x->given = x->sequence = x->next_id = 0;
    x->refusal[0] = '\0';
    if (!x_put_setup(&o, name, name ? strlen(name) : 0, cookie, name ? size : 0))
        return -EMSGSIZE;
    int r = send_all(x, o.p, o.n);
    if (r < 0 || (r = next(x, x_setup_size, X_SETUP_HEAD, &p, &n)) < 0)
        return r;
    if (x_read_setup(p, n, &x->setup))
        return 0;
    if (p[0] == 1)
        return -EPROTO;
    keep_refusal(x, p, n);
    return -EACCES;
}

int x11_send(struct x11 *x, struct x_out *o)
{
    if (!x_finish(o) || o->n > x->setup.most_request)
        return -EMSGSIZE;
    x->sequence++;
    return send_all(x, o->p, o->n);
}

int x11_next(struct x11 *x, const uint8_t **p, size_t *n)
{
    return next(x, x_frame_size, X_UNIT, p, n);
}

int x11_reply(struct x11 *x, const uint8_t **p, size_t *n)
{
    for (;;) {
        int r = x11_next(x, p, n);
        if (r < 0)
            return r;
        bool answer = (*p)[0] == X_REPLY || (*p)[0] == X_ERROR;
        if (answer && x_get16(*p + 2) == x->sequence)
            return (*p)[0] == X_REPLY ? 0 : -EREMOTEIO;
        if ((*p)[0] == X_REPLY) /* to a question that nobody has asked */
            return -EPROTO;
    }
}

int x11_ask(struct x11 *x, struct x_out *o, const uint8_t **p, size_t *n)
{
    int r = x11_send(x, o);
    return r < 0 ? r : x11_reply(x, p, n);
}

uint32_t x11_new_id(struct x11 *x)
{
    uint32_t step = x->setup.id_mask & (~x->setup.id_mask + 1);
    return x->setup.id_base | (++x->next_id * step & x->setup.id_mask);
}

enum { INTERN_ATOM = 16, QUERY_EXTENSION = 98 };

static int ask_name(struct x11 *x, unsigned opcode, const char *name, const uint8_t **p)
{
    uint8_t bytes[128];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    size_t n = strlen(name);
    x_request(&o, opcode, 0);
    x_put16(&o, (unsigned)n);
    x_put16(&o, 0);
    x_put_bytes(&o, name, n);
    return x11_ask(x, &o, p, &n);
}

int x11_atom(struct x11 *x, const char *name, uint32_t *atom)
{
    const uint8_t *p;
    int r = ask_name(x, INTERN_ATOM, name, &p);
    *atom = r < 0 ? 0 : x_get32(p + 8);
    return r;
}

int x11_extension(struct x11 *x, const char *name, unsigned *opcode)
{
    const uint8_t *p;
    int r = ask_name(x, QUERY_EXTENSION, name, &p);
    *opcode = r == 0 && p[8] ? p[9] : 0;
    return r;
}
