/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the app sends. */
#include "dbus/client.h"

#include "dbus/match.h"

#include <string.h>

#define ERROR(name) "org.freedesktop.DBus.Error." name

static bool expects_reply(const struct message *m)
{
    return m->type == WIRE_CALL && !(m->flags & WIRE_NO_REPLY);
}

/* Refuses a message; a call is answered with an error. */
static struct relay_verdict refuse(const struct look *l, const char *error, const char *why)
{
    if (expects_reply(l->m) && !answer_error(l, error, why))
        return look_cut("too many answers wait for the app");
    return look_refuse(l, why);
}

static struct relay_verdict deny(const struct look *l, const char *why)
{
    return refuse(l, ERROR("AccessDenied"), why);
}

/* As if nobody had the name. */
static struct relay_verdict hide(const struct look *l)
{
    bool unique = l->m->destination && *l->m->destination == ':';
    bool no_start = l->m->flags & WIRE_NO_AUTO_START;
    return refuse(l, unique || no_start ? ERROR("NameHasNoOwner") : ERROR("ServiceUnknown"),
                  "no rule lets the app see this name");
}

/* Passes a message, and remembers it where a reply is to come. */
static struct relay_verdict pass(const struct look *l, enum reply_kind kind, uint64_t peer)
{
    struct reply r = {.peer = peer, .serial = l->m->serial, .kind = kind};
    if (!expects_reply(l->m))
        return look_pass(l);
    if (!replies_add(&l->c->asked, r, l->c->bus->rules.pending_most))
        return refuse(l, ERROR("LimitsExceeded"), "too many calls wait for a reply");
    return look_pass(l);
}

/* ---- calls to the bus ---- */

enum bus_how {
    BUS_PASS,
    BUS_MATCH,
    BUS_UNMATCH,
    BUS_NAMES,
    BUS_NEEDS_OWN, /* argument 0 is a name of this level */
    BUS_GIVES_BACK,
    BUS_NEEDS_TALK,
    BUS_NEEDS_SEE,
    BUS_HAS_OWNER, /* what may not be seen has none */
    BUS_GET_OWNER,
    BUS_PROPERTIES,
};

/* All others are refused. */
static const struct {
    const char *interface, *member;
    enum bus_how how;
} bus_methods[] = {
    {BUS_NAME, "GetId", BUS_PASS},
    {BUS_NAME, "AddMatch", BUS_MATCH},
    {BUS_NAME, "RemoveMatch", BUS_UNMATCH},
    {BUS_NAME, "ListNames", BUS_NAMES},
    {BUS_NAME, "ListActivatableNames", BUS_NAMES},
    {BUS_NAME, "RequestName", BUS_NEEDS_OWN},
    {BUS_NAME, "ReleaseName", BUS_GIVES_BACK},
    {BUS_NAME, "ListQueuedOwners", BUS_NEEDS_OWN},
    {BUS_NAME, "StartServiceByName", BUS_NEEDS_TALK},
    {BUS_NAME, "NameHasOwner", BUS_HAS_OWNER},
    {BUS_NAME, "GetNameOwner", BUS_GET_OWNER},
    {BUS_NAME, "GetConnectionUnixUser", BUS_NEEDS_SEE},
    {BUS_NAME, "GetConnectionUnixProcessID", BUS_NEEDS_SEE},
    {BUS_NAME, "GetConnectionCredentials", BUS_NEEDS_SEE},
    {BUS_NAME, "GetAdtAuditSessionData", BUS_NEEDS_SEE},
    {BUS_NAME, "GetConnectionSELinuxSecurityContext", BUS_NEEDS_SEE},
    {BUS_NAME ".Introspectable", "Introspect", BUS_PASS},
    {BUS_NAME ".Peer", "Ping", BUS_PASS},
    {BUS_NAME ".Properties", "Get", BUS_PROPERTIES},
    {BUS_NAME ".Properties", "GetAll", BUS_PROPERTIES},
};

