/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who the app is, what it shares with the host, and its limits. */
#include "resolve/ctx.h"

#include "seccomp/seccomp.h"
#include "util/str.h"

#include <string.h>

void rule_decide(struct ctx *c)
{
    c->runtime = arena_printf(c->a, "/run/user/%u", (unsigned)c->f->uid);
    c->app_home =
        concat(c, c->f->home, str_eq(c->f->home, "/") ? "" : "/", ".var/app/", c->q->app_id, NULL);
    find_wayland(c); /* conditions ask for it */
    c->network = perm_granted(c, PERM_SHARED, "network");
    c->ipc = perm_granted(c, PERM_SHARED, "ipc");
    carrel_list_has(c, "optional", "abstract-sockets", &c->abstract_allowed);
    c->wayland = perm_granted(c, PERM_SOCKETS, "wayland");
    c->x11 = perm_granted(c, PERM_SOCKETS, "x11");
    c->session_bus = perm_granted(c, PERM_SOCKETS, "session-bus");
    if (!c->x11 && !(c->wayland && (c->wayland_socket || facts_env(c->f, "WAYLAND_SOCKET")))) {
        c->x11 = perm_granted(c, PERM_SOCKETS, "fallback-x11");
        c->x11_by_fallback = c->x11;
    }
    const struct carrel_value *x11 = policy_carrel(c->p, "Carrel Display", "x11");
    if (x11 && str_eq(x11->value, "none"))
        c->x11 = NULL;
    if (wants_own_x11(c)) {
        /* What shared=ipc is for, X11's shared memory, it gets with its own server. */
        c->ipc = NULL;
        c->common_ipc = true;
        c->out->common_ipc = "base: for shared memory between the app and its X server";
    }
    c->nested = policy_carrel(c->p, "Carrel Sandbox", "nested-sandbox");
    c->private_bus = policy_carrel(c->p, "Carrel Sandbox", "private-session-bus");
    if (c->session_bus || (c->private_bus && !str_eq(c->private_bus->value, "true")))
        c->private_bus = NULL;
    const struct carrel_value *bus = policy_carrel(c->p, "Carrel Bus", "session");
    if (bus && str_eq(bus->value, "filtered"))
        c->private_bus = NULL;
    /* It is for desktop programs: without a display it would only cost time. */
    if (!(c->x11 && (facts_env(c->f, "DISPLAY") || c->common_ipc)) &&
        !(c->wayland && c->wayland_socket))
        c->private_bus = NULL;
    c->stays = policy_carrel(c->p, "Carrel Application", "ends-with");
    if (c->stays && str_eq(c->stays->value, "first"))
        c->stays = NULL;
    if (c->stays && str_eq(c->stays->value, "tell") && !c->private_bus) /* see ctx.h */
        c->stays = NULL;
    c->nested_mount = c->nested && str_eq(c->nested->value, "mount");
    c->nested_userns = c->nested_mount || (c->nested && str_eq(c->nested->value, "userns"));
}

/* ---- namespaces ---- */

static void unshare(struct ctx *c)
{
    const char *words[7], *why = "base: own namespaces";
    size_t n = 0;
    words[n++] = "user";
    words[n++] = "mount";
    words[n++] = "pid";
    if (!c->ipc && !c->common_ipc)
        words[n++] = "ipc";
    words[n++] = "uts";
    if (!c->network)
        words[n++] = "net";
    words[n++] = "cgroup";
    if (c->common_ipc)
        why = concat(c, why, "; its IPC namespace is also its X server's", NULL);
    if (c->ipc)
        why = concat(c, why, "; ", why_perm(c, PERM_SHARED, c->ipc), NULL);
    if (c->network)
        why = concat(c, why, "; ", why_perm(c, PERM_SHARED, c->network), NULL);
    struct word argv[7];
    for (size_t i = 0; i < n; i++)
        argv[i] = (struct word){arena_strdup(c->a, words[i]), strlen(words[i])};
    plan_add_words(c->out, PLAN_UNSHARE, why, (int)n, argv);
    if (!c->network)
        plan_add(c->out, PLAN_LOOPBACK, "base: programs that talk to themselves", "up",
                 (char *)NULL);
}

/*
 * Window managers mark a window as remote, and do not watch its process, when its host name is not
 * theirs; resolvers look up their own name. Without X11 and network the name is nobody's business.
 */
static void name_host(struct ctx *c)
{
    bool real = c->network || c->x11;
    plan_add(c->out, PLAN_HOSTNAME,
             real ? "base: X11 and network programs compare it" : "base: not the host's name",
             real ? c->f->hostname : "carrel", (char *)NULL);
}

