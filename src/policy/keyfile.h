/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_POLICY_KEYFILE_H
#define CARREL_POLICY_KEYFILE_H

#include "policy/source.h"

/*
 * Key files as GLib's GKeyFile reads them (and the Desktop Entry Specification describes them),
 * with the place of everything. Stricter in three points: control characters are refused, a blank
 * at the end of a value is left out with a warning (GKeyFile keeps it, and "network " is then an
 * unknown word), and what stands below a malformed [group line is read into no group.
 * Private to this room.
 */
struct kf_entry {
    const char *key;
    const char *locale; /* of "key[locale]", or NULL */
    const char *value;  /* without the blanks around it, escapes not undone */
    struct place key_at, at;
    int replaces; /* line of an earlier entry with the same key, or 0 */
};

struct kf_group {
    const char *name;
    struct place at, again; /* again: the last repeated header, line 0 when there is none */
    struct kf_entry *v;
    size_t n, cap;
};

struct keyfile {
    struct kf_group *v;
    size_t n, cap;
};

struct kf_item {
    const char *text; /* escapes undone, blanks around it left out */
    struct place at;
};

/* More than a policy needs; keeps look-ups by name short on hostile files. */
#define KF_MAX_GROUPS  1000
#define KF_MAX_ENTRIES 4000 /* of all groups together */
#define KF_MAX_ITEMS   4000 /* of one list */

/* Reads text into k (memory from s->p->arena). What can not be read is told and left out. */
void keyfile_read(struct keyfile *k, struct source *s, const char *name, const char *text,
                  size_t size);

/* Undoes the escapes of a single value. Returns NULL after an error. */
const char *kf_string(struct source *s, const char *value, struct place at);
/* Splits a list at its ';' and undoes the escapes of each item; empty items are left out. Items
 * with a fault are told and left out. Returns the number of items. */
size_t kf_list(struct source *s, const char *value, struct place at, struct kf_item **items);

/*
 * Undoes the escapes of n bytes at in; out holds n + 1 bytes. Returns 0, or the offset of a bad
 * escape plus one.
 */
size_t kf_unescape(const char *in, size_t n, char *out);
/* Bytes up to the next ';' that is not escaped, or to the end. */
size_t kf_item_length(const char *value);
/* Appends value so that reading gives it back; in_list: a ';' is escaped too. */
void kf_escape(struct buf *out, const char *value, bool in_list);

#endif
