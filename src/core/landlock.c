/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/sys.h"

/* The system's header may be older than the kernel, so its structures stand here. */
enum { ASK_VERSION = 1, RULE_PATH_BENEATH = 1, RIGHTS_OF_FILES = 0xc007 };

struct ruleset_attr {
    uint64_t handled_fs, handled_net, scoped;
};

struct path_beneath {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));

/* The version of Landlock that knows all these rights (bits as in check.c) and scopes. */
static unsigned needed_version(uint64_t rights, uint64_t scopes)
{
    return scopes                ? 6
           : rights & (1u << 15) ? 5
           : rights & (1u << 14) ? 3
           : rights & (1u << 13) ? 2
                                 : 1;
}

void run_landlock(struct job *j, const struct step *s)
{
    const struct ruleset_attr attr = {s->n[0], 0, s->n[1]};
    long version =
        must(s, "landlock_create_ruleset", sys3(__NR_landlock_create_ruleset, NULL, 0, ASK_VERSION),
             "cannot use Landlock");
    unsigned needed = needed_version(s->n[0], s->n[1]);
    if (version < needed)
        die(s, NULL, 0, "asks for version %u of Landlock, this kernel has %u", needed,
            (unsigned)version);
    j->ruleset = (int)must(s, "landlock_create_ruleset",
                           sys3(__NR_landlock_create_ruleset, &attr, sizeof attr, 0),
                           "cannot make the rules");
}

/* A path that is not there needs no rule: rules only allow. */
void run_landlock_allow(struct job *j, const struct step *s)
{
    struct path_beneath rule = {s->n[1], path_open(s, s->w[0].s)};
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

void landlock_enforce(const struct job *j)
{
    if (j->last[PLAN_LANDLOCK])
        must(j->last[PLAN_LANDLOCK], "landlock_restrict_self",
             sys2(__NR_landlock_restrict_self, j->ruleset, 0), "cannot enforce the rules");
}
