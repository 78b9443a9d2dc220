/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/signals.h"
#include "core/sys.h"

#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sys/socket.h>

void run_rlimit(NO_JOB, const struct step *s)
{
    uint64_t had[2], want[2] = {s->n[1], s->n[2]};
    CALL4(s, prlimit64, 0, s->n[0], NULL, had, "cannot get %q", s->w[0].s);
    for (int i = 0; i < 2; i++) /* a stricter limit of the caller's stays */
        want[i] = want[i] < had[1] ? want[i] : had[1];
    CALL4(s, prlimit64, 0, s->n[0], want, NULL, "cannot set %q", s->w[0].s);
}

void run_keyring(NO_JOB, const struct step *s)
{
    CALL2(s, keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, "cannot make a session keyring");
}

void run_cwd(NO_JOB, const struct step *s)
{
    CALL1(s, chdir, s->w[0].s, "cannot enter %q", s->w[0].s);
}

static _Noreturn void die_of_exec(const char *path, long err)
{
    die_with(err == -ENOENT || err == -ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_PROGRAM, NULL, "execve",
             err, "cannot start %q", path);
}

/* A bare name is looked for in the folders of the plan's PATH, as execvp(3) does. */
static _Noreturn void execute(const struct job *j)
{
    const char *name = j->argv[0], *path = "";
    char full[4096];
    size_t size = strlen(name) + 1;
    long err = *name == '/' ? sys3(__NR_execve, name, j->argv, j->envp) : -ENOENT;
    for (char *const *e = j->envp; *name != '/' && *e && !*path; e++)
        path = strncmp(*e, "PATH=", 5) == 0 ? *e + 5 : "";
    for (size_t n; *path; path += n + (path[n] == ':')) {
        n = strcspn(path, ":");
        if (path[0] != '/' || n + 1 + size > sizeof full)
            continue;
        memcpy(full, path, n);
        full[n] = '/';
        memcpy(full + n + 1, name, size);
        long e = sys3(__NR_execve, full, j->argv, j->envp);
        if (e != -ENOENT && e != -ENOTDIR && e != -EACCES)
            die_of_exec(full, e);
        err = e == -EACCES ? e : err;
    }
    die_of_exec(name, err);
}

void install_filter(const struct step *s, const void *instructions, size_t size)
{
    const struct sock_fprog program = {(unsigned short)(size / sizeof *program.filter),
                                       (struct sock_filter *)(uintptr_t)instructions};
    CALL3(s, seccomp, SECCOMP_SET_MODE_FILTER, 0, &program, "cannot install the filter");
}

void signal_default(int sig)
{
    const uint64_t by_default[4] = {0}; /* the kernel's struct sigaction with SIG_DFL */
    if (sig != SIGKILL && sig != SIGSTOP)
        CALL4(NULL, rt_sigaction, sig, by_default, NULL, sizeof all_signals,
              "cannot reset signal %u", sig);
}

/* Shows the supervisor where the app lives, and by the sender's credentials which process it is: it
 * may keep its files in /proc from everybody later. */
static void show_namespaces(const struct job *j)
{
    static const char names[NAMESPACES][15] = {"self/ns/user",  "self/ns/mnt", "self/ns/pid",
                                               "self/ns/ipc",   "self/ns/uts", "self/ns/net",
                                               "self/ns/cgroup"};
    struct descriptors all = {CMSG_LEN(sizeof all.fd), SOL_SOCKET, SCM_RIGHTS, {0}};
    const struct msghdr message = {.msg_control = &all, .msg_controllen = all.size};
    for (int i = 0; i < NAMESPACES; i++)
        all.fd[i] = CALL4(NULL, openat, j->proc_fd, names[i], O_RDONLY | O_CLOEXEC, 0,
                          "cannot open /proc/%s", names[i]);
    CALL3(j->last[PLAN_STATUS_FD], sendmsg, job_value(j, PLAN_STATUS_FD, 0), &message, MSG_NOSIGNAL,
          "cannot reach the supervisor");
}

void app_become(struct job *j)
{
    const uint64_t no_signals = 0;
    sys1(__NR_umask, job_value(j, PLAN_UMASK, 022));
    run_steps(j, IN_APP);
    for (int i = 0; i < j->n_kept; i++)
        CALL3(NULL, fcntl, j->kept[i], F_SETFD, 0, "cannot keep descriptor %u",
              (unsigned)j->kept[i]);
    if (j->last[PLAN_LANDLOCK])
        CALL2(j->last[PLAN_LANDLOCK], landlock_restrict_self, j->ruleset, 0, "cannot enforce it");
    CALL4(NULL, rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, sizeof no_signals,
          "cannot unblock the signals");
    if (j->filter.size)
        install_filter(j->last[PLAN_SECCOMP], j->filter.at, j->filter.size);
    execute(j);
}

/* The app's process, in a user namespace below that of pid 1. Its maps can only be written while
 * the memory is "dumpable", as their files belong to root otherwise; nothing foreign runs in the
 * namespaces yet. */
int app_main(void *job)
{
    struct job *j = job;
    const uint64_t go_on = 1ull << (GO_ON - 1);
    set_dumpable(1);
    ns_map_id(j, "self/uid_map", job_value(j, PLAN_UID, 0), 0);
    ns_map_id(j, "self/gid_map", job_value(j, PLAN_GID, 0), 0);
    set_dumpable(0);
    if (supervised(j))
        show_namespaces(j);
    sys_close(j->proc_fd);
    if (!job_value(j, PLAN_NESTED_USERNS, 0) && sys1(__NR_unshare, CLONE_NEWUSER) >= 0)
        die(NULL, NULL, 0, "the limit on nested user namespaces has no effect");
    /* Its parent is in the same session, so its group is no orphan and can be stopped. */
    const int group = (int)sys0(__NR_getpid);
    CALL2(NULL, setpgid, 0, 0, "cannot make a process group");
    if (j->last[PLAN_TERMINAL])
        CALL3(j->last[PLAN_TERMINAL], ioctl, j->terminal, TIOCSPGRP, &group,
              "cannot come to the foreground");
    for (int sig = 1; sig <= LAST_SIGNAL; sig++)
        signal_default(sig);
    caps_empty_bounding_set(0);
    long sig = -EINTR;
    while (sig == -EINTR) /* so far pid 1 may have had a capability left */
        sig = sys4(__NR_rt_sigtimedwait, &go_on, NULL, NULL, sizeof go_on);
    must(NULL, "rt_sigtimedwait", sig, "cannot wait for pid 1");
    caps_drop();
    app_become(j);
}
