/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bwrap/bwrap.h"

#include <string.h>

void env_init(struct wishes *w, char *const *env)
{
    for (; *env; env++) {
        w->env = arena_grow(w->arena, w->env, w->n_env, &w->cap_env, sizeof *w->env);
        w->env[w->n_env++] = *env;
    }
}

static bool is_name(const char *name)
{
    return *name && !strchr(name, '=');
}

static char **find(const struct wishes *w, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < w->n_env; i++)
        if (strncmp(w->env[i], name, n) == 0 && w->env[i][n] == '=')
            return &w->env[i];
    return NULL;
}

const char *env_get(const struct wishes *w, const char *name)
{
    char **at = find(w, name);
    return at ? strchr(*at, '=') + 1 : NULL;
}

int env_set(struct wishes *w, const char *name, const char *value)
{
    if (!is_name(name))
        return -1;
    char **at = find(w, name);
    if (!at) {
        w->env = arena_grow(w->arena, w->env, w->n_env, &w->cap_env, sizeof *w->env);
        at = &w->env[w->n_env++];
    }
    *at = arena_printf(w->arena, "%s=%s", name, value);
    return 0;
}

int env_unset(struct wishes *w, const char *name)
{
    if (!is_name(name))
        return -1;
    for (char **at; (at = find(w, name));) {
        w->n_env--;
        memmove(at, at + 1, (size_t)(w->env + w->n_env - at) * sizeof *at);
    }
    return 0;
}
