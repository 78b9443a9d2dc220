/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * filesystems=: what of the host's files the app sees at their usual paths. A grant binds what the
 * path really leads to and recreates the links on the way, so that the path means inside what it
 * means outside.
 */
#include "resolve/files.h"

#include "util/str.h"

#include <string.h>

/* Destinations that belong to the sandbox (flatpak-exports.c has this list), and the way to what
 * was probably meant. */
static const struct {
    const char *path, *hint;
} reserved[] = {
    {"/usr", "the system's programs are there already, read-only"},
    {"/bin", "the system's programs are there already, read-only"},
    {"/sbin", "the system's programs are there already, read-only"},
    {"/lib", "the system's programs are there already, read-only"},
    {"/lib32", "the system's programs are there already, read-only"},
    {"/lib64", "the system's programs are there already, read-only"},
    {"/libx32", "the system's programs are there already, read-only"},
    {"/etc",
     "what programs need of /etc is there already; host-etc shows all of it in /run/host/etc"},
    {"/dev", "devices are granted by devices="},
    {"/proc", "the app has its own"},
    {"/app", "this path is Flatpak's own"},
    {"/.flatpak-info", "this path is Flatpak's own"},
    {"/run/flatpak", "this path is Flatpak's own"},
    {"/run/host", "grant host-os, host-etc or host-root"},
    {"/run/carrel", "this path is Carrel's own"},
};

static const char *reserved_hint(const char *path)
{
    if (str_eq(path, "/"))
        return "grant host, or host-root to see the whole system in /run/host/root";
    for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
        if (path_within(path, reserved[i].path) || path_within(reserved[i].path, path))
            return reserved[i].hint;
    return NULL;
}

/* ---- where a word leads ---- */

static const char *const xdg_variables[][2] = {
    {"XDG_DATA_HOME", ".local/share"},
    {"XDG_CACHE_HOME", ".cache"},
    {"XDG_CONFIG_HOME", ".config"},
    {"XDG_STATE_HOME", ".local/state"},
};

/* The person's own folder of this kind, as the XDG base directory specification finds it. */
const char *host_xdg_dir(struct ctx *c, enum fs_base base)
{
    const char *const *row = xdg_variables[base - FS_XDG_DATA];
    const char *told = facts_env(c->f, row[0]), *path = told ? path_clean(c->a, told) : NULL;
    return path ? path : join_path(c, c->f->home, row[1]);
}

const char *host_path(struct ctx *c, const struct fs_grant *g)
{
    const char *dir = NULL;
    if (g->base == FS_PATH)
        return g->sub;
    if (g->base == FS_HOME || g->base == FS_HOME_PATH)
        dir = c->f->home;
    else if (g->base >= FS_XDG_DESKTOP && g->base <= FS_XDG_VIDEOS)
        dir = c->f->user_dirs[g->base - FS_XDG_DESKTOP];
    else if (g->base >= FS_XDG_DATA && g->base <= FS_XDG_STATE)
        dir = host_xdg_dir(c, g->base);
    else if (g->base == FS_XDG_RUN)
        dir = c->f->runtime_dir;
    return dir ? join_path(c, dir, g->sub ? g->sub : "") : NULL;
}

/* ---- granting ---- */

const char *why_grant(struct ctx *c, const struct fs_grant *g)
{
    static const char *const suffixes[] = {
        [FS_NONE] = "", [FS_RO] = ":ro", [FS_RW] = "", [FS_CREATE] = ":create"};
    return why_at(c, g->at, "filesystems",
                  concat(c, g->mode == FS_NONE ? "!" : "", g->text, suffixes[g->mode], NULL));
}

static const char *what_grant(struct ctx *c, const struct fs_grant *g)
{
    return concat(c, "filesystems=", g->text, NULL);
}

void put_grant(struct ctx *c, const struct fs_grant *g, const struct path_fact *p, const char *dst)
{
    const char *why = why_grant(c, g);
    tell_granted_bus(c, g->at, p);
    tree_put(&c->tree, (struct node){.kind = NODE_BIND,
                                     .dst = dst,
                                     .src = p,
                                     .rw = g->mode != FS_RO,
                                     .rank = g->rank,
                                     .why = why});
    put_hops(c, p, g->rank, why);
}

/* The runtime folder holds the sockets of everything that runs for this person. */
static bool opens_runtime_dir(struct ctx *c, const char *real)
{
    const char *own = c->f->runtime_dir ? facts_path(c->f, c->f->runtime_dir)->real : NULL;
    return path_within(c->runtime, real) || (own && path_within(own, real));
}

