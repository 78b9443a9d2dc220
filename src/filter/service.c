/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "filter/service.h"

#include "filter/confine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void service_fail(const struct service *s, const char *what, int error)
{
    dprintf(2, "%s: %s%s%s\n", s->name, what, error ? ": " : "", error ? strerror(error) : "");
    exit(SERVICE_FAILED);
}

size_t service_settings(const struct service *s, char *text, size_t room)
{
    size_t n = 0;
    ssize_t got = 1;
    while (n < room && (got = pread(SERVICE_SETTINGS, text + n, room - n, (off_t)n)) != 0) {
        if (got < 0 && errno != EINTR)
            service_fail(s, "its settings cannot be read", errno);
        n += got > 0 ? (size_t)got : 0;
    }
    if (n == room)
        service_fail(s, "its settings are too long", 0);
    close(SERVICE_SETTINGS);
    return n;
}

bool service_control(void *program, struct relay *r, int fd)
{
    char bytes[64];
    (void)program, (void)r;
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

void service_fault(void *program, void *state, const char *why)
{
    struct service *s = program;
    char line[256]; /* dprintf makes calls that are forbidden by now */
    (void)state;
    int n = snprintf(line, sizeof line, "%s: connection ended: %s\n", s->name, why);
    if (s->complaints < SERVICE_COMPLAINTS && n > 0 && n < (int)sizeof line) {
        s->complaints++;
        if (write(2, line, (size_t)n) < 0)
            s->complaints = SERVICE_COMPLAINTS; /* nobody listens */
    }
}

struct relay_setup service_setup(const struct relay_protocol *protocol, struct service *program)
{
    return (struct relay_setup){.listening = SERVICE_LISTENING,
                                .control = SERVICE_CONTROL,
                                .protocol = protocol,
                                .program = program,
                                .limits = relay_usual_limits};
}

int service_run(struct relay_setup *setup)
{
    const struct service *s = setup->program;
    const char *why;
    int landlock, r = confine(setup, &landlock, &why);
    if (r < 0)
        service_fail(s, why, -r);
    r = relay_run(setup);
    if (r < 0)
        service_fail(s, "cannot begin", -r);
    return 0;
}
