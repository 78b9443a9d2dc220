/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/compat.h"
#include "core/sys.h"

#include <sys/signalfd.h>

/*
 * What users of bubblewrap ask for and it does not have: signals that are handed on to the program,
 * and maps of several ids.
 */

/* ---- signals ---- */

/* Those of job control stay as they are: a shell stops and continues the whole group. */
#define BIT(sig) (1ull << ((sig)-1))
static const uint64_t handed_on = BIT(SIGHUP) | BIT(SIGINT) | BIT(SIGQUIT) | BIT(SIGTERM) |
                                  BIT(SIGUSR1) | BIT(SIGUSR2) | BIT(SIGWINCH) | BIT(SIGCHLD);

void signals_hold(struct job *j)
{
    CALL4(NULL, rt_sigprocmask, SIG_BLOCK, &handed_on, &j->mask, sizeof handed_on,
          "cannot block signals");
    j->mask &= ~BIT(SIGCHLD);
}

void signals_release(const struct job *j)
{
    CALL4(NULL, rt_sigprocmask, SIG_SETMASK, &j->mask, NULL, sizeof j->mask,
          "cannot unblock signals");
}

/* What a terminal sends its whole group has got by itself. */
static void hand_on(const struct job *j, int sig, int code, int whom)
{
    if (sig != SIGCHLD && (code != SI_KERNEL || j->last[PLAN_SESSION]))
        sys2(__NR_kill, whom, sig);
}

bool signals_wait(const struct job *j, int program)
{
    siginfo_t info;
    long sig = sys4(__NR_rt_sigtimedwait, &handed_on, &info, NULL, sizeof handed_on);
    if (sig > 0)
        hand_on(j, (int)sig, info.si_code, program);
    return sig > 0 || sig == -EINTR;
}

void signals_watch(const struct job *j, int child, int end)
{
    int signals = CALL4(NULL, signalfd4, -1, &handed_on, sizeof handed_on, SFD_CLOEXEC,
                        "cannot watch for signals");
    struct pollfd p[] = {{end, POLLIN, 0}, {signals, POLLIN, 0}};
    siginfo_t info = {0};
    while (!info.si_pid) {
        struct signalfd_siginfo got;
        long n = sys5(__NR_ppoll, p, 2, NULL, NULL, 0);
        if (p[0].revents || (n < 0 && n != -EINTR))
            break;
        if (n <= 0 || sys3(__NR_read, signals, &got, sizeof got) != sizeof got)
            continue;
        hand_on(j, (int)got.ssi_signo, got.ssi_code, child);
        if (got.ssi_signo == SIGCHLD)
            sys5(__NR_waitid, P_PID, child, &info, WEXITED | WNOHANG | WNOWAIT, NULL);
    }
    sys_close(signals);
}

/* ---- ids ---- */

enum { MAX_MAPS = 32 };

/* The program that may write such maps, as a process of its own. */
struct mapper {
    char *path, *argv[3 + 3 * MAX_MAPS];
};

static int mapper_main(void *mapper)
{
    const struct mapper *m = mapper;
    char *none[] = {NULL};
    long err = sys3(__NR_execve, m->path, m->argv, none);
    die(NULL, "execve", err, "cannot start %s", m->path);
}

void maps_write(const struct job *j, unsigned child)
{
    static char paths[2][20] = {"/usr/bin/newuidmap", "/usr/bin/newgidmap"};
    struct line number = {0};
    format(&number, "%u", child);
    number.text[number.n] = '\0';
    for (uint64_t kind = 0; kind < 2; kind++) {
        struct mapper m = {paths[kind], {paths[kind], number.text}};
        int n = 2, status = -1;
        for (const struct step *s = j->steps; s < j->steps + j->n; s++) {
            if (s->verb != PLAN_ID_MAP || s->n[0] != kind)
                continue;
            if (n == 2 + 3 * MAX_MAPS)
                die(s, NULL, 0, "more than %u maps", MAX_MAPS);
            for (int i = 1; i < 4; i++)
                m.argv[n++] = s->w[i].s;
        }
        int pid = spawn_apart(mapper_main, 0, &m);
        must(NULL, "clone", pid, "cannot start %s", m.path);
        while (sys4(__NR_wait4, pid, &status, 0, NULL) == -EINTR)
            ;
        if (status != 0)
            die(j->last[PLAN_ID_MAP], NULL, 0, "%s did not set up the map", m.path);
    }
}
