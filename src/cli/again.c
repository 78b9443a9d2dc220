/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An app that has a bus often runs once only: started again, it hands the files that it was given
 * to the one that runs, and ends. That one was started without them, so they are granted to it as
 * `carrel grant` would, before the new one can speak to it. Both have the same id, home and policy.
 */
#include "cli/again.h"

#include "cli/find.h"
#include "cli/grant.h"
#include "util/str.h"

#include <errno.h>
#include <unistd.h>

static bool has_bus(const struct plan *p)
{
    for (size_t i = 0; i < p->n_services; i++)
        if (str_eq(p->services[i].name, "dbus"))
            return true;
    return false;
}

static bool give(struct cli *c, const struct instance *in, const struct granted *g)
{
    struct instance_reply reply;
    const char *why;
    int r = instance_ask(&c->arena, in, g->fd, &reply, &why, "grant", g->rw ? "rw" : "ro", "0",
                         g->path, (char *)NULL);
    return r == 0 || r == -EALREADY;
}

/* False: not all of them could be given it. */
static bool give_all(struct cli *c, const struct job *j, const char *path, const struct instance *v,
                     size_t n)
{
    struct granted g = {.fd = -1};
    struct diags before = c->diags;
    bool all = true;
    if (grant_look(c, j->app.id, path, j->documents_rw, false, &g)) {
        c->diags = before; /* said below, in one line */
        return false;
    }
    for (size_t i = 0; i < n; i++)
        if (str_eq(v[i].app, j->app.id))
            all &= give(c, &v[i], &g);
    close(g.fd);
    return all;
}

void pass_on_documents(struct cli *c, const struct job *j)
{
    struct instance *v;
    size_t n, mine = 0;
    if (!j->documents || !*j->documents || !has_bus(&j->plan) || !c->facts.runtime_dir ||
        instances_list(&c->arena, c->facts.runtime_dir, NULL, &v, &n) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        mine += str_eq(v[i].app, j->app.id);
    for (const char *const *path = j->documents; mine && *path; path++)
        if (!give_all(c, j, *path, v, n))
            diag_add(&c->diags, DIAG_NOTE, (struct place){0},
                     "close it first, or open the file by its own dialog",
                     "%s runs already, and that one cannot be shown %s", j->app.id, *path);
}
