/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The side that is written: one who has the clipboard, and answers whoever pastes. */
#include "x11/clip_names.h"

#include <errno.h>

enum {
    CHANGE_ATTRIBUTES = 2,
    SET_OWNER = 22,
    GET_OWNER = 23,
    SEND_EVENT = 25,
    PROPERTY_NOTIFY = 28,
    SELECTION_CLEAR = 29,
    SELECTION_REQUEST = 30,
    SELECTION_NOTIFY = 31,
    HAS_EVENT_MASK = 1 << 11,
    PROPERTY_CHANGE = 1 << 22,
    DELETED = 1,
};

/* What is on its way to somebody in parts. */
struct transfer {
    uint32_t window; /* 0: the row is free */
    uint32_t property, type;
    const uint8_t *data;
    size_t left;
};

enum { MOST_TRANSFERS = 16 };

struct giver {
    struct x11 *x;
    const struct clip *clip;
    uint32_t atoms[CLIP_NAMES];
    uint32_t window;
    struct transfer transfers[MOST_TRANSFERS];
};

struct request {
    uint32_t time, window, selection, target, property;
};

/* ---- in parts ---- */

static struct transfer *free_transfer(struct giver *g)
{
    for (int i = 0; i < MOST_TRANSFERS; i++)
        if (!g->transfers[i].window)
            return &g->transfers[i];
    return NULL;
}

/* The part before was taken away. An empty one is the end. */
static int next_part(struct giver *g, struct transfer *t)
{
    size_t n = t->left < X_PART ? t->left : X_PART;
    int r = clip_set_property(g->x, t->window, t->property, t->type, 8, t->data, n);
    t->data += n;
    t->left -= n;
    if (n == 0)
        t->window = 0;
    return r;
}

static int property_changed(struct giver *g, const uint8_t *p)
{
    for (int i = 0; i < MOST_TRANSFERS; i++) {
        struct transfer *t = &g->transfers[i];
        if (p[16] == DELETED && t->window && t->window == x_get32(p + 4) &&
            t->property == x_get32(p + 8))
            return next_part(g, t);
    }
    return 0;
}

/* Returns 1: it will come; 0: there is no place for one more; or -errno. */
static int begin_parts(struct giver *g, const struct request *q, uint32_t type, const uint8_t *data,
                       size_t n)
{
    uint8_t bytes[16];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    struct transfer *t = free_transfer(g);
    uint32_t size = (uint32_t)n;
    if (!t)
        return 0;
    x_request(&o, CHANGE_ATTRIBUTES, 0);
    x_put32(&o, q->window);
    x_put32(&o, HAS_EVENT_MASK);
    x_put32(&o, PROPERTY_CHANGE);
    int r = x11_send(g->x, &o);
    if (r == 0)
        r = clip_set_property(g->x, q->window, q->property, g->atoms[CLIP_INCR], 32, &size, 1);
    *t = (struct transfer){q->window, q->property, type, data, n};
    return r < 0 ? r : 1;
}

/* ---- answers ---- */

static int give(struct giver *g, const struct request *q, uint32_t type, const uint8_t *data,
                size_t n)
{
    if (n > X_PART)
        return begin_parts(g, q, type, data, n);
    int r = clip_set_property(g->x, q->window, q->property, type, 8, data, n);
    return r < 0 ? r : 1;
}

static bool is_ascii(const struct clip *c)
{
    for (size_t i = 0; i < c->n_text; i++)
        if (c->text[i] >= 0x80)
            return false;
    return true;
}

static bool has(const struct clip *c, int name)
{
    if (name >= CLIP_PNG)
        return c->n_picture && strcmp(c->picture_type, clip_names[name]) == 0;
    return c->n_text && (name != CLIP_STRING || is_ascii(c));
}

static int give_targets(struct giver *g, const struct request *q)
{
    uint32_t list[CLIP_NAMES], n = 0;
    list[n++] = g->atoms[CLIP_TARGETS];
    list[n++] = g->atoms[CLIP_TIMESTAMP];
    for (int i = CLIP_UTF8; i < CLIP_NAMES; i++)
        if (has(g->clip, i))
            list[n++] = g->atoms[i];
    int r = clip_set_property(g->x, q->window, q->property, X_ATOM, 32, list, n);
    return r < 0 ? r : 1;
}

