/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One direction of one connection: read, judge, send. */
#include "filter/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct stream *opposite(const struct stream *s)
{
    return &s->conn->stream[!s->from];
}

static size_t min_size(size_t a, uint64_t b)
{
    return b < a ? (size_t)b : a;
}

/* ---- memory that waits, counted ---- */

static bool reserve(struct stream *s, struct bytes *b, size_t cap)
{
    struct relay *r = s->conn->relay;
    if (cap <= b->cap)
        return true;
    if (r->counts.memory - b->cap + cap > r->limits.memory)
        return false;
    uint8_t *v = realloc(b->v, cap);
    if (!v)
        return false;
    r->counts.memory += cap - b->cap;
    b->v = v;
    b->cap = cap;
    return true;
}

static void release(struct stream *s, struct bytes *b)
{
    s->conn->relay->counts.memory -= b->cap;
    free(b->v);
    *b = (struct bytes){0};
}

/* The same for what is read and not yet gone. */
static bool reserve_kept(struct stream *s)
{
    struct relay *r = s->conn->relay;
    size_t cap = s->n > KEPT_MUCH && s->n < READ_SIZE ? READ_SIZE : s->n;
    bool fits = r->counts.memory + r->spare.cap <= r->limits.memory;
    if (!s->kept.cap && r->spare.cap >= s->n && fits) {
        s->kept = r->spare;
        r->counts.memory += r->spare.cap;
        r->spare = (struct bytes){0};
    }
    return reserve(s, &s->kept, cap) || reserve(s, &s->kept, s->n);
}

static void release_kept(struct stream *s)
{
    struct relay *r = s->conn->relay;
    if (r->spare.v || s->kept.cap != READ_SIZE) {
        release(s, &s->kept);
        return;
    }
    r->spare = s->kept;
    r->counts.memory -= s->kept.cap;
    s->kept = (struct bytes){0};
}

/* What came stands in the common area during a turn, and is put away behind it. */
static void fetch(struct stream *s)
{
    s->at = s->conn->relay->area;
    if (s->kept.n)
        memcpy(s->at, s->kept.v, s->kept.n);
    s->n = s->kept.n;
}

static void put_away(struct stream *s)
{
    struct relay *r = s->conn->relay;
    const uint8_t *rest = s->at;
    s->at = NULL;
    if (s->n == 0) {
        if (s->kept.cap)
            release_kept(s);
    } else if (s->conn->cut) {
        s->n = 0;
    } else if (!reserve_kept(s)) {
        s->n = 0;
        conn_cut(s->conn, "no memory is left for what waits");
    } else {
        memcpy(s->kept.v, rest, s->n);
    }
    s->kept.n = s->n;
    if ((size_t)(rest - r->area) + s->n > 2 * READ_SIZE) /* a rare big one: give it back */
        madvise(r->area + 2 * READ_SIZE, r->area_size - 2 * READ_SIZE, MADV_DONTNEED);
}

/* ---- sending ---- */

static void take_put(struct stream *s, size_t n)
{
    bool much = s->put.n > PUT_MUCH;
    s->put.n -= n;
    memmove(s->put.v, s->put.v + n, s->put.n);
    if (s->put.n == 0)
        release(s, &s->put);
    if (much && s->put.n <= PUT_MUCH)
        opposite(s)->settled = false;
}

static void close_put(struct stream *s)
{
    while (s->n_put_fds)
        close(s->put_fds[--s->n_put_fds]);
}

static void discard_output(struct stream *s)
{
    close_put(s);
    s->at += s->ready;
    s->n -= s->ready;
    s->ready = 0;
    if (s->n_claimed)
        io_close_fds(s, s->n_claimed);
    s->n_claimed = 0;
    if (s->put.n)
        take_put(s, s->put.n);
}

/* One call. Descriptors of ours go in one of their own, behind those of what is ready. */
static long send_once(struct stream *s, size_t n_put)
{
    bool ours = n_put && s->n_put_fds;
    long n = io_write(s->conn->fd[!s->from], s->at, s->ready, s->put.v, n_put,
                      ours ? s->put_fds : s->fds, ours ? s->n_put_fds : s->n_claimed);
    if (n >= 0 && ours)
        close_put(s);
    else if (n >= 0 && s->n_claimed)
        io_close_fds(s, s->n_claimed);
    if (n >= 0)
        s->n_claimed = 0;
    return n;
}

/* Sends what is ready, and behind a whole message what is put. False: something is left. */
static bool flush(struct stream *s)
{
    for (;;) {
        size_t n_put = s->pass || (s->n_claimed && s->n_put_fds) ? 0 : s->put.n;
        if (s->dead)
            discard_output(s);
        if (s->dead || s->conn->cut || s->ready + n_put == 0)
            return true;
        if (s->full)
            return false;
        long n = send_once(s, n_put);
        if (n == -EAGAIN) {
            s->full = true;
            return false;
        }
        if (n < 0) {
            if (n == -EPIPE || n == -ECONNRESET)
                s->dead = true;
            else
                conn_cut(s->conn, "the other side takes nothing");
            continue;
        }
        size_t sent = min_size(s->ready, (uint64_t)n), sent_put = (size_t)n - sent;
        s->at += sent;
        s->n -= sent;
        s->ready -= sent;
        if (sent_put)
            take_put(s, sent_put);
    }
}

/* ---- judging ---- */

static void begin(struct stream *s, const struct relay_verdict *v)
{
    if (v->what == RELAY_DROP) {
        s->drop = v->size;
        if (v->fds)
            io_close_fds(s, v->fds);
        return;
    }
    s->pass = v->size;
    s->n_claimed = v->fds;
}

