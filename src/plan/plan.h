/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_PLAN_PLAN_H
#define CARREL_PLAN_PLAN_H

#include "plan/verbs.h"
#include "util/buf.h"
#include "util/word.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A plan: what will be done to start one app, in order, as pure data. plan_write gives the text
 * form that `carrel plan` prints, golden tests compare and the core carries out.
 */
struct plan_step {
    enum plan_verb verb;
    int argc;
    struct word argv[PLAN_MAX_WORDS]; /* owned by the arena, NUL-terminated */
    const char *why;                  /* "policy.policy:12: filesystems=…", or NULL */
};

/*
 * What all processes of the app together may have, by a control group that the app is put into
 * before anything of its plan is done. The names are the keys of [Carrel Limits].
 */
enum { PLAN_MAX_LIMITS = 8 };
struct plan_limit {
    const char *name;  /* "memory", "processes", "cpu", "cpu-weight", "io-weight" */
    const char *value; /* a whole number */
    bool optional;     /* the app may run without */
    const char *why;
};

struct plan {
    struct arena *arena;
    struct plan_step *v;
    size_t n, cap;

    struct plan_limit limits[PLAN_MAX_LIMITS];
    size_t n_limits;

    struct plan_service *services;
    size_t n_services, cap_services;
    const char
        *info; /* what the registry of running instances tells portals of this app, or NULL */
    bool whole_session_bus, whole_system_bus; /* the person's, in the app's reach, unfiltered */
    /*
     * Why the app and one of its services have an IPC namespace in common, or NULL. It is made
     * before the cores of both start, in a user namespace above theirs (run.h), so neither plan
     * names ipc in its unshare line.
     */
    const char *common_ipc;
};

/*
 * A helper that stands outside, in a confinement of its own, and answers on a socket that the app
 * sees: a filter. It is started by the supervisor at the first connection, or at once. Its plan
 * names these descriptors, whatever numbers the caller has in use.
 */
struct plan_service {
    const char *name;   /* of the kind: [a-z0-9-], also the socket's name on the host */
    const char *socket; /* its path on the host, which a step of the app's plan binds; or NULL */
    /* Where there is no socket: a folder on the host. The service is started when something changes
     * in it, and SERVICE_LISTEN_FD is an inotify(7) descriptor, not blocking. It is made when it is
     * not there; where it cannot be watched the app runs without the service. */
    const char *watch;
    bool at_once;      /* started beside the app, which waits for less when it connects */
    struct plan *plan; /* carries it out: exec, and all that confines it */
    const char *data;  /* what it reads from SERVICE_DATA_FD, or NULL: no such descriptor */
    size_t size;       /* bytes of data */
    const char *why;
};

/* The registry of running instances, in the person's runtime folder: Flatpak's own, as portals look
 * there. */
#define INSTANCE_REGISTRY ".flatpak"
/* Before a line's rest in an instance's info: what kind of X server other runs of the app may join
 * there. */
#define INSTANCE_X_SERVER "x-server="
/* What stands there for who shows an app's server, which has none itself. */
#define INSTANCE_VIEWER "viewer"
/* The same for which ways the clipboard may be carried by hand, where the policy says it, and what
 * of the policy that was. */
#define INSTANCE_CLIPBOARD    "clipboard="
#define INSTANCE_CLIPBOARD_BY "clipboard-by="
/* Whether the info of an instance (NULL: none) has a line with this key and these words, behind
 * which more may stand. */
bool info_says(const char *info, const char *key, const char *words);

enum {
    SERVICE_LISTEN_FD = 3,  /* the listening socket, blocking; or what watches */
    SERVICE_FILTER_FD = 4,  /* the bytes of its seccomp step; closed before it executes */
    SERVICE_DATA_FD = 5,    /* a sealed memory file */
    SERVICE_CONTROL_FD = 6, /* a SOCK_SEQPACKET socket to the supervisor; its end is the app's */
    SERVICE_FIRST_FREE_FD = 7,
};

/* Appends a step; the words are NUL-terminated strings, ended by NULL, and are copied. The number
 * of words must fit the verb (asserted). why may be NULL. */
void plan_add(struct plan *p, enum plan_verb verb, const char *why, ...) __attribute__((sentinel));
/* The same for words that may hold NUL bytes. */
void plan_add_words(struct plan *p, enum plan_verb verb, const char *why, int argc,
                    const struct word *argv);
/* Sorts the steps by phase, keeping the order inside each (steps of PHASE_ANY go last). */
void plan_sort(struct plan *p);
/* Appends the text form. */
void plan_write(const struct plan *p, struct buf *out);
/* Appends the text form of this plan and of its services' plans, each below a line that names it.
 */
void plan_write_all(const struct plan *p, struct buf *out);
/* Adds a service with an empty plan; the strings are not copied. The pointer holds until the next
 * call. */
struct plan_service *plan_add_service(struct plan *p, const char *name, const char *socket,
                                      const char *why);
/* The one of this name, or NULL. */
struct plan_service *plan_service_named(const struct plan *p, const char *name);
/* Appends {"steps":[{"verb","args":[…],"why"}…],"services":[{"name","socket","why",
 * "data","steps"}…]} as JSON. */
void plan_write_json(const struct plan *p, struct buf *out);
/* Reads a text form (copied first). Returns 0; or -1 with *line and *error set. */
int plan_read(struct plan *p, const char *text, size_t size, int *line, const char **error);

/* First word of a step as a string. */
static inline const char *step_arg(const struct plan_step *s, int i)
{
    return s->argv[i].s;
}

#endif
