/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel-tty pty|force|pipes PLANFD TERMINALFD CORE
 *
 * Starts the core so that the app never holds the person's terminal.
 *   pty    those of the descriptors 0, 1, 2 that are terminals become one pseudo terminal of the
 *          app's own; the others (pipes, files) are handed over as they are.
 *   force  all three become the pseudo terminal, whether or not they were terminals.
 *   pipes  no terminal for the app: a terminal as input becomes empty input, as output a pipe.
 * The pseudo terminal is made by the core, out of the sandbox's own devpts, so that it has a name
 * inside; its master comes to us over a socket that the core finds as TERMINALFD (see the plan's
 * line `terminal`). Until then what the core says comes that way, too.
 * The bytes are relayed unchanged. Started by `carrel run` in its own place, so the shell's job
 * is this process; it ends the way the core ends.
 */
#include "tty/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum mode { MODE_PTY, MODE_FORCE, MODE_PIPES, MODE_COUNT };
static const char *const mode_names[MODE_COUNT] = {"pty", "force", "pipes"};

/* What the core gets as 0, 1 and 2: a descriptor of ours, or -1 to keep what is there; and a socket
 * (or -1) under the number at which it looks for it. */
struct handover {
    int fd[3], socket, number;
};

static _Noreturn void fail(const char *what)
{
    dprintf(2, "carrel: %s: %s\n", what, strerror(errno));
    _exit(125);
}

/* Output goes where the person looks: standard output's terminal first. */
static int pick_terminal(const bool terminal[3])
{
    static const int order[] = {1, 0, 2};
    for (int i = 0; i < 3; i++)
        if (terminal[order[i]])
            return order[i];
    return -1;
}

/* Until the core has made the pseudo terminal, the socket stands in its place. */
static void set_up_pty(struct relay *r, enum mode mode, const bool terminal[3], struct handover *h)
{
    int front = r->outer.fd, ends[2];
    int output = mode == MODE_FORCE && !terminal[1] ? 1 : front;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        fail("cannot make a socket");
    h->socket = ends[1];
    for (int i = 0; i < 3; i++)
        if (mode == MODE_FORCE || terminal[i])
            h->fd[i] = h->socket;
    r->awaited = true;
    r->flow[FLOW_ERRORS] = (struct flow){.from = ends[0], .to = output};
    r->flow[FLOW_OUTPUT] = (struct flow){.from = -1, .to = output};
    /* Only a program whose input or output is the terminal can want to be typed to. */
    bool input_is_pipe = mode == MODE_FORCE && !terminal[0];
    if (input_is_pipe) {
        r->flow[FLOW_INPUT] = (struct flow){.from = 0, .to = -1};
        r->ends_input = true;
    } else if (terminal[0] || terminal[1]) {
        r->flow[FLOW_INPUT] = (struct flow){.from = r->outer.may_read ? front : -1, .to = -1};
        r->reads_terminal = r->outer.may_read;
    }
}

