/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/filter.gen.h"
#include "core/signals.h"
#include "core/sys.h"

#include <sys/signalfd.h>

/* Static, as the processes that stand on them share this memory. */
_Alignas(4096) char init_stack[STACK_BYTES], app_stack[STACK_BYTES];

const struct timespec *confine_waiting(int round)
{
    static const struct timespec first = {1, 0};
    if (round == 1)
        install_filter(NULL, own_filter, sizeof own_filter);
    return round ? NULL : &first;
}

static void send(int init, int sig, int whom)
{
    siginfo_t info = {.si_signo = sig, .si_code = SI_QUEUE};
    info.si_value.sival_int = whom;
    if (sys3(__NR_rt_sigqueueinfo, init, sig, &info))
        sys2(__NR_kill, init, sig);
}

/* Does to this process what happened to the app; comes back if that was a stop and is over. */
static void suffer(int sig)
{
    const uint64_t set = 1ull << (sig - 1);
    signal_default(sig);
    sys2(__NR_kill, sys0(__NR_getpid), sig); /* pending, but for SIGSTOP */
    sys4(__NR_rt_sigprocmask, SIG_UNBLOCK, &set, NULL, sizeof set);
    sys4(__NR_rt_sigprocmask, SIG_BLOCK, &set, NULL, sizeof set);
}

/* Whether pid 1 has sent another word. */
static bool has_word(int statuses)
{
    struct pollfd p = {.fd = statuses, .events = POLLIN};
    return sys5(__NR_ppoll, &p, 1, &no_wait, NULL, 0) > 0;
}

/* A signal of our own doing, which would be forwarded. */
static void swallow(int sig)
{
    const uint64_t set = 1ull << (sig - 1);
    sys4(__NR_rt_sigtimedwait, &set, NULL, &no_wait, sizeof set);
}

/* Until this process is continued and the app with it; or the app was, from inside: that word comes
 * with SIGCONT, which also takes back a stop that is pending. If this process cannot stop so (no
 * shell waits for it), the app goes on at once as well. */
static void stop_like_app(int statuses, int init, int sig)
{
    if (!has_word(statuses))
        suffer(sig);
    swallow(SIGCONT);
    if (!has_word(statuses))
        send(init, SIGCONT, TO_GROUP);
}

/* One line for whoever gave us a descriptor for it. That nobody reads it is not the app's business.
 */
static void report(const char *what, unsigned value)
{
    struct line l = {0};
    format(&l, "{ \"%s\": %u }\n", what, value);
    if (sys3(__NR_write, REPORT_FD, l.text, l.n) == -EPIPE)
        swallow(SIGPIPE);
}

static _Noreturn void end_like(int status)
{
    int code = exit_code(status);
    report("exit-code", (unsigned)code);
    if (WIFSIGNALED(status))
        suffer(WTERMSIG(status)); /* as pid 1 of a container no signal ends us */
    sys_exit(code);
}

/* Waits for pid 1's very end: then nothing runs and nothing is mounted any more. */
static int reap_init(int init)
{
    int status = EXIT_OURS << 8;
    while (sys4(__NR_wait4, init, &status, __WALL, NULL) == -EINTR)
        ;
    return status;
}

static void forward(int signals, int init)
{
    struct signalfd_siginfo got;
    if (sys3(__NR_read, signals, &got, sizeof got) != sizeof got || got.ssi_signo == SIGCHLD)
        return;
    if (got.ssi_signo != SIGCONT || got.ssi_code != POLL_IN) /* that is only pid 1's word */
        send(init, (int)got.ssi_signo, got.ssi_code == SI_KERNEL ? TO_GROUP : TO_ONE);
}

static _Noreturn void watch(int statuses, int signals, int init, bool guarded)
{
    struct pollfd p[] = {
        {statuses, POLLIN, 0}, {signals, POLLIN, 0}, {guarded ? REPORT_FD : -1, 0, 0}};
    for (int round = 0;; round = round ? 2 : 1) {
        int status;
        long n = sys5(__NR_ppoll, p, 3, confine_waiting(round), NULL, 0);
        if ((n < 0 && n != -EINTR) || p[2].revents)
            sys_exit(EXIT_OURS); /* and pid 1 dies with us, as we do with a supervisor */
        if (p[1].revents)
            forward(signals, init);
        if (!p[0].revents)
            continue;
        long got = sys3(__NR_read, statuses, &status, sizeof status);
        if (got == sizeof status && WIFSTOPPED(status)) {
            stop_like_app(statuses, init, WSTOPSIG(status));
        } else if (got != sizeof status || !WIFCONTINUED(status)) {
            int end = reap_init(init);
            /* without a word it failed or was killed */
            end_like(got == sizeof status ? status : end);
        }
    }
}

void monitor(struct job *j)
{
    /* Every signal is blocked and read from a descriptor, which an ignored one reaches as well. */
    CALL4(NULL, rt_sigprocmask, SIG_SETMASK, &all_signals, NULL, sizeof all_signals,
          "cannot block signals");
    signal_default(SIGCHLD); /* ignored, children would leave no status */
    sys1(__NR_umask, 0);
    CALL2(NULL, pipe2, j->status_fds, O_CLOEXEC, "cannot make a pipe");
    /* Each word in it comes with SIGCONT, see stop_like_app. */
    const int waker[][2] = {
        {F_SETOWN, (int)sys0(__NR_getpid)}, {F_SETSIG, SIGCONT}, {F_SETFL, O_ASYNC}};
    for (int i = 0; i < 3; i++)
        CALL3(NULL, fcntl, j->status_fds[0], waker[i][0], waker[i][1], "cannot be woken");
    int signals = CALL4(NULL, signalfd4, -1, &all_signals, sizeof all_signals, SFD_CLOEXEC,
                        "cannot receive signals");
    must(NULL, "prctl", sys_prctl(PR_SET_NO_NEW_PRIVS, 1), "cannot forswear new privileges");
    int init = spawn(init_main, init_stack + STACK_BYTES, j->namespaces, j);
    must(NULL, "clone", init, "cannot make the namespaces");
    caps_drop();
    /* From here on the others say what fails, and nothing is held that is theirs. */
    CALL3(NULL, dup3, j->status_fds[0], 0, O_CLOEXEC, "cannot watch");
    CALL3(NULL, dup3, signals, 1, O_CLOEXEC, "cannot watch");
    if (j->last[PLAN_STATUS_FD])
        CALL3(j->last[PLAN_STATUS_FD], dup3, job_value(j, PLAN_STATUS_FD, 0), REPORT_FD, O_CLOEXEC,
              "cannot report");
    must(NULL, "close_range", sys_close_range(REPORT_FD + !!j->last[PLAN_STATUS_FD], 0),
         "cannot watch");
    report("child-pid", (unsigned)init);
    watch(0, 1, init, supervised(j));
}
