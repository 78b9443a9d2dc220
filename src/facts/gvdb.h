/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_FACTS_GVDB_H
#define CARREL_FACTS_GVDB_H

#include "util/arena.h"
#include <stddef.h>

/*
 * Looks one key up in a GVDB file, the hash table on disk in which dconf keeps settings (the format
 * is that of GLib's gvdb-format.h, little-endian; values are serialised GVariants of type v).
 * Returns the value as GVariant text ("'Adwaita'", "true", "24", "1.25") when it is a string, a
 * boolean, an int32, a uint32 or a double; NULL when the key is not there, its value has another
 * type, or the file is malformed where we looked. Reads nothing outside the size bytes at data,
 * which need no alignment. In the arena.
 */
const char *gvdb_lookup(struct arena *a, const char *data, size_t size, const char *key);

#endif
