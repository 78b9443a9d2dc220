/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel grant, revoke and grants: files that come into a running app's sight, and go again; names
 * on a bus in grant_name.c. */
#include "cli/grant.h"

#include "cli/commands.h"
#include "cli/find.h"
#include "util/json.h"
#include "util/str.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- grant ---- */

/* "90s", "10m", "2h", "7d" in seconds; -1 when it is none. */
static long duration(const char *text)
{
    static const struct {
        char letter;
        long seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    enum { MOST_SECONDS = 365 * 86400 };
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if (*text >= '0' && *text <= '9' && !errno && end[0] == units[i].letter && !end[1] &&
            n > 0 && n <= MOST_SECONDS / units[i].seconds)
            return n * units[i].seconds;
    return -1;
}

/* Whether the app's second wall lets it write there: Landlock looks at every folder on the way up,
 * so a rule for one of them is enough, and no rule can be added to a running app. */
static bool landlock_lets_write(const struct plan *p, const char *path)
{
    bool handled = false;
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_step *s = &p->v[i];
        if (s->verb == PLAN_LANDLOCK)
            handled = strstr(step_arg(s, 0), "write_file") != NULL;
        else if (s->verb == PLAN_LANDLOCK_ALLOW && path_within(path, step_arg(s, 0)) &&
                 !str_eq(step_arg(s, 0), path) && strstr(step_arg(s, 1), "make_reg"))
            return true;
    }
    return !handled;
}

/* Returns an exit code when that cannot be told. */
static int ask_wall(struct cli *c, const struct instance *in, const struct granted *g, bool *open)
{
    struct instance_reply reply;
    struct plan p = {.arena = &c->arena};
    const char *why;
    *open = true;
    if (!g->rw)
        return 0;
    int r = instance_ask(&c->arena, in, -1, &reply, &why, "join", (char *)NULL);
    if (r < 0)
        return instance_failed(c, in, "cannot grant to", why, -r);
    r = reply.n_fds > INSTANCE_NAMESPACES
            ? cli_read_plan(c, reply.fds[INSTANCE_NAMESPACES], &p)
            : instance_failed(c, in, "cannot grant to", "its supervisor shows no plan", EPROTO);
    for (int i = 0; i < reply.n_fds; i++)
        close(reply.fds[i]);
    *open = r == 0 && landlock_lets_write(&p, g->path);
    return r;
}

static int give(struct cli *c, const struct instance *in, const struct granted *g, long seconds,
                bool always)
{
    static const char text[] =
        "%s cannot be made writable while %s runs: its Landlock rules leave no "
        "room for it";
    static const char remedy[] =
        "grant it read-only, or give --always and start the app again (carrel-grant(1) says where "
        "--rw needs no new start)";
    struct instance_reply reply;
    const char *why;
    bool open;
    int r = ask_wall(c, in, g, &open);
    if (r)
        return r;
    if (!open && !always)
        return cli_fail(c, remedy, text, g->path, in->app);
    if (!open) {
        diag_add(&c->diags, DIAG_NOTE, (struct place){0}, "start it again", text, g->path, in->app);
        return 0;
    }
    r = instance_ask(&c->arena, in, g->fd, &reply, &why, "grant", g->rw ? "rw" : "ro",
                     arena_printf(&c->arena, "%ld", seconds), g->path, (char *)NULL);
    if (r == -EALREADY)
        diag_add(&c->diags, DIAG_NOTE, (struct place){0}, NULL, "%s sees %s already", in->app,
                 g->path);
    else if (r < 0)
        return instance_failed(c, in, "cannot grant to", why, -r);
    return 0;
}

/* Of several none is given when one cannot be. */
static int look_at_all(struct cli *c, const char *app)
{
    struct granted g;
    int r = 0;
    for (size_t i = 1; r == 0 && c->n_operands > 2 && i < c->n_operands; i++)
        if ((r = grant_look(c, app, c->operands[i], cli_has(c, "rw"), cli_has(c, "force"), &g)) ==
            0)
            close(g.fd);
    return r;
}

static int grant(struct cli *c)
{
    struct instance *v = NULL;
    struct granted g;
    const char *app, *time = cli_value(c, "for");
    size_t n;
    bool always = cli_has(c, "always"), rw = cli_has(c, "rw");
    long seconds = time ? duration(time) : 0;
    if ((rw && cli_has(c, "ro")) || always + cli_has(c, "once") + (time != NULL) > 1)
        return cli_fail(c, "give one of --ro and --rw, and one of --once, --for and --always",
                        "these options exclude each other");
    if (seconds < 0)
        return cli_fail(c, "write 90s, 10m, 2h or 7d", "\"%s\" is no time", time);
    if (c->n_operands < 2 && !grant_names_any(c))
        return cli_fail(c, "name files or folders, or give --talk-name and the like",
                        "what is to be granted?");
    int r = find_instances(c, c->operands[0], always, &v, &n, &app);
    if (r)
        return r;
    r = look_at_all(c, app);
    r = r ? r : grant_names(c, app, v, n, seconds, always, cli_has(c, "force"));
    for (const char *const *path = c->operands + 1; r == 0 && *path; path++) {
        r = grant_look(c, app, *path, rw, cli_has(c, "force"), &g);
        for (size_t i = 0; r == 0 && i < n; i++)
            r = give(c, &v[i], &g, seconds, always);
        if (r == 0 && always)
            r = grant_always(c, app, &g);
        if (r == 0)
            close(g.fd);
    }
    return r;
}

