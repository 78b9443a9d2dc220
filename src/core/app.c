/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/signals.h"
#include "core/sys.h"

#include <linux/elf.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>

/* A stricter limit of the caller's stays. */
void run_rlimit(struct job *j, const struct step *s)
{
    (void)j;
    uint64_t had[2], want[2];
    must(s, "prlimit64", sys4(__NR_prlimit64, 0, s->n[0], NULL, had), "cannot get %q", s->w[0].s);
    want[1] = s->n[2] < had[1] ? s->n[2] : had[1];
    want[0] = s->n[1] < want[1] ? s->n[1] : want[1];
    must(s, "prlimit64", sys4(__NR_prlimit64, 0, s->n[0], want, NULL), "cannot set %q", s->w[0].s);
}

void run_keyring(struct job *j, const struct step *s)
{
    (void)j;
    must(s, "keyctl", sys2(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL),
         "cannot make a session keyring");
}

void run_cwd(struct job *j, const struct step *s)
{
    (void)j;
    must(s, "chdir", sys1(__NR_chdir, s->w[0].s), "cannot enter %q", s->w[0].s);
}

/* A process group of its own, in the foreground of the terminal if there is one. Its parent is in
 * the same session, so the group is no orphan and can be stopped and continued. */
static void own_group(const struct job *j)
{
    int group = (int)sys0(__NR_getpid);
    must(NULL, "setpgid", sys2(__NR_setpgid, 0, 0), "cannot make a process group");
    if (job_value(j, PLAN_SESSION, 0))
        must(j->last[PLAN_SESSION], "ioctl", terminal_ioctl(TIOCSPGRP, &group),
             "cannot come to the foreground");
}

/* The interpreter that a script, or an ELF program of 64 bits, asks for; NULL when it asks for
 * none. It is what is missing when a program is there and yet not found. */
static const char *interpreter(int fd, char *text, size_t size)
{
    Elf64_Ehdr head;
    Elf64_Phdr part;
    long n = sys4(__NR_pread64, fd, text, size - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    if (text[0] == '#' && text[1] == '!') {
        text += 2 + strspn(text + 2, " \t");
        text[strcspn(text, " \t\r\n")] = '\0';
        return text;
    }
    if (n < (long)sizeof head || memcmp(text, ELFMAG, SELFMAG) || text[EI_CLASS] != ELFCLASS64)
        return NULL;
    memcpy(&head, text, sizeof head);
    for (unsigned i = 0; i < head.e_phnum; i++) {
        if (sys4(__NR_pread64, fd, &part, sizeof part, head.e_phoff + i * sizeof part) !=
            sizeof part)
            return NULL;
        if (part.p_type != PT_INTERP || part.p_filesz >= size)
            continue;
        n = sys4(__NR_pread64, fd, text, part.p_filesz, part.p_offset);
        text[n > 0 ? n : 0] = '\0';
        return text;
    }
    return NULL;
}

static _Noreturn void die_of_exec(const struct step *s, const char *path, long err)
{
    char text[256];
    int fd = err == -ENOENT ? sys_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0) : -1;
    const char *missing = fd >= 0 ? interpreter(fd, text, sizeof text) : NULL;
    if (missing)
        die_with(EXIT_NOT_FOUND, s, NULL, 0, "cannot start %q: its interpreter %q is not there",
                 path, missing);
    die_with(err == -ENOENT || err == -ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_PROGRAM, s, "execve",
             err, "cannot start %q", path);
}

/* Looks for a bare name in the folders of the plan's PATH, as execvp(3) does. */
static long exec_in_path(const struct job *j, const char *name)
{
    const char *path = "";
    char full[4096];
    size_t size = strlen(name) + 1;
    long result = -ENOENT;
    for (char *const *e = j->envp; *e && !*path; e++)
        path = strncmp(*e, "PATH=", 5) == 0 ? *e + 5 : "";
    for (size_t n; *path; path += n + (path[n] == ':')) {
        n = strcspn(path, ":");
        if (path[0] != '/' || n + 1 + size > sizeof full)
            continue;
        memcpy(full, path, n);
        full[n] = '/';
        memcpy(full + n + 1, name, size);
        long err = sys3(__NR_execve, full, j->argv, j->envp);
        if (err != -ENOENT && err != -ENOTDIR && err != -EACCES)
            die_of_exec(j->last[PLAN_EXEC], full, err);
        result = err == -EACCES ? err : result;
    }
    return result;
}

static _Noreturn void execute(const struct job *j)
{
    const char *program = j->argv[0];
    long err =
        program[0] == '/' ? sys3(__NR_execve, program, j->argv, j->envp) : exec_in_path(j, program);
    die_of_exec(j->last[PLAN_EXEC], program, err);
}

static void install_filter(const struct job *j)
{
    struct sock_fprog program = {.filter = (struct sock_filter *)(void *)j->filter.at};
    program.len = (unsigned short)(j->filter.size / sizeof *program.filter);
    must(j->last[PLAN_SECCOMP], "seccomp", sys3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program),
         "cannot install the filter");
}

/*
 * The app's process, in a user namespace below that of pid 1. Its maps can only be written while
 * the memory is "dumpable", as their files belong to root otherwise; nothing foreign runs in the
 * namespaces yet.
 */
int app_main(void *job)
{
    struct job *j = job;
    const uint64_t no_signals = 0, go_on = 1ull << (GO_ON - 1);
    set_dumpable(1);
    ns_map_ids(j, (uint32_t)job_value(j, PLAN_UID, 0), 0, (uint32_t)job_value(j, PLAN_GID, 0), 0);
    set_dumpable(0);
    sys_close(j->proc_fd);
    if (!job_value(j, PLAN_NESTED_USERNS, 0))
        ns_check_nested_denied();
    own_group(j);
    caps_empty_bounding_set();
    caps_keep_only(0);
    sys1(__NR_umask, job_value(j, PLAN_UMASK, 022));
    run_steps(j, IN_APP);
    for (int i = 0; i < j->n_kept; i++)
        must(NULL, "fcntl", sys3(__NR_fcntl, j->kept[i], F_SETFD, 0), "cannot keep descriptor %u",
             (unsigned)j->kept[i]);
    landlock_enforce(j);
    while (sys4(__NR_rt_sigtimedwait, &go_on, NULL, NULL, sizeof go_on) == -EINTR)
        ;
    must(NULL, "rt_sigprocmask",
         sys4(__NR_rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, sizeof no_signals),
         "cannot unblock the signals");
    if (j->filter.size)
        install_filter(j);
    execute(j);
}
