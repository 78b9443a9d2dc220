/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/sys.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* A line on its way to standard error; longer ones go out in pieces. */
struct line {
    size_t n;
    char text[1024];
};

static void flush(struct line *l)
{
    for (size_t done = 0; done < l->n;) {
        long n = sys3(__NR_write, 2, l->text + done, l->n - done);
        if (n <= 0 && n != -EINTR)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
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

static void put_text(struct line *l, const char *s)
{
    put(l, s, strlen(s));
}

/* Between quotes; what a terminal might take for more than text is written \xNN. */
static void put_quoted(struct line *l, const char *s, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    put_text(l, "\"");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        char escaped[4] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
            put(l, s + i, 1);
        else
            put(l, escaped, 4);
    }
    put_text(l, "\"");
}

static void put_number(struct line *l, unsigned long v)
{
    char digits[24], *p = digits + sizeof digits;
    do
        *--p = (char)('0' + v % 10);
    while (v /= 10);
    put(l, p, (size_t)(digits + sizeof digits - p));
}

/* The text of an error, without its translation: that would need a heap. */
static const char *error_text(int err)
{
#ifdef __GLIBC__
    const char *s = strerrordesc_np(err);
    return s ? s : "unknown error";
#else
    return strerror(err);
#endif
}

/* What may be done about a failed call; the first row that fits, call NULL fits all. */
static const struct hint {
    const char *call;
    int err;
    const char *text;
} hints[] = {
    {"openat2", ENOSYS, "needs Linux 5.6"},
    {"open_tree", ENOSYS, "needs Linux 5.2"},
    {"move_mount", ENOSYS, "needs Linux 5.2"},
    {"fsopen", ENOSYS, "needs Linux 5.2"},
    {"mount_setattr", ENOSYS, "needs Linux 5.12"},
    {"close_range", ENOSYS, "needs Linux 5.9"},
    {"landlock_create_ruleset", ENOSYS, "this kernel has no Landlock, which needs Linux 5.13"},
    {"landlock_create_ruleset", EOPNOTSUPP,
     "Landlock is built in but switched off: boot with "
     "lsm=landlock,..."},
    {"seccomp", EINVAL, "the filter is no valid program"},
    {"clone", EPERM, "user namespaces are forbidden here; `carrel doctor` names the switch"},
    {"clone", EACCES, "user namespaces are forbidden here; `carrel doctor` names the switch"},
    {"clone", ENOSPC, "a limit user.max_*_namespaces is reached; `carrel doctor` names it"},
    {"clone", EUSERS, "user namespaces are nested too deeply"},
    {"clone", EINVAL, "this kernel was built without one of the namespaces"},
    {"clone", EAGAIN, "the limit of processes (RLIMIT_NPROC) is reached"},
    {"fsmount", EPERM, "the caller's own /proc is partly covered, as in a container"},
    {"fsopen", ENODEV, "this kernel was built without that file system"},
    {"move_mount", ENOSPC, "the limit fs.mount-max is reached"},
    {"move_mount", ENOTDIR, "one is a folder, the other is not"},
    {"keyctl", EDQUOT, "the limit kernel.keys.maxkeys is reached"},
    {"prlimit64", EPERM, "above the caller's own hard limit"},
    {NULL, ENOSYS, "this kernel is too old, or a filter forbids the call"},
    {NULL, EMFILE, "raise the limit of open files"},
    {NULL, ENFILE, "the system's limit of open files is reached"},
};

static const char *find_hint(const char *call, long err)
{
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (hints[i].err == -err && (!hints[i].call || (call && !strcmp(hints[i].call, call))))
            return hints[i].text;
    return NULL;
}

static void put_place(struct line *l, int line, const char *verb)
{
    put_text(l, "carrel: ");
    if (line > 0) {
        put_text(l, "plan line ");
        put_number(l, (unsigned long)line);
        put_text(l, verb ? " (" : ": ");
    }
    if (verb) {
        put_text(l, verb);
        put_text(l, line > 0 ? "): " : ": ");
    }
}

static void put_format(struct line *l, const char *fmt, va_list ap)
{
    for (; *fmt; fmt++) {
        if (*fmt != '%') {
            put(l, fmt, 1);
            continue;
        }
        const char *s;
        switch (*++fmt) {
        case 's':
            put_text(l, va_arg(ap, const char *));
            break;
        case 'u':
            put_number(l, va_arg(ap, unsigned));
            break;
        default: /* q */
            s = va_arg(ap, const char *);
            put_quoted(l, s, strlen(s));
        }
    }
}

static _Noreturn void vdie(int status, const char *hint, const struct step *step, const char *call,
                           long err, const char *fmt, va_list ap)
{
    struct line l = {0};
    put_place(&l, step ? step->line : 0, step ? plan_verbs[step->verb].text : NULL);
    put_format(&l, fmt, ap);
    if (err) {
        put_text(&l, ": ");
        put_text(&l, error_text((int)-err));
    }
    if (call) {
        put_text(&l, " (");
        put_text(&l, call);
        put_text(&l, ")");
    }
    if (!hint)
        hint = find_hint(call, err);
    if (hint) {
        put_text(&l, "; ");
        put_text(&l, hint);
    }
    put_text(&l, "\n");
    flush(&l);
    sys_exit(status);
}

void die(const struct step *step, const char *call, long err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vdie(EXIT_OURS, NULL, step, call, err, fmt, ap);
}

void die_with(int status, const char *hint, const struct step *step, const char *call, long err,
              const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vdie(status, hint, step, call, err, fmt, ap);
}

void die_of_fault(const struct fault *f)
{
    struct line l = {0};
    put_place(&l, f->line, f->verb);
    if (f->word) {
        put_quoted(&l, f->word->s, f->word->n);
        put_text(&l, ": ");
    }
    put_text(&l, f->text);
    put_text(&l, "\n");
    flush(&l);
    sys_exit(EXIT_OURS);
}
