/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/client.h"

#include <stdlib.h>
#include <string.h>

/* ---- verdicts ---- */

bool look_needs(const struct look *l, size_t body, struct relay_verdict *v)
{
    size_t need = l->m->head + (l->m->body < body ? l->m->body : body);
    *v = (struct relay_verdict){.what = RELAY_MORE, .size = need};
    return l->n < need;
}

struct arguments look_arguments(const struct look *l)
{
    struct arguments a = wire_arguments(l->m, l->bytes, l->n);
    if (a.n > RULES_ARGS_LOOKED_AT)
        a.n = RULES_ARGS_LOOKED_AT;
    return a;
}

static struct relay_verdict whole(const struct look *l, enum relay_what what)
{
    return (struct relay_verdict){.what = what, .fds = l->m->fds, .size = l->m->head + l->m->body};
}

static bool by_app(const struct look *l)
{
    /* What the bus sends has a sender; what the app sends has none, or its own. */
    return !l->m->sender || strcmp(l->m->sender, l->c->unique) == 0;
}

struct relay_verdict look_pass(const struct look *l)
{
    struct bus *bus = l->c->bus;
    bus->passed++;
    if (bus->rules.log == LOG_ALL)
        log_message(&bus->log, "passed", l->c->number, l->m, by_app(l), NULL);
    return whole(l, RELAY_PASS);
}

struct relay_verdict look_refuse(const struct look *l, const char *why)
{
    struct bus *bus = l->c->bus;
    bus->refused++;
    if (bus->rules.log >= LOG_REFUSED)
        log_message(&bus->log, "refused", l->c->number, l->m, by_app(l), why);
    return whole(l, RELAY_DROP);
}

struct relay_verdict look_drop(const struct look *l)
{
    return whole(l, RELAY_DROP);
}

struct relay_verdict look_cut(const char *why)
{
    return (struct relay_verdict){.what = RELAY_CUT, .why = why};
}

/* ---- the authentication ---- */

static struct relay_verdict used(size_t n)
{
    return (struct relay_verdict){.what = RELAY_DROP, .size = n};
}

static struct relay_verdict auth_bus(struct client *c, const uint8_t *bytes, size_t n)
{
    size_t size = 0;
    const char *answer;
    enum auth_step step = auth_from_bus(&c->auth_bus, bytes, n, &size, &answer);
    if (step == AUTH_MORE)
        return (struct relay_verdict){.what = RELAY_MORE, .size = n + 1};
    if (step == AUTH_BAD)
        return look_cut(answer);
    if (step == AUTH_DONE) {
        c->bus_ready = true;
        relay_resume(c->conn, RELAY_CLIENT);
    }
    return used(size);
}

static struct relay_verdict auth_app(struct client *c, const uint8_t *bytes, size_t n)
{
    size_t size = 0;
    const char *answer;
    enum auth_step step = auth_from_app(&c->auth_app, &c->auth_bus, bytes, n, &size, &answer);
    if (step == AUTH_MORE)
        return (struct relay_verdict){.what = RELAY_MORE, .size = n + 1};
    if (step == AUTH_WAIT)
        return (struct relay_verdict){.what = RELAY_HOLD};
    if (step == AUTH_BAD)
        return look_cut(answer);
    if (step == AUTH_DONE)
        c->phase = PHASE_HELLO;
    else if (relay_put(c->conn, RELAY_CLIENT, answer, strlen(answer)) < 0)
        return look_cut("no memory");
    return used(size);
}

/* ---- messages ---- */

static struct relay_verdict message(struct client *c, enum relay_side from, const uint8_t *bytes,
                                    size_t n, unsigned fds)
{
    struct message m;
    size_t need;
    const char *why;
    enum wire_result r = wire_read(bytes, n, from == RELAY_SERVER, &m, &need, &why);
    if (r == WIRE_MORE)
        return (struct relay_verdict){.what = RELAY_MORE, .size = need};
    if (r == WIRE_BAD)
        return look_cut(why);
    if (m.fds > fds)
        return look_cut("a message without its descriptors");
    if (m.fds && !c->auth_app.fds)
        return look_cut("descriptors that were not agreed on");
    struct look l = {c, &m, bytes, n};
    return from == RELAY_CLIENT ? app_judge(&l) : incoming_judge(&l);
}

struct relay_verdict client_judge(struct client *c, enum relay_side from, uint8_t *bytes, size_t n,
                                  unsigned fds)
{
    if (from == RELAY_SERVER)
        return c->bus_ready ? message(c, from, bytes, n, fds) : auth_bus(c, bytes, n);
    if (c->phase == PHASE_AUTH)
        return auth_app(c, bytes, n);
    if (c->phase == PHASE_NAMED || c->phase == PHASE_NAMES)
        return (struct relay_verdict){.what = RELAY_HOLD};
    return message(c, from, bytes, n, fds);
}

/* ---- life ---- */

struct client *client_new(struct bus *bus, struct relay_conn *conn)
{
    char hello[AUTH_LINE_MOST];
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->bus = bus;
    c->conn = conn;
    c->number = ++bus->n_clients;
    c->last = &c->first;
    c->our_serial = SERIAL_MOST;
    if (relay_put(conn, RELAY_SERVER, hello, auth_greeting(hello, bus->uid)) < 0) {
        free(c);
        return NULL;
    }
    return c;
}

void client_free(struct client *c)
{
    for (struct question *q = c->first, *next; q; q = next) {
        next = q->next;
        free(q);
    }
    for (unsigned i = 0; i < c->n_owned; i++)
        free(c->owned[i]);
    replies_free(&c->asked);
    replies_free(&c->owed);
    peers_free(&c->peers);
    free(c);
}
