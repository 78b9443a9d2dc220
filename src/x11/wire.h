/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_X11_WIRE_H
#define CARREL_X11_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Bytes of the X11 protocol ("X Window System Protocol", X.Org, version 11 release 7), in this
 * machine's byte order, which a client may choose. Pure: no input or output, no heap. Whatever an
 * X server sends is read with bounds.
 */

enum {
    X_SETUP_HEAD = 8,
    X_UNIT = 32, /* errors, events, and the head of replies */
    X_ERROR = 0,
    X_REPLY = 1,
    X_GENERIC_EVENT = 35, /* with a length of its own, as replies */
};

static inline uint16_t x_get16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t x_get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* How many bytes the first n bytes of an answer to the setup, or of a reply, error or event, say
 * that it has; 0: more bytes must be there to tell (never more than X_UNIT). */
size_t x_setup_size(const uint8_t *p, size_t n);
size_t x_frame_size(const uint8_t *p, size_t n);

/* ---- requests ---- */

/* A request in the making. Nothing is ever written behind the end: what does not fit sets `full`,
 * and it must not be sent. */
struct x_out {
    uint8_t *p;
    size_t n, size;
    bool full;
};

void x_put8(struct x_out *o, unsigned v);
void x_put16(struct x_out *o, unsigned v);
void x_put32(struct x_out *o, uint32_t v);
void x_put_bytes(struct x_out *o, const void *p, size_t n);
/* Zeros up to the next multiple of four. */
void x_pad(struct x_out *o);
/* Opcode, a byte of its own, and room for the length. */
void x_request(struct x_out *o, unsigned opcode, unsigned data);
/* Pads and fills in the length. Returns false when the request is not to be sent. */
bool x_finish(struct x_out *o);

/* The first bytes of a connection. */
bool x_put_setup(struct x_out *o, const char *auth_name, size_t n_name, const void *auth,
                 size_t n_auth);

/* ---- answers; n is what x_frame_size or x_setup_size has said ---- */

struct x_setup {
    uint32_t id_base, id_mask;
    uint32_t root;            /* of the first screen */
    uint32_t most_request;    /* bytes */
    uint16_t width, width_mm; /* of that screen; the second may be 0 */
};
/* Returns false when it is no success, or not whole. */
bool x_read_setup(const uint8_t *p, size_t n, struct x_setup *out);
/* Why the server has refused, or NULL; *size bytes, to be trusted in nothing. */
const char *x_read_refusal(const uint8_t *p, size_t n, size_t *size);

struct x_property {
    uint32_t type, left; /* bytes that are behind this part */
    unsigned format;     /* 0: there is no such property; 8, 16 or 32 */
    const uint8_t *data;
    size_t size; /* bytes */
};
bool x_read_property(const uint8_t *p, size_t n, struct x_property *out);

/* The authorization that SECURITY has made. */
struct x_authorization {
    uint32_t id;
    const uint8_t *data;
    size_t size;
};
bool x_read_authorization(const uint8_t *p, size_t n, struct x_authorization *out);

#endif
