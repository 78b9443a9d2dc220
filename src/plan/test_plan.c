/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/plan.h"
#include "plan/read.h"
#include "t.h"

#include <stdlib.h>

static struct arena arena;

static const char *text_of(const struct plan *p)
{
    struct buf out = {.arena = &arena};
    plan_write(p, &out);
    return out.data;
}

static void writes_the_golden_text(void)
{
    struct plan p = {.arena = &arena};
    plan_add(&p, PLAN_UID, "base: the caller's id", "1000", (char *)NULL);
    plan_add(&p, PLAN_BIND, "a.policy:3: filesystems=home", "/home/a b", "/home/a b", "rw",
             "fd01:2a", (char *)NULL);
    plan_add(&p, PLAN_FILE, NULL, "/etc/x", "644", "line\nwith #hash \\ \x1b and \xc3\xbc",
             (char *)NULL);
    plan_add(&p, PLAN_ENV, NULL, "EMPTY=", (char *)NULL);
    plan_add(&p, PLAN_EXEC, NULL, "/usr/bin/true", (char *)NULL);
    plan_add(&p, PLAN_ARG, NULL, "", (char *)NULL);
    CHECK_STR(text_of(&p), "carrel-plan 1\n"
                           "uid 1000 # base: the caller's id\n"
                           "bind /home/a\\x20b /home/a\\x20b rw fd01:2a # a.policy:3: "
                           "filesystems=home\n"
                           "file /etc/x 644 line\\x0awith\\x20\\x23hash\\x20\\x5c\\x20\\x1b\\x20and"
                           "\\x20\\xc3\\xbc\n"
                           "env EMPTY=\n"
                           "exec /usr/bin/true\n"
                           "arg \\e\n");
}

static void sorts_by_phase_and_keeps_the_order(void)
{
    struct plan p = {.arena = &arena};
    plan_add(&p, PLAN_MISSING, NULL, "wayland", (char *)NULL);
    plan_add(&p, PLAN_ARG, NULL, "1", (char *)NULL);
    plan_add(&p, PLAN_ENV, NULL, "B=1", (char *)NULL);
    plan_add(&p, PLAN_DIR, NULL, "/b", "755", (char *)NULL);
    plan_add(&p, PLAN_ENV, NULL, "A=1", (char *)NULL);
    plan_add(&p, PLAN_DIR, NULL, "/a", "755", (char *)NULL);
    plan_add(&p, PLAN_UID, NULL, "0", (char *)NULL);
    plan_add(&p, PLAN_ARG, NULL, "2", (char *)NULL);
    plan_sort(&p);
    CHECK_STR(text_of(&p), "carrel-plan 1\nuid 0\ndir /b 755\ndir /a 755\nenv B=1\nenv A=1\n"
                           "arg 1\narg 2\nmissing wayland\n");
    plan_add(&p, PLAN_ARG, NULL, "3", (char *)NULL);
    CHECK_INT(p.n, 9);
}

static void sorts_an_empty_plan(void)
{
    struct plan p = {.arena = &arena};
    plan_sort(&p);
    CHECK_INT(p.n, 0);
    CHECK_STR(text_of(&p), "carrel-plan 1\n");
}

/* Every byte in a word and in a reason comes back as it was. */
static void round_trip(void)
{
    char all[255], why[256];
    struct plan p = {.arena = &arena}, q = {.arena = &arena};
    for (int i = 0; i < 255; i++) {
        all[i] = (char)i;
        why[i] = (char)(i + 1);
    }
    why[255] = '\0';
    const struct word words[] = {{(char[]){"/x"}, 2}, {(char[]){"644"}, 3}, {all, sizeof all}};
    plan_add_words(&p, PLAN_FILE, why, 3, words);
    plan_add(&p, PLAN_CWD, "", "/", (char *)NULL);
    plan_add(&p, PLAN_CWD, "\\x41 \\", "/", (char *)NULL);
    const char *text = text_of(&p), *error = NULL;
    int line = 0;
    CHECK_INT(plan_read(&q, text, strlen(text), &line, &error), 0);
    CHECK_INT(q.n, 3);
    CHECK_INT(q.v[0].argc, 3);
    CHECK_INT(q.v[0].argv[2].n, sizeof all);
    CHECK(memcmp(q.v[0].argv[2].s, all, sizeof all) == 0);
    CHECK_STR(q.v[0].why, why);
    CHECK_STR(q.v[2].why, "\\x41 \\");
    CHECK_STR(text_of(&q), text);
}

static void reads_foreign_reasons(void)
{
    static const char text[] = "carrel-plan 1\numask 22 # ends \\x4\numask 22 #\numask 22 #x\\q\n";
    struct plan p = {.arena = &arena};
    const char *error;
    int line;
    CHECK_INT(plan_read(&p, text, sizeof text - 1, &line, &error), 0);
    CHECK_STR(p.v[0].why, "ends \\x4");
    CHECK_STR(p.v[1].why, "");
    CHECK_STR(p.v[2].why, "x\\q");
}

static void passes_over_blank_lines_and_comments(void)
{
    static const char text[] = "carrel-plan 1\n\n   \n# a comment\n  uid   7  # why\n#x";
    struct plan p = {.arena = &arena};
    const char *error;
    int line;
    CHECK_INT(plan_read(&p, text, sizeof text - 1, &line, &error), 0);
    CHECK_INT(p.n, 1);
    CHECK_STR(step_arg(&p.v[0], 0), "7");
    CHECK_STR(p.v[0].why, "why");
}

