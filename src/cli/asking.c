/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the person is asked for when an app starts, what was answered, and carrel permissions. */
#include "cli/asking.h"

#include "ask/ask.h"
#include "cli/commands.h"
#include "cli/limit.h"
#include "cli/tree.h"
#include "util/file.h"
#include "util/json.h"
#include "util/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ASK_SECONDS = 60, MOST_BYTES = 4096 };

/* Below the home, where no grant leads (cli/grant_path.c, resolve/protect.c). */
#define ANSWERS ".config/carrel/answers"

static const struct {
    const char *word, *option, *also, *what;
} askable[] = {
    {"network", "--share=network", NULL, "the network"},
    {"microphone", "--socket=pulseaudio", "--metadata=Carrel Sound=sound=play+record",
     "sound, the microphone too"},
    {"devices", "--device=all", NULL, "every device of yours, cameras too"},
};

/* ---- what was answered: a file for each app, a line "WORD=yes" or "WORD=no" each ---- */

static int open_answers(struct cli *c, bool create)
{
    cleanup_fd int home = open(c->facts.home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return home < 0 ? -errno : tree_open(home, ANSWERS, create);
}

static const char *read_answers(struct cli *c, int folder, const char *app)
{
    struct buf text = {.arena = &c->arena};
    cleanup_fd int fd = openat(folder, app, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && file_read_fd(fd, MOST_BYTES, &text) == 0 && text.len ? text.data : "";
}

/* 1: yes, 0: no, -1: nothing is remembered. */
static int remembered(const char *text, const char *word)
{
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *value = str_after(line, word);
        size_t n = value ? strcspn(value, "\n") : 0;
        if (n == 4 && strncmp(value, "=yes", n) == 0)
            return 1;
        if (n == 3 && strncmp(value, "=no", n) == 0)
            return 0;
    }
    return -1;
}

/* The other lines stay; value NULL takes the word away. What holds nothing is removed. */
static int remember(struct cli *c, const char *app, const char *word, const char *value)
{
    struct buf text = {.arena = &c->arena};
    cleanup_fd int folder = open_answers(c, true);
    if (folder < 0)
        return folder;
    int r = file_lock(folder);
    if (r < 0)
        return r;
    const char *old = read_answers(c, folder, app);
    for (size_t i = 0; i < ARRAY_SIZE(askable); i++) {
        int is = remembered(old, askable[i].word);
        bool this = str_eq(askable[i].word, word);
        const char *now = this ? value : is < 0 ? NULL : is ? "yes" : "no";
        if (now)
            buf_printf(&text, "%s=%s\n", askable[i].word, now);
    }
    if (!text.len)
        return unlinkat(folder, app, 0) < 0 && errno != ENOENT ? -errno : 0;
    return file_replace(folder, arena_printf(&c->arena, ".%s.new", app), app, 0600, text.data,
                        text.len);
}

/* ---- at a start ---- */

static int answer_for(struct cli *c, const struct job *j, size_t i, bool may_ask)
{
    const char *question = arena_printf(&c->arena, "may %s have %s?",
                                        ask_quote(&c->arena, j->app.id), askable[i].what);
    int r = may_ask ? ask(&c->arena, cli_bus_address(c),
                          facts_env(&c->facts, "XDG_CURRENT_DESKTOP"), question, ASK_SECONDS)
                    : -ENOTTY;
    if (r == ANSWER_ALWAYS || r == ANSWER_NEVER) {
        int error = remember(c, j->app.id, askable[i].word, r == ANSWER_ALWAYS ? "yes" : "no");
        if (error < 0)
            diag_add(&c->diags, DIAG_NOTE, (struct place){0}, NULL,
                     "the answer could not be remembered: %s", strerror(-error));
    }
    if (r < 0 && may_ask)
        diag_add(&c->diags, DIAG_NOTE, (struct place){0},
                 "start it from a terminal, or with a desktop that shows notifications",
                 "%s does not get %s: there is nobody to ask", j->app.id, askable[i].what);
    return r == ANSWER_YES || r == ANSWER_ALWAYS;
}

int ask_at_start(struct cli *c, struct job *j, bool may_ask)
{
    const struct carrel_value *v = policy_carrel(&j->policy, "Carrel Ask", "at-start");
    const char *const *items = v ? policy_list(&c->arena, v->value, NULL) : NULL;
    cleanup_fd int folder = items && *items ? open_answers(c, false) : -1;
    const char *text = folder >= 0 ? read_answers(c, folder, j->app.id) : "";
    for (; items && *items; items++)
        for (size_t i = 0; i < ARRAY_SIZE(askable); i++) {
            if (!str_eq(*items, askable[i].word))
                continue;
            int yes = remembered(text, askable[i].word);
            if (yes < 0)
                yes = answer_for(c, j, i, may_ask);
            const struct place at = {.file = "the person's answer"};
            if (yes)
                policy_merge_option(&j->policy, askable[i].option, at, &c->diags);
            if (yes && askable[i].also)
                policy_merge_option(&j->policy, askable[i].also, at, &c->diags);
        }
    return c->diags.errors ? EXIT_REFUSED : 0;
}

/* ---- carrel permissions ---- */

static void tell_answers(const char *app, const char *text, struct json *j, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(askable); i++) {
        int is = remembered(text, askable[i].word);
        if (is < 0)
            continue;
        if (!j) {
            buf_printf(out, "%s  %s  %s\n", app, askable[i].word, is ? "yes" : "no");
            continue;
        }
        json_object(j, NULL);
        json_string(j, "app", app);
        json_string(j, "permission", askable[i].word);
        json_bool(j, "granted", is);
        json_end(j);
    }
}

