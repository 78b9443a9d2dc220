/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel limit: what a running app may have; and the limits with which one starts. */
#include "cli/limit.h"

#include "cli/commands.h"
#include "cli/find.h"
#include "limits/limits.h"
#include "util/str.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static const char *const names[] = {"memory", "processes", "cpu", "cpu-weight", "io-weight"};

const char *cli_bus_address(struct cli *c)
{
    const char *address = facts_env(&c->facts, "DBUS_SESSION_BUS_ADDRESS");
    if (address)
        return address;
    return c->facts.runtime_dir ? arena_printf(&c->arena, "unix:path=%s/bus", c->facts.runtime_dir)
                                : "";
}

static const struct control_fact *control(struct cli *c)
{
    facts_control(&c->facts);
    facts_look(&c->facts);
    return facts_control(&c->facts);
}

/* The supervisor removes what is left of a group when the app is over. */
static int hand_group(struct cli *c, const struct instance *in, int group)
{
    struct instance_reply reply;
    const char *why;
    if (group < 0 || !in)
        return 0;
    return instance_ask(&c->arena, in, group, &reply, &why, "group", (char *)NULL);
}

/* Where no group is to be had and the policy does without: what each process can be held to. The
 * number of processes is among the plan's limits already. */
static int rlimit_instead(const struct plan *p)
{
    for (size_t i = 0; i < p->n_limits; i++) {
        rlim_t most = strtoull(p->limits[i].value, NULL, 10);
        const struct rlimit r = {most, most};
        struct rlimit now;
        if (!str_eq(p->limits[i].name, "memory") ||
            (getrlimit(RLIMIT_DATA, &now) == 0 && now.rlim_max <= most))
            continue;
        return setrlimit(RLIMIT_DATA, &r) < 0 ? -1 : 1;
    }
    return 0;
}

static int without_a_group(struct cli *c, const struct plan *p, const char *app,
                           struct limits_fault f)
{
    const char *why = f.what ? f.what : "its supervisor does not answer";
    int held = 0;
    bool optional = true;
    for (size_t i = 0; i < p->n_limits; i++)
        optional &= p->limits[i].optional;
    if (!optional || (held = rlimit_instead(p)) < 0)
        return cli_fail(c, "carrel doctor tells what this host can limit",
                        "cannot limit %s: %s: %s", app, why, strerror(f.error)),
               -1;
    diag_add(&c->diags, DIAG_NOTE, (struct place){0}, NULL, "%s gets no control group%s: %s: %s",
             app, held ? "; each process has the limit of memory for itself" : "", why,
             strerror(f.error));
    cli_print_diags(c, DIAG_NOTE);
    c->diags = (struct diags){.arena = &c->arena};
    return 0;
}

/* What the policy can do without is told where the kernel has not taken it. How many processes
 * there may be is an rlimit, too, which holds everybody but root. */
static void tell_missing(struct cli *c, const struct plan *p, const struct instance *in)
{
    struct plan_limit v[PLAN_MAX_LIMITS];
    size_t n = 0;
    for (size_t i = 0; i < p->n_limits; i++)
        if (p->limits[i].optional && (!str_eq(p->limits[i].name, "processes") || geteuid() == 0))
            v[n++] = p->limits[i];
    const char *missing = n ? limits_missing(&c->arena, getpid(), in->id, v, n) : NULL;
    if (!missing)
        return;
    diag_add(&c->diags, DIAG_NOTE, (struct place){0},
             "carrel doctor tells what this host can limit",
             "%s runs without these limits, which its control group does not have: %s", in->app,
             missing);
    cli_print_diags(c, DIAG_NOTE);
    c->diags = (struct diags){.arena = &c->arena};
}

int limit_this_process(struct cli *c, const struct plan *p, const struct instance *in)
{
    const pid_t self = getpid();
    struct limits_order o = {.app = in->app,
                             .instance = in->id,
                             .v = p->limits,
                             .n = p->n_limits,
                             .pids = &self,
                             .n_pids = 1};
    if (!p->n_limits)
        return 0;
    struct limits_fault f = limits_begin(&c->arena, control(c), cli_bus_address(c), &o);
    if (!f.what && in->folder)
        f = (struct limits_fault){NULL, -hand_group(c, in, o.group)};
    if (o.group >= 0)
        close(o.group);
    if (f.what || f.error)
        return without_a_group(c, p, in->app, f);
    tell_missing(c, p, in);
    return 0;
}

