/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_WAYLAND_LINES_H
#define CARREL_WAYLAND_LINES_H

#include "filter/relay.h"
#include "wayland/session.h"

/*
 * What `carrel clip` has the filter do with the app's clipboard, where the policy keeps it from the
 * others. The supervisor hands over one end of a line (a socket of packets) for each command; the
 * other end is carrel-clip-wayland's. On it, by words (line.h):
 *
 *     kept 0         answered by "kept KINDS", what the app has copied itself, a set in decimals
 *     write KIND     with a descriptor: the app writes what it has copied into it. Answered by
 * "ok", or "none" carry KINDS    the app finds these kinds in its clipboard, until the line ends or
 * another carries. Answered by "ok 0" paste KIND     from the filter, with a descriptor: the app
 * wants what was carried
 *
 * "open" is the answer to what the policy leaves open anyway, so that nothing need be carried.
 */
enum { WAY_LINES = 4 };

/* What is kept of each of the app's connections; the relay's state begins with it. */
struct way_client {
    struct way_session session;
    struct relay_conn *conn;
};

struct way_lines {
    int fds[WAY_LINES]; /* 0: none */
    int carrier;        /* the line of what is carried now, or 0 */
    unsigned kinds;     /* that it carries */
    uint64_t clock;
};

/* A new connection of the app's. */
void way_lines_greet(struct way_lines *l, struct way_client *c);
/* The app pastes: from its judge, with the descriptor at the front. */
void way_lines_paste(struct way_lines *l, struct way_client *c, int kind);
/* The supervisor's word; false: the program is to end. */
bool way_lines_control(struct way_lines *l, struct relay *r, int fd);
/* Something came on a line; false: it is over. */
bool way_lines_word(struct way_lines *l, struct relay *r, int fd);

#endif
