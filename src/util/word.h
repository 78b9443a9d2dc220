/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_UTIL_WORD_H
#define CARREL_UTIL_WORD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The escaped words that plans and facts are made of. A word holds only the bytes 0x21..0x7e
 * less '\' and '#'; every other byte is written \xNN (two lower-case hex digits), the empty word
 * is written \e. So a word never holds a blank, a newline or a control character, and a line
 * can be shown on a terminal as it is. Heap-free: the core links this file.
 */

/* A run of bytes, not owned. Where word_split made it, a NUL stands behind it. */
struct word {
    char *s;
    size_t n;
};

enum {
    WORD_BAD_ESCAPE = -1, /* a '\' without a valid escape behind it */
    WORD_TOO_MANY = -2,   /* more words than fit */
    WORD_BAD_BYTE = -3,   /* a byte that should have been escaped */
};

/*
 * Splits one line (n bytes, without its newline; line[n] must be writable) into at most max words,
 * unescaping in place. A word that begins with '#' ends the line: *comment is then set to the text
 * behind the '#' and one blank, still escaped and NUL-terminated; otherwise to NULL.
 * Returns the number of words or one of the negative values above.
 */
int word_split(char *line, size_t n, struct word *words, int max, char **comment);

/* Bytes that word_escape will write for these n bytes. */
size_t word_escaped_size(const char *s, size_t n);
/* Writes the escaped form to out, which holds word_escaped_size() bytes; adds no NUL. */
void word_escape(const char *s, size_t n, char *out);

#endif
