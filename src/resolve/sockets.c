/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets of services: buses, agents, smart cards, printers. Each is bound alone. */
#include "resolve/ctx.h"

#include "util/str.h"

#include <string.h>

/* Binds a socket at dst. When there is none on the host, says so and returns false. */
static bool put_socket(struct ctx *c, const char *path, const char *dst, const char *what,
                       const char *why)
{
    const char *clean = path ? path_clean(c->a, path) : NULL;
    const struct path_fact *p = clean ? facts_path(c->f, clean) : NULL;
    if (p && p->type == FILE_SOCKET) {
        put_bind(c, p, dst, why);
        return true;
    }
    put_missing(c, what, why, "%s%s", path ? path : "its socket",
                p && present(p) ? " is not a socket" : " is not there");
    return false;
}

static const char *in_runtime(struct ctx *c, const char *name)
{
    return c->f->runtime_dir ? join_path(c, c->f->runtime_dir, name) : NULL;
}

/* ---- buses ---- */

#define SYSTEM_BUS "/run/dbus/system_bus_socket"

static int hex(char ch)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = ch ? strchr(digits, ch) : NULL;
    return at ? (int)((at - digits) % 16) : -1;
}

const char *dbus_value(struct ctx *c, const char *address, const char *key)
{
    for (const char *s = address; *s;) {
        size_t len = strcspn(s, ";");
        const char *rest = str_after(s, "unix:");
        for (const char *k = rest; k && k < s + len;) {
            size_t n = strcspn(k, ",;");
            if (strncmp(k, key, strlen(key)) == 0 && k[strlen(key)] == '=') {
                struct buf b = {.arena = c->a};
                for (const char *v = k + strlen(key) + 1; v < k + n; v++) {
                    bool escaped = v[0] == '%' && v + 2 < k + n && hex(v[1]) >= 0 && hex(v[2]) >= 0;
                    buf_char(&b, escaped ? (char)(hex(v[1]) << 4 | hex(v[2])) : *v);
                    v += escaped ? 2 : 0;
                }
                return b.data;
            }
            k += n + (k[n] == ',');
            if (k[-1] != ',')
                break;
        }
        s += len + (s[len] == ';');
    }
    return NULL;
}

/*
 * Without a bus the address is one that fails at once; left unset, libraries would look for one in
 * other places or even start one (dbus-launch), and programs would wait for it.
 */
static void put_no_bus(struct ctx *c)
{
    const char *why = "base: no session bus, and nothing shall wait for one";
    put_env(c, "DBUS_SESSION_BUS_ADDRESS", "disabled:", why);
    put_no_accessibility(c, why);
    put_env(c, "GIO_USE_VFS", "local", why);
}

/*
 * A bus that is started inside, by carrel-ownbus in front of the program (program.c) once the app
 * speaks on it. What it starts on demand runs inside as well; nothing of the person's session is
 * on it.
 */
static void put_private_bus(struct ctx *c)
{
    const char *why = why_at(c, c->private_bus->at, "private-session-bus", c->private_bus->value);
    const struct path_fact *starter = starter_of(c);
    bool daemon = facts_path(c->f, PRIVATE_BUS_DAEMON)->type == FILE_REGULAR;
    if (!daemon || starter->type != FILE_REGULAR) {
        put_missing(c, "private-session-bus", why,
                    daemon ? "Carrel is not installed completely"
                           : "the package dbus-daemon is not installed");
        c->private_bus = NULL;
        put_no_bus(c);
        return;
    }
    put_bind(c, starter, PRIVATE_BUS_STARTER, why);
    put_text(c, PRIVATE_BUS_CONFIG,
             concat(c,
                    "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration "
                    "1.0//EN\" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
                    "<busconfig><type>session</type><listen>systemd:</listen>"
                    "<auth>EXTERNAL</auth><standard_session_servicedirs/>"
                    "<policy context=\"default\"><allow send_destination=\"*\" "
                    "eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy>"
                    "</busconfig>\n",
                    NULL),
             why);
    put_env(c, "DBUS_SESSION_BUS_ADDRESS",
            concat(c, "unix:path=", join_path(c, c->runtime, PRIVATE_BUS_SOCKET), NULL), why);
    put_no_accessibility(c, why);
    put_env(c, "GIO_USE_VFS", "local", why);
}

/* For explain, and told at each start, as x11=shared is: with a whole bus there is a sandbox in
 * name only. */
