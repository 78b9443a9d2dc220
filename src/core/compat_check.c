/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/compat.h"

#include <linux/sched.h>

static bool read_fd(const struct word *w, uint64_t *fd)
{
    return read_number(w, 10, INT32_MAX, fd);
}

static const char bad_fd[] = "not a descriptor's number";

static const char *fd_first(NO_JOB, struct step *s)
{
    return read_fd(&s->w[0], &s->n[0]) ? NULL : bad_fd;
}

static const char *fd_second(NO_JOB, struct step *s)
{
    return read_fd(&s->w[1], &s->n[1]) ? NULL : bad_fd;
}

static const char *mode_second(NO_JOB, struct step *s)
{
    return read_number(&s->w[1], 8, 07777, &s->n[1]) ? NULL : "not an octal mode up to 7777";
}

static const char *mode_and_fd(struct job *j, struct step *s)
{
    return read_fd(&s->w[2], &s->n[2]) ? mode_second(j, s) : bad_fd;
}

static const char *caps(NO_JOB, struct step *s)
{
    return read_number(&s->w[0], 16, UINT64_MAX, &s->n[0]) ? NULL : "not a hexadecimal number";
}

/* All later lines are read in the light of this one. */
static const char *loosen(struct job *j, struct step *s)
{
    j->loose = (unsigned)s->n[0];
    if (j->n != 1 || !j->loose)
        return "must be the first line, and name something";
    j->shared =
        (j->loose & LOOSE_USER ? CLONE_NEWUSER : 0) | (j->loose & LOOSE_PIDS ? CLONE_NEWPID : 0);
    return NULL;
}

static const char *unshare(struct job *j, struct step *s)
{
    static const unsigned long flags[] = {CLONE_NEWUSER, 0, CLONE_NEWPID, 0, 0, 0, 0};
    for (int i = 0; i < s->argc; i++)
        if (flags[s->n[i]] & j->shared)
            return "contradicts the loosen line";
    return NULL;
}

static const char *overlay(NO_JOB, struct step *s)
{
    if (!read_number(&s->w[1], 10, 1000, &s->n[1]) || s->n[1] == 0)
        return "not a number of layers";
    return (s->argc == 5) == (s->n[2] == 2) ? NULL : "only rw needs UPPER and WORK";
}

static const char namespaces[] = "user mount pid ipc uts net cgroup";

/* '.' stands for words that the check reads itself. */
static const struct rule rules[PLAN_VERB_COUNT] = {
    [PLAN_LOOSEN] = {"c",
                     REQUIRED,
                     0,
                     {"host-user host-pids one-level host-caps all-fds links outlive no-reaper"},
                     .check = loosen},
    [PLAN_UNSHARE] = {"nnnnnnn", REQUIRED, 0, {namespaces, namespaces}, .check = unshare},
    [PLAN_NESTED_USERNS] = {"n", 0, 0, {"deny allow assert"}},
    [PLAN_HOSTNAME] = {"a", 0, IN_ROOT, {0}, run_hostname, CLONE_NEWUTS, NULL},
    [PLAN_JOIN] = {"n.", MANY, 0, {"user user2 pid net"}, .check = fd_second},
    [PLAN_INFO_FD] = {".n", MANY, 0, {0, "once to-end"}, .check = fd_first},
    [PLAN_ID_MAP] = {"niii", MANY, 0, {"uid gid"}},
    [PLAN_WAIT_FD] = {".n", MANY, 0, {0, "maps start"}, .check = fd_first},
    [PLAN_HOLD_FD] = {".", MANY, .check = fd_first},
    [PLAN_LABEL] = {"nt", MANY, 0, {"exec files"}},
    [PLAN_LAYER] = {"t", MANY},
    [PLAN_TMPFS] = {"p.s", MANY, IN_ROOT, {0}, run_tmpfs, .check = mode_second},
    [PLAN_BIND] = {"tpcd", MANY, IN_ROOT, {0, "ro rw dev noexec optional"}, run_loose_bind},
    [PLAN_DIR] = {"p.", MANY, IN_ROOT, {0}, run_dir, .check = mode_second},
    [PLAN_SYMLINK] = {"tp", MANY, IN_ROOT, {0}, run_loose_symlink},
    [PLAN_PROC] = {"pn", MANY, IN_ROOT, {0, "bare host"}, run_loose_proc},
    [PLAN_MQUEUE] = {"p", MANY, IN_ROOT, {0}, run_mqueue, 0, NULL},
    [PLAN_SEAL] = {"p", MANY, IN_ROOT, {0}, run_loose_seal},
    [PLAN_OVERLAY] = {"p.ntt", MANY, IN_ROOT, {0, "ro tmp rw"}, run_overlay, .check = overlay},
    [PLAN_COPY_FD] = {"p..", MANY, IN_ROOT, {0}, run_copy_fd, .check = mode_and_fd},
    [PLAN_BIND_COPY] = {"p..n", MANY, IN_ROOT, {0, "ro rw"}, run_bind_copy, .check = mode_and_fd},
    [PLAN_CHMOD] = {"p.", MANY, IN_ROOT, {0}, run_chmod, .check = mode_second},
    [PLAN_LOCK_FILE] = {"t", MANY},
    [PLAN_CAPS] = {".", .check = caps},
    [PLAN_SIGNALS] = {"n", 0, 0, {"forward"}},
    [PLAN_PARENT_DEATH] = {"n", 0, 0, {"kill"}},
    [PLAN_ENTER] = {"tn", MANY, IN_APP, {0, "must try"}, run_enter},
    [PLAN_FILTER_FD] = {".", MANY, .check = fd_first},
    [PLAN_EXEC] = {"a", REQUIRED},
    [PLAN_ARGV0] = {"a"},
};

const struct rule *compat_rule(unsigned verb)
{
    return rules[verb].words ? &rules[verb] : NULL;
}
