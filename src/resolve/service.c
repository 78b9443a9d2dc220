/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Helpers that stand beside the app: filters. Each has a plan of its own with a root that holds its
 * program and what it serves, and nothing else. The rule that wants one begins it, adds to its plan
 * what is its own, and all are finished when the app's plan is.
 */
#include "resolve/ctx.h"

#include "policy/keywords.h"
#include "seccomp/seccomp.h"
#include "util/str.h"

#include <string.h>

const char *instance_folder(struct ctx *c)
{
    if (!c->q->instance || !c->f->runtime_dir)
        return NULL;
    const char *real = facts_path(c->f, c->f->runtime_dir)->real;
    return concat(c, real, "/" INSTANCE_REGISTRY "/", c->q->instance, NULL);
}

const char *no_helper(struct ctx *c, const char **hint)
{
    if (instance_folder(c)) {
        *hint = "install Carrel completely";
        return "its helper is not installed";
    }
    *hint = "log in so that there is a folder /run/user/UID, and set XDG_RUNTIME_DIR";
    return facts_env(c->f, "XDG_RUNTIME_DIR")
               ? "its helper needs a folder, and XDG_RUNTIME_DIR is not one of yours alone"
               : "its helper needs a folder, and XDG_RUNTIME_DIR is not set";
}

/* ---- what portals read of an app ---- */

/* "sockets=x11;wayland;": what is granted here and now. Only plain words: nobody else's
 * vocabulary is ours to quote. */
static void list_granted(struct ctx *c, enum perm_kind kind, const char *key, struct buf *out)
{
    const struct perm_list *list = &c->p->perms[kind];
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        const char *name = list->v[i].name;
        if (!keyword_find(KEYWORD_WORD, concat(c, "Context/", key, NULL), name) ||
            !perm_granted(c, kind, name))
            continue;
        if (n++ == 0)
            buf_printf(out, "%s=", key);
        buf_printf(out, "%s;", name);
    }
    if (n)
        buf_char(out, '\n');
}

/*
 * The key file that Flatpak puts at /.flatpak-info (flatpak-metadata(5), flatpak-run(1)); portals
 * read the app's id from the root of the process that connects to the bus, and the instance leads
 * them to the registry.
 */
