/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sockets=wayland: the compositor, by way of a filter of the app's own (carrel-wayland), which the
 * policy's [Carrel Display] tells what to let through. The runtime folder is never bound as a
 * whole: compositors keep sockets in it that steer all of them.
 */
#include "resolve/ctx.h"

#include "util/str.h"

#include <string.h>

/* Words of wayland-allow= and wayland-deny=, as the filter has them (src/wayland/globals.rows). */
static const struct {
    const char *word;
    bool usual; /* given unless it is denied; else only where it is allowed */
} powers[] = {
    {"dmabuf", true},
    {"activation", true},
    {"text-input", true},
    {"primary-selection", true},
    {"fullscreen", true},
    {"pointer-lock", false},
    {"relative-pointer", false},
    {"idle-inhibit", false},
    {"shortcuts-inhibit", false},
    {"window-handles", false},
};

static const struct carrel_value *display_value(const struct ctx *c, const char *key)
{
    return policy_carrel(c->p, "Carrel Display", key);
}

static bool display_list_has(const struct ctx *c, const char *key, const char *item)
{
    const struct carrel_value *v = display_value(c, key);
    const char *const *words = v ? policy_list(c->a, v->value, NULL) : NULL;
    for (; words && *words; words++)
        if (str_eq(*words, item))
            return true;
    return false;
}

/* clipboards: what is copied may go by itself */
static void put_powers(struct ctx *c, bool clipboards, struct buf *out)
{
    const struct carrel_value *clipboard = display_value(c, "clipboard");
    const char *way = clipboard ? clipboard->value : "both";
    size_t before = out->len;
    buf_str(out, "power");
    for (size_t i = 0; i < ARRAY_SIZE(powers); i++)
        if (powers[i].usual ? !display_list_has(c, "wayland-deny", powers[i].word)
                            : display_list_has(c, "wayland-allow", powers[i].word))
            buf_printf(out, " %s", powers[i].word);
    if (clipboards && (str_eq(way, "in") || str_eq(way, "both")))
        buf_str(out, " clipboard-in");
    if (clipboards && (str_eq(way, "out") || str_eq(way, "both")))
        buf_str(out, " clipboard-out");
    if (out->len == before + strlen("power"))
        out->len = before;
    else
        buf_char(out, '\n');
}

/* Where things are in the filter's own root. */
#define COMPOSITOR   "/compositor"
#define WRITABLE_DIR "/run"

static void fill(struct ctx *c, struct plan_service *s, const char *title, const char *why)
{
    const struct path_fact *socket = facts_path(c->f, c->wayland_socket);
    plan_add(s->plan, PLAN_TMPFS, "base: a socket for the compositor's security context",
             WRITABLE_DIR, "0700", "64k", (char *)NULL);
    plan_add(s->plan, PLAN_BIND, why, socket->real, COMPOSITOR, "ro", path_identity(c->a, socket),
             (char *)NULL);
    struct buf data = {.arena = c->a};
    buf_printf(&data, "carrel-wayland 1\nsocket %s\ncontext %s\napp %s\ninstance %s\n", COMPOSITOR,
               WRITABLE_DIR "/context", c->q->app_id, c->q->instance);
    if (title)
        buf_printf(&data, "title %s\n", title);
    put_powers(c, !title, &data);
    s->data = data.data;
    s->size = data.len;
}

struct plan_service *begin_wayland_for(struct ctx *c, const char *name, const char *why)
{
    struct plan_service *s = begin_hidden_service(c, name, why);
    if (s)
        fill(c, s, concat(c, "[Carrel]\\x20", c->q->app_id, NULL), why);
    return s;
}

static void put_filtered(struct ctx *c, const char *why)
{
    const char *inside = join_path(c, c->runtime, "wayland-0");
    struct plan_service *s = begin_service(c, "wayland", inside, why);
    if (!s) {
        const char *hint, *obstacle = no_helper(c, &hint);
        warn(c, c->wayland->at,
             concat(c, hint,
                    "; or write wayland=direct in [Carrel Display] to do without the filter", NULL),
             "the app gets no Wayland display: the filter cannot be had: %s", obstacle);
        return;
    }
    fill(c, s, NULL, why);
    put_env(c, "WAYLAND_DISPLAY", "wayland-0", why);
}

static void put_direct(struct ctx *c, const struct carrel_value *way, const char *why)
{
    const char *name = strrchr(c->wayland_socket, '/') + 1;
    const char *reason = concat(c, why, "; ", why_at(c, way->at, "wayland", way->value),
                                ": all that the compositor offers", NULL);
    diag_add(c->d, DIAG_NOTE, way->at, "write wayland=filtered to keep it to its own windows",
             "the app gets the bare Wayland socket: where the compositor lets it, it can see the "
             "screen, type for others and read the clipboard at any time");
    put_bind(c, facts_path(c->f, c->wayland_socket), join_path(c, c->runtime, name), reason);
    put_env(c, "WAYLAND_DISPLAY", name, reason);
}

void rule_wayland(struct ctx *c)
{
    const char *why = why_perm(c, PERM_SOCKETS, c->wayland);
    const struct carrel_value *way = display_value(c, "wayland");
    if (!c->wayland_socket) {
        if (!c->x11 && !facts_env(c->f, "WAYLAND_SOCKET"))
            put_missing(c, "sockets=wayland", why, "no compositor's socket found");
        return;
    }
    if (way && str_eq(way->value, "direct"))
        put_direct(c, way, why);
    else
        put_filtered(c, why);
}
