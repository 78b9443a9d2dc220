/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reader of the arguments, with commands of its own. */
#include "cli/cli.h"
#include "t.h"

static const struct option options[] = {
    {"colour", "NAME", "a value"},
    {"quiet", NULL, "no value"},
    {"hidden", NULL, NULL},
    {NULL, NULL, NULL},
};
static const struct command run = {.name = "run",
                                   .operands = "APP [ARGUMENT...]",
                                   .summary = "start",
                                   .options = options,
                                   .permissions = true,
                                   .passes_on = true,
                                   .least = 1,
                                   .most = -1};
static const struct command two = {.name = "two",
                                   .operands = "ONE OTHER",
                                   .summary = "two",
                                   .options = options,
                                   .least = 2,
                                   .most = 2};
static const struct command with = {.name = "with",
                                    .operands = "APP [--] COMMAND [MORE...]",
                                    .summary = "with",
                                    .passes_on = true,
                                    .least = 2,
                                    .most = -1};
const struct command *const cli_commands[] = {&run, &two, &with, NULL};

static struct cli c;
static char said[2000];

/* Words behind the command's name, NULL-terminated. */
static int parse(const struct command *command, const char *const *words)
{
    char *argv[20] = {(char[]){"carrel"}, (char[]){"command"}};
    int argc = 2;
    arena_release(&c.arena);
    c = (struct cli){.command = command};
    c.diags.arena = &c.arena;
    while (*words)
        argv[argc++] = arena_strdup(&c.arena, *words++);
    int r = cli_parse(&c, argc, argv);
    struct buf text = {.arena = &c.arena};
    diag_text(&c.diags, &text);
    snprintf(said, sizeof said, "%s", text.len ? text.data : "");
    return r;
}
#define PARSE(command, ...) parse(&(command), (const char *const[]){__VA_ARGS__, NULL})

static void values_stand_behind_an_equals_sign_or_next(void)
{
    CHECK_INT(PARSE(run, "--colour=red", "--quiet", "app"), 0);
    CHECK_STR(cli_value(&c, "colour"), "red");
    CHECK(cli_has(&c, "quiet") && !cli_has(&c, "help") && !cli_value(&c, "quiet"));
    CHECK_INT(PARSE(run, "--colour", "red", "app"), 0);
    CHECK_STR(cli_value(&c, "colour"), "red");
    CHECK_STR(c.given[0].text, "--colour=red");
    CHECK_INT(c.given[0].column, 2);
    CHECK_INT(PARSE(run, "--colour=", "app"), 0);
    CHECK_STR(cli_value(&c, "colour"), "");
    CHECK_INT(PARSE(run, "--colour=a=b", "--colour=c", "app"), 0);
    CHECK_STR(cli_value(&c, "colour"), "c");
    CHECK_STR(c.given[0].value, "a=b");
    CHECK_INT(PARSE(run, "--colour", "--quiet", "app"), 0);
    CHECK_STR(cli_value(&c, "colour"), "--quiet");
}

static void what_is_behind_the_app_is_the_apps(void)
{
    CHECK_INT(PARSE(run, "app", "--quiet", "--", "-x"), 0);
    CHECK(!cli_has(&c, "quiet"));
    CHECK_INT(c.n_operands, 4);
    CHECK_STR(c.operands[2], "--");
    CHECK_INT(PARSE(run, "app", "--", "--quiet", "--"), 0);
    CHECK_INT(c.n_operands, 3);
    CHECK_STR(c.operands[1], "--quiet");
    CHECK_STR(c.operands[2], "--");
    CHECK_INT(PARSE(run, "--", "--app", "x"), 0);
    CHECK_STR(c.operands[0], "--app");
    CHECK(!c.operands[c.n_operands]);
}

