/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "facts/gvdb.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { HEADER_BYTES = 24, ITEM_BYTES = 24, MAX_STRING = 4096, MAX_DEPTH = 64 };

struct span {
    const unsigned char *p;
    size_t n;
};

/* The hash table between the file's header and its values. */
struct table {
    struct span file, buckets, items;
    uint32_t n_buckets, n_items;
};

static uint32_t u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool part(struct span whole, uint32_t start, uint32_t end, struct span *out)
{
    if (start > end || end > whole.n)
        return false;
    *out = (struct span){whole.p + start, end - start};
    return true;
}

/* Header: "GVariant", version 0, options, where the root table is. Table: the number of words in a
 * Bloom filter (27 bits of it) and of buckets, both, then items up to its end. */
static bool open_table(struct span file, struct table *t)
{
    struct span root;
    if (file.n < HEADER_BYTES || memcmp(file.p, "GVariant", 8) != 0 || u32(file.p + 8) != 0 ||
        !part(file, u32(file.p + 16), u32(file.p + 20), &root) || root.n < 8)
        return false;
    uint64_t bloom = 4 * (uint64_t)(u32(root.p) & 0x7ffffff), buckets = 4ull * u32(root.p + 4);
    if (8 + bloom + buckets > root.n)
        return false;
    t->file = file;
    t->buckets = (struct span){root.p + 8 + bloom, (size_t)buckets};
    t->items = (struct span){t->buckets.p + buckets, root.n - (size_t)(8 + bloom + buckets)};
    t->n_buckets = u32(root.p + 4);
    t->n_items = (uint32_t)(t->items.n / ITEM_BYTES);
    return true;
}

/* Item: hash, parent's number, where its part of the key is, how long that is (16 bits), type. */
static const unsigned char *item_at(const struct table *t, uint32_t i)
{
    return t->items.p + (size_t)i * ITEM_BYTES;
}

/* Each item has the last part of its key and leads to the one with the part before. */
static bool has_key(const struct table *t, uint32_t i, const char *key, size_t n)
{
    for (int depth = 0; depth < MAX_DEPTH && i < t->n_items; depth++) {
        const unsigned char *item = item_at(t, i);
        uint32_t start = u32(item + 8), size = item[12] | (uint32_t)item[13] << 8;
        struct span text;
        if (start > UINT32_MAX - size || !part(t->file, start, start + size, &text) || size > n ||
            memcmp(key + n - size, text.p, size) != 0)
            return false;
        n -= size;
        i = u32(item + 4);
        if (i == UINT32_MAX)
            return n == 0;
    }
    return false;
}

/* Bernstein's hash over signed characters, as GLib's g_str_hash. */
static uint32_t hash(const char *key)
{
    uint32_t h = 5381;
    for (; *key; key++)
        h = h * 33 + (uint32_t)(signed char)*key;
    return h;
}

static bool find(const struct table *t, const char *key, struct span *value)
{
    uint32_t h = hash(key), bucket = t->n_buckets ? h % t->n_buckets : 0;
    if (!t->n_buckets)
        return false;
    uint32_t i = u32(t->buckets.p + 4 * (size_t)bucket);
    uint32_t end =
        bucket + 1 < t->n_buckets ? u32(t->buckets.p + 4 * ((size_t)bucket + 1)) : t->n_items;
    for (end = end < t->n_items ? end : t->n_items; i < end; i++) {
        const unsigned char *item = item_at(t, i);
        if (u32(item) == h && item[14] == 'v' && has_key(t, i, key, strlen(key)))
            return part(t->file, u32(item + 16), u32(item + 20), value);
    }
    return false;
}

/* ---- values ---- */

static const char *quoted(struct arena *a, struct span s)
{
    const unsigned char *nul = memchr(s.p, '\0', s.n);
    if (!nul || nul != s.p + s.n - 1 || s.n > MAX_STRING)
        return NULL;
    char *out = arena_alloc(a, 2 * s.n + 3), *o = out;
    *o++ = '\'';
    for (const unsigned char *p = s.p; p < nul; p++) {
        if (*p == '\'' || *p == '\\')
            *o++ = '\\';
        *o++ = (char)*p;
    }
    *o++ = '\'';
    *o = '\0';
    return out;
}

static const char *number(struct arena *a, const unsigned char *p)
{
    uint64_t bits = (uint64_t)u32(p + 4) << 32 | u32(p);
    double d;
    memcpy(&d, &bits, sizeof d);
    /* A double's text has a point, or it would be read as an integer. No setting is that great. */
    return isfinite(d) && fabs(d) < 1e6 ? arena_printf(a, "%f", d) : NULL;
}

/* A variant is its value, a NUL and the value's type. */
static const char *text_of(struct arena *a, struct span v)
{
    if (v.n < 2 || v.p[v.n - 2] != '\0')
        return NULL;
    char type = (char)v.p[v.n - 1];
    v.n -= 2;
    if (type == 's')
        return v.n ? quoted(a, v) : NULL;
    if (type == 'b')
        return v.n == 1 && v.p[0] < 2 ? arena_strdup(a, v.p[0] ? "true" : "false") : NULL;
    if (type == 'i' && v.n == 4)
        return arena_printf(a, "%" PRId32, (int32_t)u32(v.p));
    if (type == 'u' && v.n == 4)
        return arena_printf(a, "%" PRIu32, u32(v.p));
    return type == 'd' && v.n == 8 ? number(a, v.p) : NULL;
}

const char *gvdb_lookup(struct arena *a, const char *data, size_t size, const char *key)
{
    struct table t;
    struct span value;
    if (!open_table((struct span){(const unsigned char *)data, size}, &t) || !find(&t, key, &value))
        return NULL;
    return text_of(a, value);
}
