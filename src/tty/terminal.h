/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_TTY_TERMINAL_H
#define CARREL_TTY_TERMINAL_H

#include <stdbool.h>
#include <termios.h>

/*
 * The person's own terminal, seen from the relay. It is put into raw mode only while our process
 * group is in its foreground: a job that was started with `&` must neither change the terminal
 * under the shell nor take its input.
 */
struct terminal {
    int fd;        /* -1: there is none */
    int edge;      /* an epoll descriptor that becomes readable once for each arrival of input */
    bool may_read; /* fd was opened for reading */
    bool raw;      /* we have set raw mode; `saved` is to be put back */
    struct termios saved;
    int guard;       /* where its guard is told (see guard.h), -1: there is none */
    pid_t guard_pid; /* the process */
};

/*
 * Takes over the terminal behind descriptor fd under a description of its own where that can be
 * had, so that O_NONBLOCK is not seen by the shell. Returns 0 or -errno.
 */
int terminal_open(struct terminal *t, int fd);
/* Whether our process group may read from it and set its modes. */
bool terminal_in_foreground(const struct terminal *t);
/* Saves the modes and goes raw, if we are in the foreground; else does nothing. */
void terminal_raw(struct terminal *t);
/* Puts the saved modes back (and throws unread input away: late replies of the terminal must not
 * reach the shell), if we went raw and are still in the foreground. */
void terminal_restore(struct terminal *t);
/* Has a guard put the modes back if we are killed. Without one (no process can be made) the
 * terminal then stays raw. */
void terminal_guard(struct terminal *t);
/* Ends the guard. */
void terminal_unguard(struct terminal *t);
/* Copies the window size to the pseudo terminal behind master. */
void terminal_copy_size(const struct terminal *t, int master);
/* Forgets one arrival of input, so that `edge` sleeps until the next. */
void terminal_edge_seen(const struct terminal *t);

#endif
