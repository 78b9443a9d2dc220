/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* [Carrel Limits]: what all processes of the app together may have. */
#include "resolve/ctx.h"

#include "util/str.h"

#include <stdlib.h>
#include <string.h>

/* rlimit: what stands in where no control group can be had. NULL: nothing does. */
static const struct {
    const char *key, *kind, *rlimit;
    bool as_good; /* it holds for all of them together, too */
} rows[] = {
    {"memory", "memory", "data", false}, {"processes", "pids", "nproc", true},
    {"cpu", "cpu", NULL, false},         {"cpu-weight", "cpu", NULL, false},
    {"io-weight", "io", NULL, false},
};

static const struct carrel_value *wish(const struct ctx *c, const char *key)
{
    const struct carrel_value *v = policy_carrel(c->p, "Carrel Limits", key);
    return v && *v->value && !str_eq(v->value, "0") ? v : NULL;
}

static bool may_be_missing(const struct ctx *c, const char *key)
{
    const struct carrel_value *v = policy_carrel(c->p, "Carrel Limits", "optional");
    const char *const *items = v ? policy_list(c->a, v->value, NULL) : NULL;
    for (; items && *items; items++)
        if (str_eq(*items, key))
            return true;
    return false;
}

static bool can_be_had(struct ctx *c, const char *kind)
{
    const struct control_fact *control = facts_control(c->f);
    const char *kinds = control->kinds ? control->kinds : "";
    return (control->manager || control->folder) &&
           (str_eq(kinds, " ") ? control->manager
                               : strstr(kinds, concat(c, " ", kind, " ", NULL)) != NULL);
}

static void set_limit(struct ctx *c, const char *name, const struct carrel_value *v,
                      const char *why)
{
    const struct carrel_value *other =
        str_eq(name, "nproc") ? policy_carrel(c->p, "Carrel Sandbox", "max-processes") : NULL;
    if (other && *other->value && !str_eq(other->value, "0") &&
        strtoll(other->value, NULL, 10) <= strtoll(v->value, NULL, 10))
        return; /* it is there already, and no higher */
    c->rlimits[c->n_rlimits].name = name;
    c->rlimits[c->n_rlimits].value = v->value;
    c->rlimits[c->n_rlimits++].why = why;
}

void rule_limits(struct ctx *c)
{
    c->out->n_limits = 0;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct carrel_value *v = wish(c, rows[i].key);
        bool optional = v && may_be_missing(c, rows[i].key);
        if (!v)
            continue;
        const char *why = why_at(c, v->at, rows[i].key, v->value);
        /* fork(2): RLIMIT_NPROC is not enforced for the user 0. */
        bool as_good = rows[i].as_good && c->f->uid != 0;
        if (as_good)
            set_limit(c, rows[i].rlimit, v, why);
        if (can_be_had(c, rows[i].kind)) {
            c->out->limits[c->out->n_limits++] =
                (struct plan_limit){rows[i].key, v->value, optional || as_good, why};
        } else if (optional) {
            put_missing(c, rows[i].key, why,
                        rows[i].rlimit && !rows[i].as_good
                            ? "no control group can be had; each process has that limit "
                              "for itself"
                            : "no control group can be had");
            if (rows[i].rlimit)
                set_limit(c, rows[i].rlimit, v, why);
        } else if (!as_good) {
            refuse(c, v->at,
                   arena_printf(c->a,
                                "write optional=%s into [Carrel Limits] to run without it; "
                                "carrel doctor tells what this host can limit",
                                rows[i].key),
                   "this host cannot limit %s: the person has no control groups with \"%s\"",
                   rows[i].key, rows[i].kind);
        }
    }
}
