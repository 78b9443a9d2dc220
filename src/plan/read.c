/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/read.h"

#include <string.h>

static int fail(struct plan_reader *r, const char *error)
{
    r->error = error;
    return -1;
}

/* Takes the next line, without its newline; *n is its length. NULL at the end. */
static char *take_line(struct plan_reader *r, size_t *n)
{
    if (r->next >= r->end)
        return NULL;
    char *line = r->next;
    char *newline = memchr(line, '\n', (size_t)(r->end - line));
    *n = (size_t)((newline ? newline : r->end) - line);
    r->next = newline ? newline + 1 : r->end;
    r->line++;
    return line;
}

int plan_reader_init(struct plan_reader *r, char *text, size_t size)
{
    *r = (struct plan_reader){.next = text, .end = text + size, .phase = PHASE_SETUP};
    if (size > PLAN_MAX_BYTES)
        return fail(r, "the plan is too long");
    size_t n;
    char *line = take_line(r, &n);
    if (!line || n != sizeof PLAN_HEADER - 1 || memcmp(line, PLAN_HEADER, n) != 0)
        return fail(r, "the first line is not \"" PLAN_HEADER "\"");
    return 0;
}

static int find_verb(const struct word *w)
{
    for (int i = 0; i < PLAN_VERB_COUNT; i++)
        if (strlen(plan_verbs[i].text) == w->n && memcmp(plan_verbs[i].text, w->s, w->n) == 0)
            return i;
    return -1;
}

int plan_next(struct plan_reader *r, struct plan_line *out)
{
    struct word words[PLAN_MAX_WORDS + 1];
    size_t n;
    for (char *line; (line = take_line(r, &n));) {
        int count = word_split(line, n, words, PLAN_MAX_WORDS + 1, &out->why);
        if (count < 0)
            return fail(r, count == WORD_BAD_ESCAPE ? "bad escape"
                           : count == WORD_TOO_MANY ? "too many words"
                                                    : "a byte that must be escaped");
        if (count == 0)
            continue;
        int verb = find_verb(&words[0]);
        if (verb < 0)
            return fail(r, "unknown verb");
        const struct plan_verb_info *info = &plan_verbs[verb];
        if (count - 1 < info->least || count - 1 > info->most)
            return fail(r, "wrong number of words");
        if (info->phase != PHASE_ANY) {
            if (info->phase < r->phase)
                return fail(r, "out of order");
            r->phase = (enum plan_phase)info->phase;
        }
        out->verb = (enum plan_verb)verb;
        out->argc = count - 1;
        memcpy(out->argv, words + 1, sizeof *words * (size_t)out->argc);
        return 1;
    }
    return 0;
}
