/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel run and plan. */
#include "cli/commands.h"

#include "autostart/autostart.h"
#include "cli/again.h"
#include "cli/attach.h"
#include "cli/job.h"
#include "cli/limit.h"
#include "cli/named.h"
#include "seccomp/seccomp.h"
#include "util/file.h"
#include "util/str.h"

#include <fcntl.h>
#include <unistd.h>

static const struct place nowhere;

/* What the person should know although all is well. */
static void tell(struct cli *c, const struct job *j, bool verbose)
{
    if (!j->app.has_policy && !cli_has(c, "policy") && !cli_has(c, "finish-args-from"))
        diag_add(&c->diags, DIAG_NOTE, nowhere, NULL,
                 "no policy for %s: strict default (a window, no network, a home of its own)%s",
                 j->app.id,
                 cli_has(c, "app-id") /* it would be of another app */
                     ? ""
                     : arena_printf(&c->arena, "; carrel new %s writes one", c->operands[0]));
    for (size_t i = 0; verbose && i < j->plan.n; i++)
        if (j->plan.v[i].verb == PLAN_MISSING)
            diag_add(&c->diags, DIAG_WARNING, nowhere, NULL, "not in force: %s%s%s",
                     step_arg(&j->plan.v[i], 0), j->plan.v[i].why ? " # " : "",
                     j->plan.v[i].why ? j->plan.v[i].why : "");
}

/* Without a registry the app runs all the same, but none of the other commands will find it. */
static void tell_unlisted(struct cli *c)
{
    diag_add(&c->diags, DIAG_NOTE, nowhere,
             "log in so that there is a folder /run/user/UID, and set XDG_RUNTIME_DIR",
             "carrel ps, kill, enter and grant cannot find this run: XDG_RUNTIME_DIR is %s",
             facts_env(&c->facts, "XDG_RUNTIME_DIR") ? "not a folder of yours alone" : "not set");
}

/* PATH as the app will have it; "" when it has none. */
static const char *search_path(const struct plan *p)
{
    const char *path = "";
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].verb == PLAN_ENV && str_after(step_arg(&p->v[i], 0), "PATH="))
            path = str_after(step_arg(&p->v[i], 0), "PATH=");
    return path;
}

/* A policy may be there without its program. In the system's folders, which the app sees as they
 * are, that can be told before the start, with the package; in any other it cannot. */
static bool is_not_installed(const struct cli *c, const struct job *j)
{
    const char *at = search_path(&j->plan), *program = j->request.program;
    bool absent = *at && !strchr(program, '/');
    for (size_t n; *at && absent; at += n + (at[n] == ':')) {
        n = strcspn(at, ":");
        const char *folder = arena_printf(c->facts.arena, "%.*s", (int)n, at);
        bool fixed = path_within(folder, "/usr") || str_eq(folder, "/bin");
        absent = fixed && access(arena_printf(c->facts.arena, "%s/%s", folder, program), F_OK) < 0;
    }
    return absent;
}

static int refuse_absent(struct cli *c, const struct job *j)
{
    const struct carrel_value *v = policy_carrel(&j->policy, "Carrel Application", "package");
    const char *hint = v ? arena_printf(&c->arena, "apt install %s", v->value)
                         : "install it, or say where it is: --command=/PATH";
    cli_fail(c, hint, "the program of %s, %s, is not installed", j->app.id, j->request.program);
    return EXIT_NOT_FOUND;
}

