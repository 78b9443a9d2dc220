/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/sys.h"

#include <errno.h>
#include <linux/elf.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>

void run_rlimit(struct job *j, const struct step *s)
{
    (void)j;
    const uint64_t limit[2] = {s->n[1], s->n[2]};
    long err = sys4(__NR_prlimit64, 0, s->n[0], limit, NULL);
    if (err)
        die(s, "prlimit64", err, "cannot set the limit %q", s->w[0].s);
}

void run_keyring(struct job *j, const struct step *s)
{
    (void)j;
    long id = sys2(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
    if (id < 0)
        die(s, "keyctl", id, "cannot make a session keyring");
}

void run_cwd(struct job *j, const struct step *s)
{
    (void)j;
    long err = sys1(__NR_chdir, s->w[0].s);
    if (err)
        die(s, "chdir", err, "cannot enter %q", s->w[0].s);
}

/* A process group of its own, in the foreground of the terminal if there is one. Its parent is in
 * the same session, so the group is no orphan and can be stopped and continued. */
static void own_group(const struct job *j)
{
    long err = sys2(__NR_setpgid, 0, 0);
    if (err)
        die(NULL, "setpgid", err, "cannot make a process group");
    int group = (int)sys0(__NR_getpid);
    if (j->terminal && (err = sys3(__NR_ioctl, 0, TIOCSPGRP, &group)))
        die(NULL, "ioctl", err, "cannot come to the foreground of the terminal");
}

static void keep_descriptors(const struct job *j)
{
    for (int i = 0; i < j->n_kept; i++) {
        long err = sys3(__NR_fcntl, j->kept[i], F_SETFD, 0);
        if (err)
            die(NULL, "fcntl", err, "cannot keep descriptor %u", (unsigned)j->kept[i]);
    }
}

static void install_filter(const struct job *j)
{
    struct sock_fprog program = {.len = (unsigned short)(j->filter_size / sizeof *program.filter),
                                 .filter = (struct sock_filter *)(void *)j->filter};
    long err = sys3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
    if (err)
        die(NULL, "seccomp", err, "cannot install the system-call filter");
}

/* The loader that an ELF program of this machine's class asks for, copied to text, or NULL. */
static const char *elf_loader(int fd, char *text, size_t size)
{
    Elf64_Ehdr head;
    Elf64_Phdr part;
    if (sys4(__NR_pread64, fd, &head, sizeof head, 0) != sizeof head ||
        memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64)
        return NULL;
    for (unsigned i = 0; i < head.e_phnum; i++) {
        uint64_t at = head.e_phoff + i * sizeof part;
        if (sys4(__NR_pread64, fd, &part, sizeof part, at) != sizeof part)
            return NULL;
        if (part.p_type != PT_INTERP || part.p_filesz >= size)
            continue;
        long n = sys4(__NR_pread64, fd, text, part.p_filesz, part.p_offset);
        text[n > 0 ? n : 0] = '\0';
        return text;
    }
    return NULL;
}

/* The program is there and yet "not found": says what is. */
static void explain_missing(const struct step *s, const char *path)
{
    char text[256];
    int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0)
        return;
    long n = sys4(__NR_pread64, fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    if (text[0] == '#' && text[1] == '!') {
        char *name = text + 2 + strspn(text + 2, " \t");
        name[strcspn(name, " \t\r\n")] = '\0';
        die_with(EXIT_NOT_FOUND, NULL, s, NULL, 0,
                 "the script %q asks for the interpreter %q, which is not there", path, name);
    }
    const char *loader = elf_loader(fd, text, sizeof text);
    if (loader)
        die_with(EXIT_NOT_FOUND, NULL, s, NULL, 0,
                 "%q asks for the program loader %q, which is not there", path, loader);
}

static _Noreturn void die_of_exec(const struct step *s, const char *path, long err)
{
    if (err == -ENOENT)
        explain_missing(s, path);
    const char *hint = err == -EACCES    ? "it is no executable file, or lies on a noexec mount"
                       : err == -ENOEXEC ? "it is no program of this machine, nor a script with #!"
                       : err == -E2BIG   ? "arguments and environment are too long together"
                                         : NULL;
    die_with(err == -ENOENT || err == -ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_PROGRAM, hint, s,
             "execve", err, "cannot start %q", path);
}

/* Looks for a bare name in the folders of the plan's PATH, as execvp(3) does. */
static long exec_in_path(const struct job *j, const char *name)
{
    const char *path = NULL;
    for (char *const *e = j->envp; *e && !path; e++)
        path = strncmp(*e, "PATH=", 5) == 0 ? *e + 5 : NULL;
    long result = -ENOENT;
    size_t name_size = strlen(name) + 1;
    for (const char *p = path; p; p = *p ? p + 1 : NULL) {
        char full[4096];
        size_t n = strcspn(p, ":");
        if (p[0] == '/' && n + 1 + name_size <= sizeof full) {
            memcpy(full, p, n);
            full[n] = '/';
            memcpy(full + n + 1, name, name_size);
            long err = sys3(__NR_execve, full, j->argv, j->envp);
            if (err != -ENOENT && err != -ENOTDIR && err != -EACCES)
                die_of_exec(j->exec, full, err);
            result = err == -EACCES ? err : result;
        }
        p += n;
    }
    return result;
}

static _Noreturn void execute(const struct job *j)
{
    const char *program = j->exec->w->s;
    long err =
        program[0] == '/' ? sys3(__NR_execve, program, j->argv, j->envp) : exec_in_path(j, program);
    die_of_exec(j->exec, program, err);
}

/*
 * The app's process, in a user namespace below that of pid 1. Its maps can only be written while
 * the memory is "dumpable", as their files belong to root otherwise; nothing foreign runs in the
 * namespaces yet.
 */
int app_main(void *job)
{
    struct job *j = job;
    sys_prctl(PR_SET_DUMPABLE, 1);
    ns_map_ids(j, j->uid, 0, j->gid, 0);
    sys_prctl(PR_SET_DUMPABLE, 0);
    sys_close(j->proc_fd);
    if (!j->nested_userns)
        ns_check_nested_denied();
    own_group(j);
    caps_empty_bounding_set();
    caps_keep_only(0);
    run_steps(j, IN_APP);
    sys1(__NR_umask, j->umask);
    keep_descriptors(j);
    landlock_enforce(j);
    const uint64_t none = 0;
    sys4(__NR_rt_sigprocmask, 2 /* SIG_SETMASK */, &none, NULL, sizeof none);
    if (j->filter)
        install_filter(j);
    execute(j);
}
