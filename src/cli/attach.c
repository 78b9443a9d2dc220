/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel attach and detach: the window of an app whose own X server is Xvfb.
 *
 * Who shows it (resolve/viewer.c) is a run of its own in the registry, under the app's id with
 * ".viewer" behind it: detaching ends that run, and the app's goes on.
 */
#include "cli/attach.h"

#include "cli/commands.h"
#include "cli/find.h"
#include "cli/own_x11.h"
#include "resolve/resolve.h"
#include "run/run.h"
#include "util/file.h"
#include "util/libc.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { COOKIE = 16, PAUSE_MS = 50, STARTED_MS = 20000, GONE_MS = 20000, INFO_MAX = 65536 };
/* Of `carrel attach --start`: a pidfd of the run that it is for. */
enum { STARTER_FD = 3 };

static const char start_option[] = "start";

bool wants_viewer(const struct plan *p)
{
    return info_says(p->info, INSTANCE_X_SERVER, "nested xpra");
}

static void pause_a_moment(void)
{
    const struct timespec t = {0, PAUSE_MS * 1000000L};
    nanosleep(&t, NULL);
}

/* ---- who shows an app ---- */

static const char *viewer_id(struct cli *c, const char *app)
{
    return arena_printf(&c->arena, "%s.viewer", app);
}

/* Those that run; an app may be called so, too, and says another word. Returns 0 or an exit code.
 */
static int list_viewers(struct cli *c, const char *app, struct instance **v, size_t *n)
{
    const char *id = viewer_id(c, app);
    size_t kept = 0;
    int r = instances_list(&c->arena, c->facts.runtime_dir, NULL, v, n);
    if (r < 0)
        return cli_fail(c, NULL, "cannot read the registry of running apps: %s", strerror(-r));
    for (size_t i = 0; i < *n; i++)
        if (str_eq((*v)[i].app, id) && (*v)[i].server && str_eq((*v)[i].server, INSTANCE_VIEWER))
            (*v)[kept++] = (*v)[i];
    *n = kept;
    return 0;
}

/* Ends them and waits: two cannot be on one X server. *ended: how many there were. */
static int end_viewers(struct cli *c, const char *app, size_t *ended)
{
    struct instance *v;
    struct instance_reply reply;
    const char *why;
    size_t n;
    *ended = 0;
    for (int i = 0; i < GONE_MS / PAUSE_MS; i++) {
        int r = list_viewers(c, app, &v, &n);
        if (r || !n)
            return r;
        *ended = n > *ended ? n : *ended;
        for (size_t k = 0; k < n; k++)
            instance_ask(&c->arena, &v[k], -1, &reply, &why, "kill",
                         arena_printf(&c->arena, "%d", SIGKILL), (char *)NULL);
        pause_a_moment();
    }
    return cli_fail(c, "carrel ps shows it", "the window of %s does not go away", app);
}

/* ---- the app's own X server ---- */

static int not_viewable(struct cli *c, const struct instance *in, const char *what)
{
    return cli_fail(c,
                    "write server=xpra in [Carrel Display] of its policy and start it again: "
                    "its window can be taken away and brought back then",
                    "%s (%s) %s", in->app, in->id, what);
}

/* What the registry says of the run whose server it is, "" where nothing tells. */
static const char *info_of(struct cli *c, const struct own_x11 *x)
{
    struct buf info = {.arena = &c->arena};
    if (file_read(arena_printf(&c->arena, "%s/info", x->folder), INFO_MAX, &info) < 0)
        return "";
    buf_char(&info, '\0');
    return info.data;
}

/* The supervisor knows the app from the moment on in which that starts. */
static int ask_for_plan(struct cli *c, const struct instance *in, struct instance_reply *reply,
                        const char **why)
{
    int r = -EAGAIN;
    for (int i = 0; r == -EAGAIN && i < STARTED_MS / PAUSE_MS; i++) {
        if (i > 0)
            pause_a_moment();
        r = instance_ask(&c->arena, in, -1, reply, why, "join", (char *)NULL);
    }
    return r;
}

