/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wayland/control.h"

#include "util/pass.h"
#include "wayland/wire.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DISPLAY = 1, FIRST_FREE };
enum { GET_REGISTRY = 1, SYNC = 0, BIND = 0, CREATE_SOURCE = 0, GET_DEVICE = 1 };
enum { SET_SELECTION = 0, OFFER_TYPE = 0, RECEIVE = 0 };

static const char *const managers[] = {"ext_data_control_manager_v1",
                                       "zwlr_data_control_manager_v1"};

int64_t control_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- writing ---- */

/* By letters: u, or s. Too much never fits, as all that is written is ours. */
static void put(struct control *c, uint32_t object, uint32_t opcode, const char *text,
                const uint32_t *words, size_t n, size_t text_at)
{
    uint8_t *m = c->out + c->n_out;
    size_t at = WAY_HEADER, len = text ? strlen(text) + 1 : 0, padded = (len + 3) & ~(size_t)3;
    for (size_t i = 0; i <= n; i++) {
        if (text && i == text_at) {
            way_put_word(m + at, (uint32_t)len);
            memset(m + at + 4, 0, padded);
            memcpy(m + at + 4, text, len);
            at += 4 + padded;
        }
        if (i < n) {
            way_put_word(m + at, words[i]);
            at += 4;
        }
    }
    way_put_word(m, object);
    way_put_word(m + 4, (uint32_t)at << 16 | opcode);
    c->n_out += at;
}

/* Little enough to go at once into a socket that is read. */
static int flush(struct control *c, int fd)
{
    ssize_t n = pass_send(c->fd, c->out, c->n_out, &fd, fd >= 0, 0);
    bool whole = n == (ssize_t)c->n_out;
    c->n_out = 0;
    return whole ? 0 : -ECONNRESET;
}

/* ---- events ---- */

/* A string at an offset of the body; NULL when it is none. */
static const char *text_at(const uint8_t *body, size_t n, size_t at)
{
    if (at + 4 > n)
        return NULL;
    uint32_t len = way_word(body + at);
    if (len == 0 || len > n - at - 4 || body[at + 4 + len - 1] != '\0')
        return NULL;
    return (const char *)body + at + 4;
}

static void on_global(struct control *c, const uint8_t *body, size_t n)
{
    const char *interface = text_at(body, n, 4);
    if (!interface)
        return;
    if (strcmp(interface, "wl_seat") == 0 && !c->seat)
        c->seat = way_word(body);
    for (size_t i = 0; i < sizeof managers / sizeof *managers; i++)
        if (strcmp(interface, managers[i]) == 0 && strcmp(c->interface, managers[0]) != 0) {
            c->manager = way_word(body);
            strncpy(c->interface, managers[i], sizeof c->interface - 1);
        }
}

static void on_device(struct control *c, uint32_t opcode, const uint8_t *body, size_t n)
{
    enum { DATA_OFFER, SELECTION, FINISHED };
    uint32_t id = n >= 4 ? way_word(body) : 0;
    if (opcode == DATA_OFFER) {
        /* The newest ones: an offer is the selection, or is not, soon after it is told of. */
        memmove(c->offers + 1, c->offers, sizeof c->offers - sizeof *c->offers);
        c->offers[0].id = id;
        c->offers[0].kinds = 0;
    } else if (opcode == SELECTION) {
        c->replaced = c->offer != 0;
        c->offer = id;
        c->kinds = 0;
        for (int i = 0; i < CONTROL_OFFERS; i++)
            if (id && c->offers[i].id == id) {
                c->kinds = c->offers[i].kinds;
                break;
            }
    } else if (opcode == FINISHED) {
        c->replaced = c->cancelled = true;
    }
}

static int claim(struct control *c)
{
    if (c->n_fds == 0)
        return -1;
    int fd = c->fds[0];
    c->n_fds--;
    memmove(c->fds, c->fds + 1, (size_t)c->n_fds * sizeof *c->fds);
    return fd;
}

static void on_source(struct control *c, uint32_t opcode, const uint8_t *body, size_t n)
{
    enum { SEND, CANCELLED };
    if (opcode == CANCELLED)
        c->cancelled = true;
    if (opcode != SEND)
        return;
    c->asked = way_kind_named(text_at(body, n, 0));
    c->asked_fd = claim(c);
    if (c->asked < 0 && c->asked_fd >= 0)
        close(c->asked_fd);
    if (c->asked_fd < 0)
        c->asked = -1;
}