static void other_commands_take_options_anywhere(void)
{
    CHECK_INT(PARSE(two, "a", "--quiet", "-"), 0);
    CHECK(cli_has(&c, "quiet"));
    CHECK_STR(c.operands[1], "-");
    CHECK_INT(PARSE(two, "a", "--", "--quiet"), 0);
    CHECK(!cli_has(&c, "quiet"));
    CHECK_STR(c.operands[1], "--quiet");
}

static void permissions_are_flatpaks(void)
{
    CHECK_INT(PARSE(run, "--share=network", "--filesystem", "home:ro", "app"), 0);
    CHECK_INT(c.n_given, 2);
    CHECK(c.given[0].of_policy && c.given[1].of_policy);
    CHECK_STR(c.given[1].text, "--filesystem=home:ro");
    CHECK_INT(c.given[1].column, 3);
    CHECK_INT(PARSE(two, "--share=network", "a", "b"), -1);
    CHECK_STR(said, "carrel: error: unknown option --share\n  hint: see carrel two --help\n");
}

static void help_asks_for_nothing_else(void)
{
    CHECK_INT(PARSE(two, "--help"), 0);
    CHECK_INT(PARSE(two, "-h"), 0);
    CHECK(cli_has(&c, "help"));
}

static void faults_name_the_argument(void)
{
    static const struct {
        const struct command *command;
        const char *words[4];
        const char *said;
    } rows[] = {
        {&run, {"--color=red", "app"}, "unknown option --color\n  hint: did you mean --colour?"},
        {&run, {"--=x", "app"}, "unknown option --\n  hint: see carrel run --help"},
        {&run,
         {"-x", "app"},
         "unknown option -x\n  hint: options are written --NAME=VALUE, and stand before the app's "
         "name"},
        {&run,
         {"-hx"},
         "unknown option -hx\n  hint: options are written --NAME=VALUE, and stand before the app's "
         "name"},
        {&run, {"--quiet=1", "app"}, "--quiet takes no value"},
        {&run, {"--colour"}, "--colour needs a value\n  hint: write --colour=NAME"},
        {&run, {"--quiet"}, "APP is missing\n  hint: usage: carrel run APP [ARGUMENT...]"},
        {&two, {"a"}, "OTHER is missing\n  hint: usage: carrel two ONE OTHER"},
        {&with, {"a"}, "COMMAND is missing\n  hint: usage: carrel with APP [--] COMMAND [MORE...]"},
        {&two,
         {"a", "b", "c\x1b"},
         "one argument too many: \"c\\x1b\"\n  hint: usage: carrel two ONE OTHER"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char want[300];
        snprintf(want, sizeof want, "carrel: error: %s\n", rows[i].said);
        CHECK_INT(parse(rows[i].command, rows[i].words), -1);
        CHECK_STR(said, want);
    }
}

static void every_option_is_told(void)
{
    struct buf words = {.arena = &c.arena}, help = {.arena = &c.arena};
    cli_words(&words);
    CHECK(strstr(words.data, "run\n") && strstr(words.data, "\nrun --colour=\n"));
    CHECK(strstr(words.data, "\ntwo --quiet\n") && strstr(words.data, "\nrun --share= flatpak\n"));
    CHECK(!strstr(words.data, "hidden") && !strstr(words.data, "two --share"));
    cli_help(&run, &help);
    CHECK(strstr(help.data, "Usage: carrel run [OPTIONS] APP [ARGUMENT...]\nStart.\n"));
    CHECK(strstr(help.data, "\n  --colour=NAME                 a value\n"));
    CHECK(!strstr(help.data, "hidden"));
}

int main(void)
{
    RUN(values_stand_behind_an_equals_sign_or_next);
    RUN(what_is_behind_the_app_is_the_apps);
    RUN(other_commands_take_options_anywhere);
    RUN(permissions_are_flatpaks);
    RUN(help_asks_for_nothing_else);
    RUN(faults_name_the_argument);
    RUN(every_option_is_told);
    arena_release(&c.arena);
    return t_done();
}
