/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_RESOLVE_CTX_H
#define CARREL_RESOLVE_CTX_H

#include "resolve/resolve.h"
#include "resolve/tree.h"

/*
 * One call of resolve. Rules (one function per concern, in the file of that concern) read the
 * request, the policy and the facts, and put nodes, variables and steps.
 */
struct variable {
    const char *name, *value; /* value NULL: taken away again */
    const char *why;
};

/* Of a bus inside: ours that starts it, the daemon, what that reads; see put_private_bus. */
#define PRIVATE_BUS_STARTER "/run/carrel/ownbus"
#define PRIVATE_BUS_DAEMON  "/usr/bin/dbus-daemon"
#define PRIVATE_BUS_CONFIG  "/run/carrel/session-bus.conf"
#define PRIVATE_BUS_SOCKET  "bus" /* in the runtime folder */

/* A wish that stays open, see put_missing. */
struct missing {
    const char *what, *why;
};

struct ctx {
    const struct request *q;
    const struct policy *p;
    struct facts *f;
    struct plan *out;
    struct diags *d;
    struct arena *a;
    struct tree tree;

    struct variable *env;
    size_t n_env, cap_env;
    struct missing *missing;
    size_t n_missing, cap_missing;

    /* decided first, read by the rules */
    const struct perm *network, *ipc; /* the granting word, or NULL */
    const struct perm *wayland, *x11, *session_bus;
    const char *wayland_socket; /* on the host; NULL: there is none */
    bool x11_by_fallback;
    bool common_ipc;                   /* with its own X server */
    bool input_by_bus;                 /* the input method can be called on the session bus */
    const char *x_server;              /* the kind that it offers to other runs, or NULL */
    const struct carrel_value *nested; /* NULL: none */
    bool nested_userns, nested_mount;
    const struct carrel_value *private_bus; /* NULL: none */
    const struct carrel_value *stays;       /* ends-with=last; or tell, where the starter that does
                                             * it is there for the bus anyway; else NULL */
    bool accessibility;                     /* it has that bus */

    const char *runtime;  /* inside: /run/user/UID */
    const char *app_home; /* as the app knows it: HOME */
    const char *app_home_real;
    const char *cwd; /* the caller's when it is in sight, else NULL */
    /* optional=landlock-scope: sockets with an abstract name may be used, and with them all */
    const struct carrel_value *abstract_allowed;
    bool abstract_needed; /* a granted socket has no other name */
    struct {
        const char *name, *value, *why;
    } rlimits[PLAN_MAX_LIMITS]; /* what rule_limits leaves to emit_process */
    size_t n_rlimits;
    bool refused;
};

/* ---- words of the policy ---- */

/* The permission when it is granted here and now, its conditions included; else NULL. */
const struct perm *perm_granted(const struct ctx *c, enum perm_kind kind, const char *name);
/* "policy:12: sockets=x11": the reason of a step that a permission causes. */
const char *why_perm(const struct ctx *c, enum perm_kind kind, const struct perm *perm);
/* "policy:12: KEY=TEXT" for anything else. */
const char *why_at(const struct ctx *c, struct place at, const char *key, const char *text);
/* Whether a [Carrel Sandbox] list holds the item; *value gets the value when it does. */
bool carrel_list_has(const struct ctx *c, const char *key, const char *item,
                     const struct carrel_value **value);

/* ---- what a rule may do ---- */

void put_bind(struct ctx *c, const struct path_fact *src, const char *dst, const char *why);
void put_link(struct ctx *c, const char *target, const char *dst, const char *why);
void put_dir(struct ctx *c, const char *dst, const char *mode, const char *why);
void put_file(struct ctx *c, const char *dst, const char *mode, const char *content, size_t size,
              const char *why);
