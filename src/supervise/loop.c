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

/* What is polled; the services come behind these. */
enum { PARENT, SIGNALS, REPORT, CONTROL, FIRST_SERVICE };

static int list(const struct supervisor *s, struct pollfd *p)
{
    p[PARENT] = (struct pollfd){.fd = s->parent, .events = POLLIN};
    p[SIGNALS] = (struct pollfd){.fd = s->signals, .events = POLLIN};
    p[REPORT] = (struct pollfd){.fd = s->report, .events = POLLIN};
    p[CONTROL] = (struct pollfd){.fd = s->control, .events = POLLIN};
    for (int i = 0; i < s->n_services; i++)
        p[FIRST_SERVICE + i] = (struct pollfd){.fd = s->services[i].listener, .events = POLLIN};
    return FIRST_SERVICE + s->n_services;
}

void supervise(struct supervisor *s)
{
    struct pollfd p[FIRST_SERVICE + MAX_SERVICES];
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
        if (p[PARENT].revents)
            return;
        if (p[REPORT].revents)
            report_read(s);
        if (p[CONTROL].revents)
            request_answer(s);
        for (int i = 0; i < s->n_services; i++)
            if (p[FIRST_SERVICE + i].revents)
                service_start(s, &s->services[i]);
    }
}