static void identify(struct ctx *c)
{
    const char *why = "base: the caller's own, alone";
    plan_add(c->out, PLAN_UID, why, arena_printf(c->a, "%u", (unsigned)c->f->uid), (char *)NULL);
    plan_add(c->out, PLAN_GID, why, arena_printf(c->a, "%u", (unsigned)c->f->gid), (char *)NULL);
}

/* ---- limits ---- */

static void limit(struct ctx *c)
{
    static const struct {
        const char *key, *name;
    } rows[] = {
        {"max-processes", "nproc"},
        {"max-open-files", "nofile"},
        {"max-file-size", "fsize"},
    };
    /*
     * A memory dump would carry the app's secrets to the host, and its bytes to a handler that runs
     * as root there. One byte, not none: a handler behind a pipe is started with a limit of 0 as
     * well, and only a limit of 1 stops it (core(5), fs/coredump.c).
     */
    plan_add(c->out, PLAN_RLIMIT, "base: no core dumps", "core", "1", "1", (char *)NULL);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct carrel_value *v = policy_carrel(c->p, "Carrel Sandbox", rows[i].key);
        bool lower = false;
        for (size_t k = 0; k < c->n_rlimits; k++)
            lower |= str_eq(c->rlimits[k].name, rows[i].name);
        /* 0 takes away what lower layers say. */
        if (v && *v->value && !str_eq(v->value, "0") && !lower)
            plan_add(c->out, PLAN_RLIMIT, why_at(c, v->at, rows[i].key, v->value), rows[i].name,
                     v->value, v->value, (char *)NULL);
    }
    for (size_t i = 0; i < c->n_rlimits; i++)
        plan_add(c->out, PLAN_RLIMIT, c->rlimits[i].why, c->rlimits[i].name, c->rlimits[i].value,
                 c->rlimits[i].value, (char *)NULL);
}

static void filter_calls(struct ctx *c)
{
    static const struct {
        const char *name;
        unsigned bit;
    } features[] = {
        {"devel", SECCOMP_DEVEL},
        {"multiarch", SECCOMP_MULTIARCH},
        {"bluetooth", SECCOMP_BLUETOOTH},
        {"canbus", SECCOMP_CANBUS},
    };
    unsigned bits = c->nested_mount    ? SECCOMP_MOUNT | SECCOMP_USERNS
                    : c->nested_userns ? SECCOMP_USERNS
                                       : 0;
    const char *why = "base: an allow-list of system calls";
    if (c->nested_userns)
        why = concat(c, why, "; ", why_at(c, c->nested->at, "nested-sandbox", c->nested->value),
                     NULL);
    for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
        const struct perm *p = perm_granted(c, PERM_FEATURES, features[i].name);
        if (!p)
            continue;
        bits |= features[i].bit;
        why = concat(c, why, "; ", why_perm(c, PERM_FEATURES, p), NULL);
    }
    plan_add(c->out, PLAN_SECCOMP, why, arena_printf(c->a, "%d", c->q->seccomp_fd),
             seccomp_filter_for(bits)->name, (char *)NULL);
}

void rule_setup(struct ctx *c)
{
    struct place nowhere = {0};
    if (c->f->userns_obstacle)
        refuse(c, nowhere, "see carrel doctor for the remedy", "%s", c->f->userns_obstacle);
    identify(c);
    unshare(c);
    plan_add(c->out, PLAN_NESTED_USERNS,
             c->nested_userns ? why_at(c, c->nested->at, "nested-sandbox", c->nested->value)
                              : "base: no namespaces of its own",
             c->nested_userns ? "allow" : "deny", (char *)NULL);
    name_host(c);
    if (c->q->supervisor_fd && instance_folder(c))
        plan_add(c->out, PLAN_STATUS_FD, "base: entered into the registry of running apps",
                 arena_printf(c->a, "%d", c->q->supervisor_fd), "supervisor", (char *)NULL);
    else if (c->q->supervisor_fd)
        put_missing(
            c, "registry", "base: entered into the registry of running apps",
            "XDG_RUNTIME_DIR is not a folder of this person's alone; carrel ps, kill, enter, "
            "grant and portals do not find the app");
}

void emit_process(struct ctx *c)
{
    limit(c);
    plan_add(c->out, PLAN_KEYRING, "base: no key of the session", "new", (char *)NULL);
    plan_add(c->out, PLAN_SESSION, "base: own session, so that no signal or input leaves it", "new",
             (char *)NULL);
    if (c->q->terminal_fd)
        plan_add(c->out, PLAN_TERMINAL, "base: a terminal of its own",
                 arena_printf(c->a, "%d", c->q->terminal_fd), "/dev/pts/ptmx",
                 c->q->terminal_streams, (char *)NULL);
    plan_add(c->out, PLAN_UMASK, "base: not the caller's", "022", (char *)NULL);
    filter_calls(c);
}
