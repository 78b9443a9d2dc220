/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An X server of the app's own (carrel-xserver), in a confinement beside it: x11=nested shows it as
 * a window on the person's display, where it is itself untrusted if that display can tell, or as
 * one of the person's compositor, by way of a filter of its own; with x11=headless nobody sees it.
 * Only the two of them share an IPC namespace, for MIT-SHM.
 */
#include "resolve/xserver.h"

#include "util/str.h"

/* Where things are in the server's root; src/xserver/main.c has the same. */
#define OWN_SOCKET  "/display"
#define OWN_COOKIE  "/run/cookie"
#define HOST_COOKIE "/run/host-cookie"
#define COMPOSITOR  "/compositor"

/* Bytes of a cookie, as zeros where nothing is started. */
enum { COOKIE = 16 };

static const struct kind {
    const char *word, *program, *package;
} kinds[] = {
    {"xephyr", "/usr/bin/Xephyr", "xserver-xephyr"},
    {"xvfb", "/usr/bin/Xvfb", "xvfb"},
    {"xwayland", "/usr/bin/Xwayland", "xwayland"},
    {"xpra", "/usr/bin/Xvfb", "xvfb"}, /* shown by another program, see viewer.c */
};
enum { XEPHYR, XVFB, XWAYLAND, XPRA };

/* Where there is an X display it is Xephyr: Debian 12's Xwayland has had no fix since it came. A
 * program that speaks Wayland would choose X if it could, so it gets none beside that without a
 * word. */
bool wants_xwayland(struct ctx *c)
{
    const struct carrel_value *server = policy_carrel(c->p, "Carrel Display", "server");
    struct x_display x;
    if (server && !str_eq(server->value, "auto"))
        return str_eq(server->value, kinds[XWAYLAND].word);
    if (x_display_of(c, &x) && x_socket(c, &x))
        return false;
    return c->wayland_socket && (!c->wayland || policy_carrel(c->p, "Carrel Display", "x11"));
}

/*
 * What stands against x11=nested where no policy says what X is to be: the hint is what to do about
 * it. NULL: nothing.
 */
const char *nested_obstacle(struct ctx *c, const char **hint)
{
    const struct kind *kind = &kinds[wants_xwayland(c) ? XWAYLAND : XEPHYR];
    const char *program = concat(c, c->q->libexec, "/carrel-xserver", NULL);
    *hint = concat(c, "install the package ", kind->package, SHARED_INSTEAD, NULL);
    if (facts_path(c->f, kind->program)->type != FILE_REGULAR)
        return concat(c, kind->program, " is not installed", NULL);
    if (instance_folder(c) && facts_path(c->f, program)->type == FILE_REGULAR)
        return NULL;
    const char *what = no_helper(c, hint);
    *hint = concat(c, *hint, SHARED_INSTEAD, NULL);
    return what;
}

bool wants_own_x11(struct ctx *c)
{
    const struct carrel_value *v = policy_carrel(c->p, "Carrel Display", "x11");
    const char *hint;
    struct x_display x;
    if (!c->x11)
        return false;
    if (v)
        return str_eq(v->value, "nested") || str_eq(v->value, "headless");
    bool shown = wants_xwayland(c) || (x_display_of(c, &x) && x_socket(c, &x));
    return shown && !nested_obstacle(c, &hint);
}

/* ---- the server's plan ---- */

static void bind_step(struct plan *p, struct ctx *c, const struct path_fact *src, const char *dst,
                      const char *flags, const char *why)
{
    if (!present(src))
        return;
    plan_add(p, PLAN_BIND, why, src->real, dst, flags, path_identity(c->a, src), (char *)NULL);
}

