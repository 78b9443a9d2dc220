/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_X11_CLIP_NAMES_H
#define CARREL_X11_CLIP_NAMES_H

#include "x11/clip.h"

/* Inside of clip_take.c and clip_serve.c: the atoms that they speak of, and requests of both. */
enum clip_name {
    CLIP_CLIPBOARD,
    CLIP_TARGETS,
    CLIP_TIMESTAMP,
    CLIP_INCR,
    CLIP_PROPERTY,
    CLIP_UTF8, /* text, the best form first */
    CLIP_PLAIN_UTF8,
    CLIP_PLAIN,
    CLIP_STRING,
    CLIP_ANY_TEXT,
    CLIP_PNG, /* pictures, the same */
    CLIP_JPEG,
    CLIP_WEBP,
    CLIP_GIF,
    CLIP_BMP,
    CLIP_NAMES,
};
extern const char *const clip_names[CLIP_NAMES];

enum { X_ATOM = 4, X_INTEGER = 19 }; /* predefined */

/* Fills in atoms[CLIP_NAMES] and makes a window that is never shown. Returns 0 or -errno. */
int clip_begin(struct x11 *x, uint32_t atoms[], uint32_t *window);
/* Replaces a property. Returns 0 or -errno. */
int clip_set_property(struct x11 *x, uint32_t window, uint32_t property, uint32_t type,
                      unsigned format, const void *data, size_t units);

#endif
