/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x11/untrust.h"

#include "util/word.h"

/* ---- settings ---- */

static bool is(const struct word *w, const char *name)
{
    return w->n == strlen(name) && memcmp(w->s, name, w->n) == 0;
}

static const char *read_line(struct untrust *u, char *line, size_t size)
{
    struct word w[2];
    char *comment;
    if (word_split(line, size, w, 2, &comment) != 2)
        return "a line has two words";
    if (is(&w[0], "socket") && !u->socket && w[1].s[0] == '/' && !memchr(w[1].s, 0, w[1].n)) {
        u->socket = w[1].s;
        return NULL;
    }
    if (is(&w[0], "cookie") && !u->cookie && w[1].n && w[1].n <= UNTRUST_COOKIE) {
        u->cookie = w[1].s;
        u->size = w[1].n;
        return NULL;
    }
    if (is(&w[0], "as") && is(&w[1], "person") && !u->person) {
        u->person = true;
        return NULL;
    }
    return "a line is not known, or there twice";
}

const char *untrust_read(struct untrust *u, char *text, size_t n)
{
    size_t head = strlen(UNTRUST_HEADER), at = head + 1;
    *u = (struct untrust){.socket = NULL};
    if (n <= head || memcmp(text, UNTRUST_HEADER "\n", head + 1) != 0)
        return "not the settings of an X relay";
    while (at < n) {
        char *end = memchr(text + at, '\n', n - at);
        size_t size = end ? (size_t)(end - text) - at : n - at;
        const char *error = end ? read_line(u, text + at, size) : "the last line has no end";
        if (error)
            return error;
        at += size + 1;
    }
    return u->socket && (u->cookie || u->person) ? NULL : "no socket, or no cookie";
}

/* ---- the first message ---- */

static unsigned get16(const uint8_t *p, bool little)
{
    return little ? (unsigned)p[1] << 8 | p[0] : (unsigned)p[0] << 8 | p[1];
}

static void set16(uint8_t *p, bool little, unsigned v)
{
    p[little ? 1 : 0] = (uint8_t)(v >> 8);
    p[little ? 0 : 1] = (uint8_t)v;
}

static size_t padded(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

int untrust_size(const uint8_t *p, size_t n)
{
    if (n && p[0] != 'l' && p[0] != 'B')
        return -1;
    if (n < UNTRUST_HEAD)
        return 0;
    bool little = p[0] == 'l';
    size_t size = UNTRUST_HEAD + padded(get16(p + 6, little)) + padded(get16(p + 8, little));
    return size > UNTRUST_MOST ? -1 : (int)size;
}

size_t untrust_setup(const struct untrust *u, const uint8_t *p, uint8_t *out)
{
    static const char protocol[] = "MIT-MAGIC-COOKIE-1";
    const size_t n = u->size ? sizeof protocol - 1 : 0, cookie = UNTRUST_HEAD + padded(n);
    bool little = p[0] == 'l';
    memset(out, 0, UNTRUST_SETUP);
    memcpy(out, p, 6); /* the order, and the version that it speaks */
    set16(out + 6, little, (unsigned)n);
    set16(out + 8, little, (unsigned)u->size);
    memcpy(out + UNTRUST_HEAD, protocol, n);
    if (u->size)
        memcpy(out + cookie, u->cookie, u->size);
    return cookie + padded(u->size);
}
