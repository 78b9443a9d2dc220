/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_GRANT_H
#define CARREL_CLI_GRANT_H

#include "cli/cli.h"
#include "instance/instance.h"
#include "util/json.h"

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
/* grant_path.c: what it is that should not be an app's to read, or with rw to change ("keys"), for
 * a path without links; or NULL: nothing of the kind. */
const char *grant_guarded(struct cli *c, const char *real, bool rw);
/* grant_path.c: the first link on the way to a clean path that a program may have put there, or
 * NULL. */
const char *grant_link(struct cli *c, const char *path);
/* grant_path.c: the same path by its text alone, for what may be gone. NULL with an error. */
const char *grant_path(struct cli *c, const char *word);
/* grant_policy.c: adds it to the person's own policy of the app. Returns 0 or an exit code. */
int grant_always(struct cli *c, const char *app, const struct granted *g);
/* grant_policy.c: changes the person's own policy of the app, which stays as it is if it would have
 * errors then. edit puts the new text. Returns 0 or an exit code. */
typedef void grant_editor(const char *text, size_t size, const void *what, struct buf *out);
int grant_change(struct cli *c, const char *app, grant_editor *edit, const void *what);
/* grant_policy.c: a policy's text with this key in this group, which are made if they are not
 * there; the last one is replaced. The key and the value need no escapes. */
void grant_set_key(const char *text, size_t size, const char *group, const char *key,
                   const char *value, struct buf *out);
/* grant_policy.c: a policy's text with one word more in filesystems= of the group [Context], either
 * of which is made if it is not there. Nothing else changes, comments neither. word: as it reads
 * in a list, not escaped for a file. */
void grant_add_word(const char *text, size_t size, const char *word, struct buf *out);
/* grant_policy.c: a policy's text without what grants this path, by its own name. home: the
 * person's, absolute. Nothing else changes. */
void grant_drop_path(const char *text, size_t size, const char *home, const char *path,
                     struct buf *out);
/* grant_policy.c: a policy's text without this key in this group. */
void grant_drop_key(const char *text, size_t size, const char *group, const char *key,
                    struct buf *out);
/* grant_policy.c: whether a word of a policy grants just this path, by its own name. */
bool grant_is_path(struct arena *a, const struct fs_grant *g, const char *home, const char *path);

/* ---- grant_kept.c: what the person's own policies give for good ---- */

/* Whether the app's gives this path. */
bool kept_path(struct cli *c, const char *app, const char *path);
/* Takes it out. Returns 0 or an exit code. */
int kept_path_take(struct cli *c, const char *app, const char *path);
/* The same with a name on a bus, whatever it was allowed; *found: it was there. */
int kept_name_take(struct cli *c, const char *app, enum bus_kind kind, const char *group,
                   const char *name, bool *found);
/* Lists paths and names, of one app, or of all that have such a policy when app is NULL. Returns 0
 * or an exit code. */
int kept_list(struct cli *c, const char *app, struct json *j, struct buf *out);

/* ---- grant_name.c: names on a bus ---- */

#define GRANT_NAME_OPTIONS(what)                                                                   \
    {"talk-name", "NAME", what "may talk to a name on the session bus"},                           \
        {"see-name", "NAME", what "may see it"}, {"own-name", "NAME", what "may own it"},          \
        {"system-talk-name", "NAME", what "may talk to a name on the system bus"},                 \
        {"system-see-name", "NAME", what "may see it"},                                            \
        {"system-own-name", "NAME", what "may own it"},                                            \
    {                                                                                              \
        "a11y-own-name", "NAME", what "may own a name on the accessibility bus"                    \
    }

/* Whether the command names any. */
bool grant_names_any(const struct cli *c);
/* Gives those that the command names to running instances, and into the policy if it is for good.
 * Returns 0 or an exit code. */
int grant_names(struct cli *c, const char *app, const struct instance *v, size_t n, long seconds,
                bool always, bool force);
/* Takes those that the command names, or all; *found: there was one. */
int revoke_names(struct cli *c, const struct instance *in, bool all, bool *found);
/* Takes those that the command names out of the person's own policy of the app. */
int revoke_kept_names(struct cli *c, const char *app, bool *found);
/* Lists what an instance has: the answer of its supervisor to "names", four words each. */
void list_names(struct cli *c, const struct instance *in, const struct instance_reply *reply,
                struct json *j, struct buf *out);

#endif
