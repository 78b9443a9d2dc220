/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/job.h"

#include "cli/asking.h"
#include "cli/documents.h"
#include "cli/entry.h"
#include "util/file.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static int exit_code_of(int error)
{
    return error == -ENOENT   ? EXIT_NOT_FOUND
           : error == -EACCES ? EXIT_NOT_EXECUTABLE
                              : EXIT_REFUSED;
}

/* ---- which app ---- */

static int choose_id(struct cli *c, struct job *j)
{
    const char *id = cli_value(c, "app-id"), *error = id ? app_id_error(id) : NULL;
    if (!id)
        return 0;
    if (error)
        return cli_fail(c, "an app id looks like org.example.App", "\"%s\" is no app id: %s", id,
                        error);
    j->app.id = id;
    j->app.has_policy = *catalog_layers_of(&c->catalog, id) != '\0';
    return 0;
}

/* ---- the policy: files, then the command line's words in the order given ---- */

static int read_text(struct cli *c, const char *path, size_t max, struct buf *out)
{
    out->arena = &c->arena;
    int r = file_read(path, max, out);
    if (r == 0)
        return 0;
    diag_add(&c->diags, DIAG_ERROR, (struct place){.file = path},
             r == -EFBIG ? "it is too large to be what it should be" : NULL, "cannot read it: %s",
             r == -EINVAL ? "not an ordinary file" : strerror(-r));
    return EXIT_REFUSED;
}

static int merge_given(struct cli *c, const struct given *g, struct policy *p)
{
    struct buf text;
    if (g->of_policy) {
        policy_merge_option(p, g->text, (struct place){"command line", 0, g->column}, &c->diags);
    } else if (str_eq(g->option->name, "policy")) {
        text = (struct buf){.arena = NULL};
        if (read_text(c, g->value, POLICY_MAX_BYTES, &text) == 0)
            policy_merge_text(p, LAYER_COMMAND_LINE, g->value, text.data, text.len, &c->diags);
    } else if (str_eq(g->option->name, "finish-args-from")) {
        text = (struct buf){.arena = NULL};
        if (read_text(c, g->value, POLICY_MAX_BYTES, &text) == 0)
            policy_merge_finish_args(p, g->value, text.data, text.len, &c->diags);
    }
    return c->diags.errors ? EXIT_REFUSED : 0;
}

/* *args are replaced by those that the app gets. */
static int gather_policy(struct cli *c, struct job *j, const char *const **args)
{
    j->policy = (struct policy){.arena = &c->arena, .app_id = "", .command = ""};
    if (catalog_load(&c->catalog, &j->app, &j->policy, &c->diags) < 0)
        return EXIT_REFUSED;
    for (size_t i = 0; i < c->n_given; i++)
        if (merge_given(c, &c->given[i], &j->policy) != 0)
            return EXIT_REFUSED;
    if (j->app.own_program)
        policy_grant_path(&j->policy, j->app.program, FS_RO,
                          (struct place){.file = "the program itself"});
    int r = ask_at_start(c, j, str_eq(c->command->name, "run"));
    if (r)
        return r;
    *args = documents_grant(c, j, *args);
    return c->diags.errors ? EXIT_REFUSED : 0;
}

/* ---- the terminal ---- */

int cli_terminal(struct cli *c, enum run_terminal *out, const char **streams)
{
    const char *word = cli_value(c, "tty"), *s = NULL;
    for (int fd = 0; fd < 3; fd++)
        if (isatty(fd))
            s = arena_printf(&c->arena, "%s%s%d", s ? s : "", s ? "," : "", fd);
    if (!word || str_eq(word, "auto"))
        *out = s ? RUN_TERMINAL : RUN_DIRECT;
    else if (str_eq(word, "always"))
        *out = s ? RUN_TERMINAL : RUN_FORCED;
    else if (str_eq(word, "never"))
        *out = s ? RUN_PIPES : RUN_DIRECT;
    else
        return cli_fail(c, "write --tty=auto, --tty=always or --tty=never",
                        "\"%s\" is no value of --tty", word);
    bool terminal = *out == RUN_TERMINAL || *out == RUN_FORCED;
    *streams = !terminal ? NULL : s ? s : "0,1,2";
    return 0;
}

static int choose_terminal(struct cli *c, struct job *j)
{
    int r = cli_terminal(c, &j->terminal, &j->request.terminal_streams);
    if (r)
        return r;
    j->request.terminal_fd = j->request.terminal_streams ? run_free_fd(c->free_fd + 1) : 0;
    return 0;
}

/* ---- the request ---- */

static int choose_cwd(struct cli *c, struct job *j)
{
    const char *given = cli_value(c, "cwd");
    char here[PATH_MAX];
    const char *cwd = given ? file_real(&c->arena, given) : getcwd(here, sizeof here);
    struct stat st;
    if (given && (!cwd || stat(cwd, &st) < 0 || !S_ISDIR(st.st_mode)))
        return cli_fail(c, NULL, "cannot use \"%s\" as the folder to start in: %s", given,
                        strerror(cwd ? ENOTDIR : errno));
    /* A folder that was removed under us is no reason not to start; the home is used then. */
    j->request.cwd = cwd && cwd[0] == '/' ? arena_strdup(&c->arena, cwd) : c->facts.home;
    return 0;
}

static const char *const *join(struct arena *a, const char *const *first, const char *const *second)
{
    size_t n = 0, k = 0;
    while (first && first[n])
        n++;
    while (second && second[k])
        k++;
    const char **all = arena_array(a, n + k + 1, sizeof *all);
    for (size_t i = 0; i < n; i++)
        all[i] = first[i];
    for (size_t i = 0; i < k; i++)
        all[n + i] = second[i];
    return all;
}

