/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_DOCUMENTS_H
#define CARREL_CLI_DOCUMENTS_H

#include "cli/job.h"

/*
 * Files that stand among the app's arguments are what the person wants it to open: where the policy
 * says so (documents=) each is granted for this run. Only whole arguments, only files that exist,
 * never folders: an argument such as "/" or "~" must not open a home. A link on the way stays one,
 * so that the resolver can judge whose work it is. Returns the arguments with the paths under which
 * the app sees the files, as the caller's folder it does not; errors are in c->diags.
 */
const char *const *documents_grant(struct cli *c, struct job *j, const char *const *args);
/* An app can only say that a file is not there: for each that its plan does not show, a note. */
void documents_note(struct cli *c, const struct job *j, const char *const *args);

#endif
