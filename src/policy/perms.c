/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Permission lists: shared= sockets= devices= features=. */
#include "policy/keywords.h"
#include "policy/merge.h"
#include "util/str.h"

#include <string.h>

const char *const perm_places[PERM_KIND_COUNT] = {
    [PERM_SHARED] = "Context/shared",
    [PERM_SOCKETS] = "Context/sockets",
    [PERM_DEVICES] = "Context/devices",
    [PERM_FEATURES] = "Context/features",
};

static struct layer_perm *layer_perm(struct source *s, struct layer_perms *l, const char *name,
                                     struct place at)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(l->v[i].name, name))
            return &l->v[i];
    l->v = arena_grow(s->p->arena, l->v, l->n, &l->cap, sizeof *l->v);
    l->v[l->n] = (struct layer_perm){.name = arena_strdup(s->p->arena, name), .at = at};
    return &l->v[l->n++];
}

/* What names of permissions are made of, known ones and those of times to come. */
static bool word_ok(const char *name)
{
    static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    return *name && name[strspn(name, chars)] == '\0';
}

/*
 * Tells of a word that we do not know. It may be a newer Flatpak's, so in a file that is a warning;
 * but a denial that looks like a misspelt one is refused: the person believes it to hold.
 */
static bool word_known(struct source *s, const char *in, const char *word, bool negated,
                       struct place at)
{
    if (keyword_find(KEYWORD_WORD, in, word))
        return true;
    bool misspelt = negated && keyword_nearest(KEYWORD_WORD, in, word);
    bool refused = s->strict || misspelt;
    const char *key = strchr(in, '/');
    source_diag(s, refused ? DIAG_ERROR : DIAG_WARNING, at,
                keyword_hint(s->p->arena, KEYWORD_WORD, in, word), "\"%s\" is no %s%s%s", word,
                key ? "word of " : "condition", key ? key + 1 : "",
                refused ? ""
                : key   ? "; it has no effect"
                        : " that is known; it is never met");
    return !refused;
}

static void allow_or_deny(struct layer_perm *w, bool allowed, struct place at)
{
    if (allowed) {
        w->marker = true;
        w->old_reset = w->reset;
    } else {
        w->marker = false;
        w->n_conditions = 0;
    }
    w->allowed = allowed;
    w->reset = true;
    w->at = at;
}

static void add_condition(struct source *s, struct layer_perm *w, const char *text, struct place at)
{
    struct perm_condition c = {.negated = *text == '!', .at = at};
    c.name = arena_strdup(s->p->arena, text + c.negated);
    if (w->marker) {
        w->allowed = false;
        w->reset = w->old_reset;
        w->marker = false;
    }
    if (!w->reset && w->n_conditions == 0)
        w->at = at;
    w->conditions = arena_grow(s->p->arena, w->conditions, w->n_conditions, &w->cap_conditions,
                               sizeof *w->conditions);
    w->conditions[w->n_conditions++] = c;
}

static void read_conditional(struct source *s, enum perm_kind kind, struct layer_perms *l,
                             const char *word, struct place at)
{
    const char *name = word + strlen("if:"), *colon = strchr(name, ':');
    const char *condition = colon ? colon + 1 : "";
    name = arena_strndup(s->p->arena, name, colon ? (size_t)(colon - name) : 0);
    if (!word_ok(name) || *condition == '\0' || str_eq(condition, "!")) {
        source_diag(s, DIAG_ERROR, at, "write if:NAME:CONDITION or if:NAME:!CONDITION",
                    "\"%s\" is no conditional permission", word);
        return;
    }
    if (kind == PERM_SOCKETS && str_eq(name, "fallback-x11")) {
        source_diag(s, DIAG_ERROR, at, "write if:x11:CONDITION",
                    "fallback-x11 can not be conditional, it is a condition itself");
        return;
    }
    if (word_known(s, perm_places[kind], name, false, at) &&
        word_known(s, "condition", condition + (*condition == '!'), false, at))
        add_condition(s, layer_perm(s, l, name, at), condition, at);
}

