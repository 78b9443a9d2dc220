/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_POLICY_READ_H
#define CARREL_POLICY_READ_H

#include "policy/keyfile.h"

/* What the readers of files and of options share. Private to this room. */

/* Merges every group of k that has a meaning. */
void policy_read_keyfile(struct source *s, const struct keyfile *k);
/* Sets the program that is started, after a check. */
void policy_set_command(struct source *s, const char *value, struct place at);
/* As policy_merge_option, which see; s tells how unknown words are taken. */
int policy_read_option(struct source *s, const char *arg, struct place at);

#endif
