/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_AGAIN_H
#define CARREL_CLI_AGAIN_H

#include "cli/job.h"

/* Grants the files among the arguments to those instances of an app with a bus that run already.
 * What cannot be granted is noted. */
void pass_on_documents(struct cli *c, const struct job *j);

/* What a run has to hold, or to let go, because it joins an X server. */
struct joined {
    int lock;      /* to be closed when the run has been entered into the registry; or -1 */
    int lease;     /* keeps the server; 0: none is joined */
    int common[2]; /* namespaces for run_plan */
};

/* Where this run would start an X server of the app's own and one of its kind stands already, j's
 * plan is made anew to use that. */
void join_x_server(struct cli *c, struct job *j, struct joined *out);

#endif
