/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_FILTER_SERVICE_H
#define CARREL_FILTER_SERVICE_H

#include "filter/relay.h"

/*
 * A filter as the supervisor starts it when the app first connects: what is the same in all of
 * them. The program's state, which the relay hands to its protocol, begins with a struct service.
 */
enum {
    SERVICE_LISTENING = 3, /* the socket that the app sees */
    SERVICE_SETTINGS = 5,  /* a sealed text, where the filter has settings */
    SERVICE_CONTROL = 6,   /* the supervisor's word: its end is ours */
};
enum { SERVICE_FAILED = 125 };
enum { SERVICE_COMPLAINTS = 20 }; /* an app that is cut off can come again and again */

struct service {
    const char *name;
    int complaints;
};

/* Says why the filter cannot begin, and ends it. error: an errno, or 0. */
_Noreturn void service_fail(const struct service *s, const char *what, int error);

/* The whole of the settings, which are closed then; text has room for `room` bytes, of which one
 * stays free. Returns how many there are; longer or unreadable ones end the filter. */
size_t service_settings(const struct service *s, char *text, size_t room);

/* For a relay_protocol: the supervisor says nothing but its end; why a connection was cut is
 * written to the standard error, so many times and no more. */
bool service_control(void *program, struct relay *r, int fd);
void service_fault(void *program, void *state, const char *why);

/* The usual setup, and, after the walls have been raised, the loop until the supervisor's end.
 * Returns 0, as the exit status. */
struct relay_setup service_setup(const struct relay_protocol *protocol, struct service *program);
int service_run(struct relay_setup *setup);

#endif
