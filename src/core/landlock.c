/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/sys.h"

#include <errno.h>

/*
 * The system's header may be older than the kernel, so its structures stand here. See
 * landlock(7): ABI 1 has the rights up to make_sym, 2 refer, 3 truncate, 5 ioctl_dev, 6 scopes.
 */
enum { ASK_VERSION = 1, RULE_PATH_BENEATH = 1, RIGHTS_OF_FILES = 0xc007 };

struct ruleset_attr {
    uint64_t handled_fs, handled_net, scoped;
};

struct path_beneath {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));

static unsigned needed_abi(const struct landlock *l)
{
    return l->scoped              ? 6
           : l->handled >> 15 & 1 ? 5
           : l->handled >> 14 & 1 ? 3
           : l->handled >> 13 & 1 ? 2
                                  : 1;
}

void run_landlock(struct job *j, const struct step *s)
{
    const struct ruleset_attr attr = {j->landlock.handled, 0, j->landlock.scoped};
    long abi = sys3(__NR_landlock_create_ruleset, NULL, 0, ASK_VERSION);
    if (abi < 0)
        die(s, "landlock_create_ruleset", abi, "cannot use Landlock");
    if (abi < needed_abi(&j->landlock))
        die(s, NULL, 0, "the plan asks for version %u of Landlock, this kernel has %u",
            needed_abi(&j->landlock), (unsigned)abi);
    long fd = sys3(__NR_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (fd < 0)
        die(s, "landlock_create_ruleset", fd, "cannot make the Landlock rules");
    j->landlock.ruleset = (int)fd;
}

/* A path that is not there needs no rule: rules only allow. */
void run_landlock_allow(struct job *j, const struct step *s)
{
    struct path_beneath rule = {.allowed = s->n[0]};
    rule.fd = host_open(s, s->w[0].s);
    if (rule.fd == -ENOENT)
        return;
    long err = sys4(__NR_landlock_add_rule, j->landlock.ruleset, RULE_PATH_BENEATH, &rule, 0);
    if (err == -EINVAL && rule.allowed & RIGHTS_OF_FILES) { /* a file knows no others */
        rule.allowed &= RIGHTS_OF_FILES;
        err = sys4(__NR_landlock_add_rule, j->landlock.ruleset, RULE_PATH_BENEATH, &rule, 0);
    }
    if (err)
        die(s, "landlock_add_rule", err, "cannot allow %q", s->w[0].s);
    sys_close(rule.fd);
}

void landlock_enforce(const struct job *j)
{
    if (!job_has(j, PLAN_LANDLOCK))
        return;
    long err = sys2(__NR_landlock_restrict_self, j->landlock.ruleset, 0);
    if (err)
        die(NULL, "landlock_restrict_self", err, "cannot enforce Landlock");
    sys_close(j->landlock.ruleset);
}
