/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_RESOLVE_XSERVER_H
#define CARREL_RESOLVE_XSERVER_H

#include "resolve/ctx.h"

/* What the plans of an app's own X server and of who shows it have in common. */

/* The host's programs and libraries, and what every such helper needs. */
void put_system(struct ctx *c, struct plan *p);
/* The person's display, whose socket on the host is `host`: untrusted where it knows of that, else
 * as the person. Returns its number, as digits. */
const char *put_host_display(struct ctx *c, struct plan *p, const struct path_fact *host,
                             unsigned number, const char *why);
/* viewer.c: whether Xpra is installed; if not, there will be no plan. */
bool has_xpra(struct ctx *c, struct place at);
/* viewer.c: the plan of who shows an app's own X server. */
void put_viewer(struct ctx *c);

#endif
