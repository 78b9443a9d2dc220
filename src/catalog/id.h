/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CATALOG_ID_H
#define CARREL_CATALOG_ID_H

#include "util/arena.h"

/*
 * App ids for programs that have no policy. Different programs get different ids, so that they
 * never share a home: a byte that an id may not hold is written _XX (two upper-case hex digits),
 * '_' itself "__".
 *   a program of the distribution, by its name   org.debian.NAME
 *   any other, by its absolute path              local.PART.PART.NAME
 * NULL when the id would be longer than app_id_error() allows.
 */
const char *id_of_system_program(struct arena *a, const char *name);
const char *id_of_path(struct arena *a, const char *path);
/* What such an id was made of: NAME, or the path. NULL for any other id. */
const char *id_source(struct arena *a, const char *id);

#endif
