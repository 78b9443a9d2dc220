/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_PLAN_READ_H
#define CARREL_PLAN_READ_H

#include "plan/verbs.h"
#include "util/word.h"
#include <stddef.h>

/*
 * Reads the text form line by line, in place and without a heap, so that the core and the front
 * end share one parser. It checks the header, each verb, its number of words and the order of the
 * phases; what the words mean is the caller's business.
 */
struct plan_reader {
    char *next, *end;
    int line;              /* number of the line last returned, from 1 */
    enum plan_phase phase; /* highest phase seen */
    const char *error;     /* set when plan_next returns -1: a fixed text */
};

struct plan_line {
    enum plan_verb verb;
    int argc;
    struct word argv[PLAN_MAX_WORDS];
    char *why; /* still escaped, NUL-terminated, or NULL */
};

/* text[size] must be writable (a NUL is put there). Returns 0, or -1 with r->error set. */
int plan_reader_init(struct plan_reader *r, char *text, size_t size);
/* 1: *out holds the next step, 0: the end, -1: malformed (r->line, r->error). Blank lines and
 * lines that hold only a comment are passed over. */
int plan_next(struct plan_reader *r, struct plan_line *out);

#endif
