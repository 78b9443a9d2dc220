/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/verbs.h"

const struct plan_verb_info plan_verbs[PLAN_VERB_COUNT] = {
#define V(id, text, least, most, phase, args) [PLAN_##id] = {text, args, least, most, phase},
    PLAN_VERBS(V)
#undef V
};