static int bus_method(const struct message *m)
{
    for (size_t i = 0; m->interface && i < sizeof bus_methods / sizeof *bus_methods; i++)
        if (strcmp(m->member, bus_methods[i].member) == 0 &&
            strcmp(m->interface, bus_methods[i].interface) == 0)
            return (int)i;
    return -1;
}

static struct relay_verdict ask_bus(const struct look *l, enum reply_kind kind)
{
    return pass(l, kind, name_hash(BUS_NAME));
}

static struct relay_verdict match_rule(const struct look *l, enum bus_how how, const char *rule)
{
    struct client *c = l->c;
    const char *why = match_refused(rule);
    if (how == BUS_UNMATCH) {
        c->n_matches -= c->n_matches > 0;
        return ask_bus(l, REPLY_BUS);
    }
    if (why)
        return deny(l, why);
    if (c->n_matches >= c->bus->rules.matches_most)
        return refuse(l, ERROR("LimitsExceeded"), "too many match rules");
    c->n_matches++;
    return ask_bus(l, REPLY_BUS);
}

/*
 * Of names-inside: a program that runs once, or ends where it cannot have its name, goes on. 1 is
 * "you have it" of RequestName and "given back" of ReleaseName.
 */
static bool stays_inside(const struct look *l, enum bus_how how, enum level level)
{
    return l->c->bus->rules.names_inside && level == LEVEL_NONE &&
           (how == BUS_GIVES_BACK || strcmp(l->m->member, "RequestName") == 0);
}

/* A call whose argument 0 is a name that needs a level. */
static struct relay_verdict about_name(const struct look *l, enum bus_how how, const char *name)
{
    static const enum level needs[] = {
        [BUS_NEEDS_OWN] = LEVEL_OWN, [BUS_GIVES_BACK] = LEVEL_OWN, [BUS_NEEDS_TALK] = LEVEL_TALK,
        [BUS_NEEDS_SEE] = LEVEL_SEE, [BUS_HAS_OWNER] = LEVEL_SEE,  [BUS_GET_OWNER] = LEVEL_SEE};
    enum level level = client_level(l->c, name);
    if (level < needs[how]) {
        if (stays_inside(l, how, level))
            return !expects_reply(l->m) || answer_number(l, 1)
                       ? look_refuse(l, "a name for the app's own ears")
                       : look_cut("too many answers wait for the app");
        if (how == BUS_HAS_OWNER && expects_reply(l->m))
            return answer_bool(l, false) ? look_refuse(l, "no rule lets the app see this name")
                                         : look_cut("too many answers wait for the app");
        if (how == BUS_GET_OWNER)
            return refuse(l, ERROR("NameHasNoOwner"), "no rule lets the app see this name");
        return level < LEVEL_SEE ? hide(l) : deny(l, "the name's rule does not go so far");
    }
    if (how == BUS_GIVES_BACK || strcmp(l->m->member, "RequestName") == 0)
        names_owned(l->c, name, how == BUS_NEEDS_OWN);
    return ask_bus(l, REPLY_BUS);
}

static struct relay_verdict call_of_bus(const struct look *l)
{
    struct relay_verdict v;
    int i = bus_method(l->m);
    enum bus_how how = i < 0 ? BUS_PASS : bus_methods[i].how;
    if (i < 0)
        return deny(l, "no call to the bus that apps may make");
    if (how == BUS_PASS)
        return ask_bus(l, REPLY_BUS);
    if (how == BUS_NAMES)
        return ask_bus(l, REPLY_NAMES);
    if (l->m->body > BUS_BODY_MOST)
        return refuse(l, ERROR("LimitsExceeded"), "a call to the bus that is too long");
    if (look_needs(l, BUS_BODY_MOST, &v))
        return v;
    struct arguments a = wire_arguments(l->m, l->bytes, l->n);
    const char *text = arguments_text(&a, 's');
    if (!text)
        return refuse(l, ERROR("InvalidArgs"), "a call to the bus without its argument");
    if (how == BUS_MATCH || how == BUS_UNMATCH)
        return match_rule(l, how, text);
    if (how == BUS_PROPERTIES)
        return strcmp(text, BUS_NAME) == 0 ? ask_bus(l, REPLY_BUS)
                                           : deny(l, "no property of the bus that apps may read");
    if (!(*text == ':' ? unique_name_ok(text) : well_known_name_ok(text)))
        return refuse(l, ERROR("InvalidArgs"), "no name on a bus");
    return about_name(l, how, text);
}

