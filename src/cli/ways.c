/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What starts an enabled app unconfined all the same: the person's own files, which Carrel never
 * replaces, units and lists of programs that nothing of the person's can stand in front of. Who
 * calls the program by its path cannot be found at all.
 */
#include "cli/entry.h"
#include "cli/exported.h"
#include "util/str.h"

#include <sys/stat.h>
#include <unistd.h>

static const struct place nowhere;

struct looking {
    const struct exported *e;
    int folder;
    const char *dir;
};

/* A unit of the person's is covered by a drop-in of ours as well as one of the system's. */
static bool is_covered(const struct exported *e, const char *dir, const char *name)
{
    struct buf text;
    const char *drop_in = arena_printf(&e->c->arena, "%s/%s.d/carrel.conf", dir, name);
    return read_text(&e->c->arena, drop_in, &text) &&
           entry_is_ours(text.data, text.len, e->id, NULL, NULL);
}

static void look_at_own(void *arg, const char *name)
{
    struct looking *l = arg;
    struct cli *c = l->e->c;
    struct buf text;
    const char *path = arena_printf(&c->arena, "%s/%s", l->dir, name);
    if (!read_text(&c->arena, path, &text) ||
        entry_is_ours(text.data, text.len, NULL, NULL, NULL) ||
        !exported_starts(l->e, l->folder, &text) ||
        (l->folder == UNITS && is_covered(l->e, l->dir, name)))
        return;
    diag_add(&c->diags, DIAG_WARNING, nowhere,
             arena_printf(&c->arena, "write \"%s\" in front of its command", l->e->prefix),
             "%s is yours and starts the app unconfined", path);
}

static void look_at_unit(void *arg, const char *name)
{
    struct looking *l = arg;
    struct cli *c = l->e->c;
    struct buf text, drop_in = {.arena = &c->arena};
    const char *path = arena_printf(&c->arena, "%s/%s", l->dir, name);
    if (!read_text(&c->arena, path, &text) || !exported_starts(l->e, UNITS, &text) ||
        entry_unit(text.data, text.len, l->e->prefix, l->e->id, &drop_in))
        return;
    diag_add(&c->diags, DIAG_WARNING, nowhere,
             arena_printf(&c->arena, "systemctl --user mask %s", base_name(path)),
             "the unit %s starts the app unconfined, by a command that cannot be changed from "
             "outside",
             path);
}

/* Lists of programs by file type, for mail readers and the like (mailcap(5)): what is called by its
 * name there is found along PATH, and so by the shim. */
static void look_at_mailcap(const struct exported *e, const char *path)
{
    struct buf text;
    if (!read_text(&e->c->arena, path, &text))
        return;
    for (const char *const *name = e->names; *name; name++) {
        const char *called = arena_printf(&e->c->arena, "/%s", *name);
        size_t n = strlen(called);
        for (const char *p = text.data; (p = strstr(p, called)); p += n) {
            if (!strchr(" \t;'\"", p[n]))
                continue;
            diag_add(&e->c->diags, DIAG_NOTE, nowhere,
                     "an entry in ~/.mailcap that calls it by its name comes before it",
                     "%s calls %s by its path: who goes by it starts the app unconfined", path,
                     *name);
            break;
        }
    }
}

/* sensible-browser(1) calls a name of update-alternatives(1) by its path, which no shim stands in
 * front of, unless BROWSER names another program. */
static void look_at_sensible_browser(const struct exported *e)
{
    static const char program[] = "/usr/bin/sensible-browser";
    static const char *const calls[] = {"gnome-www-browser", "x-www-browser", "www-browser"};
    const char *name = NULL;
    for (size_t i = 0; i < e->n; i++)
        for (size_t k = 0; k < ARRAY_SIZE(calls); k++)
            if (e->v[i].folder == SHIMS && str_eq(e->v[i].name, calls[k]))
                name = calls[k];
    if (!name || access(program, X_OK) != 0 || facts_env(&e->c->facts, "BROWSER"))
        return;
    diag_add(&e->c->diags, DIAG_NOTE, nowhere,
             arena_printf(&e->c->arena, "export BROWSER=%s in ~/.profile", name),
             "%s calls /usr/bin/%s by its path: who goes by it starts the app unconfined", program,
             name);
}

void tell_ways(const struct exported *e)
{
    static const char *const unit_folders[] = {"/etc/systemd/user", "/usr/local/lib/systemd/user",
                                               "/usr/lib/systemd/user"};
    struct cli *c = e->c;
    struct looking l = {e, 0, NULL};
    for (int i = 0; i < SHIMS; i++) {
        l.folder = i;
        l.dir = own_folder(c, i);
        walk_files(&c->arena, l.dir, folder_depth(i), look_at_own, &l);
    }
    if (c->facts.user_dirs[0]) { /* what lies on the desktop */
        l.folder = APPLICATIONS;
        l.dir = c->facts.user_dirs[0];
        walk_files(&c->arena, l.dir, 1, look_at_own, &l);
    }
    for (size_t i = 0; i < ARRAY_SIZE(unit_folders); i++) {
        l.dir = unit_folders[i];
        walk_files(&c->arena, l.dir, 1, look_at_unit, &l);
    }
    look_at_mailcap(e, arena_printf(&c->arena, "%s/.mailcap", c->facts.home));
    look_at_mailcap(e, "/etc/mailcap");
    look_at_sensible_browser(e);
}
