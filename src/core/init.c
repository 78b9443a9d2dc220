/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/signals.h"
#include "core/sys.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

/*
 * Pid 1 of the sandbox. It never executes a program: the app finds none of the caller's
 * environment or arguments in its /proc files, and it is not "dumpable", so they cannot be read at
 * all. When it ends the kernel kills whatever is left.
 */

/* SIGKILL for us when the monitor dies; if it did so before we asked, the pipe has no reader. */
static void die_with_parent(const struct job *j)
{
    sys_prctl(PR_SET_PDEATHSIG, SIGKILL);
    sys_close(j->status_fds[0]);
    struct pollfd p = {.fd = j->status_fds[1], .events = POLLOUT};
    const struct timespec now = {0, 0};
    sys5(__NR_ppoll, &p, 1, &now, NULL, 0);
    if (p.revents & POLLERR)
        sys_exit(EXIT_OURS);
}

static void own_session(const struct job *j)
{
    long err = sys0(__NR_setsid);
    if (err < 0)
        die(NULL, "setsid", err, "cannot make a session");
    if (j->terminal && (err = sys3(__NR_ioctl, 0, TIOCSCTTY, 0)))
        die(NULL, "ioctl", err, "standard input is no terminal that could be the app's");
}

static void report(const struct job *j, int status)
{
    sys3(__NR_write, j->status_fds[1], &status, sizeof status);
}

/* Lays down what is only of use during the set-up. */
static void settle(struct job *j)
{
    sys_close_range(0, (unsigned)j->status_fds[1] - 1);
    sys_close_range((unsigned)j->status_fds[1] + 1, ~0u);
    caps_keep_only(0);
    for (size_t i = 0; i < sizeof j->memory / sizeof *j->memory; i++)
        if (j->memory[i].size)
            sys2(__NR_munmap, j->memory[i].at, j->memory[i].size);
}

/* Reaps all that ended. Ends with the app, telling the monitor how that ended; a stop of it too. */
static void reap(const struct job *j, int app)
{
    for (;;) {
        int status;
        long pid = sys4(__NR_wait4, -1, &status, WNOHANG | WUNTRACED | __WALL, NULL);
        if (pid <= 0)
            return;
        if (pid != app)
            continue;
        report(j, status);
        if (!WIFSTOPPED(status))
            sys_exit(0);
    }
}

static void forward(int app, const siginfo_t *info)
{
    int sig = info->si_signo;
    bool group = sig == SIGCONT || (info->si_code == SI_QUEUE && info->si_value.sival_int);
    sys2(__NR_kill, group ? -app : app, sig);
}

int init_main(void *job)
{
    struct job *j = job;
    die_with_parent(j);
    ns_deny_setgroups(j);
    ns_map_ids(j, 0, j->caller_uid, 0, j->caller_gid);
    own_session(j);
    run_steps(j, IN_SETUP);
    run_steps(j, IN_ROOT);
    root_enter(j);
    if (!j->nested_userns)
        ns_limit_nested(j);
    caps_empty_bounding_set();
    /* To map root of its parent into a new user namespace takes this one. */
    caps_keep_only(1ull << CAP_SETFCAP);
    sys_prctl(PR_SET_DUMPABLE, 0);
    int app = clone(app_main, app_stack + STACK_BYTES,
                    CORE_SHARE | CLONE_VFORK | CLONE_NEWUSER | SIGCHLD, j);
    if (app < 0)
        die(NULL, "clone", -errno, "cannot make the inner user namespace");
    settle(j);
    reap(j, app);
    for (;;) {
        siginfo_t info;
        long sig = sys4(__NR_rt_sigtimedwait, &all_signals, &info, NULL, sizeof all_signals);
        if (sig == SIGCHLD)
            reap(j, app);
        else if (sig > 0)
            forward(app, &info);
    }
}
