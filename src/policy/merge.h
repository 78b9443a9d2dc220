/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_POLICY_MERGE_H
#define CARREL_POLICY_MERGE_H

#include "policy/keywords.h"
#include "policy/source.h"

/*
 * Words of one layer on their way into the merged policy. A file's words are gathered first and
 * merged when the whole list is known; an option is a layer of one word (all options have the same
 * rank, which is what tells them from the layers below). Private to this room.
 */

/* What one layer says of one permission; the rules are Flatpak's, see carrel-policy(5). */
struct layer_perm {
    const char *name;
    bool allowed, reset;
    struct perm_condition *conditions;
    size_t n_conditions, cap_conditions;
    struct place at;
    /* "x11;if:x11:…": the plain word was only meant for readers that do not know conditions. What
     * held before it, so that the first condition behind it can take it back. */
    bool marker, old_reset;
};

struct layer_perms {
    struct layer_perm *v;
    size_t n, cap;
};

/* Key of the words of each permission kind in the keyword table: "Context/shared" … */
extern const char *const perm_places[PERM_KIND_COUNT];

/* Reads one word ("x11", "!x11", "if:x11:!has-wayland") into l. Faults are told. */
void perm_read_word(struct source *s, enum perm_kind kind, struct layer_perms *l, const char *word,
                    struct place at);
/* Merges a layer into the policy. */
void perms_merge(struct source *s, enum perm_kind kind, const struct layer_perms *l);

/* One word of filesystems=: [!]LOCATION[:MODE]. */
struct layer_fs {
    struct fs_grant grant;
    bool reset; /* "!host:reset" */
};

/* Returns whether the word is good; faults are told. (fs.c) */
bool fs_read_word(struct source *s, const char *word, bool negated, struct place at,
                  struct layer_fs *out);
/* One word of persistent=, as a grant with base FS_HOME_PATH. (fs.c) */
bool fs_read_persistent(struct source *s, const char *word, struct place at, struct fs_grant *out);
/* Drops what lower layers say when one of the words resets, then sets each. */
void fs_merge(struct source *s, const struct layer_fs *v, size_t n);
void persistent_set(struct source *s, struct fs_grant grant);

void env_set(struct policy *p, const char *name, const char *value, struct place at);
/* Checks a variable's name; tells why not. */
bool env_name_ok(struct source *s, const char *name, struct place at);

/* Why a name or NAME.* is none on a bus, or NULL. */
const char *bus_name_error(const char *name);
/* Checks the name and sets the rule. */
void bus_set(struct source *s, enum bus_kind kind, const char *name, enum bus_access access,
             struct place at);

/* Sets a value of one of our own groups after checking it. (carrel.c) */
void carrel_set(struct source *s, const char *group, const char *key, const char *value,
                struct place key_at, struct place at);
/* Whether values of this key are kept as they stand in the file, to be split by policy_list. */
bool carrel_is_list(const struct keyword *k);

#endif