static int find_server(struct cli *c, const struct instance *in, struct own_x11 *x)
{
    struct instance_reply reply;
    struct plan plan = {.arena = &c->arena};
    const char *why;
    int r = ask_for_plan(c, in, &reply, &why);
    if (r < 0)
        return instance_failed(c, in, "cannot ask about", why, -r);
    if (reply.n_fds <= INSTANCE_NAMESPACES)
        return instance_failed(c, in, "cannot ask about", "its supervisor shows no plan", EPROTO);
    r = cli_read_plan(c, reply.fds[INSTANCE_NAMESPACES], &plan);
    for (int i = 0; i < reply.n_fds; i++)
        close(reply.fds[i]);
    if (r)
        return r;
    enum x11_of what = own_x11_of(&c->arena, &plan, x);
    if (what != X11_OF_APP)
        return not_viewable(c, in,
                            what == X11_OF_NOBODY ? "has no X display"
                                                  : "is on your display itself, and stays there");
    const char *info = info_of(c, x);
    if (!info_says(info, INSTANCE_X_SERVER, "nested xpra") &&
        !info_says(info, INSTANCE_X_SERVER, "headless xvfb"))
        return not_viewable(c, in,
                            info_says(info, INSTANCE_X_SERVER, "nested xwayland")
                                ? "is in a window of Xwayland's, and stays there"
                                : "is in a window of Xephyr's, and stays there");
    return x->cookie.size == COOKIE
               ? 0
               : not_viewable(c, in, "does not say how its X server is reached");
}

/* ---- attach ---- */

/* That Xpra is there as the person, say: told each time, as nobody reads this plan. */
static void tell_missing(struct cli *c, const struct plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].verb == PLAN_MISSING)
            diag_add(&c->diags, DIAG_NOTE, (struct place){0}, NULL, "not in force: %s # %s",
                     step_arg(&p->v[i], 0), p->v[i].why ? p->v[i].why : "");
    cli_print_diags(c, DIAG_NOTE);
    c->diags = (struct diags){.arena = &c->arena};
}

/*
 * Until this process is in the registry, or has ended, nobody else begins to show an app. *other:
 * somebody does already; the lock is given back then. Returns 0 or an exit code.
 */
static int begin_alone(struct cli *c, const char *app, int least, bool *other)
{
    struct instance *v;
    size_t n = 0;
    int r, lock = run_lock_registry(c->facts.runtime_dir, least);
    if (lock < 0)
        return cli_fail(c, "try again",
                        "cannot begin to show %s while another start is under way: %s", app,
                        strerror(-lock));
    r = list_viewers(c, app, &v, &n);
    *other = n > 0;
    if (r || n)
        close(lock);
    return r;
}

/* Of those that attach an app at the same moment, each takes it from the one before. */
static int take_over(struct cli *c, const char *app, int least)
{
    enum { TURNS = 20 };
    bool other = true;
    size_t ended;
    for (int i = 0, r; i < TURNS && other; i++)
        if ((r = end_viewers(c, app, &ended)) || (r = begin_alone(c, app, least, &other)))
            return r;
    return other ? cli_fail(c, "carrel ps shows it", "%s is being shown by others again and again",
                            app)
                 : 0;
}

/* Becomes who shows it. first: only if nobody does. */
static int show(struct cli *c, const char *app, const struct own_x11 *x, bool first)
{
    static const struct policy no_policy;
    char id[16];
    const struct viewed_display viewed = {
        .socket = arena_printf(&c->arena, "%s/%s", x->folder, x->name),
        .cookie = x->cookie.data,
        .title = app,
    };
    struct plan plan = {.arena = &c->arena};
    struct request q = {.app_id = viewer_id(c, app), .libexec = c->libexec, .viewed = &viewed};
    int r = run_new_id(id);
    if (r < 0)
        return cli_fail(c, NULL, "no random numbers: %s", strerror(-r));
    q.instance = id;
    q.seccomp_fd = c->free_fd;
    q.supervisor_fd = run_free_fd(c->free_fd + 1);
    if (resolve_all(&q, &no_policy, &c->facts, &plan, &c->diags) != RESOLVE_OK)
        return EXIT_REFUSED;
    const struct run_instance in = {
        .id = id, .runtime_dir = c->facts.runtime_dir, .held = c->facts.untrusted.held};
    tell_missing(c, &plan);
    bool other = false;
    r = first ? begin_alone(c, app, q.supervisor_fd + 1, &other)
              : take_over(c, app, q.supervisor_fd + 1);
    if (r || other) /* by an earlier start, which is well */
        return r;
    run_plan(&plan, &in, c->libexec, RUN_DIRECT, NULL, &c->diags);
    return EXIT_REFUSED;
}

