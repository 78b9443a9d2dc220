/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel-xserver HOST SERVER [ARGUMENT...]
 *
 * One app's own X server, in a confinement of its own; started by the supervisor when the app first
 * connects, or beside it. HOST is the number of the person's display, on which a window of ours
 * appears that the server draws in, once the app has made one, or "-". Descriptor 3 is the
 * listening socket that the app sees. This process starts a window manager and the server, hands on
 * what that says, and ends with it, which is the end of all in here; without a HOST it becomes the
 * server itself, unless that is Xwayland.
 *
 * The socket is handed over as systemd does it (sd_listen_fds(3)): descriptor 3, LISTEN_FDS and
 * LISTEN_PID, which counts in this sandbox; Xwayland by its own -listenfd.
 */
#include "x11/client.h"
#include "xserver/frame.h"
#include "xserver/keyboard.h"
#include "xserver/requests.h"
#include "xserver/resources.h"
#include "xserver/wm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where things are in the plan. */
#define OWN_SOCKET  "/display"    /* the one that the app sees */
#define OWN_COOKIE  "/run/cookie" /* 16 bytes */
#define HOST_COOKIE "/run/host-cookie"
#define CLIP_SOCKET "/clip" /* who listens for the clipboard's keys */

enum { SETTINGS = 5, CONTROL = 6, FAILED = 125, COOKIE = 16 };
enum { ENDS_APP = 113 }; /* src/supervise/service.c has the same */
enum { HOST_WAIT = 3000, READY_WAIT = 60000, CLOSE_WAIT = 3000 }; /* milliseconds */
enum { MOST_ARGUMENTS = 64 };

/* Before the app's end reaches us it has reached who was in between, so that all may seem gone:
 * that is no news. */
static bool is_over(void)
{
    struct pollfd p = {.fd = CONTROL, .events = POLLIN};
    return poll(&p, 1, 0) > 0 && p.revents & (POLLIN | POLLHUP);
}

static _Noreturn void fail(const char *what, int error)
{
    if (is_over())
        exit(FAILED);
    dprintf(2, "carrel-xserver: %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
    exit(FAILED);
}

/* Returns how many bytes, 0 when there is no such file. */
static size_t read_cookie(const char *path, uint8_t *cookie, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, cookie, size);
    if (fd >= 0)
        close(fd);
    return n > 0 ? (size_t)n : 0;
}

/* room: X_ROOM bytes */
static bool connect_to(struct x11 *x, uint8_t *room, const char *path, const char *cookie_file,
                       int wait)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    uint8_t cookie[64];
    size_t n = read_cookie(cookie_file, cookie, sizeof cookie);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    *x = (struct x11){.room = room, .size = X_ROOM, .deadline = x11_now() + wait};
    x->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (x->fd >= 0 && connect(x->fd, (struct sockaddr *)&a, sizeof a) == 0 &&
        x11_hello(x, n ? "MIT-MAGIC-COOKIE-1" : NULL, cookie, n) == 0)
        return true;
    if (x->fd >= 0)
        close(x->fd);
    return false;
}

/* ---- what the host's display is like ---- */

struct host {
    unsigned width, height;
    struct keyboard keyboard;
    struct resources resources;
};

/* Shapes of one screen. Nearly a square is none: one that lies is broader, one on end at least
 * 4 to 5. */
enum { WIDEST_W = 24, WIDEST_H = 10, USUAL_W = 16, USUAL_H = 9 };
enum { LYING_W = 10, LYING_H = 9, ON_END_W = 4, ON_END_H = 5 };
enum { GET_GEOMETRY = 14, RESOURCE_MANAGER = 23, STRING = 31 };

static void read_size(struct x11 *x, struct host *h)
{
    uint8_t bytes[8];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    const uint8_t *p;
    size_t n;
    x_request(&o, GET_GEOMETRY, 0);
    x_put32(&o, x->setup.root);
    if (x11_ask(x, &o, &p, &n) == 0) {
        h->width = x_get16(p + 16);
        h->height = x_get16(p + 18);
    }
}

