/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/hints.h"
#include "core/sys.h"

#include <stdarg.h>

void flush(struct line *l)
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

/* Escaped as in a plan but for blanks: a terminal sees nothing but text. */
void put_escaped(struct line *l, const char *s, size_t n, const char *quote)
{
    static const char hex[] = "0123456789abcdef";
    put(l, quote, strlen(quote));
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        const char escaped[] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
        bool plain = c >= 0x20 && c < 0x7f && !strchr("\\#\"", c);
        put(l, plain ? s + i : escaped, plain ? 1 : sizeof escaped);
    }
    put(l, quote, strlen(quote));
}

static void put_number(struct line *l, unsigned v)
{
    char digits[16], *p = digits + sizeof digits;
    do
        *--p = (char)('0' + v % 10);
    while (v /= 10);
    put(l, p, (size_t)(digits + sizeof digits - p));
}

void vformat(struct line *l, const char *fmt, va_list ap)
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
                put_escaped(l, w->s, w->n, "\"");
        } else {
            s = va_arg(ap, const char *);
            *fmt == 's' ? put(l, s, strlen(s))
                        : put_escaped(l, s, strlen(s), *fmt == 'q' ? "\"" : "");
        }
    }
}

void format(struct line *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vformat(l, fmt, ap);
}

static _Noreturn void say(int status, const struct step *s, const char *call, long err,
                          const char *fmt, va_list ap)
{
    /* Several of our processes may meet one fault at once, and only the first speaks. Another waits
     * for its child, if it has one: that would die with it before it has spoken. */
    static bool spoken;
    struct line l = {0};
    const struct hint *hint = hints, *end = hints + sizeof hints / sizeof *hints;
    while (hint < end && (hint->err != -err || (hint->call && (!call || strcmp(hint->call, call)))))
        hint++;
    if (compat_say)
        compat_say(s, call, err, hint < end ? hint->text : NULL, fmt, ap);
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
