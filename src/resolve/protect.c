/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Behind a wide grant lie things that would let the app choose its own policy or another's, or
 * reach what other programs keep to themselves. They stay closed: each is covered wherever a bind
 * shows it.
 *
 * A cover alone would not do where the grant is writable: the app could rename a folder above it
 * and put one of its own in its place, which is then what Carrel reads the next time. A mount point
 * cannot be renamed, so every folder between the grant and the cover is bound onto itself. What a
 * mount cannot hold is a symbolic link on the way: such a policy is refused.
 */
#include "resolve/files.h"

#include "util/str.h"

#include <string.h>

struct guarded {
    const char *path;
    bool make;  /* made when it is absent, so that the app cannot make it */
    bool whole; /* nothing in it is granted by its own name either */
    bool open;  /* who names it means it, and hears of it at each start */
    const char *why;
    const char *opens, *hint; /* what is said where a policy names it */
};

enum { GUARDED = 5 };

/* Where src/catalog reads the person's policies from: not moved by XDG_CONFIG_HOME. */
static const char *policy_folder(struct ctx *c)
{
    return join_path(c, c->f->home, ".config/carrel");
}

static const char *parent(struct ctx *c, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == path ? "/" : arena_strndup(c->a, path, (size_t)(slash - path));
}

/* Makes a folder a mount point wherever a writable bind shows it. */
static void pin_one(struct ctx *c, const char *real, const char *why)
{
    const struct path_fact *p = facts_path(c->f, real);
    size_t n = c->tree.n;
    for (size_t i = 0; i < n; i++) {
        const char *dst = c->tree.v[i].rw ? shown_at(c, i, real) : NULL;
        struct node *there = dst ? tree_at(&c->tree, dst) : NULL;
        struct node pin = {.kind = NODE_BIND, .dst = dst, .rw = true, .why = why, .pin = true};
        if (there)
            there->pin = true;
        if (!dst || there)
            continue;
        if (p->type == FILE_DIR)
            pin.src = p;
        else
            pin.new_src = real; /* a host-dir step makes it */
        tree_put(&c->tree, pin);
    }
}

void pin_above(struct ctx *c, const char *real, const char *why)
{
    for (const char *dir = parent(c, real); !str_eq(dir, "/"); dir = parent(c, dir))
        pin_one(c, dir, why);
}

bool link_on_the_way(struct ctx *c, const struct path_fact *p, struct place at, const char *what)
{
    for (size_t i = 0; i < p->n_hops; i++) {
        if (!is_shown(c, p->hops[i].path, true))
            continue;
        refuse(c, at, "grant narrower folders, or grant read-only, or make it a folder",
               "%s is a symbolic link that the app could replace, and behind it lies %s",
               p->hops[i].path, what);
        return true;
    }
    return false;
}

static void guard(struct ctx *c, const struct guarded *g)
{
    const struct path_fact *p = facts_path(c->f, g->path);
    bool make = p->type == FILE_ABSENT && g->make && is_shown(c, p->real, true);
    struct path_fact *covered = arena_alloc(c->a, sizeof *covered);
    const char *what = concat(c, g->path, " (", str_after(g->why, "base: "), ")", NULL);
    if (link_on_the_way(c, p, (struct place){0}, what) || !is_shown(c, p->real, false) ||
        !(present(p) || make))
        return;
    *covered = *p;
    if (make) {
        make_host_dir(c, p->real, "0700", g->why);
        covered->type = FILE_DIR;
    }
    pin_above(c, p->real, g->why);
    hide(c, covered, RANK_BASE, g->why);
}

/* Those whose path is NULL do not exist for this person. */
static void list_guarded(struct ctx *c, struct guarded rows[GUARDED])
{
    static const char no_policies[] = "base: no app writes policies",
                      policies[] = "let the app see or change policies";
    const struct guarded all[GUARDED] = {
        {policy_folder(c), true, true, false, no_policies, policies, NULL},
        {join_path(c, c->f->home, ".var/app"), true, false, true,
         "base: no app sees another app's home", "opens the homes of all apps, with what they keep",
         "name single ones, ~/.var/app/ID; or do without: --nofilesystem=~/.var/app"},
        {join_path(c, host_xdg_dir(c, FS_XDG_DATA), "flatpak/overrides"), false, true, false,
         no_policies, policies, NULL},
        {"/tmp/.X11-unix", false, true, false, "base: no display but the granted one",
         "open the X display past what x11= says", "sockets=x11 grants a display"},
        {c->f->runtime_dir, false, false, false, "base: no socket but the granted ones",
         "open the whole runtime folder", "grant single sockets: xdg-run/NAME"},
    };
    memcpy(rows, all, sizeof all);
}

bool names_guarded(struct ctx *c, const struct fs_grant *g, const char *path)
{
    struct guarded rows[GUARDED];
    list_guarded(c, rows);
    for (size_t i = 0; i < GUARDED; i++) {
        const char *real = rows[i].path ? facts_path(c->f, rows[i].path)->real : NULL;
        if (!real || !path_within(path, real) || !(rows[i].whole || str_eq(path, real)))
            continue;
        if (rows[i].open)
            diag_add(c->d, DIAG_NOTE, g->at, rows[i].hint, "filesystems=%s %s", g->text,
                     rows[i].opens);
        else
            refuse(c, g->at, rows[i].hint, "filesystems=%s would %s", g->text, rows[i].opens);
        return !rows[i].open;
    }
    return false;
}

void protect(struct ctx *c)
{
    struct guarded rows[GUARDED];
    list_guarded(c, rows);
    for (size_t i = 0; i < GUARDED; i++)
        if (rows[i].path)
            guard(c, &rows[i]);
}
