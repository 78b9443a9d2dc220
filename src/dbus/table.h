/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_DBUS_TABLE_H
#define CARREL_DBUS_TABLE_H

#include "dbus/rules.h"

/* What a connection remembers. All of it is bounded. */

uint64_t name_hash(const char *name);

/* ---- calls whose reply has not come yet ---- */

/* What is to be done with a reply. */
enum reply_kind {
    REPLY_NONE, /* no such call */
    REPLY_PEER, /* from whom it was called */
    REPLY_BUS,  /* from the bus, passed as it is */
    REPLY_HELLO,
    REPLY_NAMES, /* from the bus, a list of names that is to be filtered */
    REPLY_OURS_NAMES,
    REPLY_OURS_OWNER, /* to calls that we made ourselves */
};

struct reply {
    uint64_t peer; /* name_hash of whom it must come from or go to, 0: any */
    uint32_t serial;
    uint32_t kind;
};

struct replies {
    struct reply *v; /* open addressing */
    size_t n, cap;
};

/* The place of a call, or NULL. match_peer: peer counts as part of the key. */
const struct reply *replies_find(const struct replies *t, uint32_t serial, uint64_t peer,
                                 bool match_peer);
/* False: there are `most` already, or no memory. The serial (with the peer) must be new. */
bool replies_add(struct replies *t, struct reply r, size_t most);
void replies_remove(struct replies *t, const struct reply *r);
void replies_free(struct replies *t);

/* ---- unique names that the app knows of ---- */

enum { PEERS_MOST = 4096, PEERS_SEEN_MOST = 1024, PEER_NAMES_MOST = 64, PEER_BUCKETS = 64 };

struct peer {
    struct peer *next; /* of its bucket */
    struct peer *older, *newer;
    uint64_t hash;
    bool seen; /* it has spoken to the app */
    unsigned n_names;
    char **names; /* well-known names that it has had and that a rule speaks of */
    char name[];
};

struct peers {
    struct peer *bucket[PEER_BUCKETS];
    struct peer *oldest, *newest;
    unsigned n, n_nameless;
};

struct peer *peers_find(const struct peers *t, const char *name);
/* It has spoken to the app, or has (or had) a name. When there are too many, the oldest is
 * forgotten: what may be seen only becomes less. */
void peers_seen(struct peers *t, const char *name);
void peers_owns(struct peers *t, const char *name, const char *owned);
void peers_free(struct peers *t);

#endif
