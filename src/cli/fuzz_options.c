/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any list of arguments, one a line: it is refused with exactly one error, or every word of it is
 * accounted for; options of the policy go on to where they are read. */
#include "cli/cli.h"
#include "fuzz.h"
#include "policy/policy.h"

#include "policy/options.h"
#include <stdlib.h>
#include <string.h>

static const struct option options[] = {
    {"policy", "FILE", "a value"}, {"verbose", NULL, "no value"}, {NULL, NULL, NULL}};
static const struct command run = {.name = "run",
                                   .operands = "APP [ARGUMENT...]",
                                   .summary = "start",
                                   .options = options,
                                   .permissions = true,
                                   .passes_on = true,
                                   .least = 1,
                                   .most = -1};
static const struct command list = {
    .name = "list", .operands = "[NAME]", .summary = "tell", .options = options, .most = 1};
const struct command *const cli_commands[] = {&run, &list, NULL};

static void want(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct cli *c, int argc)
{
    size_t words = 0;
    want(c->diags.errors == 0 && c->operands[c->n_operands] == NULL);
    for (size_t i = 0; i < c->n_given; i++) {
        const struct given *g = &c->given[i];
        want(g->option && g->text && g->column >= 2 && g->column < argc);
        want(!g->option->arg == !g->value);
        words++;
    }
    want(words + c->n_operands <= (size_t)argc);
    want(cli_has(c, "help") || c->n_operands >= (size_t)c->command->least);
}

static void parse(const struct command *command, int argc, char **argv)
{
    struct cli c = {.command = command};
    c.diags.arena = &c.arena;
    if (cli_parse(&c, argc, argv) < 0)
        want(c.diags.n == 1 && c.diags.errors == 1 && c.diags.v[0].message[0]);
    else
        check(&c, argc);
    struct policy p = {.arena = &c.arena};
    for (size_t i = 0; i < c.n_given && c.diags.errors == 0; i++)
        if (c.given[i].of_policy)
            policy_merge_option(&p, c.given[i].text,
                                (struct place){"command line", 0, c.given[i].column}, &c.diags);
    arena_release(&c.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    char **argv = arena_array(&a, size + 4, sizeof *argv);
    int argc = 2;
    argv[0] = argv[1] = arena_strdup(&a, "carrel");
    for (size_t i = 0; i < size;) {
        const uint8_t *end = memchr(data + i, '\n', size - i);
        size_t n = end ? (size_t)(end - data) - i : size - i;
        argv[argc++] = arena_strndup(&a, (const char *)data + i, n);
        i += n + 1;
    }
    argv[argc] = NULL;
    parse(&run, argc, argv);
    parse(&list, argc, argv);
    arena_release(&a);
    return 0;
}