/* Asks the protocol. False: nothing more can be judged now. */
static bool judge(struct stream *s)
{
    struct relay_conn *c = s->conn;
    const struct relay_protocol *p = c->relay->setup.protocol;
    size_t n = s->n - s->ready;
    s->blocked = false;
    if (n == 0 || n < s->need)
        return false;
    s->blocked =
        s->held || opposite(s)->put.n > PUT_MUCH || (s->from == RELAY_CLIENT && !conn_may_send(c));
    if (s->blocked)
        return false;
    struct relay_verdict v =
        p->judge(c->state, s->from, s->at + s->ready, n, s->n_fds - s->n_claimed);
    s->need = 0;
    if (v.what == RELAY_MORE && v.size > n && v.size <= p->most) {
        s->need = v.size;
        return false;
    }
    if (v.what == RELAY_HOLD) {
        s->held = s->blocked = true;
        return false;
    }
    bool good = (v.what == RELAY_PASS || v.what == RELAY_DROP) && v.size > 0 &&
                v.fds <= s->n_fds - s->n_claimed;
    if (!good) {
        conn_cut(c, v.what == RELAY_CUT ? v.why : "a verdict that makes no sense");
        return false;
    }
    if (s->from == RELAY_CLIENT && c->relay->limits.rate)
        c->tokens -= TOKEN;
    if (v.what == RELAY_PASS && v.fds == 0 && s->put.n == 0) {
        s->pass = v.size;
        return true;
    }
    /* Its descriptors must go with its own first byte, and what is dropped leaves no gap. */
    s->pending = v;
    s->has_pending = true;
    return true;
}

static void work(struct stream *s)
{
    while (!s->conn->cut) {
        size_t n = s->n - s->ready;
        if (s->drop) {
            n = min_size(n, s->drop);
            if (n == 0)
                break;
            s->at += n;
            s->n -= n;
            s->drop -= n;
        } else if (s->pass) {
            n = min_size(n, s->pass);
            if (n == 0)
                break;
            s->ready += n;
            s->pass -= n;
        } else if (s->put.n || s->has_pending) {
            if (!flush(s))
                return;
            if (s->has_pending)
                begin(s, &s->pending);
            s->has_pending = false;
        } else if (!judge(s)) {
            break;
        }
    }
    if (s->conn->cut)
        return;
    flush(s);
    bool between = s->pass == 0 && s->n == s->ready && !s->has_pending;
    if (between && s->n_fds > s->n_claimed && s->conn->relay->setup.protocol->strict_fds)
        conn_cut(s->conn, "descriptors that belong to no message");
    /* With so many there it would never read on. */
    if (s->ready == 0 && !s->has_pending && !s->blocked && s->n_fds + FDS_AT_ONCE > FDS_MOST)
        conn_cut(s->conn, "more descriptors than its messages claim");
}

void stream_turn(struct stream *s)
{
    s->settled = true;
    fetch(s);
    work(s);
    put_away(s);
}

void stream_read(struct stream *s)
{
    struct relay *r = s->conn->relay;
    size_t size = r->counts.memory > r->limits.memory / 2 ? READ_SIZE_TIGHT : READ_SIZE;
    s->settled = true;
    fetch(s);
    if (size > r->area_size - s->n)
        size = r->area_size - s->n;
    long n = io_read(s, s->conn->fd[s->from], s->at + s->n, size);
    if (n > 0)
        s->n += (size_t)n;
    else if (n == 0)
        s->ended = true;
    else if (n == -EPROTO)
        conn_cut(s->conn, "too many descriptors");
    if (n >= 0)
        work(s);
    put_away(s);
}

bool stream_wants_read(const struct stream *s)
{
    return !s->ended && !s->blocked && !s->has_pending && s->ready == 0 &&
           s->n_fds + FDS_AT_ONCE <= FDS_MOST;
}

bool stream_wants_write(const struct stream *s)
{
    return !s->dead && (s->ready || (s->put.n && s->pass == 0));
}

bool stream_empty(const struct stream *s)
{
    return s->ready == 0 && s->put.n == 0 && !s->has_pending && !s->blocked;
}

void stream_free(struct stream *s)
{
    if (s->n_fds)
        io_close_fds(s, s->n_fds);
    close_put(s);
    free(s->fds);
    s->fds = NULL;
    release(s, &s->kept);
    release(s, &s->put);
}

int relay_put(struct relay_conn *c, enum relay_side to, const void *bytes, size_t n)
{
    struct stream *s = &c->stream[!to];
    struct bytes *b = &s->put;
    if (n == 0 || s->dead)
        return 0;
    size_t need = b->n + n;
    size_t cap = need <= b->cap ? b->cap : need < 512 ? 512 : need + need / 2;
    if (need > RELAY_PUT_MOST || !reserve(s, b, cap))
        return -ENOBUFS;
    memcpy(b->v + b->n, bytes, n);
    b->n += n;
    s->settled = false;
    return 0;
}

int relay_put_fd(struct relay_conn *c, enum relay_side to, const void *bytes, size_t n, int fd)
{
    struct stream *s = &c->stream[!to];
    bool room = n > 0 && s->n_put_fds < RELAY_PUT_FDS;
    int error = room ? relay_put(c, to, bytes, n) : -ENOBUFS;
    if (error == 0 && !s->dead)
        s->put_fds[s->n_put_fds++] = fd;
    else
        close(fd);
    return error;
}

int relay_copy_fd(struct relay_conn *c, enum relay_side from)
{
    const struct stream *s = &c->stream[from];
    if (s->n_fds <= s->n_claimed)
        return -ENOENT;
    int fd = fcntl(s->fds[s->n_claimed], F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}
