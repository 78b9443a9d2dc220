/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_FILTER_INTERNAL_H
#define CARREL_FILTER_INTERNAL_H

#include "filter/relay.h"

enum {
    READ_SIZE = 64 << 10,      /* one read */
    READ_SIZE_TIGHT = 4 << 10, /* when half of the memory is taken */
    FDS_AT_ONCE = 253,         /* SCM_MAX_FD */
    FDS_MOST = 2 * FDS_AT_ONCE,
    KEPT_MUCH = 16 << 10, /* from here on room is made for a whole read, and used again */
    PUT_MUCH = 16 << 10,  /* from here on the other side waits */
    TOKEN = 1000,
};

/* Bytes in a row that may grow. */
struct bytes {
    uint8_t *v;
    size_t n, cap;
};

/*
 * One direction. What has been read and is not yet gone stands in `kept`, between two turns; while
 * a turn runs it stands in the relay's common area (`at`, n bytes). The first `ready` of them are
 * judged and wait to be sent; what `pass` and `drop` count comes after them.
 */
struct stream {
    struct relay_conn *conn;
    enum relay_side from;
    struct bytes kept;
    uint8_t *at; /* NULL between turns */
    size_t n, ready, need;
    uint64_t pass, drop;          /* what is left of the message at hand */
    struct relay_verdict pending; /* pass or drop that waits until all before it is sent */
    bool has_pending;
    struct bytes put; /* our own, sent when `pass` is 0 */
    int put_fds[RELAY_PUT_FDS];
    unsigned n_put_fds; /* go with the next byte that was put */
    int *fds; /* that came and are not gone: the first n_claimed go with the ready bytes */
    unsigned n_fds, n_claimed;
    bool ended;   /* nothing more will come */
    bool dead;    /* the other side takes nothing more; it is read all the same, for the protocol */
    bool full;    /* the other side's socket takes nothing now */
    bool held;    /* told to hold */
    bool blocked; /* there is something to judge, and it must wait */
    bool settled; /* all that can be done now has been done */
};

struct relay_conn {
    struct relay *relay;
    struct relay_conn *next, **here; /* in the relay's list */
    void *state;
    int fd[RELAY_SIDES];
    uint32_t events[RELAY_SIDES];      /* that epoll watches for */
    struct stream stream[RELAY_SIDES]; /* by the side it comes from */
    int64_t tokens;                    /* thousandths of messages that may come now */
    uint64_t stamp;                    /* when that was true, milliseconds */
    bool cut, throttled;
};

struct relay {
    struct relay_setup setup;
    struct relay_limits limits;
    struct relay_counts counts;
    struct relay_conn *conns;
    unsigned n_throttled;
    int epoll;
    bool listens;     /* epoll watches the socket */
    bool server_busy; /* to be tried again soon */
    bool untidy;      /* a connection is over */
    uint8_t *area;
    size_t area_size;
    /* What one stream no longer keeps its bytes in, for the next that must: while much goes
     * through, fresh pages cost more than all else. Given back when nothing has come for a while.
     */
    struct bytes spare;
};

/* ---- stream.c ---- */
/* Reads once and does what can be done. */
void stream_read(struct stream *s);
/* The other side's socket takes bytes again, or a hold is over. */
void stream_turn(struct stream *s);
/* Whether it wants to read, and whether it has something to send. */
bool stream_wants_read(const struct stream *s);
bool stream_wants_write(const struct stream *s);
/* Everything that came is gone. */
bool stream_empty(const struct stream *s);
void stream_free(struct stream *s);

/* ---- io.c ---- */
/* Bytes read, 0 at the end, -EAGAIN, or -EPROTO: descriptors were lost or are too many. */
long io_read(struct stream *s, int fd, uint8_t *to, size_t size);
/* Sends two runs of bytes in one call, and with them the first n_fds descriptors. Bytes sent,
 * -EAGAIN or -EPIPE. */
long io_write(int fd, const void *a, size_t n_a, const void *b, size_t n_b, const int *fds,
              unsigned n_fds);
/* Closes the first n descriptors of a stream, or only forgets them when they were sent. */
void io_close_fds(struct stream *s, unsigned n);

/* ---- relay.c ---- */
/* Whether the client may send another message now. */
bool conn_may_send(struct relay_conn *c);
/* To be closed at the end of this turn. */
void conn_cut(struct relay_conn *c, const char *why);
uint64_t relay_now(void);

#endif
