/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_ENTRY_H
#define CARREL_CLI_ENTRY_H

#include "util/buf.h"

#include <stdbool.h>

/*
 * The texts that `carrel desktop` writes: copies of .desktop files (Desktop Entry
 * Specification 1.5) and D-Bus service files (D-Bus Specification, "Message Bus Starting Services")
 * that start the app through Carrel, and shims. All begin (a shim: after "#!/bin/sh") with a line
 * that says whose they are, so that nothing else is ever replaced or removed.
 */

/*
 * Appends to out a copy of the text in which each command begins with `prefix` and nothing is left
 * by which a desktop could start the app without it (DBusActivatable, SystemdService).
 */
void entry_confine(const char *text, size_t size, const char *prefix, const char *id,
                   struct buf *out);
/*
 * Appends a drop-in for a systemd unit (systemd.unit(5)) whose commands begin with `prefix`.
 * Returns false, with out to be thrown away, when one of its ExecStart= commands cannot be put
 * behind another program as it stands: with another name as its first argument ('@'), or over more
 * than one line.
 */
bool entry_unit(const char *text, size_t size, const char *prefix, const char *id, struct buf *out);
/* Whether the line of n bytes is KEY = …; *value is where what follows the '=' and its blanks
 * begins. */
bool entry_key(const char *line, size_t n, const char *key, size_t *value);
/* A shell script that starts `name` as an app of that id. carrel: absolute path of plain
 * characters. */
void entry_shim(const char *carrel, const char *id, const char *name, struct buf *out);
/* Whether the text was made by the functions above; for this id, or for any when id is NULL. On
 * success *owner (may be NULL) points at the id in the text, *n_owner bytes long. */
bool entry_is_ours(const char *text, size_t size, const char *id, const char **owner,
                   size_t *n_owner);
/* Whether a path can stand in all these files as it is. */
bool entry_plain_path(const char *path);

#endif
