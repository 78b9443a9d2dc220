/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the person's own policies give for good, as carrel grant --always writes it: listed, and
 * taken back. */
#include "cli/grant.h"

#include "util/file.h"
#include "util/str.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

/* The app's policy of the person. Returns false when there is none that can be read; its faults are
 * for `carrel check`. */
static bool read_kept(struct cli *c, const char *app, struct policy *p)
{
    struct diags unused = {.arena = &c->arena};
    struct buf text = {.arena = &c->arena};
    const char *path = arena_printf(&c->arena, "%s/%s.policy", c->catalog.layers[LAYER_USER], app);
    *p = (struct policy){.arena = &c->arena, .app_id = "", .command = ""};
    if (file_read(path, POLICY_MAX_BYTES, &text) < 0 || !text.data)
        return false;
    policy_merge_text(p, LAYER_USER, path, text.data, text.len, &unused);
    return true;
}

/* ---- taken back ---- */

struct drop {
    const char *home, *path;
    const char *group, *name;
};

static void drop_path(const char *text, size_t size, const void *what, struct buf *out)
{
    const struct drop *d = what;
    grant_drop_path(text, size, d->home, d->path, out);
}

static void drop_name(const char *text, size_t size, const void *what, struct buf *out)
{
    const struct drop *d = what;
    grant_drop_key(text, size, d->group, d->name, out);
}

bool kept_path(struct cli *c, const char *app, const char *path)
{
    struct policy p;
    bool found = false;
    if (read_kept(c, app, &p))
        for (size_t i = 0; i < p.n_filesystems; i++)
            found |= grant_is_path(&c->arena, &p.filesystems[i], c->facts.home, path);
    return found;
}

int kept_path_take(struct cli *c, const char *app, const char *path)
{
    const struct drop d = {.home = c->facts.home, .path = path};
    return grant_change(c, app, drop_path, &d);
}

int kept_name_take(struct cli *c, const char *app, enum bus_kind kind, const char *group,
                   const char *name, bool *found)
{
    struct policy p;
    const struct drop d = {.group = group, .name = name};
    if (!read_kept(c, app, &p))
        return 0;
    for (size_t i = 0; i < p.bus[kind].n; i++)
        if (str_eq(p.bus[kind].v[i].name, name) && p.bus[kind].v[i].access != BUS_NONE) {
            *found = true;
            return grant_change(c, app, drop_name, &d);
        }
    return 0;
}

/* ---- listed ---- */

static void list_path(struct cli *c, const char *app, const struct fs_grant *g, struct json *j,
                      struct buf *out)
{
    const char *path =
        g->base == FS_PATH ? g->sub : arena_printf(&c->arena, "%s/%s", c->facts.home, g->sub);
    if (j) {
        json_object(j, NULL);
        json_string(j, "app", app);
        json_string(j, "path", path);
        json_bool(j, "writable", g->mode != FS_RO);
        json_string(j, "lasts", "always");
        json_end(j);
        return;
    }
    buf_printf(out, "-  %s  %s  always    ", app, g->mode == FS_RO ? "ro" : "rw");
    diag_escape(out, path);
    buf_char(out, '\n');
}

static void list_name(const char *app, const struct bus_rule *r, const char *bus, struct json *j,
                      struct buf *out)
{
    static const char *const levels[] = {
        [BUS_NONE] = "none", [BUS_SEE] = "see", [BUS_TALK] = "talk", [BUS_OWN] = "own"};
    if (!j) {
        buf_printf(out, "-  %s  %s  always    %s on the %s bus\n", app, levels[r->access], r->name,
                   bus);
        return;
    }
    json_object(j, NULL);
    json_string(j, "app", app);
    json_string(j, "name", r->name);
    json_string(j, "bus", bus);
    json_string(j, "access", levels[r->access]);
    json_string(j, "lasts", "always");
    json_end(j);
}

static void list_app(struct cli *c, const char *app, struct json *j, struct buf *out)
{
    static const char *const buses[BUS_KIND_COUNT] = {"session", "system", "accessibility"};
    struct policy p;
    if (!read_kept(c, app, &p))
        return;
    for (size_t i = 0; i < p.n_filesystems; i++) {
        const struct fs_grant *g = &p.filesystems[i];
        if (g->mode != FS_NONE && (g->base == FS_PATH || g->base == FS_HOME_PATH))
            list_path(c, app, g, j, out);
    }
    for (size_t k = 0; k < BUS_KIND_COUNT; k++)
        for (size_t i = 0; i < p.bus[k].n; i++)
            if (p.bus[k].v[i].access != BUS_NONE)
                list_name(app, &p.bus[k].v[i], buses[k], j, out);
}

static int policies_only(const struct dirent *e)
{
    size_t n = strlen(e->d_name), k = strlen(".policy");
    return *e->d_name != '.' && n > k && str_eq(e->d_name + n - k, ".policy");
}

int kept_list(struct cli *c, const char *app, struct json *j, struct buf *out)
{
    struct dirent **found;
    if (app) {
        list_app(c, app, j, out);
        return 0;
    }
    int n = scandir(c->catalog.layers[LAYER_USER], &found, policies_only, alphasort);
    if (n < 0 && errno != ENOENT)
        return cli_fail(c, NULL, "cannot list %s: %s", c->catalog.layers[LAYER_USER],
                        strerror(errno));
    for (int i = 0; i < n; i++) {
        const char *name = found[i]->d_name;
        const char *id = arena_strndup(&c->arena, name, strlen(name) - strlen(".policy"));
        if (!app_id_error(id))
            list_app(c, id, j, out);
        free(found[i]);
    }
    if (n >= 0)
        free(found);
    return 0;
}
