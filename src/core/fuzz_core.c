/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The core's check takes any bytes, in exactly the memory that it asks for, without a system call.
 * What it lets through has all that the handlers count on. */
#include "core/core.h"
#include "fuzz.h"

#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>

static void want(bool holds)
{
    if (!holds)
        abort();
}

static void check_job(const struct job *j)
{
    const unsigned long needed = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID;
    size_t env = 0, args = 0;
    want((j->namespaces & needed) == needed && j->rooted && j->n_kept <= MAX_KEPT_FDS);
    want(j->last[PLAN_UID] && j->last[PLAN_GID] && j->last[PLAN_EXEC]);
    want(j->argv && j->argv[0] == j->last[PLAN_EXEC]->w[0].s && j->argv[0][0]);
    for (size_t i = 0; i < j->n; i++) {
        const struct step *s = &j->steps[i];
        env += s->verb == PLAN_ENV;
        args += s->verb == PLAN_ARG;
        for (int k = 0; k < s->argc; k++)
            want(s->w[k].s[s->w[k].n] == '\0');
        if (plan_verbs[s->verb].phase == PHASE_MOUNT) {
            const char *dst = s->w[s->verb == PLAN_BIND || s->verb == PLAN_SYMLINK].s;
            want(dst[0] == '/' && strlen(dst) < 4096 && !strstr(dst, "//"));
            want(!strstr(dst, "/../") && !strstr(dst, "/./"));
        }
    }
    for (size_t i = 0; i < env; i++)
        want(j->envp[i] && strchr(j->envp[i], '='));
    for (size_t i = 0; i <= args; i++)
        want(j->argv[i] != NULL);
    want(!j->envp[env] && !j->argv[args + 1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct job j;
    struct fault f;
    char *text = malloc(size + 1);
    void *space = calloc(1, job_space(size));
    want(text && space);
    memcpy(text, data, size);
    if (job_read(&j, text, size, space, &f) == 0)
        check_job(&j);
    else
        want(f.text && f.text[0] && f.list);
    free(space);
    free(text);
    return 0;
}
