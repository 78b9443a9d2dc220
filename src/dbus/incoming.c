/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What comes from the bus. */
#include "dbus/client.h"

#include <string.h>

static bool from_bus(const struct message *m)
{
    return m->sender && strcmp(m->sender, BUS_NAME) == 0;
}

/* The reply to Hello tells the app's own name. */
static struct relay_verdict named(const struct look *l)
{
    struct client *c = l->c;
    struct relay_verdict v;
    if (look_needs(l, BUS_BODY_MOST, &v))
        return v;
    struct arguments a = wire_arguments(l->m, l->bytes, l->n);
    const char *name = arguments_text(&a, 's');
    if (l->m->type != WIRE_RETURN || !name || !unique_name_ok(name))
        return look_cut("the bus gives the app no name");
    memcpy(c->unique, name, strlen(name) + 1);
    return names_begin(c) ? look_pass(l) : look_cut("the bus can not be asked about names");
}

/* A reply that must be in memory as a whole. */
static struct relay_verdict whole_reply(const struct look *l, enum reply_kind kind)
{
    struct relay_verdict v;
    if (l->m->body > NAMES_BODY_MOST)
        return look_cut("the bus has too many names");
    if (look_needs(l, NAMES_BODY_MOST, &v))
        return v;
    if (kind == REPLY_NAMES) {
        if (l->m->type != WIRE_RETURN)
            return look_pass(l);
        return names_filter(l) ? look_drop(l) : look_cut("the bus has too many names");
    }
    return names_reply(l, kind) ? look_drop(l) : look_cut("the bus answers what was not asked");
}

static struct relay_verdict reply(const struct look *l)
{
    struct client *c = l->c;
    const struct message *m = l->m;
    const struct reply *r = replies_find(&c->asked, m->reply_serial, 0, false);
    if (!r)
        return look_refuse(l, "a reply that the app does not wait for");
    /* What a call to a well-known name is answered by, the bus has checked. An error may also come
     * from the bus itself. */
    bool error_of_bus = m->type == WIRE_ERROR && from_bus(m);
    if (r->peer && !error_of_bus && (!m->sender || name_hash(m->sender) != r->peer))
        return look_refuse(l, "a reply from somebody else");
    enum reply_kind kind = (enum reply_kind)r->kind;
    struct relay_verdict v = kind == REPLY_PEER || kind == REPLY_BUS ? look_pass(l)
                             : kind == REPLY_HELLO                   ? named(l)
                                                                     : whole_reply(l, kind);
    if (v.what == RELAY_PASS || v.what == RELAY_DROP) {
        r = replies_find(&c->asked, m->reply_serial, 0, false); /* the table may have moved */
        if (r)
            replies_remove(&c->asked, r);
    }
    return v;
}

static struct relay_verdict broadcast(const struct look *l)
{
    const struct message *m = l->m;
    struct relay_verdict v;
    if (from_bus(m) && strcmp(m->interface, BUS_NAME) == 0 &&
        strcmp(m->member, "NameOwnerChanged") == 0) {
        if (look_needs(l, BUS_BODY_MOST, &v))
            return v;
        return names_changed(l) ? look_pass(l) : look_drop(l);
    }
    if (from_bus(m))
        return look_pass(l);
    enum rule_answer answer =
        m->sender ? client_allow(l->c, m->sender, RULE_BROADCAST, m, NULL) : RULE_NO;
    if (answer == RULE_NEEDS_ARGS) {
        if (look_needs(l, RULES_ARGS_LOOKED_AT, &v))
            return v;
        struct arguments a = look_arguments(l);
        answer = client_allow(l->c, m->sender, RULE_BROADCAST, m, &a);
    }
    return answer == RULE_YES ? look_pass(l) : look_refuse(l, "no rule lets the app hear this");
}

/* What the app would answer is not asked for. */
static struct relay_verdict withheld(const struct look *l)
{
    if (!(l->m->flags & WIRE_NO_REPLY) &&
        !answer_peer_error(l, "org.freedesktop.DBus.Error.UnknownMethod",
                           "The app is not asked for this"))
        return look_cut("too many answers wait for the bus");
    return look_refuse(l, "a call that is withheld from the app");
}

/* A call or signal to the app: from anybody, who may be seen from then on. */
static struct relay_verdict to_app(const struct look *l)
{
    struct client *c = l->c;
    const struct message *m = l->m;
    if (!from_bus(m)) {
        if (!m->sender || *m->sender != ':')
            return look_refuse(l, "a message from nobody");
        peers_seen(&c->peers, m->sender);
    }
    if (m->type == WIRE_CALL && rules_withhold(&c->bus->rules, m))
        return withheld(l);
    if (m->type != WIRE_CALL || m->flags & WIRE_NO_REPLY)
        return look_pass(l);
    struct reply r = {.serial = m->serial, .kind = REPLY_PEER};
    r.peer = name_hash(m->sender);
    if (replies_find(&c->owed, r.serial, r.peer, true))
        return look_pass(l); /* one reply will do for both */
    if (replies_add(&c->owed, r, c->bus->rules.pending_most))
        return look_pass(l);
    if (!answer_peer_error(l, "org.freedesktop.DBus.Error.LimitsExceeded",
                           "The app owes too many replies"))
        return look_cut("too many answers wait for the bus");
    return look_refuse(l, "the app owes too many replies");
}

/* The app gets what is for it, by its own name or by one that it may have; whatever made the bus
 * send it something else. */
static bool for_app(const struct client *c, const char *name)
{
    return *name == ':' ? strcmp(name, c->unique) == 0
                        : rules_level(&c->bus->rules, name) == LEVEL_OWN;
}

struct relay_verdict incoming_judge(const struct look *l)
{
    struct client *c = l->c;
    const struct message *m = l->m;
    bool is_reply = m->type == WIRE_RETURN || m->type == WIRE_ERROR;
    if (m->destination && *c->unique && !for_app(c, m->destination))
        return look_refuse(l, "a message for somebody else");
    if (is_reply)
        return reply(l);
    if (m->has_reply_serial)
        return look_refuse(l, "a call or signal that says it is a reply");
    if (!*c->unique)
        return look_cut("the bus speaks before Hello");
    if (m->type == WIRE_SIGNAL && !m->destination)
        return broadcast(l);
    return m->destination ? to_app(l) : look_refuse(l, "a call for somebody else");
}