/* What the portal wrote in the moment in which the app ended last time. */
static void mend_autostart(const struct cli *c, const struct job *j)
{
    for (size_t i = 0; i < j->plan.n_services; i++) {
        const char *where = j->plan.services[i].watch;
        cleanup_fd int folder =
            where ? open(where, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
        if (folder >= 0)
            autostart_mend(folder, j->app.id, c->own_path);
    }
}

struct start {
    struct cli *c;
    const struct plan *plan;
    struct instance in;
    int lock; /* of the registry, into which this run has been entered; or -1 */
};

static int limit_start(void *data)
{
    const struct start *s = data;
    if (s->lock >= 0)
        close(s->lock);
    return limit_this_process(s->c, s->plan, &s->in);
}

/* Whether it speaks of an option that stood on the command line. */
static bool typed_now(const struct place *at)
{
    return at->file && str_eq(at->file, "command line") && at->col > 0;
}

static int run(struct cli *c)
{
    struct job j;
    char id[16], cookie[16];
    bool verbose = cli_has(c, "verbose");
    int r = run_new_id(id);
    r = r < 0 ? r : run_random(cookie, sizeof cookie);
    if (r < 0)
        return cli_fail(c, NULL, "no random numbers: %s", strerror(-r));
    c->facts.cookies_are_made = true;
    if ((r = job_prepare(c, c->operands + 1, id, cookie, &j)))
        return r;
    if (is_not_installed(c, &j))
        return refuse_absent(c, &j);
    bool viewed = wants_viewer(&j.plan); /* also where the server is an earlier run's */
    struct joined joined;
    join_x_server(c, &j, &joined);
    const struct run_instance in = {
        .id = id,
        .runtime_dir = c->facts.runtime_dir,
        .held = joined.lease ? joined.lease : c->facts.untrusted.held,
        .common = {joined.common[0], joined.common[1]},
    };
    const struct run_instance *instance = c->facts.runtime_dir ? &in : NULL;
    tell(c, &j, verbose);
    if (!instance && !verbose) /* which tells it as a step that is missing */
        tell_unlisted(c);
    pass_on_documents(c, &j);
    mend_autostart(c, &j);
    name_for_portals(c, &j);
    /* Warnings about policy files are for `carrel check` and --verbose: a start is no place to
     * read them each time. What was typed just now is no file. */
    struct diags all = c->diags;
    if (!verbose) {
        c->diags = (struct diags){.arena = &c->arena};
        for (size_t i = 0; i < all.n; i++)
            if (all.v[i].severity != DIAG_WARNING || typed_now(&all.v[i].at))
                diag_add(&c->diags, all.v[i].severity, all.v[i].at, all.v[i].hint, "%s",
                         all.v[i].message);
    }
    cli_print_diags(c, DIAG_NOTE);
    c->diags = (struct diags){.arena = &c->arena};
    struct start s = {c, &j.plan, {.id = id, .app = j.app.id}, joined.lock};
    if (instance)
        s.in.folder =
            arena_printf(&c->arena, "%s/" INSTANCE_REGISTRY "/%s", c->facts.runtime_dir, id);
    const struct run_hook last = {limit_start, &s};
    if (viewed && instance && (r = start_viewer(c, id)) < 0)
        return cli_fail(c, NULL, "cannot start who shows its window: %s", strerror(-r));
    run_plan(&j.plan, instance, c->libexec, j.terminal, j.plan.n_limits ? &last : NULL, &c->diags);
    return EXIT_REFUSED;
}

static const struct option run_options[] = {
    JOB_OPTIONS,
    {"verbose", NULL, "tell warnings, and what of the policy this host cannot give"},
    {NULL, NULL, NULL},
};

const struct command command_run = {
    .name = "run",
    .operands = "APP [--] [ARGUMENT...]",
    .summary = "start an app in its confinement",
    .options = run_options,
    .permissions = true,
    .passes_on = true,
    .least = 1,
    .most = -1,
    .run = run,
};

static int print_filter(struct cli *c, const struct job *j, struct buf *out)
{
    for (size_t i = 0; i < j->plan.n; i++) {
        if (j->plan.v[i].verb != PLAN_SECCOMP)
            continue;
        const struct seccomp_filter *f = seccomp_filter_named(step_arg(&j->plan.v[i], 1));
        if (f)
            seccomp_text(f, out);
    }
    return out->len ? 0 : cli_fail(c, NULL, "the plan has no system-call filter");
}

static int plan(struct cli *c)
{
    struct job j;
    struct buf out = {.arena = &c->arena};
    if (cli_has(c, "json") && cli_has(c, "seccomp"))
        return cli_fail(c, "give one of them", "--json and --seccomp exclude each other");
    int r = job_prepare(c, c->operands + 1, "INSTANCE", NULL, &j);
    if (r)
        return r;
    tell(c, &j, false);
    if (cli_has(c, "seccomp"))
        r = print_filter(c, &j, &out);
    else if (cli_has(c, "json"))
        plan_write_json(&j.plan, &out);
    else
        plan_write_all(&j.plan, &out);
    return r ? r : cli_print(c, &out);
}

static const struct option plan_options[] = {
    JOB_OPTIONS,
    {"json", NULL, "print the steps as JSON"},
    {"seccomp", NULL, "print the system-call filter instead"},
    {NULL, NULL, NULL},
};

const struct command command_plan = {
    .name = "plan",
    .operands = "APP [--] [ARGUMENT...]",
    .summary = "show what would be done to start an app, and why",
    .options = plan_options,
    .permissions = true,
    .passes_on = true,
    .least = 1,
    .most = -1,
    .run = plan,
};