/* Whether a path may appear inside at all; if not, says why. */
static bool may_appear(struct ctx *c, const struct fs_grant *g, const char *path)
{
    const char *hint = reserved_hint(path);
    if (hint)
        refuse(c, g->at, hint, "filesystems=%s would put %s where the sandbox has its own", g->text,
               path);
    else if (path_within(path, "/run") && opens_runtime_dir(c, path))
        refuse(c, g->at, "grant single sockets: xdg-run/NAME",
               "filesystems=%s would open the whole runtime folder", g->text);
    else
        return !names_guarded(c, g, path);
    return false;
}

/* Whether the folders that are missing of this path can be made; if not, says so. */
static bool can_be_made(struct ctx *c, const struct fs_grant *g, const char *path)
{
    const struct path_fact *above = NULL;
    for (size_t n = strlen(path); n > 0 && (!above || above->type == FILE_ABSENT);) {
        while (n > 0 && path[n - 1] != '/')
            n--;
        n -= n > 1;
        above = facts_path(c->f, n > 1 ? arena_strndup(c->a, path, n) : "/");
        n = n > 1 ? n : 0;
    }
    const struct path_fact *p = above ? facts_access(c->f, above->path) : NULL;
    if (!p || p->type == FILE_ABSENT || (p->type == FILE_DIR && p->accessible_w && p->accessible_x))
        return true;
    refuse(c, g->at, "have it made by who may, or take :create away: the app runs without it then",
           "filesystems=%s:create: %s is not there, and %s", g->text, path,
           p->type == FILE_DIR     ? concat(c, "you may not make it in ", p->path, NULL)
           : p->type == FILE_ERROR ? concat(c, p->path, ": ", strerror(p->error), NULL)
                                   : concat(c, p->path, " is no folder", NULL));
    return false;
}

/* Makes a folder that the policy wants to exist (":create"), with what is missing above it. */
static void create_grant(struct ctx *c, const struct fs_grant *g, const struct path_fact *p,
                         const char *dst)
{
    const char *why = why_grant(c, g);
    if (!can_be_made(c, g, p->real))
        return;
    make_host_dir(c, p->real, g->base == FS_XDG_RUN ? "0700" : "0755", why);
    tree_put(&c->tree, (struct node){.kind = NODE_BIND,
                                     .dst = dst,
                                     .new_src = p->real,
                                     .rw = true,
                                     .rank = g->rank,
                                     .why = why});
    put_hops(c, p, g->rank, why);
}

/* Whether there is something to grant; if not, says so in the plan. */
static bool grantable(struct ctx *c, const struct fs_grant *g, const struct path_fact *p)
{
    const char *why = why_grant(c, g), *what = what_grant(c, g);
    if (p->type == FILE_ABSENT)
        put_missing(c, what, why, "not on this host");
    else if (p->type == FILE_ERROR)
        put_missing(c, what, why, "%s", strerror(p->error));
    else if (p->type == FILE_CHAR || p->type == FILE_BLOCK || p->type == FILE_FIFO) {
        put_missing(c, what, why, "a device or pipe");
        warn(c, g->at,
             "devices are granted by devices=", "filesystems=%s is a device or pipe and stays out",
             g->text);
    } else
        return true;
    return false;
}

/* "xdg-config/x" is also what the app itself calls its config folder's x. */
static void put_in_app_home(struct ctx *c, const struct fs_grant *g, const struct path_fact *p)
{
    static const char *const folders[] = {"data", "cache", "config", ".local/state"};
    if (g->base < FS_XDG_DATA || g->base > FS_XDG_STATE || !g->sub || !*g->sub || !c->app_home_real)
        return;
    const char *folder = join_path(c, c->app_home_real, folders[g->base - FS_XDG_DATA]);
    const char *dst = join_path(c, folder, g->sub);
    const struct path_fact *there = facts_path(c->f, dst);
    if (there->n_hops == 0 || str_eq(there->real, dst)) {
        if (p->type == FILE_DIR && there->type == FILE_ABSENT)
            make_host_dir(c, dst, "0700", why_grant(c, g));
        put_grant(c, g, p, dst);
    }
}

/* A socket or folder of the runtime folder, at its name in the app's own. */
static void grant_runtime(struct ctx *c, const struct fs_grant *g, const struct path_fact *p)
{
    const char *dst = join_path(c, c->runtime, g->sub);
    if (p->type == FILE_ABSENT && g->mode == FS_CREATE)
        create_grant(c, g, p, dst);
    else if (grantable(c, g, p))
        put_grant(c, g, p, dst);
}

/* "Downloads" that is a folder around the home would be a grant of everything: xdg-user-dirs(1)
 * says of the home itself that there is no such folder then, and so do we of what holds it. */
