/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/table.h"

#include <stdlib.h>
#include <string.h>

uint64_t name_hash(const char *name)
{
    uint64_t h = 0xcbf29ce484222325; /* FNV-1a; the bus chooses unique names, not the app */
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 0x100000001b3;
    return h ? h : 1;
}

/* ---- replies ---- */

static size_t slot(const struct replies *t, uint32_t serial)
{
    return (serial * 0x9e3779b1u >> 7) & (t->cap - 1);
}

const struct reply *replies_find(const struct replies *t, uint32_t serial, uint64_t peer,
                                 bool match_peer)
{
    if (!t->cap)
        return NULL;
    for (size_t i = slot(t, serial); t->v[i].kind; i = (i + 1) & (t->cap - 1))
        if (t->v[i].serial == serial && (!match_peer || t->v[i].peer == peer))
            return &t->v[i];
    return NULL;
}

static void place(struct replies *t, struct reply r)
{
    size_t i = slot(t, r.serial);
    while (t->v[i].kind)
        i = (i + 1) & (t->cap - 1);
    t->v[i] = r;
}

bool replies_add(struct replies *t, struct reply r, size_t most)
{
    if (t->n >= most)
        return false;
    if (t->n * 2 >= t->cap) {
        struct replies old = *t;
        size_t cap = old.cap ? old.cap * 2 : 16;
        struct reply *v = calloc(cap, sizeof *v);
        if (!v)
            return false;
        t->v = v;
        t->cap = cap;
        for (size_t i = 0; i < old.cap; i++)
            if (old.v[i].kind)
                place(t, old.v[i]);
        free(old.v);
    }
    place(t, r);
    t->n++;
    return true;
}

void replies_remove(struct replies *t, const struct reply *r)
{
    size_t mask = t->cap - 1, hole = (size_t)(r - t->v);
    /* What stands behind the hole and belongs at it or before moves up. */
    for (size_t i = (hole + 1) & mask; t->v[i].kind; i = (i + 1) & mask) {
        size_t home = slot(t, t->v[i].serial);
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        t->v[hole] = t->v[i];
        hole = i;
    }
    t->v[hole] = (struct reply){0};
    t->n--;
    if (t->n == 0 && t->cap > 1024)
        replies_free(t);
}

void replies_free(struct replies *t)
{
    free(t->v);
    *t = (struct replies){0};
}

/* ---- peers ---- */

struct peer *peers_find(const struct peers *t, const char *name)
{
    uint64_t h = name_hash(name);
    struct peer *p = t->bucket[h % PEER_BUCKETS];
    while (p && (p->hash != h || strcmp(p->name, name) != 0))
        p = p->next;
    return p;
}

static void forget(struct peers *t, struct peer *p)
{
    struct peer **at = &t->bucket[p->hash % PEER_BUCKETS];
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    *(p->older ? &p->older->newer : &t->oldest) = p->newer;
    *(p->newer ? &p->newer->older : &t->newest) = p->older;
    t->n--;
    t->n_nameless -= p->n_names == 0;
    for (unsigned i = 0; i < p->n_names; i++)
        free(p->names[i]);
    free(p->names);
    free(p);
}

static void make_room(struct peers *t)
{
    struct peer *p = t->oldest;
    if (t->n_nameless >= PEERS_SEEN_MOST)
        while (p->n_names)
            p = p->newer;
    else if (t->n < PEERS_MOST)
        return;
    forget(t, p);
}

static struct peer *get(struct peers *t, const char *name)
{
    struct peer *p = peers_find(t, name);
    if (p)
        return p;
    make_room(t);
    size_t n = strlen(name) + 1;
    p = calloc(1, sizeof *p + n);
    if (!p)
        return NULL;
    memcpy(p->name, name, n);
    p->hash = name_hash(name);
    p->next = t->bucket[p->hash % PEER_BUCKETS];
    t->bucket[p->hash % PEER_BUCKETS] = p;
    p->older = t->newest;
    *(p->older ? &p->older->newer : &t->oldest) = p;
    t->newest = p;
    t->n++;
    t->n_nameless++;
    return p;
}

void peers_seen(struct peers *t, const char *name)
{
    struct peer *p = get(t, name);
    if (p)
        p->seen = true;
}

void peers_owns(struct peers *t, const char *name, const char *owned)
{
    struct peer *p = get(t, name);
    if (!p || p->n_names == PEER_NAMES_MOST)
        return;
    for (unsigned i = 0; i < p->n_names; i++)
        if (strcmp(p->names[i], owned) == 0)
            return;
    char **names = realloc(p->names, (p->n_names + 1) * sizeof *names), *copy = strdup(owned);
    if (names)
        p->names = names;
    if (!names || !copy) {
        free(copy);
        return;
    }
    t->n_nameless -= p->n_names == 0;
    p->names[p->n_names++] = copy;
}

void peers_free(struct peers *t)
{
    while (t->oldest)
        forget(t, t->oldest);
}
