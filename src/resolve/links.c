/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A grant follows symbolic links, as the person's own links are part of how a home is laid out. But
 * where the app may write it can leave links for its next start: one in place of a granted
 * folder's sub folder that is granted too, or of a document that the person will open. Such a link
 * is only followed when it leads to what lies open to the app already.
 */
#include "resolve/files.h"

#include "util/str.h"

/* Whether the target shows the app nothing that it does not see by this root. */
static bool leads_nowhere_new(struct ctx *c, const char *root, const char *target)
{
    const char *apps = facts_path(c->f, join_path(c, c->f->home, ".var/app"))->real;
    bool others =
        path_within(target, apps) && !(c->app_home_real && path_within(target, c->app_home_real));
    /* Who may write the whole home owns its start-up files: no link gives it more than these. */
    bool wide = path_within(facts_path(c->f, c->f->home)->real, root);
    return !others && (wide || path_within(target, root));
}

/* Where a grant lets the app write on the host, links resolved, or NULL. */
static const char *writable_root(struct ctx *c, const struct fs_grant *g)
{
    if (g->mode != FS_RW && g->mode != FS_CREATE)
        return NULL;
    if (g->base == FS_HOST || g->base == FS_HOST_ROOT)
        return "/";
    const char *path = g->base == FS_HOST_OS || g->base == FS_HOST_ETC ? NULL : host_path(c, g);
    return path ? facts_path(c->f, path)->real : NULL;
}

/* The first link on the way that lies below root, or NULL. */
static const char *link_below(const struct path_fact *p, const char *root)
{
    for (size_t i = 0; i < p->n_hops; i++)
        if (path_within(p->hops[i].path, root) && !str_eq(p->hops[i].path, root))
            return p->hops[i].path;
    return NULL;
}

static bool trusted_below(struct ctx *c, const struct fs_grant *g, const struct path_fact *p,
                          const char *root)
{
    const char *link = root ? link_below(p, root) : NULL;
    if (!link || leads_nowhere_new(c, root, p->real))
        return true;
    refuse(c, g->at, "if that is what you mean, grant it by its own name; else remove the link",
           "%s is a symbolic link in a folder that the app may write, so it may be the app's work; "
           "it leads to %s",
           link, p->real);
    return false;
}

bool links_are_trusted(struct ctx *c, const struct fs_grant *g, const struct path_fact *p)
{
    if (p->n_hops == 0 || !trusted_below(c, g, p, c->app_home_real))
        return p->n_hops == 0;
    for (size_t i = 0; i < c->p->n_filesystems; i++)
        if (!trusted_below(c, g, p, writable_root(c, &c->p->filesystems[i])))
            return false;
    return true;
}
