/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resolve/tree.h"

#include "util/str.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a. */
static uint32_t hash(const char *s)
{
    uint32_t h = 2166136261u;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return h;
}

struct node *tree_at(const struct tree *t, const char *dst)
{
    uint32_t h = hash(dst);
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i].hash == h && str_eq(t->v[i].dst, dst))
            return &t->v[i];
    return NULL;
}

/* Whether b replaces a at the same destination. */
static bool replaces(const struct node *a, const struct node *b)
{
    if (a->rank != b->rank)
        return b->rank > a->rank;
    if (a->hides != b->hides)
        return b->hides;
    if (a->kind == NODE_BIND && b->kind == NODE_BIND)
        return b->rw || !a->rw;
    return true;
}

void tree_put(struct tree *t, struct node node)
{
    struct node *old = tree_at(t, node.dst);
    node.hash = hash(node.dst);
    if (old) {
        if (replaces(old, &node))
            *old = node;
        return;
    }
    t->v = arena_grow(t->arena, t->v, t->n, &t->cap, sizeof *t->v);
    t->v[t->n++] = node;
}

const char *node_source(const struct node *n)
{
    return n->new_src ? n->new_src : n->src->real;
}

const struct node *tree_cover(const struct tree *t, const char *path)
{
    const struct node *best = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < t->n; i++) {
        size_t len = strlen(t->v[i].dst);
        if (t->v[i].kind != NODE_DIR && len >= longest && path_within(path, t->v[i].dst)) {
            best = &t->v[i];
            longest = len;
        }
    }
    return best;
}

/* The part of path below dir, with its leading slash, or "". */
static const char *below(const char *path, const char *dir)
{
    return str_eq(dir, "/") ? (path[1] ? path : "") : path + strlen(dir);
}

const char *tree_host_path(const struct tree *t, const char *path)
{
    const struct node *n = tree_cover(t, path);
    if (!n || n->kind != NODE_BIND)
        return NULL;
    const char *src = node_source(n), *rest = below(path, n->dst);
    if (str_eq(src, "/"))
        return *rest ? rest : "/";
    return arena_printf(t->arena, "%s%s", src, rest);
}

/* By path, '/' before every other byte, so that a folder's contents follow it at once. */
static int compare_paths(const void *a, const void *b)
{
    const unsigned char *x = (const void *)((const struct node *)a)->dst;
    const unsigned char *y = (const void *)((const struct node *)b)->dst;
    while (*x && *x == *y)
        x++, y++;
    int l = *x == '/' ? 1 : *x ? *x + 1 : 0, r = *y == '/' ? 1 : *y ? *y + 1 : 0;
    return l - r;
}

static bool has_children(const struct tree *t, size_t i)
{
    return i + 1 < t->n && path_within(t->v[i + 1].dst, t->v[i].dst);
}

/* Whether the mount above shows the same files under the same rules already. */
static bool same_as_above(const struct tree *t, const struct node *n, const struct node *above)
{
    if (n->kind != NODE_BIND || !above || above->kind != NODE_BIND || !n->src || n->hides || n->pin)
        return false;
    const char *rest = below(n->dst, above->dst);
    return above->rw == n->rw && above->dev == n->dev && above->noexec == n->noexec &&
           str_eq(arena_printf(t->arena, "%s%s", node_source(above), rest), n->src->real);
}

/* above: the nearest mount that holds it, or NULL. */
static bool superfluous(const struct tree *t, size_t i, const struct node *above)
{
    const struct node *n = &t->v[i];
    switch (n->kind) {
    case NODE_SYMLINK: /* visible through the mount it lies in, or a folder must be there */
        return (above && above->kind == NODE_BIND && !n->keep) || has_children(t, i);
    case NODE_DIR:
        return above && above->kind == NODE_BIND;
    case NODE_FILE:
        return above && above->kind == NODE_BIND && n->rank == RANK_BASE;
    case NODE_BIND:
        return same_as_above(t, n, above);
    case NODE_TMPFS:
    case NODE_PROC:
    case NODE_DEVPTS:
    case NODE_MQUEUE:
    default:
        return false;
    }
}

