/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_XSERVER_KEYBOARD_H
#define CARREL_XSERVER_KEYBOARD_H

#include "x11/client.h"

/*
 * The keyboard's layout, as an X server tells every client of it by names, in a property of its
 * root window; keys of a nested server have the numbers that they have on the person's display.
 */
#define XKB_NAMES "_XKB_RULES_NAMES"
enum { XKB_PARTS = 5, XKB_PART = 256 };
struct keyboard {
    char names[XKB_PARTS][XKB_PART]; /* rules, model, layout, variant, options; "": not told */
};

/* Asks; what is not a name is left out. */
void keyboard_read(struct x11 *x, struct keyboard *out);
bool keyboard_is_same(const struct keyboard *a, const struct keyboard *b);
/* Whether one is named; whether there is more than one to switch between. */
bool keyboard_has_layout(const struct keyboard *k);
bool keyboard_has_groups(const struct keyboard *k);
/* A text of a property on the root window, valid until the next question; most: bytes. */
bool keyboard_read_text(struct x11 *x, uint32_t atom, uint32_t most, struct x_property *out);

/* Becomes setxkbmap(1), which has the display at this socket take the layout on. */
_Noreturn void keyboard_become_setter(struct keyboard *k, const char *socket, const uint8_t *cookie,
                                      size_t size);
/* Switches to one of the layouts. */
void keyboard_lock_group(struct x11 *own, unsigned group);

#endif