const char *instance_info(struct ctx *c)
{
    struct buf out = {.arena = c->a};
    if (!instance_folder(c))
        return NULL;
    buf_printf(&out, "[Application]\nname=%s\n\n[Instance]\ninstance-id=%s\n", c->q->app_id,
               c->q->instance);
    /* A key file would need escapes for anything else. */
    if (c->app_home &&
        !c->app_home[strspn(c->app_home, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789/._-+@")])
        buf_printf(&out, "instance-path=%s\n", c->app_home);
    buf_str(&out, "\n[Context]\n");
    list_granted(c, PERM_SHARED, "shared", &out);
    list_granted(c, PERM_SOCKETS, "sockets", &out);
    list_granted(c, PERM_DEVICES, "devices", &out);
    if (c->x_server || policy_carrel(c->p, "Carrel Display", "clipboard"))
        buf_str(&out, "\n[Carrel Display]\n");
    if (c->x_server)
        buf_printf(&out, INSTANCE_X_SERVER "%s\n", c->x_server);
    clip_info(c, &out);
    return out.data;
}

/* ---- plans ---- */

/* "dbus-system" is done by carrel-dbus. */
static const char *program_of(struct ctx *c, const char *name)
{
    return arena_printf(c->a, "/carrel-%.*s", (int)strcspn(name, "-"), name);
}

void begin_helper(struct ctx *c, struct plan *p, const struct path_fact *program,
                  const char *inside, bool common_ipc)
{
    const char *why = "base: every helper", *none = "base: nothing of the host but its program";
    plan_add(p, PLAN_UID, why, arena_printf(c->a, "%u", (unsigned)c->f->uid), (char *)NULL);
    plan_add(p, PLAN_GID, why, arena_printf(c->a, "%u", (unsigned)c->f->gid), (char *)NULL);
    if (common_ipc)
        plan_add(p, PLAN_UNSHARE, "base: every helper; its IPC namespace is also the app's", "user",
                 "mount", "pid", "uts", "net", "cgroup", (char *)NULL);
    else
        plan_add(p, PLAN_UNSHARE, why, "user", "mount", "pid", "ipc", "uts", "net", "cgroup",
                 (char *)NULL);
    plan_add(p, PLAN_NESTED_USERNS, why, "deny", (char *)NULL);
    plan_add(p, PLAN_HOSTNAME, why, "carrel", (char *)NULL);
    plan_add(p, PLAN_TMPFS, none, "/", "0755", "1m", (char *)NULL);
    plan_add(p, PLAN_BIND, none, program->real, inside, "ro", path_identity(c->a, program),
             (char *)NULL);
    /* Before the arguments that the rule adds. */
    plan_add(p, PLAN_EXEC, why, inside, (char *)NULL);
}

static void begin_plan(struct ctx *c, struct plan *p, const struct path_fact *program,
                       const char *inside, bool common_ipc)
{
    begin_helper(c, p, program, inside, common_ipc);
    plan_add(p, PLAN_KEEP_FD, "base: where the app's connections come in",
             arena_printf(c->a, "%d", SERVICE_LISTEN_FD), (char *)NULL);
    plan_add(p, PLAN_KEEP_FD, "base: the supervisor's word",
             arena_printf(c->a, "%d", SERVICE_CONTROL_FD), (char *)NULL);
}

struct plan_service *begin_hidden_service(struct ctx *c, const char *name, const char *why)
{
    const char *folder = instance_folder(c);
    const struct path_fact *program =
        facts_path(c->f, concat(c, c->q->libexec, program_of(c, name), NULL));
    if (!folder || program->type != FILE_REGULAR) {
        const char *hint;
        put_missing(c, name, why, "%s", no_helper(c, &hint));
        return NULL;
    }
    struct plan_service *s = plan_add_service(c->out, name, join_path(c, folder, name), why);
    begin_plan(c, s->plan, program, program_of(c, name), c->common_ipc && str_eq(name, "xserver"));
    return s;
}

struct plan_service *begin_watch(struct ctx *c, const char *name, const char *folder,
                                 const char *why)
{
    struct plan_service *s = begin_hidden_service(c, name, why);
    if (s) {
        s->socket = NULL;
        s->watch = folder;
    }
    return s;
}

struct plan_service *begin_service(struct ctx *c, const char *name, const char *inside,
                                   const char *why)
{
    struct plan_service *s = begin_hidden_service(c, name, why);
    if (!s)
        return NULL;
    struct path_fact *socket = arena_alloc(c->a, sizeof *socket);
    socket->path = socket->real = s->socket;
    socket->type = FILE_SOCKET; /* made at the start: it has no identity yet */
    tree_put(&c->tree, (struct node){.kind = NODE_BIND, .dst = inside, .src = socket, .why = why});
    return s;
}

void end_helper(struct ctx *c, struct plan *p, int filter_fd)
{
    const char *why = "base: every helper";
    plan_add(p, PLAN_SEAL, why, "/", (char *)NULL);
    plan_add(p, PLAN_RLIMIT, "base: no core dumps", "core", "1", "1", (char *)NULL);
    /* No session keyring of its own: the kernel gives a user 200, and the supervisor, whose child
     * it is, has an empty one for all of them. */
    plan_add(p, PLAN_SESSION, why, "new", (char *)NULL);
    plan_add(p, PLAN_UMASK, why, "077", (char *)NULL);
    plan_add(p, PLAN_CWD, why, "/", (char *)NULL);
    landlock_service(c, p);
    plan_add(p, PLAN_SECCOMP, "base: an allow-list of system calls",
             arena_printf(c->a, "%d", filter_fd), seccomp_filter_for(0)->name, (char *)NULL);
    plan_sort(p);
}

static void finish(struct ctx *c, struct plan_service *s)
{
    if (s->data)
        plan_add(s->plan, PLAN_KEEP_FD, "base: what it goes by",
                 arena_printf(c->a, "%d", SERVICE_DATA_FD), (char *)NULL);
    end_helper(c, s->plan, SERVICE_FILTER_FD);
}

void finish_services(struct ctx *c)
{
    if (c->q->supervisor_fd)
        c->out->info = instance_info(c);
    for (size_t i = 0; i < c->out->n_services; i++)
        finish(c, &c->out->services[i]);
}
