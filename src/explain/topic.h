/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_EXPLAIN_TOPIC_H
#define CARREL_EXPLAIN_TOPIC_H

#include "plan/plan.h"
#include "policy/policy.h"
#include "util/buf.h"

/* One kind of thing that an app may have or not: a reading of the plan. The policy is asked only
 * for the places of its lines, and for what it denies. */
enum topic_state { TOPIC_ALLOWED, TOPIC_ASKED, TOPIC_MISSING, TOPIC_DENIED };

struct topic_line {
    enum topic_state state;
    const char *what; /* in plain words */
    const char *why; /* the policy's file and line, or Carrel's own rule; NULL: no line grants it */
};

struct topic;
struct topic_answer {
    const struct topic *topic;
    struct topic_line *v; /* in the order of the states */
    size_t n, cap;
};

/* NULL: the word is no topic, so it may be a file. */
const struct topic *topic_find(const char *word);
/* explain/display.h answers; the functions below do not. */
bool topic_is_display(const struct topic *t);
void explain_topic(struct arena *a, const struct topic *t, const struct plan *p,
                   const struct policy *policy, struct topic_answer *out);
/* Appends. name is the app's; file is where the person's own lines for it belong. */
void explain_topic_text(const struct topic_answer *v, const char *name, const char *file,
                        struct buf *out);
void explain_topic_json(const struct topic_answer *v, const char *name, const char *file,
                        struct buf *out);

#endif
