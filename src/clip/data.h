/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLIP_DATA_H
#define CARREL_CLIP_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is carried between clipboards, whatever they belong to: a text and a picture. Pure. */
enum { CLIP_TEXT_MOST = 1 << 20, CLIP_PICTURE_MOST = 32 << 20 };

struct clip {
    uint8_t *text, *picture; /* room for CLIP_TEXT_MOST and CLIP_PICTURE_MOST, the caller's */
    size_t n_text, n_picture;
    const char *picture_type; /* "image/png" … */
    const char *why;          /* what went wrong, for a person */
};

/* Text as a terminal or an editor may be given it: valid UTF-8 (other bytes become '?'), without
 * control characters but tabs and ends of lines. In place; returns the new size. */
size_t clip_clean(uint8_t *p, size_t n);
/* ISO Latin 1 made UTF-8, in place. Returns the new size, 0 when it does not fit into room. */
size_t clip_widen(uint8_t *p, size_t n, size_t room);
/* Whether the bytes begin as this type's do. */
bool clip_looks_like(const char *type, const uint8_t *p, size_t n);
/* The type that they begin as, or NULL: of none that is carried. */
const char *clip_picture_type(const uint8_t *p, size_t n);

#endif