void tree_settle(struct tree *t)
{
    if (t->n > 1)
        qsort(t->v, t->n, sizeof *t->v, compare_paths);
    /* What is above must still be there when its children are judged, so nothing goes before the
     * end. In this order the mounts that hold a node are the last ones that hold the one before. */
    bool *drop = arena_alloc(t->arena, t->n + 1);
    const struct node **holding = arena_array(t->arena, t->n + 1, sizeof(struct node *));
    size_t depth = 0, kept = 0;
    for (size_t i = 0; i < t->n; i++) {
        while (depth > 0 && !path_within(t->v[i].dst, holding[depth - 1]->dst))
            depth--;
        drop[i] = superfluous(t, i, depth > 0 ? holding[depth - 1] : NULL);
        if (t->v[i].kind >= NODE_BIND)
            holding[depth++] = &t->v[i];
    }
    for (size_t i = 0; i < t->n; i++)
        if (!drop[i])
            t->v[kept++] = t->v[i];
    t->n = kept;
}

/* Backwards from end; returns where it begins. */
static char *hex(char *end, uint64_t value)
{
    do
        *--end = "0123456789abcdef"[value & 15];
    while (value >>= 4);
    return end;
}

/* Not by printf: it is half of what writing a usual plan costs. */
const char *path_identity(struct arena *a, const struct path_fact *p)
{
    char text[2 * 16 + 2], *at = text + sizeof text - 1;
    *at = '\0';
    at = hex(at, p->ino);
    *--at = ':';
    return arena_strdup(a, hex(at, p->dev));
}

static void emit_bind(const struct tree *t, const struct node *n, struct plan *out)
{
    static const char *const flags[] = {"ro", "ro,noexec", "ro,dev", "ro,dev,noexec",
                                        "rw", "rw,noexec", "rw,dev", "rw,dev,noexec"};
    /* what is made at the start has no identity yet */
    bool known = !n->new_src && n->src->ino;
    plan_add(out, PLAN_BIND, n->why, node_source(n), n->dst,
             flags[n->rw << 2 | n->dev << 1 | n->noexec],
             known ? path_identity(t->arena, n->src) : NULL, (char *)NULL);
}

static void emit_file(const struct node *n, struct plan *out)
{
    char *dst = arena_strdup(out->arena, n->dst), *mode = arena_strdup(out->arena, n->mode);
    char *content = arena_strndup(out->arena, n->content, n->size);
    const struct word words[] = {{dst, strlen(dst)}, {mode, strlen(mode)}, {content, n->size}};
    plan_add_words(out, PLAN_FILE, n->why, 3, words);
}

static void emit(const struct tree *t, const struct node *n, struct plan *out)
{
    static const enum plan_verb simple[] = {
        [NODE_PROC] = PLAN_PROC, [NODE_DEVPTS] = PLAN_DEVPTS, [NODE_MQUEUE] = PLAN_MQUEUE};
    if (n->kind == NODE_BIND)
        emit_bind(t, n, out);
    else if (n->kind == NODE_TMPFS)
        plan_add(out, PLAN_TMPFS, n->why, n->dst, n->mode, n->limit ? n->limit : "-", (char *)NULL);
    else if (n->kind == NODE_DIR)
        plan_add(out, PLAN_DIR, n->why, n->dst, n->mode, (char *)NULL);
    else if (n->kind == NODE_SYMLINK)
        plan_add(out, PLAN_SYMLINK, n->why, n->target, n->dst, (char *)NULL);
    else if (n->kind == NODE_FILE)
        emit_file(n, out);
    else
        plan_add(out, simple[n->kind], n->why, n->dst, n->mode, (char *)NULL);
}

void tree_emit(const struct tree *t, struct plan *out)
{
    for (size_t i = 0; i < t->n; i++)
        emit(t, &t->v[i], out);
    for (size_t i = t->n; i-- > 0;)
        if (t->v[i].kind == NODE_TMPFS && t->v[i].seal)
            plan_add(out, PLAN_SEAL, t->v[i].why, t->v[i].dst, (char *)NULL);
}
