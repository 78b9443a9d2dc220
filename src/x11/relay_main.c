/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel-x11
 *
 * Stands between one app and the person's X server, in a confinement of its own, and sees to it
 * that the app comes with the untrusted cookie and in no other way (untrust.h), or with the
 * person's, which the app does not get to know; all else passes. Started by the supervisor when the
 * app first connects (filter/service.h), with settings.
 */
#include "filter/service.h"
#include "x11/untrust.h"

#include <stdlib.h>

struct program {
    struct service service;
    struct untrust untrust;
};

struct client {
    struct program *program;
    struct relay_conn *conn;
    bool begun;
};

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
    if (from == RELAY_CLIENT && !c->begun)
        return begin(c, bytes, n);
    /* No extension that an untrusted client has sends any: see strict_fds. */
    return (struct relay_verdict){
        .what = RELAY_PASS, .size = n, .fds = c->program->untrust.person ? fds : 0};
}

static void read_settings(struct program *p)
{
    static char text[UNTRUST_MAX + 1];
    size_t n = service_settings(&p->service, text, UNTRUST_MAX);
    const char *error = untrust_read(&p->untrust, text, n);
    if (error)
        service_fail(&p->service, error, 0);
}

static const struct relay_protocol protocol = {
    .most = UNTRUST_MOST,
    .strict_fds = true,
    .opened = opened,
    .judge = judge,
    .closed = free,
    .control = service_control,
    .fault = service_fault,
};

int main(void)
{
    static struct program program = {.service.name = "carrel-x11"};
    struct relay_setup setup = service_setup(&protocol, &program.service);
    read_settings(&program);
    if (relay_server(&setup, program.untrust.socket) < 0)
        service_fail(&program.service, "the X server's socket has too long a name", 0);
    return service_run(&setup);
}
