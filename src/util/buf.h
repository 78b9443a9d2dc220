/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_UTIL_BUF_H
#define CARREL_UTIL_BUF_H

#include "util/arena.h"
#include <stddef.h>

/* A growing run of bytes in an arena. data is NUL-terminated behind len once anything was added. */
struct buf {
    struct arena *arena;
    char *data;
    size_t len, cap;
};

/* Makes room for so many more bytes, so that they can be added, or written to data + len, without
 * another copy. */
void buf_reserve(struct buf *b, size_t more);
void buf_bytes(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