static int forget(struct cli *c, const char *app)
{
    cleanup_fd int folder = open_answers(c, false);
    if (folder < 0 || !*read_answers(c, folder, app))
        return cli_fail(c, "carrel permissions lists what is", "nothing is remembered of %s", app);
    return unlinkat(folder, app, 0) < 0
               ? cli_fail(c, NULL, "cannot forget the answers for %s: %s", app, strerror(errno))
               : 0;
}

/* "WORD=yes" or "WORD=no": as if the person had answered so for good. */
static int answer_now(struct cli *c, const char *app, const char *text)
{
    const char *value = strchr(text, '=');
    for (size_t i = 0; value && i < ARRAY_SIZE(askable); i++) {
        const char *rest = str_after(text, askable[i].word);
        if (!rest || rest != value || (!str_eq(value, "=yes") && !str_eq(value, "=no")))
            continue;
        int r = remember(c, app, askable[i].word, value + 1);
        return r < 0 ? cli_fail(c, NULL, "the answer could not be remembered: %s", strerror(-r))
                     : 0;
    }
    return cli_fail(c, "write network=no, microphone=yes, devices=no or the like",
                    "\"%s\" is no answer", text);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int list(struct cli *c, const char *only)
{
    struct buf out = {.arena = &c->arena};
    struct json json = {.out = &out}, *j = cli_has(c, "json") ? &json : NULL;
    cleanup_fd int folder = open_answers(c, false);
    const char **v = NULL;
    size_t n = 0, cap = 0;
    DIR *d = folder < 0 ? NULL : fdopendir(fcntl(folder, F_DUPFD_CLOEXEC, 3));
    for (struct dirent *e; d && (e = readdir(d));)
        if (!app_id_error(e->d_name)) {
            v = arena_grow(&c->arena, v, n, &cap, sizeof *v);
            v[n++] = arena_strdup(&c->arena, e->d_name);
        }
    if (d)
        closedir(d);
    if (n > 1)
        qsort(v, n, sizeof *v, by_name);
    buf_bytes(&out, "", 0);
    if (j)
        json_array(j, NULL);
    for (size_t i = 0; i < n; i++)
        if (!only || str_eq(only, v[i]))
            tell_answers(v[i], read_answers(c, folder, v[i]), j, &out);
    if (j)
        json_end(j);
    return cli_print(c, &out);
}

static int permissions(struct cli *c)
{
    const char *id = c->n_operands ? c->operands[0] : NULL;
    struct app app;
    if (cli_look_around(c) < 0)
        return EXIT_REFUSED;
    if (id && app_id_error(id)) {
        int r = catalog_find(&c->catalog, &c->facts, id, &app, &c->diags);
        if (r < 0)
            return r == -ENOENT ? EXIT_NOT_FOUND : EXIT_REFUSED;
        id = app.id;
    }
    if (cli_has(c, "forget"))
        return id ? forget(c, id)
                  : cli_fail(c, "carrel permissions --forget APP", "which app's answers?");
    if (cli_has(c, "answer"))
        return id ? answer_now(c, id, cli_value(c, "answer"))
                  : cli_fail(c, "carrel permissions --answer=network=no APP",
                             "which app's answer?");
    return list(c, id);
}

static const struct option permissions_options[] = {
    {"answer", "WORD=yes|no", "answer a question of this app's beforehand, for good"},
    {"forget", NULL, "forget what was answered for this app: it will be asked again"},
    {"json", NULL, "print the list as JSON"},
    {NULL, NULL, NULL},
};

const struct command command_permissions = {
    .name = "permissions",
    .operands = "[APP]",
    .summary = "list what you answered for good when an app asked",
    .options = permissions_options,
    .least = 0,
    .most = 1,
    .run = permissions,
};
