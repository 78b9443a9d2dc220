/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wayland and X11: one socket each, never the folder that holds it. */
#include "resolve/ctx.h"

#include "util/str.h"

#include <string.h>

static const char *const no_display_hint =
    "start carrel from a terminal inside the graphical session";

/* ---- Wayland ---- */

/* libwayland's rule: a name is looked up in the runtime folder, an absolute path stands for itself.
 */
static const char *wayland_path(const struct ctx *c, const char *name)
{
    if (name[0] == '/')
        return path_clean(c->a, name);
    if (strchr(name, '/') || str_eq(name, ".") || str_eq(name, "..") || !c->f->runtime_dir)
        return NULL;
    return arena_printf(c->a, "%s/%s", c->f->runtime_dir, name);
}

void find_wayland(struct ctx *c)
{
    const char *name = facts_env(c->f, "WAYLAND_DISPLAY");
    const char *path = wayland_path(c, name && *name ? name : "wayland-0");
    if (path && facts_path(c->f, path)->type == FILE_SOCKET)
        c->wayland_socket = path;
}

static bool is_number(const char *s)
{
    return *s && strlen(s) < 7 && strspn(s, "0123456789") == strlen(s);
}

/* A connection that the caller has opened and hands over as a descriptor. */
static void put_inherited_wayland(struct ctx *c)
{
    const struct perm *p = perm_granted(c, PERM_SOCKETS, "inherit-wayland-socket");
    const char *fd = facts_env(c->f, "WAYLAND_SOCKET");
    if (!p || !fd)
        return;
    const char *why = why_perm(c, PERM_SOCKETS, p);
    if (!is_number(fd) || fd[0] == '0' || (strlen(fd) == 1 && fd[0] < '3')) {
        put_missing(c, "sockets=inherit-wayland-socket", why,
                    "WAYLAND_SOCKET holds no descriptor's number from 3 on");
        return;
    }
    plan_add(c->out, PLAN_KEEP_FD, why, fd, (char *)NULL);
    put_env(c, "WAYLAND_SOCKET", fd, why);
}

/* ---- X11 ---- */

const struct path_fact *x_socket(struct ctx *c, const struct x_display *x)
{
    const char *path = arena_printf(c->a, "/tmp/.X11-unix/X%u", x->number);
    const struct path_fact *p = facts_path(c->f, path);
    return x->local && p->type == FILE_SOCKET ? p : NULL;
}

bool x_display_of(const struct ctx *c, struct x_display *x)
{
    const char *display = facts_env(c->f, "DISPLAY");
    return display && *display && display_parse(display, x);
}

/*
 * libxcb tries the abstract name of a display before the path, and gives up when the abstract one
 * refuses it; Landlock's scope makes it refuse. So where the network namespace is the host's and
 * the scope is on, the socket appears under a number that nobody listens on. In a network
 * namespace of its own the app meets no abstract socket of the host.
 */
enum { X_RENUMBERED = 1000 };

static void put_xauthority(struct ctx *c, unsigned number, const char *why)
{
    const struct xauth_fact *x = &c->f->xauth;
    struct buf b = {.arena = c->a};
    if (!x->name)
        return;
    xauth_entry(&b, arena_printf(c->a, "%u", number), x);
    const char *path = "/run/carrel/Xauthority";
    put_file(c, path, "0600", b.data, b.len, concat(c, why, ": this display's cookie only", NULL));
    put_env(c, "XAUTHORITY", path, why);
}

/* Said at each start: no word in a policy sounds as harmless and is not. */
static void tell_shared(struct ctx *c, const struct carrel_value *way)
{
    diag_add(
        c->d, DIAG_NOTE, way ? way->at : c->x11->at,
        "without x11=shared it has an X server of its own, in a window",
        "the app shares your X display: it can see the screen, read every key and type for you");
}

/*
 * The display has no socket in the file system: it can be reached by TCP, or by its abstract name,
 * both with the host's network only. The abstract name needs Landlock's scope off, which opens
 * every other abstract socket too, so the policy must say that it may.
 */
