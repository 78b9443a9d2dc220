/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_UTIL_DIAG_H
#define CARREL_UTIL_DIAG_H

#include "util/arena.h"
#include "util/buf.h"
#include <stddef.h>

/*
 * What a person is told about their input or their host. Code that finds a fault adds a
 * diagnostic and goes on or returns -1; only the command line decides to print and to stop.
 */
enum severity { DIAG_NOTE, DIAG_WARNING, DIAG_ERROR };

/* A place in some input. line and col count from 1; 0 means "not known". file may be NULL. Without
 * a line, col is the number of an argument. */
struct place {
    const char *file;
    int line, col;
};

struct diag {
    enum severity severity;
    struct place at;
    const char *message; /* one line, no full stop */
    const char *hint;    /* what to do about it, or NULL */
};

struct diags {
    struct arena *arena;
    struct diag *v;
    size_t n, cap;
    size_t errors, warnings;
};

/* hint may be NULL or empty. Both texts are copied into d->arena. */
void diag_add(struct diags *d, enum severity severity, struct place at, const char *hint,
              const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* "file:line:col: error: message" and, indented below it, "hint: ..."; control bytes as \xNN. */
void diag_text(const struct diags *d, struct buf *out);
/* A JSON array of {severity,file,line,column,message,hint}. */
void diag_json(const struct diags *d, struct buf *out);

/* Appends s with everything but printable text made harmless for a terminal: control bytes, bytes
 * that are no valid UTF-8 and bidirectional override characters are written \xNN. */
void diag_escape(struct buf *out, const char *s);

#endif
