/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x11/security.h"

#include <errno.h>

/* Minor opcodes, the bits of the values' mask, and one value. */
enum { GENERATE = 1, REVOKE = 2, HAS_TIMEOUT = 1 << 0, HAS_TRUST = 1 << 1, UNTRUSTED = 1 };

static const char cookie_protocol[] = "MIT-MAGIC-COOKIE-1";

/* The server hides the extension from those that it does not trust. */
static int opcode_of(struct x11 *x, unsigned *opcode)
{
    return x11_extension(x, "SECURITY", opcode);
}

int x11_has_security(struct x11 *x, bool *has)
{
    unsigned opcode;
    int r = opcode_of(x, &opcode);
    *has = r == 0 && opcode != 0;
    return r;
}

int x11_untrusted(struct x11 *x, uint32_t seconds, struct x_cookie *out)
{
    uint8_t bytes[128];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    struct x_authorization made;
    const uint8_t *p;
    size_t n = sizeof cookie_protocol - 1;
    unsigned opcode;
    int r = opcode_of(x, &opcode);
    if (r < 0 || !opcode)
        return r < 0 ? r : -ENOSYS;
    x_request(&o, opcode, GENERATE);
    x_put16(&o, (unsigned)n);
    x_put16(&o, 0); /* the server chooses the cookie */
    x_put32(&o, HAS_TIMEOUT | HAS_TRUST);
    x_put_bytes(&o, cookie_protocol, n);
    x_pad(&o);
    x_put32(&o, seconds);
    x_put32(&o, UNTRUSTED);
    r = x11_ask(x, &o, &p, &n);
    if (r < 0)
        return r == -EREMOTEIO ? -EACCES : r;
    if (!x_read_authorization(p, n, &made) || made.size > sizeof out->data)
        return -EPROTO;
    out->id = made.id;
    out->size = made.size;
    memcpy(out->data, made.data, made.size);
    return 0;
}

int x11_revoke(struct x11 *x, uint32_t id)
{
    uint8_t bytes[8];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    unsigned opcode;
    int r = opcode_of(x, &opcode);
    if (r < 0 || !opcode)
        return r < 0 ? r : -ENOSYS;
    x_request(&o, opcode, REVOKE);
    x_put32(&o, id);
    r = x11_send(x, &o);
    /* It has no reply: a question behind it tells whether it was taken. */
    if (r == 0)
        r = x11_extension(x, "SECURITY", &opcode);
    return r;
}