static void put_x11_by_network(struct ctx *c, const char *display, const struct x_display *x,
                               const char *why)
{
    if (c->network && (!x->local || c->abstract_allowed)) {
        c->abstract_needed |= x->local;
        tell_shared(c, policy_carrel(c->p, "Carrel Display", "x11"));
        put_env(c, "DISPLAY", display, why);
        put_xauthority(c, x->number, why);
        return;
    }
    put_missing(c, "sockets=x11", why, "the display %s has no socket in /tmp/.X11-unix", display);
    if (c->wayland && c->wayland_socket)
        return;
    if (x->local)
        warn(c, c->x11->at,
             "start the X server without \"-nolisten unix\"; or grant shared=network and "
             "optional=abstract-sockets to use its abstract socket",
             "the X display %s has no socket in /tmp/.X11-unix", display);
    else
        warn(c, c->x11->at, "grant shared=network",
             "the X display %s is reached by the network, which the app has not", display);
}

/* Where the X server is in the relay's own root. */
#define HOST_DISPLAY "/display"

/* untrusted NULL: as the person. */
static void fill_relay(struct ctx *c, struct plan_service *s, const struct path_fact *socket,
                       const struct xauth_fact *untrusted, const char *why)
{
    const struct xauth_fact *cookie = untrusted ? untrusted : &c->f->xauth;
    struct buf data = {.arena = c->a};
    plan_add(s->plan, PLAN_BIND, why, socket->real, HOST_DISPLAY, "ro", path_identity(c->a, socket),
             (char *)NULL);
    buf_str(&data, "carrel-x11 1\nsocket " HOST_DISPLAY "\n");
    if (cookie->name) {
        size_t escaped = word_escaped_size(cookie->data, cookie->size);
        buf_str(&data, "cookie ");
        buf_reserve(&data, escaped + 1);
        word_escape(cookie->data, cookie->size, data.data + data.len);
        data.len += escaped;
        buf_char(&data, '\n');
    }
    if (!untrusted)
        buf_str(&data, "as person\n");
    s->data = data.data;
    s->size = data.len;
}

struct plan_service *begin_untrusted_x11(struct ctx *c, const char *inside, const char *why,
                                         const char **obstacle)
{
    const struct untrusted_fact *u = facts_untrusted(c->f);
    struct x_display x;
    *obstacle = u->obstacle ? u->obstacle : "the X server gives no untrusted cookie";
    if (!u->cookie.name || !x_display_of(c, &x))
        return NULL;
    const struct path_fact *p = x_socket(c, &x);
    *obstacle = "the X server has no socket in /tmp/.X11-unix";
    if (!p)
        return NULL;
    struct plan_service *s = inside ? begin_service(c, "x11-untrusted", inside, why)
                                    : begin_hidden_service(c, "x11-untrusted", why);
    if (!s) {
        const char *hint, *what = no_helper(c, &hint);
        *obstacle = concat(c, what, " (", hint, ")", NULL);
        return NULL;
    }
    fill_relay(c, s, p, &u->cookie, why);
    return s;
}

/* ---- how the app reaches it ---- */

/* What cannot be had together, and why; all else can. */
static const struct {
    const char *x11, *connect, *why, *hint;
} apart[] = {
    {"untrusted", "unix",
     "an X server trusts all that the person starts, whatever it brings: only a relay comes "
     "untrusted",
     "write connect=pipe, or leave it out"},
    {"untrusted", "abstract", "the X server's abstract socket leads past the relay",
     "write connect=pipe, or leave it out"},
    {"nested", "pipe", "that server is the app's own, and a relay would keep nothing from the app",
     "write connect=unix, or leave it out"},
    {"headless", "pipe",
     "that server is the app's own, and a relay would keep nothing from the app",
     "write connect=unix, or leave it out"},
    {"nested", "abstract",
     "that server listens on no abstract socket, which all others in its network could reach",
     "write connect=unix, or leave it out"},
    {"headless", "abstract",
     "that server listens on no abstract socket, which all others in its network could reach",
     "write connect=unix, or leave it out"},
};

/* Whether what connect= says can be had with what x11= says. Else it is refused. */
static bool check_connect(struct ctx *c, const char *x11)
{
    const struct carrel_value *v = policy_carrel(c->p, "Carrel Display", "connect");
    for (size_t i = 0; v && i < ARRAY_SIZE(apart); i++)
        if (str_eq(apart[i].x11, x11) && str_eq(apart[i].connect, v->value)) {
            refuse(c, v->at, apart[i].hint, "connect=%s cannot be had with x11=%s: %s", v->value,
                   x11, apart[i].why);
            return false;
        }
    return true;
}

/* The abstract name is found by the network namespace alone, and Landlock's scope has one switch
 * for all of them. */
