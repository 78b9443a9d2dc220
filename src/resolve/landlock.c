/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Landlock as a second wall for the same rules as the mounts: everything in the new root may be
 * read and executed, nothing outside it; written only where a mount is writable.
 */
#include "resolve/ctx.h"

#include "util/str.h"

#include <string.h>

/* Sets of rights. WRITABLE leaves out only what nobody without privileges can do: device nodes. */
enum set {
    ALL = 1,
    READ = 2,
    WRITABLE = 4,
    FILES = 8,
    DEVICES = 16,
    SETTINGS = 32,
};

/* The kernel's names with the first ABI that knows each (linux/landlock.h). */
static const struct {
    const char *name;
    int abi;
    unsigned sets;
} rights[] = {
    {"execute", 1, ALL | READ | WRITABLE | FILES},
    {"write_file", 1, ALL | WRITABLE | FILES | DEVICES | SETTINGS},
    {"read_file", 1, ALL | READ | WRITABLE | FILES},
    {"read_dir", 1, ALL | READ | WRITABLE},
    {"remove_dir", 1, ALL | WRITABLE},
    {"remove_file", 1, ALL | WRITABLE},
    {"make_char", 1, ALL},
    {"make_dir", 1, ALL | WRITABLE},
    {"make_reg", 1, ALL | WRITABLE},
    {"make_sock", 1, ALL | WRITABLE},
    {"make_fifo", 1, ALL | WRITABLE},
    {"make_block", 1, ALL},
    {"make_sym", 1, ALL | WRITABLE},
    {"refer", 2, ALL | WRITABLE},
    {"truncate", 3, ALL | WRITABLE | FILES},
    {"ioctl_dev", 5, ALL | WRITABLE | FILES | DEVICES},
};

/*
 * ABI 1 forbids every rename between folders, whatever the rules say, which breaks the way in
 * which many programs save. So the wall counts as missing there.
 */
enum { FIRST_USABLE_ABI = 2, FIRST_SCOPE_ABI = 6 };

static const char *right_names(struct ctx *c, enum set set)
{
    struct buf b = {.arena = c->a};
    for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
        if (rights[i].abi > c->f->landlock_abi || !(rights[i].sets & set))
            continue;
        if (b.len)
            buf_char(&b, ',');
        buf_str(&b, rights[i].name);
    }
    return b.data ? b.data : "-";
}

static void allow(struct ctx *c, const char *path, const char *names, const char *why)
{
    plan_add(c->out, PLAN_LANDLOCK_ALLOW, why, path, names, (char *)NULL);
}

static bool usable(const struct ctx *c)
{
    return c->f->landlock_abi >= FIRST_USABLE_ABI;
}

/*
 * Where files may come into sight while the app runs (carrel grant --rw): Landlock takes no new
 * rule then, but a rule for a folder holds for what is mounted below it later. The home that the
 * root shows is a folder of the read-only tmpfs, where nothing can be written, until something is
 * granted; so are the folders where other disks and common files are, which are empty. Where a
 * policy shows something below one of them read-only, that keeps its second wall, and there is no
 * such rule. Never a folder of the system's: of the last ones only those that this host has.
 */
static const struct {
    const char *path;
    bool always;
} landings[] = {
    {"/media", true},    {"/mnt", true},     {"/srv", true},      {"/data", false},
    {"/storage", false}, {"/export", false}, {"/var/www", false},
};
static const char landing_why[] = "base: what is granted while it runs";

static bool can_be_granted_to(struct ctx *c)
{
    return c->q->supervisor_fd && instance_folder(c);
}

static bool lands_at(struct ctx *c, size_t i)
{
    return landings[i].always || facts_folder(c->f, landings[i].path);
}

void put_landings(struct ctx *c)
{
    for (size_t i = 0; i < ARRAY_SIZE(landings); i++)
        if (can_be_granted_to(c) && usable(c) && lands_at(c, i))
            put_dir(c, landings[i].path, "0755", landing_why);
}

static void allow_landing(struct ctx *c, const char *folder)
{
    for (size_t i = 0; i < c->tree.n; i++) {
        const struct node *n = &c->tree.v[i];
        bool own = c->app_home_real && path_within(n->dst, c->app_home_real);
        if (path_within(folder, n->dst) && n->kind == NODE_BIND)
            return; /* the policy shows it, in its own way */
        if (path_within(n->dst, folder) && !own && n->kind == NODE_BIND && !n->rw)
            return;
    }
    allow(c, folder, right_names(c, WRITABLE), landing_why);
}

static void allow_landings(struct ctx *c)
{
    const char *home = facts_path(c->f, c->f->home)->real;
    if (!can_be_granted_to(c))
        return;
    if (!str_eq(home, "/"))
        allow_landing(c, home);
    for (size_t i = 0; i < ARRAY_SIZE(landings); i++)
        if (lands_at(c, i))
            allow_landing(c, landings[i].path);
}

