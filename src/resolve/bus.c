/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bus by way of a filter of the app's own (carrel-dbus): [Session Bus Policy], [System Bus
 * Policy] and [Carrel Bus] become the filter's rules (src/dbus/rules.h), and the filter a plan. In
 * its root stands /.flatpak-info: portals ask the bus for the process that made the connection, and
 * look there for who the app is.
 */
#include "resolve/ctx.h"

#include "util/str.h"
#include "util/word.h"

#include <string.h>

static const struct carrel_value *bus_value(const struct ctx *c, const char *key)
{
    return policy_carrel(c->p, "Carrel Bus", key);
}

static bool bus_value_is(const struct ctx *c, const char *key, const char *value)
{
    const struct carrel_value *v = bus_value(c, key);
    return v && str_eq(v->value, value);
}

static void put_session(struct ctx *c, struct buf *out);

/* What is special to each bus. */
static const struct bus_row {
    const char *service, *rules, *what;
    void (*implicit)(struct ctx *c, struct buf *out); /* rules that every app has; or NULL */
} rows[BUS_KIND_COUNT] = {
    [BUS_SESSION] = {"dbus", "session-rules", "Session Bus Policy", put_session},
    [BUS_SYSTEM] = {"dbus-system", "system-rules", "System Bus Policy", NULL},
    [BUS_A11Y] = {"dbus-a11y", "accessibility-rules", "Accessibility Bus Policy",
                  accessibility_rules},
};

/* ---- whether ---- */

/* The place that asks for this bus, or NULL. */
static const char *wanted(struct ctx *c, enum bus_kind kind)
{
    const struct bus_row *row = &rows[kind];
    const struct carrel_value *way = kind == BUS_SESSION ? bus_value(c, "session") : NULL;
    const struct carrel_value *extra = bus_value(c, row->rules);
    if (kind == BUS_A11Y)
        return bus_value_is(c, "accessibility", "none") ? NULL : accessibility_why;
    if (way && !str_eq(way->value, "policy"))
        return str_eq(way->value, "filtered") ? why_at(c, way->at, "session", way->value) : NULL;
    for (size_t i = 0; i < c->p->bus[kind].n; i++) {
        const struct bus_rule *r = &c->p->bus[kind].v[i];
        if (r->access > BUS_NONE)
            return concat(c, place_text_of(c->a, r->at), ": [", row->what, "]", NULL);
    }
    return extra && *extra->value ? why_at(c, extra->at, row->rules, extra->value) : NULL;
}

bool wants_filtered_bus(struct ctx *c, enum bus_kind kind)
{
    return wanted(c, kind) != NULL;
}

/* ---- the rules ---- */

static void put_words(struct buf *out, const char *verb, const char *word)
{
    size_t n = word_escaped_size(word, strlen(word));
    char *to = arena_alloc(out->arena, n + 1);
    word_escape(word, strlen(word), to);
    to[n] = '\0';
    buf_printf(out, "%s %s\n", verb, to);
}

#define PLAYERS "org.mpris.MediaPlayer2."
enum { LONGEST_NAME = 255 }; /* on a bus */

/*
 * As in Flatpak the app has its own names, the one under which players are found, and the portals:
 * they ask the person before anything leaves them. The one that starts programs in a sandbox of
 * Flatpak's is not among them: it would take our app for one of its own.
 */
static void put_implicit(struct ctx *c, struct buf *out)
{
    const char *id = c->q->app_id;
    put_words(out, "own", concat(c, id, ".*", NULL));
    if (strlen(id) <= LONGEST_NAME - strlen(PLAYERS))
        put_words(out, "own", concat(c, PLAYERS, id, ".*", NULL));
    if (c->accessibility)
        buf_str(out, accessibility_status_rules);
    if (bus_value_is(c, "portals", "false"))
        return;
    buf_str(out, "call org.freedesktop.portal.* * *\n"
                 "broadcast org.freedesktop.portal.* * /org/freedesktop/portal/*\n"
                 "none org.freedesktop.portal.Flatpak\n");
}

