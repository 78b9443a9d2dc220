/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The merged policy as a key file again: what `carrel check` and the tests look at. */
#include "policy/keyfile.h"
#include "policy/keywords.h"
#include "policy/merge.h"
#include "policy/policy.h"
#include "util/str.h"

#include <string.h>

/* One list line, "key=a;b;", and behind it a comment for each item that says where it came from. */
struct list {
    struct arena *arena;
    struct buf line, places;
};

static void note(struct buf *out, struct arena *a, const char *what, struct place at)
{
    buf_str(out, "#   ");
    diag_escape(out, what);
    buf_str(out, "  ");
    diag_escape(out, place_text_of(a, at));
    buf_char(out, '\n');
}

static void list_add(struct list *l, const char *item, struct place at)
{
    l->line.arena = l->places.arena = l->arena;
    kf_escape(&l->line, item, true);
    buf_char(&l->line, ';');
    note(&l->places, l->arena, item, at);
}

static void list_write(const struct list *l, const char *key, struct buf *out)
{
    if (!l->line.len)
        return;
    buf_printf(out, "%s=%s\n", key, l->line.data);
    buf_bytes(out, l->places.data, l->places.len);
}

/* The header comes only when something stands below it. */
static void group_write(struct buf *out, const char *name, const struct buf *body)
{
    if (!body->len)
        return;
    if (out->len)
        buf_char(out, '\n');
    buf_printf(out, "[%s]\n", name);
    buf_bytes(out, body->data, body->len);
}

static void pair_write(struct buf *out, struct arena *a, const char *key, const char *value,
                       struct place at)
{
    buf_printf(out, "%s=", key);
    kf_escape(out, value, false);
    buf_char(out, '\n');
    note(out, a, key, at);
}

static void perms_write(const struct policy *p, enum perm_kind kind, const char *key,
                        struct buf *out)
{
    struct list l = {.arena = p->arena};
    for (size_t i = 0; i < p->perms[kind].n; i++) {
        const struct perm *perm = &p->perms[kind].v[i];
        /* A condition alone would add to what lower layers say: deny first. Of a word without
         * effect that would be taken for a misspelt denial. */
        if (perm->granted)
            list_add(&l, perm->name, perm->at);
        else if (keyword_find(KEYWORD_WORD, perm_places[kind], perm->name))
            list_add(&l, arena_printf(p->arena, "!%s", perm->name), perm->at);
        for (size_t c = 0; !perm->granted && c < perm->n_conditions; c++)
            list_add(&l,
                     arena_printf(p->arena, "if:%s:%s%s", perm->name,
                                  perm->conditions[c].negated ? "!" : "", perm->conditions[c].name),
                     perm->conditions[c].at);
    }
    list_write(&l, key, out);
}

static const char *const fs_names[FS_BASE_COUNT] = {
    [FS_PATH] = "",
    [FS_HOME_PATH] = "~",
    [FS_HOME] = "home",
    [FS_HOST] = "host",
    [FS_HOST_OS] = "host-os",
    [FS_HOST_ETC] = "host-etc",
    [FS_HOST_ROOT] = "host-root",
    [FS_XDG_DESKTOP] = "xdg-desktop",
    [FS_XDG_DOCUMENTS] = "xdg-documents",
    [FS_XDG_DOWNLOAD] = "xdg-download",
    [FS_XDG_MUSIC] = "xdg-music",
    [FS_XDG_PICTURES] = "xdg-pictures",
    [FS_XDG_PUBLIC_SHARE] = "xdg-public-share",
    [FS_XDG_TEMPLATES] = "xdg-templates",
    [FS_XDG_VIDEOS] = "xdg-videos",
    [FS_XDG_DATA] = "xdg-data",
    [FS_XDG_CACHE] = "xdg-cache",
    [FS_XDG_CONFIG] = "xdg-config",
    [FS_XDG_STATE] = "xdg-state",
    [FS_XDG_RUN] = "xdg-run",
};

const char *fs_grant_text(struct arena *a, const struct fs_grant *g)
{
    struct buf out = {.arena = a};
    if (g->mode == FS_NONE)
        buf_char(&out, '!');
    buf_str(&out, fs_names[g->base]);
    if (*g->sub && *g->sub != '/')
        buf_char(&out, '/');
    for (const char *p = g->sub; *p; p++) {
        if (*p == ':' || *p == '\\')
            buf_char(&out, '\\');
        buf_char(&out, *p);
    }
    buf_str(&out, g->mode == FS_RO ? ":ro" : g->mode == FS_CREATE ? ":create" : "");
    return out.data;
}

