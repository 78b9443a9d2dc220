/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"

#include <linux/sched.h>
#include <string.h>
#include <sys/resource.h>

static bool is(const struct word *w, const char *text)
{
    return w->n == strlen(text) && memcmp(w->s, text, w->n) == 0;
}

bool read_number(const struct word *w, unsigned base, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < w->n; i++) {
        const char *digits = "0123456789abcdef", *d = memchr(digits, w->s[i], base);
        uint64_t value = d ? (uint64_t)(d - digits) : 0;
        if (!d || value > max || v > (max - value) / base)
            return false;
        v = v * base + value;
    }
    *out = v;
    return w->n > 0;
}

/* One of the names in a list, which blanks part. The value is its place. */
static bool read_name(const struct word *w, const char *list, uint64_t *out)
{
    *out = 0;
    for (size_t n; *list; list += n + (list[n] == ' '), ++*out) {
        n = strcspn(list, " ");
        if (n == w->n && memcmp(list, w->s, n) == 0)
            return true;
    }
    return false;
}

/* Some of them, which commas part; `-` for none. The value has a bit for each. */
static bool read_names(const struct word *w, const char *list, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i <= w->n && !is(w, "-");) {
        const char *comma = memchr(w->s + i, ',', w->n - i);
        struct word name = {w->s + i, comma ? (size_t)(comma - w->s) - i : w->n - i};
        uint64_t place;
        if (!read_name(&name, list, &place))
            return false;
        *out |= 1ull << place;
        i += name.n + 1;
    }
    return true;
}

static bool read_path(const struct word *w)
{
    for (size_t i = 0; i < w->n && w->n > 1;) {
        struct word name = {w->s + i + 1, strcspn(w->s + i + 1, "/")};
        if (name.n == 0 || is(&name, ".") || is(&name, ".."))
            return false;
        i += name.n + 1;
    }
    return w->s[0] == '/';
}

static bool read_size(struct word w, uint64_t *out)
{
    bool unit = w.n && memchr("kmg", w.s[w.n - 1], 3);
    w.n -= unit;
    return read_number(&w, 10, unit ? UINT64_MAX >> 31 : UINT64_MAX >> 1, out) && *out > 0;
}

static bool read_same(const struct word *w, uint64_t *dev, uint64_t *ino)
{
    const char *colon = memchr(w->s, ':', w->n);
    size_t n = colon ? (size_t)(colon - w->s) : 0;
    struct word first = {w->s, n}, second = {w->s + n + 1, w->n - n - 1};
    return colon && read_number(&first, 16, UINT64_MAX, dev) &&
           read_number(&second, 16, UINT64_MAX, ino);
}

/* The kinds of words: a letter for the rules, and what one must be. */
static const struct kind {
    char letter;
    const char *text;
} kinds[] = {
    {'p', "an absolute path of at most 4095 bytes, without //, /./, /../ and a slash at its end"},
    {'x', "an absolute path or a bare name"},
    {'t', "1 to 4095 bytes without NUL"},
    {'h', "1 to 64 bytes without NUL"},
    {'a', "free of NUL bytes"},
    {'e', "NAME=VALUE"},
    {'m', "an octal mode up to 1777"},
    {'i', "a number below 4294967295"},
    {'f', "a descriptor's number from 3 on"},
    {'l', "a number or unlimited"},
    {'s', "a size: bytes, with k, m or g behind them, or -"},
    {'d', "DEV:INO in hexadecimal"},
    {'n', "one of: "},
    {'c', "some of these with commas between them, or -: "},
};

static bool read_word(char letter, const struct word *w, const char *list, uint64_t *out)
{
    bool text = !memchr(w->s, '\0', w->n), name = text && w->n > 0 && w->n < 4096;
    *out = RLIM_INFINITY;
    return letter == 'p'   ? name && read_path(w)
           : letter == 'x' ? name && (w->s[0] == '/' || !memchr(w->s, '/', w->n))
           : letter == 't' ? name
           : letter == 'h' ? name && w->n <= 64
           : letter == 'a' ? text
           : letter == 'e' ? text && w->s[0] != '=' && memchr(w->s, '=', w->n)
           : letter == 'm' ? read_number(w, 8, 01777, out)
           : letter == 'i' ? read_number(w, 10, UINT32_MAX - 1, out)
           : letter == 'f' ? read_number(w, 10, 1 << 20, out) && *out >= FIRST_FREE_FD
           : letter == 'l' ? is(w, "unlimited") || read_number(w, 10, RLIM_INFINITY - 1, out)
           : letter == 's' ? is(w, "-") || read_size(*w, out)
           : letter == 'd' ? read_same(w, &out[0], &out[1])
           : letter == 'n' ? read_name(w, list, out)
           : letter == 'c' ? read_names(w, list, out)
                           : true; /* '.': any bytes */
}