static void put_limits(struct ctx *c, struct buf *out)
{
    static const struct {
        const char *key, *what;
    } limits[] = {
        {"max-message-size", "message"},
        {"max-connections", "connections"},
        {"max-rate", "rate"},
        {"max-rate", "burst"},
    };
    const struct carrel_value *log = bus_value(c, "log");
    buf_printf(out, "log %s\n", log ? log->value : "none");
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        const struct carrel_value *v = bus_value(c, limits[i].key);
        if (v && !str_eq(v->value, "0"))
            buf_printf(out, "limit %s %s\n", limits[i].what, v->value);
    }
}

/*
 * An app that is on the bus for the input method's sake alone gets nothing else of it. The names
 * that programs want to have are theirs inside: without a bus they would go on as well.
 */
static void put_session(struct ctx *c, struct buf *out)
{
    const char *input = input_rules(c);
    if (wants_filtered_bus(c, BUS_SESSION))
        put_implicit(c, out);
    else
        buf_str(out, "names-inside\n");
    if (input)
        buf_str(out, input);
    if (input_is_forbidden(c)) /* all portals are allowed where they are */
        buf_str(out, "none org.freedesktop.portal.IBus\nnone org.freedesktop.portal.Fcitx\n");
}

static void put_rules(struct ctx *c, enum bus_kind kind, struct buf *out)
{
    static const char *const access[] = {
        [BUS_NONE] = "none", [BUS_SEE] = "see", [BUS_TALK] = "talk", [BUS_OWN] = "own"};
    const struct carrel_value *extra = bus_value(c, rows[kind].rules);
    const char *const *lines = extra ? policy_list(c->a, extra->value, NULL) : NULL;
    buf_str(out, "carrel-bus 1\n");
    put_words(out, "app", c->q->app_id);
    if (rows[kind].implicit)
        rows[kind].implicit(c, out);
    for (size_t i = 0; i < c->p->bus[kind].n; i++)
        put_words(out, access[c->p->bus[kind].v[i].access], c->p->bus[kind].v[i].name);
    for (; lines && *lines; lines++)
        buf_printf(out, "%s\n", *lines);
    put_limits(c, out);
}

/* ---- the filter ---- */

#define BUS_INSIDE "/bus"

static const char *number(struct ctx *c, int n)
{
    return arena_printf(c->a, "%d", n);
}

/* Whoever is called org.gnome would own all that is below. */
static bool id_is_narrow(struct ctx *c)
{
    const char *dot = strchr(c->q->app_id, '.');
    if (dot && strchr(dot + 1, '.'))
        return true;
    refuse(c, (struct place){0}, "call it org.example.App",
           "the id %s has two elements, and an app on a bus needs three: the names below it are "
           "its own",
           c->q->app_id);
    return false;
}

bool put_filtered_bus(struct ctx *c, enum bus_kind kind, const char *path, const char *inside)
{
    const char *why = wanted(c, kind), *info = instance_info(c);
    const char *what = rows[kind].what, *service = rows[kind].service;
    if (!why) { /* by its name other rooms know that there is no more on it */
        why = WHY_INPUT;
        what = "input-method";
        service = "dbus-input";
    } else if (kind == BUS_SESSION && !id_is_narrow(c)) {
        return false;
    }
    const struct path_fact *socket = path ? facts_path(c->f, path_clean(c->a, path)) : NULL;
    if (!socket || socket->type != FILE_SOCKET) {
        put_missing(c, what, why, "%s is not there", path ? path : "the bus' socket");
        return false;
    }
    struct plan_service *s = begin_service(c, service, inside, why);
    if (!s || !info)
        return false;
    struct buf data = {.arena = c->a};
    put_rules(c, kind, &data);
    s->data = data.data;
    s->size = data.len;
    const struct carrel_value *log = bus_value(c, "log");
    bool logs = log && !str_eq(log->value, "none");
    plan_add(s->plan, PLAN_BIND, why, socket->real, BUS_INSIDE, "ro", path_identity(c->a, socket),
             (char *)NULL);
    plan_add(s->plan, PLAN_FILE, "base: who the app is, for portals", "/.flatpak-info", "0600",
             info, (char *)NULL);
    const char *args[] = {number(c, SERVICE_LISTEN_FD), number(c, SERVICE_DATA_FD),
                          number(c, SERVICE_CONTROL_FD), logs ? "2" : "-", BUS_INSIDE};
    for (size_t i = 0; i < ARRAY_SIZE(args); i++)
        plan_add(s->plan, PLAN_ARG, "base: its descriptors and the bus", args[i], (char *)NULL);
    return true;
}
