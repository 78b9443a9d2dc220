/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_WAYLAND_SETTINGS_H
#define CARREL_WAYLAND_SETTINGS_H

#include <stddef.h>

/*
 * What the filter goes by, as text: the line WAY_SETTINGS_HEADER, then lines of escaped words as
 * in plans (util/word.h), in any order:
 *
 *   socket PATH       the compositor's, in the filter's own root; must be there, once
 *   context PATH      where a socket can be made for the compositor's security context
 *   app ID            told to a compositor that knows security contexts
 *   instance ID       the same
 *   title TEXT        what all of its windows are called, whatever it says; they are the app's then
 *   power WORD...     what the app gets besides what every app gets (protocol.h)
 */
#define WAY_SETTINGS_HEADER "carrel-wayland 1"
enum { WAY_SETTINGS_MAX = 16 << 10 };

struct way_settings {
    const char *socket, *context, *app, *instance; /* "" when not given; into the text */
    const char *title;                             /* NULL: as it says */
    unsigned powers;
};

/* Reads n bytes, which are changed; text[n] must be writable. Returns 0; or -1 with *line and
 * *error set. */
int way_settings_read(struct way_settings *s, char *text, size_t n, int *line, const char **error);

#endif