void put_text(struct ctx *c, const char *dst, const char *content, const char *why);
void put_tmpfs(struct ctx *c, const char *dst, const char *mode, const char *why);
/* Recreates the links that lead to a fact's path. */
void put_hops(struct ctx *c, const struct path_fact *p, uint64_t rank, const char *why);
/* An environment variable; the last one counts. value NULL takes it away. */
void put_env(struct ctx *c, const char *name, const char *value, const char *why);
/* A folder on the host that the core makes. */
void make_host_dir(struct ctx *c, const char *path, const char *mode, const char *why);
/* A wish that this host cannot fulfil and that may stay open; shown in the plan. */
void put_missing(struct ctx *c, const char *what, const char *why, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* An error: there will be no plan. */
void refuse(struct ctx *c, struct place at, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void warn(struct ctx *c, struct place at, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Appends all arguments (ended by NULL). In the arena. */
const char *concat(struct ctx *c, const char *first, ...) __attribute__((sentinel));
const char *join_path(struct ctx *c, const char *dir, const char *name);
bool present(const struct path_fact *p);

/*
 * service.c: a helper that answers on a socket at `inside`; its program is carrel-NAME, without
 * what follows a '-' in the name. It gets a plan with namespaces, a tiny root and the program; the
 * caller adds binds and variables to s->plan and sets s->data. NULL when it cannot be had: that is
 * then said in the plan, and nothing is at `inside`. The pointer holds until the next call.
 */
struct plan_service *begin_service(struct ctx *c, const char *name, const char *inside,
                                   const char *why);
/* The same, without a place where the app sees its socket: for what stands behind another helper,
 * whose plan binds s->socket. */
struct plan_service *begin_hidden_service(struct ctx *c, const char *name, const char *why);
/* The same, for what is started when something changes in a folder of the host. */
struct plan_service *begin_watch(struct ctx *c, const char *name, const char *folder,
                                 const char *why);
/*
 * display.c: a relay to the host's X server by which one can only come untrusted, whatever the
 * server thinks of this user; see src/x11/untrust.h. inside NULL: the app does not see it. NULL
 * when it cannot be had; *obstacle then says why.
 */
struct plan_service *begin_untrusted_x11(struct ctx *c, const char *inside, const char *why,
                                         const char **obstacle);
/* display.c: which X display DISPLAY names; and its socket on this machine, or NULL. */
bool x_display_of(const struct ctx *c, struct x_display *x);
const struct path_fact *x_socket(struct ctx *c, const struct x_display *x);
/* xserver.c: whether the policy wants an X server of the app's own; whether its window would be one
 * of the person's compositor; what stands against it, with a hint. */
bool wants_own_x11(struct ctx *c);
bool wants_xwayland(struct ctx *c);
const char *nested_obstacle(struct ctx *c, const char **hint);
/* The end of each hint where the safe form cannot be had. */
#define SHARED_INSTEAD                                                                             \
    "; or give --x11=shared, by which the app has the whole display: its screen, keys and windows"
/* The person's X display, on which it would be a window; socket NULL: there is none. */
struct x_host {
    const struct path_fact *socket;
    unsigned number;
};
void put_own_x11(struct ctx *c, const struct carrel_value *v, const struct x_host *host,
                 const char *why);
/* wayland.c: a filter before the person's compositor, for another helper and titled as that. NULL
 * when it cannot be had. */
struct plan_service *begin_wayland_for(struct ctx *c, const char *name, const char *why);
/* clipboard.c: which ways the person may carry what was copied; the same as a word for the kind of
 * server, as other runs may only join one with the same ("" for both ways), and for the registry.
 */
struct clip_ways {
    bool in, out;
};
struct clip_ways clip_ways(const struct ctx *c);
const char *clip_offer(struct ctx *c);
void clip_info(struct ctx *c, struct buf *out);
/* The keys for it, in the window of the app's own X server, whose plan and socket these are. */
struct own_display {
    struct plan *plan;
    const char *socket;
    const struct xauth_fact *cookie;
};
void put_clip_keys(struct ctx *c, const struct path_fact *host, const struct own_display *own,
                   const char *why);
/* service.c: where the registry keeps this instance, or NULL: there is none */
const char *instance_folder(struct ctx *c);
/* service.c: why a helper cannot be had, to stand behind "it cannot be had: ", and what to do */
const char *no_helper(struct ctx *c, const char **hint);
/* service.c: the text of /.flatpak-info for this run, or NULL */
const char *instance_info(struct ctx *c);
/* service.c: what every helper's plan begins with and ends with; the seccomp filter is at filter_fd
 */
void begin_helper(struct ctx *c, struct plan *p, const struct path_fact *program,
                  const char *inside, bool common_ipc);
void end_helper(struct ctx *c, struct plan *p, int filter_fd);
/* landlock.c: empty folders where the app may be let write while it runs */
void put_landings(struct ctx *c);
/* landlock.c: the second wall of a service: nothing is writable but what its plan makes so */
void landlock_service(struct ctx *c, struct plan *p);

/* ---- the rules, in the order in which they are called ---- */

void rule_decide(struct ctx *c);  /* process.c: what the other rules ask for */
void find_wayland(struct ctx *c); /* display.c: part of rule_decide */
void rule_setup(struct ctx *c);   /* process.c: ids, namespaces */
void rule_limits(struct ctx *c);  /* limits.c: what all of the app may have */
void rule_home(struct ctx *c);    /* home.c */
void rule_looks(struct ctx *c);   /* looks.c: the person's settings */
void rule_root(struct ctx *c);    /* base.c */
void rule_etc(struct ctx *c);     /* etc.c */
void rule_devices(struct ctx *c); /* devices.c */
void rule_display(struct ctx *c); /* display.c: Wayland, X11 */
void rule_wayland(struct ctx *c); /* wayland.c: part of rule_display */
/* bus.c: whether the policy wants a bus by way of a filter; and the filter, for the bus at path on
 * the host (NULL: there is none), which answers at inside. False: there is none, and it is said. */
bool wants_filtered_bus(struct ctx *c, enum bus_kind kind);
bool put_filtered_bus(struct ctx *c, enum bus_kind kind, const char *path, const char *inside);
/* accessibility.c: that bus where it runs, before the others, and what tells programs of it; else
 * what tells them that there is none. */
void put_accessibility(struct ctx *c);
void put_no_accessibility(struct ctx *c, const char *why);
void accessibility_rules(struct ctx *c, struct buf *out);
extern const char accessibility_why[], accessibility_status_rules[];
/* sockets.c: warns where what a policy puts into the app's sight is, or holds, a bare bus. */
void tell_granted_bus(struct ctx *c, struct place at, const struct path_fact *p);
/* sockets.c: the value of a key in the first unix: address of a D-Bus address list, %XX undone, or
 * NULL */
const char *dbus_value(struct ctx *c, const char *address, const char *key);
/* input.c: the rules of the bus filter by which the app reaches the session's input method; NULL:
 * there is none, or it may not. And the variables by which toolkits find it. */
#define WHY_INPUT "base: the person's input method, by its name for confined apps"
const char *input_rules(const struct ctx *c);
bool input_is_forbidden(const struct ctx *c);
void put_input_method(struct ctx *c);
void rule_sound(struct ctx *c); /* sound.c */
/* portals.c: what an app with portals sees of them besides the bus, whose socket is at bus */
void put_portals(struct ctx *c, const char *bus);
void rule_sockets(struct ctx *c);     /* sockets.c: buses, agents, printers */
void rule_environment(struct ctx *c); /* env.c: what is passed through */
void rule_filesystems(struct ctx *c); /* files.c: grants, hiding, protection */
void rule_policy_env(struct ctx *c);  /* env.c: [Environment], pass= */
void rule_program(struct ctx *c);     /* program.c: the program must be in sight */
/* carrel-ownbus, which stands in front of the program where that has a bus of its own or ends with
 * its last process. */
const struct path_fact *starter_of(struct ctx *c);

/* ---- steps that follow from what the rules have put, once the tree is settled ---- */

void emit_process(struct ctx *c);     /* process.c: limits, session, system-call filter */
void rule_landlock(struct ctx *c);    /* landlock.c */
void emit_environment(struct ctx *c); /* env.c */
void emit_program(struct ctx *c);     /* program.c: the folder, the program, its arguments */
void emit_missing(struct ctx *c);     /* ctx.c */
void finish_services(struct ctx *c);  /* service.c */

#endif
