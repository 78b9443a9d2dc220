/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ownbus/stay.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_OURS = 125, STDERR = 2 };
/* What goes on in the background has left its first process by SOON; what ends together with that
 * gets GRACE to do so. */
enum { SOON_SECONDS = 10, GRACE_MS = 300, STEP_MS = 20, NAMES_BYTES = 160 };

struct watched {
    pid_t first;
    const char *program; /* to be told of; NULL: waited for to the last */
    struct timespec start;
};

static _Noreturn void fail(const char *what)
{
    dprintf(STDERR, "carrel-ownbus: cannot %s: %s\n", what, strerror(errno));
    _exit(EXIT_OURS);
}

/* Where there is a terminal its signals are for the app, as a shell would have it. */
static void give_terminal(pid_t group)
{
    for (int fd = 0; fd <= STDERR; fd++)
        if (isatty(fd) && tcsetpgrp(fd, group) == 0)
            return;
}

/* As the first process ended. By its signal, if that works: of some a process of another kind would
 * leave a core file, which is not ours. */
static _Noreturn void end_as(int status)
{
    const struct rlimit none = {0, 0};
    sigset_t open;
    if (WIFEXITED(status))
        _exit(WEXITSTATUS(status));
    setrlimit(RLIMIT_CORE, &none);
    signal(WTERMSIG(status), SIG_DFL);
    raise(WTERMSIG(status));
    sigfillset(&open);
    sigprocmask(SIG_UNBLOCK, &open, NULL);
    _exit(128 + WTERMSIG(status));
}

/* Adds the name of a process, less what a terminal could take for more than a name. */
static size_t add_name(const char *pid, size_t digits, char out[NAMES_BYTES], size_t n)
{
    char path[64], name[32];
    snprintf(path, sizeof path, "/proc/%.*s/comm", (int)digits, pid);
    FILE *comm = fopen(path, "re");
    if (!comm || !fgets(name, sizeof name, comm))
        name[0] = '\0';
    if (comm)
        fclose(comm);
    name[strcspn(name, "\n")] = '\0';
    for (char *p = name; *p; p++)
        if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f)
            *p = '?';
    if (name[0] && n + sizeof name < NAMES_BYTES)
        n += (size_t)snprintf(out + n, NAMES_BYTES - n, "%s%s", n ? ", " : "", name);
    return n;
}

/* The names of our children, as many as there is room for. */
static void name_children(char out[NAMES_BYTES])
{
    char path[64], pids[512];
    size_t n = 0, digits;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *list = fopen(path, "re");
    out[0] = '\0';
    if (list && fgets(pids, sizeof pids, list))
        for (const char *p = pids; (digits = strspn(p, "0123456789")) > 0 && p[digits] == ' ';
             p += digits + 1)
            n = add_name(p, digits, out, n);
    if (list)
        fclose(list);
}

/* Whether some are left that do not end by themselves at once. */
static bool others_are_left(void)
{
    const struct timespec step = {0, STEP_MS * 1000000L};
    for (int waited = 0; waited < GRACE_MS; waited += STEP_MS) {
        pid_t pid;
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
            ;
        if (pid < 0)
            return false;
        nanosleep(&step, NULL);
    }
    return true;
}

static _Noreturn void tell_and_end(const struct watched *w, int status)
{
    struct timespec now;
    char names[NAMES_BYTES];
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (status == 0 && now.tv_sec - w->start.tv_sec < SOON_SECONDS && others_are_left()) {
        const char *slash = strrchr(w->program, '/'), *name = slash ? slash + 1 : w->program;
        name_children(names);
        dprintf(STDERR,
                "carrel: note: %s has left running, and they end with it: %s\n"
                "  hint: if it goes on in the background, its policy must say ends-with=last "
                "(carrel new %s writes a first one)\n",
                name, names[0] ? names : "other processes", name);
    }
    end_as(status);
}

/* Reaps all that ended; a stop of the first process is ours, too. Whether the first one is left. */
static bool reap(const struct watched *w, bool is_left, int *status)
{
    int now;
    pid_t pid;
    while ((pid = waitpid(-1, &now, WNOHANG | WUNTRACED)) > 0) {
        if (pid != w->first)
            continue;
        if (WIFSTOPPED(now)) {
            raise(SIGSTOP);
            continue;
        }
        if (WIFSIGNALED(now))
            end_as(now);
        if (w->program)
            tell_and_end(w, now);
        *status = now;
        is_left = false;
    }
    if (pid < 0 && errno == ECHILD)
        end_as(*status);
    return is_left;
}

/* To whom a signal goes on. What a key of a terminal sends is for a whole group. */
static pid_t receiver(const struct watched *w, bool is_left, int sig)
{
    bool of_keys = sig == SIGINT || sig == SIGQUIT || sig == SIGTSTP || sig == SIGCONT;
    if (!is_left)
        return -1;
    return w->program && !of_keys ? w->first : -w->first;
}

static _Noreturn void wait_for_all(const struct watched *w, const sigset_t *all)
{
    int status = 0;
    for (bool is_left = true;;) {
        is_left = reap(w, is_left, &status);
        int sig = sigwaitinfo(all, NULL);
        if (sig > 0 && sig != SIGCHLD)
            kill(receiver(w, is_left, sig), sig);
    }
}

static void start(const char *program)
{
    struct watched w = {.program = program};
    sigset_t all, before;
    sigfillset(&all);
    clock_gettime(CLOCK_MONOTONIC, &w.start);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ||
        sigprocmask(SIG_SETMASK, &all, &before) < 0)
        fail("wait for the app");
    w.first = fork();
    if (w.first < 0)
        fail("start the app");
    /* Both do it, so that it is done whoever comes first; SIGTTOU is held back in both. */
    setpgid(w.first, w.first);
    if (w.first == 0) {
        give_terminal(getpid());
        sigprocmask(SIG_SETMASK, &before, NULL);
        return;
    }
    wait_for_all(&w, &all);
}

void stay(void)
{
    start(NULL);
}

void stay_and_tell(const char *program)
{
    start(program);
}
