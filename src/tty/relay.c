/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tty/relay.h"
#include "tty/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* How often and when to look whether the shell has put us in front, after a key was typed. */
#define LOOKS        40
#define LOOK_MS      50
#define LATE_LOOKS   20 /* the last ones: a shell on a busy machine may be slow */
#define LATE_LOOK_MS 500
/* See settle(). */
#define SETTLE_MS 1000
/* How long to wait for the last bytes of an app that is gone, and how many there can be: no pipe or
 * pseudo terminal holds more. Without it somebody to whom the app has handed its terminal could
 * go on writing to the person's for ever. */
#define LAST_BYTES_MS 500
#define LAST_BYTES    (2u << 20)

static const int passed_on[] = {SIGHUP,  SIGINT,  SIGQUIT,   SIGTERM, SIGUSR1,
                                SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGTSTP};
static const int acted_on[] = {SIGCHLD, SIGCONT, SIGWINCH};

void relay_signals(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
        sigaddset(set, passed_on[i]);
    for (size_t i = 0; i < sizeof acted_on / sizeof *acted_on; i++)
        sigaddset(set, acted_on[i]);
}

static bool reading_terminal_now(const struct relay *r)
{
    return !r->reads_terminal || r->outer.raw;
}

/* We may have been put in front: take the terminal. */
static void come_forward(struct relay *r)
{
    if (r->outer.fd < 0 || r->outer.raw || !r->reads_terminal || r->awaited)
        return;
    terminal_raw(&r->outer);
    if (r->outer.raw) {
        r->looks = 0;
        terminal_copy_size(&r->outer, r->master);
    }
}

/* The app's terminal is there: makes it ready before the app can see it. */
static void take_terminal(struct relay *r, int master)
{
    struct termios modes;
    r->master = master;
    r->awaited = false;
    fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
    /* In the background the modes are those in which the shell edits its line; the kernel's
     * defaults for a new terminal are better than these. */
    if (r->outer.fd >= 0 && terminal_in_foreground(&r->outer) &&
        tcgetattr(r->outer.fd, &modes) == 0)
        tcsetattr(master, TCSANOW, &modes);
    terminal_copy_size(&r->outer, master);
    r->flow[FLOW_OUTPUT].from = r->flow[FLOW_INPUT].to = master;
    come_forward(r);
    send(r->flow[FLOW_ERRORS].from, "", 1, MSG_NOSIGNAL);
}

/* As flow_read, from the socket to the core: a message is the terminal, or what the core says. */
static enum flow_read receive(struct relay *r)
{
    struct flow *f = &r->flow[FLOW_ERRORS];
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } rights = {.bytes = {0}};
    struct iovec part = {f->bytes, sizeof f->bytes};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof rights};
    ssize_t n = recvmsg(f->from, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n >= 0 && CMSG_FIRSTHDR(&message) && rights.head.cmsg_type == SCM_RIGHTS) {
        int master;
        memcpy(&master, CMSG_DATA(&rights.head), sizeof master);
        take_terminal(r, master);
        return FLOW_NOTHING_YET;
    }
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return FLOW_NOTHING_YET;
    f->from = n > 0 ? f->from : -1;
    f->start = 0;
    f->end = n > 0 ? (size_t)n : 0;
    return n > 0 ? FLOW_BYTES : FLOW_END;
}

static enum flow_read read_flow(struct relay *r, int i)
{
    return r->awaited && i == FLOW_ERRORS ? receive(r) : flow_read(&r->flow[i]);
}

static void resume(struct relay *r)
{
    come_forward(r);
    terminal_copy_size(&r->outer, r->master);
    kill(r->core, SIGCONT);
}

/* Writes what the app wrote before it stopped or ended, for at most `ms` without progress when
 * there is a limit (-1: the reader decides, as it does for any program that writes). */
