/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel grant --always: a policy's text, behind a line with the path that is granted ("w" before
 * it: to be written, too; "b": a name on the session bus). A policy without errors has none
 * afterwards, and differs by just this grant; carrel revoke --always takes it out again, and
 * nothing else.
 */
#include "cli/grant.h"
#include "fuzz.h"
#include "policy/fuzz_help.h"
#include "policy/merge.h"

#include "util/str.h"
#include "util/utf8.h"

const struct command *const cli_commands[] = {NULL};

static bool usable(const char *path)
{
    size_t n = strlen(path), length;
    for (uint32_t i = 0, cp; i < n; i += (uint32_t)length)
        if (!(length = utf8_decode(path + i, n - i, &cp)) || !utf8_safe(cp))
            return false;
    return n > 1 && path[0] == '/' && path[n - 1] != '/' && !strstr(path, "//") &&
           !strstr(path, "/./") && !strstr(path, "/../") && strcmp(path + n - 2, "/.") != 0 &&
           (n < 3 || strcmp(path + n - 3, "/..") != 0);
}

static struct policy read_text(struct arena *a, const char *text, size_t size, struct diags *d)
{
    struct policy p = {.arena = a, .app_id = "", .command = ""};
    *d = (struct diags){.arena = a};
    policy_merge_text(&p, LAYER_USER, "text", text, size, d);
    return p;
}

/* There may be no room for one more. */
static bool only_full(const struct diags *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->v[i].severity == DIAG_ERROR && !str_after(d->v[i].message, "more than "))
            return false;
    return true;
}

static char *written(const struct policy *p)
{
    struct buf out = {.arena = p->arena};
    buf_bytes(&out, "", 0);
    policy_write(p, &out);
    fuzz_strip(out.data);
    return out.data;
}

#define HOME "/home/me"

/* A denial, too: one that a later word outdid counts again. */
static void forget_path(struct policy *p, const char *path)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_filesystems; i++) {
        struct fs_grant g = p->filesystems[i];
        g.mode = FS_RO;
        if (!grant_is_path(p->arena, &g, HOME, path))
            p->filesystems[n++] = p->filesystems[i];
    }
    p->n_filesystems = n;
}

static void drop(struct arena *a, const char *path, const char *text, size_t size)
{
    struct diags d;
    struct buf less = {.arena = a};
    struct policy before = read_text(a, text, size, &d);
    grant_drop_path(text, size, HOME, path, &less);
    if (d.errors)
        return;
    struct policy after = read_text(a, less.data ? less.data : "", less.len, &d);
    if (d.errors)
        fuzz_fail("it has errors without it", text, less.data);
    bool gone = true;
    for (size_t i = 0; i < after.n_filesystems; i++)
        gone &= !grant_is_path(a, &after.filesystems[i], HOME, path);
    forget_path(&before, path);
    forget_path(&after, path);
    char *want = written(&before), *is = written(&after);
    if (!gone || !str_eq(want, is))
        fuzz_fail("it is not this grant alone that was taken out", want, is);
}

static void drop_name(struct arena *a, const char *name, const char *text, size_t size)
{
    struct diags d;
    struct buf less = {.arena = a};
    struct policy before = read_text(a, text, size, &d);
    grant_drop_key(text, size, "Session Bus Policy", name, &less);
    if (d.errors)
        return;
    struct policy after = read_text(a, less.data ? less.data : "", less.len, &d);
    struct bus_rule *v = before.bus[BUS_SESSION].v;
    size_t n = 0;
    for (size_t i = 0; i < before.bus[BUS_SESSION].n; i++)
        if (!str_eq(v[i].name, name))
            v[n++] = v[i];
    before.bus[BUS_SESSION].n = n;
    char *want = written(&before), *is = written(&after);
    if (d.errors || !str_eq(want, is))
        fuzz_fail("it is not this name alone that was taken out", want, is);
}

static void add(struct arena *a, const char *path, bool rw, const char *text, size_t size)
{
    struct diags d;
    struct buf more = {.arena = a};
    const struct fs_grant grant = {.base = FS_PATH, .sub = path, .mode = rw ? FS_RW : FS_RO};
    const char *word = fs_grant_text(a, &grant);
    struct policy before = read_text(a, text, size, &d);
    grant_add_word(text, size, word, &more);
    if (d.errors || more.len > POLICY_MAX_BYTES)
        return;
    struct policy after = read_text(a, more.data, more.len, &d);
    if (d.errors && !only_full(&d))
        fuzz_fail("it has errors now", text, more.data);
    if (d.errors)
        return;
    policy_merge_option(&before, arena_printf(a, "--filesystem=%s", word), (struct place){0}, &d);
    char *want = written(&before), *is = written(&after);
    if (!d.errors && !str_eq(want, is))
        fuzz_fail("it is not this grant that was added", want, is);
    drop(a, path, more.data, more.len);
}

static bool has_rule(const struct policy *p, const struct bus_rule *rule)
{
    for (size_t i = 0; i < p->bus[BUS_SESSION].n; i++)
        if (str_eq(p->bus[BUS_SESSION].v[i].name, rule->name))
            return p->bus[BUS_SESSION].v[i].access == rule->access;
    return false;
}

static void add_name(struct arena *a, const char *name, const char *text, size_t size)
{
    struct diags d;
    struct buf more = {.arena = a};
    struct policy before = read_text(a, text, size, &d);
    grant_set_key(text, size, "Session Bus Policy", name, "talk", &more);
    if (d.errors || more.len > POLICY_MAX_BYTES)
        return;
    struct policy after = read_text(a, more.data, more.len, &d);
    if (d.errors && !only_full(&d))
        fuzz_fail("it has errors now", text, more.data);
    if (d.errors)
        return;
    policy_merge_option(&before, arena_printf(a, "--talk-name=%s", name), (struct place){0}, &d);
    /* Where it stands among the names does not matter. */
    bool same = before.bus[BUS_SESSION].n == after.bus[BUS_SESSION].n;
    for (size_t i = 0; same && i < after.bus[BUS_SESSION].n; i++)
        same = has_rule(&before, &after.bus[BUS_SESSION].v[i]);
    before.bus[BUS_SESSION].n = after.bus[BUS_SESSION].n = 0;
    char *want = written(&before), *is = written(&after);
    if (!d.errors && (!same || !str_eq(want, is)))
        fuzz_fail("it is not this name that was added", want, is);
    drop_name(a, name, more.data, more.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    size_t n = end ? (size_t)(end - data) : 0;
    bool rw = n && data[0] == 'w';
    const char *path = arena_strndup(&a, (const char *)data + rw, n - rw);
    if (end && *path == 'b' && strlen(path) == n && !bus_name_error(path + 1))
        add_name(&a, path + 1, arena_strndup(&a, (const char *)end + 1, size - n - 1),
                 size - n - 1);
    if (end && strlen(path) == n - rw && usable(path))
        add(&a, path, rw, arena_strndup(&a, (const char *)end + 1, size - n - 1), size - n - 1);
    arena_release(&a);
    return 0;
}
