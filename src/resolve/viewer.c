/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who shows an app's own X server (Xvfb) in a window on the person's display: carrel-viewer, which
 * runs both halves of Xpra. It is no part of the app's run: `carrel detach` ends it, and `carrel
 * attach` starts another, on any display of the person's. Xpra's socket is in its own root, where
 * nobody else can come.
 */
#include "resolve/xserver.h"

#include "util/str.h"

/* Where things are in its root; src/xserver/viewer_main.c has the same. */
#define OWN_AUTH "/run/own-auth"
#define RUNTIME  "/run/xpra"

static const char program_inside[] = "/carrel-viewer";

/* Debian's package goes without PIL, which Xpra takes no client without. */
bool has_xpra(struct ctx *c, struct place at)
{
    static const struct {
        const char *path, *package;
    } needs[] = {{"/usr/bin/xpra", "xpra"}, {"/usr/lib/python3/dist-packages/PIL", "python3-pil"}};
    for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
        if (facts_path(c->f, needs[i].path)->type == FILE_ABSENT) {
            refuse(c, at, concat(c, "install the package ", needs[i].package, NULL),
                   "%s is not installed", needs[i].path);
            return false;
        }
    return true;
}

static void put_text_at(struct ctx *c, struct plan *p, const char *path, const char *mode,
                        const char *bytes, size_t n, const char *why)
{
    struct word file[3] = {{arena_strdup(c->a, path), strlen(path)},
                           {arena_strdup(c->a, mode), strlen(mode)},
                           {arena_strndup(c->a, bytes, n), n}};
    plan_add_words(p, PLAN_FILE, why, 3, file);
}

/* The app's server, under a number that the person's display does not have. */
static void put_viewed(struct ctx *c, struct plan *p, const char *number, const char *why)
{
    const struct viewed_display *v = c->q->viewed;
    const struct xauth_fact cookie = {"MIT-MAGIC-COOKIE-1", v->cookie, 16};
    struct buf b = {.arena = c->a};
    plan_add(p, PLAN_BIND, why, v->socket, concat(c, "/tmp/.X11-unix/X", number, NULL), "ro",
             (char *)NULL);
    xauth_entry(&b, number, &cookie);
    put_text_at(c, p, OWN_AUTH, "0600", b.data, b.len, why);
}

/* Python asks who it is. */
static void put_name(struct ctx *c, struct plan *p)
{
    const char *line = arena_printf(c->a, "user:x:%u:%u::/tmp:/bin/sh\n", (unsigned)c->f->uid,
                                    (unsigned)c->f->gid);
    put_text_at(c, p, "/etc/passwd", "0644", line, strlen(line), "base: a name for the own id");
}

static void put_plan(struct ctx *c, const struct path_fact *program, const struct path_fact *host,
                     unsigned number)
{
    static const char why[] = "carrel attach: the app's X server",
                      host_why[] = "carrel attach: the display to show it on";
    struct plan *p = c->out;
    const char *own = arena_printf(c->a, "%u", number + 1);
    c->x_server = INSTANCE_VIEWER;
    begin_helper(c, p, program, program_inside, false);
    plan_add(p, PLAN_STATUS_FD, "base: entered into the registry of running apps",
             arena_printf(c->a, "%d", c->q->supervisor_fd), "supervisor", (char *)NULL);
    plan_add(p, PLAN_KEYRING, "base: no key of the session", "new", (char *)NULL);
    put_system(c, p);
    put_name(c, p);
    plan_add(p, PLAN_TMPFS, "base: Xpra's own socket", RUNTIME, "0700", "64m", (char *)NULL);
    plan_add(p, PLAN_ENV, "base: Xpra's own socket", "XDG_RUNTIME_DIR=" RUNTIME, (char *)NULL);
    put_viewed(c, p, own, why);
    const char *digits = put_host_display(c, p, host, number, host_why);
    plan_add(p, PLAN_ARG, host_why, digits, (char *)NULL);
    plan_add(p, PLAN_ARG, why, own, (char *)NULL);
    plan_add(p, PLAN_ARG, "base: whose window it is",
             concat(c, "[Carrel] ", c->q->viewed->title, NULL), (char *)NULL);
    end_helper(c, p, c->q->seccomp_fd);
}

void put_viewer(struct ctx *c)
{
    const struct place nowhere = {0};
    const char *display = facts_env(c->f, "DISPLAY");
    const struct path_fact *program =
        facts_path(c->f, concat(c, c->q->libexec, program_inside, NULL));
    const char *hint, *obstacle = no_helper(c, &hint);
    struct x_display x;
    if (c->f->userns_obstacle)
        refuse(c, nowhere, "see carrel doctor for the remedy", "%s", c->f->userns_obstacle);
    if (!has_xpra(c, nowhere))
        return;
    if (!display || !display_parse(display, &x) || !x.local) {
        refuse(c, nowhere, "start carrel from a terminal inside an X session",
               "there is no X display here to show the app on");
        return;
    }
    const struct path_fact *host =
        facts_path(c->f, arena_printf(c->a, "/tmp/.X11-unix/X%u", x.number));
    if (host->type != FILE_SOCKET)
        refuse(c, nowhere, "start the X server without \"-nolisten unix\"",
               "the X display %s has no socket in /tmp/.X11-unix", display);
    else if (program->type != FILE_REGULAR || !instance_folder(c) || !c->q->supervisor_fd)
        refuse(c, nowhere, hint, "it cannot be shown: %s", obstacle);
    else
        put_plan(c, program, host, x.number);
}