/* What desktops put there for toolkits. */
static void read_resources(struct x11 *x, struct host *h)
{
    struct x_property found;
    if (keyboard_read_text(x, RESOURCE_MANAGER, X_PART, &found))
        resources_read(found.data, found.size, &h->resources);
}

/* ---- the server ---- */

struct line {
    char *argv[MOST_ARGUMENTS];
    int n;
};

static void add(struct line *l, char *word)
{
    if (l->n == MOST_ARGUMENTS - 1)
        fail("too many arguments", 0);
    l->argv[l->n++] = word;
}

static uint8_t host_room[X_ROOM], own_room[X_ROOM];

/* What stands behind this word. */
static const char *value_of(const struct line *l, const char *word)
{
    for (int i = 0; i + 1 < l->n; i++)
        if (strcmp(l->argv[i], word) == 0)
            return l->argv[i + 1];
    return "";
}

/* Of the host's screen, rounded; where it says nothing that can be, what X takes for it. */
static unsigned dots_per_inch(const struct x_setup *s)
{
    enum { USUAL = 96, LEAST = 30, MOST = 600 };
    unsigned dpi = s->width_mm ? (s->width * 254u / s->width_mm + 5) / 10 : USUAL;
    return dpi < LEAST || dpi > MOST ? USUAL : dpi;
}

/* Who listens for the clipboard's keys in our window is told which one it is; where the policy has
 * none there is nobody. The descriptor stays open for as long as the window is there. */
static void tell_window(uint32_t window)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = CLIP_SOCKET};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
        send(fd, &window, sizeof window, MSG_NOSIGNAL) == sizeof window)
        return;
    if (fd >= 0)
        close(fd);
}

/* Several screens beside each other, or one above the other, of which an untrusted client hears no
 * more than that: one of them. */
static void choose_screen(struct host *h)
{
    if (h->width * WIDEST_H > h->height * WIDEST_W)
        h->width = h->height * USUAL_W / USUAL_H;
    else if (h->width * LYING_H < h->height * LYING_W && h->height * ON_END_W < h->width * ON_END_H)
        h->height = h->width * USUAL_H / USUAL_W;
}

static const char *host_path(const char *display)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/.X11-unix/X%.20s", display);
    return path;
}

/* Four fifths of the host's screen, or of one of several, in a window of ours, and its keyboard. */
static void add_host(struct line *l, const char *display, struct x11 *x, struct frame *f,
                     struct resources *resources, struct keyboard *keyboard)
{
    static char resolution[16], dpi[] = "-dpi", size[32], screen[] = "-screen", window[16],
                                parent[] = "-parent";
    static struct host h;
    static char options[XKB_PARTS][16] = {"-xkb-rules", "-xkb-model", "-xkb-layout", "-xkb-variant",
                                          "-xkb-options"};
    if (!connect_to(x, host_room, host_path(display), HOST_COOKIE, HOST_WAIT))
        fail(*x->refusal ? x->refusal : "the person's display cannot be reached", 0);
    read_size(x, &h);
    keyboard_read(x, &h.keyboard);
    read_resources(x, &h);
    *resources = h.resources;
    *keyboard = h.keyboard;
    if (h.width < 100 || h.height < 100)
        h.width = h.height = 1000;
    choose_screen(&h);
    h.width = h.width * 4 / 5;
    h.height = h.height * 4 / 5;
    if (!frame_open(f, x, value_of(l, "-title"), (int)h.width, (int)h.height))
        fail("the person's display is gone", 0);
    x->deadline = 0;
    snprintf(window, sizeof window, "0x%x", (unsigned)f->window);
    snprintf(size, sizeof size, "%dx%d", f->w, f->h);
    /* Toolkits choose the size of letters by it. */
    snprintf(resolution, sizeof resolution, "%u",
             h.resources.dpi ? h.resources.dpi : dots_per_inch(&x->setup));
    add(l, dpi);
    add(l, resolution);
    add(l, parent);
    add(l, window);
    add(l, screen);
    add(l, size);
    for (int i = 0; i < XKB_PARTS; i++)
        if (*h.keyboard.names[i]) {
            add(l, options[i]);
            add(l, h.keyboard.names[i]);
        }
}

