/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A policy and facts, parted by a NUL byte, made into a plan. Whatever they say, the plan must be
 * readable, put nothing twice at one place or below a link, and keep what no policy may take away.
 */
#include "fuzz.h"
#include "resolve/resolve.h"
#include "util/str.h"

#include <stdio.h>
#include <stdlib.h>

static _Noreturn void broken(const char *what, const struct plan_step *s)
{
    fprintf(stderr, "broken: %s: %s %s\n", what, plan_verbs[s->verb].text, step_arg(s, 0));
    abort();
}

static const char *destination(const struct plan_step *s)
{
    if (plan_verbs[s->verb].phase != PHASE_MOUNT || s->verb == PLAN_SEAL)
        return NULL;
    return step_arg(s, s->verb == PLAN_BIND || s->verb == PLAN_SYMLINK ? 1 : 0);
}

/* Each destination comes after what holds it, once, and never through a link of the plan. */
static void check_destinations(const struct plan *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const char *dst = destination(&p->v[i]);
        for (size_t k = 0; dst && k < p->n; k++) {
            const char *other = destination(&p->v[k]);
            if (!other || k == i || !path_within(other, dst))
                continue;
            if (str_eq(other, dst))
                broken("twice", &p->v[i]);
            if (k < i)
                broken("before its parent", &p->v[k]);
            if (p->v[i].verb == PLAN_SYMLINK)
                broken("below a link", &p->v[k]);
        }
    }
}

/* The person's policies are nowhere in sight, and not in reach to be made. */
static void check_policies(const struct plan *p)
{
    static const char policies[] = "/home/anna/.config/carrel";
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_step *s = &p->v[i];
        if (s->verb != PLAN_BIND || !path_within(policies, step_arg(s, 0)))
            continue;
        const char *src = step_arg(s, 0), *rest = policies + (str_eq(src, "/") ? 0 : strlen(src));
        char dst[8192];
        snprintf(dst, sizeof dst, "%s%s", step_arg(s, 1), rest);
        bool covered = false;
        for (size_t k = 0; k < p->n && !covered; k++) {
            const char *over = destination(&p->v[k]);
            covered = over && k > i && p->v[k].verb != PLAN_DIR && path_within(dst, over) &&
                      strlen(over) > strlen(step_arg(s, 1));
        }
        if (!covered && str_after(step_arg(s, 2), "rw"))
            broken("policies in reach", s);
    }
}

static void check(const struct plan *p)
{
    bool seen[PLAN_VERB_COUNT] = {0};
    for (size_t i = 0; i < p->n; i++)
        seen[p->v[i].verb] = true;
    static const enum plan_verb always[] = {
        PLAN_UID,     PLAN_GID,     PLAN_UNSHARE, PLAN_TMPFS, PLAN_PROC,
        PLAN_KEYRING, PLAN_SESSION, PLAN_SECCOMP, PLAN_EXEC,  PLAN_NESTED_USERNS};
    for (size_t i = 0; i < ARRAY_SIZE(always); i++)
        if (!seen[always[i]])
            abort();
    check_destinations(p);
    check_policies(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct facts f = {.arena = &a};
    struct policy policy = {.arena = &a};
    struct plan plan = {.arena = &a}, again = {.arena = &a};
    struct diags d = {.arena = &a};
    struct buf text = {.arena = &a};
    const uint8_t *nul = memchr(data, '\0', size);
    size_t n = nul ? (size_t)(nul - data) : size;
    int line;
    const char *error;
    const char *const args[] = {"a", NULL};
    struct request q = {.app_id = "org.example.App",
                        .libexec = "/usr/libexec/carrel",
                        .program = "/usr/bin/prog",
                        .args = args,
                        .cwd = "/home/anna/Documents",
                        .seccomp_fd = 4};
    policy_merge_text(&policy, LAYER_USER, "policy", (const char *)data, n, &d);
    bool ok = nul && facts_read(&f, (const char *)nul + 1, size - n - 1, &line, &error) == 0 &&
              f.home && f.user && f.hostname;
    if (ok && resolve_all(&q, &policy, &f, &plan, &d) == RESOLVE_OK) {
        check(&plan);
        struct diags files = {.arena = &a};
        resolve_files(&q, &policy, &f, &files);
        if (files.errors) /* what is started has no such error */
            abort();
        plan_write_all(&plan, &text);
        if (plan_read(&again, text.data, text.len, &line, &error) < 0 || again.n != plan.n)
            abort();
    }
    arena_release(&a);
    return 0;
}
