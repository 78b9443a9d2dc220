/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_NAMED_H
#define CARREL_CLI_NAMED_H

#include "cli/job.h"

/* Gives portals a name for an app on the session bus, when the host has none for its id. */
void name_for_portals(struct cli *c, const struct job *j);

#endif
