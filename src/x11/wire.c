/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x11/wire.h"

/* ---- sizes ---- */

size_t x_setup_size(const uint8_t *p, size_t n)
{
    return n < X_SETUP_HEAD ? 0 : X_SETUP_HEAD + 4 * (size_t)x_get16(p + 6);
}

size_t x_frame_size(const uint8_t *p, size_t n)
{
    if (n < X_UNIT)
        return 0;
    bool longer = p[0] == X_REPLY || (p[0] & 0x7f) == X_GENERIC_EVENT;
    return X_UNIT + (longer ? 4 * (size_t)x_get32(p + 4) : 0);
}

/* ---- requests ---- */

void x_put_bytes(struct x_out *o, const void *p, size_t n)
{
    if (o->full || n > o->size - o->n) {
        o->full = true;
        return;
    }
    if (n)
        memcpy(o->p + o->n, p, n);
    o->n += n;
}

void x_put8(struct x_out *o, unsigned v)
{
    uint8_t b = (uint8_t)v;
    x_put_bytes(o, &b, sizeof b);
}

void x_put16(struct x_out *o, unsigned v)
{
    uint16_t b = (uint16_t)v;
    x_put_bytes(o, &b, sizeof b);
}

void x_put32(struct x_out *o, uint32_t v)
{
    x_put_bytes(o, &v, sizeof v);
}

void x_pad(struct x_out *o)
{
    static const uint8_t zeros[3];
    x_put_bytes(o, zeros, (4 - o->n % 4) % 4);
}

void x_request(struct x_out *o, unsigned opcode, unsigned data)
{
    o->n = 0;
    o->full = false;
    x_put8(o, opcode);
    x_put8(o, data);
    x_put16(o, 0);
}

bool x_finish(struct x_out *o)
{
    x_pad(o);
    if (o->full || o->n / 4 > UINT16_MAX)
        return false;
    uint16_t units = (uint16_t)(o->n / 4);
    memcpy(o->p + 2, &units, sizeof units);
    return true;
}

bool x_put_setup(struct x_out *o, const char *auth_name, size_t n_name, const void *auth,
                 size_t n_auth)
{
    o->n = 0;
    o->full = n_name > UINT16_MAX || n_auth > UINT16_MAX;
    x_put8(o, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 'l' : 'B');
    x_put8(o, 0);
    x_put16(o, 11);
    x_put16(o, 0);
    x_put16(o, (unsigned)n_name);
    x_put16(o, (unsigned)n_auth);
    x_put16(o, 0);
    x_put_bytes(o, auth_name, n_name);
    x_pad(o);
    x_put_bytes(o, auth, n_auth);
    x_pad(o);
    return !o->full;
}

/* ---- answers ---- */

enum { SETUP_FAILED, SETUP_SUCCESS, SETUP_FIXED = 40, FORMAT_SIZE = 8, SCREEN_SIZE = 40 };

bool x_read_setup(const uint8_t *p, size_t n, struct x_setup *out)
{
    if (n < SETUP_FIXED || p[0] != SETUP_SUCCESS)
        return false;
    size_t vendor = x_get16(p + 24), screens = p[28], formats = p[29];
    size_t at = SETUP_FIXED + (vendor + 3) / 4 * 4 + FORMAT_SIZE * formats;
    if (screens == 0 || at + SCREEN_SIZE > n)
        return false;
    *out = (struct x_setup){
        .id_base = x_get32(p + 12),
        .id_mask = x_get32(p + 16),
        .root = x_get32(p + at),
        .width = x_get16(p + at + 20),
        .width_mm = x_get16(p + at + 24),
        .most_request = 4 * (uint32_t)x_get16(p + 26),
    };
    return true;
}

const char *x_read_refusal(const uint8_t *p, size_t n, size_t *size)
{
    if (n < X_SETUP_HEAD || p[0] != SETUP_FAILED || p[1] > n - X_SETUP_HEAD)
        return NULL;
    *size = p[1];
    return (const char *)p + X_SETUP_HEAD;
}

bool x_read_property(const uint8_t *p, size_t n, struct x_property *out)
{
    if (n < X_UNIT || p[0] != X_REPLY)
        return false;
    unsigned format = p[1];
    size_t units = x_get32(p + 16);
    if ((format != 0 && format != 8 && format != 16 && format != 32) ||
        units > (n - X_UNIT) / (format ? format / 8 : 1) || (format == 0 && units))
        return false;
    *out = (struct x_property){
        .type = x_get32(p + 8),
        .left = x_get32(p + 12),
        .format = format,
        .data = p + X_UNIT,
        .size = units * (format / 8),
    };
    return true;
}

bool x_read_authorization(const uint8_t *p, size_t n, struct x_authorization *out)
{
    if (n < X_UNIT || p[0] != X_REPLY)
        return false;
    size_t size = x_get16(p + 12);
    if (size == 0 || size > n - X_UNIT)
        return false;
    *out = (struct x_authorization){.id = x_get32(p + 8), .data = p + X_UNIT, .size = size};
    return true;
}
