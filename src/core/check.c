/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"

#include <linux/sched.h>
#include <string.h>
#include <sys/resource.h>

/*
 * The checks return why a step is refused, or NULL. What they learn goes into the job or into the
 * step's n[]: modes, flags and limits as numbers, so that the handlers parse nothing.
 */
struct checker {
    struct job *j;
    struct step *s;
    const struct word *bad; /* the word that the text is about */
    bool rooted;            /* whether a step above makes the root */
};

typedef const char *check(struct checker *c, const struct word *w);

static const char *bad(struct checker *c, const struct word *w, const char *text)
{
    c->bad = w;
    return text;
}

static bool is(const struct word *w, const char *text)
{
    return w->n == strlen(text) && memcmp(w->s, text, w->n) == 0;
}

static bool has_nul(const struct word *w)
{
    return memchr(w->s, '\0', w->n) != NULL;
}

static const char *path_at(struct checker *c, const struct word *w)
{
    return value_path(w) ? NULL
                         : bad(c, w,
                               "not an absolute path without \"//\", \".\", \"..\" and a "
                               "slash at its end, of at most 4095 bytes");
}

static const char *mode_at(struct checker *c, const struct word *w, uint64_t *mode)
{
    return value_number(w, 8, 01777, mode) ? NULL : bad(c, w, "not an octal mode up to 1777");
}

/* A destination. The first one of all is "/" and makes the root, no other may be it. */
static const char *destination(struct checker *c, const struct word *w)
{
    const char *e = path_at(c, w);
    if (e)
        return e;
    if (c->rooted)
        return w->n == 1 ? bad(c, w, "stands already") : NULL;
    if (w->n != 1 || (c->s->verb != PLAN_TMPFS && c->s->verb != PLAN_BIND))
        return bad(c, w, "there is no root yet: a tmpfs or bind on / must be the first mount");
    c->rooted = true;
    return NULL;
}

static const char *number_once(struct checker *c, const struct word *w, uint32_t *out)
{
    uint64_t v;
    if (!value_number(w, 10, UINT32_MAX - 1, &v))
        return bad(c, w, "not a number below 4294967295");
    *out = (uint32_t)v;
    return NULL;
}

static const char *check_uid(struct checker *c, const struct word *w)
{
    return number_once(c, w, &c->j->uid);
}

static const char *check_gid(struct checker *c, const struct word *w)
{
    return number_once(c, w, &c->j->gid);
}

static const char *check_unshare(struct checker *c, const struct word *w)
{
    const unsigned long needed = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID;
    for (int i = 0; i < c->s->argc; i++) {
        uint64_t bit;
        if (!value_name(namespace_names, w[i].s, w[i].n, &bit))
            return bad(c, &w[i], "not a namespace: user mount pid ipc uts net cgroup");
        if (c->j->namespaces & bit)
            return bad(c, &w[i], "named twice");
        c->j->namespaces |= bit;
    }
    return (c->j->namespaces & needed) == needed ? NULL : "user, mount and pid are required";
}

static const char *check_nested(struct checker *c, const struct word *w)
{
    c->j->nested_userns = is(w, "allow");
    return c->j->nested_userns || is(w, "deny") ? NULL : bad(c, w, "neither deny nor allow");
}

static const char *check_hostname(struct checker *c, const struct word *w)
{
    return w->n >= 1 && w->n <= 64 && !has_nul(w) ? NULL : bad(c, w, "not 1 to 64 bytes");
}

static const char *check_loopback(struct checker *c, const struct word *w)
{
    return is(w, "up") ? NULL : bad(c, w, "not \"up\"");
}

static const char *check_host_dir(struct checker *c, const struct word *w)
{
    const char *e = path_at(c, &w[0]);
    return e ? e : mode_at(c, &w[1], &c->s->n[0]);
}

