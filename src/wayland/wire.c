/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wayland/wire.h"

#include "wayland/session.h"

#include <stdbool.h>

int way_message_size(const uint8_t *p, size_t n)
{
    if (n < WAY_HEADER)
        return 0;
    uint32_t size = way_word(p + 4) >> 16;
    return size < WAY_HEADER || size % 4 ? -1 : (int)size;
}

struct cursor {
    uint8_t *p;
    size_t left;
};

static bool take_word(struct cursor *c, uint32_t *v)
{
    if (c->left < 4)
        return false;
    *v = way_word(c->p);
    c->p += 4;
    c->left -= 4;
    return true;
}

/* Bytes behind their size, filled up to a multiple of four. */
static bool take_bytes(struct cursor *c, uint8_t **at, uint32_t *size)
{
    if (!take_word(c, size) || *size > c->left)
        return false;
    size_t whole = ((size_t)*size + 3) & ~(size_t)3;
    if (whole > c->left)
        return false;
    *at = c->p;
    c->p += whole;
    c->left -= whole;
    return true;
}

static bool take_string(struct cursor *c, uint8_t **at, uint32_t *size, bool may_be_null)
{
    if (!take_bytes(c, at, size))
        return false;
    return *size ? (*at)[*size - 1] == '\0' : may_be_null;
}

static bool take(struct cursor *c, struct way_arg *a)
{
    a->at = c->p;
    switch (a->letter) {
    case 's':
    case 'S':
        return take_string(c, &a->at, &a->value, a->letter == 'S');
    case 'a':
        return take_bytes(c, &a->at, &a->value);
    case 'N':
        return take_string(c, &a->at, &a->length, false) && take_word(c, &a->version) &&
               take_word(c, &a->value) && a->value;
    case 'h':
        return true;
    case 'n':
    case 'o':
        return take_word(c, &a->value) && a->value;
    default:
        return take_word(c, &a->value);
    }
}

int way_read(const struct way_message *m, uint8_t *body, size_t size, struct way_args *out)
{
    struct cursor c = {body, size};
    out->n = out->fds = 0;
    for (const char *letter = m->args; *letter; letter++) {
        struct way_arg *a = &out->v[out->n];
        *a = (struct way_arg){.letter = *letter, .interface = m->types[out->n]};
        if (!take(&c, a))
            return -1;
        out->n++;
        out->fds += *letter == 'h';
    }
    return c.left ? -1 : 0;
}