static void put_by_abstract(struct ctx *c, const struct carrel_value *v, const struct x_display *x,
                            const char *why)
{
    if (!x->local || !c->network || !c->abstract_allowed) {
        refuse(c, v->at,
               "grant shared=network and optional=abstract-sockets, which open all abstract "
               "sockets; or "
               "write connect=unix",
               "connect=abstract cannot be had: %s",
               x->local ? "the app does not share your network, or may use no abstract socket"
                        : "your X display is on another machine");
        return;
    }
    const char *reason = concat(c, why, "; ", why_at(c, v->at, "connect", v->value),
                                ": and every other abstract socket of yours", NULL);
    /* As with the whole display: said at each start. */
    diag_add(
        c->d, DIAG_NOTE, v->at, "write connect=unix to open the X server's alone",
        "the app reaches the X server by its abstract socket, and can reach every other abstract "
        "socket of yours");
    c->abstract_needed = true;
    put_env(c, "DISPLAY", facts_env(c->f, "DISPLAY"), reason);
    put_xauthority(c, x->number, reason);
}

/* By its abstract name the server can be reached past any relay. Else it is refused. */
static bool keeps_to_relay(struct ctx *c, struct place at, const char *wish)
{
    if (!c->network || (c->f->landlock_abi >= 6 && !c->abstract_allowed))
        return true;
    refuse(c, at, "take shared=network away; a wall around abstract sockets needs Linux 6.12",
           "%s would be no wall: with the host's network the app can reach the X server's abstract "
           "socket",
           wish);
    return false;
}

/* The app gets to know neither the display's socket nor the cookie, so what it can do there ends
 * with it. */
static void put_by_pipe(struct ctx *c, const struct carrel_value *v, const struct path_fact *socket,
                        const struct x_display *x, unsigned number, const char *why)
{
    const char *reason = concat(c, why, "; ", why_at(c, v->at, "connect", v->value), NULL);
    const char *inside = arena_printf(c->a, "/tmp/.X11-unix/X%u", number);
    if (!socket) {
        refuse(c, v->at, "start the X server without \"-nolisten unix\", or leave connect= out",
               "connect=pipe cannot be had: your X display has no socket in /tmp/.X11-unix");
        return;
    }
    if (!keeps_to_relay(c, v->at, "connect=pipe"))
        return;
    struct plan_service *s = begin_service(c, "x11-shared", inside, reason);
    if (!s) {
        const char *hint, *obstacle = no_helper(c, &hint);
        refuse(c, v->at, hint, "connect=pipe cannot be had: %s", obstacle);
        return;
    }
    fill_relay(c, s, socket, NULL, reason);
    put_env(c, "DISPLAY", arena_printf(c->a, ":%u%s", number, x->rest), reason);
}

/* What the app says of itself does not matter: the relay speaks for it. */
static void put_x11_untrusted(struct ctx *c, const struct carrel_value *v, unsigned number,
                              const char *rest, const char *why)
{
    const char *obstacle, *inside = arena_printf(c->a, "/tmp/.X11-unix/X%u", number);
    const char *reason = concat(c, why, "; ", why_at(c, v->at, "x11", v->value), NULL);
    if (!keeps_to_relay(c, v->at, "x11=untrusted"))
        return;
    if (!begin_untrusted_x11(c, inside, reason, &obstacle)) {
        refuse(c, v->at, "x11=shared gives the app the whole display: its screen, keys and windows",
               "x11=untrusted cannot be had: %s", obstacle);
        return;
    }
    put_env(c, "DISPLAY", arena_printf(c->a, ":%u%s", number, rest), reason);
}

/* What helps where the person's display has no socket here. */
static const char *without_socket(const struct x_display *x)
{
    return x->local
               ? "start the X server without \"-nolisten unix\"" SHARED_INSTEAD
               : "give --x11=shared and --share=network, by which the app has the whole display";
}

/* There is nothing to show a server of its own on; a program that needs no window starts. Told at
 * each start, as all that the program itself can say is that there is no display. */
static void no_socket(struct ctx *c, const struct x_display *x, const char *why)
{
    const char *display = facts_env(c->f, "DISPLAY");
    put_missing(c, "sockets=x11", why, "the display %s has no socket in /tmp/.X11-unix", display);
    if (c->wayland && c->wayland_socket)
        return;
    diag_add(c->d, DIAG_NOTE, c->x11->at, without_socket(x),
             "no window can be shown: the X display %s has no socket in /tmp/.X11-unix", display);
}

