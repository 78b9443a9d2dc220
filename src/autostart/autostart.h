/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_AUTOSTART_AUTOSTART_H
#define CARREL_AUTOSTART_AUTOSTART_H

#include "util/buf.h"

#include <stddef.h>

/*
 * The portal Background lets an app ask to be started with the session. For an app that it takes
 * for one of Flatpak's, the entry that it or its backend writes (autostart/ID.desktop among the
 * person's settings, Desktop Application Autostart Specification 0.5) says `flatpak run`. Carrel
 * writes it anew under the same name, so that the portal can still take it away.
 */
enum { AUTOSTART_MOST_BYTES = 64 << 10, AUTOSTART_MOST_WORDS = 128 };

/* How the entries begin that Carrel writes; the app's id follows. */
#define AUTOSTART_MARK "# Made by Carrel of what the portal wrote: "

enum autostart {
    AUTOSTART_FOREIGN, /* it is not the portal's for this app: it is left as it is */
    AUTOSTART_OURS,    /* Carrel has written it */
    AUTOSTART_ANEW,    /* out is what takes its place */
    AUTOSTART_OFF,     /* the same, but hidden: its command is none that a portal writes */
};

/*
 * Judges the n bytes of text for the app id. carrel: the absolute path of the program `carrel`, of
 * plain characters. What the app chose (the program's name and its arguments) stands in the new
 * entry as words of the app's, never as options of Carrel's.
 */
enum autostart autostart_rewrite(struct arena *a, const char *text, size_t n, const char *id,
                                 const char *carrel, struct buf *out);

/*
 * Does it for the file ID.desktop in folder (a descriptor), when it is there. An entry that is
 * removed or written again meanwhile is not overwritten. Returns what it was, or -errno.
 */
int autostart_mend(int folder, const char *id, const char *carrel);

#endif
