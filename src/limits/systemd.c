/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scopes of the person's systemd: org.freedesktop.systemd1(5). */
#include "limits/limits.h"

#include "bus/bus.h"
#include "util/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SERVICE "org.freedesktop.systemd1"
#define PATH    "/org/freedesktop/systemd1"
#define MANAGER SERVICE ".Manager"

/* A start waits so long for all of it, as there may be another way; a change has none. */
enum { START_MILLISECONDS = 2000, CHANGE_MILLISECONDS = 15000 };

struct scope {
    struct arena *a;
    struct bus *bus;
    int64_t until;
    struct limits_fault fault;
    char job[256];
    const char *result; /* of the job */
};

static bool fail(struct scope *s, const char *what, int error)
{
    s->fault = (struct limits_fault){what, error};
    return false;
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int left(const struct scope *s)
{
    int64_t n = s->until - now();
    return n > 0 ? (int)n : 0;
}

static bool open_bus(struct scope *s, struct arena *a, const char *address, int milliseconds)
{
    *s = (struct scope){
        .a = a, .bus = arena_alloc(a, sizeof *s->bus), .until = now() + milliseconds};
    int r = bus_open_within(s->bus, address, milliseconds);
    return r == 0 || fail(s, "the session bus, by which systemd is reached, does not answer", -r);
}

/* ---- properties: a(sv) ---- */

static void put_number(struct out *o, const char *name, uint64_t value)
{
    bus_put_struct(o);
    wire_put_text(o, name);
    bus_put_signature(o, "t");
    bus_put_u64(o, value);
}

static void put_string(struct out *o, const char *name, const char *value)
{
    bus_put_struct(o);
    wire_put_text(o, name);
    bus_put_signature(o, "s");
    wire_put_text(o, value);
}

static void put_pids(struct out *o, const char *name, const pid_t *pids, size_t n)
{
    bus_put_struct(o);
    wire_put_text(o, name);
    bus_put_signature(o, "au");
    size_t at = wire_put_array(o);
    for (size_t i = 0; i < n; i++)
        wire_put_u32(o, (uint32_t)pids[i]);
    wire_end_array(o, at);
}

/* In the units of the properties: bytes, processes, microseconds a second, weights. */
static uint64_t in_units(const struct plan_limit *l)
{
    if (str_eq(l->value, "max"))
        return UINT64_MAX;
    uint64_t n = strtoull(l->value, NULL, 10);
    return str_eq(l->name, "cpu")         ? n * 10000
           : str_eq(l->name, "processes") ? n + LIMITS_OWN_PROCESSES
                                          : n;
}

static void put_limits(struct out *o, const struct plan_limit *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put_number(o, limit_named(v[i].name)->property, in_units(&v[i]));
}

/* ---- calls ---- */

/* JobRemoved: id, job, unit, result. */
static void take_signal(const struct message *m, const uint8_t *bytes, struct scope *s)
{
    struct arguments a = wire_arguments(m, bytes, m->head + m->body);
    uint32_t id;
    if (!m->member || !str_eq(m->member, "JobRemoved") || !m->path || !str_eq(m->path, PATH) ||
        !arguments_u32(&a, &id))
        return;
    const char *job = arguments_text(&a, 'o'), *unit = arguments_text(&a, 's');
    const char *result = unit ? arguments_text(&a, 's') : NULL;
    if (job && result && str_eq(job, s->job))
        s->result = arena_strdup(s->a, result);
}

static void remember(const struct message *m, const uint8_t *bytes, void *data)
{
    (void)m, (void)bytes, (void)data; /* no job of ours is known before the answer */
}

static bool call(struct scope *s, struct message *m, const char *what)
{
    int r = bus_call(s->bus, m, remember, s, left(s));
    if (r == -EREMOTEIO) {
        struct arguments a = wire_arguments(m, s->bus->in, s->bus->done);
        const char *text = arguments_text(&a, 's');
        return fail(s, arena_printf(s->a, "%s: %s", what, text ? text : m->error), EREMOTEIO);
    }
    return r == 0 || fail(s, what, -r);
}

/* So that the signal of the end of the job comes to us. */
static bool listen_for_jobs(struct scope *s)
{
    struct message m;
    bus_begin(s->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
              "AddMatch", "s");
    wire_put_text(&s->bus->out,
                  "type='signal',sender='" SERVICE "',interface='" MANAGER "',member='JobRemoved'");
    if (!call(s, &m, "the session bus refuses a match"))
        return false;
    bus_begin(s->bus, SERVICE, PATH, MANAGER, "Subscribe", "");
    return call(s, &m, "systemd does not answer");
}

static bool wait_for_job(struct scope *s)
{
    struct message m;
    while (!s->result) {
        int r = bus_next(s->bus, &m, left(s));
        if (r < 0)
            return fail(s, "systemd does not say that the scope is there", -r);
        if (m.type == WIRE_SIGNAL)
            take_signal(&m, s->bus->in, s);
    }
    return str_eq(s->result, "done") ||
           fail(s, arena_printf(s->a, "systemd could not make the scope: %s", s->result),
                EREMOTEIO);
}

static bool start_scope(struct scope *s, const struct limits_order *order)
{
    struct message m;
    struct out *o = &s->bus->out;
    bus_begin(s->bus, SERVICE, PATH, MANAGER, "StartTransientUnit", "ssa(sv)a(sa(sv))");
    wire_put_text(o, order->scope);
    wire_put_text(o, "fail");
    size_t at = bus_put_structs(o);
    put_string(o, "Description", "confined by Carrel");
    put_string(o, "CollectMode", "inactive-or-failed");
    put_string(o, "Slice", "app.slice");
    put_pids(o, "PIDs", order->pids, order->n_pids);
    put_limits(o, order->v, order->n);
    bus_end_structs(o, at);
    bus_end_structs(o, bus_put_structs(o));
    if (!call(s, &m, "systemd makes no scope"))
        return false;
    struct arguments a = wire_arguments(&m, s->bus->in, s->bus->done);
    const char *job = arguments_text(&a, 'o');
    if (!job || strlen(job) >= sizeof s->job)
        return fail(s, "systemd gives a strange answer", EPROTO);
    memcpy(s->job, job, strlen(job) + 1);
    return wait_for_job(s);
}

struct limits_fault systemd_begin(struct arena *a, const char *bus, const struct limits_order *o)
{
    struct scope s;
    if (!open_bus(&s, a, bus, START_MILLISECONDS))
        return s.fault;
    if (listen_for_jobs(&s))
        start_scope(&s, o);
    bus_close(s.bus);
    return s.fault;
}

struct limits_fault systemd_answers(struct arena *a, const char *bus)
{
    struct scope s;
    struct message m;
    if (!open_bus(&s, a, bus, START_MILLISECONDS))
        return s.fault;
    bus_begin(s.bus, SERVICE, PATH, MANAGER, "Subscribe", "");
    call(&s, &m, "systemd does not answer");
    bus_close(s.bus);
    return s.fault;
}

struct limits_fault systemd_change(struct arena *a, const char *bus, const char *unit,
                                   const struct plan_limit *v, size_t n)
{
    struct scope s;
    struct message m;
    if (!open_bus(&s, a, bus, CHANGE_MILLISECONDS))
        return s.fault;
    bus_begin(s.bus, SERVICE, PATH, MANAGER, "SetUnitProperties", "sba(sv)");
    wire_put_text(&s.bus->out, unit);
    bus_put_bool(&s.bus->out, true);
    size_t at = bus_put_structs(&s.bus->out);
    put_limits(&s.bus->out, v, n);
    bus_end_structs(&s.bus->out, at);
    call(&s, &m, "systemd does not change the scope");
    bus_close(s.bus);
    return s.fault;
}

struct limits_fault systemd_attach(struct arena *a, const char *bus, const char *unit,
                                   const pid_t *pids, size_t n_pids)
{
    struct scope s;
    struct message m;
    if (!open_bus(&s, a, bus, CHANGE_MILLISECONDS))
        return s.fault;
    bus_begin(s.bus, SERVICE, PATH, MANAGER, "AttachProcessesToUnit", "ssau");
    wire_put_text(&s.bus->out, unit);
    wire_put_text(&s.bus->out, "");
    size_t at = wire_put_array(&s.bus->out);
    for (size_t i = 0; i < n_pids; i++)
        wire_put_u32(&s.bus->out, (uint32_t)pids[i]);
    wire_end_array(&s.bus->out, at);
    call(&s, &m, "systemd does not take the app's processes");
    bus_close(s.bus);
    return s.fault;
}