static const struct option grant_options[] = {
    {"ro", NULL, "the app may read it (the default)"},
    {"rw", NULL, "the app may read and write it"},
    {"once", NULL, "until the app ends (the default)"},
    {"for", "TIME", "so long: 90s, 10m, 2h, 7d"},
    {"always", NULL, "also at its later starts: written into your policy of the app"},
    {"force", NULL, "also keys, policies, start-up files, and what a link leads to"},
    GRANT_NAME_OPTIONS("the app "),
    {NULL, NULL, NULL},
};

const struct command command_grant = {
    .name = "grant",
    .operands = "APP|INSTANCE [PATH...]",
    .summary = "show a running app a file or folder, or let it talk to a name on a bus",
    .options = grant_options,
    .least = 1,
    .most = -1,
    .run = grant,
};

/* ---- revoke ---- */

/* What was opened before stays open: no power of ours closes another program's descriptors. */
static void tell_holders(struct cli *c, struct instance *in, uint64_t mount, struct buf *out)
{
    size_t hidden = 0;
    if (instances_measure(&c->arena, in, 1) < 0)
        return;
    for (size_t i = 0; i < in->n_pids; i++) {
        struct held h;
        if (instance_holds(&c->arena, in->pids[i], mount, &h) < 0)
            hidden++;
        for (size_t k = 0; k < h.n_fds; k++) {
            buf_printf(out, "still open: descriptor %d of process %d (", h.fds[k], (int)h.pid);
            for (const char *s = h.name; *s; s++)
                buf_char(out, *s < 0x20 || *s == 0x7f ? '?' : *s);
            buf_str(out, ")\n");
        }
    }
    if (hidden)
        buf_printf(out, "%zu process%s of %s let nobody see what they have open\n", hidden,
                   hidden > 1 ? "es" : "", in->app);
}

/* The paths that the person means: those named, or all that were granted. */
static int paths_of(struct cli *c, const struct instance *in, const char ***out)
{
    struct instance_reply reply;
    const char *why;
    size_t n = 0;
    if (!cli_has(c, "all")) {
        *out = arena_array(&c->arena, c->n_operands, sizeof **out);
        for (size_t i = 1; i < c->n_operands; i++)
            if (!((*out)[i - 1] = grant_path(c, c->operands[i])))
                return EXIT_REFUSED;
        return 0;
    }
    int r = instance_ask(&c->arena, in, -1, &reply, &why, "grants", (char *)NULL);
    if (r < 0)
        return instance_failed(c, in, "cannot ask", why, -r);
    *out = arena_array(&c->arena, reply.n_words + 1, sizeof **out);
    for (size_t i = 2; i < reply.n_words; i += 3)
        (*out)[n++] = reply.words[i];
    return 0;
}

/* The path as it was granted: without links, if it is still there. */
static int take(struct cli *c, struct instance *in, const char *path, bool *found, struct buf *out)
{
    struct instance_reply reply;
    const char *why;
    facts_path(&c->facts, path);
    facts_look(&c->facts);
    const char *real = facts_path(&c->facts, path)->real;
    int r = instance_ask(&c->arena, in, -1, &reply, &why, "revoke", path, (char *)NULL);
    if (r == -ENOENT && !str_eq(real, path))
        r = instance_ask(&c->arena, in, -1, &reply, &why, "revoke", real, (char *)NULL);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return instance_failed(c, in, "cannot take it from", why, -r);
    *found = true;
    if (reply.n_words)
        tell_holders(c, in, strtoull(reply.words[0], NULL, 10), out);
    return 0;
}

/* Of what the person's own policy gives, with --always: taken out of it. *kept: the policy gave it.
 */
static int take_kept(struct cli *c, const char *app, bool *kept)
{
    bool always = cli_has(c, "always");
    int r = always ? revoke_kept_names(c, app, kept) : 0;
    for (size_t i = 1; r == 0 && i < c->n_operands; i++) {
        const char *path = grant_path(c, c->operands[i]);
        if (!path)
            return EXIT_REFUSED;
        facts_path(&c->facts, path);
        facts_look(&c->facts);
        const char *real = facts_path(&c->facts, path)->real; /* as it was granted */
        if (real && !kept_path(c, app, path))
            path = real;
        if (!kept_path(c, app, path))
            continue;
        *kept = true;
        r = always ? kept_path_take(c, app, path) : 0;
    }
    return r;
}

