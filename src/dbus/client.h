/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_DBUS_CLIENT_H
#define CARREL_DBUS_CLIENT_H

#include "dbus/auth.h"
#include "dbus/log.h"
#include "dbus/rules.h"
#include "dbus/table.h"
#include "filter/relay.h"

/*
 * One connection of the app to the bus. The verdicts are made here from bytes alone; the relay
 * carries them out, and takes what the filter itself has to say (relay_put).
 */

#define BUS_NAME "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"
/* The app's serials end here: the ones above are for calls that the filter makes itself. */
#define SERIAL_MOST 0xffff0000u

enum {
    /* Bodies of calls to the bus that are looked at. */
    BUS_BODY_MOST = 8 << 10,
    /* A list of names that comes from the bus. */
    NAMES_BODY_MOST = 1 << 20,
    OWNED_MOST = 256,
};

/* The program. */
struct bus {
    struct rules rules;
    struct log log;
    unsigned uid;
    unsigned long n_clients;
    unsigned long long passed, refused;
};

/* A name whose owner was asked for. The bus answers in the order of the questions. */
struct question {
    struct question *next;
    uint32_t serial;
    char name[];
};

enum phase {
    PHASE_AUTH,  /* lines */
    PHASE_HELLO, /* the first message must be Hello */
    PHASE_NAMED, /* it was sent: the rest waits for its reply */
    PHASE_NAMES, /* who has the names of the rules is being asked: the rest waits */
    PHASE_OPEN,
};

struct client {
    struct bus *bus;
    struct relay_conn *conn;
    unsigned long number; /* for the log, from 1 */
    enum phase phase;
    bool bus_ready; /* it takes messages: what comes from it are messages too */
    struct auth_bus auth_bus;
    struct auth_app auth_app;
    char unique[WIRE_NAME_MOST + 1]; /* empty until the bus has said it */
    uint32_t our_serial;             /* of our last call to the bus */
    uint32_t error_serial;           /* of our last message to the app */
    unsigned names_wanted;           /* lists of names that have not come yet */
    struct question *first, **last;
    struct replies asked; /* by the app */
    struct replies owed;  /* by the app */
    struct peers peers;
    char *owned[OWNED_MOST]; /* names that it has asked for */
    unsigned n_owned, n_matches;
};

/* For the relay. */
struct client *client_new(struct bus *bus, struct relay_conn *conn);
struct relay_verdict client_judge(struct client *c, enum relay_side from, uint8_t *bytes, size_t n,
                                  unsigned fds);
void client_free(struct client *c);
/* Longest message that has to be in memory as a whole. */
enum { CLIENT_MOST = WIRE_HEAD_MOST + NAMES_BODY_MOST };

/* ---- app.c, incoming.c: messages of which the header is there ---- */

/* What is known of one message. */
struct look {
    struct client *c;
    const struct message *m;
    const uint8_t *bytes;
    size_t n; /* that are there */
};

struct relay_verdict app_judge(const struct look *l);
struct relay_verdict incoming_judge(const struct look *l);

/* More of this message must be there: up to its whole, at most `body` bytes of its body. Returns
 * false when they are. */
bool look_needs(const struct look *l, size_t body, struct relay_verdict *v);
/* What rules may look at: never more than they may count on, however much has come. */
struct arguments look_arguments(const struct look *l);
struct relay_verdict look_pass(const struct look *l);
/* Drops it and says so in the log. */
struct relay_verdict look_refuse(const struct look *l, const char *why);
struct relay_verdict look_drop(const struct look *l);
struct relay_verdict look_cut(const char *why);

/* ---- names.c: who is who ---- */

/* The level of any name, unique ones too. */
enum level client_level(const struct client *c, const char *name);
/* rules_allow for any name. */
enum rule_answer client_allow(const struct client *c, const char *name, enum rule_kind kind,
                              const struct message *m, const struct arguments *a);
/* Begins to ask who has the names of the rules. False: it can not be asked. */
bool names_begin(struct client *c);
/* A reply to one of our own calls. False: the bus does not make sense. */
bool names_reply(const struct look *l, enum reply_kind kind);
/* Whether a NameOwnerChanged is for the app; learns from it. */
bool names_changed(const struct look *l);
/* A list of names as the app may see it, in place of the bus' own. False: too long. */
bool names_filter(const struct look *l);
/* The rules have changed from these. */
void names_new_rules(struct client *c, const struct rules *old);
/* The app has asked for a name, or given it back. */
void names_owned(struct client *c, const char *name, bool owned);

/* ---- answer.c: what the filter says itself ---- */

bool answer_error(const struct look *l, const char *error, const char *text);
bool answer_bool(const struct look *l, bool value);
bool answer_number(const struct look *l, uint32_t value);
/* To a peer, in place of the app. */
bool answer_peer_error(const struct look *l, const char *error, const char *text);
/* A call to the bus; a reply of this kind is expected, or none (REPLY_NONE). Returns its serial,
 * or 0. */
uint32_t call_bus(struct client *c, const char *member, const char *argument, enum reply_kind kind);

#endif