/* The server's program and libraries are the host's; nothing of the person's is there. */
void put_system(struct ctx *c, struct plan *p)
{
    static const char *const beside_usr[] = {"/bin", "/lib", "/lib32", "/lib64"};
    static const char *const files[] = {"/etc/ld.so.cache", "/etc/alternatives"};
    static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/urandom"};
    const char *why = "base: the X server's program and libraries";
    bind_step(p, c, facts_path(c->f, "/usr"), "/usr", "ro", why);
    for (size_t i = 0; i < ARRAY_SIZE(beside_usr); i++) {
        const struct path_fact *f = facts_path(c->f, beside_usr[i]);
        if (present(f) && f->n_hops == 0)
            bind_step(p, c, f, beside_usr[i], "ro", why);
        else if (present(f))
            plan_add(p, PLAN_SYMLINK, why, f->hops[0].target, beside_usr[i], (char *)NULL);
    }
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        bind_step(p, c, facts_path(c->f, files[i]), files[i], "ro", why);
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
        bind_step(p, c, facts_path(c->f, devices[i]), devices[i], "ro,dev", why);
    plan_add(p, PLAN_PROC, "base: own processes only", "/proc", (char *)NULL);
    plan_add(p, PLAN_TMPFS, "base: keyboard maps are made here", "/tmp", "1777", "64m",
             (char *)NULL);
    plan_add(p, PLAN_TMPFS, "base: own shared memory", "/dev/shm", "1777", "256m", (char *)NULL);
    plan_add(p, PLAN_ENV, "base: every helper", "PATH=/usr/bin:/bin", (char *)NULL);
    plan_add(p, PLAN_ENV, "base: every helper", "HOME=/tmp", (char *)NULL);
}

static void put_own_display(struct ctx *c, struct plan *p, const char *socket,
                            const struct xauth_fact *cookie, const char *why)
{
    struct buf b = {.arena = c->a};
    struct word file[3] = {{arena_strdup(c->a, "/run/auth"), strlen("/run/auth")},
                           {arena_strdup(c->a, "0600"), strlen("0600")}};
    xauth_entry(&b, "0", cookie);
    file[2] = (struct word){b.data, b.len};
    plan_add_words(p, PLAN_FILE, concat(c, why, ": who may come", NULL), 3, file);
    file[0] = (struct word){arena_strdup(c->a, OWN_COOKIE), strlen(OWN_COOKIE)};
    file[2] = (struct word){arena_strndup(c->a, cookie->data, cookie->size), cookie->size};
    plan_add_words(p, PLAN_FILE, "base: for its window manager", 3, file);
    plan_add(p, PLAN_BIND, "base: for its window manager", socket, OWN_SOCKET, "ro", (char *)NULL);
}

/* An option stands on the command line of which the policy says that there is no window then. */
static bool is_told_of_no_window(struct ctx *c)
{
    const struct carrel_value *v = policy_carrel(c->p, "Carrel Display", "no-window");
    size_t n = 0;
    const char *const *options = v ? policy_list(c->a, v->value, &n) : NULL;
    for (const char *const *arg = c->q->args; n && arg && *arg && !str_eq(*arg, "--"); arg++)
        for (size_t i = 0; i < n; i++)
            if (str_eq(*arg, options[i]))
                return true;
    return false;
}

/*
 * An X server takes longer to start than many a program, so it starts beside the app, where the app
 * is sure to want it: not beside one that nobody has written a policy for, which may be a tool for
 * the terminal, not where the app has a Wayland compositor too, and not where it is told to do
 * without a window (which then costs only time if it is wrong).
 */
static bool is_sure_to_come(struct ctx *c)
{
    return (c->q->has_policy || policy_carrel(c->p, "Carrel Display", "x11")) &&
           !(c->wayland && c->wayland_socket) && !is_told_of_no_window(c);
}

/* The person's display: untrusted where it knows of that, else as the person. Returns its number,
 * or NULL after an error. */
const char *put_host_display(struct ctx *c, struct plan *p, const struct path_fact *host,
                             unsigned number, const char *why)
{
    const char *obstacle, *digits = arena_printf(c->a, "%u", number);
    const char *inside = concat(c, "/tmp/.X11-unix/X", digits, NULL);
    const struct xauth_fact *x = &c->f->xauth;
    struct plan_service *relay = begin_untrusted_x11(c, NULL, why, &obstacle);
    plan_add(p, PLAN_ENV, why, concat(c, "DISPLAY=:", digits, NULL), (char *)NULL);
    if (relay) {
        relay->at_once = is_sure_to_come(c);
        plan_add(p, PLAN_BIND, concat(c, why, ": by way of a relay, untrusted", NULL),
                 relay->socket, inside, "ro", (char *)NULL);
        return digits;
    }
    put_missing(c, "x11=nested: an untrusted X server", why, "%s; it is on the display as you are",
                obstacle);
    bind_step(p, c, host, inside, "ro", why);
    if (!x->name)
        return digits;
    struct buf b = {.arena = c->a};
    const char *path = "/run/host-auth";
    xauth_entry(&b, digits, x);
    struct word file[3] = {{arena_strdup(c->a, path), strlen(path)},
                           {arena_strdup(c->a, "0600"), strlen("0600")},
                           {b.data, b.len}};
    plan_add_words(p, PLAN_FILE, why, 3, file);
    file[0] = (struct word){arena_strdup(c->a, HOST_COOKIE), strlen(HOST_COOKIE)};
    file[2] = (struct word){arena_strndup(c->a, x->data, x->size), x->size};
    plan_add_words(p, PLAN_FILE, why, 3, file);
    plan_add(p, PLAN_ENV, why, "XAUTHORITY=/run/host-auth", (char *)NULL);
    return digits;
}

