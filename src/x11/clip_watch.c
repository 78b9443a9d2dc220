/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x11/clip_watch.h"

#include "clip/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* Descriptors of a service, and where the two servers are in its root. */
enum { LISTENING = 3, SETTINGS = 5, CONTROL = 6 };
#define HOST_SOCKET "/host"
#define OWN_SOCKET  "/display"

enum { MOST_CARRIERS = 4, PATIENCE_MS = 5000, READ_MOST = 512 };

struct watch {
    struct clip_keys keys;
    struct x11 host; /* fd -1: nobody has said which window */
    struct clip_grab grab;
    int client;                  /* who has said it */
    int carriers[MOST_CARRIERS]; /* where they say what came of it; -1: none */
    bool told;                   /* that a key cannot be had */
    int (*carry)(const struct clip_cookie *, const struct clip_cookie *);
};

static void complain(const char *what, int error)
{
    dprintf(2, "carrel-clip: %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
}

/* -1 and errno */
static int dial(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

/* ---- a press ---- */

/* The ends are put where carrel-clip has them; all else is closed. */
static _Noreturn void become_carrier(const struct watch *w, enum clip_way way, int outcome)
{
    const struct clip_cookie *host = &w->keys.host, *own = &w->keys.own;
    bool in = way == CLIP_IN;
    int from = dial(in ? HOST_SOCKET : OWN_SOCKET), to = dial(in ? OWN_SOCKET : HOST_SOCKET);
    int error = from < 0 || to < 0 ? errno : 0;
    if (dup2(outcome, CLIP_OUTCOME) < 0)
        _exit(CLIP_FAILED);
    if (error)
        clip_fail("an X server cannot be reached", error);
    if (dup2(from, CLIP_FIRST) < 0 || dup2(to, CLIP_FIRST + 1) < 0)
        clip_fail("no descriptor is left", errno);
    close(CLIP_FIRST + 2);
    syscall(SYS_close_range, CLIP_OUTCOME + 1, ~0u, 0);
    _exit(w->carry(in ? host : own, in ? own : host));
}

/* So many at once, whoever leans on the key. */
static void start_carrier(struct watch *w, enum clip_way way)
{
    int ends[2], i = 0;
    while (i < MOST_CARRIERS && w->carriers[i] >= 0)
        i++;
    if (i == MOST_CARRIERS || pipe2(ends, O_CLOEXEC) < 0)
        return;
    pid_t pid = fork();
    if (pid == 0)
        become_carrier(w, way, ends[1]);
    close(ends[1]);
    w->carriers[i] = ends[0];
    if (pid < 0)
        complain("cannot carry anything", errno);
}

/* The person hears that nothing was carried, and whoever looks can read why. */
static void read_outcome(struct watch *w, int *fd)
{
    char line[READ_MOST];
    ssize_t n = read(*fd, line, sizeof line - 1);
    static const char error[] = "error ";
    close(*fd);
    *fd = -1;
    line[n > 0 ? n : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, error, sizeof error - 1) != 0)
        return;
    complain(line + sizeof error - 1, 0);
    if (w->client >= 0)
        clip_ring(&w->grab);
}

/* ---- whose window, and what is pressed there ---- */

static void let_go(struct watch *w)
{
    close(w->client);
    if (w->host.fd >= 0)
        close(w->host.fd);
    w->client = w->host.fd = -1;
}

/* The root window is nobody's: what is pressed there is pressed anywhere. */
static int listen_on(struct watch *w, uint32_t window)
{
    static uint8_t room[X_ROOM];
    const struct clip_cookie *c = &w->keys.host;
    int fd = dial(HOST_SOCKET);
    w->host = (struct x11){
        .fd = fd, .room = room, .size = sizeof room, .deadline = x11_now() + PATIENCE_MS};
    int r = fd < 0 ? -errno
                   : x11_hello(&w->host, c->data ? "MIT-MAGIC-COOKIE-1" : NULL, c->data, c->size);
    if (r == 0 && window == w->host.setup.root)
        r = -EINVAL;
    w->grab = (struct clip_grab){.x = &w->host, .keys = &w->keys, .window = window};
    if (r == 0)
        r = clip_grab_keys(&w->grab);
    w->host.deadline = 0;
    return r;
}

static void take_client(struct watch *w)
{
    const struct timeval patience = {.tv_sec = 1};
    uint32_t window;
    int fd = accept4(LISTENING, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    w->client = fd;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (recv(fd, &window, sizeof window, MSG_WAITALL) != sizeof window) {
        let_go(w);
        return;
    }
    int r = listen_on(w, window);
    if (r < 0) {
        complain("the clipboard's keys cannot be had", -r);
        let_go(w);
    }
}

static bool is_pending(const struct x11 *x)
{
    struct pollfd p = {.fd = x->fd, .events = POLLIN};
    return x->have - x->given >= X_UNIT || poll(&p, 1, 0) == 1;
}

static void read_events(struct watch *w)
{
    const uint8_t *p;
    size_t n;
    while (is_pending(&w->host)) {
        if (x11_next(&w->host, &p, &n) < 0) {
            let_go(w);
            return;
        }
        if (p[0] == X_ERROR && !w->told) {
            complain("a clipboard's key belongs to somebody else", 0);
            w->told = true;
        }
        enum clip_way way = p[0] > X_REPLY ? clip_pressed(&w->grab, p) : CLIP_WAYS;
        if (way < CLIP_WAYS)
            start_carrier(w, way);
    }
}

/* ---- the loop ---- */

static bool read_settings(struct watch *w)
{
    static char text[CLIP_KEYS_MAX + 1];
    ssize_t n = pread(SETTINGS, text, CLIP_KEYS_MAX, 0);
    const char *error = clip_keys_read(&w->keys, text, n < 0 ? 0 : (size_t)n);
    if (error)
        complain(error, 0);
    return !error;
}

int clip_watch(int (*carry)(const struct clip_cookie *, const struct clip_cookie *))
{
    static struct watch w = {.client = -1, .host.fd = -1};
    enum { SUPERVISOR, KNOCK, DISPLAY, CARRIERS, ALL = CARRIERS + MOST_CARRIERS };
    w.carry = carry;
    memset(w.carriers, -1, sizeof w.carriers);
    signal(SIGCHLD, SIG_IGN); /* none is waited for */
    if (!read_settings(&w))
        return CLIP_FAILED;
    for (;;) {
        struct pollfd p[ALL] = {{.fd = CONTROL, .events = POLLIN},
                                {w.client < 0 ? LISTENING : w.client, POLLIN, 0},
                                {w.host.fd, POLLIN, 0}};
        for (int i = 0; i < MOST_CARRIERS; i++)
            p[CARRIERS + i] = (struct pollfd){w.carriers[i], POLLIN, 0};
        if (poll(p, ALL, -1) < 0)
            continue;
        if (p[SUPERVISOR].revents)
            return 0;
        for (int i = 0; i < MOST_CARRIERS; i++)
            if (p[CARRIERS + i].revents)
                read_outcome(&w, &w.carriers[i]);
        if (p[DISPLAY].revents)
            read_events(&w);
        if (p[KNOCK].revents && p[KNOCK].fd == LISTENING)
            take_client(&w);
        else if (p[KNOCK].revents && p[KNOCK].fd == w.client)
            let_go(&w);
    }
}