static void set_up_pipes(struct relay *r, const bool terminal[3], struct handover *h)
{
    if (terminal[0] && (h->fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
        fail("cannot open /dev/null");
    for (int i = 1; i < 3; i++) {
        int ends[2];
        if (!terminal[i])
            continue;
        if (pipe2(ends, O_CLOEXEC) < 0)
            fail("cannot make a pipe");
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        h->fd[i] = ends[1];
        r->flow[i] = (struct flow){.from = ends[0], .to = r->outer.fd};
    }
}

static _Noreturn void become_core(const char *core, char *planfd, const struct handover *h,
                                  pid_t parent, const sigset_t *mask)
{
    char name[] = "carrel-core";
    char *const argv[] = {name, planfd, NULL};
    char *const envp[] = {NULL};
    /* A group of its own: what the shell sends to our group reaches the app through us, once. */
    setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(125);
    for (int i = 0; i < 3; i++)
        if (h->fd[i] >= 0 && dup2(h->fd[i], i) < 0)
            fail("cannot hand over a descriptor");
    /* Last: any descriptor of ours may have this number, even the socket itself. */
    if (h->socket >= 0 && dup2(h->socket, h->number) < 0)
        fail("cannot hand over the socket");
    if (h->socket >= 0)
        fcntl(h->number, F_SETFD, 0);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execve(core, argv, envp);
    dprintf(2, "carrel: cannot start %s: %s\n", core, strerror(errno));
    _exit(125);
}

/* Closes everything from 3 on but the n descriptors in kept. */
static void close_others(int *kept, int n)
{
    unsigned low = 3;
    for (int i = 1; i < n; i++) /* sorts: there are a handful */
        for (int k = i; k > 0 && kept[k] < kept[k - 1]; k--) {
            int t = kept[k];
            kept[k] = kept[k - 1];
            kept[k - 1] = t;
        }
    for (int i = 0; i < n; i++) {
        unsigned fd = (unsigned)kept[i];
        if (kept[i] < 3)
            continue;
        if (fd > low)
            syscall(SYS_close_range, low, fd - 1, 0);
        low = fd + 1;
    }
    syscall(SYS_close_range, low, ~0u, 0);
}

/* Closes what only the core is to hold: the plan, the filter, kept descriptors, and those of 0, 1,
 * 2 that we do not relay (a pipe's reader must see the end when the app closes it). */
static void let_go(const struct relay *r)
{
    int kept[3 + 2 * FLOW_COUNT] = {r->signals, r->outer.fd, r->outer.edge}, n = 3;
    bool relayed[3] = {false, false, false};
    for (int i = 0; i < FLOW_COUNT; i++) {
        const int ends[] = {r->flow[i].from, r->flow[i].to};
        for (int e = 0; e < 2; e++) {
            kept[n++] = ends[e];
            if (ends[e] >= 0 && ends[e] < 3)
                relayed[ends[e]] = true;
        }
    }
    close_others(kept, n);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3 && null >= 0; i++)
        if (!relayed[i])
            dup2(null, i);
    close(null);
}

static void start_core(struct relay *r, const char *core, char *planfd, const struct handover *h,
                       const sigset_t *mask)
{
    pid_t parent = getpid();
    r->core = fork();
    if (r->core < 0)
        fail("cannot start a process");
    if (r->core == 0)
        become_core(core, planfd, h, parent, mask);
    setpgid(r->core, r->core); /* here as well: whoever comes first */
    for (int i = 0; i < 3; i++)
        if (h->fd[i] >= 0 && h->fd[i] != h->socket)
            close(h->fd[i]);
    if (h->socket >= 0)
        close(h->socket);
    signal(SIGPIPE, SIG_IGN);
    let_go(r);
}

/* Ends as the core did: with its exit code, or killed by its signal (without a core dump). */
static _Noreturn void end_like(int status)
{
    if (WIFSIGNALED(status)) {
        int signo = WTERMSIG(status);
        sigset_t one;
        prctl(PR_SET_DUMPABLE, 0);
        signal(signo, SIG_DFL);
        raise(signo);
        sigemptyset(&one);
        sigaddset(&one, signo);
        sigprocmask(SIG_UNBLOCK, &one, NULL);
        _exit(128 + signo);
    }
    _exit(WEXITSTATUS(status));
}

static bool ignored(int signo)
{
    struct sigaction now;
    return sigaction(signo, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static void take_signals_over(struct relay *r, sigset_t *old)
{
    sigset_t set;
    r->tell_hup = !ignored(SIGHUP);
    r->may_stop = !ignored(SIGTSTP);
    signal(SIGCHLD, SIG_DFL); /* when ignored, the kernel would throw the core's status away */
    relay_signals(&set);
    sigprocmask(SIG_BLOCK, &set, old);
    r->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (r->signals < 0)
        fail("cannot watch for signals");
}

static enum mode mode_named(const char *name)
{
    int m = 0;
    while (m < MODE_COUNT && strcmp(mode_names[m], name) != 0)
        m++;
    return (enum mode)m;
}

int main(int argc, char **argv)
{
    enum mode mode = argc == 5 ? mode_named(argv[1]) : MODE_COUNT;
    int number = mode < MODE_PIPES ? atoi(argv[3]) : 3;
    if (mode == MODE_COUNT || number < 3) {
        dprintf(2, "usage: carrel-tty pty|force|pipes PLANFD TERMINALFD CORE "
                   "(started by `carrel run`)\n");
        return 125;
    }
    struct relay r = {.signals = -1, .outer = {.fd = -1, .edge = -1, .guard = -1}, .master = -1};
    struct handover h = {{-1, -1, -1}, -1, number};
    sigset_t old;
    bool terminal[3];
    for (int i = 0; i < FLOW_COUNT; i++)
        r.flow[i].from = r.flow[i].to = -1;
    for (int i = 0; i < 3; i++)
        terminal[i] = isatty(i);
    int front = pick_terminal(terminal);
    take_signals_over(&r, &old);
    if (front >= 0 && terminal_open(&r.outer, front) < 0)
        fail("cannot open the terminal");
    if (mode == MODE_PIPES)
        set_up_pipes(&r, terminal, &h);
    else
        set_up_pty(&r, mode, terminal, &h);
    start_core(&r, argv[4], argv[2], &h, &old);
    end_like(relay_run(&r));
}