/* The person's compositor, by way of a filter as an app would have it. Nothing is carried there but
 * by the person's hand, as with any server of an app's own. */
static bool put_compositor(struct ctx *c, struct plan *p, const char *why)
{
    const struct plan_service *filter = begin_wayland_for(c, "wayland-x11", why);
    if (!filter)
        return false;
    plan_add(p, PLAN_BIND, concat(c, why, ": by way of a filter", NULL), filter->socket, COMPOSITOR,
             "ro", (char *)NULL);
    plan_add(p, PLAN_ENV, why, "WAYLAND_DISPLAY=" COMPOSITOR, (char *)NULL);
    plan_add(p, PLAN_ENV, why, "XDG_RUNTIME_DIR=/tmp", (char *)NULL);
    return true;
}

static void put_arguments(struct ctx *c, struct plan *p, const struct kind *kind, const char *host)
{
    const char *title = concat(c, "[Carrel] ", c->q->app_id, NULL);
    const char *const common[] = {
        host ? host : "-", kind->program, ":0",        "-auth", "/run/auth", "-nolisten", "tcp",
        "-nolisten",       "local",       "-nolisten", "unix",  "-noreset",  "-br",
    };
    /* Xephyr crashes when it hands a coloured pointer to a display that hides RENDER from it, as
     * one does on which it is not trusted: so it draws the pointer itself. */
    const char *const xephyr[] = {"-resizeable", "-no-host-grab", "-sw-cursor", "-title", title};
    const char *const xvfb[] = {"-screen", "0", "1280x800x24"};
    /* It takes the listening socket by a word of its own, and has no graphics card here. */
    const char *const xwayland[] = {"-shm", "-listenfd", "3"};
    const struct {
        const char *const *v;
        size_t n;
    } more[] = {[XEPHYR] = {xephyr, ARRAY_SIZE(xephyr)},
                [XVFB] = {xvfb, ARRAY_SIZE(xvfb)},
                [XWAYLAND] = {xwayland, ARRAY_SIZE(xwayland)},
                [XPRA] = {xvfb, ARRAY_SIZE(xvfb)}};
    const char *const plain[] = {"-extension", "GLX"};
    const struct carrel_value *gl = policy_carrel(c->p, "Carrel Display", "opengl");
    size_t which = (size_t)(kind - kinds);
    for (size_t i = 0; i < ARRAY_SIZE(common); i++)
        plan_add(p, PLAN_ARG, i ? NULL : "base: on which display, and the X server", common[i],
                 (char *)NULL);
    for (size_t i = 0; gl && str_eq(gl->value, "no") && i < ARRAY_SIZE(plain); i++)
        plan_add(p, PLAN_ARG, i ? NULL : why_at(c, gl->at, "opengl", gl->value), plain[i],
                 (char *)NULL);
    for (size_t i = 0; i < more[which].n; i++)
        plan_add(p, PLAN_ARG, NULL, more[which].v[i], (char *)NULL);
}

/* ---- the wish ---- */

static void no_server(struct ctx *c, const struct carrel_value *v, const struct kind *kind)
{
    refuse(c, v->at, concat(c, "install the package ", kind->package, SHARED_INSTEAD, NULL),
           "x11=%s needs %s, which is not installed", v->value, kind->program);
}

