/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_WAYLAND_CONTEXT_H
#define CARREL_WAYLAND_CONTEXT_H

#include "wayland/settings.h"

/*
 * A second wall behind ours, where the compositor has one: the extension security-context-v1. The
 * compositor gets a listening socket of ours and knows that whoever comes by it is confined. The
 * app's name is given behind "carrel/", which no name of a .desktop file can begin with, as some
 * compositors give such a name the rights that are written in that file.
 *
 * Returns 1 when there is a context: connections are then to be made to s->context, a new socket;
 * 0 when the compositor knows no such thing; -1 with *why set when it does, or may, and it failed.
 * The context ends with *keep, which stays open; it is -1 without one.
 */
int way_context(const struct way_settings *s, int *keep, const char **why);

#endif
