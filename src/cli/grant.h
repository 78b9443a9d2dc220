/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_GRANT_H
#define CARREL_CLI_GRANT_H

#include "cli/cli.h"

/* What is to be granted. */
struct granted {
    const char *path; /* absolute, clean, no symbolic link on the way */
    int fd;           /* O_PATH */
    bool rw;
};

/* grant_path.c: what the person's word means, if it may be granted to this app at all; force: also
 * where it would give the app much more than a file. Returns 0, or an exit code with an error. */
int grant_look(struct cli *c, const char *app, const char *word, bool rw, bool force,
               struct granted *out);
/* grant_path.c: the same path by its text alone, for what may be gone. NULL with an error. */
const char *grant_path(struct cli *c, const char *word);
/* grant_policy.c: adds it to the person's own policy of the app. Returns 0 or an exit code. */
int grant_always(struct cli *c, const char *app, const struct granted *g);
/* grant_policy.c: a policy's text with one word more in filesystems= of the group [Context], either
 * of which is made if it is not there. Nothing else changes, comments neither. word: as it reads
 * in a list, not escaped for a file. */
void grant_add_word(const char *text, size_t size, const char *word, struct buf *out);

#endif