/* The kind of server that the policy asks for, or NULL after an error. */
static const struct kind *choose_kind(struct ctx *c, const struct carrel_value *v)
{
    const struct carrel_value *server = policy_carrel(c->p, "Carrel Display", "server");
    bool headless = str_eq(v->value, "headless");
    bool viewed = server && !headless && str_eq(server->value, "xpra");
    const struct kind *kind = &kinds[headless            ? XVFB
                                     : viewed            ? XPRA
                                     : wants_xwayland(c) ? XWAYLAND
                                                         : XEPHYR];
    if (kind == &kinds[XWAYLAND] && !c->wayland_socket) {
        refuse(c, server->at,
               "start carrel from a terminal inside a Wayland session, or write server=auto",
               "server=xwayland cannot be had: no compositor's socket was found");
        return NULL;
    }
    if (server && !str_eq(server->value, "auto") && !str_eq(server->value, kind->word)) {
        refuse(c, server->at, concat(c, "write server=", kind->word, " or server=auto", NULL),
               "server=%s cannot be had with x11=%s", server->value, v->value);
        return NULL;
    }
    if (facts_path(c->f, kind->program)->type != FILE_REGULAR)
        no_server(c, v, kind);
    else if (!viewed || has_xpra(c, server->at))
        return kind;
    return NULL;
}

/* How the app reaches it. */
static void put_way(struct ctx *c, unsigned number, const char *cookie_bytes, const char *why)
{
    const struct xauth_fact cookie = {"MIT-MAGIC-COOKIE-1", cookie_bytes, COOKIE};
    struct buf b = {.arena = c->a};
    xauth_entry(&b, arena_printf(c->a, "%u", number), &cookie);
    put_file(c, "/run/carrel/Xauthority", "0600", b.data, b.len,
             concat(c, why, ": this display's cookie only", NULL));
    put_env(c, "XAUTHORITY", "/run/carrel/Xauthority", why);
    put_env(c, "DISPLAY", arena_printf(c->a, ":%u", number), why);
    /* Java believes in frames around its windows, and leaves room for them, until it is told. */
    put_env(c, "_JAVA_AWT_WM_NONREPARENTING", "1", concat(c, why, ": no window has a frame", NULL));
}

/* The app was started before, and its server stands: this run shows its windows there, too. */
static bool joins(struct ctx *c, const char *kind, const char *socket, unsigned number,
                  const char *why)
{
    const struct running_server *r = c->q->server;
    const struct path_fact *there = r && str_eq(r->kind, kind) ? facts_path(c->f, r->socket) : NULL;
    if (!there || there->type != FILE_SOCKET)
        return false;
    const char *reason = concat(c, why, "; the one that runs already", NULL);
    put_bind(c, there, socket, reason);
    put_way(c, number, r->cookie, reason);
    c->out->common_ipc = "base: that of the X server that runs already";
    return true;
}

void put_own_x11(struct ctx *c, const struct carrel_value *v, const struct x_host *host,
                 const char *why)
{
    static const char zeros[COOKIE];
    const struct kind *kind = choose_kind(c, v);
    const struct xauth_fact cookie = {"MIT-MAGIC-COOKIE-1", c->q->cookie ? c->q->cookie : zeros,
                                      COOKIE};
    /* Under the number 0 the host may have an abstract socket, which libraries try first. */
    unsigned number = c->network ? 1000 : 0;
    const char *socket = arena_printf(c->a, "/tmp/.X11-unix/X%u", number), *display = NULL;
    if (!kind)
        return;
    const char *offer =
        kind == &kinds[XEPHYR]
            ? arena_printf(c->a, "%s %s :%u%s", v->value, kind->word, host->number, clip_offer(c))
            : arena_printf(c->a, "%s %s%s", v->value, kind->word, clip_offer(c));
    if (joins(c, offer, socket, number, why))
        return;
    struct plan_service *s = begin_service(c, "xserver", socket, why);
    if (!s) {
        const char *hint, *obstacle = no_helper(c, &hint);
        refuse(c, v->at, hint, "x11=%s cannot be had: %s", v->value, obstacle);
        return;
    }
    c->x_server = offer;
    /* Xwayland's window is there as soon as it is. */
    s->at_once = kind != &kinds[XWAYLAND] && is_sure_to_come(c);
    struct plan *p = s->plan; /* s does not outlive the next service */
    const struct own_display own = {p, s->socket, &cookie};
    put_system(c, p);
    put_own_display(c, p, s->socket, &cookie, why);
    if (kind == &kinds[XEPHYR])
        display = put_host_display(c, p, host->socket, host->number, why);
    if (kind == &kinds[XEPHYR])
        put_clip_keys(c, host->socket, &own, why);
    if (kind == &kinds[XWAYLAND] && !put_compositor(c, p, why))
        refuse(c, v->at, "install Carrel completely",
               "x11=%s cannot be had: no filter stands before the compositor", v->value);
    put_arguments(c, p, kind, display);
    put_way(c, number, cookie.data, why);
}
