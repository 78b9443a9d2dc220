/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLIP_KEPT_H
#define CARREL_CLIP_KEPT_H

#include "clip/data.h"

/*
 * Between a Wayland compositor and an X server two helpers carry, each of which speaks one
 * protocol: one fetches into a file without a name, from which the other gives.
 */

/* Writes what was fetched. Returns 0 or -errno. */
int clip_keep(int fd, const struct clip *c);
/* Reads it from where the file is. The writer has talked to strangers, so that it is judged as if
 * it came from them. Returns 0 or -errno, -EPROTO when it is not as it must be. */
int clip_kept(int fd, struct clip *c);

#endif
