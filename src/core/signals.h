/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CORE_SIGNALS_H
#define CARREL_CORE_SIGNALS_H

#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>

enum {
    STATUS_FD = 0, /* where pid 1 has the pipe to the monitor in the end */
    REPORT_FD = 2, /* where the monitor has the plan's status-fd, or nothing */
    LAST_SIGNAL = 64,
    /* Goes with a signal from the monitor to pid 1: it is meant for the app's process group, as a
     * terminal's signals are, and not for its first process alone. */
    TO_ONE = 0,
    TO_GROUP = 1,
    /* Pid 1 to the app's process: no capability is left here, go on. None that is ignored by
     * default: the reset of its handler would throw it away. */
    GO_ON = SIGUSR1,
};

/* The kernel's form of a set: bit N-1 is signal N. */
static const uint64_t all_signals = ~0ull;

static const struct timespec no_wait = {0, 0};

/* As shells say it; status is wait(2)'s. */
static inline int exit_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

#endif
