/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_COMMANDS_H
#define CARREL_CLI_COMMANDS_H

#include "cli/cli.h"

/* One row each, beside the code that carries it out. */
extern const struct command command_run, command_plan, command_explain, command_list,
    command_import, command_reset, command_check, command_doctor, command_desktop, command_new,
    command_ps, command_kill, command_enter, command_grant, command_revoke, command_grants,
    command_limit, command_permissions, command_copy, command_clip, command_attach, command_detach;

#endif
