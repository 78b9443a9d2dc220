/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tty/terminal.h"
#include "tty/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The three standard descriptors usually share one open file description with the shell; setting
 * O_NONBLOCK on it would break the shell. So the same terminal is opened anew through /proc; when
 * that is refused (the terminal of another user, after su) through /dev/tty; else fd is used as
 * it is and a write may block.
 */
static int reopen(int fd)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int own = open(link, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (own >= 0)
        return own;
    own = open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

int terminal_open(struct terminal *t, int fd)
{
    t->fd = reopen(fd);
    if (t->fd < 0)
        return -errno;
    int flags = fcntl(t->fd, F_GETFL);
    t->may_read = flags >= 0 && (flags & O_ACCMODE) != O_WRONLY;
    t->edge = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event on_input = {.events = EPOLLIN | EPOLLET};
    if (t->edge < 0 || epoll_ctl(t->edge, EPOLL_CTL_ADD, t->fd, &on_input) < 0)
        return -errno;
    return 0;
}

bool terminal_in_foreground(const struct terminal *t)
{
    pid_t front = tcgetpgrp(t->fd);
    /* Not our controlling terminal: there is no job control that we could disturb. */
    return front < 0 || front == getpgrp();
}

/* tcsetattr from the background would stop us. We ask before, but the shell may be quicker. */
static void set_modes(int fd, int when, const struct termios *modes)
{
    sigset_t ttou, old;
    sigemptyset(&ttou);
    sigaddset(&ttou, SIGTTOU);
    sigprocmask(SIG_BLOCK, &ttou, &old);
    while (tcsetattr(fd, when, modes) < 0 && errno == EINTR)
        continue;
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void tell_guard(const struct terminal *t)
{
    struct guarded state = {.raw = t->raw, .saved = t->saved};
    if (t->guard >= 0 && (!t->raw || tcgetattr(t->fd, &state.set) == 0))
        (void)!write(t->guard, &state, sizeof state);
}

void terminal_guard(struct terminal *t)
{
    if (t->fd < 0)
        return;
    t->guard = guard_start(t->fd, &t->guard_pid);
    tell_guard(t);
}

void terminal_unguard(struct terminal *t)
{
    if (t->guard < 0)
        return;
    close(t->guard);
    waitpid(t->guard_pid, NULL, 0);
    t->guard = -1;
}

void terminal_raw(struct terminal *t)
{
    if (t->fd < 0 || t->raw || !terminal_in_foreground(t) || tcgetattr(t->fd, &t->saved) < 0)
        return;
    struct termios raw = t->saved;
    cfmakeraw(&raw);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    set_modes(t->fd, TCSADRAIN, &raw);
    t->raw = true;
    tell_guard(t);
}

void terminal_restore(struct terminal *t)
{
    if (t->fd < 0 || !t->raw)
        return;
    t->raw = false;
    if (terminal_in_foreground(t))
        set_modes(t->fd, TCSAFLUSH, &t->saved);
    tell_guard(t);
}

void terminal_copy_size(const struct terminal *t, int master)
{
    struct winsize size;
    if (t->fd >= 0 && master >= 0 && ioctl(t->fd, TIOCGWINSZ, &size) == 0)
        ioctl(master, TIOCSWINSZ, &size);
}

void terminal_edge_seen(const struct terminal *t)
{
    struct epoll_event ignored;
    (void)!epoll_wait(t->edge, &ignored, 1, 0);
}