static const char namespaces[] = "user mount pid ipc uts net cgroup";
static const unsigned long namespace_flags[] = {CLONE_NEWUSER,  CLONE_NEWNS,  CLONE_NEWPID,
                                                CLONE_NEWIPC,   CLONE_NEWUTS, CLONE_NEWNET,
                                                CLONE_NEWCGROUP};
/* In the kernel's order. The header of the system may know less of Landlock than the kernel. */
static const char rights[] =
    "execute write_file read_file read_dir remove_dir remove_file make_char make_dir make_reg "
    "make_sock make_fifo make_block make_sym refer truncate ioctl_dev";
static const char limits[] = "cpu fsize data stack core rss nproc nofile memlock as locks "
                             "sigpending msgqueue nice rtprio rttime";
_Static_assert(RLIMIT_NPROC == 6 && RLIMIT_NOFILE == 7 && RLIMIT_AS == 9 && RLIMIT_RTTIME == 15,
               "this architecture numbers the limits in another way");

static const struct rule rules[PLAN_VERB_COUNT] = {
    [PLAN_UID] = {"i", REQUIRED},
    [PLAN_GID] = {"i", REQUIRED},
    [PLAN_UNSHARE] = {"nnnnnnn", REQUIRED, 0, {namespaces, namespaces}},
    [PLAN_NESTED_USERNS] = {"n", 0, 0, {"deny allow"}},
    [PLAN_HOSTNAME] = {"h", 0, IN_ROOT, {0}, run_hostname, CLONE_NEWUTS},
    [PLAN_LOOPBACK] = {"n", 0, IN_ROOT, {"up"}, run_loopback, CLONE_NEWNET},
    [PLAN_HOST_DIR] = {"pm", MANY, IN_ROOT, {0}, run_host_dir},
    [PLAN_KEEP_FD] = {"f", MANY},
    [PLAN_STATUS_FD] = {"fn", 0, 0, {0, "supervisor"}},
    [PLAN_TMPFS] = {"pms", MANY, IN_ROOT, {0}, run_tmpfs},
    [PLAN_BIND] = {"ppcd", MANY, IN_ROOT, {0, "ro rw dev noexec optional"}, run_bind},
    [PLAN_PROC] = {"pn", MANY, IN_ROOT, {0, "bare"}, run_proc},
    [PLAN_DEVPTS] = {"p", MANY, IN_ROOT, {0}, run_devpts},
    [PLAN_MQUEUE] = {"p", MANY, IN_ROOT, {0}, run_mqueue, CLONE_NEWIPC},
    [PLAN_DIR] = {"pm", MANY, IN_ROOT, {0}, run_dir},
    [PLAN_FILE] = {"pm.", MANY, IN_ROOT, {0}, run_file},
    [PLAN_SYMLINK] = {"tp", MANY, IN_ROOT, {0}, run_symlink},
    [PLAN_SEAL] = {"p", MANY, IN_ROOT, {0}, run_seal},
    [PLAN_RLIMIT] = {"nll", MANY, IN_APP, {limits}, run_rlimit},
    [PLAN_KEYRING] = {"n", 0, IN_APP, {"new"}, run_keyring},
    [PLAN_SESSION] = {"n", 0, 0, {"new"}},
    [PLAN_TERMINAL] = {"fpc", 0, IN_ROOT, {0, "0 1 2"}, run_terminal},
    [PLAN_UMASK] = {"m"},
    [PLAN_CWD] = {"p", 0, IN_APP, {0}, run_cwd},
    [PLAN_LANDLOCK] = {"cc", 0, IN_APP, {rights, "abstract_unix_socket signal"}, run_landlock},
    [PLAN_LANDLOCK_ALLOW] = {"pc", MANY, IN_APP, {0, rights}, run_landlock_allow},
    [PLAN_SECCOMP] = {"f."},
    [PLAN_ENV] = {"e", MANY},
    [PLAN_EXEC] = {"x", REQUIRED},
    [PLAN_ARG] = {"a", MANY},
    [PLAN_MISSING] = {".", MANY},
};

static const struct rule *rule_of(unsigned verb)
{
    const struct rule *other = compat_rule ? compat_rule(verb) : NULL;
    return other ? other : &rules[verb];
}

/* The first mount makes the root, no later one does. */
static const char *check_destination(struct job *j, const struct step *s, const struct word *dst)
{
    bool is_root = dst->n == 1, makes = s->verb == PLAN_TMPFS || s->verb == PLAN_BIND;
    if (j->rooted && is_root && s->verb != PLAN_SEAL && !j->loose)
        return "the root stands already";
    if (!j->rooted && !(is_root && makes))
        return "there is no root yet: the first mount must be a tmpfs or bind on /";
    j->rooted = true;
    return NULL;
}

