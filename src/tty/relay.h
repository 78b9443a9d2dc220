/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_TTY_RELAY_H
#define CARREL_TTY_RELAY_H

#include "tty/flow.h"
#include "tty/terminal.h"

#include <signal.h>
#include <sys/types.h>

enum { FLOW_INPUT, FLOW_OUTPUT, FLOW_ERRORS, FLOW_COUNT };

/* The relay between a terminal (or, without one, the standard descriptors) and the core's
 * descriptors. */
struct relay {
    pid_t core;
    int signals;           /* signalfd; the signals in it are blocked */
    bool tell_hup;         /* pass SIGHUP on (it was not ignored when we were started) */
    struct terminal outer; /* fd -1 when no standard descriptor is a terminal */
    int master;            /* our end of the app's pseudo terminal, or -1 */
    bool awaited;          /* it will come over the socket that FLOW_ERRORS is read from */
    bool reads_terminal;   /* FLOW_INPUT comes from outer, and only while we are in front */
    bool ends_input;       /* the end of FLOW_INPUT is told to the app (as Ctrl-D) */
    bool may_stop;         /* SIGTSTP was not ignored when we were started */
    bool settled;          /* the guard and the filter are there */
    int looks;             /* times to look again whether we have come to the foreground */
    struct flow flow[FLOW_COUNT];
};

/* The signals that the relay takes: those it passes on and those it acts on. */
void relay_signals(sigset_t *set);
/* Runs until the core is gone and all it wrote is written. Returns the core's wait status. */
int relay_run(struct relay *r);

#endif
