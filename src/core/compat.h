/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CORE_COMPAT_H
#define CARREL_CORE_COMPAT_H

#include "core/core.h"

/*
 * What bubblewrap does otherwise than carrel-core, for carrel-bwrap alone: the verbs behind
 * PLAN_FIRST_COMPAT, its processes, and its texts. Everything else is the core's own code.
 */

/* Bits of the loosen line, in the order of the names; see plan/verbs.h. */
enum {
    LOOSE_USER = 1,
    LOOSE_PIDS = 2,
    LOOSE_ONE_LEVEL = 4,
    LOOSE_CAPS = 8,
    LOOSE_FDS = 16,
    LOOSE_LINKS = 32,
    LOOSE_OUTLIVE = 64,
    LOOSE_NO_REAPER = 128,
};

/* Places in join's list. */
enum { JOIN_USER, JOIN_USER2, JOIN_PID, JOIN_NET };

/* Carries out a plan; text[size] must be writable, space as for job_read. prefixed: a level such as
 * <3> before each message; explained: what else is known of a fault, in a second line. Comes back
 * only by ending the process. */
_Noreturn void compat_run(char *text, size_t size, void *space, bool prefixed, bool explained);
void compat_say_how(bool prefixed, bool explained);

/* compat_mount.c */
step_runner run_overlay, run_copy_fd, run_bind_copy, run_chmod, run_loose_bind, run_loose_seal,
    run_loose_proc, run_loose_symlink;
/* Whether all that the steps take from the host is there, and where. */
void sources_find(struct job *j);
/* A tmpfs that lies under the new root and is gone with the old one. */
void scratch_make(struct job *j);
void fd_used_up(const struct job *j, const struct step *s, uint64_t fd);
/* compat_wishes.c */
/* Holds the signals that are handed on back, for who waits; the program gets what the caller had.
 */
void signals_hold(struct job *j);
void signals_release(const struct job *j);
/* Waits for one signal and hands it on. False: it cannot be waited for. */
bool signals_wait(const struct job *j, int program);
/* Hands signals on until the child ends, or something comes from descriptor `end` (or -1). */
void signals_watch(const struct job *j, int child, int end);
/* Has the id maps of the child written, by newuidmap and newgidmap. */
void maps_write(const struct job *j, unsigned child);
/* compat_process.c */
step_runner run_enter;
/* Zeroed, and never given back. */
void *compat_memory(const struct step *s, size_t n);

#endif
