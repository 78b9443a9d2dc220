/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel-wayland
 *
 * Stands between one app and the compositor, in a confinement of its own; started by the supervisor
 * when the app first connects. Descriptors: 3 the listening socket that the app sees, 5 the
 * settings (settings.h), 6 the supervisor's word: its end is ours.
 */
#include "filter/confine.h"
#include "filter/relay.h"
#include "wayland/context.h"
#include "wayland/session.h"
#include "wayland/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTENING = 3, SETTINGS = 5, CONTROL = 6 };
enum { FAILED = 125 };
enum { MOST_COMPLAINTS = 20 }; /* an app that is cut off can come again and again */

struct program {
    struct way_settings settings;
    int complaints;
};

struct client {
    struct program *program;
    struct relay_conn *conn;
    struct way_session session;
};

static _Noreturn void fail(const char *what, int error)
{
    dprintf(2, "carrel-wayland: %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
    exit(FAILED);
}

static void complain(struct program *p, const char *why)
{
    char line[256]; /* dprintf makes calls that are forbidden by now */
    int n = snprintf(line, sizeof line, "carrel-wayland: connection ended: %s\n", why);
    if (p->complaints++ < MOST_COMPLAINTS && n > 0 && n < (int)sizeof line &&
        write(2, line, (size_t)n) < 0)
        p->complaints = MOST_COMPLAINTS; /* nobody listens */
}

/* ---- one connection ---- */

static void *opened(void *program, struct relay_conn *conn)
{
    struct program *p = program;
    struct client *c = malloc(sizeof *c);
    if (!c)
        return NULL;
    c->program = p;
    c->conn = conn;
    if (way_session_init(&c->session, p->settings.powers) == 0)
        return c;
    free(c);
    return NULL;
}

static void closed(void *state)
{
    struct client *c = state;
    way_session_free(&c->session);
    free(c);
}

/* The app is told why, in the way in which a compositor tells it; its toolkit prints that. */
static struct relay_verdict cut(struct client *c, enum relay_side from, const char *why)
{
    uint8_t event[WAY_ERROR_ROOM];
    if (from == RELAY_CLIENT)
        relay_put(c->conn, RELAY_CLIENT, event, way_error_event(event, why));
    return (struct relay_verdict){.what = RELAY_CUT, .why = why};
}

static struct relay_verdict judge(void *state, enum relay_side from, uint8_t *bytes, size_t n,
                                  unsigned fds)
{
    struct client *c = state;
    int size = way_message_size(bytes, n);
    if (size < 0)
        return cut(c, from, "a message of a size that can not be");
    if (size == 0 || (size_t)size > n)
        return (struct relay_verdict){.what = RELAY_MORE, .size = size ? (size_t)size : WAY_HEADER};
    struct way_verdict v = from == RELAY_CLIENT ? way_request(&c->session, bytes, (size_t)size)
                                                : way_event(&c->session, bytes, (size_t)size);
    if (v.action == WAY_CUT)
        return cut(c, from, v.why);
    if (v.fds > fds)
        return cut(c, from, "a descriptor is missing");
    if (v.n_before && relay_put(c->conn, RELAY_CLIENT, v.before, v.n_before) < 0)
        return cut(c, from, "no memory is left");
    return (struct relay_verdict){
        .what = v.action == WAY_PASS ? RELAY_PASS : RELAY_DROP, .fds = v.fds, .size = (size_t)size};
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

static void read_settings(struct way_settings *s)
{
    static char text[WAY_SETTINGS_MAX + 1];
    size_t n = 0;
    ssize_t got;
    while (n < WAY_SETTINGS_MAX &&
           (got = pread(SETTINGS, text + n, WAY_SETTINGS_MAX - n, (off_t)n)) > 0)
        n += (size_t)got;
    int line;
    const char *error;
    if (n == WAY_SETTINGS_MAX)
        fail("its settings are too long", 0);
    if (way_settings_read(s, text, n, &line, &error) < 0) {
        dprintf(2, "carrel-wayland: settings, line %d: %s\n", line, error);
        exit(FAILED);
    }
    close(SETTINGS);
}

static const struct relay_protocol protocol = {
    .most = WAY_MAX_MESSAGE,
    .opened = opened,
    .judge = judge,
    .closed = closed,
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
    int keep, landlock;
    read_settings(&program.settings);
    /* A compositor that has security contexts and gives none leaves the app without a display. */
    int context = way_context(&program.settings, &keep, &why);
    if (context < 0)
        fail(why, 0);
    if (relay_server(&setup, context ? program.settings.context : program.settings.socket) < 0)
        fail("the compositor's socket has too long a name", 0);
    int r = confine(&setup, &landlock, &why);
    if (r < 0)
        fail(why, -r);
    r = relay_run(&setup);
    if (r < 0)
        fail("cannot begin", -r);
    return 0;
}
