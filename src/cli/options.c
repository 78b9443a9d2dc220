/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

#include "policy/policy.h"
#include "util/str.h"

static const struct option common_options[] = {
    {"help", NULL, "show this help"},
    {NULL, NULL, NULL},
};

/* Flatpak's options, in its order. policy_merge_option carries them out; a test holds this table
 * against it. */
const struct option permission_options[] = {
    {"share", "NAME", "share with the host: network, ipc"},
    {"unshare", "NAME", "do not"},
    {"share-if", "NAME:CONDITION", "share when the condition holds"},
    {"socket", "NAME", "let reach: wayland, x11, fallback-x11, pulseaudio, session-bus …"},
    {"nosocket", "NAME", "do not"},
    {"socket-if", "NAME:CONDITION", "let reach when the condition holds"},
    {"device", "NAME", "let use: dri, input, usb, kvm, shm, all"},
    {"nodevice", "NAME", "do not"},
    {"device-if", "NAME:CONDITION", "let use when the condition holds"},
    {"allow", "FEATURE", "allow: devel, multiarch, bluetooth, canbus …"},
    {"disallow", "FEATURE", "do not"},
    {"allow-if", "FEATURE:CONDITION", "allow when the condition holds"},
    {"filesystem", "PLACE[:ro|:rw|:create]", "let see a path, ~/path, home, host, xdg-download …"},
    {"nofilesystem", "PLACE", "hide it"},
    {"env", "NAME=VALUE", "set a variable"},
    {"unset-env", "NAME", "do not pass a variable"},
    {"own-name", "NAME", "may own a name on the session bus"},
    {"talk-name", "NAME", "may talk to a name on the session bus"},
    {"no-talk-name", "NAME", "may not"},
    {"see-name", "NAME", "may see a name on the session bus"},
    {"system-own-name", "NAME", "may own a name on the system bus"},
    {"system-talk-name", "NAME", "may talk to a name on the system bus"},
    {"system-no-talk-name", "NAME", "may not"},
    {"a11y-own-name", "NAME", "may own a name on the accessibility bus"},
    {"add-policy", "SUBSYSTEM.KEY=VALUE", "accepted for Flatpak's sake"},
    {"remove-policy", "SUBSYSTEM.KEY=VALUE", "accepted for Flatpak's sake"},
    {"usb", "QUERY", "accepted for Flatpak's sake"},
    {"nousb", "QUERY", "accepted for Flatpak's sake"},
    {"persist", "PATH", "keep this path of the home (a private home is kept as a whole)"},
    {NULL, NULL, NULL},
};

static const struct option *find_in(const struct option *table, const char *name, size_t n)
{
    for (const struct option *o = table; o && o->name; o++)
        if (strlen(o->name) == n && strncmp(o->name, name, n) == 0)
            return o;
    return NULL;
}

static const struct option *find_option(const struct command *cmd, const char *name, size_t n)
{
    const struct option *o = find_in(cmd->options, name, n);
    if (!o && cmd->permissions)
        o = find_in(permission_options, name, n);
    return o ? o : find_in(common_options, name, n);
}

static void collect_names(struct arena *a, const struct option *table, const char ***names,
                          size_t *n, size_t *cap)
{
    for (const struct option *o = table; o && o->name; o++) {
        *names = arena_grow(a, *names, *n, cap, sizeof **names);
        (*names)[(*n)++] = o->name;
    }
}

static int unknown_option(struct cli *c, const char *name, size_t len)
{
    const char **names = NULL;
    size_t n = 0, cap = 0;
    collect_names(&c->arena, c->command->options, &names, &n, &cap);
    collect_names(&c->arena, common_options, &names, &n, &cap);
    if (c->command->permissions)
        collect_names(&c->arena, permission_options, &names, &n, &cap);
    const char *word = arena_strndup(&c->arena, name, len), *near = str_nearest(word, names, n);
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
    const struct option *o = find_option(c->command, name, n);
    struct given g = {.option = o, .text = argv[*i], .column = *i, .value = equals ? equals + 1 : NULL};
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

static int check_operands(struct cli *c)
{
    const struct command *cmd = c->command;
    const char *how = arena_printf(&c->arena, "usage: carrel %s%s%s", cmd->name,
                                   *cmd->operands ? " " : "", cmd->operands);
    if (c->n_operands < (size_t)cmd->least) {
        cli_fail(c, how, "%s is missing", c->n_operands == 0 ? "the first argument" : "an argument");
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
        } else if (str_eq(argv[i], "-h")) {
            char *help[] = {argv[0], argv[1], (char[]){"--help"}};
            int at = 2;
            take_option(c, 3, help, &at);
        } else if (argv[i][1] != '-') {
            cli_fail(c, "options are written --NAME=VALUE, and stand before the app's name",
                     "unknown option %s", argv[i]);
            return -1;
        } else if (take_option(c, argc, argv, &i) < 0) {
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

static void help_rows(const struct option *table, struct buf *out)
{
    for (const struct option *o = table; o && o->name; o++) {
        size_t before = out->len;
        if (!o->help)
            continue;
        buf_printf(out, "  --%s%s%s", o->name, o->arg ? "=" : "", o->arg ? o->arg : "");
        size_t width = out->len - before;
        buf_printf(out, "%s%*s%s\n", width < 30 ? "" : "\n", width < 30 ? (int)(32 - width) : 32, "",
                   o->help);
    }
}

void cli_help(const struct command *command, struct buf *out)
{
    if (command) {
        buf_printf(out, "Usage: carrel %s [OPTIONS]%s%s\n%s.\n\n", command->name,
                   *command->operands ? " " : "", command->operands, command->summary);
        help_rows(command->options, out);
        help_rows(common_options, out);
        if (command->permissions) {
            buf_str(out, "\nWhat the app may do, in Flatpak's words (carrel-policy(5)):\n");
            help_rows(permission_options, out);
        }
        buf_printf(out, "\nThe manual: carrel-%s(1)\n", command->name);
        return;
    }
    buf_str(out, "Usage: carrel COMMAND [OPTIONS] [ARGUMENTS]\n"
                 "Runs desktop programs, each in its own confinement.\n\n");
    for (const struct command *const *k = cli_commands; *k; k++)
        buf_printf(out, "  %-10s%s\n", (*k)->name, (*k)->summary);
    buf_str(out, "\n  --version   show the version\n  --help      show this help\n\n"
                 "carrel COMMAND --help tells more. The manual: carrel(1)\n");
}

static void words_of(const char *command, const struct option *table, struct buf *out)
{
    for (const struct option *o = table; o && o->name; o++)
        if (o->help)
            buf_printf(out, "%s --%s%s\n", command, o->name, o->arg ? "=" : "");
}

void cli_words(struct buf *out)
{
    for (const struct command *const *k = cli_commands; *k; k++) {
        buf_printf(out, "%s\n", (*k)->name);
        words_of((*k)->name, (*k)->options, out);
        words_of((*k)->name, common_options, out);
        if ((*k)->permissions)
            words_of((*k)->name, permission_options, out);
    }
}
