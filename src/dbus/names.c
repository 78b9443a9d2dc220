/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who has which name. The rules speak of well-known names, but messages come from unique ones: so
 * after Hello the bus is asked who has the names of the rules, and to tell when that changes. A
 * unique name keeps what a name has once given it: the bus never gives it to somebody else, and
 * otherwise a message that is on its way when the name is given back would be lost.
 */
#include "dbus/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- levels ---- */

static enum level most(enum level a, enum level b)
{
    return a > b ? a : b;
}

enum level client_level(const struct client *c, const char *name)
{
    if (strcmp(name, BUS_NAME) == 0)
        return LEVEL_TALK;
    if (*name != ':')
        return rules_level(&c->bus->rules, name);
    if (strcmp(name, c->unique) == 0)
        return LEVEL_TALK;
    const struct peer *p = peers_find(&c->peers, name);
    enum level level = (p && p->seen) || c->bus->rules.sloppy ? LEVEL_SEE : LEVEL_NONE;
    for (unsigned i = 0; p && i < p->n_names; i++)
        level = most(level, rules_level(&c->bus->rules, p->names[i]));
    return level;
}

enum rule_answer client_allow(const struct client *c, const char *name, enum rule_kind kind,
                              const struct message *m, const struct arguments *a)
{
    if (*name != ':')
        return rules_allow(&c->bus->rules, name, kind, m, a);
    if (strcmp(name, c->unique) == 0)
        return RULE_YES;
    const struct peer *p = peers_find(&c->peers, name);
    enum rule_answer answer = RULE_NO;
    for (unsigned i = 0; p && i < p->n_names && answer != RULE_YES; i++) {
        enum rule_answer one = rules_allow(&c->bus->rules, p->names[i], kind, m, a);
        if (one > answer || one == RULE_YES)
            answer = one;
    }
    return answer;
}

/* ---- asking ---- */

static bool watch(struct client *c, const char *method, const char *name, bool below)
{
    char match[WIRE_NAME_MOST + 160];
    snprintf(match, sizeof match,
             "type='signal',sender='" BUS_NAME "',path='" BUS_PATH "',interface='" BUS_NAME
             "',member='NameOwnerChanged',arg0%s='%s'",
             below ? "namespace" : "", name);
    return call_bus(c, method, match, REPLY_NONE) != 0;
}

/* Calls the bus for each name of a that b does not mention in the same form. */
static bool watch_all(struct client *c, const char *method, const struct rules *a,
                      const struct rules *b)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct rule *r = &a->v[i];
        bool again = false;
        for (size_t k = i; k-- > 0 && strcmp(a->v[k].name, r->name) == 0;)
            again = again || a->v[k].below == r->below;
        if (again || (b && rules_mention(b, r->name, r->below)))
            continue;
        if (!watch(c, method, r->name, r->below))
            return false;
    }
    return true;
}

static bool ask(struct client *c, const char *name)
{
    size_t n = strlen(name) + 1;
    struct question *q = malloc(sizeof *q + n);
    if (!q)
        return false;
    q->next = NULL;
    memcpy(q->name, name, n);
    q->serial = call_bus(c, "GetNameOwner", name, REPLY_OURS_OWNER);
    *c->last = q;
    c->last = &q->next;
    return q->serial != 0;
}

/* When nothing is open any more the app may go on. */
static void look_whether_done(struct client *c)
{
    if (c->phase != PHASE_NAMES || c->names_wanted || c->first)
        return;
    c->phase = PHASE_OPEN;
    relay_resume(c->conn, RELAY_CLIENT);
}

static bool begin(struct client *c)
{
    c->phase = PHASE_NAMES;
    c->names_wanted++;
    return call_bus(c, "ListNames", NULL, REPLY_OURS_NAMES) != 0;
}

bool names_begin(struct client *c)
{
    if (c->bus->rules.n == 0) {
        c->phase = PHASE_OPEN;
        relay_resume(c->conn, RELAY_CLIENT);
        return true;
    }
    return watch_all(c, "AddMatch", &c->bus->rules, NULL) && begin(c);
}

