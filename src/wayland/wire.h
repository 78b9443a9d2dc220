/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_WAYLAND_WIRE_H
#define CARREL_WAYLAND_WIRE_H

#include "wayland/protocol.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Messages are read and written in the byte order of the machine, at offsets that are multiples of
 * four of a buffer that need not be aligned. */
static inline uint32_t way_word(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void way_put_word(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline uint32_t way_object_of(const uint8_t *message)
{
    return way_word(message);
}

static inline uint32_t way_opcode_of(const uint8_t *message)
{
    return way_word(message + 4) & 0xffff;
}

enum { WAY_MAX_ARGS = 20 }; /* gen.py makes no message with more */

struct way_arg {
    char letter;
    uint8_t interface; /* of the signature */
    uint32_t value;    /* of s, S and a: how many bytes, the NUL of a string included */
    uint32_t version;  /* of N */
    uint8_t *at;       /* in the message; of s, S and a behind the size, of N at the string */
    uint32_t length;   /* of N: of the string, with its NUL */
};

struct way_args {
    unsigned n, fds;
    struct way_arg v[WAY_MAX_ARGS];
};

/* Splits what stands behind the header by the message's signature. Returns 0, or -1 when it does
 * not fit: too short, too long, a string without its NUL, null where that is not allowed. */
int way_read(const struct way_message *m, uint8_t *body, size_t size, struct way_args *out);

#endif
