/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_UTIL_CHORD_H
#define CARREL_UTIL_CHORD_H

#include <stdbool.h>
#include <stdint.h>

/* A key and what is held with it, as a person writes it: "Ctrl+Shift+Insert". */
enum chord_held {
    CHORD_SHIFT = 1 << 0,
    CHORD_CTRL = 1 << 2,
    CHORD_ALT = 1 << 3,
    CHORD_SUPER = 1 << 6
};

struct chord {
    unsigned held; /* of chord_held, X's own bits */
    uint32_t key;  /* X's number for what is on the key */
};

/* "none", in any case of letters, is a chord whose key is 0. Returns false when it is none that can
 * be: an unknown word, or a key that is for typing. */
bool chord_read(const char *text, struct chord *out);

#endif
