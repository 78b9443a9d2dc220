/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel enter: another program in a running app's sandbox. */
#include "cli/commands.h"

#include "cli/find.h"
#include "run/run.h"
#include "util/file.h"
#include "util/str.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>

int cli_read_plan(struct cli *c, int fd, struct plan *p)
{
    struct buf text = {.arena = &c->arena};
    const char *error = "it is not to be read";
    char chunk[16384];
    int line = 0;
    ssize_t n;
    while ((n = pread(fd, chunk, sizeof chunk, (off_t)text.len)) > 0 && text.len < PLAN_MAX_BYTES)
        buf_bytes(&text, chunk, (size_t)n);
    if (n == 0 && text.len && plan_read(p, text.data, text.len, &line, &error) == 0)
        return 0;
    diag_add(&c->diags, DIAG_ERROR, (struct place){.file = "the app's plan", .line = line}, NULL,
             "%s", error);
    return EXIT_REFUSED;
}

/* What is the app's alone goes: its program, its descriptors, its line to the supervisor. */
static void make_plan(struct cli *c, const struct plan *app, const char *streams, struct plan *out)
{
    const char *const *words = c->operands + 1;
    *out = (struct plan){.arena = &c->arena};
    for (size_t i = 0; i < app->n; i++) {
        const struct plan_step *s = &app->v[i];
        if (s->verb == PLAN_EXEC || s->verb == PLAN_ARG || s->verb == PLAN_KEEP_FD ||
            s->verb == PLAN_STATUS_FD || s->verb == PLAN_TERMINAL)
            continue;
        if (s->verb == PLAN_SECCOMP)
            plan_add(out, PLAN_SECCOMP, s->why, RUN_ENTER_FILTER, step_arg(s, 1), (char *)NULL);
        else
            plan_add_words(out, s->verb, s->why, s->argc, s->argv);
    }
    if (streams)
        plan_add(out, PLAN_TERMINAL, "base: a terminal of its own", RUN_ENTER_TERMINAL,
                 "/dev/pts/ptmx", streams, (char *)NULL);
    plan_add(out, PLAN_EXEC, "command line: the program", *words, (char *)NULL);
    while (*++words)
        plan_add(out, PLAN_ARG, NULL, *words, (char *)NULL);
    plan_sort(out);
}

/* What limits the app's first process limits the program too. A hard limit of ours that is lower
 * stays, unless we may raise it. */
static int take_limits(struct cli *c, const struct instance *in, pid_t app, int app_fd)
{
    struct pollfd ended = {.fd = app_fd, .events = POLLIN};
    struct rlimit limits[RLIM_NLIMITS];
    for (int i = 0; i < RLIM_NLIMITS; i++)
        if (prlimit(app, i, NULL, &limits[i]) < 0)
            return instance_failed(c, in, "cannot enter", "its limits cannot be read", errno);
    if (poll(&ended, 1, 0) != 0) /* the number may be another process' by now */
        return instance_failed(c, in, "cannot enter", "it has ended", ESRCH);
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit own, *r = &limits[i];
        if (setrlimit(i, r) == 0)
            continue;
        if (getrlimit(i, &own) < 0)
            return instance_failed(c, in, "cannot enter", "our limits cannot be read", errno);
        r->rlim_max = r->rlim_max < own.rlim_max ? r->rlim_max : own.rlim_max;
        r->rlim_cur = r->rlim_cur < r->rlim_max ? r->rlim_cur : r->rlim_max;
        if (setrlimit(i, r) < 0)
            return instance_failed(c, in, "cannot enter", "its limits cannot be taken over", errno);
    }
    return 0;
}

static int enter(struct cli *c)
{
    struct instance *v = NULL;
    struct instance_reply reply;
    struct plan app = {.arena = &c->arena}, plan;
    enum run_terminal terminal = RUN_DIRECT;
    const char *id, *why, *streams;
    size_t n;
    int r = find_instances(c, c->operands[0], false, &v, &n, &id);
    if (r)
        return r;
    if (n > 1)
        return cli_fail(c, "carrel ps lists them; name one by its number", "%s runs %zu times", id,
                        n);
    r = instance_ask(&c->arena, v, -1, &reply, &why, "join", (char *)NULL);
    if (r < 0)
        return instance_failed(c, v, "cannot enter", why, -r);
    if (reply.n_fds <= INSTANCE_NAMESPACES + 1 || !reply.n_words)
        return instance_failed(c, v, "cannot enter", "its supervisor shows no namespaces", EPROTO);
    if (cli_read_plan(c, reply.fds[INSTANCE_NAMESPACES], &app))
        return EXIT_REFUSED;
    r = cli_terminal(c, &terminal, &streams);
    if (r)
        return r;
    r = take_limits(c, v, (pid_t)strtol(reply.words[0], NULL, 10),
                    reply.fds[INSTANCE_NAMESPACES + 1]);
    if (r)
        return r;
    make_plan(c, &app, streams, &plan);
    cli_print_diags(c, DIAG_NOTE);
    c->diags = (struct diags){.arena = &c->arena};
    run_enter(&plan, reply.fds, INSTANCE_NAMESPACES, c->libexec, terminal, &c->diags);
    return EXIT_REFUSED;
}

static const struct option enter_options[] = {
    {"tty", "auto|always|never", "whether the program gets a terminal of its own"},
    {NULL, NULL, NULL},
};

const struct command command_enter = {
    .name = "enter",
    .operands = "APP|INSTANCE [--] COMMAND [ARGUMENT...]",
    .summary = "start another program in a running app's confinement",
    .options = enter_options,
    .passes_on = true,
    .least = 2,
    .most = -1,
    .run = enter,
};
