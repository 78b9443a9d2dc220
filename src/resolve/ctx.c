/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resolve/ctx.h"

#include "util/str.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- words of the policy ---- */

static const char *const perm_keys[PERM_KIND_COUNT] = {
    [PERM_SHARED] = "shared",
    [PERM_SOCKETS] = "sockets",
    [PERM_DEVICES] = "devices",
    [PERM_FEATURES] = "features",
};

static bool has_wayland(const struct ctx *c)
{
    return c->wayland_socket || facts_env(c->f, "WAYLAND_SOCKET");
}

/* flatpak-metadata(5): what is not known is never satisfied, negated or not. */
static bool satisfied(const struct ctx *c, const struct perm_condition *cond)
{
    static const char *const always[] = {"true", "has-input-device", "has-usb-device"};
    static const char *const never[] = {"false", "has-usb-portal"};
    for (size_t i = 0; i < ARRAY_SIZE(always); i++)
        if (str_eq(cond->name, always[i]))
            return !cond->negated;
    for (size_t i = 0; i < ARRAY_SIZE(never); i++)
        if (str_eq(cond->name, never[i]))
            return cond->negated;
    return str_eq(cond->name, "has-wayland") && has_wayland(c) != cond->negated;
}

const struct perm *perm_granted(const struct ctx *c, enum perm_kind kind, const char *name)
{
    const struct perm *p = policy_perm(c->p, kind, name);
    if (!p || p->granted)
        return p;
    for (size_t i = 0; i < p->n_conditions; i++)
        if (satisfied(c, &p->conditions[i]))
            return p;
    return NULL;
}

const char *why_at(const struct ctx *c, struct place at, const char *key, const char *text)
{
    return arena_printf(c->a, "%s: %s=%s", place_text_of(c->a, at), key, text);
}

const char *why_perm(const struct ctx *c, enum perm_kind kind, const struct perm *perm)
{
    if (perm->granted)
        return why_at(c, perm->at, perm_keys[kind], perm->name);
    for (size_t i = 0; i < perm->n_conditions; i++) {
        const struct perm_condition *cond = &perm->conditions[i];
        if (satisfied(c, cond))
            return why_at(
                c, cond->at, perm_keys[kind],
                arena_printf(c->a, "if:%s:%s%s", perm->name, cond->negated ? "!" : "", cond->name));
    }
    return why_at(c, perm->at, perm_keys[kind], perm->name);
}

bool carrel_list_has(const struct ctx *c, const char *key, const char *item,
                     const struct carrel_value **value)
{
    const struct carrel_value *v = policy_carrel(c->p, "Carrel Sandbox", key);
    size_t n = 0;
    const char *const *items = v ? policy_list(c->a, v->value, &n) : NULL;
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(items[i], item))
            continue;
        *value = v;
        return true;
    }
    return false;
}

/* ---- what a rule may do ---- */

void put_bind(struct ctx *c, const struct path_fact *src, const char *dst, const char *why)
{
    tree_put(&c->tree, (struct node){.kind = NODE_BIND, .dst = dst, .src = src, .why = why});
}

void put_link(struct ctx *c, const char *target, const char *dst, const char *why)
{
    tree_put(&c->tree,
             (struct node){.kind = NODE_SYMLINK, .dst = dst, .target = target, .why = why});
}

void put_dir(struct ctx *c, const char *dst, const char *mode, const char *why)
{
    tree_put(&c->tree, (struct node){.kind = NODE_DIR, .dst = dst, .mode = mode, .why = why});
}

void put_file(struct ctx *c, const char *dst, const char *mode, const char *content, size_t size,
              const char *why)
{
    tree_put(&c->tree, (struct node){.kind = NODE_FILE,
                                     .dst = dst,
                                     .mode = mode,
                                     .content = content,
                                     .size = size,
                                     .why = why});
}

void put_text(struct ctx *c, const char *dst, const char *content, const char *why)
{
    put_file(c, dst, "0644", content, strlen(content), why);
}