static const char *check_keep_fd(struct checker *c, const struct word *w)
{
    struct job *j = c->j;
    uint64_t v;
    if (!value_number(w, 10, 1 << 20, &v) || v < FIRST_FREE_FD)
        return bad(c, w, "not a descriptor's number from 3 on");
    if (j->n_kept == MAX_KEPT_FDS)
        return "more than 64 of them";
    int at = j->n_kept;
    while (at > 0 && j->kept[at - 1] >= (int)v)
        at--;
    if (at < j->n_kept && j->kept[at] == (int)v)
        return bad(c, w, "named twice");
    memmove(&j->kept[at + 1], &j->kept[at], sizeof *j->kept * (size_t)(j->n_kept - at));
    j->kept[at] = (int)v;
    j->n_kept++;
    return NULL;
}

static const char *check_tmpfs(struct checker *c, const struct word *w)
{
    const char *e = destination(c, &w[0]);
    if (!e)
        e = mode_at(c, &w[1], &c->s->n[0]);
    if (e || is(&w[2], "-"))
        return e;
    struct word digits = w[2];
    if (digits.n && memchr("kmg", digits.s[digits.n - 1], 3))
        digits.n--;
    if (!value_number(&digits, 10, UINT64_MAX >> 31, &c->s->n[1]) || c->s->n[1] == 0)
        return bad(c, &w[2], "not a size: bytes, with k, m or g behind them, or -");
    return NULL;
}

static const char *check_bind(struct checker *c, const struct word *w)
{
    const char *e = path_at(c, &w[0]);
    if (!e)
        e = destination(c, &w[1]);
    if (e)
        return e;
    uint64_t *flags = &c->s->n[0];
    const struct word mode = {w[2].s, w[2].n < 2 ? w[2].n : 2};
    if (!(is(&mode, "ro") || is(&mode, "rw")) || !value_names(bind_flag_names, &w[2], flags) ||
        (is(&mode, "rw") && (*flags & BIND_RO)))
        return bad(c, &w[2], "not ro or rw with dev, noexec, optional behind it");
    if (c->s->argc == 3)
        return NULL;
    const char *colon = memchr(w[3].s, ':', w[3].n);
    size_t n = colon ? (size_t)(colon - w[3].s) : w[3].n;
    struct word dev = {w[3].s, n}, ino = {w[3].s + n + 1, colon ? w[3].n - n - 1 : 0};
    if (!value_number(&dev, 16, UINT64_MAX, &c->s->n[1]) ||
        !value_number(&ino, 16, UINT64_MAX, &c->s->n[2]))
        return bad(c, &w[3], "not DEV:INO in hexadecimal");
    *flags |= BIND_SAME;
    return NULL;
}

static const char *check_dir(struct checker *c, const struct word *w)
{
    const char *e = destination(c, &w[0]);
    return e ? e : mode_at(c, &w[1], &c->s->n[0]);
}

static const char *check_symlink(struct checker *c, const struct word *w)
{
    if (w[0].n == 0 || w[0].n > 4095 || has_nul(&w[0]))
        return bad(c, &w[0], "not the target of a symbolic link");
    return destination(c, &w[1]);
}

static const char *check_seal(struct checker *c, const struct word *w)
{
    return c->rooted ? path_at(c, w) : "there is no root yet";
}

static const char *check_rlimit(struct checker *c, const struct word *w)
{
    uint64_t *n = c->s->n;
    if (!value_name(rlimit_names, w[0].s, w[0].n, &n[0]))
        return bad(c, &w[0], "not a limit that the kernel has");
    for (int i = 1; i <= 2; i++) {
        n[i] = RLIM_INFINITY;
        if (!is(&w[i], "unlimited") && !value_number(&w[i], 10, RLIM_INFINITY - 1, &n[i]))
            return bad(c, &w[i], "neither a number nor \"unlimited\"");
    }
    return n[1] <= n[2] ? NULL : bad(c, &w[1], "above the hard limit");
}

static const char *check_keyring(struct checker *c, const struct word *w)
{
    return is(w, "new") ? NULL : bad(c, w, "not \"new\"");
}

static const char *check_session(struct checker *c, const struct word *w)
{
    c->j->terminal = is(w, "terminal");
    return c->j->terminal || is(w, "new") ? NULL : bad(c, w, "neither new nor terminal");
}

static const char *check_umask(struct checker *c, const struct word *w)
{
    uint64_t v;
    if (!value_number(w, 8, 0777, &v))
        return bad(c, w, "not an octal mode up to 777");
    c->j->umask = (unsigned)v;
    return NULL;
}

