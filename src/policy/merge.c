/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Environment variables and names on the buses. */
#include "policy/merge.h"

#include "util/str.h"

#include <string.h>

void env_set(struct policy *p, const char *name, const char *value, struct place at)
{
    struct env_item item = {.name = name, .value = value, .at = at};
    for (size_t i = 0; i < p->n_env; i++) {
        if (str_eq(p->env[i].name, name)) {
            p->env[i] = item;
            return;
        }
    }
    p->env = arena_grow(p->arena, p->env, p->n_env, &p->cap_env, sizeof *p->env);
    p->env[p->n_env++] = item;
}

bool env_name_ok(struct source *s, const char *name, struct place at)
{
    if (*name && *name != '#' && !strpbrk(name, "= \t[]") && !unsafe_char(name))
        return true;
    source_diag(s, DIAG_ERROR, at, "write its name alone, such as LANG",
                "\"%s\" is no name of an environment variable", name);
    return false;
}

static bool bus_char(char c, bool first)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-' ||
           (!first && c >= '0' && c <= '9');
}

/* Well-known bus names of the D-Bus specification, with ".*" behind them for all names below. */
const char *bus_name_error(const char *name)
{
    size_t n = strlen(name), elements = 0;
    if (n > 255)
        return "it is longer than 255 bytes";
    if (*name == ':')
        return "unique names are given out anew each time";
    if (n > 2 && str_eq(name + n - 2, ".*"))
        n -= 2;
    for (size_t i = 0; i < n; i++, elements++) {
        if (!bus_char(name[i], true))
            return "each element begins with a letter, '_' or '-'";
        while (i < n && name[i] != '.')
            if (!bus_char(name[i++], false))
                return "only letters, digits, '_' and '-' stand in an element";
        if (i == n - 1)
            return "it ends in a dot";
    }
    return elements < 2 ? "it needs two elements at least" : NULL;
}

void bus_set(struct source *s, enum bus_kind kind, const char *name, enum bus_access access,
             struct place at)
{
    struct policy *p = s->p;
    const char *error = bus_name_error(name);
    if (error) {
        source_diag(s, DIAG_ERROR, at, "write org.example.Name, or org.example.* for all below it",
                    "\"%s\" is no name on a bus: %s", name, error);
        return;
    }
    struct bus_rule rule = {.name = name, .access = access, .at = at, .rank = s->rank};
    for (size_t i = 0; i < p->bus[kind].n; i++) {
        if (str_eq(p->bus[kind].v[i].name, name)) {
            p->bus[kind].v[i] = rule;
            return;
        }
    }
    p->bus[kind].v =
        arena_grow(p->arena, p->bus[kind].v, p->bus[kind].n, &p->bus[kind].cap, sizeof rule);
    p->bus[kind].v[p->bus[kind].n++] = rule;
}
