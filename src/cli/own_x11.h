/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_OWN_X11_H
#define CARREL_CLI_OWN_X11_H

#include "plan/plan.h"
#include "x11/xauth.h"

/* Whose X server the plan of a running app leads to. */
enum x11_of { X11_OF_NOBODY, X11_OF_PERSON, X11_OF_APP };

/* The app's own, which another run of it may have started. */
struct own_x11 {
    const char *folder, *name; /* of its socket, on the host */
    struct xauth_fact cookie;  /* name NULL: there is none */
};

/* Fills out for X11_OF_APP. */
enum x11_of own_x11_of(struct arena *a, const struct plan *p, struct own_x11 *out);

#endif
