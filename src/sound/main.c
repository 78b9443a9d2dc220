/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel-sound APP play|play+record SERVER
 *
 * The sound server of one app: speaks PulseAudio's protocol with it, and hands on the samples that
 * it plays (and gets those of a microphone, where it may record) to the person's own server at
 * the path SERVER. In a confinement of its own; started by the supervisor when the app first
 * connects. Descriptors: 3 the listening socket that the app sees, 6 the supervisor's word: its
 * end is ours.
 */
#include "filter/confine.h"
#include "filter/relay.h"
#include "sound/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTENING = 3, CONTROL = 6 };
enum { FAILED = 125, MOST_COMPLAINTS = 20 };
/* PulseAudio takes 64 clients of all kinds: one app shall not be able to fill them. */
enum { CONNECTIONS = 16 };

struct program {
    struct snd_settings settings;
    int complaints;
    uint8_t to_app[SND_REPLY_ROOM], to_host[SND_REPLY_ROOM];
};

struct client {
    struct program *program;
    struct relay_conn *conn;
    struct snd_session session;
};

static _Noreturn void fail(const char *what, int error)
{
    dprintf(2, "carrel-sound: %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
    exit(FAILED);
}

static void complain(struct program *p, const char *why)
{
    char line[256]; /* dprintf makes calls that are forbidden by now */
    int n = snprintf(line, sizeof line, "carrel-sound: connection ended: %s\n", why);
    if (p->complaints++ < MOST_COMPLAINTS && n > 0 && n < (int)sizeof line &&
        write(2, line, (size_t)n) < 0)
        p->complaints = MOST_COMPLAINTS; /* nobody listens */
}

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

static bool control(void *program, struct relay *r, int fd)
{
    char bytes[64];
    (void)program, (void)r;
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void fault(void *program, void *state, const char *why)
{
    (void)state;
    complain(program, why);
}

/* ---- the program ---- */

static const struct relay_protocol protocol = {
    .most = SND_HEADER + SND_PACKET,
    .strict_fds = true,
    .opened = opened,
    .judge = judge,
    .closed = closed,
    .control = control,
    .fault = fault,
};

int main(int argc, char **argv)
{
    static struct program program;
    struct relay_setup setup = {.listening = LISTENING,
                                .control = CONTROL,
                                .credentials = true,
                                .protocol = &protocol,
                                .program = &program,
                                .limits = relay_usual_limits};
    const char *why;
    int landlock;
    bool record = argc == 4 && strcmp(argv[2], "play+record") == 0;
    if (argc != 4 || (!record && strcmp(argv[2], "play") != 0))
        fail("usage: carrel-sound APP play|play+record SERVER", 0);
    program.settings = (struct snd_settings){.app = argv[1], .record = record};
    setup.limits.connections = CONNECTIONS;
    if (relay_server(&setup, argv[3]) < 0)
        fail("the sound server's socket has too long a name", 0);
    int r = confine(&setup, &landlock, &why);
    if (r < 0)
        fail(why, -r);
    r = relay_run(&setup);
    if (r < 0)
        fail("cannot begin", -r);
    return 0;
}
