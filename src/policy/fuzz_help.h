/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_POLICY_FUZZ_HELP_H
#define CARREL_POLICY_FUZZ_HELP_H

#include "policy/lint.h"
#include "policy/policy.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes the comments out of what policy_write gave. */
static inline void fuzz_strip(char *text)
{
    char *out = text;
    for (char *line = text; *line;) {
        char *end = strchr(line, '\n') + 1;
        if (*line != '#') {
            memmove(out, line, (size_t)(end - line));
            out += end - line;
        }
        line = end;
    }
    *out = '\0';
}

static inline _Noreturn void fuzz_fail(const char *what, const char *a, const char *b)
{
    fprintf(stderr, "%s\n--- written\n%s\n--- after reading it\n%s\n", what, a, b);
    abort();
}

/* Writes the policy and reads it again: no error, and the same policy. */
static inline void fuzz_check(const struct policy *p, struct diags *d)
{
    struct buf first = {.arena = p->arena}, second = first, told = first;
    struct policy again = {.arena = p->arena};
    struct diags quiet = {.arena = p->arena};
    policy_lint(p, "/home/anna", d);
    diag_text(d, &told);
    buf_bytes(&first, "", 0);
    buf_bytes(&second, "", 0);
    policy_write(p, &first);
    if (first.len > POLICY_MAX_BYTES)
        return;
    policy_merge_text(&again, LAYER_USER, "again", first.data, first.len, &quiet);
    policy_write(&again, &second);
    fuzz_strip(first.data);
    fuzz_strip(second.data);
    told.len = 0;
    diag_text(&quiet, &told);
    if (quiet.errors)
        fuzz_fail("what was written has errors", first.data, told.data);
    if (strcmp(first.data, second.data) != 0)
        fuzz_fail("what was written reads differently", first.data, second.data);
}

#endif