/* What the single words do not show. */
static const char *check_step(struct job *j, const struct step *s)
{
    uint64_t unhandled = s->n[1] & ~job_value(j, PLAN_LANDLOCK, 0);
    switch (s->verb) {
    case PLAN_UNSHARE:
        for (int i = 0; i < s->argc; i++)
            j->namespaces |= namespace_flags[s->n[i]];
        return NULL;
    case PLAN_EXEC: /* the reader sees to it that the env lines stand before */
        j->argv = ++j->vector;
        __attribute__((fallthrough));
    case PLAN_ENV:
    case PLAN_ARG:
        *j->vector++ = s->w->s;
        return s->verb == PLAN_ARG && !j->argv ? "needs an exec line above it" : NULL;
    case PLAN_KEEP_FD:
        if (j->n_kept == MAX_KEPT_FDS)
            return "more than 64 of them";
        j->kept[j->n_kept++] = (int)s->n[0];
        return NULL;
    case PLAN_RLIMIT:
        return s->n[1] <= s->n[2] ? NULL : "the soft limit is above the hard one";
    case PLAN_LANDLOCK:
        return s->n[0] | s->n[1] ? NULL : "asks for nothing";
    case PLAN_LANDLOCK_ALLOW:
        return s->n[1] && !unhandled ? NULL : "allows nothing that a landlock line above handles";
    case PLAN_BIND:
        if (!(s->n[2] & BIND_RO) == !(s->n[2] & BIND_RW))
            return "must be either ro or rw";
    }
    bool second = s->verb == PLAN_BIND || s->verb == PLAN_SYMLINK;
    return plan_verbs[s->verb].phase == PHASE_MOUNT ? check_destination(j, s, &s->w[second]) : NULL;
}

static const char *take_step(struct job *j, struct step *s, struct fault *f)
{
    const struct rule *rule = rule_of(s->verb);
    if (!rule->words)
        return "only carrel-bwrap does that";
    for (int i = 0; i < s->argc; i++) {
        if (read_word(rule->words[i], &s->w[i], rule->list[i > 0], &s->n[i]))
            continue;
        f->word = &s->w[i];
        const struct kind *kind = kinds;
        while (kind->letter != rule->words[i])
            kind++;
        f->list = strchr("nc", kind->letter) ? rule->list[i > 0] : "";
        return kind->text;
    }
    if (j->last[s->verb] && !(rule->flags & MANY))
        return "may come only once";
    const char *e = rule->check ? rule->check(j, s) : NULL;
    e = e ? e : check_step(j, s);
    j->last[s->verb] = s;
    return e;
}

/* What the whole of the plan must have. */
static const char *check_whole(const struct job *j, struct step *at)
{
    const unsigned long needed = (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) & ~j->shared;
    *at = (struct step){0};
    for (at->verb = 0; at->verb < PLAN_VERB_COUNT; at->verb++)
        if (rule_of(at->verb)->flags & REQUIRED && !j->last[at->verb])
            return "missing from the plan";
    *at = *j->last[PLAN_UNSHARE];
    if ((j->namespaces & needed) != needed)
        return "user, mount and pid are required";
    for (size_t i = 0; i < j->n; i++) {
        *at = j->steps[i];
        if (rule_of(at->verb)->needs & ~j->namespaces)
            return "needs a namespace of its kind, which the unshare line does not name";
    }
    *at = (struct step){.verb = PLAN_TMPFS};
    return j->rooted ? NULL : "missing from the plan: it makes the root";
}

/* The shortest step is "uid 0\n"; a word takes two bytes with its blank. */
size_t job_space(size_t plan_size)
{
    return (plan_size / 6 + 1) * (sizeof(struct step) + sizeof(char *)) + 3 * sizeof(char *) +
           (plan_size / 2 + 1) * sizeof(struct word);
}

int job_read(struct job *j, char *text, size_t size, void *space, struct fault *f)
{
    struct word *words = (struct word *)(void *)((char **)space + size / 6 + 1 + 3);
    struct plan_reader r;
    struct plan_line l;
    *j = (struct job){.root = -1, .scratch = -1, .envp = space, .vector = space};
    j->parent = j->source = (struct folder)NO_FOLDER;
    *f = (struct fault){.list = ""};
    j->steps = (struct step *)(void *)(words + size / 2 + 1);
    int got = plan_reader_init(&r, text, size);
    while (got == 0 && (got = plan_next(&r, &l)) == 1) {
        struct step *s = &j->steps[j->n++];
        *s = (struct step){words, {0}, l.why, r.line, (unsigned char)l.verb, 0};
        s->argc = (unsigned char)l.argc;
        memcpy(words, l.argv, sizeof *words * s->argc);
        words += s->argc;
        f->step = *s;
        if ((f->text = take_step(j, s, f)))
            return -1;
        got = 0;
    }
    f->step = (struct step){.line = r.line, .verb = PLAN_VERB_COUNT};
    f->text = got < 0 ? r.error : check_whole(j, &f->step);
    return f->text ? -1 : 0;
}

void run_steps(struct job *j, enum step_place place)
{
    for (const struct step *s = j->steps; s < j->steps + j->n; s++)
        if (rule_of(s->verb)->run && rule_of(s->verb)->place == place)
            rule_of(s->verb)->run(j, s);
}