/* ---- what limits a running one ---- */

static bool has_rlimit(pid_t pid)
{
    struct rlimit own, theirs;
    return pid > 0 && prlimit(pid, RLIMIT_NPROC, NULL, &theirs) == 0 &&
           getrlimit(RLIMIT_NPROC, &own) == 0 && theirs.rlim_max < own.rlim_max;
}

static const char *group_of(struct cli *c, const struct instance *in, bool *manager)
{
    return in->app_pid ? limits_group_of(&c->arena, in->app_pid, in->id, manager) : NULL;
}

static const char *word_of(const struct instance *in, const char *group, bool manager)
{
    if (group)
        return manager ? "systemd" : "cgroup";
    return has_rlimit(in->app_pid) ? "rlimit" : "none";
}

const char *limits_word(struct cli *c, const struct instance *in)
{
    bool manager = false;
    const char *group = group_of(c, in, &manager);
    return word_of(in, group, manager);
}

/* The words of the kernel's file as a number of ours; -1: no limit, or none that is known. */
static long long number_of(struct cli *c, const char *group, const char *name)
{
    const char *text = limits_read(&c->arena, group, limit_named(name)->file);
    const char *digits = text ? text + strspn(text, "default ") : "";
    char *end;
    long long n = strtoll(digits, &end, 10);
    if (end == digits)
        return -1;
    if (str_eq(name, "cpu")) {
        long long period = strtoll(end, NULL, 10);
        return period > 0 ? n * 100 / period : -1;
    }
    return str_eq(name, "processes") ? n - LIMITS_OWN_PROCESSES : n;
}

void limits_json(struct cli *c, const struct instance *in, struct json *j)
{
    bool manager = false;
    struct rlimit r;
    const char *group = group_of(c, in, &manager);
    json_object(j, "limits");
    json_string(j, "by", word_of(in, group, manager));
    for (size_t i = 0; group && i < ARRAY_SIZE(names); i++) {
        long long n = number_of(c, group, names[i]);
        if (n >= 0)
            json_number(j, names[i], n);
    }
    const char *used = group ? limits_read(&c->arena, group, "memory.current") : NULL;
    if (used)
        json_number(j, "memory_used", strtoll(used, NULL, 10));
    if (!group && has_rlimit(in->app_pid) && prlimit(in->app_pid, RLIMIT_NPROC, NULL, &r) == 0)
        json_number(j, "processes", (long long)r.rlim_max);
    json_end(j);
}

/* ---- changing ---- */

/* "512M", "2G", "150", or "max"; NULL when it is none. */
static const char *value_of(struct cli *c, const char *text)
{
    char *end;
    if (str_eq(text, "max"))
        return "max";
    errno = 0;
    long long n = strtoll(text, &end, 10);
    int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    end += shift != 0;
    if (*text < '0' || *text > '9' || *end || errno || n < 1 || n > (1LL << 52) >> shift)
        return NULL;
    return arena_printf(&c->arena, "%lld", n << shift);
}

static int wishes(struct cli *c, struct plan_limit *v, size_t *n)
{
    static const long long most[] = {1LL << 52, 4194304, 1000000, 10000, 10000};
    *n = 0;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *text = cli_value(c, names[i]), *value = text ? value_of(c, text) : NULL;
        if (text && (!value || strtoll(value, NULL, 10) > most[i]))
            return cli_fail(c,
                            "write a whole number, with K, M or G for powers of 1024, or max for "
                            "no limit",
                            "\"%s\" is no value of --%s", text, names[i]);
        if (value)
            v[(*n)++] = (struct plan_limit){.name = names[i], .value = value};
    }
    return *n ? 0
              : cli_fail(c, "carrel ps --json tells what they are",
                         "say what is to be limited: --memory=, --processes=, --cpu=, "
                         "--cpu-weight= or --io-weight=");
}

