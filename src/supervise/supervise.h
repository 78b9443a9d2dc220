/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_SUPERVISE_SUPERVISE_H
#define CARREL_SUPERVISE_SUPERVISE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/*
 * What stands beside one running app for as long as it runs: holds its place in the registry,
 * starts its services, knows its namespaces, and puts files into its sight when the person says so.
 * One process, one thread, C library only, no heap.
 */

/* The numbers under which a service's core finds its descriptors, as plan/plan.h has them. */
enum { CHILD_LISTEN = 3, CHILD_FILTER, CHILD_DATA, CHILD_CONTROL, CHILD_PLAN, CHILD_FIRST_FREE };

enum { MAX_SERVICES = 16, MAX_GRANTS = 64, MAX_NAMES = 64, MAX_GUESTS = 64 };

struct service {
    const char *name;
    bool at_once; /* not only when its socket is first used */
    /* -1 when it has none; all are closed once it has started, but for control */
    int listener, plan, filter, data; /* a bus filter's data stays: its rules may be added to */
    int rules;                        /* data with what was added before it started, or -1 */
    int control;                      /* our end of what the service has as CHILD_CONTROL, or -1 */
    pid_t pid;                        /* of its core; 0: not started, -1: over */
};

/* The app's namespaces, in the order in which the core sends them. */
enum { NS_USER, NS_MNT, NS_PID, NS_IPC, NS_UTS, NS_NET, NS_CGROUP, NS_COUNT };

/* A file or folder that was put into the app's sight while it runs. */
struct grant {
    char path[PATH_MAX]; /* as outside, so inside; "" where the row is free */
    bool rw;
    int made;       /* so many of its last components were made for it, inside */
    uint64_t mount; /* the mount's id */
    dev_t dev;      /* which file it is: what the path leads to outside may change */
    ino_t ino;
    time_t ends;    /* CLOCK_BOOTTIME seconds; 0: with the app */
};

/* A name on a bus that was added to the rules of the filter there. */
struct named {
    struct service *filter;
    const char *bus; /* "session", "system", "accessibility" */
    char level[8];   /* "see", "talk", "own" */
    char name[258];
    time_t ends; /* as of a grant */
};

struct supervisor {
    const char *core; /* path of carrel-core */
    const char *id;   /* the instance's name: its folder's name */
    int folder;       /* in the registry */
    int parent;       /* pidfd of what the person has started: its end is the app's */
    int report;       /* where the core says which process the app is; -1: it does not */
    int control;      /* the listening socket for the person's words */
    int plan;         /* the app's own, sealed */
    int signals;      /* a signalfd for SIGCHLD */
    bool keyless;     /* our session keyring is an empty one of our own */
    struct service services[MAX_SERVICES];
    int n_services;

    /* from the core's report; 0 and -1 before */
    pid_t app, init;
    int app_fd; /* pidfd */
    int ns[NS_COUNT];

    struct grant grants[MAX_GRANTS]; /* 4 KiB each: rows from n_grants on were never touched */
    int n_grants;

    struct named names[MAX_NAMES];
    int n_names;
    /* Connections of other runs of the app, which use our X server: it stays as long as one is
     * open, whatever has become of our own app. */
    int guests[MAX_GUESTS], n_guests;
    bool over; /* our own app is gone, and only guests are left */

    int group; /* the folder of the app's control group, to be removed when it is over; or -1 */
};

/* ---- service.c ---- */

/* Starts the service for whoever knocks at its socket. Nothing is tried twice: when it cannot start
 * or ends, the socket is gone, and whoever connects is refused. */
void service_start(struct supervisor *s, struct service *v);
/* Takes notice of services that have ended. */
void services_reap(struct supervisor *s);
/* There is an X server that others use or may use, as far as its end has been heard of. */
bool services_shared(const struct supervisor *s);
/* Others may begin to use it. Its core, whose end is heard of, ends a little after the server itself,
 * which is asked here: nobody joins one that has just crashed. */
bool services_shareable(const struct supervisor *s);
/* Ends all of them, or all that guests do not need, and comes back when none of these is left. */
void services_end(struct supervisor *s, bool for_guests);

/* ---- report.c ---- */

/* What was the app's own and outlives it is let go. */
void report_forget(struct supervisor *s);
/* Takes in what the core says. Before the app runs it has said all, so that what portals read is
 * there when the app's first connection comes. */
void report_read(struct supervisor *s);

/* ---- grant.c ---- */

/* What came of a grant or its end: the step that failed and its errno, or NULL. */
struct outcome {
    const char *failed;
    int error;
};

/* Shows the app what fd (O_PATH) is, at path; path is absolute, clean and without links. seconds 0:
 * until the app ends. */
struct outcome grant_add(struct supervisor *s, const char *path, int fd, bool rw, time_t seconds);
/* Takes it away. */
struct outcome grant_end(struct supervisor *s, struct grant *g);
/* Ends those whose time is over. Returns milliseconds until the next, or -1. */
int grants_expire(struct supervisor *s);

/* ---- names.c ---- */

/* The same for a name on a bus. */
struct outcome name_add(struct supervisor *s, const char *bus, const char *level, const char *name,
                        time_t seconds);
struct outcome name_end(struct supervisor *s, const char *bus, const char *level, const char *name);
/* Ends those whose time is over. Returns when the next will be, CLOCK_BOOTTIME seconds, or 0. */
time_t names_expire(struct supervisor *s);

/* ---- request.c ---- */

/* Answers one word of the person's. A guest's connection stays open. */
void request_answer(struct supervisor *s);

/* ---- loop.c ---- */

/* Watches until the app is gone, and its guests. */
void supervise(struct supervisor *s);

/* Ends what is left in the app's control group, and removes that. */
void group_end(struct supervisor *s);

/* One line on standard error. */
void complain(const char *what, const char *about, int error);

#endif
