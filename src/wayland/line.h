/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_WAYLAND_LINE_H
#define CARREL_WAYLAND_LINE_H

#include <stdbool.h>
#include <sys/types.h>

/* A socket of packets, each of a word, a number, and perhaps a descriptor. */
enum { LINE_MOST = 64, LINE_WORD = 16 };

struct line_word {
    char word[LINE_WORD]; /* "" when it was not understood */
    unsigned number;
    int fd; /* or -1; the caller's */
};

/* Never waits. Returns 0, or -errno. */
int line_tell(int to, const char *word, unsigned number, int fd);
/* Never waits either. Returns bytes, 0 at the end, or -errno; w is set in any case. */
ssize_t line_hear(int from, struct line_word *w);
/* The pure part: n bytes. */
void line_read(struct line_word *w, const char *text, size_t n);

#endif
