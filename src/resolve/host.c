/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The wide words of filesystems=, and the app's own list of the person's folders. */
#include "resolve/files.h"

#include "util/str.h"

#include <string.h>

/* Names in / that "host" leaves out: the sandbox's own, and what is no place for documents. */
static const char *const not_host[] = {
    "app",    "bin",        "boot", "dev",  "efi", "etc",  "lib", "lib32", "lib64", "libx32",
    "libo32", "lost+found", "proc", "root", "run", "sbin", "sys", "tmp",   "usr",   "var",
};

static bool left_out(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(not_host); i++)
        if (str_eq(name, not_host[i]))
            return true;
    return false;
}

static void grant_at(struct ctx *c, const struct fs_grant *g, const char *path, const char *dst)
{
    const struct path_fact *p = facts_path(c->f, path);
    if (p->type == FILE_DIR || p->type == FILE_REGULAR)
        put_grant(c, g, p, dst ? dst : p->real);
}

/* The system's programs, at the paths that Flatpak's users know. Never writable. */
static void grant_os(struct ctx *c, const struct fs_grant *g)
{
    static const char *const names[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};
    struct fs_grant ro = *g;
    ro.mode = FS_RO;
    grant_at(c, &ro, "/usr", "/run/host/usr");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const struct path_fact *p = facts_path(c->f, join_path(c, "/", names[i]));
        const char *dst = join_path(c, "/run/host", names[i]);
        if (p->n_hops && path_within(p->real, "/usr"))
            put_link(c, p->real + 1, dst, why_grant(c, g));
        else if (p->type == FILE_DIR)
            put_grant(c, &ro, p, dst);
    }
    grant_at(c, &ro, "/etc/ld.so.cache", "/run/host/etc/ld.so.cache");
    grant_at(c, &ro, "/etc/alternatives", "/run/host/etc/alternatives");
}

static void grant_etc(struct ctx *c, const struct fs_grant *g)
{
    grant_at(c, g, "/etc", "/run/host/etc");
}

/*
 * The files of the system; what runs in it stays out: processes, devices, and the sockets in /run
 * and /tmp, which would be the way around every other rule.
 */
static void grant_root(struct ctx *c, const struct fs_grant *g)
{
    static const char *const live[] = {"/proc", "/sys", "/dev", "/run", "/tmp"};
    const struct path_fact *root = facts_path(c->f, "/");
    if (root->type != FILE_DIR)
        return;
    put_grant(c, g, root, "/run/host/root");
    for (size_t i = 0; i < ARRAY_SIZE(live); i++)
        if (facts_path(c->f, live[i])->type == FILE_DIR)
            tree_put(&c->tree,
                     (struct node){.kind = NODE_TMPFS,
                                   .dst = concat(c, "/run/host/root", live[i], NULL),
                                   .mode = "0755",
                                   .seal = true,
                                   .rank = RANK_FIXED,
                                   .why = "base: files of the system, not what runs in it"});
}

/* Every folder in / that is not the system's, the removable media, and the home wherever it is. */
static void grant_all(struct ctx *c, const struct fs_grant *g)
{
    const struct list_fact *root = facts_list(c->f, "/");
    for (size_t i = 0; i < root->n; i++)
        if (!left_out(root->names[i]) &&
            facts_path(c->f, join_path(c, "/", root->names[i]))->type == FILE_DIR)
            grant_at(c, g, join_path(c, "/", root->names[i]), NULL);
    grant_at(c, g, "/run/media", NULL);
    grant_at(c, g, c->f->home, NULL);
    grant_os(c, g);
    grant_etc(c, g);
}

void grant_host(struct ctx *c, const struct fs_grant *g)
{
    static void (*const rules[])(struct ctx *, const struct fs_grant *) = {
        [FS_HOST] = grant_all,
        [FS_HOST_OS] = grant_os,
        [FS_HOST_ETC] = grant_etc,
        [FS_HOST_ROOT] = grant_root,
    };
    rules[g->base](c, g);
}

/* ---- user-dirs.dirs ---- */

static void quote(struct buf *b, const char *s)
{
    for (; *s; s++) {
        if (strchr("\"\\$`", *s))
            buf_char(b, '\\');
        buf_char(b, *s);
    }
}

/*
 * Programs find "Downloads" by this file in their config folder. A link in the app's home leads to
 * one that speaks of the granted folders only; a file that the app has put there itself stays.
 */
void put_user_dirs(struct ctx *c)
{
    static const char *const keys[8] = {"DESKTOP",  "DOCUMENTS",   "DOWNLOAD",  "MUSIC",
                                        "PICTURES", "PUBLICSHARE", "TEMPLATES", "VIDEOS"};
    const char *path = "/run/carrel/user-dirs.dirs", *why = "base: where the granted folders are";
    struct buf b = {.arena = c->a};
    for (int i = 0; i < 8; i++) {
        const char *dir = c->f->user_dirs[i];
        const struct path_fact *p = dir ? facts_path(c->f, dir) : NULL;
        const char *shown = p ? tree_host_path(&c->tree, p->real) : NULL;
        if (!shown || !str_eq(shown, p->real) || p->type != FILE_DIR)
            continue;
        buf_printf(&b, "XDG_%s_DIR=\"", keys[i]);
        quote(&b, dir);
        buf_str(&b, "\"\n");
    }
    if (!b.data || !c->app_home_real)
        return;
    const char *link = join_path(c, c->app_home_real, "config/user-dirs.dirs");
    const struct path_fact *p = facts_path(c->f, link);
    if (p->type == FILE_ABSENT && (p->n_hops == 0 || str_eq(p->real, path))) {
        put_text(c, path, b.data, why);
        tree_put(&c->tree, (struct node){.kind = NODE_SYMLINK,
                                         .dst = link,
                                         .target = path,
                                         .keep = true,
                                         .rank = RANK_FIXED,
                                         .why = why});
    }
}
