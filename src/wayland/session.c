/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What holds for every message: its object is there, its number is one of the object's interface,
 * its arguments are what the signature says, and the objects it names and makes are right. The
 * library on the compositor's side checks most of this again; we look first, since only who knows
 * every object knows which of the bytes are descriptors' places, clipboard contents or names of
 * globals.
 */
#include "wayland/rules.h"

#include "wayland/wire.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- objects ---- */

enum { FIRST_OBJECTS = 64 };

static struct way_objects *side_of(struct way_session *s, uint32_t id)
{
    return id >= WAY_SERVER_ID ? &s->compositor : &s->app;
}

struct way_object *way_find(struct way_session *s, uint32_t id)
{
    struct way_objects *side = side_of(s, id);
    uint32_t at = id >= WAY_SERVER_ID ? id - WAY_SERVER_ID : id;
    return at < side->n && side->v[at].interface ? &side->v[at] : NULL;
}

/* A place for a new object: the next number or one that is free. NULL: that number can not be. */
static struct way_object *place(struct way_objects *side, uint32_t at, bool may_replace)
{
    if (at > side->n || at >= WAY_MAX_OBJECTS)
        return NULL;
    if (at < side->n)
        return side->v[at].state == WAY_FREE || may_replace ? &side->v[at] : NULL;
    if (side->n == side->cap) {
        uint32_t cap = side->cap ? side->cap * 2 : FIRST_OBJECTS;
        struct way_object *v = realloc(side->v, cap * sizeof *v);
        if (!v)
            return NULL;
        side->v = v;
        side->cap = cap;
    }
    return &side->v[side->n++];
}

static bool make(struct way_session *s, uint32_t id, uint8_t interface, uint8_t version)
{
    bool theirs = id >= WAY_SERVER_ID;
    struct way_object *o = place(side_of(s, id), theirs ? id - WAY_SERVER_ID : id, theirs);
    if (!o || interface == 0 || interface >= WAY_INTERFACES)
        return false;
    *o = (struct way_object){.interface = interface, .version = version, .state = WAY_LIVE};
    return true;
}

int way_session_init(struct way_session *s, unsigned powers)
{
    *s = (struct way_session){.powers = powers};
    struct way_object *none = place(&s->app, 0, false);
    if (!none)
        return -1;
    *none = (struct way_object){.state = WAY_LIVE}; /* number 0 stands for no object */
    s->held = malloc(WAY_MAX_HELD);
    if (s->held && make(s, 1, WAY_WL_DISPLAY, 1))
        return 0;
    way_session_free(s);
    return -1;
}

void way_session_free(struct way_session *s)
{
    free(s->app.v);
    free(s->compositor.v);
    free(s->held);
    *s = (struct way_session){0};
}

/* ---- verdicts ---- */

static struct way_verdict cut(struct way_session *s, const char *who, const uint8_t *message,
                              const char *what)
{
    const struct way_object *o = way_find(s, way_object_of(message));
    snprintf(s->why, sizeof s->why, "%s: %s (message %u of object %u, %s)", who, what,
             way_opcode_of(message), way_object_of(message),
             o ? way_interfaces[o->interface].name : "which is not there");
    return (struct way_verdict){.action = WAY_CUT, .why = s->why};
}

static const char app[] = "the app", compositor[] = "the compositor";

/* ---- requests ---- */

/* The objects that a request names must be there, and be of the kind that it takes. */
static bool names_are_right(struct way_session *s, const struct way_args *args)
{
    for (unsigned i = 0; i < args->n; i++) {
        const struct way_arg *a = &args->v[i];
        if ((a->letter != 'o' && a->letter != 'O') || (a->letter == 'O' && !a->value))
            continue;
        const struct way_object *o = way_find(s, a->value);
        if (!o || o->state != WAY_LIVE || (a->interface && a->interface != o->interface))
            return false;
    }
    return true;
}

static bool make_all(struct way_session *s, const struct way_args *args, uint8_t version, bool ours)
{
    for (unsigned i = 0; i < args->n; i++) {
        const struct way_arg *a = &args->v[i];
        if (a->letter != 'n' && a->letter != 'N')
            continue;
        if ((a->value >= WAY_SERVER_ID) == ours)
            return false;
        if (!make(s, a->value, a->interface, a->letter == 'N' ? (uint8_t)a->version : version))
            return false;
    }
    return true;
}