/* One policy may stand for several programs (LibreOffice's parts): the one that was named is
 * started, unless the person's own policy says which. */
static const char *named_program(const struct cli *c, const struct job *j)
{
    const char *file = j->policy.command_at.file;
    bool shipped = file && path_within(file, c->catalog.layers[LAYER_SHIPPED]);
    return j->app.typed && shipped ? j->app.typed : j->policy.command;
}

static int choose_program(struct cli *c, struct job *j, const char *const *args)
{
    const char *command = cli_value(c, "command");
    bool fixed = !command && j->app.program;
    const char *program = fixed     ? j->app.program
                          : command ? j->policy.command
                                    : named_program(c, j);
    struct app source;
    /* `carrel grant --always` writes a policy that names none. */
    if (!command && !(program && *program) &&
        catalog_source(&c->catalog, &c->facts, j->app.id, &source) == 0) {
        source.has_policy = j->app.has_policy;
        j->app = source;
        program = source.program;
    }
    j->request.program = program;
    j->request.args = join(&c->arena, command ? NULL : j->app.args, args);
    if (program && *program)
        return 0;
    return cli_fail(c, "write it behind command= in [Application] of its policy, or give --command",
                    "no policy says which program %s is", j->app.id);
}

/* The folder that the program was called in may well be out of sight; one that was asked for, not
 * without a word. */
static void note_folder_out_of_sight(struct cli *c, const struct job *j)
{
    const char *asked = j->request.cwd;
    for (size_t i = 0; i < j->plan.n && cli_value(c, "cwd"); i++)
        if (j->plan.v[i].verb == PLAN_CWD && !str_eq(step_arg(&j->plan.v[i], 0), asked))
            diag_add(&c->diags, DIAG_NOTE, (struct place){0},
                     arena_printf(&c->arena, "--filesystem=%s:ro shows it", asked),
                     "%s is out of the app's sight, which starts in %s", asked,
                     step_arg(&j->plan.v[i], 0));
}

/* The core cannot tell a script that is not there from one whose interpreter is not. */
static void note_missing_interpreter(struct cli *c, const char *program)
{
    char text[256];
    cleanup_fd int fd = program[0] == '/' ? open(program, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    if (n < 2 || memcmp(text, "#!", 2) != 0)
        return;
    char *name = text + 2 + strspn(text + 2, " \t");
    name[strcspn(name, " \t\n")] = '\0';
    if (*name == '/' && access(name, F_OK) < 0)
        diag_add(&c->diags, DIAG_NOTE, (struct place){.file = program}, NULL,
                 "its interpreter \"%s\" is not there", name);
}

/* Whether a file of --policy= is of an app that nothing else knows: it names the app that was typed
 * and its program. Its faults are told when it is merged. */
static bool app_of_given_policy(struct cli *c, const char *name, struct app *out)
{
    struct diags silent = {.arena = &c->arena};
    bool found = false;
    for (size_t i = 0; i < c->n_given && !found; i++) {
        const struct given *g = &c->given[i];
        struct buf text = {.arena = &c->arena};
        struct policy p = {.arena = &c->arena, .app_id = "", .command = ""};
        if (g->of_policy || !str_eq(g->option->name, "policy") ||
            file_read(g->value, POLICY_MAX_BYTES, &text) < 0)
            continue;
        policy_merge_text(&p, LAYER_COMMAND_LINE, g->value, text.data, text.len, &silent);
        found = str_eq(p.app_id, name) && *p.command;
    }
    if (!found || catalog_find(&c->catalog, &c->facts, name, out, &silent) != -ENOENT)
        return false;
    *out = (struct app){.id = name};
    return true;
}

int job_prepare(struct cli *c, const char *const *args, const char *instance, const char *cookie,
                struct job *j)
{
    *j = (struct job){.plan = {.arena = &c->arena}};
    if (cli_look_around(c) < 0)
        return EXIT_REFUSED;
    const char *name = c->operands[0];
    int r = app_of_given_policy(c, name, &j->app)
                ? 0
                : catalog_find(&c->catalog, &c->facts, name, &j->app, &c->diags);
    if (r < 0)
        return exit_code_of(r);
    if ((r = choose_id(c, j)) || (r = choose_terminal(c, j)) || (r = choose_cwd(c, j)) ||
        (r = gather_policy(c, j, &args)) || (r = choose_program(c, j, args)))
        return r;
    j->request.app_id = j->app.id;
    j->request.has_policy = j->app.has_policy;
    j->request.seccomp_fd = c->free_fd;
    j->request.instance = instance;
    j->request.cookie = cookie;
    int taken = j->request.terminal_fd ? j->request.terminal_fd : c->free_fd;
    j->request.supervisor_fd = run_free_fd(taken + 1);
    j->request.libexec = c->libexec;
    j->request.carrel = entry_plain_path(c->own_path) ? c->own_path : NULL;
    if (resolve_all(&j->request, &j->policy, &c->facts, &j->plan, &c->diags) != RESOLVE_OK) {
        if (!c->diags.errors)
            cli_fail(c, "this is a fault of Carrel: please report it", "no plan could be made");
        return EXIT_REFUSED;
    }
    documents_note(c, j, args);
    note_folder_out_of_sight(c, j);
    note_missing_interpreter(c, j->request.program);
    return 0;
}
