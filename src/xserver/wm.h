/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_XSERVER_WM_H
#define CARREL_XSERVER_WM_H

#include "x11/client.h"

/*
 * The window manager of one app's own X server: one window fills the screen, several float, dialogs
 * stand in the middle of what they belong to. Alt and the left button move a window, with the right
 * one they resize it. It runs on the server's side of the wall and trusts nothing that the app
 * says.
 *
 * x is connected and has no deadline. told, a descriptor or -1, gets bytes: WM_WINDOW_IS_THERE
 * once, as soon as the app has made a window, shown or not; WM_APP_HANGS once, when the person has
 * closed its windows again, and it has not answered for a while. Comes back when the server is
 * gone.
 */
enum wm_word { WM_WINDOW_IS_THERE = 'w', WM_APP_HANGS = 'h' };
void wm_run(struct x11 *x, int told);

#endif
