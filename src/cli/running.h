/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_RUNNING_H
#define CARREL_CLI_RUNNING_H

#include <stdbool.h>

/*
 * Whether a process of the caller's has the folder `home` mounted in a mount namespace of its own,
 * as every confined app has its home. Processes that cannot be looked at do not count.
 */
bool app_is_running(const char *home);

#endif