/* Neither of the descriptors is for who hears what the app says of its windows. told is for
 * wm_run. */
static _Noreturn void manage_windows(int host, int told, const struct resources *r)
{
    struct x11 x;
    if (host > 0)
        close(host);
    close(3); /* else who connects to a server that is gone would wait for us */
    if (!connect_to(&x, own_room, OWN_SOCKET, OWN_COOKIE, READY_WAIT))
        _exit(FAILED);
    x.deadline = 0;
    if (r->n)
        set_bytes(&x, x.setup.root, RESOURCE_MANAGER, STRING, r->text, r->n);
    wm_run(&x, told);
    _exit(0);
}

/* ---- what the server says ---- */

/* Xephyr's word that it is alone in its IPC namespace on the person's side, which is so each time
 * and nothing that anybody could mend. It has no switch for it. */
static const char hushed[] = "\nXephyr unable to use SHM XImages\n";
enum { HUSHED = sizeof hushed - 1, HOLD_MS = 50, READ_SIZE = 4096 };

static void put(const char *bytes, size_t n)
{
    while (n) {
        ssize_t done = write(2, bytes, n);
        if (done <= 0)
            return;
        bytes += done;
        n -= (size_t)done;
    }
}

/* held: so many bytes of hushed that may become all of it; returns the same. Only its ends are
 * newlines, so where it goes wrong it can begin with the byte that is wrong, and nowhere before. */
static size_t pass_on(const char *bytes, size_t n, size_t held)
{
    static char out[READ_SIZE + HUSHED];
    size_t have = 0;
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != hushed[held]) {
            memcpy(out + have, hushed, held);
            have += held;
            held = 0;
        }
        if (bytes[i] == hushed[held])
            held++;
        else
            out[have++] = bytes[i];
        if (held == HUSHED)
            held = 0;
    }
    put(out, have);
    return held;
}

/* What we have to do with the running server. */
struct job {
    pid_t server;
    int words;  /* what it says */
    int wanted; /* the window manager's words */
    size_t held;
    struct frame frame;
    const char *host;         /* the person's display */
    struct keyboard keyboard; /* what it has been told */
    pid_t setter;             /* what tells it, or 0 */
    int setting;              /* whose end is that one's, or -1 */
    int looks;                /* so often the person's display is asked for another, */
    int64_t look_at;          /* the next time then; 0: not at all */
    int64_t ask_at;           /* the same for which of several layouts is used */
};

/* Returns false when that was the last. */
static bool relay_words(struct job *j)
{
    static char bytes[READ_SIZE];
    ssize_t n = read(j->words, bytes, sizeof bytes);
    if (n > 0)
        j->held = pass_on(bytes, (size_t)n, j->held);
    return n > 0;
}

/* The app is asked, as any window manager would; it may have something to save. One without windows
 * has nothing, and would be out of reach. */
static void close_politely(struct job *j)
{
    struct x11 own;
    j->frame.wanted_closed = false;
    if (!connect_to(&own, own_room, OWN_SOCKET, OWN_COOKIE, CLOSE_WAIT))
        return;
    if (!close_all_windows(&own))
        kill(j->server, SIGTERM);
    close(own.fd);
}

/* Returns false when that was the last. */
static bool hear_manager(struct job *j)
{
    char word;
    bool more = read(j->wanted, &word, 1) == 1;
    if (more && word == WM_APP_HANGS) {
        dprintf(2, "carrel-xserver: the app does not answer, and was closed again: it is ended\n");
        exit(ENDS_APP);
    }
    if (!more || word == WM_WINDOW_IS_THERE)
        frame_show(&j->frame);
    return more;
}

