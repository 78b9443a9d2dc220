/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_XSERVER_REQUESTS_H
#define CARREL_XSERVER_REQUESTS_H

#include "x11/client.h"

/*
 * Requests of the core protocol that a window manager makes, and the events that come meanwhile.
 * Errors are passed over: windows that are spoken of may be gone at any time. The same for a server
 * that is gone, which the next event tells.
 */

struct x_box {
    int x, y, w, h;
};

/* A connection, and events that came while an answer was waited for. */
enum { QUEUED_EVENTS = 1024 };
struct x_events {
    struct x11 *x;
    uint8_t queue[QUEUED_EVENTS][X_UNIT];
    unsigned first, n;
};

/* Copies the next event. Returns false when the server is gone. */
bool events_next(struct x_events *e, uint8_t event[X_UNIT]);

/* Reads a property from its beginning: at most n values of 32 bits. Returns how many there are. */
size_t get_property(struct x_events *e, uint32_t window, uint32_t name, uint32_t *values, size_t n);
/* Returns false when there is no such window. */
bool get_geometry(struct x_events *e, uint32_t window, struct x_box *out);
/* The first n children of a window, shown or not. Returns how many. */
size_t get_children(struct x_events *e, uint32_t window, uint32_t *out, size_t n);
/* Neither unmapped nor one that keeps window managers off (menus). */
bool is_for_manager(struct x_events *e, uint32_t window);
uint32_t get_atom(struct x_events *e, const char *name);

void set_property(struct x11 *x, uint32_t window, uint32_t name, uint32_t type,
                  const uint32_t *values, size_t n);
void set_text(struct x11 *x, uint32_t window, uint32_t name, uint32_t type, const char *text);
/* text with NULs in it, and with the last one */
void set_bytes(struct x11 *x, uint32_t window, uint32_t name, uint32_t type, const void *bytes,
               size_t n);
void select_events(struct x11 *x, uint32_t window, uint32_t mask);
void map_window(struct x11 *x, uint32_t window);
/* border: pixels on each side, or -1: left as it is */
void place_window(struct x11 *x, uint32_t window, const struct x_box *box, int border);
void raise_window(struct x11 *x, uint32_t window);
void set_border(struct x11 *x, uint32_t window, uint32_t pixel);
void set_focus(struct x11 *x, uint32_t window);
/* Tells a window where it is, although nothing has changed. */
void tell_place(struct x11 *x, uint32_t window, const struct x_box *box);
void send_message(struct x11 *x, uint32_t to, uint32_t type, uint32_t first, uint32_t second);
/* Asks a window for a word of life (EWMH, _NET_WM_PING). */
void send_ping(struct x11 *x, uint32_t to, uint32_t protocols, uint32_t ping);
void kill_client(struct x11 *x, uint32_t window);
/* Presses on this window come here first; allow_events lets them go on. */
void grab_buttons(struct x11 *x, uint32_t window);
void allow_events(struct x11 *x);
void grab_pointer(struct x11 *x, uint32_t window);
void ungrab_pointer(struct x11 *x);
/* Where it is, and what keys are held; the reply comes among the events. */
void ask_pointer(struct x11 *x);
uint32_t make_window(struct x11 *x);
/* One on the screen, black, whose maker hears of its place, its children, its focus, the
 * pointer that comes in. */
uint32_t make_top_window(struct x11 *x, int w, int h);
/* As a window manager is asked to close a window. */
void ask_to_close(struct x11 *x, uint32_t window, uint32_t net_close);

#endif
