/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_ASKING_H
#define CARREL_CLI_ASKING_H

#include "cli/job.h"

/*
 * [Carrel Ask]: merges into the job's policy what the person says yes to, now or once and for all.
 * With nobody to ask the answer is no, and said. Only `carrel run` asks; elsewhere only what was
 * remembered counts. Returns 0, or an exit code with an error.
 */
int ask_at_start(struct cli *c, struct job *j, bool may_ask);

#endif
