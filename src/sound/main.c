/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel-sound APP play|play+record SERVER
 *
 * The sound server of one app: speaks PulseAudio's protocol with it, and hands on the samples that
 * it plays (and gets those of a microphone, where it may record) to the person's own server at
 * the path SERVER. In a confinement of its own; started by the supervisor when the app first
 * connects (filter/service.h).
 */
#include "filter/service.h"
#include "sound/session.h"

#include <stdlib.h>
#include <string.h>

/* PulseAudio takes 64 clients of all kinds: one app shall not be able to fill them. */
enum { CONNECTIONS = 16 };

struct program {
    struct service service;
    struct snd_settings settings;
    uint8_t to_app[SND_REPLY_ROOM], to_host[SND_REPLY_ROOM];
};

struct client {
    struct program *program;
    struct relay_conn *conn;
    struct snd_session session;
};

/* ---- one connection ---- */

static void *opened(void *program, struct relay_conn *conn)
{
    struct client *c = malloc(sizeof *c);
    if (!c)
        return NULL;
    c->program = program;
    c->conn = conn;
    snd_session_init(&c->session, &c->program->settings);
    return c;
}

static void closed(void *state)
{
    free(state);
}

static struct relay_verdict judge(void *state, enum relay_side from, uint8_t *bytes, size_t n,
                                  unsigned fds)
{
    struct client *c = state;
    struct program *p = c->program;
    struct snd_sides to = {.app = {.v = p->to_app, .cap = sizeof p->to_app},
                           .host = {.v = p->to_host, .cap = sizeof p->to_host}};
    (void)fds;
    struct snd_verdict v = from == RELAY_CLIENT ? snd_from_app(&c->session, bytes, n, &to)
                                                : snd_from_host(&c->session, bytes, n, &to);
    static const enum relay_what what[] = {RELAY_MORE, RELAY_PASS, RELAY_DROP, RELAY_CUT};
    bool sent = v.action == SND_CUT ||
                ((to.app.n == 0 || relay_put(c->conn, RELAY_CLIENT, to.app.v, to.app.n) == 0) &&
                 (to.host.n == 0 || relay_put(c->conn, RELAY_SERVER, to.host.v, to.host.n) == 0));
    if (!sent)
        return (struct relay_verdict){.what = RELAY_CUT, .why = "no memory is left"};
    return (struct relay_verdict){.what = what[v.action], .size = v.size, .why = v.why};
}

/* ---- the program ---- */

static const struct relay_protocol protocol = {
    .most = SND_HEADER + SND_PACKET,
    .strict_fds = true,
    .opened = opened,
    .judge = judge,
    .closed = closed,
    .control = service_control,
    .fault = service_fault,
};

int main(int argc, char **argv)
{
    static struct program program = {.service.name = "carrel-sound"};
    struct relay_setup setup = service_setup(&protocol, &program.service);
    bool record = argc == 4 && strcmp(argv[2], "play+record") == 0;
    if (argc != 4 || (!record && strcmp(argv[2], "play") != 0))
        service_fail(&program.service, "usage: carrel-sound APP play|play+record SERVER", 0);
    program.settings = (struct snd_settings){.app = argv[1], .record = record};
    setup.credentials = true;
    setup.limits.connections = CONNECTIONS;
    if (relay_server(&setup, argv[3]) < 0)
        service_fail(&program.service, "the sound server's socket has too long a name", 0);
    return service_run(&setup);
}
