/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/client.h"

#include <string.h>

/* Room for a header with four names and for a text. */
enum { ANSWER_MOST = 4096 };

static bool send_to(struct client *c, enum relay_side to, struct out *o)
{
    return wire_end(o) && relay_put(c->conn, to, o->v, o->n) == 0;
}

/* The header of an answer to the app; it comes from the bus. */
static struct message answer_of(const struct look *l, enum wire_type type)
{
    struct client *c = l->c;
    return (struct message){.type = type,
                            .flags = WIRE_NO_REPLY,
                            .serial = ++c->error_serial ? c->error_serial : ++c->error_serial,
                            .has_reply_serial = true,
                            .reply_serial = l->m->serial,
                            .destination = *c->unique ? c->unique : NULL,
                            .sender = BUS_NAME};
}

bool answer_error(const struct look *l, const char *error, const char *text)
{
    uint8_t bytes[ANSWER_MOST];
    struct out o = {bytes, 0, sizeof bytes};
    struct message m = answer_of(l, WIRE_ERROR);
    m.error = error;
    m.signature = "s";
    wire_begin(&o, &m);
    wire_put_text(&o, text);
    return send_to(l->c, RELAY_CLIENT, &o);
}

static bool answer_word(const struct look *l, const char *signature, uint32_t value)
{
    uint8_t bytes[ANSWER_MOST];
    struct out o = {bytes, 0, sizeof bytes};
    struct message m = answer_of(l, WIRE_RETURN);
    m.signature = signature;
    wire_begin(&o, &m);
    wire_put_u32(&o, value);
    return send_to(l->c, RELAY_CLIENT, &o);
}

bool answer_bool(const struct look *l, bool value)
{
    return answer_word(l, "b", value);
}

bool answer_number(const struct look *l, uint32_t value)
{
    return answer_word(l, "u", value);
}

static uint32_t next_serial(struct client *c)
{
    if (++c->our_serial <= SERIAL_MOST)
        c->our_serial = SERIAL_MOST + 1;
    return c->our_serial;
}

bool answer_peer_error(const struct look *l, const char *error, const char *text)
{
    uint8_t bytes[ANSWER_MOST];
    struct out o = {bytes, 0, sizeof bytes};
    struct message m = {.type = WIRE_ERROR,
                        .flags = WIRE_NO_REPLY,
                        .serial = next_serial(l->c),
                        .has_reply_serial = true,
                        .reply_serial = l->m->serial,
                        .destination = l->m->sender,
                        .error = error,
                        .signature = "s"};
    wire_begin(&o, &m);
    wire_put_text(&o, text);
    return send_to(l->c, RELAY_SERVER, &o);
}

uint32_t call_bus(struct client *c, const char *member, const char *argument, enum reply_kind kind)
{
    uint8_t bytes[ANSWER_MOST];
    struct out o = {bytes, 0, sizeof bytes};
    struct message m = {.type = WIRE_CALL,
                        .flags = kind == REPLY_NONE ? WIRE_NO_REPLY : 0,
                        .serial = next_serial(c),
                        .path = BUS_PATH,
                        .interface = BUS_NAME,
                        .member = member,
                        .destination = BUS_NAME,
                        .signature = argument ? "s" : NULL};
    struct reply r = {.serial = m.serial, .kind = kind, .peer = name_hash(BUS_NAME)};
    wire_begin(&o, &m);
    if (argument)
        wire_put_text(&o, argument);
    if (kind != REPLY_NONE &&
        !replies_add(&c->asked, r, (size_t)c->bus->rules.pending_most + 65536))
        return 0;
    return send_to(c, RELAY_SERVER, &o) ? m.serial : 0;
}
