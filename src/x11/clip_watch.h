/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_X11_CLIP_WATCH_H
#define CARREL_X11_CLIP_WATCH_H

#include "x11/clip_keys.h"

/*
 * A service (SERVICE_LISTEN_FD and so on, plan/plan.h) that stands beside one app's own X server
 * and listens for the clipboard's keys on the person's display: in the window in which that server
 * draws, whose number the first four bytes of a connection say; the connection stays for as long as
 * the window does. It is on that display by the person's own cookie, and takes only what the
 * display itself says of the keyboard: no client of the app's server has a way there, and who may
 * only come untrusted to the person's, as the nested server, can send it nothing that looks like a
 * key.
 *
 * carry: called in a process of its own for each press, with both servers at the first descriptors
 * of carrel-clip; its result is the exit status. Returns an exit status, when the supervisor has
 * gone.
 */
int clip_watch(int (*carry)(const struct clip_cookie *from, const struct clip_cookie *to));

#endif
