/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel clip: what was copied, carried between the person's X display and an app's own. */
#include "cli/commands.h"

#include "cli/find.h"
#include "cli/own_x11.h"
#include "util/file.h"
#include "util/libc.h"
#include "util/str.h"
#include "x11/client.h"
#include "x11/xauth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

/* One of the two displays. */
struct end {
    const char *whose;
    int fd;
    struct xauth_fact cookie;
};

/* ---- the person's display ---- */

static int open_host(struct cli *c, struct end *e)
{
    const char *name = facts_env(&c->facts, "DISPLAY");
    struct x_display display;
    if (!name || !display_parse(name, &display) || !display.local)
        return cli_fail(c, "start carrel from a terminal inside an X session",
                        "there is no X display here: DISPLAY %s",
                        name ? "names none of this machine" : "is not set");
    *e = (struct end){"your display", x11_dial(display.number), c->facts.xauth};
    return e->fd < 0
               ? cli_fail(c, NULL, "cannot reach the X display %s: %s", name, strerror(-e->fd))
               : 0;
}

/* ---- the app's ---- */

/* By a descriptor of its folder, as a path may be longer than an address can hold. */
static int dial(const char *folder, const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    cleanup_fd int dir = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (dir < 0 || fd < 0)
        return -errno;
    int n = snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s", dir, name);
    if (n >= (int)sizeof a.sun_path)
        return -ENAMETOOLONG;
    return connect(fd, (struct sockaddr *)&a, sizeof a) < 0 ? -errno : steal_fd(&fd);
}

static int no_display(struct cli *c, const struct instance *in, const char *what)
{
    return cli_fail(c, "carrel explain APP display says what an app has", "%s (%s) %s", in->app,
                    in->id, what);
}

static int open_app(struct cli *c, const struct instance *in, const struct plan *p, struct end *e)
{
    struct own_x11 x;
    enum x11_of what = own_x11_of(&c->arena, p, &x);
    if (what == X11_OF_NOBODY)
        return no_display(c, in, "has no X display: a Wayland app pastes by its compositor");
    if (what == X11_OF_PERSON)
        return no_display(c, in, "is on your display itself: what is copied there is there");
    *e = (struct end){in->app, dial(x.folder, x.name), x.cookie};
    if (e->fd < 0)
        return instance_failed(c, in, "cannot reach the X server of", "its socket", -e->fd);
    return 0;
}

static int find_app(struct cli *c, const char *name, struct end *e)
{
    struct instance *v = NULL;
    struct instance_reply reply;
    struct plan plan = {.arena = &c->arena};
    const char *id, *why;
    size_t n;
    int r = find_instances(c, name, false, &v, &n, &id);
    if (r)
        return r;
    if (n > 1)
        return cli_fail(c, "carrel ps lists them; name one by its number", "%s runs %zu times", id,
                        n);
    r = instance_ask(&c->arena, v, -1, &reply, &why, "join", (char *)NULL);
    if (r < 0)
        return instance_failed(c, v, "cannot ask about", why, -r);
    if (reply.n_fds <= INSTANCE_NAMESPACES)
        return instance_failed(c, v, "cannot ask about", "its supervisor shows no plan", EPROTO);
    r = cli_read_plan(c, reply.fds[INSTANCE_NAMESPACES], &plan);
    for (int i = 0; i < reply.n_fds; i++)
        close(reply.fds[i]);
    return r ? r : open_app(c, v, &plan, e);
}

/* ---- who carries ---- */

enum { FROM = 3, TO, COOKIES, OUTCOME, FIRST_FREE };

/* In a child that shares our memory until it executes: descriptors are put where the program has
 * them, first out of each other's way. */
static int become(const char *program, char *const argv[], const int fds[4])
{
    static char *none[] = {NULL};
    int high[4], null = open("/dev/null", O_RDWR | O_CLOEXEC);
    /* It outlives us: who reads what we write must see the end. */
    for (int fd = 0; fd < 3; fd++)
        if (dup2(null, fd) < 0)
            return errno;
    for (int i = 0; i < 4; i++)
        if ((high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST_FREE)) < 0)
            return errno;
    for (int i = 0; i < 4; i++)
        if (dup2(high[i], FROM + i) < 0)
            return errno;
    if (sys_close_range(FIRST_FREE, ~0u, 0) == 0)
        execve(program, argv, none);
    return errno;
}

/* Returns 0 or an errno. */
static int start(const char *program, char *const argv[], const int fds[4])
{
    volatile int error = 0;
    pid_t pid = vfork();
    if (pid == 0) {
        error = become(program, argv, fds);
        _exit(125);
    }
    return pid < 0 ? errno : error;
}