/* ---- the keyboard ---- */

/* The new layout is told by a program that comes with the X servers, which this one need not wait
 * for. */
static void start_setter(struct job *j)
{
    uint8_t cookie[64];
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return;
    j->setter = fork();
    if (j->setter == 0 && fcntl(ends[1], F_SETFD, 0) == 0) {
        size_t size = read_cookie(OWN_COOKIE, cookie, sizeof cookie);
        keyboard_become_setter(&j->keyboard, OWN_SOCKET, cookie, size);
    }
    if (j->setter == 0)
        _exit(FAILED);
    close(ends[1]);
    j->setting = ends[0];
}

/* The person's display is asked by a connection of its own: while one waits for an answer it hears
 * of nothing else. Returns whether there is another layout. */
static bool follow_keyboard(struct job *j)
{
    struct x11 host;
    struct keyboard k;
    if (!connect_to(&host, own_room, host_path(j->host), HOST_COOKIE, CLOSE_WAIT))
        return false;
    keyboard_read(&host, &k);
    close(host.fd);
    if (keyboard_is_same(&k, &j->keyboard) || !keyboard_has_layout(&k))
        return false;
    j->keyboard = k;
    start_setter(j);
    return true;
}

/* Who gives the display a layout tells its name afterwards. */
static void look_at_keyboard(struct job *j)
{
    enum { SOON = 200, LATER = 1000, LOOKS = 4 };
    if (j->frame.new_keyboard) {
        j->frame.new_keyboard = false;
        j->looks = LOOKS;
        j->look_at = j->look_at ? j->look_at : x11_now() + SOON;
    }
    if (!j->look_at || j->setting >= 0 || x11_now() < j->look_at)
        return;
    j->looks = follow_keyboard(j) ? 0 : j->looks - 1;
    j->look_at = j->looks ? x11_now() + LATER : 0;
}

static void end_setter(struct job *j)
{
    int status;
    close(j->setting);
    j->setting = -1;
    if (j->setter > 0 && waitpid(j->setter, &status, 0) == j->setter &&
        !(WIFEXITED(status) && WEXITSTATUS(status) == 0) && !is_over())
        dprintf(2, "carrel-xserver: the keyboard's new layout is not taken on; setxkbmap (package "
                   "x11-xkb-utils) cannot do it\n");
    j->setter = 0;
}

static void follow_group(struct job *j)
{
    struct x11 own;
    unsigned group = (unsigned)j->frame.group;
    j->frame.group = -1;
    if (!keyboard_has_groups(&j->keyboard) ||
        !connect_to(&own, own_room, OWN_SOCKET, OWN_COOKIE, CLOSE_WAIT))
        return;
    keyboard_lock_group(&own, group);
    close(own.fd);
}

/* A desktop that remembers a layout for each window switches after the focus has come. */
static void ask_again_later(struct job *j)
{
    enum { A_MOMENT = 300 };
    if (j->frame.ask_again && keyboard_has_groups(&j->keyboard))
        j->ask_at = x11_now() + A_MOMENT;
    j->frame.ask_again = false;
    if (!j->ask_at || x11_now() < j->ask_at)
        return;
    j->ask_at = 0;
    frame_ask_for_group(&j->frame);
}

/* What is new on the person's display. Returns false when that is gone. */
static bool follow_host(struct job *j)
{
    if (!frame_events(&j->frame))
        return false;
    if (j->frame.wanted_closed)
        close_politely(j);
    return true;
}

/* Milliseconds; -1: whatever comes. */
static int patience(const struct job *j)
{
    if (j->held)
        return HOLD_MS; /* a newline is not kept back for long */
    int64_t due = j->setting < 0 ? j->look_at : 0;
    if (j->ask_at && (!due || j->ask_at < due))
        due = j->ask_at;
    int64_t left = due ? due - x11_now() : -1;
    return left < 0 && due ? 0 : (int)left;
}

