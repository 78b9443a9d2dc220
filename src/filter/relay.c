/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loop: clients that come, the control descriptor, and whose turn it is. */
#include "filter/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS_AT_ONCE = 32,
    TICK_MS = 5,     /* how often a client that is too fast is looked at */
    SPARE_MS = 1000, /* how long memory waits to be used again */
    RETRY_MS = 20,   /* when the server's queue is full */
};

/* What an event belongs to: one of these, or a connection's address plus the side. */
enum { KEY_LISTENING = 2, KEY_CONTROL = 3 };
/* Or, in its upper half, a descriptor that the protocol has us watch. */
#define KEY_WATCHED (UINT64_C(1) << 63)

const struct relay_limits relay_usual_limits = {
    .connections = 256, .memory = 4u << 20, .fds = 2048};

uint64_t relay_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int relay_server(struct relay_setup *s, const char *path)
{
    size_t n = strlen(path);
    struct sockaddr_un *a = &s->server;
    memset(a, 0, sizeof *a);
    a->sun_family = AF_UNIX;
    if (n == 0 || n >= sizeof a->sun_path)
        return -ENAMETOOLONG;
    memcpy(a->sun_path, path, n);
    s->server_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (*path != '@'));
    if (*path == '@')
        a->sun_path[0] = '\0';
    return 0;
}

/* ---- one connection ---- */

static void fault(struct relay *r, void *state, const char *why)
{
    if (r->setup.protocol->fault)
        r->setup.protocol->fault(r->setup.program, state, why);
}

void conn_cut(struct relay_conn *c, const char *why)
{
    if (c->cut)
        return;
    c->cut = c->relay->untidy = true;
    c->relay->counts.cut++;
    fault(c->relay, c->state, why);
}

static void refill(struct relay_conn *c)
{
    const struct relay_limits *l = &c->relay->limits;
    uint64_t now = relay_now(), passed = now - c->stamp;
    int64_t most = (int64_t)(l->burst ? l->burst : 1) * TOKEN;
    if (passed > 3600000)
        passed = 3600000;
    c->tokens += (int64_t)(passed * l->rate); /* thousandths: a millisecond's worth of the rate */
    if (c->tokens > most)
        c->tokens = most;
    c->stamp = now;
}

static void throttle(struct relay_conn *c, bool on)
{
    c->relay->n_throttled += (unsigned)on - (unsigned)c->throttled;
    c->throttled = on;
}

bool conn_may_send(struct relay_conn *c)
{
    if (c->relay->limits.rate == 0)
        return true;
    if (c->tokens < TOKEN)
        refill(c);
    throttle(c, c->tokens < TOKEN);
    return !c->throttled;
}

/* Watches for what the two directions can use now, and for nothing else. */
static void watch(struct relay_conn *c, enum relay_side side)
{
    const struct stream *in = &c->stream[side], *out = &c->stream[!side];
    uint32_t want =
        (stream_wants_read(in) ? EPOLLIN : 0) | (stream_wants_write(out) ? EPOLLOUT : 0);
    struct epoll_event e = {.events = want, .data.u64 = (uint64_t)(uintptr_t)c | side};
    if (want == c->events[side])
        return;
    /* A socket that hangs up is reported whether we ask or not: so not at all. */
    int op = want == 0 ? EPOLL_CTL_DEL : c->events[side] ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(c->relay->epoll, op, c->fd[side], &e) < 0)
        conn_cut(c, "epoll_ctl failed");
    c->events[side] = want;
}

static bool over(const struct relay_conn *c)
{
    const struct stream *up = &c->stream[RELAY_CLIENT], *down = &c->stream[RELAY_SERVER];
    return c->cut || (up->ended && stream_empty(up)) || (down->ended && stream_empty(down)) ||
           (up->dead && down->dead);
}

static void settle(struct relay_conn *c)
{
    for (int i = 0; !c->cut && i < RELAY_SIDES;) {
        struct stream *s = &c->stream[i];
        i = s->settled ? i + 1 : 0;
        if (!s->settled)
            stream_turn(s);
    }
    for (int i = 0; !c->cut && i < RELAY_SIDES; i++)
        watch(c, (enum relay_side)i);
}

/* What was put for the client of a connection that is cut tells it why: it goes if it can go now.
 */
