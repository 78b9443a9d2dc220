/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_TESTS_T_H
#define CARREL_TESTS_T_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/*
 * The smallest TAP producer that does: one point per test function, any number of checks in it.
 *
 *     static void parses_blanks(void) { CHECK(f(" ") == 0); CHECK_STR(g(), "x"); }
 *     int main(void) { RUN(parses_blanks); return t_done(); }
 */
static int t_points, t_failed_points, t_failed_checks;

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);                                    \
            t_failed_checks++;                                                                     \
        }                                                                                          \
    } while (0)

#define CHECK_STR(got, want) t_check_str((got), (want), __FILE__, __LINE__, #got)
#define CHECK_INT(got, want) t_check_int((long long)(got), (long long)(want), __FILE__, __LINE__, #got)
#define RUN(f) t_run((f), #f)

static inline void t_print_commented(const char *label, const char *text)
{
    printf("#   %s: ", label);
    for (; *text; text++) {
        putchar(*text);
        if (*text == '\n')
            printf("#     ");
    }
    putchar('\n');
}

static inline void t_check_str(const char *got, const char *want, const char *file, int line,
                               const char *what)
{
    if (got && want && strcmp(got, want) == 0)
        return;
    if (!got && !want)
        return;
    printf("# %s:%d: %s\n", file, line, what);
    t_print_commented("got ", got ? got : "(null)");
    t_print_commented("want", want ? want : "(null)");
    t_failed_checks++;
}

static inline void t_check_int(long long got, long long want, const char *file, int line,
                               const char *what)
{
    if (got == want)
        return;
    printf("# %s:%d: %s is %lld, want %lld\n", file, line, what, got, want);
    t_failed_checks++;
}

static inline void t_run(void (*f)(void), const char *name)
{
    t_failed_checks = 0;
    f();
    t_points++;
    printf("%sok %d - %s\n", t_failed_checks ? "not " : "", t_points, name);
    t_failed_points += t_failed_checks != 0;
    fflush(stdout);
}

static inline int t_done(void)
{
    printf("1..%d\n", t_points);
    return t_failed_points != 0;
}

#endif