static int give_target(struct giver *g, const struct request *q)
{
    const struct clip *c = g->clip;
    if (q->target == g->atoms[CLIP_TARGETS])
        return give_targets(g, q);
    for (int i = CLIP_UTF8; i < CLIP_NAMES; i++) {
        if (q->target != g->atoms[i] || !has(c, i))
            continue;
        uint32_t type = i == CLIP_ANY_TEXT ? g->atoms[CLIP_UTF8] : q->target;
        return i >= CLIP_PNG ? give(g, q, type, c->picture, c->n_picture)
                             : give(g, q, type, c->text, c->n_text);
    }
    return 0;
}

static int notify(struct giver *g, const struct request *q, bool given)
{
    uint8_t bytes[12 + X_UNIT];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    x_request(&o, SEND_EVENT, 0);
    x_put32(&o, q->window);
    x_put32(&o, 0);
    x_put32(&o, SELECTION_NOTIFY);
    x_put32(&o, q->time);
    x_put32(&o, q->window);
    x_put32(&o, q->selection);
    x_put32(&o, q->target);
    x_put32(&o, given ? q->property : 0);
    x_put32(&o, 0);
    x_put32(&o, 0);
    return x11_send(g->x, &o);
}

static int answer(struct giver *g, const uint8_t *p)
{
    struct request q = {x_get32(p + 4), x_get32(p + 12), x_get32(p + 16), x_get32(p + 20),
                        x_get32(p + 24)};
    if (!q.property) /* as clients did before the conventions */
        q.property = q.target;
    int r = q.selection == g->atoms[CLIP_CLIPBOARD] ? give_target(g, &q) : 0;
    return r < 0 ? r : notify(g, &q, r > 0);
}

/* ---- owning ---- */

/* The conventions ask for the time of an event, not for "now". */
static int server_time(struct giver *g, uint32_t *time)
{
    const uint8_t *p;
    size_t n;
    int r = clip_set_property(g->x, g->window, g->atoms[CLIP_PROPERTY], X_INTEGER, 8, "", 0);
    while (r == 0 && (r = x11_next(g->x, &p, &n)) == 0)
        if ((p[0] & 0x7f) == PROPERTY_NOTIFY && x_get32(p + 4) == g->window) {
            *time = x_get32(p + 12);
            return 0;
        }
    return r;
}

static int become_owner(struct giver *g)
{
    uint8_t bytes[16];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    uint32_t time = 0;
    int r = clip_begin(g->x, g->atoms, &g->window);
    if (r < 0 || (r = server_time(g, &time)) < 0)
        return r;
    x_request(&o, SET_OWNER, 0);
    x_put32(&o, g->window);
    x_put32(&o, g->atoms[CLIP_CLIPBOARD]);
    x_put32(&o, time);
    if ((r = x11_send(g->x, &o)) < 0)
        return r;
    x_request(&o, GET_OWNER, 0);
    x_put32(&o, g->atoms[CLIP_CLIPBOARD]);
    return x11_send(g->x, &o);
}

/* Returns 1 when it is over. Somebody may paste before we know that we are the owner. */
static int handle(struct giver *g, const uint8_t *p, void (*owned)(void *), void *arg)
{
    unsigned kind = p[0] & 0x7f;
    if (p[0] == X_REPLY && x_get32(p + 8) != g->window)
        return -EBUSY;
    if (p[0] == X_REPLY)
        owned(arg);
    else if (kind == SELECTION_CLEAR && x_get32(p + 8) == g->window)
        return 1;
    else if (kind == SELECTION_REQUEST && x_get32(p + 8) == g->window)
        return answer(g, p);
    else if (kind == PROPERTY_NOTIFY)
        return property_changed(g, p);
    return 0;
}

int clip_give(struct x11 *x, const struct clip *c, void (*owned)(void *), void *arg)
{
    struct giver g = {.x = x, .clip = c};
    int r = become_owner(&g);
    while (r == 0) {
        const uint8_t *p;
        size_t n;
        r = x11_next(x, &p, &n);
        if (r == 0)
            r = handle(&g, p, owned, arg);
    }
    return r < 0 ? r : 0;
}
