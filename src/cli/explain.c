/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel explain. */
#include "cli/commands.h"

#include "cli/job.h"
#include "explain/display.h"
#include "explain/explain.h"
#include "explain/topic.h"
#include "util/file.h"
#include "util/str.h"

#include <stdlib.h>
#include <unistd.h>

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

/* A relative path says nothing in a folder that is gone. */
static int refuse_operand(struct cli *c, const char *path)
{
    if (!*path)
        return cli_fail(c, "write the path of a file or folder", "the path is empty");
    char *cwd = getcwd(NULL, 0);
    bool gone = !cwd;
    free(cwd);
    if (gone && path[0] != '/' && path[0] != '~')
        return cli_fail(c, "write the path from the root on",
                        "cannot tell which file \"%s\" is: the current folder is gone", path);
    return 0;
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

/* Whoever means a file of this name writes ./network. */
static int explain_its_topic(struct cli *c, const struct job *j, const struct topic *t)
{
    struct buf out = {.arena = &c->arena};
    struct topic_answer v;
    const char *file =
        arena_printf(&c->arena, "%s/%s.policy", c->catalog.layers[LAYER_USER], j->app.id);
    explain_topic(&c->arena, t, &j->plan, &j->policy, &v);
    if (cli_has(c, "json"))
        explain_topic_json(&v, j->app.id, file, &out);
    else
        explain_topic_text(&v, j->app.id, file, &out);
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
    const struct topic *topic = topic_find(c->operands[1]);
    if (topic)
        return topic_is_display(topic) ? explain_its_display(c, &j)
                                       : explain_its_topic(c, &j, topic);
    if ((r = refuse_operand(c, c->operands[1])))
        return r;
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
    .operands = "APP "
                "PATH|network|devices|home|bus|sound|camera|limits|environment|kernel|display",
    .summary = "tell whether and why an app can see a path, or use the network and the like",
    .options = explain_options,
    .permissions = true,
    .least = 2,
    .most = 2,
    .run = explain,
};
