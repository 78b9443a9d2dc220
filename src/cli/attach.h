/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_ATTACH_H
#define CARREL_CLI_ATTACH_H

#include "cli/cli.h"
#include "plan/plan.h"

/* Whether the app of this plan is shown by a viewer, which is no part of its run. */
bool wants_viewer(const struct plan *p);
/* Starts `carrel attach` for a run that is about to start, in a process of its own that waits for
 * it. Returns 0 or -errno. */
int start_viewer(struct cli *c, const char *instance);

#endif
