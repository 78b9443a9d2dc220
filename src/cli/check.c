/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel check and list. */
#include "cli/commands.h"

#include "policy/lint.h"
#include "policy/policy.h"
#include "resolve/resolve.h"
#include "util/file.h"
#include "util/json.h"
#include "util/str.h"

#include <errno.h>
#include <unistd.h>

/* An app's policy is found by the file's name alone. */
static void check_name(struct cli *c, const char *path, const char *app_id, struct diags *d)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name), k = strlen(".policy");
    if (!*app_id || n <= k || !str_eq(name + n - k, ".policy"))
        return;
    const char *id = arena_strndup(&c->arena, name, n - k);
    if (!app_id_error(id) && !str_eq(id, app_id))
        diag_add(d, DIAG_WARNING, (struct place){.file = path},
                 arena_printf(&c->arena, "call the file %s.policy, or write name=%s", app_id, id),
                 "name=%s, but by its name this file is the policy of %s", app_id, id);
}

static void check_file(struct cli *c, const char *path, struct diags *d)
{
    struct buf text = {.arena = &c->arena};
    struct policy p = {.arena = &c->arena, .app_id = "", .command = ""};
    int r = file_read(path, POLICY_MAX_BYTES, &text);
    if (r < 0) {
        diag_add(d, DIAG_ERROR, (struct place){.file = path},
                 r == -EFBIG ? "a policy has at most 1 MiB" : NULL, "cannot read it: %s",
                 r == -EINVAL ? "not an ordinary file" : strerror(-r));
        return;
    }
    policy_merge_text(&p, LAYER_USER, path, text.data, text.len, d);
    check_name(c, path, p.app_id, d);
    policy_lint(&p, c->facts.home, d);
    const struct request q = {.app_id = *p.app_id ? p.app_id : "org.example.App",
                              .program = "true"};
    resolve_files(&q, &p, &c->facts, d);
}

/* Files go by their path, so that one called like an app can be meant by ./NAME, and a file that is
 * there before an app of its name. */
static bool is_file(const char *word)
{
    size_t n = strlen(word), k = strlen(".policy");
    return strchr(word, '/') || (n > k && str_eq(word + n - k, ".policy")) ||
           access(word, F_OK) == 0;
}

/* Each policy that speaks of this app, the weakest first, as a start reads them. */
static int check_app(struct cli *c, const char *name, struct diags *d)
{
    struct app app = {.id = ""};
    if (cli_look_around(c) < 0)
        return EXIT_REFUSED;
    if (catalog_find(&c->catalog, &c->facts, name, &app, d) < 0)
        return 0;
    if (!app.has_policy)
        diag_add(d, DIAG_ERROR, (struct place){.file = NULL},
                 arena_printf(&c->arena, "carrel new %s writes a first one", name),
                 "there is no policy for %s", app.id);
    for (int i = 0; app.has_policy && i < LAYER_COMMAND_LINE; i++) {
        const char *path = arena_printf(&c->arena, "%s/%s.policy", c->catalog.layers[i], app.id);
        if (access(path, F_OK) == 0)
            check_file(c, path, d);
    }
    return 0;
}

static int check(struct cli *c)
{
    struct diags found = {.arena = &c->arena};
    struct buf out = {.arena = &c->arena};
    c->facts.arena = &c->arena; /* files need no policy of others, nor the tree of Carrel's own */
    facts_gather(&c->facts, environ);
    for (size_t i = 0; i < c->n_operands; i++)
        if (is_file(c->operands[i]))
            check_file(c, c->operands[i], &found);
        else if (check_app(c, c->operands[i], &found))
            return EXIT_REFUSED;
    if (cli_has(c, "json"))
        diag_json(&found, &out);
    else
        diag_text(&found, &out);
    int r = cli_print(c, &out);
    return r ? r : found.errors ? EXIT_FOUND_FAULTS : 0;
}

static const struct option check_options[] = {
    {"json", NULL, "print what was found as JSON"},
    {NULL, NULL, NULL},
};

const struct command command_check = {
    .name = "check",
    .operands = "FILE|APP...",
    .summary = "look for faults and dangerous grants in policies",
    .options = check_options,
    .least = 1,
    .most = -1,
    .run = check,
};

/* ---- list ---- */

struct row {
    const char *id, *layers, *command, *names;
};

static struct row read_row(struct cli *c, const struct app *app)
{
    struct policy p = {.arena = &c->arena, .app_id = "", .command = ""};
    struct row r = {.id = app->id, .layers = catalog_layers_of(&c->catalog, app->id), .names = ""};
    catalog_load(&c->catalog, app, &p, &c->diags);
    const struct carrel_value *names = policy_carrel(&p, "Carrel Application", "names");
    r.command = p.command ? p.command : "";
    if (names)
        r.names = names->value;
    return r;
}

static void row_json(struct json *j, struct arena *a, const struct row *r)
{
    json_object(j, NULL);
    json_string(j, "id", r->id);
    json_string(j, "layers", r->layers);
    json_string(j, "command", r->command);
    json_array(j, "names");
    for (const char *const *n = policy_list(a, r->names, NULL); *n; n++)
        json_string(j, NULL, *n);
    json_end(j);
    json_end(j);
}

static void row_text(struct buf *out, struct arena *a, const struct row *r)
{
    struct buf line = {.arena = a};
    const char *separator = "";
    buf_printf(&line, "%-32s %-20s ", r->id, r->layers);
    if (!*r->names)
        buf_str(&line, r->command);
    for (const char *const *n = policy_list(a, r->names, NULL); *n; n++) {
        buf_printf(&line, "%s%s", separator, *n);
        separator = ", ";
    }
    while (line.len && line.data[line.len - 1] == ' ')
        line.data[--line.len] = '\0';
    diag_escape(out, line.data);
    buf_char(out, '\n');
}

static int list(struct cli *c)
{
    struct app *apps;
    size_t n;
    struct buf out = {.arena = &c->arena};
    struct json j = {.out = &out};
    bool as_json = cli_has(c, "json");
    if (cli_look_around(c) < 0 || catalog_list(&c->catalog, &apps, &n, &c->diags) < 0)
        return EXIT_REFUSED;
    if (as_json)
        json_array(&j, NULL);
    for (size_t i = 0; i < n; i++) {
        struct row r = read_row(c, &apps[i]);
        if (as_json)
            row_json(&j, &c->arena, &r);
        else
            row_text(&out, &c->arena, &r);
    }
    if (as_json)
        json_end(&j);
    int r = cli_print(c, &out);
    return r ? r : c->diags.errors ? EXIT_FOUND_FAULTS : 0;
}

static const struct option list_options[] = {
    {"json", NULL, "print the list as JSON"},
    {NULL, NULL, NULL},
};

const struct command command_list = {
    .name = "list",
    .operands = "",
    .summary = "show the apps that have a policy, and what they are called",
    .options = list_options,
    .run = list,
};
