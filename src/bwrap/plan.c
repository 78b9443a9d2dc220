/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was wished becomes a plan. */
#include "bwrap/bwrap.h"
#include "util/str.h"

static char *number(struct wishes *w, long long n)
{
    return arena_printf(w->arena, "%lld", n);
}

static void put(struct wishes *w, const char *why, enum plan_verb verb, const char *one,
                const char *two)
{
    plan_add(&w->plan, verb, why, one, two, (char *)NULL);
}

/* ---- what goes together ---- */

static int check(struct wishes *w)
{
    const unsigned f = w->flags;
    bool userns = w->fds[FD_USERNS] >= 0, block = w->fds[FD_USERNS_BLOCK] >= 0;
    bool mapped = f & WANT_USER || userns;
    const struct {
        bool wrong;
        const char *text;
    } rules[] = {
        {block && !(f & WANT_USER), "--userns-block-fd requires --unshare-user"},
        {block && w->fds[FD_INFO] < 0, "--userns-block-fd requires --info-fd"},
        {userns && f & WANT_USER, "--userns is not compatible with --unshare-user"},
        {userns && f & WANT_USER_TRY, "--userns is not compatible with --unshare-user-try"},
        {f & DISABLE_USERNS && !(f & WANT_USER), "--disable-userns requires --unshare-user"},
        {f & DISABLE_USERNS && block, "--disable-userns is not compatible with --userns-block-fd"},
        {f & SUBIDS && (userns || block || f & DISABLE_USERNS),
         "--subids is not compatible with --userns, --userns-block-fd or --disable-userns"},
        {f & OWN_TTY && !(f & WANT_PID && f & DEV), "--own-tty requires --unshare-pid and --dev"},
        {w->fds[FD_NETNS] >= 0 && f & WANT_NET, "--netns is not compatible with --unshare-net"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        if (rules[i].wrong)
            return bwrap_fail(w, "%s", rules[i].text);
    if (w->host->uid != 0 && !userns)
        mapped = true;
    if (!mapped && f & WANT_USER_TRY && w->host->exists("/proc/self/ns/user") &&
        w->host->text(w->arena, "/proc/sys/user/max_user_namespaces")[0] != '0' &&
        w->host->text(w->arena, "/sys/module/user_namespace/parameters/enable")[0] != 'N')
        mapped = true;
    if (mapped && !userns)
        w->flags |= WANT_USER;
    const struct {
        bool wrong;
        const char *text;
    } later[] = {
        {!mapped && w->uid >= 0 && w->uid != w->host->uid,
         "Specifying --uid requires --unshare-user or --userns"},
        {!mapped && w->gid >= 0 && w->gid != w->host->gid,
         "Specifying --gid requires --unshare-user or --userns"},
        {f & SUBIDS && !mapped, "--subids requires --unshare-user"},
        {w->hostname && !(f & WANT_UTS), "Specifying --hostname requires --unshare-uts"},
        {f & AS_PID_1 && !(f & WANT_PID), "Specifying --as-pid-1 requires --unshare-pid"},
        {f & AS_PID_1 && w->n_locks, "Specifying --as-pid-1 and --lock-file is not permitted"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(later); i++)
        if (later[i].wrong)
            return bwrap_fail(w, "%s", later[i].text);
    if (!(f & (WANT_CGROUP | WANT_CGROUP_TRY)))
        return 0;
    bool cgroup = w->host->exists("/proc/self/ns/cgroup");
    if (f & WANT_CGROUP && !cgroup)
        return bwrap_fail(w, "Cannot create new cgroup namespace because the kernel does not "
                             "support it");
    w->flags |= cgroup ? WANT_CGROUP : 0;
    return 0;
}

/* ---- the parts ---- */

static int64_t uid_inside(const struct wishes *w)
{
    return w->uid >= 0 ? w->uid : (int64_t)w->host->uid;
}

static int64_t gid_inside(const struct wishes *w)
{
    return w->gid >= 0 ? w->gid : (int64_t)w->host->gid;
}

/* A second user namespace is made where the first must have root: for terminals of its own, and
 * so that the limit on further ones is out of reach. */
static bool two_levels(const struct wishes *w)
{
    bool other = uid_inside(w) != 0 || gid_inside(w) != 0;
    return w->flags & WANT_USER && w->fds[FD_USERNS_BLOCK] < 0 && !(w->flags & SUBIDS) &&
           (w->flags & DISABLE_USERNS || (w->flags & DEV && other));
}

static bool keeps_caps(const struct wishes *w)
{
    return w->host->uid == 0 && !(w->flags & CAPS_CHOSEN);
}

static void add_loosened(struct wishes *w)
{
    const unsigned f = w->flags;
    put(w, "bubblewrap's ways", PLAN_LOOSEN,
        arena_printf(w->arena, "%s%s%s%sall-fds,links%s%s", f & WANT_USER ? "" : "host-user,",
                     f & WANT_PID ? "" : "host-pids,", two_levels(w) ? "" : "one-level,",
                     keeps_caps(w) ? "host-caps," : "", f & END_TOGETHER ? "" : ",outlive",
                     f & AS_PID_1 ? ",no-reaper" : ""),
        NULL);
}

static void add_namespaces(struct wishes *w)
{
    static const struct {
        unsigned flag;
        const char *name;
    } rows[] = {{WANT_USER, "user"}, {WANT_PID, "pid"}, {WANT_IPC, "ipc"},
                {WANT_UTS, "uts"},   {WANT_NET, "net"}, {WANT_CGROUP, "cgroup"}};
    struct word words[7] = {{(char[]){"mount"}, 5}};
    int n = 1;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (w->flags & rows[i].flag)
            words[n++] = (struct word){arena_strdup(w->arena, rows[i].name), strlen(rows[i].name)};
    plan_add_words(&w->plan, PLAN_UNSHARE, NULL, n, words);
    put(w, NULL, PLAN_NESTED_USERNS,
        w->flags & DISABLE_USERNS  ? "deny"
        : w->flags & ASSERT_USERNS ? "assert"
                                   : "allow",
        NULL);
    if (w->hostname)
        put(w, NULL, PLAN_HOSTNAME, w->hostname, NULL);
    if (w->flags & WANT_NET)
        put(w, NULL, PLAN_LOOPBACK, "up", NULL);
}

static void add_fds(struct wishes *w)
{
    static const struct {
        enum fd_setting fd;
        enum plan_verb verb;
        const char *before, *behind;
    } rows[] = {
        {FD_USERNS, PLAN_JOIN, "user", NULL},     {FD_USERNS2, PLAN_JOIN, "user2", NULL},
        {FD_PIDNS, PLAN_JOIN, "pid", NULL},       {FD_NETNS, PLAN_JOIN, "net", NULL},
        {FD_INFO, PLAN_INFO_FD, NULL, "once"},    {FD_JSON, PLAN_INFO_FD, NULL, "to-end"},
        {FD_BLOCK, PLAN_WAIT_FD, NULL, "start"},  {FD_USERNS_BLOCK, PLAN_WAIT_FD, NULL, "maps"},
        {FD_SECCOMP, PLAN_FILTER_FD, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *fd = number(w, w->fds[rows[i].fd]);
        if (w->fds[rows[i].fd] >= 0)
            put(w, NULL, rows[i].verb, rows[i].before ? rows[i].before : fd,
                rows[i].before ? fd : rows[i].behind);
    }
    for (size_t i = 0; i < w->n_sync; i++)
        put(w, NULL, PLAN_HOLD_FD, number(w, w->sync_fds[i]), NULL);
    for (size_t i = 0; i < w->n_filters; i++)
        put(w, NULL, PLAN_FILTER_FD, number(w, w->filter_fds[i]), NULL);
}

static void add_labels(struct wishes *w)
{
    if (w->exec_label)
        put(w, NULL, PLAN_LABEL, "exec", w->exec_label);
    if (w->file_label)
        put(w, NULL, PLAN_LABEL, "files", w->file_label);
}

/* Only where one of the three is a terminal. */
static void add_terminal(struct wishes *w)
{
    struct buf names = {.arena = w->arena};
    for (int fd = 0; fd < 3; fd++)
        if (w->host->is_terminal(fd))
            buf_printf(&names, "%s%d", names.len ? "," : "", fd);
    if (names.len)
        plan_add(&w->plan, PLAN_TERMINAL, "--own-tty", number(w, w->host->free_fd()),
                 arena_printf(w->arena, "%s/pts/ptmx", w->dev), names.data, (char *)NULL);
}

static int add_process(struct wishes *w)
{
    if (w->flags & OWN_TTY)
        add_terminal(w);
    if (w->flags & FORWARD_SIGNALS)
        put(w, NULL, PLAN_SIGNALS, "forward", NULL);
    for (size_t i = 0; i < w->n_limits; i += 2)
        plan_add(&w->plan, PLAN_RLIMIT, "--limit", w->limits[i], w->limits[i + 1], w->limits[i + 1],
                 (char *)NULL);
    if (w->flags & NEW_SESSION)
        put(w, NULL, PLAN_SESSION, "new", NULL);
    put(w, NULL, PLAN_UMASK, arena_printf(w->arena, "%o", w->host->umask), NULL);
    for (size_t i = 0; i < w->n_locks; i++)
        put(w, "--lock-file", PLAN_LOCK_FILE, w->locks[i], NULL);
    put(w, NULL, PLAN_CAPS, arena_printf(w->arena, "%llx", (unsigned long long)w->caps), NULL);
    if (w->flags & DIE_WITH_PARENT)
        put(w, NULL, PLAN_PARENT_DEATH, "kill", NULL);
    const char *home = env_get(w, "HOME"), *cwd = w->chdir ? NULL : w->host->cwd(w);
    if (w->chdir)
        put(w, "--chdir", PLAN_ENTER, w->chdir, "must");
    if (cwd)
        put(w, "the caller's", PLAN_ENTER, cwd, "try");
    if (!w->chdir && home && *home)
        put(w, "HOME", PLAN_ENTER, home, "try");
    if (!w->chdir)
        put(w, NULL, PLAN_ENTER, "/", "must");
    return env_set(w, "PWD", "/");
}

static void add_program(struct wishes *w)
{
    for (size_t i = 0; i < w->n_env; i++)
        if (strchr(w->env[i], '=') > w->env[i])
            put(w, NULL, PLAN_ENV, w->env[i], NULL);
    put(w, NULL, PLAN_EXEC, w->command[0], NULL);
    if (w->argv0)
        put(w, NULL, PLAN_ARGV0, w->argv0, NULL);
    for (char **arg = w->command + 1; *arg; arg++)
        put(w, NULL, PLAN_ARG, *arg, NULL);
}

/* The root is a tmpfs, unless the first operation brings one that hides it anyway. */
static bool makes_root(struct wishes *w, const struct operation *op)
{
    bool may = op->option->make == make_bind || op->option->make == make_tmpfs;
    bool try = op->option->make == make_bind && op->option->value & 4;
    return may && !try && str_eq(inside(w, op->arg[may && op->option->make == make_bind]), "/");
}

int bwrap_plan(struct wishes *w)
{
    if (check(w) < 0)
        return -1;
    w->plan.cap = w->n_ops + w->n_env + 64; /* mostly enough */
    w->plan.v = arena_array(w->arena, w->plan.cap, sizeof *w->plan.v);
    add_loosened(w);
    put(w, NULL, PLAN_UID, number(w, uid_inside(w)), NULL);
    put(w, NULL, PLAN_GID, number(w, gid_inside(w)), NULL);
    add_namespaces(w);
    if (w->flags & SUBIDS &&
        bwrap_add_subids(w, (uint32_t)uid_inside(w), (uint32_t)gid_inside(w)) < 0)
        return -1;
    add_fds(w);
    add_labels(w);
    if (!w->n_ops || !makes_root(w, &w->ops[0]))
        plan_add(&w->plan, PLAN_TMPFS, "the root", "/", "755", "-", (char *)NULL);
    for (size_t i = 0; i < w->n_ops; i++)
        if (w->ops[i].option->make(w, &w->ops[i]) < 0)
            return -1;
    if (add_process(w) < 0)
        return bwrap_fail(w, "setenv failed");
    add_program(w);
    plan_sort(&w->plan);
    return 0;
}
