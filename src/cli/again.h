/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_AGAIN_H
#define CARREL_CLI_AGAIN_H

#include "cli/job.h"

/* Grants the files among the arguments to those instances of an app with a bus that run already.
 * What cannot be granted is noted. */
void pass_on_documents(struct cli *c, const struct job *j);

#endif
