/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_DBUS_STUB_H
#define CARREL_DBUS_STUB_H

#include "dbus/client.h"

/*
 * A relay for tests that need none: what a client would send is kept, and holds are counted. Link
 * it instead of the real one.
 */
struct stub {
    uint8_t sent[RELAY_SIDES][1 << 16];
    size_t n[RELAY_SIDES];
    unsigned resumed, cut;
};

extern struct stub stub;

/* Connects to a bus that lets it in, up to the message behind Hello. */
struct client *stub_client(struct bus *bus);
/* One message, whole. */
struct relay_verdict stub_message(struct client *c, enum relay_side from, struct message m,
                                  const char *argument);

#endif
