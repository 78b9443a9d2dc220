/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_DBUS_AUTH_H
#define CARREL_DBUS_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The lines before the messages (D-Bus Specification, "Authentication Protocol"). The filter is
 * the server of the app and a client of the bus: no line of the one ever reaches the other. To the
 * app only EXTERNAL is offered. That it could reach the socket is what lets it in; the bus sees
 * the filter's own credentials.
 */

enum { AUTH_LINE_MOST = 1024, AUTH_MOST = 16 << 10 };

/* What is sent to the bus at once, with all lines that it may answer later; n bytes of to, which
 * holds AUTH_LINE_MOST. */
size_t auth_greeting(char *to, unsigned uid);

enum auth_step {
    AUTH_MORE,  /* no whole line yet */
    AUTH_GO_ON, /* the line is done; *answer is to be sent (may be "") */
    AUTH_WAIT,  /* the line is not done: the bus has to answer first */
    AUTH_DONE,  /* messages come behind it */
    AUTH_BAD,   /* *answer says why */
};

/* The bus' answers to the greeting. */
struct auth_bus {
    char id[33]; /* the bus' guid, empty until it is known */
    bool fds, fds_known;
    unsigned lines;
};

/* Takes one line from n bytes; *used are done with unless AUTH_MORE. AUTH_DONE: the bus takes
 * messages. */
enum auth_step auth_from_bus(struct auth_bus *a, const uint8_t *bytes, size_t n, size_t *used,
                             const char **answer);

struct auth_app {
    bool began, asked, let_in, fds;
    size_t seen; /* bytes, against AUTH_MOST */
    char text[64];
};

enum auth_step auth_from_app(struct auth_app *a, const struct auth_bus *bus, const uint8_t *bytes,
                             size_t n, size_t *used, const char **answer);

#endif
