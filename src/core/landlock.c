/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/sys.h"

/* The system's header may be older than the kernel, so its structures stand here. */
enum { RULE_PATH_BENEATH = 1, RIGHTS_OF_FILES = 0xc007 };

struct path_beneath {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));

void run_landlock(struct job *j, const struct step *s)
{
    const uint64_t rights_net_scopes[] = {s->n[0], 0, s->n[1]};
    j->ruleset = CALL3(s, landlock_create_ruleset, rights_net_scopes, sizeof rights_net_scopes, 0,
                       "cannot make the rules");
}

/* A path that is not there needs no rule: rules only allow. */
void run_landlock_allow(struct job *j, const struct step *s)
{
    struct path_beneath rule = {s->n[1], path_open(j, s, s->w[0].s)};
    if (rule.fd < 0)
        return;
    long err = sys4(__NR_landlock_add_rule, j->ruleset, RULE_PATH_BENEATH, &rule, 0);
    if (err == -EINVAL && rule.allowed & RIGHTS_OF_FILES) { /* a file knows no others */
        rule.allowed &= RIGHTS_OF_FILES;
        err = sys4(__NR_landlock_add_rule, j->ruleset, RULE_PATH_BENEATH, &rule, 0);
    }
    must(s, "landlock_add_rule", err, "cannot allow %q", s->w[0].s);
    sys_close(rule.fd);
}
