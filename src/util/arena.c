/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BLOCK_SIZE 32768

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    bool lent;
    _Alignas(max_align_t) char data[];
};

static _Noreturn void out_of_memory(void)
{
    fputs("carrel: out of memory\n", stderr);
    exit(125);
}

static struct arena_block *new_block(size_t size)
{
    struct arena_block *b = calloc(1, sizeof *b + size);
    if (!b)
        out_of_memory();
    b->size = size;
    return b;
}

/* Pages that are asked for at once cost a fraction of what as many faults do. A kernel older than
 * 5.14 does not know how: then they come one by one. Not in every header. */
enum { POPULATE_WRITE = 23 };

void arena_begin(struct arena *a, void *space, size_t size, size_t warm)
{
    madvise(space, warm, POPULATE_WRITE);
    a->head = space;
    a->head->lent = true;
    a->head->size = size - sizeof *a->head;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX / 2)
        out_of_memory();
    size = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    if (!a->head || a->head->size - a->head->used < size) {
        struct arena_block *b = new_block(size > BLOCK_SIZE ? size : BLOCK_SIZE);
        b->next = a->head;
        a->head = b;
    }
    void *p = a->head->data + a->head->used;
    a->head->used += size;
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        out_of_memory();
    return arena_alloc(a, count * size);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *p = arena_alloc(a, n + 1);
    if (n)
        memcpy(p, s, n);
    return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    /* Mostly it fits behind what is there. Where it does not, a new block is begun. */
    char *rest = a->head ? a->head->data + a->head->used : NULL;
    int n = vsnprintf(rest, a->head ? a->head->size - a->head->used : 0, fmt, ap);
    if (n < 0)
        out_of_memory();
    char *p = arena_alloc(a, (size_t)n + 1);
    if (p != rest)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *p = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return p;
}

void *arena_grow(struct arena *a, void *v, size_t n, size_t *cap, size_t elem_size)
{
    if (n < *cap)
        return v;
    size_t want = *cap ? *cap * 2 : 8;
    void *bigger = arena_array(a, want, elem_size);
    if (n)
        memcpy(bigger, v, n * elem_size);
    *cap = want;
    return bigger;
}

void arena_release(struct arena *a)
{
    for (struct arena_block *b = a->head, *next; b; b = next) {
        next = b->next;
        if (!b->lent)
            free(b);
    }
    a->head = NULL;
}
