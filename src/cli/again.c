/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What else a start does when the app runs already.
 *
 * An app that has a bus often runs once only: started again, it hands the files that it was given
 * to the one that runs, and ends. That one was started without them, so they are granted to it as
 * `carrel grant` would, before the new one can speak to it. Both have the same id, home and policy.
 */
#include "cli/again.h"

#include "cli/find.h"
#include "cli/grant.h"
#include "cli/own_x11.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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
    /* Which links on the way may be followed has been judged of these very facts. */
    if (grant_look(c, j->app.id, facts_path(&c->facts, path)->real, j->documents_rw, false, &g)) {
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
    if (!j->documents || !*j->documents || !plan_service_named(&j->plan, "dbus") ||
        !c->facts.runtime_dir || instances_list(&c->arena, c->facts.runtime_dir, NULL, &v, &n) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        mine += str_eq(v[i].app, j->app.id);
    for (const char *const *path = j->documents; mine && *path; path++)
        if (!give_all(c, j, *path, v, n))
            diag_add(&c->diags, DIAG_NOTE, (struct place){0},
                     "close it first, or open the file by its own dialog",
                     "%s runs already, and that one cannot be shown %s", j->app.id, *path);
}

/* ---- its X server ---- */

enum { SHARED_PLAN, SHARED_USER, SHARED_IPC, SHARED_FDS, COOKIE = 16 };

static void close_all(const struct instance_reply *reply)
{
    for (int i = 0; i < reply->n_fds; i++)
        close(reply->fds[i]);
}

/* The plan, made anew, uses the server of this instance. False: it does not, or cannot. */
static bool plan_with(struct cli *c, struct job *j, const struct instance *in, int plan)
{
    struct diags before = c->diags;
    struct plan theirs = {.arena = &c->arena}, ours = {.arena = &c->arena};
    struct own_x11 x;
    bool known = cli_read_plan(c, plan, &theirs) == 0 &&
                 own_x11_of(&c->arena, &theirs, &x) == X11_OF_APP && x.cookie.size == COOKIE;
    if (known) {
        const struct running_server s = {
            .kind = in->server,
            .socket = arena_printf(&c->arena, "%s/%s", x.folder, x.name),
            .cookie = x.cookie.data,
        };
        j->request.server = &s;
        known = resolve_all(&j->request, &j->policy, &c->facts, &ours, &c->diags) == RESOLVE_OK &&
                !plan_service_named(&ours, "xserver");
        j->request.server = NULL;
    }
    c->diags = before; /* all has been said of the first plan */
    if (known)
        j->plan = ours;
    return known;
}

/* Descriptors that last go behind all numbers that the plan names. */
static int out_of_the_way(const struct job *j, int fd)
{
    int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, j->request.supervisor_fd + 1);
    if (fd >= 0)
        close(fd);
    return moved;
}

static bool join(struct cli *c, struct job *j, const struct instance *in, struct joined *out)
{
    struct instance_reply reply;
    const char *why;
    int lease = instance_hold(&c->arena, in, &reply, &why, "share");
    if (lease < 0)
        return false; /* it is about to end, or its server has */
    lease = out_of_the_way(j, lease);
    if (lease < 0 || reply.n_fds != SHARED_FDS || !plan_with(c, j, in, reply.fds[SHARED_PLAN])) {
        close_all(&reply);
        if (lease >= 0)
            close(lease);
        return false;
    }
    close(reply.fds[SHARED_PLAN]);
    out->lease = lease;
    out->common[0] = reply.fds[SHARED_USER];
    out->common[1] = reply.fds[SHARED_IPC];
    return true;
}

void join_x_server(struct cli *c, struct job *j, struct joined *out)
{
    struct instance *v;
    size_t n;
    const char *kind =
        j->plan.info ? instance_info_line(&c->arena, j->plan.info, INSTANCE_X_SERVER) : NULL;
    *out = (struct joined){.lock = -1};
    if (!kind || !c->facts.runtime_dir)
        return;
    /* Without the lock two starts at once may have a server each, which harms nobody. */
    out->lock = run_lock_registry(c->facts.runtime_dir, j->request.supervisor_fd + 1);
    if (instances_with_server(&c->arena, c->facts.runtime_dir, j->app.id, kind, &v, &n) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (join(c, j, &v[i], out))
            return;
}
