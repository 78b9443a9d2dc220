/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is executed, and where. */
#include "resolve/ctx.h"

#include "util/str.h"

#include <string.h>

/* Software in /opt comes as a folder of its own; a lone file elsewhere is all that was asked for.
 */
static const char *program_folder(struct ctx *c, const char *real)
{
    const char *rest = str_after(real, "/opt/"), *slash = rest ? strchr(rest, '/') : NULL;
    return slash ? arena_strndup(c->a, real, (size_t)(slash - real)) : real;
}

static bool in_sight(const struct ctx *c, const char *real)
{
    const char *host = tree_host_path(&c->tree, real);
    return host && str_eq(host, real);
}

static void show_program(struct ctx *c)
{
    const struct path_fact *p = facts_path(c->f, c->q->program);
    const char *why = "base: the program that is to be started";
    if (!present(p))
        return; /* the core reports it, with the exit status that a shell would give */
    if (!in_sight(c, p->real)) {
        const struct path_fact *shown = facts_path(c->f, program_folder(c, p->real));
        if (shown->type != FILE_DIR && shown->type != FILE_REGULAR)
            return;
        tree_put(&c->tree, (struct node){.kind = NODE_BIND,
                                         .dst = shown->real,
                                         .src = shown,
                                         .rank = RANK_FIXED,
                                         .why = why});
    }
    put_hops(c, p, RANK_FIXED, why);
}

const struct path_fact *starter_of(struct ctx *c)
{
    return facts_path(c->f, join_path(c, c->q->libexec, "carrel-ownbus"));
}

/* With a bus of its own the app has the starter already. */
static void show_starter(struct ctx *c)
{
    const struct path_fact *starter = starter_of(c);
    const char *why = why_at(c, c->stays->at, "ends-with", c->stays->value);
    if (starter->type == FILE_REGULAR) {
        put_bind(c, starter, PRIVATE_BUS_STARTER, why);
        return;
    }
    diag_add(c->d, DIAG_ERROR, c->stays->at, "install it again",
             "ends-with=last needs carrel-ownbus: Carrel is not installed completely");
    c->refused = true;
}

void rule_program(struct ctx *c)
{
    if (c->q->program[0] == '/')
        show_program(c);
    if (c->stays && !c->private_bus)
        show_starter(c);
    c->cwd = c->q->cwd ? path_clean(c->a, c->q->cwd) : NULL;
    const struct path_fact *p = c->cwd ? facts_path(c->f, c->cwd) : NULL;
    if (!p || p->type != FILE_DIR || !in_sight(c, p->real))
        c->cwd = NULL;
}

/* The program, or in front of it what starts the bus and then the program, and waits for the end of
 * all that it leaves running. */
static void emit_exec(struct ctx *c)
{
    const char *why = "request: the program";
    if (!c->private_bus && !c->stays) {
        plan_add(c->out, PLAN_EXEC, why, c->q->program, (char *)NULL);
        return;
    }
    const char *waits = c->stays ? why_at(c, c->stays->at, "ends-with", c->stays->value) : NULL;
    const char *starts =
        c->private_bus ? why_at(c, c->private_bus->at, "private-session-bus", c->private_bus->value)
                       : NULL;
    plan_add(c->out, PLAN_EXEC, starts ? starts : waits, PRIVATE_BUS_STARTER, (char *)NULL);
    if (c->stays)
        plan_add(c->out, PLAN_ARG, waits, str_eq(c->stays->value, "tell") ? "--tell" : "--stay",
                 (char *)NULL);
    plan_add(c->out, PLAN_ARG, NULL,
             c->private_bus ? join_path(c, c->runtime, PRIVATE_BUS_SOCKET) : "-", (char *)NULL);
    plan_add(c->out, PLAN_ARG, why, c->q->program, (char *)NULL);
}

void emit_program(struct ctx *c)
{
    plan_add(c->out, PLAN_CWD,
             c->cwd ? "base: the caller's, which is in sight"
                    : "base: the caller's is out of sight",
             c->cwd ? c->cwd : c->app_home, (char *)NULL);
    emit_exec(c);
    for (size_t i = 0; c->q->args && c->q->args[i]; i++)
        plan_add(c->out, PLAN_ARG, NULL, c->q->args[i], (char *)NULL);
}
