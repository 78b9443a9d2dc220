/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel-wayland
 *
 * Stands between one app and the compositor, in a confinement of its own; started by the supervisor
 * when the app first connects (filter/service.h), with settings (settings.h). The
 * supervisor's control line brings the person's commands (lines.h).
 */
#include "filter/service.h"
#include "wayland/context.h"
#include "wayland/lines.h"
#include "wayland/session.h"
#include "wayland/settings.h"

#include <stdio.h>
#include <stdlib.h>

struct program {
    struct service service;
    struct way_settings settings;
    struct way_lines lines;
};

struct client {
    struct way_client app; /* first, so that lines.c finds it */
    struct program *program;
};

/* ---- one connection ---- */

static void *opened(void *program, struct relay_conn *conn)
{
    struct program *p = program;
    struct client *c = malloc(sizeof *c);
    if (!c)
        return NULL;
    c->program = p;
    c->app.conn = conn;
    if (way_session_init(&c->app.session, p->settings.powers) == 0) {
        c->app.session.title = p->settings.title;
        c->app.session.app_id = p->settings.app;
        way_lines_greet(&p->lines, &c->app);
        return c;
    }
    free(c);
    return NULL;
}

static void closed(void *state)
{
    struct client *c = state;
    way_session_free(&c->app.session);
    free(c);
}

/* The app is told why, in the way in which a compositor tells it; its toolkit prints that. */
static struct relay_verdict cut(struct client *c, enum relay_side from, const char *why)
{
    uint8_t event[WAY_ERROR_ROOM];
    if (from == RELAY_CLIENT)
        relay_put(c->app.conn, RELAY_CLIENT, event, way_error_event(event, why));
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
    struct way_verdict v = from == RELAY_CLIENT ? way_request(&c->app.session, bytes, (size_t)size)
                                                : way_event(&c->app.session, bytes, (size_t)size);
    if (v.action == WAY_CUT)
        return cut(c, from, v.why);
    if (v.fds > fds)
        return cut(c, from, "a descriptor is missing");
    if (v.paste)
        way_lines_paste(&c->program->lines, &c->app, v.paste - 1);
    enum relay_side to = from == RELAY_CLIENT ? RELAY_SERVER : RELAY_CLIENT;
    if (v.n_before && relay_put(c->app.conn, to, v.before, v.n_before) < 0)
        return cut(c, from, "no memory is left");
    return (struct relay_verdict){
        .what = v.action == WAY_PASS ? RELAY_PASS : RELAY_DROP, .fds = v.fds, .size = (size_t)size};
}

/* ---- the program ---- */

static bool control(void *program, struct relay *r, int fd)
{
    struct program *p = program;
    return way_lines_control(&p->lines, r, fd);
}

static bool watched(void *program, struct relay *r, int fd)
{
    struct program *p = program;
    return way_lines_word(&p->lines, r, fd);
}

static void read_settings(struct program *p)
{
    static char text[WAY_SETTINGS_MAX + 1];
    size_t n = service_settings(&p->service, text, WAY_SETTINGS_MAX);
    int line;
    const char *error;
    if (way_settings_read(&p->settings, text, n, &line, &error) == 0)
        return;
    dprintf(2, "carrel-wayland: settings, line %d: %s\n", line, error);
    exit(SERVICE_FAILED);
}

static const struct relay_protocol protocol = {
    .most = WAY_MAX_MESSAGE,
    .opened = opened,
    .judge = judge,
    .closed = closed,
    .control = control,
    .watched = watched,
    .fault = service_fault,
};

int main(void)
{
    static struct program program = {.service.name = "carrel-wayland"};
    struct relay_setup setup = service_setup(&protocol, &program.service);
    const char *why;
    int keep;
    read_settings(&program);
    /* A compositor that has security contexts and gives none leaves the app without a display. */
    int context = way_context(&program.settings, &keep, &why);
    if (context < 0)
        service_fail(&program.service, why, 0);
    if (relay_server(&setup, context ? program.settings.context : program.settings.socket) < 0)
        service_fail(&program.service, "the compositor's socket has too long a name", 0);
    return service_run(&setup);
}
