/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_DBUS_LOG_H
#define CARREL_DBUS_LOG_H

#include "dbus/wire.h"

/*
 * A line for each verdict, in words with escapes (util/word.h):
 *
 *   refused CONNECTION KIND PEER MEMBER PATH # why      KIND: call return error signal
 *   passed CONNECTION KIND PEER MEMBER PATH
 *   cut CONNECTION # why
 *   lost NUMBER                                         lines, before this one
 *
 * PEER is the destination of what the app sends and the sender of what it gets; "-" stands where
 * a message has none. Nothing waits for a reader: what does not fit is lost and counted, and so is
 * what comes too fast.
 */
struct log {
    int fd; /* or -1; non-blocking */
    unsigned long lost;
    uint64_t stamp; /* milliseconds */
    unsigned tokens;
};

enum { LOG_BURST = 1000, LOG_RATE = 100 /* lines at once, and a second */ };

void log_message(struct log *l, const char *verdict, unsigned long connection,
                 const struct message *m, bool from_app, const char *why);
void log_cut(struct log *l, unsigned long connection, const char *why);

#endif
