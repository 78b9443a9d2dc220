/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel clip: what was copied, carried between the person's display and an app's own, of X or of
 * Wayland. */
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

enum { INFO_MOST = 64 << 10 };

/* One of the two displays. */
struct end {
    const char *whose;
    int fd;
    struct xauth_fact cookie;
    bool wayland; /* the person's compositor; or a line to the app's filter */
};

/* ---- the person's display ---- */

static int open_x(struct cli *c, struct end *e)
{
    const char *name = facts_env(&c->facts, "DISPLAY");
    struct x_display display;
    if (!name || !display_parse(name, &display) || !display.local)
        return cli_fail(c, "start carrel from a terminal inside an X or a Wayland session",
                        "there is no X display here: DISPLAY %s",
                        name ? "names none of this machine" : "is not set");
    *e = (struct end){
        .whose = "your display", .fd = x11_dial(display.number), .cookie = c->facts.xauth};
    return e->fd < 0
               ? cli_fail(c, NULL, "cannot reach the X display %s: %s", name, strerror(-e->fd))
               : 0;
}

static int open_compositor(struct cli *c, struct end *e)
{
    const char *name = facts_env(&c->facts, "WAYLAND_DISPLAY");
    const char *runtime = facts_env(&c->facts, "XDG_RUNTIME_DIR");
    bool absolute = name && *name == '/';
    if (!name || !*name || (!absolute && !runtime))
        return cli_fail(c, "start carrel from a terminal inside a Wayland session",
                        "there is no Wayland display here: WAYLAND_DISPLAY is not set");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(a.sun_path, sizeof a.sun_path, "%s%s%s", absolute ? "" : runtime,
                     absolute ? "" : "/", name);
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (n >= (int)sizeof a.sun_path || fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
        return cli_fail(c, NULL, "cannot reach the Wayland display %s: %s", name,
                        n >= (int)sizeof a.sun_path ? "its path is too long" : strerror(errno));
    *e = (struct end){.whose = "your display", .fd = steal_fd(&fd), .wayland = true};
    return 0;
}

/* An app on X is carried to and from the person's X server where there is one: a compositor that
 * has one keeps both clipboards alike. */
static int open_host(struct cli *c, struct end *e, bool app_on_wayland)
{
    const char *x = facts_env(&c->facts, "DISPLAY");
    const char *wayland = facts_env(&c->facts, "WAYLAND_DISPLAY");
    bool only_wayland = (!x || !*x) && wayland && *wayland;
    return app_on_wayland || only_wayland ? open_compositor(c, e) : open_x(c, e);
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

static bool sets(const struct plan *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++) {
        const char *rest = p->v[i].verb == PLAN_ENV ? str_after(step_arg(&p->v[i], 0), name) : NULL;
        if (rest && *rest == '=')
            return true;
    }
    return false;
}

/* A line to the app's Wayland filter, which there is once the app has a window by it. Returns a
 * descriptor, or -errno. */
static int line_to(struct cli *c, const struct instance *in)
{
    struct instance_reply reply;
    const char *why;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    int r = instance_ask(&c->arena, in, ends[1], &reply, &why, "line", "wayland", (char *)NULL);
    close(ends[1]);
    if (r < 0)
        close(ends[0]);
    return r < 0 ? r : ends[0];
}

static int open_app(struct cli *c, const struct instance *in, const struct plan *p, struct end *e)
{
    struct own_x11 x;
    bool wayland = sets(p, "WAYLAND_DISPLAY");
    int line = wayland ? line_to(c, in) : -1;
    *e = (struct end){.whose = in->app, .fd = line, .wayland = true};
    if (line >= 0)
        return 0;
    if (wayland && line != -ENOENT)
        return instance_failed(c, in, "cannot reach the Wayland filter of", "a line to it", -line);
    enum x11_of what = own_x11_of(&c->arena, p, &x);
    if (what == X11_OF_NOBODY)
        return no_display(c, in,
                          wayland ? "has not connected to its Wayland filter, or has none"
                                  : "has no display");
    if (what == X11_OF_PERSON)
        return no_display(c, in, "is on your display itself: what is copied there is there");
    *e = (struct end){.whose = in->app, .fd = dial(x.folder, x.name), .cookie = x.cookie};
    if (e->fd < 0)
        return instance_failed(c, in, "cannot reach the X server of", "its socket", -e->fd);
    return 0;
}

/* What the policy says of the clipboard holds for the person's hand, too: who wrote clipboard=none
 * there wants no slip of the hand. way: "in", "out", or "": nothing is carried. */
static int check_policy(struct cli *c, const struct instance *in, const char *way)
{
    struct buf info = {.arena = &c->arena};
    int r = file_read(arena_printf(&c->arena, "%s/info", in->folder), INFO_MOST, &info);
    const char *word = r < 0 ? NULL : instance_info_line(&c->arena, info.data, INSTANCE_CLIPBOARD);
    const char *by = r < 0 ? NULL : instance_info_line(&c->arena, info.data, INSTANCE_CLIPBOARD_BY);
    if (r < 0)
        return instance_failed(c, in, "cannot ask about", "its entry in the registry", -r);
    if (!word || !*way || str_eq(word, way) || str_eq(word, "both") || str_eq(word, "ask"))
        return 0;
    return cli_fail(
        c, "what the app may get and give is said there: clipboard=ask allows both by hand",
        "nothing may be carried %s: clipboard=%s is the policy of %s (%s)",
        str_eq(way, "in") ? "to it" : "from it", word, in->app, by ? by : "its own");
}

static int find_app(struct cli *c, const char *name, const char *way, struct end *e)
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
    r = check_policy(c, v, way);
    if (r)
        return r;
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

static const char x_helper[] = "carrel-clip", wayland_helper[] = "carrel-clip-wayland";

/* Starts a helper and reads its one line. Returns 0 or an exit code. */
static int ask_helper(struct cli *c, const char *name, const char *word, const struct end *from,
                      const struct end *to, struct buf *line)
{
    int pipe_ends[2];
    cleanup_fd int cookies = cookies_of(c, from, to);
    if (cookies < 0 || pipe2(pipe_ends, O_CLOEXEC) < 0)
        return cli_fail(c, NULL, "cannot start the helper: %s", strerror(errno));
    cleanup_fd int read_end = pipe_ends[0], write_end = pipe_ends[1];
    const char *program = arena_printf(&c->arena, "%s/%s", c->libexec, name);
    char *argv[] = {arena_strdup(&c->arena, name), arena_strdup(&c->arena, word), NULL};
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
static const char *good(struct cli *c, const struct buf *line, const char *what,
                        const struct end *e)
{
    const char *rest = str_after(line->data, "ok");
    const char *why = str_after(line->data, "error ");
    if (rest && (*rest == ' ' || !*rest))
        return rest + (*rest == ' ');
    cli_fail(c, NULL, "cannot %s %s: %s", what, e->whose, why ? why : line->data);
    return NULL;
}

/* ---- the command ---- */

static const char take_over[] = "take over what is copied on";

/* From a compositor to an X server, or the other way: one helper fetches into a file without a
 * name, one that speaks the other protocol gives it. Returns the words, or NULL after an error. */
static const char *carry_across(struct cli *c, const struct end ends[2], bool in)
{
    struct buf line;
    cleanup_fd int fd = memfd_create("carrel-copied", MFD_CLOEXEC);
    const struct end file = {.fd = fd}, *host = &ends[0], *app = &ends[1];
    if (fd < 0)
        return cli_fail(c, NULL, "cannot keep what is carried: %s", strerror(errno)), NULL;
    int r = in ? ask_helper(c, wayland_helper, "fetch", host, &file, &line)
               : ask_helper(c, x_helper, "fetch", app, &file, &line);
    if (r || !good(c, &line, take_over, in ? host : app) || lseek(fd, 0, SEEK_SET) < 0)
        return NULL;
    r = in ? ask_helper(c, x_helper, "give", &file, app, &line)
           : ask_helper(c, wayland_helper, "give", host, &file, &line);
    return r ? NULL : good(c, &line, "bring anything to", in ? app : host);
}

/* Between two of a kind. The X helper wants the one first that is read. */
static const char *carry_along(struct cli *c, const struct end ends[2], bool in)
{
    struct buf line;
    const struct end *from = &ends[in ? 0 : 1], *to = &ends[in ? 1 : 0];
    int r = ends[0].wayland
                ? ask_helper(c, wayland_helper, in ? "in" : "out", &ends[0], &ends[1], &line)
                : ask_helper(c, x_helper, "take", from, to, &line);
    return r ? NULL : good(c, &line, take_over, from);
}

/* ends: the person's, the app's. */
static int carry(struct cli *c, const struct end ends[2], bool in)
{
    struct buf out = {.arena = &c->arena};
    const struct end *from = &ends[in ? 0 : 1], *to = &ends[in ? 1 : 0];
    const char *words =
        ends[0].wayland == ends[1].wayland ? carry_along(c, ends, in) : carry_across(c, ends, in);
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
        int r = ends[i].wayland ? ask_helper(c, wayland_helper, i == 1 ? "list-app" : "list",
                                             &ends[0], &ends[1], &line)
                                : ask_helper(c, x_helper, "list", &ends[i], &ends[i], &line);
        const char *words = r ? NULL : good(c, &line, take_over, &ends[i]);
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
    int r = find_app(c, c->operands[0], lists ? "" : way, &ends[1]);
    if (r == 0)
        r = open_host(c, &ends[0], ends[1].wayland);
    if (r == 0)
        r = lists ? list(c, ends) : carry(c, ends, in);
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
    .summary = "carry what was copied to an app with a clipboard of its own, or from it",
    .options = clip_options,
    .least = 1,
    .most = 2,
    .run = clip,
};