static int cookies_of(struct cli *c, const struct end *from, const struct end *to)
{
    static const struct xauth_fact none = {"", "", 0};
    struct buf b = {.arena = &c->arena};
    xauth_entry(&b, "", from->cookie.name ? &from->cookie : &none);
    xauth_entry(&b, "", to->cookie.name ? &to->cookie : &none);
    cleanup_fd int fd = memfd_create("carrel-cookies", MFD_CLOEXEC);
    int r = fd < 0 ? -errno : file_write_all(fd, b.data, b.len);
    return r < 0 ? r : steal_fd(&fd);
}

/* Starts carrel-clip and reads its one line. Returns 0 or an exit code. */
static int ask_helper(struct cli *c, const char *word, const struct end *from, const struct end *to,
                      struct buf *line)
{
    int pipe_ends[2];
    cleanup_fd int cookies = cookies_of(c, from, to);
    if (cookies < 0 || pipe2(pipe_ends, O_CLOEXEC) < 0)
        return cli_fail(c, NULL, "cannot start the helper: %s", strerror(errno));
    cleanup_fd int read_end = pipe_ends[0], write_end = pipe_ends[1];
    const char *program = arena_printf(&c->arena, "%s/carrel-clip", c->libexec);
    char *argv[] = {arena_strdup(&c->arena, "carrel-clip"), arena_strdup(&c->arena, word), NULL};
    const int fds[] = {from->fd, to->fd, cookies, write_end};
    int error = start(program, argv, fds);
    if (error)
        return cli_fail(c, "Carrel is not installed completely: install it again",
                        "cannot start \"%s\": %s", program, strerror(error));
    close(steal_fd(&write_end));
    *line = (struct buf){.arena = &c->arena};
    int r = file_read_fd(read_end, 4096, line);
    if (r < 0 || !line->len || line->data[line->len - 1] != '\n')
        return cli_fail(c, "this is a fault of Carrel: please report it",
                        "the helper gave no answer");
    line->data[--line->len] = '\0';
    return 0;
}

/* The words behind "ok", or NULL after an error. */
static const char *good(struct cli *c, const struct buf *line, const struct end *from)
{
    const char *rest = str_after(line->data, "ok");
    const char *why = str_after(line->data, "error ");
    if (rest && (*rest == ' ' || !*rest))
        return rest + (*rest == ' ');
    cli_fail(c, NULL, "cannot take over what is copied on %s: %s", from->whose,
             why ? why : line->data);
    return NULL;
}

/* ---- the command ---- */

static int carry(struct cli *c, const struct end *from, const struct end *to)
{
    struct buf line, out = {.arena = &c->arena};
    int r = ask_helper(c, "take", from, to, &line);
    const char *words = r ? NULL : good(c, &line, from);
    if (!words)
        return EXIT_REFUSED;
    diag_escape(&out, arena_printf(&c->arena, "%s -> %s: %s bytes", from->whose, to->whose, words));
    buf_char(&out, '\n');
    return cli_print(c, &out);
}

static int list(struct cli *c, const struct end *ends)
{
    struct buf line, out = {.arena = &c->arena};
    for (int i = 0; i < 2; i++) {
        int r = ask_helper(c, "list", &ends[i], &ends[i], &line);
        const char *words = r ? NULL : good(c, &line, &ends[i]);
        if (!words)
            return EXIT_REFUSED;
        diag_escape(&out, arena_printf(&c->arena, "%s: %s", ends[i].whose,
                                       *words ? words : "nothing that can be carried"));
        buf_char(&out, '\n');
    }
    return cli_print(c, &out);
}

static int clip(struct cli *c)
{
    const char *way = c->n_operands > 1 ? c->operands[1] : "";
    bool in = str_eq(way, "in"), lists = cli_has(c, "list");
    struct end ends[2] = {{.fd = -1}, {.fd = -1}};
    if (lists ? *way != '\0' : !in && !str_eq(way, "out"))
        return cli_fail(
            c, "write carrel clip APP in, carrel clip APP out or carrel clip --list APP",
            "which way? \"in\" brings what you have copied to the app, \"out\" what was "
            "copied in it to you");
    int r = find_app(c, c->operands[0], &ends[1]);
    if (r == 0)
        r = open_host(c, &ends[0]);
    if (r == 0)
        r = lists ? list(c, ends) : carry(c, &ends[in ? 0 : 1], &ends[in ? 1 : 0]);
    for (int i = 0; i < 2; i++)
        if (ends[i].fd >= 0)
            close(ends[i].fd);
    return r;
}

static const struct option clip_options[] = {
    {"list", NULL, "only say what there is to be carried, on both sides"},
    {NULL, NULL, NULL},
};

const struct command command_clip = {
    .name = "clip",
    .operands = "APP|INSTANCE [in|out]",
    .summary = "carry what was copied to an app with an X server of its own, or from it",
    .options = clip_options,
    .least = 1,
    .most = 2,
    .run = clip,
};