static void drain(struct relay *r, int ms)
{
    for (int i = FLOW_OUTPUT; i < FLOW_COUNT; i++) {
        struct flow *f = &r->flow[i];
        size_t left = LAST_BYTES;
        while (f->from >= 0 || flow_has_bytes(f)) {
            if (flow_has_bytes(f)) {
                struct pollfd to = {.fd = f->to, .events = POLLOUT};
                if (poll(&to, 1, ms) == 0)
                    break;
                flow_write(f);
                continue;
            }
            struct pollfd from = {.fd = f->from, .events = POLLIN};
            if (left == 0 || poll(&from, 1, ms < 0 ? LAST_BYTES_MS : 0) == 0)
                break;
            if (read_flow(r, i) == FLOW_NOTHING_YET && ms >= 0)
                break;
            size_t got = f->end ? f->end : 1; /* nothing is kept where the reader is gone */
            left -= got < left ? got : left;
        }
    }
}

/*
 * The app has stopped (Ctrl-Z, or a signal): so do we, with our whole process group, as the
 * terminal would have done it to an unconfined program. Where stopping is without effect (nobody
 * could continue us) the app goes on at once.
 */
static void stop_with_core(struct relay *r)
{
    sigset_t tstp, pending;
    drain(r, LAST_BYTES_MS);
    terminal_restore(&r->outer);
    if (r->may_stop) {
        sigemptyset(&tstp);
        sigaddset(&tstp, SIGTSTP);
        sigprocmask(SIG_UNBLOCK, &tstp, NULL);
        /* The group is the job only where the shell has put it in front; in a script without a
         * terminal it is the caller, whom no app may stop. */
        bool job = r->outer.fd >= 0 && tcgetpgrp(r->outer.fd) == getpgrp();
        kill(job ? 0 : getpid(), SIGTSTP);
        sigprocmask(SIG_BLOCK, &tstp, NULL);
    }
    sigpending(&pending);
    if (!sigismember(&pending, SIGCONT)) /* else take_signals resumes */
        resume(r);
}

/* Returns true when the core is gone, with its status. */
static bool core_gone(struct relay *r, int *status)
{
    for (;;) {
        pid_t got = waitpid(r->core, status, WNOHANG | WUNTRACED);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            *status = 125 << 8; /* cannot be: it is our child and nobody else waits for it */
            return true;
        }
        if (got == 0)
            return false;
        if (!WIFSTOPPED(*status))
            return true;
        stop_with_core(r);
    }
}

