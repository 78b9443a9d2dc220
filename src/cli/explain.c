/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel explain. */
#include "cli/commands.h"

#include "cli/job.h"
#include "explain/display.h"
#include "explain/explain.h"
#include "util/file.h"
#include "util/str.h"

/* The path as the app would spell it: absolute, without "." and ".." where that can be told. */
static const char *path_for_app(struct cli *c, const struct job *j, const char *path)
{
    const char *whole = path[0] == '/' ? path
                        : path[0] == '~' && (path[1] == '/' || !path[1])
                            ? arena_printf(&c->arena, "%s%s", c->facts.home, path + 1)
                            : arena_printf(&c->arena, "%s/%s", j->request.cwd, path);
    const char *clean = path_clean(&c->arena, whole);
    return clean ? clean : file_real(&c->arena, whole);
}

static int print_line(struct cli *c, struct buf *out)
{
    if (out->len && out->data[out->len - 1] != '\n')
        buf_char(out, '\n');
    return cli_print(c, out);
}

static int explain_its_display(struct cli *c, const struct job *j)
{
    struct buf out = {.arena = &c->arena};
    struct display_view v;
    explain_display(&c->arena, &j->plan, &v);
    if (cli_has(c, "json"))
        explain_display_json(&v, &out);
    else
        explain_display_text(&v, j->app.id, &out);
    return print_line(c, &out);
}

static int explain(struct cli *c)
{
    struct job j;
    struct buf out = {.arena = &c->arena};
    struct verdict v;
    int r = job_prepare(c, NULL, "INSTANCE", NULL, &j);
    if (r)
        return r;
    if (str_eq(c->operands[1], "display"))
        return explain_its_display(c, &j);
    const char *path = path_for_app(c, &j, c->operands[1]);
    if (!path)
        return cli_fail(c, "give the path without \"..\"", "cannot tell which file \"%s\" is",
                        c->operands[1]);
    explain_path(&c->arena, &j.plan, &c->facts, path, &v);
    if (cli_has(c, "json"))
        explain_json(&v, path, &out);
    else
        explain_text(&v, path, &out);
    return print_line(c, &out);
}

static const struct option explain_options[] = {
    JOB_OPTIONS,
    {"json", NULL, "answer in JSON"},
    {NULL, NULL, NULL},
};

const struct command command_explain = {
    .name = "explain",
    .operands = "APP PATH",
    .summary = "tell whether and why an app can see, read or write a path",
    .options = explain_options,
    .permissions = true,
    .least = 2,
    .most = 2,
    .run = explain,
};
