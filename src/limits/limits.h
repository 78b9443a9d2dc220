/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_LIMITS_LIMITS_H
#define CARREL_LIMITS_LIMITS_H

#include "facts/facts.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Control groups of version 2, one for each app that has limits: made by the person's systemd, as a
 * scope with a name by the convention for desktop programs (XDG_APPLICATIONS in systemd's
 * documentation), or by ourselves where a part of the tree is ours. Whoever makes it, what the
 * kernel then says is looked at: a limit that is not in force is a fault.
 */

/* Carrel's own processes in such a group, which an app's count of processes does not have. */
enum { LIMITS_OWN_PROCESSES = 16 };

/* "app-carrel-ID-INSTANCE.scope", or without the ending where it is ours: by that the two are told
 * apart. In the arena. */
const char *limits_group_name(struct arena *a, const char *app, const char *instance, bool manager);

/* What there is to be limited: values are those of plan_limit; NULL when there is no such name. */
struct limit_kind {
    const char *name, *file; /* of [Carrel Limits]; of the group */
    const char *property;    /* of systemd */
};
const struct limit_kind *limit_named(const char *name);

struct limits_fault {
    const char *what; /* NULL: there is none */
    int error;
};

/* What is wanted, and what came of it. */
struct limits_order {
    const char *app, *instance;
    const struct plan_limit *v;
    size_t n;
    const pid_t *pids; /* who is put into the group first */
    size_t n_pids;
    /* by whom it is: the name of systemd's scope; or, where it is NULL, a descriptor of the folder
     * of a group of ours, which can be removed when it is empty, or -1 */
    const char *scope;
    int group;
};

/*
 * Puts the processes into a group with these limits: a scope of the person's systemd where there is
 * one; where it does not answer in time or does not give all of them, a group of our own. A fault
 * says of each way why it could not be gone.
 */
struct limits_fault limits_begin(struct arena *a, const struct control_fact *by, const char *bus,
                                 struct limits_order *o);
/* Which of them do not hold in the group that this process is in, "io-weight, cpu"; NULL: all do.
 */
const char *limits_missing(struct arena *a, pid_t pid, const char *instance,
                           const struct plan_limit *v, size_t n);
/* Changes those of a group that is there. path: its folder; value "max" takes a limit away. */
struct limits_fault limits_change(struct arena *a, const char *bus, const char *path,
                                  const struct plan_limit *v, size_t n);

/* Moves one process into a group of our own; one that has ended is none. */
struct limits_fault limits_move(struct arena *a, int group, pid_t pid);

/* Where a process is: the folder of its group when that is one of Carrel's for this instance, else
 * NULL. *manager: whether systemd has made it. */
const char *limits_group_of(struct arena *a, pid_t pid, const char *instance, bool *manager);
/* The text of a file of a group, without the end of the line, or NULL. */
const char *limits_read(struct arena *a, const char *path, const char *file);

/* ---- systemd.c ---- */

/* Whether it can be asked at all. */
struct limits_fault systemd_answers(struct arena *a, const char *bus);
/* o->scope is its name. */
struct limits_fault systemd_begin(struct arena *a, const char *bus, const struct limits_order *o);
struct limits_fault systemd_change(struct arena *a, const char *bus, const char *unit,
                                   const struct plan_limit *v, size_t n);
struct limits_fault systemd_attach(struct arena *a, const char *bus, const char *unit,
                                   const pid_t *pids, size_t n_pids);

#endif
