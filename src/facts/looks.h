/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_FACTS_LOOKS_H
#define CARREL_FACTS_LOOKS_H

#include "facts/facts.h"

/*
 * Reads one file of the person's and adds what the table of looks.c allows to f->looks. Nothing
 * else of such a file ever gets into the snapshot. A malformed line, or a value that could name a
 * file or an address, is passed over.
 */
void looks_read(struct facts *f, enum look_file file, const char *text, size_t size);
/* The text form's name of a file of settings; -1 for an unknown name. */
const char *look_file_name(enum look_file file);
int look_file_named(const char *name);
void looks_add(struct facts *f, enum look_file file, const char *group, const char *key,
               const char *value);

#endif