/* What the policy says, or a quarter of the machine's memory, in whole MiB. */
static const char *temporary_limit(struct ctx *c, const char **why)
{
    static const char key[] = "max-temporary";
    const struct carrel_value *v = policy_carrel(c->p, "Carrel Sandbox", key);
    uint64_t bytes = v ? strtoull(v->value, NULL, 10) : 0, mib = c->f->memory / 4;
    if (bytes) {
        mib = (bytes + (1u << 20) - 1) >> 20;
        *why = arena_printf(c->a, "%s; %s", *why, why_at(c, v->at, key, v->value));
    }
    return mib ? arena_printf(c->a, "%" PRIu64 "m", mib) : NULL;
}

void put_tmpfs(struct ctx *c, const char *dst, const char *mode, const char *why)
{
    const char *limit = temporary_limit(c, &why);
    tree_put(
        &c->tree,
        (struct node){.kind = NODE_TMPFS, .dst = dst, .mode = mode, .limit = limit, .why = why});
}

void put_hops(struct ctx *c, const struct path_fact *p, uint64_t rank, const char *why)
{
    for (size_t i = 0; i < p->n_hops; i++)
        tree_put(&c->tree, (struct node){.kind = NODE_SYMLINK,
                                         .dst = p->hops[i].path,
                                         .target = p->hops[i].target,
                                         .rank = rank,
                                         .why = why});
}

void put_env(struct ctx *c, const char *name, const char *value, const char *why)
{
    for (size_t i = 0; i < c->n_env; i++) {
        if (!str_eq(c->env[i].name, name))
            continue;
        c->env[i] = (struct variable){name, value, why};
        return;
    }
    c->env = arena_grow(c->a, c->env, c->n_env, &c->cap_env, sizeof *c->env);
    c->env[c->n_env++] = (struct variable){name, value, why};
}

void make_host_dir(struct ctx *c, const char *path, const char *mode, const char *why)
{
    plan_add(c->out, PLAN_HOST_DIR, why, path, mode, (char *)NULL);
}

void put_missing(struct ctx *c, const char *what, const char *why, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *reason = arena_vprintf(c->a, fmt, ap);
    va_end(ap);
    c->missing = arena_grow(c->a, c->missing, c->n_missing, &c->cap_missing, sizeof *c->missing);
    c->missing[c->n_missing++] = (struct missing){what, concat(c, why, ": ", reason, NULL)};
}

void emit_missing(struct ctx *c)
{
    for (size_t i = 0; i < c->n_missing; i++)
        plan_add(c->out, PLAN_MISSING, c->missing[i].why, c->missing[i].what, (char *)NULL);
}

__attribute__((format(printf, 5, 0))) static void diagnose(struct ctx *c, enum severity severity,
                                                           struct place at, const char *hint,
                                                           const char *fmt, va_list ap)
{
    diag_add(c->d, severity, at, hint, "%s", arena_vprintf(c->a, fmt, ap));
}

void refuse(struct ctx *c, struct place at, const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    diagnose(c, DIAG_ERROR, at, hint, fmt, ap);
    va_end(ap);
    c->refused = true;
}

void warn(struct ctx *c, struct place at, const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    diagnose(c, DIAG_WARNING, at, hint, fmt, ap);
    va_end(ap);
}

const char *concat(struct ctx *c, const char *first, ...)
{
    size_t n = 0;
    va_list ap, again;
    va_start(ap, first);
    va_copy(again, ap);
    for (const char *s = first; s; s = va_arg(ap, const char *))
        n += strlen(s);
    va_end(ap);
    char *out = arena_alloc(c->a, n + 1), *end = out;
    for (const char *s = first; s; s = va_arg(again, const char *))
        end = stpcpy(end, s);
    va_end(again);
    return out;
}

const char *join_path(struct ctx *c, const char *dir, const char *name)
{
    while (*name == '/')
        name++;
    if (*name == '\0')
        return dir;
    return concat(c, str_eq(dir, "/") ? "" : dir, "/", name, NULL);
}

bool present(const struct path_fact *p)
{
    return p->type != FILE_ABSENT && p->type != FILE_ERROR;
}