static bool holds_the_home(struct ctx *c, const struct fs_grant *g, const struct path_fact *p)
{
    return g->base >= FS_XDG_DESKTOP && g->base <= FS_XDG_VIDEOS &&
           path_within(facts_path(c->f, c->f->home)->real, p->real);
}

static void grant_path(struct ctx *c, const struct fs_grant *g)
{
    const char *path = host_path(c, g);
    if (!path) {
        put_missing(c, what_grant(c, g), why_grant(c, g), "%s",
                    g->base == FS_XDG_RUN ? "no runtime folder on this host"
                                          : "this person has no such folder (xdg-user-dirs)");
        return;
    }
    const struct path_fact *p = facts_path(c->f, path);
    if (holds_the_home(c, g, p)) {
        put_missing(c, what_grant(c, g), why_grant(c, g), "%s holds the whole home", p->path);
        return;
    }
    if (!links_are_trusted(c, g, p))
        return;
    if (g->base == FS_XDG_RUN) {
        grant_runtime(c, g, p);
        return;
    }
    if (!may_appear(c, g, path) || (!str_eq(p->real, path) && !may_appear(c, g, p->real)))
        return;
    if (p->type == FILE_ABSENT && g->mode == FS_CREATE) {
        create_grant(c, g, p, p->real);
    } else if (grantable(c, g, p)) {
        put_grant(c, g, p, p->real);
        put_in_app_home(c, g, p);
    }
}

/* ---- hiding ---- */

/*
 * Puts something empty over a host path wherever a bind shows it. A folder gets an empty tmpfs. A
 * file gets the null device on a mount without devices: it is there, and every open fails.
 */
void hide(struct ctx *c, const struct path_fact *p, uint64_t rank, const char *why)
{
    const struct path_fact *null = facts_path(c->f, "/dev/null");
    size_t n = c->tree.n;
    for (size_t i = 0; i < n; i++) {
        const char *dst = shown_at(c, i, p->real);
        struct node cover = {.dst = dst, .rank = rank, .why = why, .hides = true};
        if (!dst)
            continue;
        if (p->type == FILE_DIR) {
            cover.kind = NODE_TMPFS;
            cover.mode = "0755";
            cover.seal = true;
        } else {
            cover.kind = NODE_BIND;
            cover.src = null;
        }
        tree_put(&c->tree, cover);
    }
}

const char *shown_at(struct ctx *c, size_t i, const char *real)
{
    const struct node *bind = &c->tree.v[i];
    if (bind->kind != NODE_BIND || bind->hides || !path_within(real, node_source(bind)))
        return NULL;
    const char *src = node_source(bind), *rest = real + (str_eq(src, "/") ? 0 : strlen(src));
    const char *dst = *rest ? join_path(c, bind->dst, rest) : bind->dst;
    const char *there = tree_host_path(&c->tree, dst);
    return there && str_eq(there, real) ? dst : NULL;
}

bool is_shown(struct ctx *c, const char *real, bool writable)
{
    for (size_t i = 0; i < c->tree.n; i++)
        if ((c->tree.v[i].rw || !writable) && shown_at(c, i, real))
            return true;
    return false;
}

static void hide_path(struct ctx *c, const struct fs_grant *g)
{
    const char *path = host_path(c, g);
    const struct path_fact *p = path ? facts_path(c->f, path) : NULL;
    if (!p || !is_shown(c, p->real, false) ||
        link_on_the_way(c, p, g->at, concat(c, "what filesystems=!", g->text, " hides", NULL)))
        return;
    if (present(p)) {
        pin_above(c, p->real, why_grant(c, g));
        hide(c, p, g->rank, why_grant(c, g));
    } else if (p->type == FILE_ABSENT)
        put_missing(c, concat(c, "filesystems=!", g->text, NULL), why_grant(c, g),
                    "not there to be hidden; once it is, the app will see it");
    else
        refuse(c, g->at, "make it accessible, or remove the grant above it",
               "filesystems=!%s cannot be hidden: %s", g->text, strerror(p->error));
}

void rule_filesystems(struct ctx *c)
{
    for (size_t i = 0; i < c->p->n_filesystems; i++) {
        const struct fs_grant *g = &c->p->filesystems[i];
        if (g->mode == FS_NONE)
            continue;
        if (g->base >= FS_HOST && g->base <= FS_HOST_ROOT)
            grant_host(c, g);
        else
            grant_path(c, g);
    }
    for (size_t i = 0; i < c->p->n_filesystems; i++)
        if (c->p->filesystems[i].mode == FS_NONE)
            hide_path(c, &c->p->filesystems[i]);
    protect(c);
    put_user_dirs(c);
}
