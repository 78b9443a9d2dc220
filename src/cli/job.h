/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_JOB_H
#define CARREL_CLI_JOB_H

#include "cli/cli.h"
#include "plan/plan.h"
#include "resolve/resolve.h"
#include "run/run.h"

/* What run, plan and explain share: from the words that the person typed to a plan. */
struct job {
    struct app app;
    struct policy policy;
    struct request request;
    struct plan plan;
    enum run_terminal terminal;
    const char *const *documents; /* granted among the arguments, NULL-terminated; or NULL */
    bool documents_rw;
};

/* The options of these commands, besides Flatpak's. */
/* clang-format off */
#define JOB_OPTIONS                                                                                \
    {"policy", "FILE", "a policy file for this run, over all others"},                             \
    {"finish-args-from", "FILE",                                                                   \
     "permissions from a Flatpak manifest (JSON, YAML) or a list of options"},                     \
    {"app-id", "ID", "the app's id, which chooses its policy and its home"},                       \
    {"cwd", "FOLDER", "start in this folder, if the app can see it"},                              \
    {"tty", "auto|always|never", "whether the app gets a terminal of its own"}
/* clang-format on */

/* Operand 0 is the app; args are its arguments, NULL-terminated; instance is the name of the run,
 * or what stands for it where nothing will run. Returns 0, or an exit code with an error. */
int job_prepare(struct cli *c, const char *const *args, const char *instance, const char *cookie,
                struct job *j);

#endif
