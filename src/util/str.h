/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_UTIL_STR_H
#define CARREL_UTIL_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))

static inline bool str_eq(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* The rest of s behind prefix, or NULL when s does not begin with it. */
static inline const char *str_after(const char *s, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/*
 * The candidate that a person most likely meant by `word`, for "did you mean" hints, or NULL when
 * nothing is near (edit distance over 2, or over a third of the word; case does not count).
 */
const char *str_nearest(const char *word, const char *const *candidates, size_t n);

/* Whether path equals dir or lies below it; both absolute and normalised. "/" holds everything. */
bool path_within(const char *path, const char *dir);

#endif