static void filesystems_write(const struct policy *p, struct buf *out)
{
    struct list l = {.arena = p->arena};
    for (size_t i = 0; i < p->n_filesystems; i++)
        list_add(&l, fs_grant_text(p->arena, &p->filesystems[i]), p->filesystems[i].at);
    list_write(&l, "filesystems", out);
}

static void persistent_write(const struct policy *p, struct buf *out)
{
    struct list l = {.arena = p->arena};
    for (size_t i = 0; i < p->n_persistent; i++) {
        const char *sub = p->persistent[i].sub;
        /* "./" keeps a first character apart that means something at the beginning of an item. */
        const char *prefix = *sub == '\0' ? "." : strchr("#~", *sub) ? "./" : "";
        list_add(&l, arena_printf(p->arena, "%s%s", prefix, sub), p->persistent[i].at);
    }
    list_write(&l, "persistent", out);
}

static void context_write(const struct policy *p, struct buf *out)
{
    struct buf body = {.arena = p->arena};
    struct list unset = {.arena = p->arena};
    perms_write(p, PERM_SHARED, "shared", &body);
    perms_write(p, PERM_SOCKETS, "sockets", &body);
    perms_write(p, PERM_DEVICES, "devices", &body);
    perms_write(p, PERM_FEATURES, "features", &body);
    filesystems_write(p, &body);
    persistent_write(p, &body);
    for (size_t i = 0; i < p->n_env; i++)
        if (!p->env[i].value)
            list_add(&unset, p->env[i].name, p->env[i].at);
    list_write(&unset, "unset-environment", &body);
    group_write(out, "Context", &body);
}

static void application_write(const struct policy *p, struct buf *out)
{
    struct buf body = {.arena = p->arena};
    if (p->app_id)
        buf_printf(&body, "name=%s\n", p->app_id);
    if (p->command)
        pair_write(&body, p->arena, "command", p->command, p->command_at);
    group_write(out, "Application", &body);
}

static void environment_write(const struct policy *p, struct buf *out)
{
    struct buf body = {.arena = p->arena};
    for (size_t i = 0; i < p->n_env; i++)
        if (p->env[i].value)
            pair_write(&body, p->arena, p->env[i].name, p->env[i].value, p->env[i].at);
    group_write(out, "Environment", &body);
}

static void buses_write(const struct policy *p, struct buf *out)
{
    static const char *const titles[BUS_KIND_COUNT] = {
        [BUS_SESSION] = "Session Bus Policy",
        [BUS_SYSTEM] = "System Bus Policy",
        [BUS_A11Y] = "Accessibility Bus Policy",
    };
    static const char *const access[] = {
        [BUS_NONE] = "none", [BUS_SEE] = "see", [BUS_TALK] = "talk", [BUS_OWN] = "own"};
    for (int kind = 0; kind < BUS_KIND_COUNT; kind++) {
        struct buf body = {.arena = p->arena};
        for (size_t i = 0; i < p->bus[kind].n; i++) {
            const struct bus_rule *r = &p->bus[kind].v[i];
            pair_write(&body, p->arena, r->name, access[r->access], r->at);
        }
        group_write(out, titles[kind], &body);
    }
}

static void carrel_value_write(const struct policy *p, const struct keyword *k, struct buf *out)
{
    const struct carrel_value *v = policy_carrel(p, k->in, k->name);
    if (!v)
        return;
    buf_printf(out, "%s=", k->name);
    if (carrel_is_list(k))
        buf_str(out, v->value);
    else
        kf_escape(out, v->value, false);
    buf_char(out, '\n');
    note(out, p->arena, k->name, v->at);
}

static void carrel_write(const struct policy *p, struct buf *out)
{
    for (size_t g = 0; g < n_keywords; g++) {
        struct buf body = {.arena = p->arena};
        if (keywords[g].kind != KEYWORD_GROUP || !str_after(keywords[g].name, "Carrel "))
            continue;
        for (size_t i = g; i < n_keywords; i++)
            if (keywords[i].kind == KEYWORD_KEY && str_eq(keywords[i].in, keywords[g].name))
                carrel_value_write(p, &keywords[i], &body);
        group_write(out, keywords[g].name, &body);
    }
}

void policy_write(const struct policy *p, struct buf *out)
{
    application_write(p, out);
    context_write(p, out);
    environment_write(p, out);
    buses_write(p, out);
    carrel_write(p, out);
}
