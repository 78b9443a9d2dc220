/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/str.h"

#define LONGEST 64

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Edit distance (Wagner and Fischer, 1974, two rows), whatever the case of the letters is. */
static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
    size_t row[LONGEST + 1];
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[nb];
}

const char *str_nearest(const char *word, const char *const *candidates, size_t n)
{
    size_t len = strlen(word), limit = len / 3 < 2 ? len / 3 : 2;
    const char *best = NULL;
    if (len == 0 || len > LONGEST)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t other = strlen(candidates[i]);
        if (other > LONGEST)
            continue;
        size_t d = distance(word, len, candidates[i], other);
        if (d <= limit) {
            best = candidates[i];
            if (d == 0)
                break;
            limit = d - 1;
        }
    }
    return best;
}

/* By one look at each byte: a start asks this some thousand times. */
bool path_within(const char *path, const char *dir)
{
    if (dir[0] == '/' && !dir[1])
        return true;
    for (; *dir; path++, dir++)
        if (*path != *dir)
            return false;
    return *path == '\0' || *path == '/';
}
