/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_INSTANCE_INSTANCE_H
#define CARREL_INSTANCE_INSTANCE_H

#include "util/arena.h"
#include "util/diag.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The registry of running apps, seen from a person's other commands: $XDG_RUNTIME_DIR/.flatpak with
 * a folder for each instance. Those of Carrel have a socket `control` in it, on which the
 * supervisor answers; Flatpak's own are passed over.
 */
struct instance {
    const char *id, *app; /* the folder's name; the app's id */
    const char *folder;   /* its path */
    pid_t pid;            /* what the person started: carrel-tty or the core */
    pid_t app_pid;        /* the app's first process; 0: it has not started yet */
    const char *server;   /* the kind of X server that it offers, or NULL */
    time_t since;         /* seconds since the epoch */

    /* instances_measure */
    pid_t *pids; /* everything inside, but pid 1 */
    size_t n_pids, cap_pids;
    uint64_t memory; /* bytes that are resident, shared ones in each process */
    uint64_t cpu_ms; /* user and system, of those that are alive and of their ended children */
};

/*
 * All that run, oldest first, or only the one with this id, digits (NULL: all). What nobody holds
 * the lock of is a leftover of one that was killed, and is removed. Returns 0, or -errno when the
 * registry cannot be read; none is no error.
 */
int instances_list(struct arena *a, const char *runtime_dir, const char *only,
                   struct instance **out, size_t *n);
/*
 * Those of this app whose X server other runs of it may join, as far as the registry tells, also
 * where the run that started it has ended. kind: what stands behind "x-server=" in `info`.
 */
int instances_with_server(struct arena *a, const char *runtime_dir, const char *app,
                          const char *kind, struct instance **out, size_t *n);
/* The rest of the line in `info` that begins so, or NULL. */
const char *instance_info_line(struct arena *a, const char *info, const char *word);
/* Fills in what /proc says, in one pass over it. Returns 0 or -errno. */
int instances_measure(struct arena *a, struct instance *v, size_t n);

enum { INSTANCE_MAX_FDS = 16, INSTANCE_NAMESPACES = 7 };

struct instance_reply {
    const char **words; /* without "ok" */
    size_t n_words;
    int fds[INSTANCE_MAX_FDS], n_fds; /* the caller's */
};

/*
 * Asks the supervisor; the words are those of supervise/request.c, ended by NULL; fd goes along if
 * it is not -1. Returns 0; or -errno with *why set to a text in the arena.
 */
int instance_ask(struct arena *a, const struct instance *in, int fd, struct instance_reply *reply,
                 const char **why, ...) __attribute__((sentinel));

/* The same for a request after which the connection stays. Returns it, or -errno. */
int instance_hold(struct arena *a, const struct instance *in, struct instance_reply *reply,
                  const char **why, const char *word);

/* What a process has open of one mount. */
struct held {
    pid_t pid;
    const char *name; /* the process' own word for itself: not to be trusted */
    int *fds;
    size_t n_fds, cap_fds;
};

/* mount: its id, as /proc/PID/fdinfo has it. Returns 0, or -errno when the process lets nobody
 * look; one that is gone holds nothing. */
int instance_holds(struct arena *a, pid_t pid, uint64_t mount, struct held *out);

#endif
