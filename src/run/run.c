/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run/instance.h"

#include "seccomp/seccomp.h"
#include "util/file.h"
#include "util/libc.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

static const struct place nowhere;

#define HIGHEST_FD (1 << 20) /* no kernel has more by default */

int run_prepare(void)
{
    int fd = 0;
    signal(SIGXFSZ, SIG_IGN); /* a write that fails is told of; the app has it as it should be */
    while (fcntl(fd, F_GETFD) >= 0 || (fd < 3 && open("/dev/null", O_RDWR) == fd))
        fd++;
    return fd;
}

int run_free_fd(int least)
{
    while (fcntl(least, F_GETFD) >= 0)
        least++;
    return least;
}

int sealed_file(const char *name, const void *bytes, size_t n)
{
    cleanup_fd int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int r = file_write_all(fd, bytes, n);
    if (r < 0)
        return r;
    if (lseek(fd, 0, SEEK_SET) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        return -errno;
    return steal_fd(&fd);
}

int fd_of(const struct plan_step *s)
{
    char *end;
    errno = 0;
    long n = strtol(step_arg(s, 0), &end, 10);
    return errno || end == step_arg(s, 0) || *end || n < 3 || n > HIGHEST_FD ? -1 : (int)n;
}

bool plan_uses_fd(const struct plan *p, int fd)
{
    for (size_t i = 0; i < p->n; i++) {
        enum plan_verb v = p->v[i].verb;
        if ((v == PLAN_KEEP_FD || v == PLAN_STATUS_FD || v == PLAN_SECCOMP || v == PLAN_TERMINAL) &&
            fd_of(&p->v[i]) == fd)
            return true;
    }
    return false;
}

static int refuse(struct diags *d, const char *what, const char *why)
{
    diag_add(d, DIAG_ERROR, nowhere, NULL, "%s: %s", what, why);
    return -1;
}

const char *run_hint(int error)
{
    static const struct {
        int error;
        const char *hint;
    } hints[] = {
        {EMFILE, "raise the limit of open files: ulimit -n"},
        {EAGAIN, "raise the limit of your processes: ulimit -u"},
        {EFBIG, "raise the limit of the size of files: ulimit -f"},
        {ENOMEM, "raise the limit of memory: ulimit -v"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
        if (hints[i].error == error)
            return hints[i].hint;
    return NULL;
}

static int failed(struct diags *d, const char *what, int error)
{
    diag_add(d, DIAG_ERROR, nowhere, run_hint(error), "%s: %s", what, strerror(error));
    return -1;
}

/* A number behind the limit of open files is no room either. */
static int no_room(int error)
{
    return error == EINVAL || error == EBADF ? EMFILE : error;
}

static int put_filter(const struct plan_step *s, struct diags *d)
{
    const struct seccomp_filter *filter = seccomp_filter_named(step_arg(s, 1));
    int want = fd_of(s);
    if (!filter || want < 0)
        return refuse(d, "cannot start", "the plan names an unknown system-call filter");
    int fd = sealed_file("carrel-filter", filter->program, filter->size);
    if (fd < 0)
        return failed(d, "cannot hand over the system-call filter", -fd);
    if (fd == want)
        return fcntl(fd, F_SETFD, 0) < 0 ? failed(d, "fcntl", errno) : 0;
    int r = dup2(fd, want); /* the copy is not close-on-exec */
    int error = no_room(errno);
    close(fd);
    return r < 0 ? failed(d, "cannot hand over the system-call filter", error) : 0;
}

static int keep_fd(const struct plan_step *s, struct diags *d)
{
    int fd = fd_of(s);
    if (fd < 0 || fcntl(fd, F_SETFD, 0) < 0)
        return refuse(d, "a descriptor that is to be handed on is not open", step_arg(s, 0));
    return 0;
}

/* The plan goes onto a number that no kept descriptor has. Returns it, or -1. */
static int put_plan(const struct plan *p, struct diags *d)
{
    struct buf text = {.arena = p->arena};
    plan_write(p, &text);
    int first = sealed_file("carrel-plan", text.data, text.len), fd = first;
    if (first < 0)
        return failed(d, "cannot hand over the plan", -first);
    while (fd >= 0 && plan_uses_fd(p, fd))
        fd = fcntl(first, F_DUPFD_CLOEXEC, fd + 1);
    if (fd < 0 || fcntl(fd, F_SETFD, 0) < 0)
        return failed(d, "cannot hand over the plan", no_room(errno));
    return fd;
}

int run_new_id(char id[16])
{
    uint32_t n = 0;
    /* Tools of others read it as a number of the C type int. */
    while (n < 1000000000u || n > 2147483647u)
        if (getrandom(&n, sizeof n, 0) != sizeof n)
            return -errno;
    snprintf(id, 16, "%u", (unsigned)n);
    return 0;
}

int run_random(void *to, size_t n)
{
    return getrandom(to, n, 0) == (ssize_t)n ? 0 : -EIO;
}

static int write_self(const char *path, const char *text)
{
    cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -errno : file_write_all(fd, text, strlen(text));
}

/*
 * An IPC namespace that the app and its X server have in common. It belongs to a user namespace of
 * its own, in which the ids are the caller's; the cores start in there and make theirs below it, so
 * neither has a power over it. Both programs have lost what this process has in there.
 */
static int make_common_ipc(struct arena *a, const struct run_instance *in, struct diags *d)
{
    if (in && in->common[0] > 0) {
        if (setns(in->common[0], CLONE_NEWUSER) == 0 && setns(in->common[1], CLONE_NEWIPC) == 0)
            return 0;
        return failed(d, "cannot join the app's X server", errno);
    }
    unsigned uid = (unsigned)geteuid(), gid = (unsigned)getegid();
    const char *users = arena_printf(a, "%u %u 1", uid, uid),
               *groups = arena_printf(a, "%u %u 1", gid, gid);
    int r = unshare(CLONE_NEWUSER | CLONE_NEWIPC) < 0 ? -errno : 0;
    r = r < 0 ? r : write_self("/proc/self/setgroups", "deny");
    r = r < 0 ? r : write_self("/proc/self/uid_map", users);
    r = r < 0 ? r : write_self("/proc/self/gid_map", groups);
    return r < 0 ? failed(d, "cannot make an IPC namespace", -r) : 0;
}

/* Becomes one of our programs, whose only word is the number of the plan's descriptor. */
static int execute(const struct plan *p, const char *program, int plan, const char *libexec,
                   enum run_terminal terminal, struct diags *d)
{
    static const char *const modes[] = {
        [RUN_TERMINAL] = "pty", [RUN_FORCED] = "force", [RUN_PIPES] = "pipes"};
    struct arena *a = p->arena;
    char *core = arena_printf(a, "%s/%s", libexec, program), *name = arena_strdup(a, program);
    char *tty = arena_printf(a, "%s/carrel-tty", libexec), *number = arena_printf(a, "%d", plan);
    bool direct = terminal == RUN_DIRECT;
    char *socket = arena_strdup(a, "-");
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].verb == PLAN_TERMINAL)
            socket = arena_strdup(a, step_arg(&p->v[i], 0));
    char *mode = direct ? NULL : arena_strdup(a, modes[terminal]), tty_name[] = "carrel-tty";
    char *core_argv[] = {name, number, NULL}, *none[] = {NULL};
    char *tty_argv[] = {tty_name, mode, number, socket, core, NULL};
    execve(direct ? core : tty, direct ? core_argv : tty_argv, none);
    diag_add(d, DIAG_ERROR, nowhere, "Carrel is not installed completely: install it again",
             "cannot start \"%s\": %s", direct ? core : tty, strerror(errno));
    return -1;
}

int run_plan(const struct plan *p, const struct run_instance *in, const char *libexec,
             enum run_terminal terminal, const struct run_hook *last, struct diags *d)
{
    if (sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
        return failed(d, "cannot close the inherited descriptors", errno);
    if (p->common_ipc && make_common_ipc(p->arena, in, d) < 0)
        return -1;
    int plan = put_plan(p, d);
    if (plan < 0 || (in && instance_begin(p, in, libexec, plan, d) < 0))
        return -1;
    for (size_t i = 0; i < p->n; i++) {
        if (p->v[i].verb == PLAN_SECCOMP && put_filter(&p->v[i], d) < 0)
            return -1;
        if ((p->v[i].verb == PLAN_KEEP_FD || p->v[i].verb == PLAN_STATUS_FD) &&
            keep_fd(&p->v[i], d) < 0)
            return -1;
    }
    if (last && last->run(last->data) < 0)
        return -1;
    return execute(p, "carrel-core", plan, libexec, terminal, d);
}

/* Where carrel-enter finds them. */
enum { ENTER_PLAN = 3, ENTER_FILTER = 4, ENTER_NAMESPACES = 5, MAX_NAMESPACES = 8 };

int run_enter(const struct plan *p, const int *namespaces, int n, const char *libexec,
              enum run_terminal terminal, struct diags *d)
{
    const struct seccomp_filter *filter = NULL;
    struct buf text = {.arena = p->arena};
    int fds[ENTER_NAMESPACES + MAX_NAMESPACES], last = ENTER_NAMESPACES + n;
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].verb == PLAN_SECCOMP)
            filter = seccomp_filter_named(step_arg(&p->v[i], 1));
    if (!filter || n > MAX_NAMESPACES)
        return refuse(d, "cannot start", "the plan names an unknown system-call filter");
    plan_write(p, &text);
    fds[ENTER_PLAN] = sealed_file("carrel-plan", text.data, text.len);
    fds[ENTER_FILTER] = sealed_file("carrel-filter", filter->program, filter->size);
    for (int i = 0; i < n; i++)
        fds[ENTER_NAMESPACES + i] = namespaces[i];
    /* First out of each other's way, then into place. */
    for (int i = ENTER_PLAN; i < last; i++)
        if (fds[i] < 0 || (fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, last)) < 0)
            return failed(d, "cannot hand over a descriptor",
                          fds[i] < -1 ? -fds[i] : no_room(errno));
    for (int i = ENTER_PLAN; i < last; i++)
        if (dup2(fds[i], i) < 0)
            return failed(d, "cannot hand over a descriptor", no_room(errno));
    if (sys_close_range((unsigned)last, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
        return failed(d, "cannot close the inherited descriptors", errno);
    return execute(p, "carrel-enter", ENTER_PLAN, libexec, terminal, d);
}