static void tell_bus(struct ctx *c, struct place at, enum bus_kind kind)
{
    static const char *const told[][2] = {
        [BUS_SESSION] = {"name what it needs in [Session Bus Policy] instead, or for one run with "
                         "--talk-name",
                         "the app has the whole session bus: over it, it can have any program "
                         "started outside, so this is no sandbox"},
        [BUS_SYSTEM] = {"name what it needs in [System Bus Policy] instead, or for one run with "
                        "--system-talk-name",
                        "the app has the whole system bus, and with it every service that trusts "
                        "you"},
    };
    *(kind == BUS_SESSION ? &c->out->whole_session_bus : &c->out->whole_system_bus) = true;
    diag_add(c->d, DIAG_NOTE, at, told[kind][0], "%s", told[kind][1]);
}

/* Landlock knows all abstract sockets or none, so this one opens all of them. */
static void put_abstract_bus(struct ctx *c, const char *address, const char *why)
{
    if (c->network && c->abstract_allowed) {
        c->abstract_needed = true;
        tell_bus(c, c->session_bus->at, BUS_SESSION);
        put_env(c, "DBUS_SESSION_BUS_ADDRESS", address, why);
        return;
    }
    put_missing(c, "sockets=session-bus", why, "it has an abstract name only");
    warn(
        c, c->session_bus->at,
        "let the bus listen on a path (dbus-daemon --address=unix:path=…), or grant shared=network "
        "and optional=abstract-sockets",
        "the session bus has an abstract name only (%s)", address);
    put_no_bus(c);
}

/* Where the session's bus is, as libdbus finds it; NULL: only by an abstract name. */
static const char *session_bus_path(struct ctx *c)
{
    const char *address = facts_env(c->f, "DBUS_SESSION_BUS_ADDRESS");
    return address && *address ? dbus_value(c, address, "path") : in_runtime(c, "bus");
}

static const char *system_bus_path(struct ctx *c)
{
    const char *address = facts_env(c->f, "DBUS_SYSTEM_BUS_ADDRESS");
    const char *path = address && *address ? dbus_value(c, address, "path") : NULL;
    return path ? path : SYSTEM_BUS;
}

static bool in_run(struct ctx *c, const char *path)
{
    return path_within(path, "/run") || (c->f->runtime_dir && path_within(path, c->f->runtime_dir));
}

/* Whether a grant shows a bus (NULL: it has no path). What is granted around /run shows nothing of
 * that, and of the usual file nothing more of the host is looked at. */
static bool shows_bus(struct ctx *c, const struct path_fact *p, const char *bus)
{
    bool inside = in_run(c, p->path) || in_run(c, p->real);
    if (!bus ||
        (!inside && (in_run(c, bus) || !(path_within(bus, p->path) || path_within(bus, p->real)))))
        return false;
    return path_within(facts_path(c->f, bus)->real, p->real);
}

void tell_granted_bus(struct ctx *c, struct place at, const struct path_fact *p)
{
    if (shows_bus(c, p, session_bus_path(c)))
        tell_bus(c, at, BUS_SESSION);
    if (shows_bus(c, p, system_bus_path(c)))
        tell_bus(c, at, BUS_SYSTEM);
}

/* Whether an app that has no bus gets one for the input method's sake: never in place of one of its
 * own, on which services may have to start for it. */
static bool wants_input_bus(struct ctx *c)
{
    const struct carrel_value *way = policy_carrel(c->p, "Carrel Bus", "session");
    bool never = way && str_eq(way->value, "none");
    return !never && !c->private_bus && input_rules(c) && instance_folder(c);
}

/* The names that a policy gives are on the person's bus only, so that one goes before a private
 * one. */
static bool put_filtered_session_bus(struct ctx *c, const char *inside)
{
    const char *why = "base: the session bus, filtered";
    bool wanted = wants_filtered_bus(c, BUS_SESSION);
    if (!(wanted || wants_input_bus(c)) ||
        !put_filtered_bus(c, BUS_SESSION, session_bus_path(c), inside))
        return false;
    c->private_bus = NULL;
    c->input_by_bus = true;
    if (wanted)
        put_portals(c, session_bus_path(c));
    put_env(c, "DBUS_SESSION_BUS_ADDRESS", concat(c, "unix:path=", inside, NULL), why);
    put_no_accessibility(c, why);
    put_env(c, "GIO_USE_VFS", "local", why);
    put_env(c, "GIO_USE_VOLUME_MONITOR", "unix", why);
    return true;
}