/* What is still to be said when all went well; live: a running app had it, and has it no more. */
static int tell_taken(struct cli *c, const char *app, bool runs, bool live, bool kept)
{
    static const char remedy[] = "--always takes it out of that";
    bool always = cli_has(c, "always");
    if (!live && !kept)
        return cli_fail(c, "carrel grants lists what was", "that was not granted to %s", app);
    if (!live && !always)
        return cli_fail(c, remedy, "that was not granted to %s while it runs: your policy gives it",
                        app);
    if (kept && !always)
        diag_add(&c->diags, DIAG_NOTE, (struct place){0}, remedy,
                 "your policy gives it to %s at each start", app);
    if (!live && runs)
        diag_add(&c->diags, DIAG_NOTE, (struct place){0}, NULL,
                 "%s runs, and keeps until its end what your policy gave at its start", app);
    return 0;
}

static int take_back(struct cli *c)
{
    struct instance *v = NULL;
    struct buf out = {.arena = &c->arena};
    const char *app, **paths = NULL;
    size_t n;
    bool all = cli_has(c, "all"), always = cli_has(c, "always"), live = all, kept = false;
    if (all == (c->n_operands > 1 || grant_names_any(c)))
        return cli_fail(c, "name the paths or names, or give --all", "what is to be taken away?");
    if (all && always)
        return cli_fail(c, "name what your policy shall not give", "--all is for while it runs");
    int r = find_instances(c, c->operands[0], always, &v, &n, &app);
    for (size_t i = 0; r == 0 && i < n; i++) {
        r = paths_of(c, &v[i], &paths);
        for (; r == 0 && *paths; paths++)
            r = take(c, &v[i], *paths, &live, &out);
        r = r ? r : revoke_names(c, &v[i], all, &live);
    }
    r = r ? r : take_kept(c, app, &kept);
    r = r ? r : tell_taken(c, app, n > 0, live, kept);
    int printed = cli_print(c, &out);
    return r ? r : printed;
}

static const struct option revoke_options[] = {
    {"all", NULL, "everything that was granted while it runs"},
    {"always", NULL, "also what your policy of the app gives, which need not run"},
    GRANT_NAME_OPTIONS("no longer: it "),
    {NULL, NULL, NULL},
};

const struct command command_revoke = {
    .name = "revoke",
    .operands = "APP|INSTANCE [PATH...]",
    .summary = "take from an app what carrel grant gave it",
    .options = revoke_options,
    .least = 1,
    .most = -1,
    .run = take_back,
};

/* ---- grants ---- */

static void write_grant(struct cli *c, const struct instance *in, const char *const *words,
                        struct json *j, struct buf *out)
{
    const char *seconds = words[1];
    bool ends = !str_eq(seconds, "0");
    if (j) {
        json_object(j, NULL);
        json_string(j, "instance", in->id);
        json_string(j, "app", in->app);
        json_string(j, "path", words[2]);
        json_bool(j, "writable", str_eq(words[0], "rw"));
        json_string(j, "lasts", ends ? "for" : "once");
        if (ends)
            json_number(j, "seconds", strtoll(seconds, NULL, 10));
        json_end(j);
        return;
    }
    buf_printf(out, "%s  %s  %s  %-8s  ", in->id, in->app, words[0],
               ends ? arena_printf(&c->arena, "%ss", seconds) : "once");
    diag_escape(out, words[2]);
    buf_char(out, '\n');
}

static int list_running(struct cli *c, const struct instance *in, struct json *j, struct buf *out)
{
    struct instance_reply reply;
    const char *why;
    int r = instance_ask(&c->arena, in, -1, &reply, &why, "grants", (char *)NULL);
    if (r < 0 && r != -ECONNREFUSED && r != -ENOENT)
        return instance_failed(c, in, "cannot ask", why, -r);
    for (size_t k = 0; r == 0 && k + 2 < reply.n_words; k += 3)
        write_grant(c, in, reply.words + k, j, out);
    r = r ? r : instance_ask(&c->arena, in, -1, &reply, &why, "names", (char *)NULL);
    if (r == 0)
        list_names(c, in, &reply, j, out);
    return 0;
}

static int grants(struct cli *c)
{
    struct instance *v = NULL;
    struct buf out = {.arena = &c->arena};
    struct json json = {.out = &out}, *j = cli_has(c, "json") ? &json : NULL;
    const char *app = NULL, *name = c->n_operands ? c->operands[0] : NULL;
    size_t n = 0;
    bool always = cli_has(c, "always");
    int r = !always || name      ? find_instances(c, name, always, &v, &n, &app)
            : cli_look_around(c) ? EXIT_REFUSED
                                 : 0;
    if (r)
        return r;
    if (j)
        json_array(j, NULL);
    for (size_t i = 0; r == 0 && !always && i < n; i++)
        r = list_running(c, &v[i], j, &out);
    if (always)
        r = kept_list(c, app, j, &out);
    if (r)
        return r;
    if (j)
        json_end(j);
    return cli_print(c, &out);
}

static const struct option grants_options[] = {
    {"always", NULL, "list instead what your own policies give at each start"},
    {"json", NULL, "print the list as JSON"},
    {NULL, NULL, NULL},
};

const struct command command_grants = {
    .name = "grants",
    .operands = "[APP|INSTANCE]",
    .summary = "list what apps were granted",
    .options = grants_options,
    .least = 0,
    .most = 1,
    .run = grants,
};
