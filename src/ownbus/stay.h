/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_OWNBUS_STAY_H
#define CARREL_OWNBUS_STAY_H

/*
 * Returns in a new process, which is to become the app's first. The caller's own waits until that
 * and all that comes of it ended, and ends as that one did; a signal that ends the first process
 * ends it at once. Signals that come to it go on to the app: to its first process' group, or to
 * whatever is left of it.
 */
void stay(void);

/*
 * The same for a program that nobody has looked at yet: all ends with its first process. Where that
 * ends well and soon, and leaves others running, a line for people says so: a program that goes on
 * in the background would seem to do nothing. Signals are the first process' own, but for those of
 * a terminal's keys.
 */
void stay_and_tell(const char *program);

#endif
