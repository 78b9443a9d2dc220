/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resolve/xserver.h"

/* As much as a usual plan needs: vectors that grow leave their old copies in the arena, and every
 * fresh page costs a start more than any rule does. */
enum { USUAL_NODES = 128, USUAL_STEPS = 160, USUAL_VARIABLES = 48 };

static void make_room(struct ctx *c)
{
    c->tree.cap = USUAL_NODES;
    c->tree.v = arena_array(c->a, c->tree.cap, sizeof *c->tree.v);
    c->cap_env = USUAL_VARIABLES;
    c->env = arena_array(c->a, c->cap_env, sizeof *c->env);
    if (c->out->cap == 0) {
        c->out->cap = USUAL_STEPS;
        c->out->v = arena_array(c->a, c->out->cap, sizeof *c->out->v);
    }
}

static void write_steps(struct ctx *c)
{
    if (c->q->viewed) {
        emit_missing(c);
        finish_services(c);
        return;
    }
    tree_settle(&c->tree);
    tree_emit(&c->tree, c->out);
    emit_process(c);
    rule_landlock(c);
    emit_environment(c);
    emit_program(c);
    emit_missing(c);
    finish_services(c);
}

/*
 * Every pass calls all rules, also when facts are missing: what is not known counts as absent, so
 * that one pass finds as many wishes for facts as it can. Only a pass that needed nothing new is
 * the plan. The steps come out in the order of their phases.
 */
enum resolve_result resolve(const struct request *q, const struct policy *p, struct facts *f,
                            struct plan *out, struct diags *d)
{
    static void (*const rules[])(struct ctx *) = {
        rule_decide,      rule_setup,   rule_limits,      rule_home,       rule_root,
        rule_etc,         rule_devices, rule_display,     rule_sound,      rule_sockets,
        rule_environment, rule_looks,   rule_filesystems, rule_policy_env, rule_program,
    };
    const struct diags before = *d;
    struct ctx c = {.q = q, .p = p, .f = f, .out = out, .d = d, .a = out->arena};
    c.tree.arena = c.a;
    out->n = out->n_services = 0;
    out->common_ipc = NULL;
    out->whole_session_bus = out->whole_system_bus = false;
    make_room(&c);
    for (size_t i = 0; i < sizeof rules / sizeof *rules && !q->viewed; i++)
        rules[i](&c);
    if (q->viewed)
        put_viewer(&c);
    if (f->n_wanted > 0) { /* what was said rests on unknown facts */
        d->n = before.n;
        d->errors = before.errors;
        d->warnings = before.warnings;
        return RESOLVE_WANTS_FACTS;
    }
    write_steps(&c);
    return c.refused ? RESOLVE_REFUSED : RESOLVE_OK;
}

/* Each pass can only ask for what the pass before has named, and names come from a finite policy:
 * three passes are usual. */
enum { MAX_PASSES = 16 };

enum resolve_result resolve_all(const struct request *q, const struct policy *p, struct facts *f,
                                struct plan *out, struct diags *d)
{
    for (int pass = 0; pass < MAX_PASSES; pass++) {
        enum resolve_result r = resolve(q, p, f, out, d);
        if (r != RESOLVE_WANTS_FACTS)
            return r;
        facts_look(f);
    }
    diag_add(d, DIAG_ERROR, (struct place){0}, NULL,
             "this host's files keep changing while they are looked at");
    return RESOLVE_REFUSED;
}

void resolve_files(const struct request *q, const struct policy *p, struct facts *f,
                   struct diags *d)
{
    for (int pass = 0; pass < MAX_PASSES; pass++) {
        struct plan plan = {.arena = d->arena};
        struct diags unasked = {.arena = d->arena}, told = unasked;
        struct ctx c = {.q = q, .p = p, .f = f, .out = &plan, .d = &unasked, .a = d->arena};
        c.tree.arena = c.a;
        make_room(&c);
        rule_decide(&c);
        rule_home(&c);
        rule_root(&c);
        c.d = &told;
        rule_filesystems(&c);
        if (f->n_wanted == 0) {
            for (size_t i = 0; i < told.n; i++)
                diag_add(d, told.v[i].severity, told.v[i].at, told.v[i].hint, "%s",
                         told.v[i].message);
            return;
        }
        facts_look(f);
    }
}
