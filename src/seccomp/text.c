/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "seccomp/groups.h"
#include "seccomp/seccomp.h"
#include "seccomp/tables.h"
#include "util/str.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>

const char *seccomp_errno_name(int error)
{
    switch (error) {
    case EPERM:
        return "EPERM";
    case EINVAL:
        return "EINVAL";
    case ENOSYS:
        return "ENOSYS";
    case EAFNOSUPPORT:
        return "EAFNOSUPPORT";
    default:
        return NULL;
    }
}

/* Whether this machine has a call of that name, by the native ABI or, with multiarch, by the
 * second one. The numbers begin with those of the native ABI. */
static bool exists(unsigned features, const char *name, size_t n)
{
    for (size_t i = 0; i < seccomp_number_count; i++) {
        const struct seccomp_number *c = &seccomp_numbers[i];
        if (c->arch != seccomp_numbers[0].arch && !(features & SECCOMP_MULTIARCH))
            continue;
        if (strlen(c->name) == n && memcmp(c->name, name, n) == 0)
            return true;
    }
    return false;
}

static void write_condition(const struct seccomp_rule *r, struct buf *out)
{
    for (unsigned i = 0; i < r->tests; i++) {
        const struct seccomp_test *t = &r->test[i];
        if (t->mask == UINT32_MAX)
            buf_printf(out, "%sarg%u == %#x", i ? " && " : "", t->arg, t->value);
        else
            buf_printf(out, "%s(arg%u & %#x) == %#x", i ? " && " : "", t->arg, t->mask, t->value);
    }
}

static void write_rules(unsigned features, const char *name, size_t n, struct buf *out)
{
    for (size_t i = 0; i < seccomp_rule_count; i++) {
        const struct seccomp_rule *r = &seccomp_rules[i];
        if (strlen(r->call) != n || memcmp(r->call, name, n) != 0 ||
            !seccomp_stands(features, r->need, r->without))
            continue;
        buf_printf(out, "      %s %.*s ", r->error ? seccomp_errno_name(r->error) : "allow", (int)n,
                   name);
        if (r->tests) {
            write_condition(r, out);
            buf_printf(out, "   # %s\n", r->what);
        } else {
            buf_str(out, "otherwise\n");
        }
    }
}

/* The calls of a list that this machine has (and, when `refused`, that no group allows), filled
 * into lines. Returns their number; out may be NULL to count only. */
static size_t write_calls(unsigned features, const char *list, bool refused, struct buf *out)
{
    size_t n, count = 0, column = 0;
    for (const char *s; (s = seccomp_next_call(&list, &n));) {
        if (!exists(features, s, n) || (refused && seccomp_allows(features, s, n)))
            continue;
        count++;
        if (!out)
            continue;
        if (column == 0 || column + 1 + n > 100) {
            buf_str(out, column ? "\n   " : "   ");
            column = 3;
        }
        buf_printf(out, " %.*s", (int)n, s);
        column += 1 + n;
    }
    if (column)
        buf_char(out, '\n');
    return count;
}

void seccomp_text(const struct seccomp_filter *filter, struct buf *out)
{
    unsigned features = seccomp_filter_features(filter);
    buf_printf(out,
               "filter %s: %zu instructions\n"
               "ENOSYS calls that are not named here\n"
               "kill calls by another ABI (%s)\n",
               filter->name, filter->size / 8,
               features & SECCOMP_MULTIARCH ? "x32 too" : "32-bit and x32 too");
    for (size_t i = 0; i < seccomp_group_count; i++) {
        const struct seccomp_group *g = &seccomp_groups[i];
        size_t n;
        if (!seccomp_stands(features, g->need, 0) || !write_calls(features, g->calls, false, NULL))
            continue;
        buf_printf(out, "\nallow %s   # %s\n", g->name, g->purpose);
        write_calls(features, g->calls, false, out);
        const char *list = g->calls;
        for (const char *s; (s = seccomp_next_call(&list, &n));)
            write_rules(features, s, n, out);
    }
    for (size_t i = 0; i < seccomp_refusal_count; i++) {
        const struct seccomp_refusal *r = &seccomp_refusals[i];
        if (!write_calls(features, r->calls, true, NULL))
            continue;
        buf_printf(out, "\n%s %s   # %s\n", seccomp_errno_name(r->error), r->name, r->reason);
        write_calls(features, r->calls, true, out);
    }
    if (features & SECCOMP_MULTIARCH)
        buf_str(out, "\nThe 32-bit ABI makes sockets by socketcall, whose arguments stand in "
                     "memory: the socket\nfamilies above are not filtered for 32-bit calls.\n");
}
