/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_LIMIT_H
#define CARREL_CLI_LIMIT_H

#include "cli/cli.h"
#include "instance/instance.h"
#include "plan/plan.h"
#include "util/json.h"

/* Where the session bus is, or "" when it cannot be told. */
const char *cli_bus_address(struct cli *c);

/* Puts this process into a control group with the limits of the plan, as the last thing before it
 * becomes the app's monitor. in: its place in the registry, or NULL. Returns 0, or -1 with an
 * error. */
int limit_this_process(struct cli *c, const struct plan *p, const struct instance *in);

/* What limits a running app: "systemd", "cgroup", "rlimit" or "none". */
const char *limits_word(struct cli *c, const struct instance *in);
/* The same and the numbers, as an object "limits". */
void limits_json(struct cli *c, const struct instance *in, struct json *j);

#endif
