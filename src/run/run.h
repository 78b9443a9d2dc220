/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_RUN_RUN_H
#define CARREL_RUN_RUN_H

#include "plan/plan.h"
#include "util/diag.h"

/* What stands between the app and the terminal that the person started it from. */
enum run_terminal {
    RUN_DIRECT,   /* nothing: no standard descriptor is a terminal */
    RUN_TERMINAL, /* a pseudo terminal for those that are one */
    RUN_FORCED,   /* a pseudo terminal for all three */
    RUN_PIPES,    /* no terminal: pipes for those that are one */
};

/*
 * To be called before anything is opened. Opens those of the descriptors 0, 1 and 2 that are
 * closed as /dev/null, so that no file of ours becomes the app's standard output. Returns the
 * lowest number from 3 on that is not in use, and so none that somebody handed to us on purpose:
 * where the filter will be for the core.
 */
int run_prepare(void);

/* The lowest number from `least` on that is not in use. */
int run_free_fd(int least);

/* Where a run is entered for the person's other programs to find. */
struct run_instance {
    const char *id;          /* its name there: digits */
    const char *runtime_dir; /* the person's, checked (facts.h) */
    int held; /* what the supervisor holds open for as long as the app runs; 0 or -1: nothing */
    /* The user and IPC namespaces of an X server that runs already, which the app and its helpers
     * join instead of new ones; 0: none. */
    int common[2];
};

/*
 * Keeps other runs of this person's that look for a server to join waiting until the descriptor is
 * closed, or this process becomes another program: between the look and the entry into the registry
 * two of them would start two. Its number is `least` or higher, behind all that a plan names.
 * Returns -errno when it cannot be had within some seconds.
 */
int run_lock_registry(const char *runtime_dir, int least);

/* What is done last, when a supervisor stands beside already. Returns 0, or -1 with an error told.
 */
struct run_hook {
    int (*run)(void *data);
    void *data;
};

/* A name that no other run has, in id. Returns 0 or -errno. */
int run_new_id(char id[16]);
/* Bytes that nobody can guess; at most 256. Returns 0 or -errno. */
int run_random(void *to, size_t n);

/*
 * Hands a plan to the core. Puts the plan and the system-call filter that it names into sealed
 * memory files and replaces this process by carrel-core, or by carrel-tty, with an empty
 * environment; every other descriptor but 0, 1, 2 and those that the plan keeps is closed then.
 * libexec is the folder with those programs. With an instance (in not NULL) it is entered into
 * the registry first, and a supervisor is started beside; last may be NULL. Does not return on
 * success; on failure returns -1 with an error in d.
 */
int run_plan(const struct plan *p, const struct run_instance *in, const char *libexec,
             enum run_terminal terminal, const struct run_hook *last, struct diags *d);

/* On which descriptors carrel-enter finds the filter and a terminal's socket, as a plan says it. */
#define RUN_ENTER_FILTER   "4"
#define RUN_ENTER_TERMINAL "12"

/*
 * Replaces this process by carrel-enter, with carrel-tty in front as run_plan does: p is carried
 * out in the namespaces that the n descriptors (see instance_ask, "join") are of.
 */
int run_enter(const struct plan *p, const int *namespaces, int n, const char *libexec,
              enum run_terminal terminal, struct diags *d);

#endif
