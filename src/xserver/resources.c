/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xserver/resources.h"

#include <stdbool.h>
#include <string.h>

enum { LEAST_DPI = 30, MOST_DPI = 600 };

static bool begins(const uint8_t *line, size_t n, const char *word)
{
    size_t k = strlen(word);
    return n >= k && memcmp(line, word, k) == 0;
}

/* A name, a colon and a value, without the escapes that xrdb knows. */
static bool is_plain(const uint8_t *line, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((line[i] < ' ' && line[i] != '\t') || line[i] > '~' || line[i] == '\\')
            return false;
    return memchr(line, ':', n) != NULL;
}

/* "144", also "144.5"; 0: no size that can be. */
static unsigned read_dpi(const uint8_t *s, size_t n)
{
    unsigned v = 0;
    while (n && (*s == ' ' || *s == '\t')) {
        s++;
        n--;
    }
    for (size_t i = 0; i < n && s[i] >= '0' && s[i] <= '9' && v <= MOST_DPI; i++)
        v = 10 * v + s[i] - '0';
    return v < LEAST_DPI || v > MOST_DPI ? 0 : v;
}

static void read_line(const uint8_t *line, size_t n, struct resources *out)
{
    static const char dpi[] = "Xft.dpi:";
    if (!(begins(line, n, "Xft.") || begins(line, n, "Xcursor.")) || !is_plain(line, n))
        return;
    if (begins(line, n, dpi))
        out->dpi = read_dpi(line + strlen(dpi), n - strlen(dpi));
    if (n >= sizeof out->text - out->n)
        return;
    memcpy(out->text + out->n, line, n);
    out->text[out->n + n] = '\n';
    out->n += n + 1;
}

void resources_read(const uint8_t *s, size_t n, struct resources *out)
{
    *out = (struct resources){.n = 0};
    while (n) {
        const uint8_t *end = memchr(s, '\n', n);
        size_t size = end ? (size_t)(end - s) : n;
        read_line(s, size, out);
        s += end ? size + 1 : size;
        n -= end ? size + 1 : size;
    }
}
