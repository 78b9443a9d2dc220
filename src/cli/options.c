/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

#include "policy/keywords.h"
#include "policy/options.h"
#include "util/str.h"

static const struct option common_options[] = {
    {"help", NULL, "show this help"},
    {NULL, NULL, NULL},
};

static const struct option *find_in(const struct option *table, const char *name, size_t n)
{
    for (const struct option *o = table; o && o->name; o++)
        if (strlen(o->name) == n && strncmp(o->name, name, n) == 0)
            return o;
    return NULL;
}

/* An option as Flatpak has it, in the form of our tables. */
static struct option permission(const struct policy_option *p)
{
    return (struct option){p->name, p->argument, p->meaning};
}

static const struct option *find_permission(struct arena *a, const char *name, size_t n)
{
    for (size_t i = 0; i < n_policy_options; i++) {
        struct option o = permission(&policy_options[i]);
        if (strlen(o.name) == n && strncmp(o.name, name, n) == 0) {
            struct option *copy = arena_alloc(a, sizeof *copy);
            *copy = o;
            return copy;
        }
    }
    return NULL;
}

/* *of_policy: whether it is one for policy_merge_option. */
static const struct option *find_option(struct cli *c, const char *name, size_t n, bool *of_policy)
{
    const struct option *o = find_in(c->command->options, name, n);
    if (!o)
        o = find_in(common_options, name, n);
    *of_policy = !o && c->command->permissions;
    return *of_policy ? find_permission(&c->arena, name, n) : o;
}

struct names {
    struct arena *arena;
    const char **v;
    size_t n, cap;
};

static void add_name(struct names *l, const char *name)
{
    l->v = arena_grow(l->arena, l->v, l->n, &l->cap, sizeof *l->v);
    l->v[l->n++] = name;
}

static int unknown_option(struct cli *c, const char *name, size_t len)
{
    struct names known = {.arena = &c->arena};
    for (const struct option *o = c->command->options; o && o->name; o++)
        add_name(&known, o->name);
    for (const struct option *o = common_options; o->name; o++)
        add_name(&known, o->name);
    for (size_t i = 0; c->command->permissions && i < n_policy_options; i++)
        add_name(&known, policy_options[i].name);
    const char *word = arena_strndup(&c->arena, name, len);
    const char *near = str_nearest(word, known.v, known.n);
    cli_fail(c,
             near ? arena_printf(&c->arena, "did you mean --%s?", near)
                  : arena_printf(&c->arena, "see carrel %s --help", c->command->name),
             "unknown option --%s", word);
    return -1;
}

/* One option at argv[*i]; *i is moved to its last word. */
static int take_option(struct cli *c, int argc, char **argv, int *i)
{
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    size_t n = equals ? (size_t)(equals - name) : strlen(name);
    bool of_policy;
    const struct option *o = find_option(c, name, n, &of_policy);
    struct given g = {.option = o,
                      .of_policy = of_policy,
                      .text = argv[*i],
                      .column = *i,
                      .value = equals ? equals + 1 : NULL};
    if (!o)
        return unknown_option(c, name, n);
    if (!o->arg && equals) {
        cli_fail(c, NULL, "--%s takes no value", o->name);
        return -1;
    }
    if (o->arg && !equals) {
        if (*i + 1 >= argc) {
            cli_fail(c, arena_printf(&c->arena, "write --%s=%s", o->name, o->arg),
                     "--%s needs a value", o->name);
            return -1;
        }
        g.value = argv[++*i];
        g.text = arena_printf(&c->arena, "--%s=%s", o->name, g.value);
    }
    c->given = arena_grow(&c->arena, c->given, c->n_given, &c->cap_given, sizeof *c->given);
    c->given[c->n_given++] = g;
    return 0;
}

/* "-h" and nothing else has a short form. */
static int short_option(struct cli *c, const char *text, int at)
{
    if (!str_eq(text, "-h")) {
        cli_fail(c, "options are written --NAME=VALUE, and stand before the app's name",
                 "unknown option %s", text);
        return -1;
    }
    char *help[] = {(char[]){"--help"}};
    int zero = 0, r = take_option(c, 1, help, &zero);
    c->given[c->n_given - 1].column = at;
    return r;
}

static int check_operands(struct cli *c)
{
    const struct command *cmd = c->command;
    const char *how = arena_printf(&c->arena, "usage: carrel %s%s%s", cmd->name,
                                   *cmd->operands ? " " : "", cmd->operands);
    if (c->n_operands < (size_t)cmd->least) {
        const char *word = cmd->operands;
        for (size_t i = 0; i < c->n_operands; i++) {
            word += strcspn(word, " ") + 1;
            word += str_after(word, "[--] ") ? strlen("[--] ") : 0;
        }
        cli_fail(c, how, "%.*s is missing", (int)strcspn(word, " ."), word);
        return -1;
    }
    if (cmd->most >= 0 && c->n_operands > (size_t)cmd->most) {
        cli_fail(c, how, "one argument too many: \"%s\"", c->operands[cmd->most]);
        return -1;
    }
    return 0;
}

int cli_parse(struct cli *c, int argc, char **argv)
{
    const char **operands = arena_array(&c->arena, (size_t)argc + 1, sizeof *operands);
    bool options_end = false;
    c->operands = operands;
    for (int i = 2; i < argc; i++) {
        bool dashes = argv[i][0] == '-' && argv[i][1] != '\0';
        if (options_end || !dashes) {
            bool first = c->n_operands == 0;
            operands[c->n_operands++] = argv[i];
            if (first && c->command->passes_on) {
                /* The app's arguments; one -- in front of them is ours. */
                options_end = true;
                i += i + 1 < argc && str_eq(argv[i + 1], "--");
            }
        } else if (str_eq(argv[i], "--")) {
            options_end = true;
        } else if (argv[i][1] != '-' ? short_option(c, argv[i], i) < 0
                                     : take_option(c, argc, argv, &i) < 0) {
            return -1;
        }
    }
    return cli_has(c, "help") ? 0 : check_operands(c);
}

