/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_RUN_INSTANCE_H
#define CARREL_RUN_INSTANCE_H

#include "plan/plan.h"
#include "run/run.h"
#include "util/diag.h"

/*
 * Makes a place in the registry for what this process is about to become, the sockets of the
 * plan's services in it, and starts the supervisor beside. app_plan is the descriptor of the plan's
 * bytes. Where the plan has a supervisor's status-fd, that is put there. Returns 0, or -1 with an
 * error in d; the folder is gone again then.
 */
int instance_begin(const struct plan *p, const struct run_instance *in, const char *libexec,
                   int app_plan, struct diags *d);

/* The number in the first word of a step, or -1. */
int fd_of(const struct plan_step *s);
/* Whether the plan names this number as a descriptor of its own. */
bool plan_uses_fd(const struct plan *p, int fd);
/* What may be done about it, or NULL. */
const char *run_hint(int error);
/* A memory file that nobody can change any more. Returns a descriptor or -errno. */
int sealed_file(const char *name, const void *bytes, size_t n);

#endif
