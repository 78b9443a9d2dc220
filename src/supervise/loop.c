/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "supervise/supervise.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

void complain(const char *what, const char *about, int error)
{
    dprintf(2, "carrel: %s %s: %s\n", what, about, strerror(error));
}

/* What is polled; the services come behind these, then the guests. */
enum { PARENT, SIGNALS, REPORT, CONTROL, FIRST_SERVICE };

static int list(const struct supervisor *s, struct pollfd *p)
{
    p[PARENT] = (struct pollfd){.fd = s->parent, .events = POLLIN};
    p[SIGNALS] = (struct pollfd){.fd = s->signals, .events = POLLIN};
    p[REPORT] = (struct pollfd){.fd = s->report, .events = POLLIN};
    p[CONTROL] = (struct pollfd){.fd = s->control, .events = POLLIN};
    for (int i = 0; i < s->n_services; i++)
        p[FIRST_SERVICE + i] = (struct pollfd){.fd = s->services[i].listener, .events = POLLIN};
    int n = FIRST_SERVICE + s->n_services;
    for (int i = 0; i < s->n_guests; i++)
        p[n + i] = (struct pollfd){.fd = s->guests[i], .events = POLLIN};
    return n + s->n_guests;
}

/* Guests say nothing: one that can be read from is gone, or does what it should not. */
static void let_guests_go(struct supervisor *s, const struct pollfd *p)
{
    for (int i = s->n_guests; i-- > 0;) {
        if (!p[i].revents)
            continue;
        close(s->guests[i]);
        s->guests[i] = s->guests[--s->n_guests];
    }
}

/* The app is gone. Returns false when there is nobody else whom its X server serves. */
static bool stay_for_guests(struct supervisor *s)
{
    if (!s->n_guests || !services_shared(s))
        return false;
    s->over = true;
    close(s->parent);
    s->parent = -1;
    services_end(s, true);
    report_forget(s);
    s->n_grants = 0; /* they ended with the app's namespace */
    group_end(s);
    return true;
}

void supervise(struct supervisor *s)
{
    struct pollfd p[FIRST_SERVICE + MAX_SERVICES + MAX_GUESTS];
    for (int i = 0; i < s->n_services; i++)
        if (s->services[i].at_once)
            service_start(s, &s->services[i]);
    for (;;) {
        int n = poll(p, (nfds_t)list(s, p), grants_expire(s));
        if (n < 0 && errno != EINTR) {
            complain("cannot watch", "the app", errno);
            return;
        }
        if (n <= 0)
            continue;
        if (p[SIGNALS].revents) {
            struct signalfd_siginfo info;
            while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info)
                ;
            services_reap(s);
        }
        let_guests_go(s, p + FIRST_SERVICE + s->n_services);
        if (p[PARENT].revents && !stay_for_guests(s))
            return;
        if (s->over && (!s->n_guests || !services_shared(s)))
            return;
        if (p[REPORT].revents && !s->over)
            report_read(s);
        if (p[CONTROL].revents)
            request_answer(s);
        for (int i = 0; i < s->n_services; i++)
            if (p[FIRST_SERVICE + i].revents && s->services[i].listener >= 0)
                service_start(s, &s->services[i]);
    }
}
