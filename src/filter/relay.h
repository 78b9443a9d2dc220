/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_FILTER_RELAY_H
#define CARREL_FILTER_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/*
 * What the filters share: a relay between the clients of one listening unix socket and one server.
 * Each client gets a connection of its own to the server. A protocol looks at the bytes of each
 * direction and says message by message what happens to them; whatever it says, no more than what
 * it has asked for is ever kept in memory, the rest of a message streams through.
 *
 * One process, one loop, no threads. Bytes are read into one area that all connections share,
 * judged and sent from there; a connection owns memory only while something waits.
 */

enum relay_side { RELAY_CLIENT, RELAY_SERVER, RELAY_SIDES };

struct relay;
struct relay_conn;

enum relay_what {
    RELAY_MORE, /* `size` bytes must be there before it can be judged (at most protocol->most) */
    RELAY_PASS, /* the next `size` bytes, with `fds` descriptors, go to the other side */
    RELAY_DROP, /* they are thrown away, the descriptors closed */
    RELAY_HOLD, /* not now: asked again after relay_resume; nothing more is read meanwhile */
    RELAY_CUT,  /* the connection ends at once, both ways; `why` is logged. What was put for the
                   client before still goes to it, if its socket takes it at once */
};

struct relay_verdict {
    enum relay_what what;
    unsigned fds; /* at most as many as wait */
    size_t size;  /* PASS and DROP: at least 1; may be more than is there: the rest streams */
    const char *why;
};

struct relay_protocol {
    size_t most;     /* the most that `judge` asks for with RELAY_MORE */
    bool strict_fds; /* a descriptor that comes with bytes of no message that claims it: cut */
    /* A client has come and its server is reached. Returns the protocol's state for it, or NULL:
     * it is refused. */
    void *(*opened)(void *program, struct relay_conn *c);
    /*
     * Judges what stands at the front: n >= 1 bytes from one side, at the start of a message, and
     * how many descriptors wait there, not yet claimed. The bytes may be changed in place where
     * they are then passed.
     */
    struct relay_verdict (*judge)(void *state, enum relay_side from, uint8_t *bytes, size_t n,
                                  unsigned fds);
    void (*closed)(void *state);
    /* Something came on the control descriptor (see struct relay_setup): false ends the program. */
    bool (*control)(void *program, struct relay *r, int fd);
    /* Something came on a descriptor of relay_watch, or its end: false, when it is watched no more
     * (the protocol closes it). */
    bool (*watched)(void *program, struct relay *r, int fd);
    /* For the log: a connection was cut or refused, or could not be made. state may be NULL. */
    void (*fault)(void *program, void *state, const char *why);
};

struct relay_limits {
    unsigned connections; /* further ones wait in the socket's queue */
    unsigned rate, burst; /* messages of the client a second, and at once; rate 0: no limit */
    size_t memory;        /* bytes that all connections together may keep waiting */
    unsigned fds;         /* descriptors that all together may keep waiting */
};

extern const struct relay_limits relay_usual_limits;

struct relay_setup {
    int listening; /* a unix stream socket that listens */
    int control;   /* or -1; when its other end closes, the program ends */
    struct sockaddr_un server;
    socklen_t server_size;
    bool credentials; /* the server is to see who we are, whenever it looks (SCM_CREDENTIALS) */
    const struct relay_protocol *protocol;
    void *program;
    struct relay_limits limits;
};

/* Puts path, or with a '@' in front a name in the abstract namespace, into the setup. Returns 0 or
 * -ENAMETOOLONG. */
int relay_server(struct relay_setup *s, const char *path);

/* Runs until the control descriptor says so. Returns 0, or -errno when it could not begin. All
 * descriptors become non-blocking. */
int relay_run(const struct relay_setup *s);

/* ---- for the protocol ---- */

enum { RELAY_PUT_MOST = 1 << 20 };

/*
 * Sends bytes of our own to one side, behind the message that is on its way there. From a judge
 * that then drops the message it takes that message's place. Returns 0 or -ENOBUFS (RELAY_PUT_MOST
 * would be exceeded, or no memory): cut then. While much of it waits, the other side is not read.
 */
int relay_put(struct relay_conn *c, enum relay_side to, const void *bytes, size_t n);
/*
 * The same with a descriptor, which is the relay's from then on, also after an error. Few can wait:
 * it is for what happens rarely.
 */
enum { RELAY_PUT_FDS = 4 };
int relay_put_fd(struct relay_conn *c, enum relay_side to, const void *bytes, size_t n, int fd);
/* From a judge: a copy of the first descriptor that waits for the message at hand, which keeps its
 * own. Returns it, or -errno. */
int relay_copy_fd(struct relay_conn *c, enum relay_side from);
/* A descriptor besides the connections', for protocol->watched. Returns 0 or -errno. */
int relay_watch(struct relay *r, int fd);
/* A direction that was told to hold is judged again. */
void relay_resume(struct relay_conn *c, enum relay_side from);
/* New limits hold at once (connections that are there stay). */
void relay_limit(struct relay *r, const struct relay_limits *limits);
struct relay *relay_of(struct relay_conn *c);
/* Calls f for the state of each connection. */
void relay_each(struct relay *r, void (*f)(void *state, void *arg), void *arg);
/* Cuts a connection from outside its judge; it is closed before the loop goes on. */
void relay_cut(struct relay_conn *c, const char *why);

struct relay_counts {
    unsigned connections;
    size_t memory;
    unsigned fds;
    unsigned long long accepted, cut;
};
void relay_count(const struct relay *r, struct relay_counts *out);

#endif
