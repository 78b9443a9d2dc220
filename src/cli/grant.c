/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"
const struct command command_grant = {.name = "grant"}, command_revoke = {.name = "revoke"},
                     command_grants = {.name = "grants"};
