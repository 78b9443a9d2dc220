/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_WAYLAND_CONTROL_H
#define CARREL_WAYLAND_CONTROL_H

#include "wayland/session.h"

/*
 * The person's clipboard without a window, by the extension that compositors have for it
 * (ext-data-control-v1, or wlr-data-control-unstable-v1, which is the same under another name). As
 * small as possible, no heap. What the compositor says is believed no further than its bounds.
 */
enum { CONTROL_ROOM = 64 << 10, CONTROL_OFFERS = 8, CONTROL_FDS = 8 };

struct control {
    int fd;
    int64_t deadline; /* CLOCK_MONOTONIC, in milliseconds; 0: none */
    uint8_t in[CONTROL_ROOM];
    size_t n_in;
    uint8_t out[4096];
    size_t n_out;
    int fds[CONTROL_FDS], n_fds; /* that came and were not claimed */
    /* Our objects: numbers are given in the order in which they are made. */
    uint32_t next_id, registry, seat_object, manager_object, device, source;
    uint32_t sync;          /* the one that is waited for; 0: it was answered */
    uint32_t seat, manager; /* the compositor's numbers for them; 0: not seen */
    char interface[40];     /* of the manager */
    struct {
        uint32_t id;
        unsigned kinds;
    } offers[CONTROL_OFFERS];
    uint32_t offer;      /* what is copied now, or 0 */
    unsigned kinds;      /* of it */
    bool replaced;       /* somebody has copied something else */
    bool cancelled;      /* what we gave is no longer what is copied */
    int asked, asked_fd; /* somebody pastes what we gave: the kind, or -1 */
    const char *why;
};

int64_t control_now(void);
/* Finds out what is copied. Returns 0 or -errno, with c->why. */
int control_open(struct control *c, int fd);
/* Has the one who copied write this kind into fd, which stays the caller's. */
int control_receive(struct control *c, int kind, int fd);
/* From now on these kinds are what is copied. */
int control_give(struct control *c, unsigned kinds);
/* Takes in what has come; -EAGAIN when that is nothing, -ECONNRESET at the end. One paste at most
 * is taken: see c->asked, and call again. */
int control_take(struct control *c);

#endif
