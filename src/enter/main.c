/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel-enter PLANFD
 *
 * Another program in a sandbox that stands: `carrel enter`. Joins the app's namespaces and lays
 * upon itself what the app's plan laid upon the app, by the same code; the plan differs from the
 * app's in what is executed. Its descriptors: the filter on 4, from 5 on the namespaces in the
 * order in which the core shows them (core/app.c). Whoever has these may do all that this program
 * does; it gives nobody a right.
 */
#include "core/core.h"
#include "core/signals.h"
#include "core/sys.h"

#include <linux/nsfs.h>
#include <signal.h>
#include <sys/signalfd.h>

enum { FILTER_FD = 4, FIRST_NAMESPACE_FD = 5 };
enum { USER, MNT, PID, IPC, UTS, NET, CGROUP };

static char plan_text[PLAN_MAX_BYTES + 1], filter_bytes[MAX_FILTER_BYTES];

static size_t load(int fd, char *to, size_t max, const char *what)
{
    size_t n = 0;
    for (long got = 1; got && n < max; n += (size_t)got)
        got = must(NULL, "pread64", sys4(__NR_pread64, fd, to + n, max - n, n),
                   "cannot read the %s", what);
    return n;
}

static void load_job(struct job *j, int fd)
{
    struct fault f;
    size_t size = load(fd, plan_text, PLAN_MAX_BYTES, "plan");
    long space = sys6(__NR_mmap, 0, (long)job_space(size), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    must(NULL, "mmap", space > -4096 && space < 0 ? space : 0, "cannot get memory for the plan");
    if (job_read(j, plan_text, size, (void *)space, &f))
        die(&f.step, NULL, 0, f.word ? "%w must be %s%s" : "%w%s%s", f.word, f.text, f.list);
    j->filter.at = filter_bytes;
    j->filter.size = load(FILTER_FD, filter_bytes, sizeof filter_bytes, "filter");
}

/* A folder that is open leads to all of the host. */
static void check_standard_descriptors(void)
{
    struct stat st;
    for (int fd = 0; fd < FIRST_FREE_FD; fd++)
        if (sys_fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
            die(NULL, NULL, 0,
                "descriptor %u is a folder of the host, by which the app could leave",
                (unsigned)fd);
}

static bool same_file(int a, int b)
{
    struct stat x, y;
    must(NULL, "fstat", sys_fstat(a, &x), "cannot look at a namespace");
    must(NULL, "fstat", sys_fstat(b, &y), "cannot look at a namespace");
    return x.st_ino == y.st_ino;
}

static bool is_own(int namespace, const char *own)
{
    int ours =
        (int)must(NULL, "openat", sys_openat(AT_FDCWD, own, O_RDONLY, 0), "cannot open %s", own);
    bool same = same_file(FIRST_NAMESPACE_FD + namespace, ours);
    sys_close(ours);
    return same;
}

/* One that is shared with the host needs no joining, and we would have no right to. */
static void join(int namespace, const char *own)
{
    if (!is_own(namespace, own))
        CALL2(NULL, setns, FIRST_NAMESPACE_FD + namespace, 0, "cannot join %s", own);
}

/* An IPC namespace that the app has in common with its X server belongs to a user namespace above
 * the app's, in which we have no power any more once we have joined that. */
static void join_common_ipc(int outer)
{
    static const char own[] = "/proc/self/ns/ipc";
    if (is_own(IPC, own))
        return;
    int owner = CALL2(NULL, ioctl, FIRST_NAMESPACE_FD + IPC, NS_GET_USERNS,
                      "cannot find the user namespace of %s", own);
    if (!same_file(owner, outer)) {
        CALL2(NULL, setns, owner, CLONE_NEWUSER, "cannot join the user namespace of %s", own);
        join(IPC, own);
    }
    sys_close(owner);
}

/* The user namespace that owns the others stands between ours and the app's. The mounts come last:
 * with them our /proc is gone. */
static void join_all(void)
{
    int outer = CALL2(NULL, ioctl, FIRST_NAMESPACE_FD + USER, NS_GET_PARENT,
                      "cannot find the outer user namespace");
    join_common_ipc(outer);
    CALL2(NULL, setns, outer, CLONE_NEWUSER, "cannot join the outer user namespace");
    sys_close(outer);
    join(PID, "/proc/self/ns/pid_for_children");
    join(IPC, "/proc/self/ns/ipc");
    join(UTS, "/proc/self/ns/uts");
    join(NET, "/proc/self/ns/net");
    join(CGROUP, "/proc/self/ns/cgroup");
    join(MNT, "/proc/self/ns/mnt");
}

static void end_with(int parent)
{
    struct pollfd p = {.fd = parent, .events = POLLIN};
    const struct timespec now = {0, 0};
    must(NULL, "prctl", sys_prctl(PR_SET_PDEATHSIG, SIGKILL), "cannot ask for the parent's death");
    CALL5(NULL, ppoll, &p, 1, &now, NULL, 0, "cannot see the parent");
    if (p.revents)
        sys_exit(EXIT_OURS);
}

static _Noreturn void become_app(struct job *j, int parent)
{
    CALL2(NULL, setns, FIRST_NAMESPACE_FD + USER, CLONE_NEWUSER,
          "cannot join the app's user namespace");
    if (j->last[PLAN_TERMINAL]) {
        const int group = (int)sys0(__NR_getpid);
        CALL2(NULL, setpgid, 0, 0, "cannot make a process group");
        CALL3(j->last[PLAN_TERMINAL], ioctl, j->terminal, TIOCSPGRP, &group,
              "cannot come to the foreground");
    } else {
        CALL0(NULL, setsid, "cannot make a session");
    }
    for (int sig = 1; sig <= LAST_SIGNAL; sig++)
        signal_default(sig);
    caps_empty_bounding_set(0);
    caps_drop();
    /* A change of credentials takes this back, so it comes after the last. */
    end_with(parent);
    app_become(j);
}

static _Noreturn void end_like(int status)
{
    int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (WIFSIGNALED(status)) {
        const uint64_t one = 1ull << (WTERMSIG(status) - 1);
        signal_default(WTERMSIG(status));
        sys4(__NR_rt_sigprocmask, SIG_UNBLOCK, &one, NULL, sizeof one);
        sys2(__NR_kill, sys0(__NR_getpid), WTERMSIG(status));
    }
    sys_exit(code);
}

/* Comes back from a stop when we are continued. */
static void stop_too(int child)
{
    sys2(__NR_kill, sys0(__NR_getpid), SIGSTOP);
    sys2(__NR_kill, child, SIGCONT);
}

/* An orphan is not stopped by what a terminal sends. */
static int stopping(int sig)
{
    return sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU ? SIGSTOP : sig;
}

static _Noreturn void watch(int child, int signals, bool orphan)
{
    for (;;) {
        struct signalfd_siginfo got;
        int status;
        long pid = sys4(__NR_wait4, child, &status, WNOHANG | WUNTRACED, NULL);
        if (pid < 0 || (pid > 0 && !WIFSTOPPED(status)))
            end_like(pid < 0 ? EXIT_OURS << 8 : status);
        if (pid > 0)
            stop_too(child);
        else if (sys3(__NR_read, signals, &got, sizeof got) == sizeof got &&
                 got.ssi_signo != SIGCHLD)
            sys2(__NR_kill, child, orphan ? stopping((int)got.ssi_signo) : (int)got.ssi_signo);
    }
}

/* Who holds a terminal open keeps its end from being seen. */
static void leave_terminal(const struct job *j)
{
    for (int fd = 0; fd < FIRST_FREE_FD; fd++)
        sys_close(fd);
    sys_close((int)j->last[PLAN_TERMINAL]->n[0]);
}

/*
 * A group whose parent is in no session with it is an orphan, which Ctrl-Z does not stop. So the
 * session of the terminal is led by a process between us and the program: we cannot, as we lead a
 * group. Comes back in that process.
 */
static void lead_session(struct job *j, int signals)
{
    int alive[2];
    CALL2(NULL, pipe2, alive, O_CLOEXEC, "cannot make a pipe");
    long leader = CALL5(NULL, clone, SIGCHLD, 0, 0, 0, 0, "cannot start a process");
    if (leader) {
        set_dumpable(0);
        sys_close(alive[0]);
        caps_drop();
        leave_terminal(j);
        watch((int)leader, signals, false);
    }
    sys_close(alive[1]);
    CALL0(NULL, setsid, "cannot make a session");
    join_all();
    set_dumpable(0);
    end_with(alive[0]);
    j->root = CALL4(NULL, openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
                    "cannot open the root");
    run_terminal(j, j->last[PLAN_TERMINAL]);
}

int main(int argc, char **argv, char **envp)
{
    static struct job j;
    struct word number = {argv[argc > 1], argc > 1 ? strlen(argv[1]) : 0};
    uint64_t fd;
    int alive[2];
    if (argc != 2 || !read_number(&number, 10, 1 << 20, &fd) || fd < FIRST_FREE_FD)
        die(NULL, NULL, 0, "usage: carrel-enter DESCRIPTOR, which `carrel enter` does");
    for (; *envp; envp++)
        memset(*envp, 0, strlen(*envp));
    load_job(&j, (int)fd);
    check_standard_descriptors();
    must(NULL, "close_range", (int)sys3(__NR_close_range, FIRST_FREE_FD, ~0u, CLOSE_RANGE_CLOEXEC),
         "cannot close descriptors");
    CALL4(NULL, rt_sigprocmask, SIG_SETMASK, &all_signals, NULL, sizeof all_signals,
          "cannot block signals");
    signal_default(SIGCHLD);
    int signals = CALL4(NULL, signalfd4, -1, &all_signals, sizeof all_signals, SFD_CLOEXEC,
                        "cannot receive signals");
    must(NULL, "prctl", sys_prctl(PR_SET_NO_NEW_PRIVS, 1), "cannot forswear new privileges");
    if (j.last[PLAN_TERMINAL])
        lead_session(&j, signals);
    else
        join_all();
    set_dumpable(0);
    CALL2(NULL, pipe2, alive, O_CLOEXEC, "cannot make a pipe");
    long child = CALL5(NULL, clone, SIGCHLD, 0, 0, 0, 0, "cannot start a process");
    if (child == 0) {
        sys_close(alive[1]);
        become_app(&j, alive[0]);
    }
    sys_close(alive[0]);
    caps_drop();
    if (j.last[PLAN_TERMINAL]) {
        leave_terminal(&j);
        sys_close(j.terminal);
        sys_close(j.root);
    }
    watch((int)child, signals, !j.last[PLAN_TERMINAL]);
}