/* Without any control group: only a number of processes, and only a lower one. */
static struct limits_fault by_rlimits(struct instance *in, const struct plan_limit *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!str_eq(v[i].name, "processes") || str_eq(v[i].value, "max"))
            return (struct limits_fault){"this host has no control groups for the person",
                                         EOPNOTSUPP};
    if (getuid() == 0)
        return (struct limits_fault){"root's processes are not counted by rlimits, and there are "
                                     "no control groups",
                                     EOPNOTSUPP};
    rlim_t most = strtoull(v[n - 1].value, NULL, 10);
    const struct rlimit r = {most, most};
    for (size_t i = 0; i < in->n_pids; i++)
        if (prlimit(in->pids[i], RLIMIT_NPROC, &r, NULL) < 0 && errno != ESRCH)
            return (struct limits_fault){"a process of the app cannot be limited", errno};
    return (struct limits_fault){NULL, 0};
}

/* Those that are in no group of this instance, or in one that was given up. */
static size_t strays(struct cli *c, struct instance *in, bool scope)
{
    size_t n = 0;
    bool manager;
    instances_measure(&c->arena, in, 1);
    for (size_t i = 0; i < in->n_pids; i++)
        if (!limits_group_of(&c->arena, in->pids[i], in->id, &manager) || manager != scope)
            in->pids[n++] = in->pids[i];
    return n;
}

/* New ones that it starts meanwhile are taken too. */
static struct limits_fault move_all(struct cli *c, struct instance *in,
                                    const struct limits_order *o)
{
    enum { PASSES = 50 };
    struct limits_fault f = {NULL, 0};
    size_t n = 1;
    for (int pass = 0; pass < PASSES && n && !f.what; pass++) {
        n = strays(c, in, o->scope != NULL);
        if (n && o->scope)
            f = systemd_attach(&c->arena, cli_bus_address(c), o->scope, in->pids, n);
        for (size_t i = 0; i < n && !o->scope && !f.what; i++)
            f = limits_move(&c->arena, o->group, in->pids[i]);
    }
    return n && !f.what ? (struct limits_fault){"it starts processes too fast", EAGAIN} : f;
}

static struct limits_fault limit_one(struct cli *c, struct instance *in, const struct plan_limit *v,
                                     size_t n)
{
    const struct control_fact *by = control(c);
    bool manager;
    const char *path = group_of(c, in, &manager);
    if (path)
        return limits_change(&c->arena, cli_bus_address(c), path, v, n);
    if (instances_measure(&c->arena, in, 1) < 0 || !in->n_pids)
        return (struct limits_fault){"it has no processes yet", EAGAIN};
    if (!by->manager && !by->folder)
        return by_rlimits(in, v, n);
    struct limits_order o = {
        .app = in->app, .instance = in->id, .v = v, .n = n, .pids = in->pids, .n_pids = in->n_pids};
    struct limits_fault f = limits_begin(&c->arena, by, cli_bus_address(c), &o);
    if (f.what && !by_rlimits(in, v, n).what)
        return (struct limits_fault){NULL, 0};
    if (!f.what)
        f = move_all(c, in, &o);
    if (!f.what)
        f.error = -hand_group(c, in, o.group);
    if (o.group >= 0)
        close(o.group);
    return f;
}

static int limit(struct cli *c)
{
    struct instance *v = NULL;
    struct plan_limit wish[PLAN_MAX_LIMITS];
    const char *app;
    size_t n, n_wishes;
    int r = wishes(c, wish, &n_wishes);
    if (r || (r = find_instances(c, c->operands[0], false, &v, &n, &app)))
        return r;
    for (size_t i = 0; i < n; i++) {
        struct limits_fault f = limit_one(c, &v[i], wish, n_wishes);
        if (f.what || f.error)
            r = instance_failed(c, &v[i], "cannot limit",
                                f.what ? f.what : "its supervisor does not answer", f.error);
    }
    return r;
}

static const struct option limit_options[] = {
    {"memory", "SIZE", "most memory of all its processes: 512M, 2G"},
    {"processes", "NUMBER", "most processes and threads"},
    {"cpu", "PERCENT", "most processor time: 150 is one processor and a half"},
    {"cpu-weight", "WEIGHT", "its share of busy processors, from 1 to 10000; usual is 100"},
    {"io-weight", "WEIGHT", "its share of busy disks, from 1 to 10000; usual is 100"},
    {NULL, NULL, NULL},
};

const struct command command_limit = {
    .name = "limit",
    .operands = "APP|INSTANCE",
    .summary = "say how much memory, processes and processor time a running app may have",
    .options = limit_options,
    .least = 1,
    .most = 1,
    .run = limit,
};
