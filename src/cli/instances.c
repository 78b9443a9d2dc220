/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel ps and kill: the apps that run. */
#include "cli/commands.h"

#include "cli/find.h"
#include "cli/limit.h"
#include "util/json.h"
#include "util/str.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ---- which ---- */

static bool is_instance(const char *name)
{
    return *name && !name[strspn(name, "0123456789")];
}

/* The number of a process is shorter than that of any instance. */
static bool is_process(const char *name)
{
    return is_instance(name) && strlen(name) < strlen("1000000000");
}

static bool is_meant(const struct instance *in, const char *name, const char *app)
{
    long pid = is_process(name) ? strtol(name, NULL, 10) : 0;
    return pid   ? in->pid == pid || in->app_pid == pid
           : app ? str_eq(in->app, app)
                 : str_eq(in->id, name);
}

/* The id of the app that a name means. An id need not have a policy: it may run by --app-id. */
static int app_named(struct cli *c, const char *name, const char **id)
{
    struct app app;
    *id = name;
    if (!app_id_error(name))
        return 0;
    int r = catalog_find(&c->catalog, &c->facts, name, &app, &c->diags);
    *id = r == 0 ? app.id : NULL;
    return r == 0 ? 0 : r == -ENOENT ? EXIT_NOT_FOUND : EXIT_REFUSED;
}

static int not_running(struct cli *c, const char *what)
{
    return is_process(what) ? cli_fail(c, "carrel ps lists what runs",
                                       "process %s is not the first one of an app that runs", what)
                            : cli_fail(c, "carrel ps lists what runs", "%s%s is not running",
                                       is_instance(what) ? "instance " : "", what);
}

int find_instances(struct cli *c, const char *name, bool may_rest, struct instance **out, size_t *n,
                   const char **app)
{
    size_t kept = 0;
    *n = 0;
    *app = NULL;
    if (cli_look_around(c) < 0)
        return EXIT_REFUSED;
    bool by_id = name && is_instance(name);
    int r = name && !by_id ? app_named(c, name, app) : 0;
    if (r)
        return r;
    if (!c->facts.runtime_dir && (!may_rest || !name))
        return cli_fail(
            c, "log in so that there is a folder /run/user/UID, and set XDG_RUNTIME_DIR",
            "there is no registry of running apps: XDG_RUNTIME_DIR is %s",
            facts_env(&c->facts, "XDG_RUNTIME_DIR") ? "not a folder of yours alone" : "not set");
    if (c->facts.runtime_dir &&
        (r = instances_list(&c->arena, c->facts.runtime_dir,
                            by_id && !is_process(name) ? name : NULL, out, n)) < 0)
        return cli_fail(c, NULL, "cannot read the registry of running apps: %s", strerror(-r));
    for (size_t i = 0; i < *n; i++)
        if (!name || is_meant(&(*out)[i], name, *app))
            (*out)[kept++] = (*out)[i];
    *n = kept;
    if (by_id && kept)
        *app = (*out)[0].app;
    if (name && !kept && (!may_rest || by_id))
        return not_running(c, by_id ? name : *app);
    return 0;
}

int instance_failed(struct cli *c, const struct instance *in, const char *what, const char *why,
                    int error)
{
    return cli_fail(c, NULL, "%s %s (%s): %s: %s", what, in->app, in->id, why, strerror(error));
}

/* ---- ps ---- */

/* "950", "1.4M": four signs at most. */
static const char *human(struct arena *a, uint64_t bytes)
{
    static const char units[] = "BKMGTPE";
    size_t u = 0;
    double v = (double)bytes;
    for (; v >= 1000 && u + 2 < sizeof units; u++)
        v /= 1024;
    return arena_printf(a, v < 10 && u ? "%.1f%c" : "%.0f%c", v, units[u]);
}

/* "3d 4h", "12m": the two greatest parts that say something. */
static const char *elapsed(struct arena *a, time_t seconds)
{
    long s = seconds > 0 ? (long)seconds : 0;
    if (s >= 86400)
        return arena_printf(a, "%ldd %ldh", s / 86400, s / 3600 % 24);
    if (s >= 3600)
        return arena_printf(a, "%ldh %ldm", s / 3600, s / 60 % 60);
    return s >= 60 ? arena_printf(a, "%ldm", s / 60) : arena_printf(a, "%lds", s);
}

