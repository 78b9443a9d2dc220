/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_POLICY_OPTIONS_H
#define CARREL_POLICY_OPTIONS_H

#include "policy/source.h"

/*
 * Flatpak's options that say what a policy file can say ("--share=network"), in one table: for
 * policy_merge_option, for the help text and for the completion.
 */
struct policy_option {
    const char *name;     /* without the "--" */
    const char *argument; /* what stands behind the '=', or NULL: the option takes none */
    const char *meaning;  /* one line */
    /* How it is carried out; a and b are for the handler. Private to options.c. */
    void (*apply)(struct source *s, const struct policy_option *o, const char *value,
                  struct place at);
    int a, b;
};

extern const struct policy_option policy_options[];
extern const size_t n_policy_options;

/* Where the words stand that its value begins with: `in` of rows of `keywords`. NULL: it has none. */
const char *policy_option_words(const struct policy_option *o);

/* The name of the option that arg ("--shaer=x") most likely means, without "--", or NULL. */
const char *policy_option_nearest(const char *arg);

#endif