struct way_verdict way_request(struct way_session *s, uint8_t *message, size_t size)
{
    uint32_t id = way_object_of(message), opcode = way_opcode_of(message);
    struct way_object *o = way_find(s, id);
    struct way_args args;
    if (!o || o->state != WAY_LIVE)
        return cut(s, app, message, "it speaks to an object that is not there");
    const struct way_interface *in = &way_interfaces[o->interface];
    const struct way_message *m = opcode < in->n_requests ? &in->requests[opcode] : NULL;
    if (!m || m->since > o->version)
        return cut(s, app, message, "there is no such request");
    if (way_read(m, message + WAY_HEADER, size - WAY_HEADER, &args) < 0)
        return cut(s, app, message, "a malformed request");
    if (!names_are_right(s, &args))
        return cut(s, app, message, "it names an object that is not there or is another one");
    struct way_verdict v = {.action = WAY_PASS};
    const char *fault = way_rule(s,
                                 &(struct way_case){.id = id,
                                                    .interface = o->interface,
                                                    .opcode = (uint8_t)opcode,
                                                    .request = true,
                                                    .args = &args},
                                 &v);
    if (fault)
        return cut(s, app, message, fault);
    v.fds = args.fds;
    if (v.action == WAY_DROP)
        return v;
    /* The compositor frees numbers of the app's with delete_id, its own by itself. */
    if (m->destructor)
        o->state = id >= WAY_SERVER_ID ? WAY_FREE : WAY_GONE;
    if (!make_all(s, &args, o->version, true))
        return cut(s, app, message, "a new object has a number that it can not have");
    return v;
}

/* ---- events ---- */

struct way_verdict way_event(struct way_session *s, uint8_t *message, size_t size)
{
    uint32_t id = way_object_of(message), opcode = way_opcode_of(message);
    struct way_object *o = way_find(s, id);
    struct way_args args;
    /* Events to an object that the app has just given up are on their way: they are passed, and the
     * app's library, which knows, drops them. */
    if (!o || (o->state == WAY_FREE && id < WAY_SERVER_ID))
        return cut(s, compositor, message, "it speaks to an object that is not there");
    const struct way_interface *in = &way_interfaces[o->interface];
    if (opcode >= in->n_events)
        return cut(s, compositor, message, "there is no such event");
    const struct way_message *m = &in->events[opcode];
    if (way_read(m, message + WAY_HEADER, size - WAY_HEADER, &args) < 0)
        return cut(s, compositor, message, "a malformed event");
    struct way_verdict v = {.action = WAY_PASS};
    const char *fault =
        way_rule(s,
                 &(struct way_case){
                     .id = id, .interface = o->interface, .opcode = (uint8_t)opcode, .args = &args},
                 &v);
    if (fault)
        return cut(s, compositor, message, fault);
    v.fds = args.fds;
    if (v.action == WAY_DROP)
        return v;
    if (m->destructor && id >= WAY_SERVER_ID)
        o->state = WAY_FREE;
    if (!make_all(s, &args, o->version, false))
        return cut(s, compositor, message, "a new object has a number that it can not have");
    return v;
}

/* ---- the clipboard by the person's act ---- */

unsigned way_kept(struct way_session *s)
{
    const struct way_object *o = way_find(s, s->selection[WAY_CLIPBOARD].kept);
    return o && o->state == WAY_LIVE && o->interface == WAY_WL_DATA_SOURCE ? o->kinds : 0;
}

static size_t put_kind(uint8_t *out, uint32_t object, uint32_t event, int kind)
{
    uint32_t len = (uint32_t)strlen(way_kinds[kind]) + 1, padded = (len + 3) & ~3u;
    const uint32_t words[] = {object, (WAY_HEADER + 4 + padded) << 16 | event, len};
    memcpy(out, words, sizeof words);
    memset(out + sizeof words, 0, padded);
    memcpy(out + sizeof words, way_kinds[kind], len);
    return sizeof words + padded;
}

size_t way_ask_for(const struct way_session *s, int kind, uint8_t *out)
{
    return put_kind(out, s->selection[WAY_CLIPBOARD].kept, WAY_WL_DATA_SOURCE_EVENT_SEND, kind);
}

size_t way_offer_carried(struct way_session *s, uint32_t offer)
{
    size_t n = 0;
    for (int i = 0; i < WAY_KINDS; i++)
        if (s->carried & 1u << i)
            n += put_kind(s->offers + n, offer, WAY_WL_DATA_OFFER_EVENT_OFFER, i);
    return n;
}

size_t way_carry(struct way_session *s, unsigned kinds, const uint8_t **events)
{
    uint32_t now = s->selection[WAY_CLIPBOARD].now;
    const struct way_object *o = now ? way_find(s, now) : NULL;
    s->carried = s->powers & WAY_CLIPBOARD_IN ? 0 : kinds;
    *events = s->offers;
    return o && o->state == WAY_LIVE && o->interface == WAY_WL_DATA_OFFER && o->mark == WAY_SELECTED
               ? way_offer_carried(s, now)
               : 0;
}

size_t way_error_event(uint8_t *out, const char *why)
{
    enum { IMPLEMENTATION = 3 };
    char text[WAY_ERROR_ROOM - 24];
    memset(text, 0, sizeof text);
    int n = snprintf(text, sizeof text, "carrel: %s", why);
    uint32_t len = (n < (int)sizeof text ? (uint32_t)n : (uint32_t)sizeof text - 1) + 1;
    uint32_t padded = (len + 3) & ~3u, size = WAY_HEADER + 12 + padded;
    const uint32_t words[] = {1, size << 16 | WAY_WL_DISPLAY_EVENT_ERROR, 1, IMPLEMENTATION, len};
    memcpy(out, words, sizeof words);
    memcpy(out + sizeof words, text, padded);
    return size;
}