static int on_event(struct control *c, uint32_t object, uint32_t opcode, const uint8_t *body,
                    size_t n)
{
    if (object == DISPLAY && opcode == 0)
        return -ECONNRESET; /* it has found a fault with us */
    if (object == c->registry && opcode == 0)
        on_global(c, body, n);
    else if (object == c->device)
        on_device(c, opcode, body, n);
    else if (object == c->source)
        on_source(c, opcode, body, n);
    else if (object >= WAY_SERVER_ID && opcode == 0 && way_kind_named(text_at(body, n, 0)) >= 0)
        for (int i = 0; i < CONTROL_OFFERS; i++)
            c->offers[i].kinds |=
                c->offers[i].id == object ? 1u << way_kind_named(text_at(body, n, 0)) : 0;
    else if (object == c->sync)
        c->sync = 0;
    return 0;
}

/* Whole messages of what is there, up to a paste. */
static int work(struct control *c)
{
    while (c->asked < 0) {
        int size = way_message_size(c->in, c->n_in), r;
        if (size < 0)
            return -ECONNRESET;
        if (size == 0 || (size_t)size > c->n_in)
            return -EAGAIN;
        r = on_event(c, way_object_of(c->in), way_opcode_of(c->in), c->in + WAY_HEADER,
                     (size_t)size - WAY_HEADER);
        c->n_in -= (size_t)size;
        memmove(c->in, c->in + size, c->n_in);
        if (r < 0)
            return r;
    }
    return 0;
}

static void keep(struct control *c, const struct cmsghdr *cm)
{
    size_t n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < n; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(cm) + i * sizeof fd, sizeof fd);
        if (c->n_fds < CONTROL_FDS)
            c->fds[c->n_fds++] = fd;
        else
            close(fd);
    }
}

int control_take(struct control *c)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(CONTROL_FDS * sizeof(int))];
    } control;
    int r = work(c);
    if (r != -EAGAIN)
        return r;
    struct iovec v = {c->in + c->n_in, sizeof c->in - c->n_in};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? -EAGAIN : -ECONNRESET;
    for (struct cmsghdr *cm = CMSG_FIRSTHDR(&m); cm; cm = CMSG_NXTHDR(&m, cm))
        if (cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS)
            keep(c, cm);
    c->n_in += (size_t)n;
    r = n ? work(c) : -ECONNRESET;
    return r == -EAGAIN ? 0 : r;
}

/* ---- turns ---- */

static int turn(struct control *c)
{
    c->sync = c->next_id++;
    put(c, DISPLAY, SYNC, NULL, &c->sync, 1, 0);
    int r = flush(c, -1);
    while (r == 0 && c->sync) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        int64_t left = c->deadline - control_now();
        if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
            return -ETIMEDOUT;
        r = control_take(c);
        r = r == -EAGAIN ? 0 : r;
    }
    return r;
}

static uint32_t bind_to(struct control *c, uint32_t name, const char *interface)
{
    const uint32_t words[] = {name, 1, c->next_id++};
    put(c, c->registry, BIND, interface, words, 3, 1);
    return words[2];
}

int control_open(struct control *c, int fd)
{
    c->fd = fd;
    c->next_id = FIRST_FREE;
    c->registry = c->next_id++;
    c->asked = -1;
    c->why = "the compositor does not answer as it must";
    put(c, DISPLAY, GET_REGISTRY, NULL, &c->registry, 1, 0);
    int r = turn(c);
    if (r < 0)
        return r;
    c->why = "this compositor lets no program at the clipboard without a window (it has no "
             "data-control): paste by way of a program that may";
    if (!c->manager)
        return -EOPNOTSUPP;
    c->why = "the compositor has no seat, and so no clipboard";
    if (!c->seat)
        return -ENODEV;
    c->why = "the compositor does not answer as it must";
    c->seat_object = bind_to(c, c->seat, "wl_seat");
    c->manager_object = bind_to(c, c->manager, c->interface);
    c->device = c->next_id++;
    put(c, c->manager_object, GET_DEVICE, NULL, (const uint32_t[]){c->device, c->seat_object}, 2,
        0);
    r = turn(c);
    c->replaced = false;
    return r;
}

int control_receive(struct control *c, int kind, int fd)
{
    put(c, c->offer, RECEIVE, way_kinds[kind], NULL, 0, 0);
    return flush(c, fd);
}

int control_give(struct control *c, unsigned kinds)
{
    c->source = c->next_id++;
    put(c, c->manager_object, CREATE_SOURCE, NULL, &c->source, 1, 0);
    for (int i = 0; i < WAY_KINDS; i++)
        if (kinds & 1u << i)
            put(c, c->source, OFFER_TYPE, way_kinds[i], NULL, 0, 0);
    put(c, c->device, SET_SELECTION, NULL, &c->source, 1, 0);
    return turn(c);
}