bool cli_has(const struct cli *c, const char *option)
{
    for (size_t i = 0; i < c->n_given; i++)
        if (str_eq(c->given[i].option->name, option))
            return true;
    return false;
}

const char *cli_value(const struct cli *c, const char *option)
{
    for (size_t i = c->n_given; i > 0; i--)
        if (str_eq(c->given[i - 1].option->name, option))
            return c->given[i - 1].value;
    return NULL;
}

static void help_row(const struct option *o, struct buf *out)
{
    size_t before = out->len;
    if (!o->help)
        return;
    buf_printf(out, "  --%s%s%s", o->name, o->arg ? "=" : "", o->arg ? o->arg : "");
    int width = (int)(out->len - before);
    if (width > 30) {
        buf_char(out, '\n');
        width = 0;
    }
    buf_printf(out, "%*s%s\n", 32 - width, "", o->help);
}

static void help_rows(const struct option *table, struct buf *out)
{
    for (const struct option *o = table; o && o->name; o++)
        help_row(o, out);
}

static void help_permissions(struct buf *out)
{
    buf_str(out, "\nWhat the app may do, in Flatpak's words (carrel-policy(5)):\n");
    for (size_t i = 0; i < n_policy_options; i++) {
        struct option o = permission(&policy_options[i]);
        if (!str_after(o.help, "accepted") && !str_after(o.help, "not supported"))
            help_row(&o, out);
    }
}

static void help_command(const struct command *command, struct buf *out)
{
    buf_printf(out, "Usage: carrel %s [OPTIONS]%s%s\n%c%s.\n\n", command->name,
               *command->operands ? " " : "", command->operands, command->summary[0] - 'a' + 'A',
               command->summary + 1);
    help_rows(command->options, out);
    help_rows(common_options, out);
    if (command->permissions)
        help_permissions(out);
    buf_printf(out, "\nThe manual: carrel-%s(1)\n", command->name);
}

void cli_help(const struct command *command, struct buf *out)
{
    if (command) {
        help_command(command, out);
        return;
    }
    buf_str(out, "Usage: carrel COMMAND [OPTIONS] [ARGUMENTS]\n"
                 "Runs desktop programs, each in its own confinement.\n\n");
    for (const struct command *const *k = cli_commands; *k; k++)
        buf_printf(out, "  %-13s%s\n", (*k)->name, (*k)->summary);
    buf_str(out, "\n  --version   show the version\n  --help      show this help\n\n"
                 "carrel COMMAND --help tells more. The manual: carrel(1)\n");
}

/* ---- for the completion ---- */

/* "COMMAND MARK WORD" for each of "a|b", which may end with more. */
static void alternatives(const char *command, const char *mark, const char *list, size_t n,
                         struct buf *out)
{
    for (size_t at = 0, size; at < n; at += size + 1) {
        size = strcspn(list + at, "|");
        size = size < n - at ? size : n - at;
        buf_printf(out, "%s %s %.*s\n", command, mark, (int)size, list + at);
    }
}

static void word(const char *command, struct option o, const char *mark, struct buf *out)
{
    const char *values = o.arg && strchr(o.arg, '|') && !strpbrk(o.arg, ":=") ? o.arg : NULL;
    if (o.help)
        buf_printf(out, "%s --%s%s%s\n", command, o.name, o.arg ? "=" : "", mark);
    if (o.help && values)
        alternatives(command, arena_printf(out->arena, "=%s", o.name), values, strlen(values), out);
}

static void permission_words(const char *command, const struct policy_option *o, struct buf *out)
{
    const char *in = policy_option_words(o);
    for (size_t i = 0; in && i < n_keywords; i++)
        if (keywords[i].kind == KEYWORD_WORD && str_eq(keywords[i].in, in))
            buf_printf(out, "%s =%s %s\n", command, o->name, keywords[i].name);
}

/* Of "APP|INSTANCE [in|out]" what each operand may be: "COMMAND :0 APP" and so on; ":1+" where it
 * can be said again. */
static void operand_words(const struct command *command, struct buf *out)
{
    int i = 0;
    for (const char *s = command->operands; *s; s += strspn(s, " ")) {
        size_t n = strcspn(s, " "), open = *s == '[';
        size_t size = strcspn(s + open, "] .");
        if (strncmp(s, "[--]", n) != 0 && !memchr(s, ':', n)) {
            const char *mark =
                arena_printf(out->arena, ":%d%s", i++, s[open + size] == '.' ? "+" : "");
            alternatives(command->name, mark, s + open, size, out);
        }
        s += n;
    }
}

void cli_words(struct buf *out)
{
    for (const struct command *const *k = cli_commands; *k; k++) {
        buf_printf(out, "%s\n", (*k)->name);
        operand_words(*k, out);
        for (const struct option *o = (*k)->options; o && o->name; o++)
            word((*k)->name, *o, "", out);
        for (const struct option *o = common_options; o->name; o++)
            word((*k)->name, *o, "", out);
        for (size_t i = 0; (*k)->permissions && i < n_policy_options; i++) {
            word((*k)->name, permission(&policy_options[i]), " flatpak", out);
            permission_words((*k)->name, &policy_options[i], out);
        }
    }
}