static void names_the_line_of_a_fault(void)
{
    static const struct {
        const char *text, *error;
        int line;
    } rows[] = {
        {"", "the first line is not \"carrel-plan 1\"", 0},
        {"carrel-plan 2\n", "the first line is not \"carrel-plan 1\"", 1},
        {"carrel-plan 1\nfly /\n", "unknown verb", 2},
        {"carrel-plan 1\n\nuid\n", "wrong number of words", 3},
        {"carrel-plan 1\nuid 1 2\n", "wrong number of words", 2},
        {"carrel-plan 1\nuid 1 2 3 4 5 6 7 8 9\n", "too many words", 2},
        {"carrel-plan 1\nuid \\q\n", "bad escape", 2},
        {"carrel-plan 1\nuid \\", "bad escape", 2},
        {"carrel-plan 1\nuid \\x0", "bad escape", 2},
        {"carrel-plan 1\nuid 1#2\n", "a byte that must be escaped", 2},
        {"carrel-plan 1\nuid\t1\n", "a byte that must be escaped", 2},
        {"carrel-plan 1\ncwd /\nuid 0\n", "out of order", 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct plan p = {.arena = &arena};
        const char *error = NULL;
        int line = -1;
        CHECK_INT(plan_read(&p, rows[i].text, strlen(rows[i].text), &line, &error), -1);
        CHECK_STR(error, rows[i].error);
        CHECK_INT(line, rows[i].line);
    }
}

static void limits_the_length(void)
{
    struct plan_reader r;
    static char text[PLAN_MAX_BYTES + 2] = PLAN_HEADER "\n";
    memset(text + sizeof PLAN_HEADER, '\n', sizeof text - sizeof PLAN_HEADER);
    CHECK_INT(plan_reader_init(&r, text, PLAN_MAX_BYTES), 0);
    CHECK_INT(plan_reader_init(&r, text, PLAN_MAX_BYTES + 1), -1);
    CHECK_STR(r.error, "the plan is too long");
}

static void every_verb_fits_the_limits(void)
{
    for (int v = 0; v < PLAN_VERB_COUNT; v++) {
        CHECK(plan_verbs[v].least >= 1 && plan_verbs[v].least <= plan_verbs[v].most);
        CHECK(plan_verbs[v].most <= PLAN_MAX_WORDS);
        CHECK(plan_verbs[v].phase <= PHASE_ANY);
        CHECK(plan_verbs[v].text[0] && !strchr(plan_verbs[v].text, ' '));
        for (int w = 0; w < v; w++)
            CHECK(strcmp(plan_verbs[v].text, plan_verbs[w].text) != 0);
    }
}

static void writes_json(void)
{
    struct plan p = {.arena = &arena};
    struct buf out = {.arena = &arena};
    plan_add(&p, PLAN_SYMLINK, "why \"so\"", "a\xff", "/b", (char *)NULL);
    plan_add(&p, PLAN_CWD, NULL, "/", (char *)NULL);
    plan_write_json(&p, &out);
    CHECK(out.data && strstr(out.data, "\"symlink\"") && strstr(out.data, "\\udcff"));
    CHECK(out.data && strstr(out.data, "why \\\"so\\\""));
}

static void writes_services_behind_the_plan(void)
{
    struct plan p = {.arena = &arena};
    struct buf text = {.arena = &arena}, json = {.arena = &arena};
    plan_add(&p, PLAN_UID, NULL, "1", (char *)NULL);
    struct plan_service *s = plan_add_service(&p, "dbus", "/run/user/1/.flatpak/7/dbus", "why\n");
    plan_add(s->plan, PLAN_UID, NULL, "2", (char *)NULL);
    s->data = "rule \x1b\nlast";
    s->size = strlen(s->data);
    plan_write_all(&p, &text);
    CHECK_STR(text.data, "carrel-plan 1\nuid 1\n\n"
                         "# service dbus at /run/user/1/.flatpak/7/dbus # why\\x0a\n"
                         "carrel-plan 1\nuid 2\n# data: rule \\x1b\n# data: last\n");
    plan_write_json(&p, &json);
    CHECK(strstr(json.data, "\"services\"") && strstr(json.data, "\"dbus\""));
    CHECK(strstr(json.data, "\"data\"") && strstr(json.data, "rule \\u001b\\u000alast"));
}

static void info_is_read_by_whole_words(void)
{
    const char *info = "name=a\nx-server=nested xpra no-clipboard\nclipboard=none";
    CHECK(info_says(info, INSTANCE_X_SERVER, "nested xpra"));
    CHECK(info_says(info, INSTANCE_X_SERVER, "nested xpra no-clipboard"));
    CHECK(info_says(info, INSTANCE_CLIPBOARD, "none"));
    CHECK(!info_says(info, INSTANCE_X_SERVER, "nested xp"));
    CHECK(!info_says(info, INSTANCE_X_SERVER, "xpra"));
    CHECK(!info_says(info, INSTANCE_CLIPBOARD, "n"));
    CHECK(!info_says("ax-server=nested xpra\n", INSTANCE_X_SERVER, "nested xpra"));
    CHECK(!info_says("", INSTANCE_CLIPBOARD, "none") &&
          !info_says(NULL, INSTANCE_CLIPBOARD, "none"));
}

int main(void)
{
    RUN(writes_the_golden_text);
    RUN(sorts_by_phase_and_keeps_the_order);
    RUN(sorts_an_empty_plan);
    RUN(round_trip);
    RUN(reads_foreign_reasons);
    RUN(passes_over_blank_lines_and_comments);
    RUN(names_the_line_of_a_fault);
    RUN(limits_the_length);
    RUN(every_verb_fits_the_limits);
    RUN(writes_json);
    RUN(writes_services_behind_the_plan);
    arena_release(&arena);
    RUN(info_is_read_by_whole_words);
    return t_done();
}
