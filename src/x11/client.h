/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_X11_CLIENT_H
#define CARREL_X11_CLIENT_H

#include "x11/wire.h"
#include <sys/types.h>

/*
 * One connection to an X server: as small as possible, blocking, with a deadline for everything.
 * C library only, no heap: the room for what the server sends is the caller's, and what does not
 * fit in it ends the connection (-EMSGSIZE).
 */
struct x11 {
    int fd;
    int64_t deadline; /* CLOCK_MONOTONIC, in milliseconds; 0: none */
    uint8_t *room;
    size_t size, have; /* of the room; bytes that are in it */
    size_t given;      /* bytes of the answer that was given out last */
    uint16_t sequence; /* of the last request */
    uint32_t next_id;  /* counts the ids that were used */
    struct x_setup setup;
    char refusal[96]; /* printable, what the server has said when it refused the connection */
};

enum {
    X_ROOM = 256 << 10,   /* enough for any setup, and for X_PART of a property */
    X_PART = 64 << 10,    /* bytes of a property that are asked for at once */
    X_REQUEST = 72 << 10, /* room for the longest request that is made */
};

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t x11_now(void);

/* Connects to the local display of this number, by its path or else its abstract name. Returns a
 * descriptor or -errno. */
int x11_dial(unsigned display);

/*
 * Says hello on a connected socket; name NULL: without a cookie. x->fd, deadline, room and size
 * are set before. Returns 0 or -errno: -EACCES when the server refuses (x->refusal says why),
 * -EPROTO when it speaks no X.
 */
int x11_hello(struct x11 *x, const char *name, const void *cookie, size_t size);

/* Sends a finished request; its number is x->sequence then. Returns 0 or -errno. */
int x11_send(struct x11 *x, struct x_out *o);
/* The next answer of any kind, valid until the next call. Returns 0 or -errno: -ETIMEDOUT,
 * -ECONNRESET when the server is gone. */
int x11_next(struct x11 *x, const uint8_t **p, size_t *n);
/* The reply to the last request; events before it are dropped. -EREMOTEIO: it is an error, which
 * *p is then. */
int x11_reply(struct x11 *x, const uint8_t **p, size_t *n);

/* Sends the request and waits for its reply. */
int x11_ask(struct x11 *x, struct x_out *o, const uint8_t **p, size_t *n);

/* An id for something new. */
uint32_t x11_new_id(struct x11 *x);
/* Returns 0 or -errno. */
int x11_atom(struct x11 *x, const char *name, uint32_t *atom);
/* *opcode is 0 when the server has no such extension. Returns 0 or -errno. */
int x11_extension(struct x11 *x, const char *name, unsigned *opcode);

#endif
