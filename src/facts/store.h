/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_FACTS_STORE_H
#define CARREL_FACTS_STORE_H

#include "facts/facts.h"

/* The inside of struct facts, shared by this room's files. */

/* What is known of path, or NULL. The pointer holds until the next facts_put_path. */
struct path_fact *facts_known_path(const struct facts *f, const char *path);
/* Adds a fact or replaces the one about the same path. */
const struct path_fact *facts_put_path(struct facts *f, const struct path_fact *fact);
struct list_fact *facts_known_list(const struct facts *f, const char *path);
void facts_put_list(struct facts *f, const struct list_fact *list);
void facts_put_env(struct facts *f, const char *name, const char *value, bool asked);

/* Reads the files of settings; looks.c. */
void look_looks(struct facts *f);
/* Asks the X server for a cookie; untrusted.c. */
void look_untrusted(struct facts *f);

/* The folder that holds path: "/a" for "/a/b", "/" for "/a" and "/". */
const char *path_parent(struct arena *a, const char *path);
/* dir/name, without doubling the slash of "/". */
const char *path_join(struct arena *a, const char *dir, const char *name);

#define FACTS_MAX_HOPS 40 /* as the kernel's MAXSYMLINKS */

#endif
