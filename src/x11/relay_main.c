/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel-x11
 *
 * Stands between one app and the person's X server, in a confinement of its own, and sees to it
 * that the app comes with the untrusted cookie and in no other way (untrust.h); all else passes.
 * Descriptors: 3 the listening socket that the app sees, 5 the settings, 6 the supervisor's word:
 * its end is ours.
 */
#include "filter/confine.h"
#include "filter/relay.h"
#include "x11/untrust.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTENING = 3, SETTINGS = 5, CONTROL = 6 };
enum { FAILED = 125 };
enum { MOST_COMPLAINTS = 20 }; /* an app that is cut off can come again and again */

struct program {
    struct untrust untrust;
    int complaints;
};

struct client {
    struct program *program;
    struct relay_conn *conn;
    bool begun;
};

static _Noreturn void fail(const char *what, int error)
{
    dprintf(2, "carrel-x11: %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
    exit(FAILED);
}

static void *opened(void *program, struct relay_conn *conn)
{
    struct client *c = malloc(sizeof *c);
    if (c)
        *c = (struct client){program, conn, false};
    return c;
}

static struct relay_verdict begin(struct client *c, const uint8_t *bytes, size_t n)
{
    uint8_t setup[UNTRUST_SETUP];
    int size = untrust_size(bytes, n);
    if (size < 0)
        return (struct relay_verdict){.what = RELAY_CUT, .why = "it speaks no X"};
    if (size == 0 || (size_t)size > n)
        return (struct relay_verdict){.what = RELAY_MORE,
                                      .size = size ? (size_t)size : UNTRUST_HEAD};
    size_t k = untrust_setup(&c->program->untrust, bytes, setup);
    if (relay_put(c->conn, RELAY_SERVER, setup, k) < 0)
        return (struct relay_verdict){.what = RELAY_CUT, .why = "no memory is left"};
    c->begun = true;
    return (struct relay_verdict){.what = RELAY_DROP, .size = (size_t)size};
}

static struct relay_verdict judge(void *state, enum relay_side from, uint8_t *bytes, size_t n,
                                  unsigned fds)
{
    struct client *c = state;
    (void)fds; /* no extension that an untrusted client has sends any: see strict_fds */
    if (from == RELAY_CLIENT && !c->begun)
        return begin(c, bytes, n);
    return (struct relay_verdict){.what = RELAY_PASS, .size = n};
}

static bool control(void *program, struct relay *r, int fd)
{
    char bytes[64];
    (void)program, (void)r;
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void fault(void *program, void *state, const char *why)
{
    struct program *p = program;
    char line[256]; /* dprintf makes calls that are forbidden by now */
    (void)state;
    int n = snprintf(line, sizeof line, "carrel-x11: connection ended: %s\n", why);
    if (p->complaints++ < MOST_COMPLAINTS && n > 0 && n < (int)sizeof line &&
        write(2, line, (size_t)n) < 0)
        p->complaints = MOST_COMPLAINTS; /* nobody listens */
}

static void read_settings(struct untrust *u)
{
    static char text[UNTRUST_MAX + 1];
    ssize_t n = pread(SETTINGS, text, UNTRUST_MAX, 0);
    const char *error = n < 0 ? "cannot be read" : untrust_read(u, text, (size_t)n);
    if (error)
        fail(error, 0);
    close(SETTINGS);
}

static const struct relay_protocol protocol = {
    .most = UNTRUST_MOST,
    .strict_fds = true,
    .opened = opened,
    .judge = judge,
    .closed = free,
    .control = control,
    .fault = fault,
};

int main(void)
{
    static struct program program;
    struct relay_setup setup = {.listening = LISTENING,
                                .control = CONTROL,
                                .protocol = &protocol,
                                .program = &program,
                                .limits = relay_usual_limits};
    const char *why;
    int landlock;
    read_settings(&program.untrust);
    if (relay_server(&setup, program.untrust.socket) < 0)
        fail("the X server's socket has too long a name", 0);
    int r = confine(&setup, &landlock, &why);
    if (r < 0)
        fail(why, -r);
    r = relay_run(&setup);
    if (r < 0)
        fail("cannot begin", -r);
    return 0;
}