static void put_session_bus(struct ctx *c)
{
    const char *address = facts_env(c->f, "DBUS_SESSION_BUS_ADDRESS");
    const char *inside = join_path(c, c->runtime, "bus"), *path = in_runtime(c, "bus");
    if (!c->session_bus) {
        if (put_filtered_session_bus(c, inside))
            return;
        if (c->private_bus)
            put_private_bus(c);
        else
            put_no_bus(c);
        return;
    }
    const char *why = why_perm(c, PERM_SOCKETS, c->session_bus);
    if (address && *address) {
        path = dbus_value(c, address, "path");
        if (!path && dbus_value(c, address, "abstract")) {
            put_abstract_bus(c, address, why);
            return;
        }
    }
    c->input_by_bus = put_socket(c, path, inside, "sockets=session-bus", why);
    if (!c->input_by_bus) {
        put_no_bus(c);
        return;
    }
    tell_bus(c, c->session_bus->at, BUS_SESSION);
    put_env(c, "DBUS_SESSION_BUS_ADDRESS", concat(c, "unix:path=", inside, NULL), why);
}

static void put_system_bus(struct ctx *c, const struct perm *perm)
{
    if (put_socket(c, system_bus_path(c), SYSTEM_BUS, "sockets=system-bus",
                   why_perm(c, PERM_SOCKETS, perm)))
        tell_bus(c, perm->at, BUS_SYSTEM);
}

/* ---- agents, cards, printers ---- */

static void put_ssh_auth(struct ctx *c, const struct perm *perm)
{
    const char *why = why_perm(c, PERM_SOCKETS, perm);
    const char *dst = "/run/carrel/ssh-auth";
    if (put_socket(c, facts_env(c->f, "SSH_AUTH_SOCK"), dst, "sockets=ssh-auth", why))
        put_env(c, "SSH_AUTH_SOCK", dst, why);
}

/* Where gpgconf puts the agent's socket, for the home that gpg inside will have (its default). */
static void put_gpg_agent(struct ctx *c, const struct perm *perm)
{
    const char *in_home = join_path(c, c->f->home, ".gnupg/S.gpg-agent");
    const char *path = in_runtime(c, "gnupg/S.gpg-agent");
    if (!path || facts_path(c->f, path)->type != FILE_SOCKET)
        path = in_home;
    put_socket(c, path, join_path(c, c->runtime, "gnupg/S.gpg-agent"), "sockets=gpg-agent",
               why_perm(c, PERM_SOCKETS, perm));
}

static void put_pcsc(struct ctx *c, const struct perm *perm)
{
    const char *why = why_perm(c, PERM_SOCKETS, perm), *dst = "/run/pcscd/pcscd.comm";
    const char *told = facts_env(c->f, "PCSCLITE_CSOCK_NAME");
    if (put_socket(c, told && *told ? told : dst, dst, "sockets=pcsc", why))
        put_env(c, "PCSCLITE_CSOCK_NAME", dst, why);
}

static void put_cups(struct ctx *c, const struct perm *perm)
{
    const char *why = why_perm(c, PERM_SOCKETS, perm), *dst = "/run/cups/cups.sock";
    const char *told = facts_env(c->f, "CUPS_SERVER");
    if (told && *told && *told != '/') {
        if (c->network)
            put_env(c, "CUPS_SERVER", told, why);
        else
            put_missing(c, "sockets=cups", why, "CUPS_SERVER names a server on the network");
        return;
    }
    if (put_socket(c, told && *told ? told : dst, dst, "sockets=cups", why))
        put_env(c, "CUPS_SERVER", dst, why);
}

void rule_sockets(struct ctx *c)
{
    static const struct {
        const char *name;
        void (*put)(struct ctx *, const struct perm *);
    } rules[] = {
        {"system-bus", put_system_bus},
        {"ssh-auth", put_ssh_auth},
        {"gpg-agent", put_gpg_agent},
        {"pcsc", put_pcsc},
        {"cups", put_cups},
    };
    put_accessibility(c);
    put_session_bus(c);
    if (!perm_granted(c, PERM_SOCKETS, "system-bus") && wants_filtered_bus(c, BUS_SYSTEM))
        put_filtered_bus(c, BUS_SYSTEM, system_bus_path(c), SYSTEM_BUS);
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        const struct perm *perm = perm_granted(c, PERM_SOCKETS, rules[i].name);
        if (perm)
            rules[i].put(c, perm);
    }
}
