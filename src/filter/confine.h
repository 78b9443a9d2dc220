/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_FILTER_CONFINE_H
#define CARREL_FILTER_CONFINE_H

#include "filter/relay.h"

/*
 * A filter's own walls, besides those of the plan that starts it; raised before the first byte
 * from outside is read and never taken down: no new privileges; an allow-list of the system calls
 * that the relay makes (anything else ends the process); Landlock without any rule, so that no
 * file can be opened; no core dump; no more descriptors than the limits need, which are lowered
 * where the system allows fewer. The server's socket stays within reach by its path or name.
 *
 * Returns 0, or -errno with *what set to what failed. Without Landlock in the kernel the rest
 * holds, and *landlock is 0; else it is the kernel's ABI.
 */
int confine(struct relay_setup *s, int *landlock, const char **what);

#endif
