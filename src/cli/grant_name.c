/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel grant --talk-name and the like: names on a bus that a running app is given. */
#include "cli/grant.h"

#include "cli/find.h"
#include "policy/lint.h"
#include "policy/merge.h"
#include "util/str.h"

#include <errno.h>
#include <stdlib.h>

static const struct row {
    const char *option, *bus, *level, *group;
    enum bus_kind kind;
    enum bus_access access;
} rows[] = {
    {"talk-name", "session", "talk", "Session Bus Policy", BUS_SESSION, BUS_TALK},
    {"see-name", "session", "see", "Session Bus Policy", BUS_SESSION, BUS_SEE},
    {"own-name", "session", "own", "Session Bus Policy", BUS_SESSION, BUS_OWN},
    {"system-talk-name", "system", "talk", "System Bus Policy", BUS_SYSTEM, BUS_TALK},
    {"system-see-name", "system", "see", "System Bus Policy", BUS_SYSTEM, BUS_SEE},
    {"system-own-name", "system", "own", "System Bus Policy", BUS_SYSTEM, BUS_OWN},
    {"a11y-own-name", "accessibility", "own", "Accessibility Bus Policy", BUS_A11Y, BUS_OWN},
};

static const struct row *row_of(const struct given *g)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (str_eq(g->option->name, rows[i].option))
            return &rows[i];
    return NULL;
}

bool grant_names_any(const struct cli *c)
{
    for (size_t i = 0; i < c->n_given; i++)
        if (row_of(&c->given[i]))
            return true;
    return false;
}

/* ---- grant ---- */

struct wish {
    const struct row *row;
    const char *name;
};

/* What `carrel check` warns of in a policy needs to be meant here. */
static int is_harmless(struct cli *c, const struct wish *w, bool force)
{
    struct diags told = {.arena = &c->arena};
    struct policy p = {.arena = &c->arena, .app_id = "", .command = ""};
    const char *text =
        arena_printf(&c->arena, "[%s]\n%s=%s\n", w->row->group, w->name, w->row->level);
    policy_merge_text(&p, LAYER_USER, "grant", text, strlen(text), &told);
    policy_lint(&p, NULL, &told);
    if (force || !told.n)
        return 0;
    return cli_fail(c, "give --force if it shall", "%s", told.v[0].message);
}

/* Never less than before. */
static void set_name(const char *text, size_t size, const void *what, struct buf *out)
{
    const struct wish *w = what;
    struct diags unused = {.arena = out->arena};
    struct policy p = {.arena = out->arena, .app_id = "", .command = ""};
    policy_merge_text(&p, LAYER_USER, "policy", text, size, &unused);
    for (size_t i = 0; i < p.bus[w->row->kind].n; i++) {
        const struct bus_rule *r = &p.bus[w->row->kind].v[i];
        if (str_eq(r->name, w->name) && r->access >= w->row->access) {
            buf_bytes(out, text, size);
            return;
        }
    }
    grant_set_key(text, size, w->row->group, w->name, w->row->level, out);
}

static int give(struct cli *c, const struct instance *in, const struct wish *w, long seconds,
                bool always)
{
    struct instance_reply reply;
    const char *why;
    int r = instance_ask(&c->arena, in, -1, &reply, &why, "allow", w->row->bus, w->row->level,
                         arena_printf(&c->arena, "%ld", seconds), w->name, (char *)NULL);
    if (r == -ENOTCONN && always) {
        diag_add(&c->diags, DIAG_NOTE, (struct place){0}, "start it again",
                 "%s has no filtered %s bus while it runs", in->app, w->row->bus);
        return 0;
    }
    if (r == -ENOTCONN)
        return cli_fail(c, "give --always and start it again",
                        "%s has no filtered %s bus, and gets none while it runs", in->app,
                        w->row->bus);
    return r < 0 ? instance_failed(c, in, "cannot grant to", why, -r) : 0;
}

int grant_names(struct cli *c, const char *app, const struct instance *v, size_t n, long seconds,
                bool always, bool force)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < c->n_given; i++) {
        const struct wish w = {row_of(&c->given[i]), c->given[i].value};
        if (!w.row)
            continue;
        const char *fault = bus_name_error(w.name);
        if (fault)
            return cli_fail(c, "write org.example.Name or org.example.*",
                            "\"%s\" is no name on a bus: %s", w.name, fault);
        r = is_harmless(c, &w, force);
        for (size_t k = 0; r == 0 && k < n; k++)
            r = give(c, &v[k], &w, seconds, always);
        if (r == 0 && always)
            r = grant_change(c, app, set_name, &w);
    }
    return r;
}

/* ---- revoke ---- */

static int take(struct cli *c, const struct instance *in, const char *bus, const char *level,
                const char *name, bool *found)
{
    struct instance_reply reply;
    const char *why;
    int r = instance_ask(&c->arena, in, -1, &reply, &why, "forbid", bus, level, name, (char *)NULL);
    *found = *found || r == 0;
    return r < 0 && r != -ENOENT ? instance_failed(c, in, "cannot take it from", why, -r) : 0;
}

int revoke_names(struct cli *c, const struct instance *in, bool all, bool *found)
{
    struct instance_reply reply = {.n_words = 0};
    const char *why;
    int r = all ? instance_ask(&c->arena, in, -1, &reply, &why, "names", (char *)NULL) : 0;
    if (r < 0)
        return instance_failed(c, in, "cannot ask", why, -r);
    for (size_t i = 0; r == 0 && i + 3 < reply.n_words; i += 4)
        r = take(c, in, reply.words[i], reply.words[i + 1], reply.words[i + 3], found);
    for (size_t i = 0; r == 0 && i < c->n_given; i++) {
        const struct row *row = row_of(&c->given[i]);
        if (row)
            r = take(c, in, row->bus, row->level, c->given[i].value, found);
    }
    return r;
}

int revoke_kept_names(struct cli *c, const char *app, bool *found)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < c->n_given; i++) {
        const struct row *row = row_of(&c->given[i]);
        if (row)
            r = kept_name_take(c, app, row->kind, row->group, c->given[i].value, found);
    }
    return r;
}

/* ---- grants ---- */

void list_names(struct cli *c, const struct instance *in, const struct instance_reply *reply,
                struct json *j, struct buf *out)
{
    for (size_t i = 0; i + 3 < reply->n_words; i += 4) {
        const char *const *w = reply->words + i;
        bool ends = !str_eq(w[2], "0");
        if (!j) {
            buf_printf(out, "%s  %s  %s  %-8s  %s on the %s bus\n", in->id, in->app, w[1],
                       ends ? arena_printf(&c->arena, "%ss", w[2]) : "once", w[3], w[0]);
            continue;
        }
        json_object(j, NULL);
        json_string(j, "instance", in->id);
        json_string(j, "app", in->app);
        json_string(j, "name", w[3]);
        json_string(j, "bus", w[0]);
        json_string(j, "access", w[1]);
        json_string(j, "lasts", ends ? "for" : "once");
        if (ends)
            json_number(j, "seconds", strtoll(w[2], NULL, 10));
        json_end(j);
    }
}
