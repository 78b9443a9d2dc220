/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_SUPERVISE_SUPERVISE_H
#define CARREL_SUPERVISE_SUPERVISE_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * What stands beside one running app for as long as it runs: holds its place in the registry,
 * starts its services, and knows its namespaces. One process, one thread, C library only, no heap.
 */

/* The numbers under which a service's core finds its descriptors, as plan/plan.h has them. */
enum { CHILD_LISTEN = 3, CHILD_FILTER, CHILD_DATA, CHILD_CONTROL, CHILD_PLAN, CHILD_FIRST_FREE };

enum { MAX_SERVICES = 16 };

struct service {
    const char *name;
    /* -1 when it has none; all are closed once it has started, but for control */
    int listener, plan, filter, data;
    int control; /* our end of what the service has as CHILD_CONTROL, or -1 */
    pid_t pid;   /* of its core; 0: not started, -1: over */
};

struct supervisor {
    const char *core; /* path of carrel-core */
    const char *id;   /* the instance's name: its folder's name */
    int folder;       /* in the registry */
    int parent;       /* pidfd of what the person has started: its end is the app's */
    int report;       /* where the core says which process the app is */
    int plan;         /* the app's own, sealed */
    int signals;      /* a signalfd for SIGCHLD */
    struct service services[MAX_SERVICES];
    int n_services;
};

/* ---- service.c ---- */

/* Starts the service for whoever knocks at its socket. Nothing is tried twice: when it cannot start
 * or ends, the socket is gone, and whoever connects is refused. */
void service_start(struct supervisor *s, struct service *v);
/* Takes notice of services that have ended. */
void services_reap(struct supervisor *s);
/* Ends all of them, and comes back when none is left. */
void services_end(struct supervisor *s);

/* ---- loop.c ---- */

/* Watches until the app is gone. */
void supervise(struct supervisor *s);

/* One line on standard error. */
void complain(const char *what, const char *about, int error);

#endif