/* To the server's last word; then we end as it did. */
static _Noreturn void attend(struct job *j)
{
    enum { WORDS, HOST, WANTED, SUPERVISOR, SETTER, ALL };
    bool framed = j->frame.x != NULL; /* else the window is the server's own affair */
    struct pollfd p[ALL] = {{.fd = j->words, .events = POLLIN},
                            {.fd = framed ? j->frame.x->fd : -1, .events = POLLIN},
                            {.fd = framed ? j->wanted : -1, .events = POLLIN},
                            {.fd = CONTROL, .events = POLLIN},
                            {.events = POLLIN}};
    int status;
    for (;;) {
        p[SETTER].fd = j->setting;
        int come = poll(p, ALL, patience(j));
        if (come < 0)
            continue;
        if (come == 0) {
            put(hushed, j->held);
            j->held = 0;
        }
        /* The end of all: what the server says of it (that the compositor's filter is gone) is no
         * news. */
        if (p[SUPERVISOR].revents)
            _exit(0);
        if (p[WORDS].revents && !relay_words(j))
            break;
        if (p[WANTED].revents && !hear_manager(j))
            p[WANTED].fd = -1;
        if (p[HOST].revents && !follow_host(j)) {
            kill(j->server, SIGTERM);
            p[HOST].fd = -1;
        }
        if (p[SETTER].revents)
            end_setter(j);
        look_at_keyboard(j);
        ask_again_later(j);
        if (j->setting < 0 && j->frame.group >= 0)
            follow_group(j);
    }
    put(hushed, j->held);
    exit(waitpid(j->server, &status, 0) == j->server && WIFEXITED(status) ? WEXITSTATUS(status)
                                                                          : FAILED);
}

static _Noreturn void become_server(struct line *l)
{
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    bool told = *value_of(l, "-listenfd"); /* Xwayland has a word for it */
    if (!told && (setenv("LISTEN_PID", pid, 1) < 0 || setenv("LISTEN_FDS", "1", 1) < 0))
        fail("no memory is left", 0);
    execv(l->argv[0], l->argv);
    fail("cannot start the X server", errno);
}

static _Noreturn void start_server(struct line *l, struct job *j)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        fail("cannot make a pipe", errno);
    j->server = fork();
    if (j->server < 0)
        fail("cannot start the X server", errno);
    if (j->server == 0) {
        if (dup2(ends[1], 2) < 0)
            fail("cannot hand over a pipe", errno);
        become_server(l);
    }
    close(ends[1]);
    close(3); /* as in manage_windows */
    j->words = ends[0];
    attend(j);
}

int main(int argc, char **argv)
{
    static struct line l;
    static struct job j;
    static struct x11 host;
    static struct resources resources;
    int ends[2];
    if (argc < 3)
        fail("started by carrel-supervisor, not by hand", 0);
    for (int i = 2; i < argc; i++)
        add(&l, argv[i]);
    fcntl(SETTINGS, F_SETFD, FD_CLOEXEC);
    fcntl(CONTROL, F_SETFD, FD_CLOEXEC);
    if (strcmp(argv[1], "-") != 0)
        add_host(&l, argv[1], &host, &j.frame, &resources, &j.keyboard);
    j.host = argv[1];
    j.setting = j.frame.group = -1;
    pid_t manager = pipe2(ends, O_CLOEXEC) < 0 ? -1 : fork();
    if (manager < 0)
        fail("cannot start the window manager", errno);
    if (manager == 0)
        manage_windows(host.fd, ends[1], &resources);
    close(ends[1]);
    j.wanted = ends[0];
    if (j.frame.window)
        tell_window(j.frame.window);
    if (strcmp(argv[1], "-") == 0 && !*value_of(&l, "-listenfd"))
        become_server(&l);
    start_server(&l, &j);
}