static const char *check_landlock(struct checker *c, const struct word *w)
{
    if (!value_names(landlock_right_names, &w[0], &c->j->landlock.handled))
        return bad(c, &w[0], "not - or names of Landlock's file rights");
    if (!value_names(landlock_scope_names, &w[1], &c->j->landlock.scoped))
        return bad(c, &w[1], "not - or names of Landlock's scopes");
    return c->j->landlock.handled | c->j->landlock.scoped ? NULL : "asks for nothing";
}

static const char *check_landlock_allow(struct checker *c, const struct word *w)
{
    const char *e = path_at(c, &w[0]);
    if (e)
        return e;
    uint64_t *rights = &c->s->n[0];
    if (!value_names(landlock_right_names, &w[1], rights) || *rights == 0)
        return bad(c, &w[1], "not names of Landlock's file rights");
    return *rights & ~c->j->landlock.handled
               ? bad(c, &w[1], "rights that no landlock line above handles")
               : NULL;
}

static const char *check_seccomp(struct checker *c, const struct word *w)
{
    uint64_t v;
    if (!value_number(&w[0], 10, 1 << 20, &v) || v < FIRST_FREE_FD)
        return bad(c, &w[0], "not a descriptor's number from 3 on");
    c->j->filter_fd = (int)v;
    for (int i = 0; i < c->j->n_kept; i++)
        if (c->j->kept[i] == c->j->filter_fd)
            return bad(c, &w[0], "kept for the app above");
    return NULL;
}

static const char *check_env(struct checker *c, const struct word *w)
{
    const char *equals = memchr(w->s, '=', w->n);
    return equals && equals > w->s && !has_nul(w) ? NULL : bad(c, w, "not NAME=VALUE");
}

static const char *check_exec(struct checker *c, const struct word *w)
{
    if (w->n == 0 || w->n > 4095 || has_nul(w) || (w->s[0] != '/' && memchr(w->s, '/', w->n)))
        return bad(c, w, "neither an absolute path nor a bare name");
    c->j->exec = c->s;
    return NULL;
}

static const char *check_arg(struct checker *c, const struct word *w)
{
    if (!c->j->exec)
        return "needs an exec line above it";
    return has_nul(w) ? bad(c, w, "holds a NUL byte") : NULL;
}

/* What each verb is checked by, whether it may come up more than once, whether it must at all. */
static const struct rule {
    check *f;
    bool many, required;
} rules[PLAN_VERB_COUNT] = {
    [PLAN_UID] = {check_uid, false, true},
    [PLAN_GID] = {check_gid, false, true},
    [PLAN_UNSHARE] = {check_unshare, false, true},
    [PLAN_NESTED_USERNS] = {check_nested, false, false},
    [PLAN_HOSTNAME] = {check_hostname, false, false},
    [PLAN_LOOPBACK] = {check_loopback, false, false},
    [PLAN_HOST_DIR] = {check_host_dir, true, false},
    [PLAN_KEEP_FD] = {check_keep_fd, true, false},
    [PLAN_TMPFS] = {check_tmpfs, true, false},
    [PLAN_BIND] = {check_bind, true, false},
    [PLAN_PROC] = {destination, true, false},
    [PLAN_DEVPTS] = {destination, true, false},
    [PLAN_MQUEUE] = {destination, true, false},
    [PLAN_DIR] = {check_dir, true, false},
    [PLAN_FILE] = {check_dir, true, false},
    [PLAN_SYMLINK] = {check_symlink, true, false},
    [PLAN_SEAL] = {check_seal, true, false},
    [PLAN_RLIMIT] = {check_rlimit, true, false},
    [PLAN_KEYRING] = {check_keyring, false, false},
    [PLAN_SESSION] = {check_session, false, false},
    [PLAN_UMASK] = {check_umask, false, false},
    [PLAN_CWD] = {path_at, false, false},
    [PLAN_LANDLOCK] = {check_landlock, false, false},
    [PLAN_LANDLOCK_ALLOW] = {check_landlock_allow, true, false},
    [PLAN_SECCOMP] = {check_seccomp, false, false},
    [PLAN_ENV] = {check_env, true, false},
    [PLAN_EXEC] = {check_exec, false, true},
    [PLAN_ARG] = {check_arg, true, false},
    [PLAN_MISSING] = {NULL, true, false},
};

