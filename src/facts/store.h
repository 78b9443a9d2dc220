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
void facts_put_folder(struct facts *f, const char *path, bool is_folder);
void facts_put_env(struct facts *f, const char *name, const char *value, bool asked);

/* Looks for what is wanted, of a kind each, at a path. */
typedef void look_for(struct facts *f, const char *path);
/* Reads the files of settings; looks.c. Asks the X server for a cookie; untrusted.c. Looks for
 * control groups; control.c. These need no path. */
look_for look_looks, look_untrusted, look_control;
/* Finds the document portal's folder, and has the portal started where it is not there; path: the
 * bus' socket. */
look_for look_documents;
/* The size of the message that begins with these n bytes, by its frame (D-Bus specification,
 * "Message Format"), and whether it is a reply. 0: too few bytes to tell; SIZE_MAX: nothing to go
 * on with. */
size_t documents_reply(const unsigned char *s, size_t n, bool *is_reply);
enum { DOCUMENTS_MOST = 32 << 10 }; /* bytes of body, and of fields */

/* The folder that holds path: "/a" for "/a/b", "/" for "/a" and "/". */
const char *path_parent(struct arena *a, const char *path);
/* dir/name, without doubling the slash of "/". */
const char *path_join(struct arena *a, const char *dir, const char *name);

#define FACTS_MAX_HOPS 40 /* as the kernel's MAXSYMLINKS */

#endif
