/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The side that is read: what its owner says is bounded in size, in number and in time. */
#include "x11/clip_names.h"

#include <errno.h>

enum {
    CHANGE_ATTRIBUTES = 2,
    DESTROY_NOTIFY = 17,
    HAS_EVENT_MASK = 1 << 11,
    STRUCTURE_NOTIFY = 1 << 17,
    DELETE_PROPERTY = 19,
    GET_PROPERTY = 20,
    GET_OWNER = 23,
    CONVERT_SELECTION = 24,
    PROPERTY_NOTIFY = 28,
    SELECTION_NOTIFY = 31,
    NEW_VALUE = 0,
    MOST_TARGETS = 1024,
    MOST_OWNERS = 8,
};

struct taker {
    struct x11 *x;
    uint32_t atoms[CLIP_NAMES];
    uint32_t window;
    uint32_t owner; /* whose end we hear of */
};

/* ---- properties ---- */

static int ask_property(struct taker *t, uint32_t offset, struct x_property *out)
{
    uint8_t bytes[24];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    const uint8_t *p;
    size_t n;
    x_request(&o, GET_PROPERTY, 0);
    x_put32(&o, t->window);
    x_put32(&o, t->atoms[CLIP_PROPERTY]);
    x_put32(&o, 0); /* of any type */
    x_put32(&o, offset / 4);
    x_put32(&o, X_PART / 4);
    int r = x11_ask(t->x, &o, &p, &n);
    return r < 0 ? r : x_read_property(p, n, out) ? 0 : -EPROTO;
}

static int delete_property(struct taker *t)
{
    uint8_t bytes[12];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    x_request(&o, DELETE_PROPERTY, 0);
    x_put32(&o, t->window);
    x_put32(&o, t->atoms[CLIP_PROPERTY]);
    return x11_send(t->x, &o);
}

/* Appends all of the property to the n bytes of room, and takes it away, which tells the owner
 * that the next part may come. */
static int read_property(struct taker *t, uint8_t *p, size_t room, size_t *n, uint32_t *type,
                         unsigned *format)
{
    struct x_property part;
    uint32_t offset = 0;
    do {
        int r = ask_property(t, offset, &part);
        if (r < 0)
            return r;
        if (part.size > room - *n)
            return -EFBIG;
        /* Only the last part may be no multiple of the offset's unit. */
        if (part.left && (part.size == 0 || part.size % 4))
            return -EPROTO;
        memcpy(p + *n, part.data, part.size);
        *n += part.size;
        offset += (uint32_t)part.size;
    } while (part.left);
    *type = part.type;
    *format = part.format;
    return delete_property(t);
}

/* ---- one target ---- */

/* Waits for an event of a kind about our window: for SelectionNotify *value is the property, for
 * PropertyNotify only new values of ours count. -ESTALE: the owner is gone, and nobody answers what
 * it was asked last. */
static int await(struct taker *t, unsigned kind, uint32_t *value)
{
    for (;;) {
        const uint8_t *p;
        size_t n;
        int r = x11_next(t->x, &p, &n);
        if (r < 0)
            return r;
        if ((p[0] & 0x7f) == DESTROY_NOTIFY && x_get32(p + 8) == t->owner)
            return -ESTALE;
        if ((p[0] & 0x7f) != kind)
            continue;
        if (kind == SELECTION_NOTIFY && x_get32(p + 8) == t->window) {
            *value = x_get32(p + 20);
            return 0;
        }
        if (kind == PROPERTY_NOTIFY && x_get32(p + 4) == t->window &&
            x_get32(p + 8) == t->atoms[CLIP_PROPERTY] && p[16] == NEW_VALUE)
            return 0;
    }
}

static int read_parts(struct taker *t, uint8_t *p, size_t room, size_t *n, unsigned *format)
{
    size_t before;
    uint32_t type;
    do {
        int r = await(t, PROPERTY_NOTIFY, NULL);
        before = *n;
        if (r < 0 || (r = read_property(t, p, room, n, &type, format)) < 0)
            return r;
    } while (*n > before);
    return 0;
}

/* -ENODATA: the owner does not give it. */
static int convert(struct taker *t, enum clip_name target, uint8_t *p, size_t room, size_t *n,
                   unsigned *format)
{
    uint8_t bytes[24];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    uint32_t property, type;
    *n = 0;
    x_request(&o, CONVERT_SELECTION, 0);
    x_put32(&o, t->window);
    x_put32(&o, t->atoms[CLIP_CLIPBOARD]);
    x_put32(&o, t->atoms[target]);
    x_put32(&o, t->atoms[CLIP_PROPERTY]);
    x_put32(&o, 0); /* now */
    int r = x11_send(t->x, &o);
    if (r < 0 || (r = await(t, SELECTION_NOTIFY, &property)) < 0)
        return r;
    if (property != t->atoms[CLIP_PROPERTY])
        return -ENODATA;
    if ((r = read_property(t, p, room, n, &type, format)) < 0)
        return r;
    if (type != t->atoms[CLIP_INCR])
        return 0;
    *n = 0;
    return read_parts(t, p, room, n, format);
}

/* ---- what there is ---- */

static int ask_owner(struct taker *t, uint32_t *owner)
{
    uint8_t bytes[8];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    const uint8_t *p;
    size_t n;
    x_request(&o, GET_OWNER, 0);
    x_put32(&o, t->atoms[CLIP_CLIPBOARD]);
    int r = x11_ask(t->x, &o, &p, &n);
    *owner = r < 0 ? 0 : x_get32(p + 8);
    return r;
}

