/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/sys.h"

#include <stdarg.h>

static void flush(struct line *l)
{
    sys3(__NR_write, 2, l->text, l->n); /* there is nobody to tell when it fails */
    l->n = 0;
}

static void put(struct line *l, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (l->n == sizeof l->text)
            flush(l);
        l->text[l->n++] = s[i];
    }
}

/* Between quotes, escaped as in a plan but for blanks: a terminal sees nothing but text. */
static void put_quoted(struct line *l, const char *s, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    put(l, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        const char escaped[] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
        if (c < 0x20 || c >= 0x7f || c == '\\' || c == '#' || c == '"')
            put(l, escaped, sizeof escaped);
        else
            put(l, s + i, 1);
    }
    put(l, "\"", 1);
}

static void put_number(struct line *l, unsigned v)
{
    char digits[16], *p = digits + sizeof digits;
    do
        *--p = (char)('0' + v % 10);
    while (v /= 10);
    put(l, p, (size_t)(digits + sizeof digits - p));
}

static void vformat(struct line *l, const char *fmt, va_list ap)
{
    for (; *fmt; fmt++) {
        const struct word *w;
        const char *s;
        if (*fmt != '%') {
            put(l, fmt, 1);
        } else if (*++fmt == 'u') {
            put_number(l, va_arg(ap, unsigned));
        } else if (*fmt == 'w') {
            if ((w = va_arg(ap, const struct word *)))
                put_quoted(l, w->s, w->n);
        } else {
            s = va_arg(ap, const char *);
            *fmt == 'q' ? put_quoted(l, s, strlen(s)) : put(l, s, strlen(s));
        }
    }
}

void format(struct line *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vformat(l, fmt, ap);
}

/* What may be done about a failed call; the first row that fits, call NULL fits all. */
static const struct hint {
    const char *call;
    int err;
    const char *text;
} hints[] = {
    {"openat2", ENOSYS, "needs Linux 5.6"},
    {"mount_setattr", ENOSYS, "needs Linux 5.12"},
    {"close_range", ENOSYS, "needs Linux 5.9"},
    {"landlock_create_ruleset", ENOSYS, "this kernel has no Landlock, which needs Linux 5.13"},
    {"landlock_create_ruleset", EINVAL, "this kernel's Landlock does not know all of that"},
    {"landlock_create_ruleset", E2BIG, "this kernel's Landlock does not know scopes"},
    {"landlock_create_ruleset", EOPNOTSUPP, "Landlock is off: boot with lsm=landlock,..."},
    {"clone", EPERM, "user namespaces are forbidden here; `carrel doctor` names the switch"},
    {"clone", ENOSPC, "a limit user.max_*_namespaces is reached; `carrel doctor` names it"},
    {"clone", EINVAL, "this kernel was built without one of the namespaces"},
    {"clone", EAGAIN, "the limit of processes (RLIMIT_NPROC) is reached"},
    {"fsopen", ENODEV, "this kernel was built without that file system"},
    {"fsmount", EPERM, "the caller's own /proc is partly covered, as in a container"},
    {"move_mount", ENOSPC, "the limit fs.mount-max is reached"},
    {"keyctl", EDQUOT, "the limit kernel.keys.maxkeys is reached"},
    {"seccomp", EINVAL, "the filter is no valid program"},
    {"execve", EACCES, "it is no executable file, or lies on a noexec mount"},
    {"execve", ENOEXEC, "it is no program of this machine, nor a script with #!"},
    {"execve", E2BIG, "arguments and environment are too long together"},
    {NULL, ENOSYS, "this kernel is too old, or a filter forbids the call"},
    {NULL, EMFILE, "raise the limit of open files (RLIMIT_NOFILE)"},
};

static _Noreturn void say(int status, const struct step *s, const char *call, long err,
                          const char *fmt, va_list ap)
{
    /* Several of our processes may meet one fault at once, and only the first speaks. Another waits
     * for its child, if it has one: that would die with it before it has spoken. */
    static bool spoken;
    struct line l = {0};
    const struct hint *hint = hints, *end = hints + sizeof hints / sizeof *hints;
    if (__atomic_exchange_n(&spoken, true, __ATOMIC_RELAXED)) {
        sys4(__NR_wait4, -1, NULL, __WALL, NULL);
        sys_exit(status);
    }
    format(&l, "carrel: ");
    if (s && s->line)
        format(&l, "plan line %u: ", s->line);
    if (s && s->verb < PLAN_VERB_COUNT)
        format(&l, "%s: ", plan_verbs[s->verb].text);
    vformat(&l, fmt, ap);
    if (err)
        format(&l, ": %s", strerror((int)-err));
    if (call)
        format(&l, " (%s)", call);
    while (hint < end && (hint->err != -err || (hint->call && (!call || strcmp(hint->call, call)))))
        hint++;
    if (hint < end)
        format(&l, "; %s", hint->text);
    format(&l, "\n");
    flush(&l);
    sys_exit(status);
}

void die_with(int status, const struct step *step, const char *call, long err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(status, step, call, err, fmt, ap);
}

long must(const struct step *step, const char *call, long result, const char *fmt, ...)
{
    va_list ap;
    if (result >= 0)
        return result;
    va_start(ap, fmt);
    say(EXIT_OURS, step, call, result, fmt, ap);
}
