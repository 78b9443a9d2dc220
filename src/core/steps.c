/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"

/* Verbs that are not here are wholly taken in by the check. */
static const struct {
    step_runner *run;
    unsigned char place;
} runners[PLAN_VERB_COUNT] = {
    [PLAN_HOSTNAME] = {run_hostname, IN_SETUP},
    [PLAN_LOOPBACK] = {run_loopback, IN_SETUP},
    [PLAN_HOST_DIR] = {run_host_dir, IN_SETUP},
    [PLAN_TMPFS] = {run_tmpfs, IN_ROOT},
    [PLAN_BIND] = {run_bind, IN_ROOT},
    [PLAN_PROC] = {run_proc, IN_ROOT},
    [PLAN_DEVPTS] = {run_devpts, IN_ROOT},
    [PLAN_MQUEUE] = {run_mqueue, IN_ROOT},
    [PLAN_DIR] = {run_dir, IN_ROOT},
    [PLAN_FILE] = {run_file, IN_ROOT},
    [PLAN_SYMLINK] = {run_symlink, IN_ROOT},
    [PLAN_SEAL] = {run_seal, IN_ROOT},
    [PLAN_RLIMIT] = {run_rlimit, IN_APP},
    [PLAN_KEYRING] = {run_keyring, IN_APP},
    [PLAN_CWD] = {run_cwd, IN_APP},
    [PLAN_LANDLOCK] = {run_landlock, IN_APP},
    [PLAN_LANDLOCK_ALLOW] = {run_landlock_allow, IN_APP},
};

void run_steps(struct job *j, enum step_place place)
{
    for (const struct step *s = j->steps; s < j->steps + j->n; s++)
        if (runners[s->verb].run && runners[s->verb].place == place)
            runners[s->verb].run(j, s);
}