/* From here on we hear of the owner's end. That it was still the owner afterwards says that the
 * window was there to be watched. */
static int watch_owner(struct taker *t)
{
    uint8_t bytes[16];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    uint32_t still = 0;
    int r = ask_owner(t, &t->owner);
    if (r < 0 || !t->owner)
        return r;
    x_request(&o, CHANGE_ATTRIBUTES, 0);
    x_put32(&o, t->owner);
    x_put32(&o, HAS_EVENT_MASK);
    x_put32(&o, STRUCTURE_NOTIFY);
    if ((r = x11_send(t->x, &o)) == 0)
        r = ask_owner(t, &still);
    return r < 0 ? r : still == t->owner ? 0 : -ESTALE;
}

/* Of the names in the table, which ones the owner offers. An owner that lists nothing is asked for
 * plain text. */
static int look(struct taker *t, bool offered[CLIP_NAMES])
{
    static uint8_t list[4 * MOST_TARGETS];
    size_t n;
    unsigned format;
    memset(offered, 0, CLIP_NAMES * sizeof *offered);
    int r = watch_owner(t);
    if (r < 0 || !t->owner)
        return r;
    r = convert(t, CLIP_TARGETS, list, sizeof list, &n, &format);
    if (r == -ENODATA || (r == 0 && format != 32)) {
        offered[CLIP_STRING] = true;
        return 0;
    }
    for (size_t i = 0; r == 0 && i + 4 <= n; i += 4)
        for (int k = CLIP_UTF8; k < CLIP_NAMES; k++)
            offered[k] |= x_get32(list + i) == t->atoms[k];
    return r;
}

static const char *reason(int error)
{
    return error == -EFBIG       ? "it is larger than may be carried"
           : error == -ETIMEDOUT ? "whoever has copied it does not answer"
           : error == -ESTALE    ? "others keep taking the clipboard from each other"
           : error == -ENODATA   ? "there is no text and no picture in it"
           : error == -EINVAL    ? "what is said to be a picture is none"
                                 : "the X server cannot be understood";
}

static int take_text(struct taker *t, const bool *offered, struct clip *c)
{
    unsigned format;
    int r = -ENODATA;
    for (int k = CLIP_UTF8; k <= CLIP_STRING && r == -ENODATA; k++) {
        if (!offered[k])
            continue;
        r = convert(t, k, c->text, CLIP_TEXT_MOST, &c->n_text, &format);
        if (r == 0 && format != 8)
            r = c->n_text ? -EPROTO : -ENODATA;
        if (r == 0 && k == CLIP_STRING)
            c->n_text = clip_widen(c->text, c->n_text, CLIP_TEXT_MOST);
    }
    c->n_text = r < 0 ? 0 : clip_clean(c->text, c->n_text);
    return r;
}

static int take_picture(struct taker *t, const bool *offered, struct clip *c)
{
    unsigned format;
    int r = -ENODATA;
    for (int k = CLIP_PNG; k <= CLIP_BMP && r == -ENODATA; k++) {
        if (!offered[k])
            continue;
        r = convert(t, k, c->picture, CLIP_PICTURE_MOST, &c->n_picture, &format);
        c->picture_type = clip_names[k];
        if (r == 0 && (format != 8 || !clip_looks_like(clip_names[k], c->picture, c->n_picture)))
            r = -EINVAL;
    }
    if (r < 0)
        c->n_picture = 0;
    return r;
}

/* ---- the whole ---- */

typedef int fetch_fn(struct taker *t, const bool *offered, struct clip *c);

/* Whoever copies while we ask takes the clipboard from the one who was asked: then all is asked
 * once more, with a window that an old answer does not reach. */
static int from_owner(struct x11 *x, bool *offered, fetch_fn *fetch, struct clip *c)
{
    int r = -ESTALE;
    for (int i = 0; i < MOST_OWNERS && r == -ESTALE; i++) {
        struct taker t = {.x = x};
        r = clip_begin(x, t.atoms, &t.window);
        if (r == 0)
            r = look(&t, offered);
        if (r == 0 && fetch)
            r = fetch(&t, offered, c);
    }
    return r;
}

static int fetch(struct taker *t, const bool *offered, struct clip *c)
{
    c->n_text = c->n_picture = 0;
    int r = take_text(t, offered, c);
    if (r < 0 && r != -ENODATA)
        return r;
    r = take_picture(t, offered, c);
    return r == -ENODATA && c->n_text ? 0 : r;
}

int clip_take(struct x11 *x, struct clip *c)
{
    bool offered[CLIP_NAMES];
    c->n_text = c->n_picture = 0;
    int r = from_owner(x, offered, fetch, c);
    c->why = r < 0 ? reason(r) : NULL;
    return r;
}

int clip_list(struct x11 *x, const char *names[], int n, const char **why)
{
    bool offered[CLIP_NAMES];
    int r = from_owner(x, offered, NULL, NULL), k = 0;
    *why = r < 0 ? reason(r) : NULL;
    for (int i = CLIP_UTF8; r == 0 && i < CLIP_NAMES && k < n; i++)
        if (offered[i])
            names[k++] = clip_names[i];
    return r < 0 ? r : k;
}
