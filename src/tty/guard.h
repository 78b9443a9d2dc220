/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_TTY_GUARD_H
#define CARREL_TTY_GUARD_H

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

/*
 * A process that does nothing but wait for the end of the relay. Was the terminal raw then (the
 * relay was killed), and has nobody set other modes since, it puts the saved ones back.
 */

/* What it is told by each write. */
struct guarded {
    bool raw;
    struct termios saved,
        set; /* the modes before, and those of the relay as the terminal took them */
};

/* Starts a guard for the terminal behind a descriptor. Returns the descriptor on which it is told,
 * or -errno; *pid is the process. It ends when that descriptor is closed. */
int guard_start(int terminal, pid_t *pid);

/* Leaves this process the calls that a relay, or its guard, needs to go on and to end. Returns 0 or
 * -errno. */
int confine_self(void);

#endif