size_t job_space(size_t plan_size)
{
    /* The shortest step is "uid 0\n"; a word takes two bytes with its blank. */
    size_t steps = plan_size / 6 + 1, words = plan_size / 2 + 1;
    return steps * sizeof(struct step) + words * sizeof(struct word) + (steps + 4) * sizeof(char *);
}

static const char *finish(struct job *j, enum plan_verb *verb)
{
    static const struct {
        unsigned long flag;
        unsigned char verb;
        const char *text;
    } needs[] = {
        {CLONE_NEWUTS, PLAN_HOSTNAME, "needs \"unshare uts\""},
        {CLONE_NEWNET, PLAN_LOOPBACK, "needs \"unshare net\""},
        {CLONE_NEWIPC, PLAN_MQUEUE, "needs \"unshare ipc\""},
    };
    for (int v = 0; v < PLAN_VERB_COUNT; v++) {
        *verb = (enum plan_verb)v;
        if (rules[v].required && !job_has(j, *verb))
            return "is missing from the plan";
    }
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        *verb = (enum plan_verb)needs[i].verb;
        if (job_has(j, *verb) && !(j->namespaces & needs[i].flag))
            return needs[i].text;
    }
    *verb = PLAN_TMPFS;
    if (!job_has(j, PLAN_TMPFS) && !job_has(j, PLAN_BIND))
        return "no tmpfs or bind makes the root";
    return NULL;
}

/* The vectors for execve lie behind the steps: first the environment, then the arguments. */
static void collect(struct job *j, char **v)
{
    j->envp = v;
    for (size_t i = 0; i < j->n; i++)
        if (j->steps[i].verb == PLAN_ENV)
            *v++ = j->steps[i].w->s;
    *v++ = NULL;
    j->argv = v;
    *v++ = j->exec->w->s;
    for (size_t i = 0; i < j->n; i++)
        if (j->steps[i].verb == PLAN_ARG)
            *v++ = j->steps[i].w->s;
    *v = NULL;
}

static const char *take_step(struct checker *c, const struct plan_line *l, struct word **words)
{
    struct job *j = c->j;
    const struct rule *rule = &rules[l->verb];
    if (!rule->f)
        return NULL;
    if (!rule->many && job_has(j, l->verb))
        return "may come only once";
    c->s = &j->steps[j->n];
    c->s->w = *words;
    c->s->verb = (unsigned char)l->verb;
    c->s->argc = (unsigned char)l->argc;
    memcpy(*words, l->argv, sizeof **words * (size_t)l->argc);
    *words += l->argc;
    j->n++;
    const char *e = rule->f(c, c->s->w);
    j->seen[l->verb / 32] |= 1u << l->verb % 32;
    return e;
}

int job_read(struct job *j, char *text, size_t size, void *space, struct fault *f)
{
    size_t max_steps = size / 6 + 1;
    char **vectors = space;
    *j = (struct job){.filter_fd = -1, .root = -1, .parent = -1, .umask = 022};
    j->steps = (struct step *)(void *)(vectors + max_steps + 4);
    struct word *words = (struct word *)(void *)(j->steps + max_steps);
    struct checker c = {.j = j};
    struct plan_reader r;
    struct plan_line l;
    int got = plan_reader_init(&r, text, size);
    while (got == 0 && (got = plan_next(&r, &l)) == 1) {
        got = 0;
        const char *e = take_step(&c, &l, &words);
        if (e) {
            *f = (struct fault){r.line, plan_verbs[l.verb].text, c.bad, e};
            return -1;
        }
        if (c.s)
            c.s->line = r.line;
    }
    *f = (struct fault){.line = r.line, .text = r.error};
    enum plan_verb verb;
    if (got == 0 && (f->text = finish(j, &verb)))
        *f = (struct fault){.verb = plan_verbs[verb].text, .text = f->text};
    if (f->text)
        return -1;
    collect(j, vectors);
    return 0;
}