/* ---- messages to others ---- */

/* A call, or a signal with a destination. */
static struct relay_verdict to_peer(const struct look *l)
{
    const char *name = l->m->destination;
    uint64_t peer = *name == ':' ? name_hash(name) : 0;
    enum level level = client_level(l->c, name);
    if (level < LEVEL_SEE)
        return hide(l);
    enum rule_answer answer = client_allow(l->c, name, RULE_CALL, l->m, NULL);
    if (answer == RULE_NEEDS_ARGS) {
        struct relay_verdict v;
        if (look_needs(l, RULES_ARGS_LOOKED_AT, &v))
            return v;
        struct arguments a = look_arguments(l);
        answer = client_allow(l->c, name, RULE_CALL, l->m, &a);
    }
    return answer == RULE_YES ? pass(l, REPLY_PEER, peer) : deny(l, "no rule allows this");
}

static struct relay_verdict reply(const struct look *l)
{
    const struct message *m = l->m;
    uint64_t peer = m->destination ? name_hash(m->destination) : 0;
    const struct reply *r = replies_find(&l->c->owed, m->reply_serial, peer, true);
    if (!peer || !r)
        return look_refuse(l, "a reply that nobody waits for");
    replies_remove(&l->c->owed, r);
    return look_pass(l);
}

static struct relay_verdict broadcast(const struct look *l)
{
    if (strcmp(l->m->interface, BUS_NAME) == 0)
        return look_refuse(l, "a signal that only the bus sends");
    return look_pass(l);
}

static struct relay_verdict hello(const struct look *l)
{
    struct client *c = l->c;
    const struct message *m = l->m;
    bool good = m->type == WIRE_CALL && m->destination && strcmp(m->destination, BUS_NAME) == 0 &&
                m->interface && strcmp(m->interface, BUS_NAME) == 0 &&
                strcmp(m->member, "Hello") == 0 && expects_reply(m) && m->body == 0;
    if (!good || m->has_reply_serial)
        return look_cut("the first message is not Hello");
    c->phase = PHASE_NAMED;
    return ask_bus(l, REPLY_HELLO);
}

static struct relay_verdict by_type(const struct look *l)
{
    const struct message *m = l->m;
    if (m->type == WIRE_RETURN || m->type == WIRE_ERROR)
        return reply(l);
    if (m->has_reply_serial)
        return deny(l, "a call or signal that says it is a reply");
    bool to_bus = m->destination && strcmp(m->destination, BUS_NAME) == 0;
    if (m->type == WIRE_SIGNAL && !m->destination)
        return broadcast(l);
    if (m->type == WIRE_SIGNAL && to_bus)
        return look_refuse(l, "the bus takes no signals");
    /* A call to nobody is one to the bus. */
    return to_bus || !m->destination ? call_of_bus(l) : to_peer(l);
}

struct relay_verdict app_judge(const struct look *l)
{
    struct client *c = l->c;
    const struct message *m = l->m;
    if (m->serial > SERIAL_MOST)
        return look_cut("a serial that the filter keeps for itself");
    /* Were one taken for the other, the reply to a list of names could pass as it is. */
    if (expects_reply(m) && replies_find(&c->asked, m->serial, 0, false))
        return look_cut("a serial that already waits for a reply");
    if (c->phase == PHASE_HELLO)
        return hello(l);
    if (m->sender && strcmp(m->sender, c->unique) != 0)
        return deny(l, "a sender that is not the app");
    if (m->head + m->body > c->bus->rules.message_most)
        return refuse(l, ERROR("LimitsExceeded"), "a message that is too long");
    return by_type(l);
}
