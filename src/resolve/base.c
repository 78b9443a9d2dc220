/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every root has, whatever the policy says. */
#include "resolve/ctx.h"

#include "util/str.h"

/* Folders of the system that lie in /usr on a merged system, and beside it on an unmerged one. */
static const char *const beside_usr[] = {"/bin",   "/sbin",   "/lib",   "/lib32",
                                         "/lib64", "/libx32", "/libo32"};

static void put_usr(struct ctx *c)
{
    const struct path_fact *usr = facts_path(c->f, "/usr");
    if (present(usr))
        put_bind(c, usr, "/usr", "base: programs and libraries, read-only");
    for (size_t i = 0; i < ARRAY_SIZE(beside_usr); i++) {
        const struct path_fact *p = facts_path(c->f, beside_usr[i]);
        if (!present(p))
            continue;
        if (p->n_hops == 0)
            put_bind(c, p, p->path, "base: programs and libraries, read-only (unmerged /usr)");
        else if (path_within(p->real, "/usr"))
            put_link(c, p->hops[0].target, p->path, "base: merged /usr");
    }
}

/*
 * Character devices without power over anything. They are bound read-only, which does not keep
 * anybody from writing to the device, but keeps a caller who is root from changing its mode.
 */
static void put_dev(struct ctx *c)
{
    static const char *const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};
    static const char *const links[][2] = {
        {"/proc/self/fd", "/dev/fd"},       {"/proc/self/fd/0", "/dev/stdin"},
        {"/proc/self/fd/1", "/dev/stdout"}, {"/proc/self/fd/2", "/dev/stderr"},
        {"pts/ptmx", "/dev/ptmx"},
    };
    const char *why = "base: minimal /dev";
    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
        const char *path = join_path(c, "/dev", nodes[i]);
        const struct path_fact *p = facts_path(c->f, path);
        if (p->type == FILE_CHAR)
            tree_put(
                &c->tree,
                (struct node){.kind = NODE_BIND, .dst = path, .src = p, .dev = true, .why = why});
        else
            put_missing(c, path, why, "not a device on this host");
    }
    for (size_t i = 0; i < ARRAY_SIZE(links); i++)
        put_link(c, links[i][0], links[i][1], why);
    put_tmpfs(c, "/dev/shm", "1777", "base: own shared memory");
    tree_put(
        &c->tree,
        (struct node){.kind = NODE_DEVPTS, .dst = "/dev/pts", .why = "base: own pseudo terminals"});
}

/* Of /var only data that packages made for programs to read. */
static void put_var(struct ctx *c)
{
    static const struct {
        const char *path, *why;
    } parts[] = {
        {"/var/cache/fontconfig", "base: font cache of the system"},
        {"/var/cache/dictionaries-common", "base: spelling dictionaries"},
        {"/var/lib/aspell", "base: spelling dictionaries"},
        {"/var/lib/ispell", "base: spelling dictionaries"},
        {"/var/lib/ghostscript", "base: fonts and character maps of Ghostscript"},
        {"/var/lib/libreoffice", "base: extensions of LibreOffice"},
        {"/var/spool/libreoffice", "base: extensions of LibreOffice"},
        {"/var/lib/sgml-base", "base: catalogues of document types"},
        {"/var/lib/xml-core", "base: catalogues of document types"},
        {"/var/lib/emacsen-common", "base: packages of Emacs"},
        {"/var/lib/vim", "base: add-ons of Vim"},
        {"/var/lib/mecab", "base: dictionary of Japanese"},
        {"/var/lib/texmf", "base: TeX formats and font maps"},
        {"/var/lib/xfonts", "base: X font directories"},
        {"/var/lib/xkb", "base: keyboard maps"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        const struct path_fact *p = facts_path(c->f, parts[i].path);
        if (p->type == FILE_DIR)
            put_bind(c, p, parts[i].path, parts[i].why);
    }
    put_link(c, "../run", "/var/run", "base: compatibility");
    put_link(c, "../run/lock", "/var/lock", "base: compatibility");
    put_link(c, "../tmp", "/var/tmp", "base: own temporary files");
}

/*
 * A program that makes sandboxes of its own mounts a proc in them, which the kernel allows only
 * where the present one is whole. The covers that go keep a caller who is root from writing to
 * sysctl switches and the like, so for root they stay, and such an inner mount fails.
 */
static void put_proc(struct ctx *c)
{
    bool bare = c->nested_mount && c->f->uid != 0;
    tree_put(
        &c->tree,
        (struct node){
            .kind = NODE_PROC,
            .dst = "/proc",
            .mode = bare ? "bare" : NULL,
            .why = bare ? concat(c, "base: own processes only; whole, for ",
                                 why_at(c, c->nested->at, "nested-sandbox", c->nested->value), NULL)
                        : "base: own processes only"});
}

/* Sandboxes that apps build (WebKitGTK's by bubblewrap) want to bind these and fail without: empty
 * they show nothing of the host. */
static void put_empty_sys(struct ctx *c)
{
    static const char *const names[] = {"/sys/block", "/sys/bus", "/sys/class", "/sys/dev"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (!tree_at(&c->tree, names[i]))
            put_dir(c, names[i], "0755", "base: empty, for the app's own sandbox to bind");
}

/*
 * Games keep scores and saved games in folders there that only their packages' group may write,
 * which no program inside can join: so they are the app's own.
 */
static void put_games(struct ctx *c)
{
    static const char dir[] = "/var/games", why[] = "base: scores and saved games of its own";
    if (!path_within(c->q->program, "/usr/games") || !c->app_home_real)
        return;
    const struct list_fact *games = facts_list(c->f, dir);
    const char *own = join_path(c, c->app_home_real, ".local/state/games");
    for (size_t i = 0; i < games->n; i++) {
        const char *dst = join_path(c, dir, games->names[i]);
        const char *src = join_path(c, own, games->names[i]);
        const struct path_fact *there = facts_path(c->f, src);
        if (facts_path(c->f, dst)->type != FILE_DIR || there->n_hops ||
            (present(there) && there->type != FILE_DIR))
            continue;
        if (!present(there))
            make_host_dir(c, src, "0700", why);
        tree_put(&c->tree, (struct node){.kind = NODE_BIND,
                                         .dst = dst,
                                         .src = present(there) ? there : NULL,
                                         .new_src = present(there) ? NULL : src,
                                         .rw = true,
                                         .why = why});
    }
}

void rule_root(struct ctx *c)
{
    tree_put(&c->tree, (struct node){.kind = NODE_TMPFS,
                                     .dst = "/",
                                     .mode = "0755",
                                     .seal = true,
                                     .limit = "32m", /* more than any plan fills */
                                     .why = "base: a root made from nothing"});
    put_usr(c);
    put_dev(c);
    put_var(c);
    put_games(c);
    put_proc(c);
    put_tmpfs(c, "/tmp", "1777", "base: own temporary files");
    put_tmpfs(c, c->runtime, "0700", "base: own runtime folder");
    put_dir(c, "/run/lock", "0755", "base: compatibility");
    put_landings(c);
    if (c->nested_mount)
        put_empty_sys(c);
    /* The processor count: the C library, browsers and build tools ask for it here. */
    const struct path_fact *cpu = facts_path(c->f, "/sys/devices/system/cpu");
    if (cpu->type == FILE_DIR)
        put_bind(c, cpu, cpu->path, "base: number and kind of processors");
}
