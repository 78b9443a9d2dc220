/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CATALOG_INTERNAL_H
#define CARREL_CATALOG_INTERNAL_H

#include "catalog/catalog.h"

/* Whether any layer has ID.policy. */
bool catalog_has_policy(const struct catalog *c, const char *id);
/* The known name or id that is nearest to a mistyped one, or NULL. Scans folders: for errors. */
const char *catalog_nearest(const struct catalog *c, const char *name);

#endif
