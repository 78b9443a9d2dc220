/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_WAYLAND_PROTOCOL_H
#define CARREL_WAYLAND_PROTOCOL_H

/*
 * What the filter knows of the Wayland protocol. gen.py makes the tables, while Carrel is built,
 * from the descriptions in libwayland-dev and wayland-protocols and from globals.rows; the wire
 * format is that of "Wire Format" in libwayland's protocol document.
 */
struct way_message {
    const char *name;
    /* One letter an argument: i u f(ixed) s(tring) o(bject) n(ew object) a(rray) h (descriptor);
     * S and O may be null, N is a new object behind its interface and version. */
    const char *args;
    const unsigned char *types; /* an interface for each argument; 0: any, 255: none that is here */
    unsigned char since, destructor;
};

struct way_interface {
    const char *name;
    unsigned char version, n_requests, n_events;
    const struct way_message *requests, *events;
};

/* What an app may have or not, as a set. The words are those of the policy. */
enum way_power {
    WAY_DMABUF = 1 << 0,
    WAY_ACTIVATION = 1 << 1,
    WAY_TEXT_INPUT = 1 << 2,
    WAY_PRIMARY_SELECTION = 1 << 3,
    WAY_FULLSCREEN = 1 << 4,
    WAY_POINTER_LOCK = 1 << 5,
    WAY_RELATIVE_POINTER = 1 << 6,
    WAY_IDLE_INHIBIT = 1 << 7,
    WAY_SHORTCUTS_INHIBIT = 1 << 8,
    WAY_WINDOW_HANDLES = 1 << 9,
    WAY_CLIPBOARD_IN = 1 << 10,  /* the app may read what others have copied */
    WAY_CLIPBOARD_OUT = 1 << 11, /* others may read what the app has copied */
};

struct way_global {
    unsigned char interface;
    unsigned short power; /* 0: always */
};

/* WAY_<INTERFACE>, WAY_<INTERFACE>_<REQUEST|EVENT>_<MESSAGE>, WAY_INTERFACES, WAY_GLOBALS */
#include "protocol.gen.h"

enum { WAY_NONE = 255 };

extern const struct way_interface way_interfaces[WAY_INTERFACES];
extern const struct way_global way_globals[WAY_GLOBALS];

/* The power of a word ("pointer-lock"), or 0. */
unsigned way_power_named(const char *word, unsigned long n);

#endif
