/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_ASK_ASK_H
#define CARREL_ASK_ASK_H

#include "util/arena.h"

#include <stdbool.h>

/*
 * One question to the person, and one of four answers: on the terminal when there is one, else by
 * the dialog of the desktop's portals (access.h), else by a notification with buttons (Desktop
 * Notifications Specification 1.2). Whatever an app has had a
 * hand in is shown with its control characters escaped, so that it cannot look like words of ours.
 */
enum answer { ANSWER_NO, ANSWER_YES, ANSWER_NEVER, ANSWER_ALWAYS };

/* Returns an answer; or -errno: -ENOTTY when there is nobody to ask. bus: the address of the
 * session bus. desktop: XDG_CURRENT_DESKTOP, or NULL. question: one line, of our own words and of
 * ask_quote's. A notification that is closed, or that nobody answers within the time, is a no. */
int ask(struct arena *a, const char *bus, const char *desktop, const char *question, int seconds);

/* text with everything escaped (\xNN) that is no safe character (util/utf8.h), cut at a length that
 * fits a line. */
const char *ask_quote(struct arena *a, const char *text);

/* The parts, for ask and the tests. */
int ask_terminal(const char *question, int in, int out);
int ask_notification(struct arena *a, const char *bus, const char *question, int seconds);

#endif
