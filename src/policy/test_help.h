/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_POLICY_TEST_HELP_H
#define CARREL_POLICY_TEST_HELP_H

#include "policy/policy.h"
#include "t.h"
#include "util/arena.h"

/* What the unit tests of this room share: a policy, and what it has been told of. */
struct trial {
    struct arena arena;
    struct policy p;
    struct diags d;
    int files;
};

static inline void trial_begin(struct trial *t)
{
    *t = (struct trial){0};
    t->p.arena = &t->arena;
    t->d.arena = &t->arena;
}

static inline void trial_end(struct trial *t)
{
    arena_release(&t->arena);
}

/* Merges a file that is called f1, f2 … */
static inline void trial_file(struct trial *t, const char *text)
{
    char name[16];
    snprintf(name, sizeof name, "f%d", ++t->files);
    policy_merge_text(&t->p, LAYER_USER, name, text, strlen(text), &t->d);
}

static inline int trial_option(struct trial *t, const char *arg)
{
    struct place at = {.file = "command line", .col = 1};
    return policy_merge_option(&t->p, arg, at, &t->d);
}

/* All diagnostics so far, "" when there are none; they are forgotten. */
static inline const char *trial_told(struct trial *t)
{
    struct buf out = {.arena = &t->arena};
    buf_bytes(&out, "", 0);
    diag_text(&t->d, &out);
    t->d = (struct diags){.arena = &t->arena};
    return out.data;
}

/* The merged policy without the comments that tell places. */
static inline const char *trial_written(struct trial *t)
{
    struct buf all = {.arena = &t->arena}, out = {.arena = &t->arena};
    buf_bytes(&all, "", 0);
    buf_bytes(&out, "", 0);
    policy_write(&t->p, &all);
    for (char *line = all.data; *line;) {
        char *end = strchr(line, '\n');
        if (*line != '#' && *line != '\n')
            buf_bytes(&out, line, (size_t)(end - line) + 1);
        line = end + 1;
    }
    return out.data;
}

/* One file alone: what it comes to, and what is told of it. */
static inline void check_file(const char *text, const char *written, const char *told,
                              const char *where, int line)
{
    struct trial t;
    trial_begin(&t);
    trial_file(&t, text);
    t_check_str(trial_told(&t), told, where, line, text);
    t_check_str(trial_written(&t), written, where, line, text);
    trial_end(&t);
}

#define CHECK_FILE(text, written, told) check_file((text), (written), (told), __FILE__, __LINE__)

/* One option alone. */
static inline void check_option(const char *arg, const char *written, const char *told,
                                const char *where, int line)
{
    struct trial t;
    trial_begin(&t);
    t_check_int(trial_option(&t, arg), 1, where, line, arg);
    t_check_str(trial_told(&t), told, where, line, arg);
    t_check_str(trial_written(&t), written, where, line, arg);
    trial_end(&t);
}

#define CHECK_OPTION(arg, written, told) check_option((arg), (written), (told), __FILE__, __LINE__)

#endif