static bool take_signals(struct relay *r, int *status)
{
    struct signalfd_siginfo info;
    bool gone = false;
    while (!gone && read(r->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        int signo = (int)info.ssi_signo;
        if (signo == SIGCHLD)
            gone = core_gone(r, status);
        else if (signo == SIGCONT)
            resume(r);
        else if (signo == SIGWINCH)
            terminal_copy_size(&r->outer, r->master);
        else if (signo != SIGHUP || r->tell_hup)
            kill(r->core, signo);
    }
    return gone;
}

/* The person closed the window, or the input has ended. */
static void input_ended(struct relay *r)
{
    struct termios modes;
    if (r->reads_terminal && r->master >= 0) {
        /* Hanging up the pseudo terminal tells the app's session, as the kernel would. What the
         * app wrote last has no reader any more. */
        for (int i = 0; i < FLOW_COUNT; i++)
            r->flow[i].from = r->flow[i].from == r->master ? -1 : r->flow[i].from;
        close(r->master);
        r->master = -1;
        r->flow[FLOW_INPUT].broken = true;
        r->outer.raw = false;
    } else if (r->ends_input && r->master >= 0 && tcgetattr(r->master, &modes) == 0) {
        struct flow *f = &r->flow[FLOW_INPUT];
        f->bytes[0] = (char)modes.c_cc[VEOF];
        f->start = 0;
        f->end = 1;
    }
}

/* Only what the state of the flows asks for is polled. */
struct polled {
    struct pollfd fd[2 + 2 * FLOW_COUNT];
    int from[FLOW_COUNT], to[FLOW_COUNT]; /* index into fd or -1 */
    int edge;
    nfds_t n;
};

static int want(struct polled *p, int fd, short events)
{
    p->fd[p->n] = (struct pollfd){.fd = fd, .events = events};
    return (int)p->n++;
}

static void collect(const struct relay *r, struct polled *p)
{
    p->n = 0;
    want(p, r->signals, POLLIN);
    for (int i = 0; i < FLOW_COUNT; i++) {
        const struct flow *f = &r->flow[i];
        bool reads = f->from >= 0 && !flow_has_bytes(f) &&
                     (i != FLOW_INPUT || (reading_terminal_now(r) && !r->awaited));
        p->from[i] = reads ? want(p, f->from, POLLIN) : -1;
        p->to[i] = flow_has_bytes(f) ? want(p, f->to, POLLOUT) : -1;
    }
    /* In the background a key that is typed for the shell is only noticed, not read: it may be
     * the `fg` that brings us to the front. */
    bool waits = r->reads_terminal && !r->outer.raw && r->flow[FLOW_INPUT].from >= 0;
    p->edge = waits ? want(p, r->outer.edge, POLLIN) : -1;
}

static bool ready(const struct polled *p, int i)
{
    return i >= 0 && p->fd[i].revents != 0;
}

static void move_bytes(struct relay *r, const struct polled *p)
{
    for (int i = 0; i < FLOW_COUNT; i++) {
        struct flow *f = &r->flow[i];
        if (ready(p, p->to[i]))
            flow_write(f);
        if (!ready(p, p->from[i]) || f->from < 0)
            continue;
        if (read_flow(r, i) == FLOW_END && i == FLOW_INPUT)
            input_ended(r);
        else if (flow_has_bytes(f))
            flow_write(f);
        if (i != FLOW_INPUT && r->reads_terminal && !r->outer.raw)
            come_forward(r);
    }
}

/* Milliseconds for poll. */
static int look_again_in(const struct relay *r)
{
    return r->looks > LATE_LOOKS ? LOOK_MS : r->looks > 0 ? LATE_LOOK_MS : -1;
}

/*
 * After SETTLE_MS: what runs for longer is worth a guard for the terminal, and a filter for us.
 * Both cost as much as a good part of a start. Returns the milliseconds until then; -1: it is done.
 */
static int settle(struct relay *r, const struct timespec *start)
{
    struct timespec now;
    if (r->settled)
        return -1;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long ms = (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
    if (ms < SETTLE_MS)
        return (int)(SETTLE_MS - ms);
    if (r->reads_terminal)
        terminal_guard(&r->outer);
    if (confine_self() < 0) {
        terminal_restore(&r->outer);
        dprintf(r->flow[FLOW_OUTPUT].to, "carrel: cannot install the relay's own filter: %s\n",
                strerror(errno));
        _exit(125); /* and the core dies with us */
    }
    r->settled = true;
    return -1;
}

int relay_run(struct relay *r)
{
    int status = 0;
    struct polled p;
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    come_forward(r);
    for (;;) {
        collect(r, &p);
        int soon = settle(r, &start), look = look_again_in(r);
        int n = poll(p.fd, p.n, soon < 0 || (look >= 0 && look < soon) ? look : soon);
        if (n < 0 && errno != EINTR)
            break;
        if (n == 0 && look >= 0 && (soon < 0 || look < soon)) {
            r->looks--;
            come_forward(r);
            continue;
        }
        if (n <= 0)
            continue;
        if (ready(&p, 0) && take_signals(r, &status))
            break;
        if (ready(&p, p.edge)) {
            terminal_edge_seen(&r->outer);
            r->looks = LOOKS;
            come_forward(r);
        }
        move_bytes(r, &p);
    }
    drain(r, -1);
    terminal_restore(&r->outer);
    terminal_unguard(&r->outer);
    return status;
}
