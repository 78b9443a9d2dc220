/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_X11_SECURITY_H
#define CARREL_X11_SECURITY_H

#include "x11/client.h"

/*
 * The SECURITY extension ("Security Extension Specification", X Consortium, version 7.1): cookies
 * whose holder the server keeps from the windows, keys and extensions of the others. A cookie lasts
 * for as long as a connection made with it, and `seconds` longer; 0: until the server ends.
 */
enum { X_COOKIE_MOST = 64 };

struct x_cookie {
    uint32_t id; /* for x11_revoke */
    uint8_t data[X_COOKIE_MOST];
    size_t size;
};

/* Whether the server has the extension. Returns 0 (*has is set) or -errno. */
int x11_has_security(struct x11 *x, bool *has);
/* Makes an untrusted MIT-MAGIC-COOKIE-1. Returns 0 or -errno: -ENOSYS when the server has no such
 * extension, -EACCES when we are not trusted ourselves. */
int x11_untrusted(struct x11 *x, uint32_t seconds, struct x_cookie *out);
/* Takes a cookie back: who is connected by it is cut off. Returns 0 or -errno. */
int x11_revoke(struct x11 *x, uint32_t id);

#endif