static void say_last_words(struct relay_conn *c)
{
    struct stream *s = &c->stream[RELAY_SERVER];
    if (s->put.n && s->pass == 0 && !s->dead && !s->full && s->ready <= s->kept.n)
        io_write(c->fd[RELAY_CLIENT], s->kept.v, s->ready, s->put.v, s->put.n, s->fds,
                 s->n_claimed);
}

/* Closes what is over; the memory goes when no event of this batch can name it any more. */
static void hang_up(struct relay_conn *c)
{
    struct relay *r = c->relay;
    throttle(c, false);
    if (c->cut)
        say_last_words(c);
    c->cut = r->untidy = true;
    for (int i = 0; i < RELAY_SIDES; i++) {
        close(c->fd[i]);
        c->fd[i] = -1;
        stream_free(&c->stream[i]);
    }
    r->setup.protocol->closed(c->state);
    c->state = NULL;
    r->counts.connections--;
}

static void sweep(struct relay *r)
{
    r->untidy = false;
    for (struct relay_conn *c = r->conns, *next; c; c = next) {
        next = c->next;
        if (c->fd[0] >= 0 && over(c))
            hang_up(c);
        if (c->fd[0] < 0) {
            *c->here = next;
            if (next)
                next->here = c->here;
            free(c);
        }
    }
}

static void conn_event(struct relay_conn *c, enum relay_side side, uint32_t events)
{
    struct stream *in = &c->stream[side], *out = &c->stream[!side];
    if (c->fd[side] < 0 || c->cut)
        return;
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP) && out->full) {
        out->full = false;
        out->settled = false;
    }
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP) && stream_wants_read(in))
        stream_read(in);
    settle(c);
    if (over(c))
        hang_up(c);
}

/* ---- clients that come ---- */

/*
 * A connection to the server, or -errno; -EAGAIN: its queue is full. A server that asks for
 * credentials after it has accepted would not get those of what came before; the kernel adds them
 * to all that is sent from a socket with this option.
 */
static int reach_server(const struct relay *r)
{
    int on = 1, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    bool ready =
        !r->setup.credentials || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0;
    if (ready && connect(fd, (const struct sockaddr *)&r->setup.server, r->setup.server_size) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

static bool add(struct relay *r, int client, int server)
{
    struct relay_conn *c = calloc(1, sizeof *c);
    if (!c)
        return false;
    c->relay = r;
    c->fd[RELAY_CLIENT] = client;
    c->fd[RELAY_SERVER] = server;
    for (int i = 0; i < RELAY_SIDES; i++) {
        c->stream[i].conn = c;
        c->stream[i].from = (enum relay_side)i;
        c->stream[i].settled = true;
    }
    c->tokens = (int64_t)r->limits.burst * TOKEN;
    c->stamp = relay_now();
    c->state = r->setup.protocol->opened(r->setup.program, c);
    if (!c->state) {
        free(c);
        return false;
    }
    c->next = r->conns;
    c->here = &r->conns;
    if (c->next)
        c->next->here = &c->next;
    r->conns = c;
    r->counts.connections++;
    r->counts.accepted++;
    settle(c);
    return true;
}

/* The server first: a client is only taken when it can be served. */
static void come(struct relay *r)
{
    int server = reach_server(r);
    r->server_busy = server == -EAGAIN || server == -EINTR;
    if (r->server_busy)
        return;
    int client = accept4(r->setup.listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client >= 0 && server < 0)
        fault(r, NULL, "the server can not be reached");
    if (client >= 0 && server >= 0 && add(r, client, server))
        return;
    if (client >= 0)
        close(client);
    if (server >= 0)
        close(server);
}

static void watch_listening(struct relay *r)
{
    bool want = r->counts.connections < r->limits.connections && !r->server_busy;
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = KEY_LISTENING};
    if (want != r->listens)
        epoll_ctl(r->epoll, want ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, r->setup.listening, &e);
    r->listens = want;
}

/* ---- the loop ---- */

/* After the control descriptor: holds may be over, and anything may have been put. */
static void settle_all(struct relay *r)
{
    for (struct relay_conn *c = r->conns; c; c = c->next) {
        if (c->fd[0] < 0)
            continue;
        settle(c);
        r->untidy = r->untidy || over(c);
    }
}

static void look_at_throttled(struct relay *r)
{
    for (struct relay_conn *c = r->conns; c; c = c->next) {
        if (!c->throttled || !conn_may_send(c))
            continue;
        c->stream[RELAY_CLIENT].settled = false;
        settle(c);
        r->untidy = r->untidy || over(c);
    }
}

static int timeout_ms(const struct relay *r)
{
    return r->n_throttled ? TICK_MS : r->server_busy ? RETRY_MS : r->spare.v ? SPARE_MS : -1;
}

/* Whoever watches it no more closes it, which takes it out of epoll's set. */
static void watched(struct relay *r, int fd)
{
    epoll_ctl(r->epoll, EPOLL_CTL_DEL, fd, NULL);
    if (r->setup.protocol->watched(r->setup.program, r, fd) && relay_watch(r, fd) < 0)
        r->untidy = true;
    settle_all(r);
}

static void give_back_spare(struct relay *r)
{
    free(r->spare.v);
    r->spare = (struct bytes){0};
}

/* False: the program is to end. */
static bool turn(struct relay *r)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    bool go_on = true;
    int n = epoll_wait(r->epoll, events, EVENTS_AT_ONCE, timeout_ms(r));
    if (n < 0)
        return errno == EINTR;
    if (n == 0 && !r->n_throttled && !r->server_busy)
        give_back_spare(r);
    r->server_busy = false; /* tried again below */
    for (int i = 0; i < n; i++) {
        uint64_t key = events[i].data.u64;
        if (key == KEY_LISTENING) {
            come(r);
        } else if (key == KEY_CONTROL) {
            go_on = r->setup.protocol->control(r->setup.program, r, r->setup.control);
            settle_all(r);
        } else if (key & KEY_WATCHED) {
            watched(r, (int)(key & INT_MAX));
        } else {
            conn_event((struct relay_conn *)(uintptr_t)(key & ~(uint64_t)1),
                       (enum relay_side)(key & 1), events[i].events);
        }
    }
    if (r->n_throttled)
        look_at_throttled(r);
    if (r->untidy)
        sweep(r);
    watch_listening(r);
    return go_on;
}

