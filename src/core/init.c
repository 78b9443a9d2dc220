/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/signals.h"
#include "core/sys.h"

#include <sys/socket.h>

/* Pid 1 of the sandbox. It never executes a program: the app finds none of the caller's
 * environment or arguments in its /proc files, and it is not "dumpable", so most cannot be read at
 * all. When it ends the kernel kills whatever is left. */

/* If the monitor died before we asked, the pipe has no reader. */
void die_with_parent(const struct job *j)
{
    struct pollfd p = {.fd = j->status_fds[1], .events = POLLOUT};
    must(NULL, "prctl", sys_prctl(PR_SET_PDEATHSIG, SIGKILL), "cannot ask for the parent's death");
    sys_close(j->status_fds[0]);
    CALL5(NULL, ppoll, &p, 1, &no_wait, NULL, 0, "cannot see the parent");
    if (p.revents & POLLERR)
        sys_exit(EXIT_OURS);
}

/* Gives the master of the app's terminal out, and waits until the terminal is ready. */
static void hand_out(const struct step *s, int socket, int master)
{
    struct descriptors rights = {CMSG_LEN(sizeof master), SOL_SOCKET, SCM_RIGHTS, {master}};
    const struct msghdr message = {.msg_control = &rights, .msg_controllen = rights.size};
    CALL3(s, sendmsg, socket, &message, MSG_NOSIGNAL, "cannot hand the terminal out");
    CALL3(s, read, socket, &rights, 1, "cannot hand the terminal out");
}

void run_terminal(struct job *j, const struct step *s)
{
    const char *name;
    const int unlocked = 0;
    int parent = root_parent(j, s, s->w[1].s, &name);
    int master = (int)must(s, "openat", sys_openat(parent, name, O_RDWR | O_NOCTTY | O_NOFOLLOW, 0),
                           "cannot open %q", s->w[1].s);
    CALL3(s, ioctl, master, TIOCSPTLCK, &unlocked, "cannot unlock the terminal");
    j->terminal = CALL3(s, ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC,
                        "cannot open the terminal");
    hand_out(s, (int)s->n[0], master);
    sys_close(master);
    for (int fd = 0; fd < FIRST_FREE_FD; fd++)
        if (s->n[2] >> fd & 1)
            CALL3(s, dup3, j->terminal, fd, 0, "cannot hand the terminal over");
    CALL3(s, ioctl, j->terminal, TIOCSCTTY, 0, "cannot control the terminal");
}

/* Lays down what was only of use during the set-up; then the app's process may go on. The last
 * capability could not go before: to map root of its parent into a user namespace takes CAP_SETFCAP
 * of its maker. The plan's memory stays, as that process still reads it. */
static void settle(const struct job *j, int app)
{
    CALL3(NULL, dup3, j->status_fds[1], STATUS_FD, O_CLOEXEC, "cannot settle");
    sys_close(1);
    must(NULL, "close_range", sys_close_range(FIRST_FREE_FD, 0), "cannot settle");
    caps_empty_bounding_set(0);
    caps_drop();
    CALL2(NULL, kill, app, GO_ON, "cannot start the app");
    sys_close(2);
}

/* Reaps all that ended. Ends with the app, telling the monitor how that ended; a stop of it, and
 * the end of that, too. Without a word from us our own exit status counts, which is never the
 * app's. */
static void reap(int app)
{
    int status;
    long pid;
    const int all = WNOHANG | WUNTRACED | WCONTINUED | __WALL;
    while ((pid = sys4(__NR_wait4, -1, &status, all, NULL)) > 0)
        if (pid == app) {
            sys3(__NR_write, STATUS_FD, &status, sizeof status);
            if (!WIFSTOPPED(status) && !WIFCONTINUED(status))
                sys_exit(EXIT_OURS);
        }
    if (pid < 0)
        sys_exit(EXIT_OURS);
}

static void forward(int app, const siginfo_t *info)
{
    bool to_group = info->si_signo == SIGCONT ||
                    (info->si_code == SI_QUEUE && info->si_value.sival_int == TO_GROUP);
    sys2(__NR_kill, to_group ? -app : app, info->si_signo);
}

int init_main(void *job)
{
    struct job *j = job;
    die_with_parent(j);
    /* Else an unprivileged process may map no group. The app's namespace inherits it. */
    proc_write(j, "self/setgroups", "deny", 4);
    ns_map_id(j, "self/uid_map", 0, j->caller_uid);
    ns_map_id(j, "self/gid_map", 0, j->caller_gid);
    CALL0(NULL, setsid, "cannot make a session");
    run_steps(j, IN_ROOT);
    root_enter(j);
    if (!job_value(j, PLAN_NESTED_USERNS, 0))
        proc_write(j, "sys/user/max_user_namespaces", "1", 1); /* which will be the app's */
    set_dumpable(0);
    int app = spawn(app_main, app_stack + STACK_BYTES, CLONE_NEWUSER, j);
    must(NULL, "clone", app, "cannot make the inner user namespace");
    settle(j, app);
    for (int round = 0;; round = round ? 2 : 1) {
        siginfo_t info;
        reap(app);
        const struct timespec *limit = confine_waiting(round);
        long sig = sys4(__NR_rt_sigtimedwait, &all_signals, &info, limit, sizeof all_signals);
        if (sig > 0 && sig != SIGCHLD)
            forward(app, &info);
        else if (sig < 0 && sig != -EINTR && sig != -EAGAIN)
            sys_exit(EXIT_OURS);
    }
}