static bool ask_for_owners(const struct look *l)
{
    struct client *c = l->c;
    struct arguments a = wire_arguments(l->m, l->bytes, l->n);
    size_t end;
    const char *name;
    c->names_wanted--;
    if (l->m->type != WIRE_RETURN || !arguments_array(&a, &end))
        return false;
    while ((name = array_text(&a, end)))
        if (*name != ':' && strcmp(name, BUS_NAME) != 0 &&
            rules_level(&c->bus->rules, name) > LEVEL_NONE && !ask(c, name))
            return false;
    return a.at == end;
}

bool names_reply(const struct look *l, enum reply_kind kind)
{
    struct client *c = l->c;
    struct question *q = c->first;
    if (kind == REPLY_OURS_NAMES) {
        bool good = ask_for_owners(l);
        look_whether_done(c);
        return good;
    }
    if (!q || q->serial != l->m->reply_serial)
        return false;
    c->first = q->next;
    if (!c->first)
        c->last = &c->first;
    if (l->m->type == WIRE_RETURN) {
        struct arguments a = wire_arguments(l->m, l->bytes, l->n);
        const char *owner = arguments_text(&a, 's');
        if (owner && *owner == ':')
            peers_owns(&c->peers, owner, q->name);
    }
    free(q);
    look_whether_done(c);
    return true;
}

/* ---- what the bus tells ---- */

bool names_changed(const struct look *l)
{
    struct client *c = l->c;
    struct arguments a = wire_arguments(l->m, l->bytes, l->n);
    const char *name = arguments_text(&a, 's');
    const char *before = name ? arguments_text(&a, 's') : NULL;
    const char *now = before ? arguments_text(&a, 's') : NULL;
    if (!now || client_level(c, name) < LEVEL_SEE)
        return false;
    if (*name != ':' && *now == ':')
        peers_owns(&c->peers, now, name);
    return true;
}

bool names_filter(const struct look *l)
{
    struct client *c = l->c;
    struct arguments a = wire_arguments(l->m, l->bytes, l->n), again = a;
    size_t end = 0, size = 1024;
    const char *name;
    if (!arguments_array(&a, &end))
        return false;
    while ((name = array_text(&a, end)))
        if (client_level(c, name) >= LEVEL_SEE)
            size += strlen(name) + 8;
    struct out o = {malloc(size), 0, size};
    if (!o.v || !arguments_array(&again, &end)) {
        free(o.v);
        return false;
    }
    wire_begin(&o, l->m);
    size_t at = wire_put_array(&o);
    while ((name = array_text(&again, end)))
        if (client_level(c, name) >= LEVEL_SEE)
            wire_put_text(&o, name);
    wire_end_array(&o, at);
    bool good = wire_end(&o) && relay_put(c->conn, RELAY_CLIENT, o.v, o.n) == 0;
    free(o.v);
    return good;
}

/* ---- other rules, while it runs ---- */

void names_owned(struct client *c, const char *name, bool owned)
{
    unsigned i = 0;
    while (i < c->n_owned && strcmp(c->owned[i], name) != 0)
        i++;
    if (!owned && i < c->n_owned) {
        free(c->owned[i]);
        c->owned[i] = c->owned[--c->n_owned];
    } else if (owned && i == c->n_owned && i < OWNED_MOST) {
        c->owned[i] = strdup(name);
        c->n_owned += c->owned[i] != NULL;
    }
}

void names_new_rules(struct client *c, const struct rules *old)
{
    const struct rules *now = &c->bus->rules;
    if (c->phase < PHASE_NAMES)
        return; /* it will begin with them */
    bool good = watch_all(c, "RemoveMatch", old, now) && watch_all(c, "AddMatch", now, old);
    for (unsigned i = c->n_owned; good && i-- > 0;) {
        if (rules_level(now, c->owned[i]) == LEVEL_OWN)
            continue;
        good = call_bus(c, "ReleaseName", c->owned[i], REPLY_NONE) != 0;
        names_owned(c, c->owned[i], false);
    }
    if (!good || !begin(c))
        relay_cut(c->conn, "the bus can not be asked about the new rules");
}