/* Where the app's own wall may be missing it is said once, in the app's plan. */
void landlock_service(struct ctx *c, struct plan *p)
{
    if (!usable(c))
        return;
    plan_add(p, PLAN_LANDLOCK, "base: a second wall", right_names(c, ALL),
             c->f->landlock_abi < FIRST_SCOPE_ABI ? "-" : "abstract_unix_socket,signal",
             (char *)NULL);
    plan_add(p, PLAN_LANDLOCK_ALLOW, "base: what the mounts show", "/", right_names(c, READ),
             (char *)NULL);
    for (size_t i = 0, n = p->n; i < n; i++)
        if (p->v[i].verb == PLAN_TMPFS && !str_eq(step_arg(&p->v[i], 0), "/"))
            plan_add(p, PLAN_LANDLOCK_ALLOW, p->v[i].why, step_arg(&p->v[i], 0),
                     right_names(c, WRITABLE), (char *)NULL);
        else if (p->v[i].verb == PLAN_BIND && str_after(step_arg(&p->v[i], 2), "rw"))
            plan_add(p, PLAN_LANDLOCK_ALLOW, p->v[i].why, step_arg(&p->v[i], 1),
                     right_names(c, WRITABLE), (char *)NULL);
        else if (p->v[i].verb == PLAN_BIND && strstr(step_arg(&p->v[i], 2), "dev"))
            plan_add(p, PLAN_LANDLOCK_ALLOW, p->v[i].why, step_arg(&p->v[i], 1),
                     right_names(c, DEVICES), (char *)NULL);
}

static bool is_folder(const struct node *n)
{
    return n->kind == NODE_TMPFS || n->new_src || n->src->type == FILE_DIR;
}

static void allow_tree(struct ctx *c)
{
    const char *last = NULL; /* a folder that is writable with all below it */
    allow(c, "/", right_names(c, READ), "base: what the mounts show");
    allow(c, "/dev", right_names(c, DEVICES), "base: the devices that the mounts show");
    allow(c, "/proc", right_names(c, SETTINGS), "base: a process' own settings");
    for (size_t i = 0; i < c->tree.n; i++) {
        const struct node *n = &c->tree.v[i];
        bool writable = (n->kind == NODE_BIND && n->rw) || (n->kind == NODE_TMPFS && !n->seal);
        if (!writable || (last && path_within(n->dst, last)))
            continue;
        allow(c, n->dst, right_names(c, is_folder(n) ? WRITABLE : FILES), n->why);
        if (is_folder(n))
            last = n->dst;
    }
    allow_landings(c);
}

/* Whether the policy says that this wall may be missing; if not, there will be no plan. */
static void missing_wall(struct ctx *c, const char *wall, const char *what, const char *remedy)
{
    const struct carrel_value *v;
    struct place nowhere = {0};
    if (carrel_list_has(c, "optional", wall, &v))
        put_missing(c, wall, why_at(c, v->at, "optional", v->value), "%s", what);
    else
        refuse(c, nowhere,
               concat(c, remedy, "; or write optional=", wall, " in [Carrel Sandbox] to do without",
                      NULL),
               "%s", what);
}

static bool wants_files(struct ctx *c)
{
    if (c->nested_mount) {
        put_missing(c, "landlock", why_at(c, c->nested->at, "nested-sandbox", c->nested->value),
                    "Landlock's file rules forbid every mount, also in a nested sandbox");
        return false;
    }
    if (usable(c))
        return true;
    missing_wall(c, "landlock",
                 c->f->landlock_abi ? "this kernel's Landlock is too old (ABI 1)"
                                    : "this kernel has no Landlock",
                 "use a kernel from 5.19 on with lsm=landlock (see carrel doctor)");
    return false;
}

/* "abstract_unix_socket,signal" or what of it can be had. */
static const char *scopes(struct ctx *c)
{
    bool abstract = true;
    if (c->f->landlock_abi < FIRST_SCOPE_ABI) {
        /* An own network namespace shuts out abstract sockets, an own pid namespace signals. */
        if (c->network)
            missing_wall(c, "landlock-scope",
                         "the network is shared and this kernel cannot keep abstract sockets "
                         "apart (X11, other sandboxes' buses)",
                         "use a kernel from 6.12 on");
        return "-";
    }
    if (c->abstract_needed) {
        put_missing(c, "landlock-scope", "base: Landlock",
                    "a granted socket has an abstract name only");
        abstract = false;
    }
    return abstract ? "abstract_unix_socket,signal" : "signal";
}

void rule_landlock(struct ctx *c)
{
    bool files = wants_files(c);
    const char *scope = scopes(c);
    if (!files && str_eq(scope, "-"))
        return;
    plan_add(c->out, PLAN_LANDLOCK, "base: a second wall for the same rules",
             files ? right_names(c, ALL) : "-", scope, (char *)NULL);
    if (files)
        allow_tree(c);
}
