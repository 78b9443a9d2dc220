/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_XSERVER_FRAME_H
#define CARREL_XSERVER_FRAME_H

#include "x11/client.h"

/*
 * The window on the person's display in which the nested server draws (Xephyr's -parent). It is
 * ours, not Xephyr's, because that one has no ear for who closes its window: the desktop would end
 * the connection, and with the server the app, whatever was not saved in it.
 */
struct frame {
    struct x11 *x; /* the person's display; without a deadline */
    uint32_t window, child;
    int w, h;
    uint64_t most; /* points of the child */
    uint32_t protocols, delete_window, keyboard;
    uint16_t asked; /* number of the last question for the pointer, while its answer is awaited */
    bool is_asked;
    /* What has come since this was looked at: */
    bool wanted_closed; /* the person has asked for it */
    bool new_keyboard;  /* the display may have another layout, or will at once */
    int group;          /* which one of its layouts is used, or -1: not told */
    bool ask_again;     /* some desktops remember one for each window: it may change at once */
};

/* Makes it, so large or, where Xephyr cannot be, smaller (see w, h); nobody sees it yet. Returns
 * false when the display is gone. */
bool frame_open(struct frame *f, struct x11 *x, const char *title, int w, int h);
void frame_show(struct frame *f);
/* The answer is in group, later. */
void frame_ask_for_group(struct frame *f);
/* Deals with what has come; to be called when x->fd can be read. Returns false when the display is
 * gone, or the window. */
bool frame_events(struct frame *f);

/* The other end, on the app's own server: all its windows are asked to close. Returns how many. */
size_t close_all_windows(struct x11 *own);

#endif
