/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_DBUS_MATCH_H
#define CARREL_DBUS_MATCH_H

#include <stdbool.h>

/* As dbus-daemon has it. */
enum { MATCH_MOST = 1024 };

/*
 * Whether a bus may get this match rule from the app: NULL, or why not. A rule that would let it
 * see messages that are not for it (eavesdrop, in any spelling) is refused, as is all that
 * dbus-daemon's grammar does not know: keys may have blanks around them, values may be quoted in
 * parts by ' and, outside of these, hold \' for one.
 */
const char *match_refused(const char *rule);

#endif