void perm_read_word(struct source *s, enum perm_kind kind, struct layer_perms *l, const char *word,
                    struct place at)
{
    if (unsafe_char(word)) {
        source_diag(s, DIAG_ERROR, at, NULL, "\"%s\" holds a control character", word);
        return;
    }
    if (str_after(word, "if:")) {
        read_conditional(s, kind, l, word, at);
        return;
    }
    bool negated = *word == '!';
    const char *name = word + negated;
    if (!word_ok(name)) {
        source_diag(s, DIAG_ERROR, at, "write NAME, !NAME or if:NAME:CONDITION",
                    "\"%s\" is no permission", word);
        return;
    }
    if (word_known(s, perm_places[kind], name, negated, at))
        allow_or_deny(layer_perm(s, l, name, at), !negated, at);
}

/* ---- into the policy ---- */

static struct perm *find_perm(const struct policy *p, enum perm_kind kind, const char *name)
{
    const struct perm_list *l = &p->perms[kind];
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(l->v[i].name, name))
            return &l->v[i];
    return NULL;
}

const struct perm *policy_perm(const struct policy *p, enum perm_kind kind, const char *name)
{
    return find_perm(p, kind, name);
}

static bool has_condition(const struct perm *perm, const struct perm_condition *c)
{
    for (size_t i = 0; i < perm->n_conditions; i++)
        if (perm->conditions[i].negated == c->negated && str_eq(perm->conditions[i].name, c->name))
            return true;
    return false;
}

static void take_conditions(struct arena *a, struct perm *perm, const struct layer_perm *w)
{
    if (w->reset)
        perm->n_conditions = 0;
    if (w->allowed || w->n_conditions == 0)
        return;
    /* The merged list is made anew: a perm has no capacity to grow into. */
    struct perm_condition *v =
        arena_array(a, perm->n_conditions + w->n_conditions, sizeof *perm->conditions);
    if (perm->n_conditions)
        memcpy(v, perm->conditions, perm->n_conditions * sizeof *v);
    perm->conditions = v;
    for (size_t i = 0; i < w->n_conditions; i++)
        if (!has_condition(perm, &w->conditions[i]))
            perm->conditions[perm->n_conditions++] = w->conditions[i];
}

static void merge_one(struct source *s, enum perm_kind kind, const struct layer_perm *w)
{
    struct perm_list *l = &s->p->perms[kind];
    struct perm *perm = find_perm(s->p, kind, w->name);
    if (!perm) {
        l->v = arena_grow(s->p->arena, l->v, l->n, &l->cap, sizeof *l->v);
        perm = &l->v[l->n++];
        *perm = (struct perm){.name = w->name};
    }
    /* Options: one that allows without condition is not narrowed by a later conditional one. */
    if (perm->rank == s->rank && perm->granted && !w->reset)
        return;
    take_conditions(s->p->arena, perm, w);
    perm->granted = w->allowed;
    perm->at = w->at;
    perm->rank = s->rank;
}

/* fallback-x11 is in truth a condition on x11, so a layer that decides x11 anew takes away what
 * lower layers said of it. */
static void drop_fallback(struct source *s, const struct layer_perms *l)
{
    struct perm *fallback = find_perm(s->p, PERM_SOCKETS, "fallback-x11");
    if (!fallback || fallback->rank == s->rank)
        return;
    for (size_t i = 0; i < l->n; i++) {
        if (str_eq(l->v[i].name, "x11") && l->v[i].reset) {
            fallback->granted = false;
            fallback->at = l->v[i].at;
            fallback->rank = s->rank;
        }
    }
}

void perms_merge(struct source *s, enum perm_kind kind, const struct layer_perms *l)
{
    if (kind == PERM_SOCKETS)
        drop_fallback(s, l);
    for (size_t i = 0; i < l->n; i++)
        merge_one(s, kind, &l->v[i]);
}
