/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel COMMAND …: finds the command, lets it run, prints what went wrong. */
#include "cli/commands.h"

#include "run/run.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

const struct command *const cli_commands[] = {
    &command_run,
    &command_plan,
    &command_explain,
    &command_list,
    &command_import,
    &command_reset,
    &command_check,
    &command_doctor,
    &command_desktop,
    &command_new,
    &command_ps,
    &command_kill,
    &command_enter,
    &command_grant,
    &command_revoke,
    &command_grants,
    &command_limit,
    &command_permissions,
    &command_copy,
    &command_clip,
    &command_attach,
    &command_detach,
    NULL,
};

/* The folders of the installed tree are found from the running program, so that it can be moved. */
int cli_find_tree(struct cli *c)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return cli_fail(c, "/proc must be mounted", "cannot tell where Carrel is installed: %s",
                        strerror(errno));
    path[n] = '\0';
    c->own_path = arena_strdup(&c->arena, path);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    c->libexec = arena_printf(&c->arena, "%s/" CARREL_LIBEXEC, path);
    c->datadir = arena_printf(&c->arena, "%s/" CARREL_DATADIR, path);
    return 0;
}

/* Another home than the one that was named would have other policies and other files in it. */
static int refuse_home(struct cli *c)
{
    const char *told = facts_env(&c->facts, "HOME");
    if (!told || !*told || path_clean(&c->arena, told))
        return 0;
    return cli_fail(c, "write it from the root on, without \"..\"", "HOME=\"%s\" cannot be used",
                    told);
}

int cli_look_around(struct cli *c)
{
    if (cli_find_tree(c))
        return -1;
    c->facts.arena = &c->arena;
    facts_gather(&c->facts, environ);
    if (refuse_home(c))
        return -1;
    catalog_init(&c->catalog, &c->arena, &c->facts, c->datadir);
    return 0;
}

const char *cli_app_home(struct cli *c, const char *id)
{
    return arena_printf(&c->arena, "%s/.var/app/%s", c->facts.home, id);
}

static const struct command *find_command(const char *name)
{
    for (const struct command *const *k = cli_commands; *k; k++)
        if (str_eq((*k)->name, name))
            return *k;
    return NULL;
}

static int unknown_command(struct cli *c, const char *name)
{
    const char *names[32];
    size_t n = 0;
    for (const struct command *const *k = cli_commands; *k && n < ARRAY_SIZE(names); k++)
        names[n++] = (*k)->name;
    const char *near = str_nearest(name, names, n);
    return cli_fail(c,
                    near ? arena_printf(&c->arena, "did you mean \"%s\"?", near)
                         : "to start an app, write: carrel run APP; see carrel --help",
                    "unknown command \"%s\"", name);
}

static int show(struct cli *c, void (*writer)(struct buf *))
{
    struct buf out = {.arena = &c->arena};
    writer(&out);
    return cli_print(c, &out);
}

static void write_help(struct buf *out)
{
    cli_help(NULL, out);
}

static void write_version(struct buf *out)
{
    buf_str(out, "carrel " CARREL_VERSION "\n");
}

/* What may stand in the place of a command. */
static const struct {
    const char *name;
    void (*writer)(struct buf *);
} texts[] = {
    {"--help", write_help},     {"-h", write_help},     {"--version", write_version},
    {"version", write_version}, {"--words", cli_words}, /* for the completion and the tests */
};

static int help_of(struct cli *c, const struct command *command)
{
    struct buf out = {.arena = &c->arena};
    cli_help(command, &out);
    return cli_print(c, &out);
}

static int carrel(struct cli *c, int argc, char **argv)
{
    if (argc < 2)
        return cli_fail(c, "see carrel --help", "which command?");
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (str_eq(argv[1], texts[i].name))
            return show(c, texts[i].writer);
    bool help = str_eq(argv[1], "help");
    if (help && argc < 3)
        return show(c, write_help);
    const char *name = argv[help ? 2 : 1];
    c->command = find_command(name);
    if (!c->command)
        return unknown_command(c, name);
    if (help)
        return help_of(c, c->command);
    if (cli_parse(c, argc, argv) < 0)
        return EXIT_REFUSED;
    return cli_has(c, "help") ? help_of(c, c->command) : c->command->run(c);
}

int main(int argc, char **argv)
{
    /* Enough for a usual start, of which most takes so much. */
    static _Alignas(ARENA_PAGE) char space[1 << 20];
    enum { USUAL = 256 << 10 };
    struct cli c = {.no_output = fcntl(STDOUT_FILENO, F_GETFD) < 0};
    c.free_fd = run_prepare();
    arena_begin(&c.arena, space, sizeof space, USUAL);
    c.diags.arena = &c.arena;
    int code = carrel(&c, argc, argv);
    cli_print_diags(&c, DIAG_NOTE);
    arena_release(&c.arena);
    return code;
}