/* For a run that has just been started: to its app's first step. False: who started it has ended.
 */
static bool wait_for_start(struct cli *c, const char *id)
{
    struct instance *v;
    struct pollfd starter = {.fd = STARTER_FD, .events = POLLIN};
    size_t n;
    do {
        if (instances_list(&c->arena, c->facts.runtime_dir, id, &v, &n) < 0)
            return false;
        if (n && v->app_pid)
            return true;
    } while (poll(&starter, 1, PAUSE_MS) == 0);
    return false;
}

static int attach(struct cli *c)
{
    struct instance *v = NULL;
    struct own_x11 x;
    const char *app;
    size_t n;
    bool starts = cli_has(c, start_option);
    c->facts.cookies_are_made = true;
    if (starts && (cli_look_around(c) < 0 || !wait_for_start(c, c->operands[0])))
        return EXIT_REFUSED;
    int r = find_instances(c, c->operands[0], false, &v, &n, &app);
    if (r || (r = find_server(c, &v[0], &x)))
        return r;
    return show(c, app, &x, starts);
}

static const struct option attach_options[] = {
    {start_option, NULL, NULL},
    {NULL, NULL, NULL},
};

const struct command command_attach = {
    .name = "attach",
    .operands = "APP|INSTANCE",
    .summary = "show the window of an app that was detached, on this display",
    .options = attach_options,
    .least = 1,
    .most = 1,
    .run = attach,
};

/* In the child: out of the terminal's session, with nothing open but the starter and, for messages,
 * standard error: whoever reads what the app says is not to wait for more. */
static _Noreturn void become_attach(struct cli *c, const char *instance, int starter)
{
    char *argv[] = {arena_strdup(&c->arena, "carrel"), arena_strdup(&c->arena, "attach"),
                    arena_printf(&c->arena, "--%s", start_option),
                    arena_strdup(&c->arena, instance), NULL};
    int none = open("/dev/null", O_RDWR);
    if (setsid() < 0 || none < 0 || dup2(none, 0) < 0 || dup2(none, 1) < 0 ||
        fcntl(starter, F_SETFD, 0) < 0 || dup2(starter, STARTER_FD) < 0 ||
        sys_close_range(STARTER_FD + 1, ~0u, 0) < 0)
        _exit(EXIT_REFUSED);
    execve(c->own_path, argv, environ);
    _exit(EXIT_REFUSED);
}

int start_viewer(struct cli *c, const char *instance)
{
    cleanup_fd int starter = sys_pidfd_open(getpid());
    pid_t pid = starter < 0 ? -1 : fork();
    if (pid < 0)
        return -errno;
    if (pid > 0)
        return waitpid(pid, NULL, 0) < 0 ? -errno : 0;
    /* Its parent must not be the app's monitor, which waits for children of its own. */
    if (fork() == 0)
        become_attach(c, instance, starter);
    _exit(0);
}

/* ---- detach ---- */

static int detach(struct cli *c)
{
    struct instance *v = NULL;
    struct own_x11 x;
    const char *app;
    size_t n, ended;
    int r = find_instances(c, c->operands[0], false, &v, &n, &app);
    if (r || (r = find_server(c, &v[0], &x)) || (r = end_viewers(c, app, &ended)))
        return r;
    return ended ? 0
                 : cli_fail(c, arena_printf(&c->arena, "carrel attach %s shows it", app),
                            "%s is not shown anywhere", app);
}

static const struct option detach_options[] = {
    {NULL, NULL, NULL},
};

const struct command command_detach = {
    .name = "detach",
    .operands = "APP|INSTANCE",
    .summary = "take the window of a running app away; the app goes on",
    .options = detach_options,
    .least = 1,
    .most = 1,
    .run = detach,
};
