/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "supervise/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void let_go(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Puts descriptors where the service's plan says that they are. They are first moved out of the
 * way of each other. */
static bool lay_out(const int from[], int n)
{
    int high[CHILD_FIRST_FREE];
    for (int i = 0; i < n; i++) {
        high[i] = from[i] < 0 ? -1 : fcntl(from[i], F_DUPFD_CLOEXEC, CHILD_FIRST_FREE);
        if (from[i] >= 0 && high[i] < 0)
            return false;
    }
    for (int i = 0; i < n; i++) {
        if (high[i] < 0)
            close(i);
        else if (dup2(high[i], i) < 0)
            return false;
    }
    return syscall(SYS_close_range, CHILD_FIRST_FREE, ~0u, 0) == 0;
}

static _Noreturn void become_core(const struct supervisor *s, const struct service *v, int control,
                                  pid_t parent)
{
    char name[] = "carrel-core", number[] = {'0' + CHILD_PLAN, '\0'};
    char *const argv[] = {name, number, NULL}, *const none[] = {NULL};
    const int from[] = {0,         1,
                        2,         [CHILD_LISTEN] = v->listener,
                        v->filter, v->rules >= 0 ? v->rules : v->data,
                        control,   v->plan};
    sigset_t all;
    _Static_assert(CHILD_PLAN < 10, "one digit");
    /* What is left to die with us: if we are gone already, nobody would tell it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(125);
    sigemptyset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    if (lay_out(from, sizeof from / sizeof *from))
        execve(s->core, argv, none);
    complain("cannot start", v->name, errno);
    _exit(125);
}

/* Services inherit a session keyring without a key of the person's in it. One for all of them, as a
 * user has 200 at most, and from the first of them on. */
static bool part_from_keys(struct supervisor *s)
{
    s->keyless = s->keyless || syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0) >= 0;
    return s->keyless;
}

void service_start(struct supervisor *s, struct service *v)
{
    int control[2] = {-1, -1};
    pid_t parent = getpid();
    v->pid = -1;
    if (part_from_keys(s) && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) == 0)
        v->pid = fork();
    if (v->pid == 0)
        become_core(s, v, control[1], parent);
    if (v->pid < 0)
        complain("cannot start", v->name, errno);
    let_go(&control[1]);
    if (v->pid < 0)
        let_go(&control[0]);
    v->control = control[0];
    /* Whoever connects when the service is gone must not wait for it. */
    let_go(&v->listener);
    let_go(&v->plan);
    let_go(&v->filter);
    let_go(&v->rules);
    if (strncmp(v->name, "dbus", 4) != 0)
        let_go(&v->data);
}

static void over(struct service *v)
{
    v->pid = -1;
    let_go(&v->control);
    let_go(&v->data);
}

/* What hangs does not miss its X server, which ends so when the person has closed a window that
 * does not answer; src/xserver/main.c has the same. */
enum { ENDS_APP = 113 };

static void end_app_if_told(const struct supervisor *s, const struct service *v, int status)
{
    if (strcmp(v->name, "xserver") == 0 && WIFEXITED(status) && WEXITSTATUS(status) == ENDS_APP &&
        s->parent >= 0)
        syscall(SYS_pidfd_send_signal, s->parent, SIGKILL, NULL, 0);
}

void services_reap(struct supervisor *s)
{
    pid_t pid;
    int status;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int i = 0; i < s->n_services; i++)
            if (s->services[i].pid == pid) {
                over(&s->services[i]);
                end_app_if_told(s, &s->services[i], status);
            }
}

/* What other runs of the app use, too: the X server, its way to the person's display, and who
 * carries what was copied there. */
static bool is_shared(const struct service *v)
{
    return strcmp(v->name, "xserver") == 0 || strcmp(v->name, "x11-untrusted") == 0 ||
           strcmp(v->name, "wayland-x11") == 0 || strcmp(v->name, "clip") == 0;
}

static const struct service *x_server(const struct supervisor *s)
{
    for (int i = 0; i < s->n_services; i++)
        if (strcmp(s->services[i].name, "xserver") == 0)
            return &s->services[i];
    return NULL;
}

bool services_shared(const struct supervisor *s)
{
    const struct service *v = x_server(s);
    return v && v->pid >= 0;
}

bool services_shareable(const struct supervisor *s)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    const struct service *v = x_server(s);
    if (!v || v->pid <= 0) /* one that was never started is not asked: that would start it */
        return v && v->pid == 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s", s->folder, v->name);
    bool refused =
        fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) < 0 && errno == ECONNREFUSED;
    let_go(&fd);
    return !refused;
}

/* The end of a core is the end of all that it has started. */
void services_end(struct supervisor *s, bool for_guests)
{
    /* All hear of the end before one of them can miss another and complain. */
    for (int i = 0; i < s->n_services; i++)
        if (!(for_guests && is_shared(&s->services[i])))
            let_go(&s->services[i].control);
    for (int i = 0; i < s->n_services; i++)
        if (s->services[i].pid > 0 && !(for_guests && is_shared(&s->services[i])))
            kill(s->services[i].pid, SIGKILL);
    for (int i = 0; i < s->n_services; i++) {
        struct service *v = &s->services[i];
        if (for_guests && is_shared(v))
            continue;
        while (v->pid > 0 && waitpid(v->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        over(v);
        let_go(&v->listener); /* nobody is left to start it for */
    }
}
