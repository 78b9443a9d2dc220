/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_UTIL_ARENA_H
#define CARREL_UTIL_ARENA_H

#include <stdarg.h>
#include <stddef.h>

/*
 * One bump allocator per command. Policy, facts and plan live in it until the program execs or
 * exits, so nothing in the front end is freed piece by piece and no object has two owners.
 * Memory comes zeroed. When the system has none left the program says so and exits with 125:
 * there is nothing useful it could do.
 */
struct arena_block;

struct arena {
    struct arena_block *head;
};

void *arena_alloc(struct arena *a, size_t size);
/* Begins an empty arena in memory of the caller, zeroed, aligned to ARENA_PAGE and not too small
 * for a block's head. Its first `warm` bytes, whole pages, are sure to be used. More comes from the
 * system when it is full.
 */
#define ARENA_PAGE 4096 /* where pages are larger, nothing is made ready */
void arena_begin(struct arena *a, void *space, size_t size, size_t warm);
/* Like arena_alloc for count * size, with the product checked for overflow. */
void *arena_array(struct arena *a, size_t count, size_t size);
char *arena_strdup(struct arena *a, const char *s);
/* Copies n bytes and adds a NUL behind them. */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
/*
 * Makes room for one more element in a vector that lives in the arena: returns the (perhaps
 * moved) vector; *cap is updated. The old copy stays in the arena, which is fine as vectors double.
 */
void *arena_grow(struct arena *a, void *v, size_t n, size_t *cap, size_t elem_size);
/* Gives all memory back; the arena can be used again. */
void arena_release(struct arena *a);

#endif
