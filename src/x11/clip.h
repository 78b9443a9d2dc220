/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_X11_CLIP_H
#define CARREL_X11_CLIP_H

#include "clip/data.h"
#include "x11/client.h"

/*
 * What carrel clip carries from one X server's clipboard to another's: a text and a picture, as
 * the Inter-Client Communication Conventions Manual (version 2.0, section 2) has selections. The
 * whole is fetched at once, with bounds, and the source never hears of it again. No heap.
 */

/* Fetches what the server's clipboard has. Returns 0 or -errno (with c->why): -ENODATA when there
 * is nothing that may be carried, -EFBIG when it is too much. */
int clip_take(struct x11 *x, struct clip *c);
/* Only names what there is: at most n names, each one of a fixed table. Returns how many, or
 * -errno. */
int clip_list(struct x11 *x, const char *names[], int n, const char **why);
/*
 * Becomes the owner of the server's clipboard, calls `owned`, and answers whoever pastes, until
 * somebody else copies (0) or the server is gone (-errno; -EBUSY: it could not be had).
 */
int clip_give(struct x11 *x, const struct clip *c, void (*owned)(void *), void *arg);

#endif