static void write_table(struct cli *c, const struct instance *v, size_t n, struct buf *out)
{
    time_t now = time(NULL);
    struct arena *a = &c->arena;
    size_t widest = strlen("APP");
    for (size_t i = 0; i < n; i++)
        widest = strlen(v[i].app) > widest ? strlen(v[i].app) : widest;
    buf_printf(out, "%-10s  %-*s  %8s  %5s  %6s  %8s  %-7s  %s\n", "INSTANCE", (int)widest, "APP",
               "PID", "PROCS", "MEMORY", "CPU", "LIMITS", "SINCE");
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%-10s  %-*s  %8d  %5zu  %6s  %7.1fs  %-7s  %s\n", v[i].id, (int)widest,
                   v[i].app, (int)v[i].app_pid, v[i].n_pids, human(a, v[i].memory),
                   (double)v[i].cpu_ms / 1000, limits_word(c, &v[i]), elapsed(a, now - v[i].since));
}

static void write_json(struct cli *c, const struct instance *v, size_t n, struct buf *out)
{
    struct json j = {.out = out};
    json_array(&j, NULL);
    for (size_t i = 0; i < n; i++) {
        json_object(&j, NULL);
        json_string(&j, "instance", v[i].id);
        json_string(&j, "app", v[i].app);
        json_number(&j, "started", v[i].pid);
        json_number(&j, "pid", v[i].app_pid);
        json_array(&j, "pids");
        for (size_t k = 0; k < v[i].n_pids; k++)
            json_number(&j, NULL, v[i].pids[k]);
        json_end(&j);
        json_number(&j, "memory", (long long)v[i].memory);
        json_number(&j, "cpu_ms", (long long)v[i].cpu_ms);
        json_number(&j, "since", v[i].since);
        limits_json(c, &v[i], &j);
        json_end(&j);
    }
    json_end(&j);
}

static int ps(struct cli *c)
{
    struct instance *v = NULL;
    struct buf out = {.arena = &c->arena};
    const char *app;
    size_t n;
    int r = find_instances(c, c->n_operands ? c->operands[0] : NULL, false, &v, &n, &app);
    if (r)
        return r;
    r = instances_measure(&c->arena, v, n);
    if (r < 0)
        return cli_fail(c, NULL, "cannot read /proc: %s", strerror(-r));
    if (cli_has(c, "json"))
        write_json(c, v, n, &out);
    else
        write_table(c, v, n, &out);
    return cli_print(c, &out);
}

static const struct option ps_options[] = {
    {"json", NULL, "print the list as JSON"},
    {NULL, NULL, NULL},
};

const struct command command_ps = {
    .name = "ps",
    .operands = "[APP|INSTANCE]",
    .summary = "list the apps that run",
    .options = ps_options,
    .least = 0,
    .most = 1,
    .run = ps,
};

/* ---- kill ---- */

static const struct {
    const char *name;
    int number;
} signals[] = {
    {"TERM", SIGTERM}, {"KILL", SIGKILL}, {"INT", SIGINT},   {"HUP", SIGHUP},
    {"QUIT", SIGQUIT}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}, {"USR1", SIGUSR1},
    {"USR2", SIGUSR2}, {"ABRT", SIGABRT}, {"TSTP", SIGTSTP}, {"ALRM", SIGALRM},
};

/* "TERM", "SIGTERM" or "15"; 0 when it is none. */
static int signal_named(const char *text)
{
    const char *name = str_after(text, "SIG") ? str_after(text, "SIG") : text;
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        if (str_eq(signals[i].name, name))
            return signals[i].number;
    char *end;
    long n = strtol(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && n > 0 && n <= 64 ? (int)n : 0;
}

/* Not by its id, which may be another process' by now: the supervisor has it by descriptor. */
static int kill_app(struct cli *c)
{
    struct instance *v = NULL;
    struct instance_reply reply;
    const char *app, *word = cli_value(c, "signal"), *why;
    size_t n;
    int number = word ? signal_named(word) : SIGTERM, code = 0;
    if (!number)
        return cli_fail(c, "write a name such as TERM or KILL, or a number up to 64",
                        "\"%s\" is no signal", word);
    int r = find_instances(c, c->operands[0], false, &v, &n, &app);
    for (size_t i = 0; r == 0 && i < n; i++) {
        int e = instance_ask(&c->arena, &v[i], -1, &reply, &why, "kill",
                             arena_printf(&c->arena, "%d", number), (char *)NULL);
        if (e < 0 && e != -ECONNREFUSED && e != -ENOENT) /* those two: it has ended meanwhile */
            code = instance_failed(c, &v[i], "cannot signal", why, -e);
    }
    return r ? r : code;
}

static const struct option kill_options[] = {
    {"signal", "TERM|KILL|INT|HUP|QUIT|STOP|CONT|USR1|USR2",
     "the signal's name or number (default: TERM)"},
    {NULL, NULL, NULL},
};

const struct command command_kill = {
    .name = "kill",
    .operands = "APP|INSTANCE",
    .summary = "end a running app, or send it another signal",
    .options = kill_options,
    .least = 1,
    .most = 1,
    .run = kill_app,
};
