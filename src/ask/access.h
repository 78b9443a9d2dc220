/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_ASK_ACCESS_H
#define CARREL_ASK_ACCESS_H

#include "bus/bus.h"
#include "util/arena.h"

/*
 * A question by the dialog that the desktop's portals show for theirs
 * (org.freedesktop.impl.portal.Access): that is a program of the desktop's own, which any program
 * of the person's may ask, and no confined app can reach.
 */

/* The bus name of the backend that has this dialog, for a desktop as in XDG_CURRENT_DESKTOP (or
 * NULL), by the files *.portal in folder; NULL when there is none. */
const char *access_backend(struct arena *a, const char *folder, const char *desktop);

/* Like ask_notification. */
int ask_access(struct arena *a, const char *bus, const char *backend, const char *question,
               int seconds);

/* What the dialog's answer says, where "no" is always for this time: an answer, or -EPROTO. n bytes
 * of the message are there. */
int access_answer(const struct message *m, const uint8_t *bytes, size_t n);

#endif