/*
 * A server of the app's own. Where no policy says what X is to be (way NULL) it is the default, and
 * never the display itself: who has no other gets no window.
 */
static void put_nested(struct ctx *c, const struct carrel_value *way, const struct x_display *x,
                       const struct path_fact *socket, const char *why)
{
    const struct carrel_value nested = {.value = "nested", .at = c->x11->at};
    const char *hint, *obstacle = nested_obstacle(c, &hint);
    const struct x_host host = {socket, x ? x->number : 0};
    if (!socket && x && !wants_xwayland(c)) {
        if (!way)
            no_socket(c, x, why);
        else
            refuse(
                c, way->at, without_socket(x),
                "x11=nested cannot be had: the person's display has no socket in /tmp/.X11-unix");
    } else if (way || !obstacle) {
        put_own_x11(c, way ? way : &nested, &host,
                    way ? concat(c, why, "; ", why_at(c, way->at, "x11", way->value), NULL)
                        : concat(c, why, "; x11=nested by default", NULL));
    } else if (c->wayland && c->wayland_socket) {
        put_missing(c, "sockets=x11", why, "no X server of its own: %s", obstacle);
    } else {
        refuse(c, c->x11->at, hint, "the app cannot have an X server of its own: %s", obstacle);
    }
}

/* The person's own display, with all that is on it. */
static void put_shared(struct ctx *c, const struct carrel_value *way, const struct x_display *x,
                       unsigned number, const char *why)
{
    const struct path_fact *socket = x_socket(c, x);
    const struct carrel_value *v = policy_carrel(c->p, "Carrel Display", "connect");
    if (v && str_eq(v->value, "abstract")) {
        tell_shared(c, way);
        put_by_abstract(c, v, x, why);
        return;
    }
    bool pipe = v && str_eq(v->value, "pipe");
    if (!socket && !pipe) {
        put_x11_by_network(c, facts_env(c->f, "DISPLAY"), x, why);
        return;
    }
    tell_shared(c, way);
    if (pipe) {
        put_by_pipe(c, v, socket, x, number, why);
        return;
    }
    put_bind(c, socket, arena_printf(c->a, "/tmp/.X11-unix/X%u", number), why);
    put_env(c, "DISPLAY", arena_printf(c->a, ":%u%s", number, x->rest), why);
    put_xauthority(c, number, why);
}

static void put_x11(struct ctx *c)
{
    const char *why = c->x11_by_fallback
                          ? concat(c, why_perm(c, PERM_SOCKETS, c->x11), " (no Wayland here)", NULL)
                          : why_perm(c, PERM_SOCKETS, c->x11);
    const char *display = facts_env(c->f, "DISPLAY");
    const struct carrel_value *way = policy_carrel(c->p, "Carrel Display", "x11");
    bool nested = !way || str_eq(way->value, "nested");
    struct x_display x;
    if (!check_connect(c, way ? way->value : "nested"))
        return;
    if (way && str_eq(way->value, "headless")) {
        put_own_x11(c, way, NULL,
                    concat(c, why, "; ", why_at(c, way->at, "x11", way->value), NULL));
        return;
    }
    bool named = x_display_of(c, &x);
    if (nested && (named || wants_xwayland(c))) {
        put_nested(c, way, named ? &x : NULL, named ? x_socket(c, &x) : NULL, why);
        return;
    }
    if (!display || !*display) {
        put_missing(c, "sockets=x11", why, "DISPLAY is not set; %s", no_display_hint);
        return;
    }
    if (!named) {
        put_missing(c, "sockets=x11", why, "DISPLAY names no display");
        if (!c->wayland || !c->wayland_socket)
            diag_add(c->d, DIAG_NOTE, c->x11->at,
                     "set it to the display's number, as in DISPLAY=:0",
                     "no window can be shown: DISPLAY is %s, which names no X display", display);
        return;
    }
    /* An abstract name that the app shares with the host would be tried first. */
    unsigned number = c->network && c->f->landlock_abi >= 6 ? x.number + X_RENUMBERED : x.number;
    if (str_eq(way->value, "untrusted"))
        put_x11_untrusted(c, way, number, x.rest, why);
    else
        put_shared(c, way, &x, number, why);
}

void rule_display(struct ctx *c)
{
    if (c->wayland)
        rule_wayland(c);
    put_inherited_wayland(c);
    if (c->x11)
        put_x11(c);
}
