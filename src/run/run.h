/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_RUN_RUN_H
#define CARREL_RUN_RUN_H

#include "plan/plan.h"
#include "util/diag.h"

/*
 * Hands a plan to the core. Puts the plan and the system-call filter into sealed memory files and
 * replaces this process by carrel-core, or by carrel-tty when one of the descriptors 0, 1, 2 is a
 * terminal and the plan asks for one. libexec is the folder with those programs.
 * Does not return on success; on failure returns -1 with an error in d.
 */
int run_plan(const struct plan *p, const char *libexec, bool terminal, struct diags *d);

#endif
