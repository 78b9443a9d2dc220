/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_PLAN_PLAN_H
#define CARREL_PLAN_PLAN_H

#include "plan/verbs.h"
#include "util/buf.h"
#include "util/word.h"
#include <stdarg.h>
#include <stddef.h>

/*
 * A plan: what will be done to start one app, in order, as pure data. plan_write gives the text
 * form that `carrel plan` prints, golden tests compare and the core carries out.
 */
struct plan_step {
    enum plan_verb verb;
    int argc;
    struct word argv[PLAN_MAX_WORDS]; /* owned by the arena, NUL-terminated */
    const char *why;                  /* "policy.policy:12: filesystems=…", or NULL */
};

struct plan {
    struct arena *arena;
    struct plan_step *v;
    size_t n, cap;
};

/* Appends a step; the words are NUL-terminated strings, ended by NULL, and are copied. The number
 * of words must fit the verb (asserted). why may be NULL. */
void plan_add(struct plan *p, enum plan_verb verb, const char *why, ...) __attribute__((sentinel));
/* The same for words that may hold NUL bytes. */
void plan_add_words(struct plan *p, enum plan_verb verb, const char *why, int argc,
                    const struct word *argv);
/* Sorts the steps by phase, keeping the order inside each (steps of PHASE_ANY go last). */
void plan_sort(struct plan *p);
/* Appends the text form. */
void plan_write(const struct plan *p, struct buf *out);
/* Appends {"steps":[{"verb","args":[…],"why"}…]} as JSON. */
void plan_write_json(const struct plan *p, struct buf *out);
/* Reads a text form (copied first). Returns 0; or -1 with *line and *error set. */
int plan_read(struct plan *p, const char *text, size_t size, int *line, const char **error);

/* First word of a step as a string. */
static inline const char *step_arg(const struct plan_step *s, int i)
{
    return s->argv[i].s;
}

#endif
