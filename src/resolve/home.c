/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The app's private home: the folder that Flatpak would give it, at the same path inside and
 * outside, as portals compare files by path and inode. HOME points into it, so that everything that
 * a program keeps below its home lands there.
 */
#include "resolve/files.h"

#include "util/str.h"

#include <string.h>

static const char *const why_home = "base: private home of the app";

/* Flatpak's names for the XDG folders in an app's home. */
static const struct {
    const char *variable, *folder;
} xdg_folders[] = {
    {"XDG_CONFIG_HOME", "config"},
    {"XDG_DATA_HOME", "data"},
    {"XDG_CACHE_HOME", "cache"},
    {"XDG_STATE_HOME", ".local/state"},
};

/* Whether the home folder itself can hold app homes. */
static bool home_usable(struct ctx *c)
{
    const struct path_fact *home = facts_path(c->f, c->f->home);
    struct place nowhere = {0};
    if (home->type != FILE_DIR) {
        refuse(c, nowhere, "set HOME to your home folder", "the home folder %s %s", c->f->home,
               home->type == FILE_ERROR ? strerror(home->error)
               : present(home)          ? "is not a folder"
                                        : "does not exist");
        return false;
    }
    if (c->f->uid == 0 && home->uid != 0) {
        refuse(c, nowhere, "run carrel as that user, or with root's own HOME",
               "the home folder %s belongs to another user", c->f->home);
        return false;
    }
    if (c->f->uid != 0 && str_eq(c->f->home, "/")) {
        refuse(c, nowhere, "set HOME to your home folder", "the home folder / is not yours");
        return false;
    }
    return true;
}

/* The first link on the way that leads nowhere; where it leads nothing can be made. */
static const char *dangling(struct ctx *c, const struct path_fact *p)
{
    for (size_t i = 0; i < p->n_hops; i++)
        if (facts_path(c->f, p->hops[i].path)->type == FILE_ABSENT)
            return p->hops[i].path;
    return NULL;
}

/*
 * The app may write all it likes into its home, so the home itself must not be a link that it, or
 * another app with a wide grant, has left there. Links above (/home, ~/.var on another disk) are
 * the person's own.
 */
static bool app_home_usable(struct ctx *c, const struct path_fact *p)
{
    struct place nowhere = {0};
    const char *hint = "move it away and start the app again", *lost = NULL;
    bool is_link = false;
    for (size_t i = 0; i < p->n_hops; i++)
        is_link |= str_eq(strrchr(p->hops[i].path, '/') + 1, c->q->app_id);
    if (is_link)
        refuse(c, nowhere, hint, "the app's home %s is a symbolic link", p->path);
    else if (p->type == FILE_ERROR)
        refuse(c, nowhere, hint, "the app's home %s: %s", p->path, strerror(p->error));
    else if (present(p) && p->type != FILE_DIR)
        refuse(c, nowhere, hint, "the app's home %s is not a folder", p->path);
    else if (present(p) && p->uid != c->f->uid)
        refuse(c, nowhere, hint, "the app's home %s belongs to another user", p->path);
    else if (!present(p) && (lost = dangling(c, p)))
        refuse(c, nowhere, "make that folder, or take the link away",
               "%s, where the app's home lies, is a link to a folder that is not there", lost);
    else
        return true;
    return false;
}

static void put_app_home(struct ctx *c, const struct path_fact *p)
{
    struct node n = {
        .kind = NODE_BIND, .dst = p->real, .rw = true, .rank = RANK_FIXED, .why = why_home};
    if (present(p)) {
        n.src = p;
    } else {
        n.new_src = p->real;
        make_host_dir(c, p->real, "0700", why_home);
    }
    tree_put(&c->tree, n);
    put_hops(c, p, RANK_FIXED, why_home);
    for (size_t i = 0; i < ARRAY_SIZE(xdg_folders); i++) {
        const char *path = join_path(c, p->real, xdg_folders[i].folder);
        const struct path_fact *sub = facts_path(c->f, path);
        if (sub->type == FILE_ABSENT && sub->n_hops == 0)
            make_host_dir(c, path, "0700", why_home);
        put_env(c, xdg_folders[i].variable, join_path(c, c->app_home, xdg_folders[i].folder),
                why_home);
    }
}

static const char why_looks[] = "base: the person's fonts and looks, read-only";
static const char why_spelling[] = "base: the person's dictionaries, read-only";

/*
 * The person's own fonts, icons and themes, read-only and where the app looks for them: without
 * them a window looks foreign. They are no secret of weight, and Flatpak shows them as well.
 */
static void put_looks(struct ctx *c)
{
    static const struct {
        enum fs_base base;
        const char *name, *inside, *why;
    } rows[] = {
        {FS_XDG_DATA, "fonts", "data/fonts", why_looks},
        {FS_XDG_DATA, "icons", "data/icons", why_looks},
        {FS_XDG_DATA, "themes", "data/themes", why_looks},
        {FS_HOME, ".fonts", ".fonts", why_looks},
        {FS_HOME, ".icons", ".icons", why_looks},
        {FS_HOME, ".themes", ".themes", why_looks},
        {FS_XDG_CONFIG, "fontconfig", "config/fontconfig", why_looks},
        /* Dictionaries that the person has added; not the lists of words beside them. */
        {FS_XDG_CONFIG, "enchant/hunspell", "config/enchant/hunspell", why_spelling},
        {FS_XDG_CONFIG, "enchant/nuspell", "config/enchant/nuspell", why_spelling},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *dir = rows[i].base == FS_HOME ? c->f->home : host_xdg_dir(c, rows[i].base);
        const char *why = rows[i].why, *from = join_path(c, dir, rows[i].name);
        const char *dst = join_path(c, c->app_home_real, rows[i].inside);
        /* Both at once: a look costs less than the pass that one more question takes. */
        const struct path_fact *p = facts_path(c->f, from), *there = facts_path(c->f, dst);
        if (p->type != FILE_DIR)
            continue;
        if (there->n_hops || (there->type != FILE_DIR && there->type != FILE_ABSENT))
            continue; /* the app has put something else there */
        if (there->type == FILE_ABSENT)
            make_host_dir(c, dst, "0700", why);
        put_bind(c, p, dst, why);
    }
}

void rule_home(struct ctx *c)
{
    put_env(c, "HOME", c->app_home, why_home);
    if (!home_usable(c))
        return;
    const struct path_fact *p = facts_path(c->f, c->app_home);
    c->app_home_real = p->real;
    if (!app_home_usable(c, p))
        return;
    put_app_home(c, p);
    put_looks(c);
}
