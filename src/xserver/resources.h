/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_XSERVER_RESOURCES_H
#define CARREL_XSERVER_RESOURCES_H

#include <stddef.h>
#include <stdint.h>

enum { RESOURCES_ROOM = 440 };

/* What toolkits look up on a display to choose the size of letters, how these are drawn, and the
 * pointer. */
struct resources {
    char text[RESOURCES_ROOM]; /* whole lines */
    size_t n;
    unsigned dpi; /* 0: they do not say it */
};

/* s: the property RESOURCE_MANAGER of the person's display. Only Xft.* and Xcursor.* are kept, and
 * only what is plain text; of what does not fit the later lines are left out. */
void resources_read(const uint8_t *s, size_t n, struct resources *out);

#endif
