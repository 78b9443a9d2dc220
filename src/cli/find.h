/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_FIND_H
#define CARREL_CLI_FIND_H

#include "cli/cli.h"
#include "instance/instance.h"
#include "plan/plan.h"

/* What ps, kill, enter, grant and the like share. */

/* The running instances that a name means: an instance's own, an app's id, or any name by which
 * `carrel run` knows the app; all when name is NULL. *app is the app's id, or NULL. Returns 0, or
 * an exit code with an error; with a name, none is an error unless may_rest. */
int find_instances(struct cli *c, const char *name, bool may_rest, struct instance **out, size_t *n,
                   const char **app);
/* The app's own plan, whole, from the descriptor that the supervisor has. Returns 0 or an exit
 * code. */
int cli_read_plan(struct cli *c, int fd, struct plan *p);
/* An error about an instance. Returns EXIT_REFUSED. */
int instance_failed(struct cli *c, const struct instance *in, const char *what, const char *why,
                    int error);

#endif
