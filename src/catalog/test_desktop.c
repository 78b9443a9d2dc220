/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalog/desktop.h"

#include "t.h"
#include "util/arena.h"
#include "util/buf.h"

static struct arena arena;

/* The words of the Exec= line, joined by '|'; or "LINE: error". */
static const char *exec_of(const char *text, size_t n)
{
    const char *const *argv, *error;
    struct buf out = {.arena = &arena};
    int line;
    if (desktop_exec(&arena, text, n, &argv, &line, &error) < 0)
        return arena_printf(&arena, "%d: %s", line, error);
    for (size_t i = 0; argv[i]; i++)
        buf_printf(&out, "%s%s", i ? "|" : "", argv[i]);
    return out.data;
}

static const char *exec(const char *command)
{
    const char *text = arena_printf(&arena, "[Desktop Entry]\nExec=%s\n", command);
    return exec_of(text, strlen(text));
}

static void finds_the_line(void)
{
    static const char text[] = "# a comment\r\n[Desktop Entry]\r\nName=Exec=no\r\n"
                               "Exec[de]=german\r\nExec = right %U\r\n[Desktop Action new]\r\n"
                               "Exec=wrong";
    CHECK_STR(exec_of(text, sizeof text - 1), "right");
    CHECK_STR(exec_of("", 0), "0: no Exec= line in [Desktop Entry]");
    CHECK_STR(exec_of("Exec=x\n", 7), "0: no Exec= line in [Desktop Entry]");
    CHECK_STR(exec_of("[Desktop Entry]\nExec=a\0b\n", 25), "2: a NUL byte");
    CHECK_STR(exec_of("[Desktop Entry]\nExec=x", 22), "x");
}

static void drops_field_codes(void)
{
    CHECK_STR(exec("evince %U"), "evince");
    CHECK_STR(exec("a %f %F %u %d %D %n %N %i %c %k %v %m b"), "a|b");
    CHECK_STR(exec("a --file=%f x%uy"), "a|--file=|xy");
    CHECK_STR(exec("a 100%% %%f"), "a|100%|%f");
    CHECK_STR(exec("a \"%f\" b"), "a|b");
    CHECK_STR(exec("a %z"), "2: unknown field code: '%' must be written '%%'");
    CHECK_STR(exec("a %"), "2: unknown field code: '%' must be written '%%'");
}

static void follows_the_quoting_rules(void)
{
    CHECK_STR(exec("\"/opt/my app/run\"  one"), "/opt/my app/run|one");
    CHECK_STR(exec("a \"\" b"), "a||b");
    CHECK_STR(exec("a \"q \\\\\"in\\\\\" \\\\$x \\\\\\\\\""), "a|q \"in\" $x \\");
    CHECK_STR(exec("a\\sb"), "a|b");
    CHECK_STR(exec("a\tb"), "a|b");
    CHECK_STR(exec("a \"x"), "2: a quotation mark is not closed");
    CHECK_STR(exec("a x\"y z\"w"), "a|xy zw");
    CHECK_STR(exec(""), "2: the command is empty");
    CHECK_STR(exec("%u"), "2: the command is empty");
    CHECK_STR(exec("\"\" b"), "2: the command is empty");
}

static void no_shell_is_meant(void)
{
    CHECK_STR(exec("a $(id) `id` ; rm && b > c"), "a|$(id)|`id`|;|rm|&&|b|>|c");
    CHECK_STR(exec("a @@u %U @@"), "a|@@u|@@");
}

static void counts_words(void)
{
    struct buf command = {.arena = &arena};
    for (int i = 0; i < DESKTOP_MAX_ARGS; i++)
        buf_str(&command, "w ");
    CHECK(strlen(exec(command.data)) == DESKTOP_MAX_ARGS * 2 - 1);
    buf_str(&command, "w");
    CHECK_STR(exec(command.data), "2: too many words");
}

static void sees_through_env(void)
{
    static const char *const plain[] = {"prog", "A=b", NULL};
    static const char *const env[] = {"env", "A=b", "C=", "prog", "x=y", NULL};
    static const char *const path[] = {"/usr/bin/env", "prog", NULL};
    static const char *const alone[] = {"env", "A=b", NULL};
    static const char *const option[] = {"env", "-i", "prog", NULL};
    CHECK_INT(desktop_program(plain), 0);
    CHECK_INT(desktop_program(env), 3);
    CHECK_INT(desktop_program(path), 1);
    CHECK_INT(desktop_program(alone), 0);
    CHECK_INT(desktop_program(option), 0);
}

static void what_starts_others_is_no_app(void)
{
    static const char *const yes[] = {"sh",        "/bin/bash", "python3.11", "/usr/bin/perl",
                                      "guile-3.0", "pkexec",    "env",        "python"};
    static const char *const no[] = {"", "shotwell", "7z", "pythonista", "3", "/", "xterm", "sh/x"};
    static const char *const shell[] = {"env", "A=b", "sh", "-c", "x", NULL};
    static const char *const alone[] = {"env", "A=b", "python3", NULL};
    static const char *const plain[] = {"xterm", "-e", "sh", NULL};
    static const char *const option[] = {"env", "-i", "prog", NULL};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        CHECK(desktop_starter(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        CHECK(!desktop_starter(no[i]));
    CHECK(desktop_starts_another(shell));
    CHECK(!desktop_starts_another(alone));
    CHECK(!desktop_starts_another(plain));
    CHECK(desktop_starts_another(option));
}

int main(void)
{
    RUN(finds_the_line);
    RUN(drops_field_codes);
    RUN(follows_the_quoting_rules);
    RUN(no_shell_is_meant);
    RUN(counts_words);
    RUN(sees_through_env);
    RUN(what_starts_others_is_no_app);
    arena_release(&arena);
    return t_done();
}
