/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ownbus/stay.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_OURS = 125, STDERR = 2 };

static _Noreturn void fail(const char *what)
{
    dprintf(STDERR, "carrel-ownbus: cannot %s: %s\n", what, strerror(errno));
    _exit(EXIT_OURS);
}

/* Where there is a terminal its signals are for the app, as a shell would have it. */
static void give_terminal(pid_t group)
{
    for (int fd = 0; fd <= STDERR; fd++)
        if (isatty(fd) && tcsetpgrp(fd, group) == 0)
            return;
}

/* As the first process ended. By its signal, if that works: of some a process of another kind would
 * leave a core file, which is not ours. */
static _Noreturn void end_as(int status)
{
    const struct rlimit none = {0, 0};
    sigset_t open;
    if (WIFEXITED(status))
        _exit(WEXITSTATUS(status));
    setrlimit(RLIMIT_CORE, &none);
    signal(WTERMSIG(status), SIG_DFL);
    raise(WTERMSIG(status));
    sigfillset(&open);
    sigprocmask(SIG_UNBLOCK, &open, NULL);
    _exit(128 + WTERMSIG(status));
}

/* Reaps all that ended; a stop of the first process is ours, too. Whether the first one is left. */
static bool reap(pid_t first, bool is_left, int *status)
{
    int now;
    pid_t pid;
    while ((pid = waitpid(-1, &now, WNOHANG | WUNTRACED)) > 0) {
        if (pid != first)
            continue;
        if (WIFSTOPPED(now)) {
            raise(SIGSTOP);
            continue;
        }
        if (WIFSIGNALED(now))
            end_as(now);
        *status = now;
        is_left = false;
    }
    if (pid < 0 && errno == ECHILD)
        end_as(*status);
    return is_left;
}

static _Noreturn void wait_for_all(pid_t first, const sigset_t *all)
{
    int status = 0;
    for (bool is_left = true;;) {
        is_left = reap(first, is_left, &status);
        int sig = sigwaitinfo(all, NULL);
        if (sig > 0 && sig != SIGCHLD)
            kill(is_left ? -first : -1, sig);
    }
}

void stay(void)
{
    sigset_t all, before;
    sigfillset(&all);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ||
        sigprocmask(SIG_SETMASK, &all, &before) < 0)
        fail("wait for the app");
    pid_t app = fork();
    if (app < 0)
        fail("start the app");
    /* Both do it, so that it is done whoever comes first; SIGTTOU is held back in both. */
    setpgid(app, app);
    if (app == 0) {
        give_terminal(getpid());
        sigprocmask(SIG_SETMASK, &before, NULL);
        return;
    }
    wait_for_all(app, &all);
}
