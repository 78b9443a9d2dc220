/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_EXPLAIN_DISPLAY_H
#define CARREL_EXPLAIN_DISPLAY_H

#include "plan/plan.h"
#include "util/buf.h"

#include <stdbool.h>

/* Who can see, type and hear what: a reading of the plan, nothing else. */
enum display_way { DISPLAY_NONE, DISPLAY_FILTERED, DISPLAY_DIRECT, DISPLAY_INHERITED };

enum x11_way {
    X11_NONE,
    X11_SHARED,    /* the person's display */
    X11_UNTRUSTED, /* the same, as one whom its server does not trust */
    X11_NESTED,    /* a server of its own, in a window; that is untrusted on the person's display */
    X11_NESTED_TRUSTED, /* the same, where the person's server knows of no such thing */
    X11_NESTED_WAYLAND, /* a server of its own, in a window of the person's compositor */
    X11_HEADLESS,       /* a server of its own, unseen */
    X11_VIEWED,         /* the same, shown by a program of its own that can come and go */
};

/* Which ways what is copied goes by the person's hand. */
enum carry_way { CARRY_NOTHING, CARRY_IN, CARRY_OUT, CARRY_BOTH };

enum sound_way { SOUND_NONE, SOUND_PLAY, SOUND_RECORD, SOUND_HOST };

enum bus_way { BUS_WAY_NONE, BUS_WAY_OWN, BUS_WAY_FILTERED, BUS_WAY_WHOLE };

struct display_view {
    enum display_way wayland;
    enum sound_way sound;
    enum x11_way x11;
    enum carry_way carry;
    bool keys; /* there are keys for it, in the window of an X server of its own */
    enum bus_way session_bus, system_bus;
    bool pipewire;             /* PipeWire's own socket: microphones, cameras, screens */
    bool usb;                  /* USB devices as such */
    bool portals;              /* by which the desktop hands out a camera when the person says so */
    bool devices;              /* every device: cameras, keyboards, sound cards */
    const char *const *powers; /* of the filter, NULL-terminated */
    const char *wayland_why, *x11_why, *sound_why; /* the policy's line, or NULL */
};

void explain_display(struct arena *a, const struct plan *p, struct display_view *out);
/* One sentence each. */
const char *display_sound_words(const struct display_view *v);
const char *display_camera_words(const struct display_view *v);
/* Appends. name is the app's. */
void explain_display_text(const struct display_view *v, const char *name, struct buf *out);
void explain_display_json(const struct display_view *v, struct buf *out);

#endif
