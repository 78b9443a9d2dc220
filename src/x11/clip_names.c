/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x11/clip_names.h"

#include <errno.h>

const char *const clip_names[CLIP_NAMES] = {
    "CLIPBOARD",
    "TARGETS",
    "TIMESTAMP",
    "INCR",
    "CARREL_CLIP",
    "UTF8_STRING",
    "text/plain;charset=utf-8",
    "text/plain",
    "STRING",
    "TEXT",
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/gif",
    "image/bmp",
};

enum {
    CREATE_WINDOW = 1,
    CHANGE_PROPERTY = 18,
    INPUT_ONLY = 2,
    HAS_EVENT_MASK = 1 << 11,
    PROPERTY_CHANGE = 1 << 22,
};

int clip_begin(struct x11 *x, uint32_t atoms[], uint32_t *window)
{
    uint8_t bytes[64];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    for (int i = 0; i < CLIP_NAMES; i++) {
        int r = x11_atom(x, clip_names[i], &atoms[i]);
        if (r < 0)
            return r;
        if (!atoms[i])
            return -EPROTO;
    }
    *window = x11_new_id(x);
    x_request(&o, CREATE_WINDOW, 0);
    x_put32(&o, *window);
    x_put32(&o, x->setup.root);
    x_put32(&o, 0); /* where */
    x_put16(&o, 1); /* how large */
    x_put16(&o, 1);
    x_put16(&o, 0);
    x_put16(&o, INPUT_ONLY);
    x_put32(&o, 0);
    x_put32(&o, HAS_EVENT_MASK);
    x_put32(&o, PROPERTY_CHANGE);
    return x11_send(x, &o);
}

int clip_set_property(struct x11 *x, uint32_t window, uint32_t property, uint32_t type,
                      unsigned format, const void *data, size_t units)
{
    static uint8_t bytes[X_REQUEST];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    x_request(&o, CHANGE_PROPERTY, 0);
    x_put32(&o, window);
    x_put32(&o, property);
    x_put32(&o, type);
    x_put8(&o, format);
    x_put8(&o, 0);
    x_put16(&o, 0);
    x_put32(&o, (uint32_t)units);
    x_put_bytes(&o, data, units * (format / 8));
    return x11_send(x, &o);
}
