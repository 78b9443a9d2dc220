/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tty/guard.h"
#include "tty/filter.gen.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool same_modes(const struct termios *a, const struct termios *b)
{
    return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
           a->c_lflag == b->c_lflag && memcmp(a->c_cc, b->c_cc, sizeof a->c_cc) == 0;
}

/* Until the relay is gone. A shell may have put its own modes by then: those stay. */
static _Noreturn void watch(int told, int terminal)
{
    struct guarded now = {.raw = false}, next;
    struct termios found;
    ssize_t n;
    while ((n = read(told, &next, sizeof next)) > 0 || (n < 0 && errno == EINTR))
        if (n == sizeof next)
            now = next;
    if (now.raw && tcgetattr(terminal, &found) == 0 && same_modes(&found, &now.set)) {
        tcsetattr(terminal, TCSANOW, &now.saved);
        tcflush(terminal, TCIFLUSH); /* what was typed was for the app */
    }
    _exit(0);
}

int confine_self(void)
{
    const struct sock_fprog program = {sizeof own_filter / sizeof *own_filter,
                                       (struct sock_filter *)(uintptr_t)own_filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        return -errno;
    return 0;
}

int guard_start(int terminal, pid_t *pid)
{
    int ends[2];
    sigset_t all;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    *pid = fork();
    if (*pid == 0) {
        /* Neither what ends the relay's group nor a stop of it shall reach the guard; and with
         * SIGTTOU blocked it may set modes from the background. */
        setpgid(0, 0);
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        dup2(ends[0], 0);
        dup2(terminal, 1);
        syscall(SYS_close_range, 2, ~0u, 0);
        if (confine_self() < 0)
            _exit(1);
        watch(0, 1);
    }
    int error = errno;
    close(ends[0]);
    if (*pid > 0)
        return ends[1];
    close(ends[1]);
    return -error;
}