static int begin(struct relay *r)
{
    size_t page = 4096;
    r->area_size = (r->setup.protocol->most + 2 * READ_SIZE + page - 1) / page * page;
    r->area = mmap(NULL, r->area_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (r->area == MAP_FAILED || r->epoll < 0)
        return -ENOMEM;
    int flags = fcntl(r->setup.listening, F_GETFL);
    if (flags < 0 || fcntl(r->setup.listening, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = KEY_CONTROL};
    if (r->setup.control >= 0 && epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->setup.control, &e) < 0)
        return -errno;
    watch_listening(r);
    return r->listens ? 0 : -EINVAL;
}

int relay_run(const struct relay_setup *s)
{
    struct relay r = {.setup = *s, .limits = s->limits, .epoll = -1};
    int error = begin(&r);
    if (error == 0)
        while (turn(&r))
            ;
    for (struct relay_conn *c = r.conns; c; c = c->next)
        c->cut = true;
    sweep(&r);
    give_back_spare(&r);
    if (r.epoll >= 0)
        close(r.epoll);
    if (r.area && r.area != MAP_FAILED)
        munmap(r.area, r.area_size);
    return error;
}

/* ---- for the protocol ---- */

void relay_resume(struct relay_conn *c, enum relay_side from)
{
    struct stream *s = &c->stream[from];
    if (!s->held)
        return;
    s->held = false;
    s->settled = false;
}

void relay_limit(struct relay *r, const struct relay_limits *limits)
{
    r->limits = *limits;
}

int relay_watch(struct relay *r, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = KEY_WATCHED | (uint64_t)fd};
    return epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

struct relay *relay_of(struct relay_conn *c)
{
    return c->relay;
}

void relay_each(struct relay *r, void (*f)(void *state, void *arg), void *arg)
{
    for (struct relay_conn *c = r->conns; c; c = c->next)
        if (c->state)
            f(c->state, arg);
}

void relay_cut(struct relay_conn *c, const char *why)
{
    conn_cut(c, why);
}

void relay_count(const struct relay *r, struct relay_counts *out)
{
    *out = r->counts;
}
