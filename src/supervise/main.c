/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel-supervisor CORE ID FOLDER LOCK PARENT REPORT CONTROL PLAN [NAME WHEN LISTENER PLAN
 * FILTER DATA]...
 *
 * Started by `carrel run` beside the app; all but CORE, ID, NAME and WHEN are numbers of
 * descriptors that it inherits, or "-". WHEN is "at-once", or "-" for a service that starts when
 * its socket is first used. What they are stands in supervise.h; LOCK holds the lock on .ref in
 * FOLDER, which tells everybody that the instance is alive. Ends when PARENT does, and with it
 * everything that it has started; then FOLDER is removed. While another run of the app uses its X
 * server it stays.
 */
#include "supervise/supervise.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static bool read_fd(const char *text, int *fd)
{
    char *end;
    *fd = -1;
    if (strcmp(text, "-") == 0)
        return true;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno || end == text || *end || n < 3 || n > 1 << 20 || fcntl((int)n, F_GETFD) < 0)
        return false;
    *fd = (int)n;
    return fcntl(*fd, F_SETFD, FD_CLOEXEC) == 0;
}

enum { FIXED_WORDS = 9, SERVICE_WORDS = 6 };

static bool read_words(struct supervisor *s, int argc, char **argv)
{
    int lock;
    if (argc < FIXED_WORDS || (argc - FIXED_WORDS) % SERVICE_WORDS ||
        (argc - FIXED_WORDS) / SERVICE_WORDS > MAX_SERVICES)
        return false;
    s->core = argv[1];
    s->id = argv[2];
    int *const fixed[] = {&s->folder, &lock, &s->parent, &s->report, &s->control, &s->plan};
    for (int i = 0; i < FIXED_WORDS - 3; i++)
        if (!read_fd(argv[3 + i], fixed[i]) || (*fixed[i] < 0 && fixed[i] != &s->report))
            return false;
    for (char **w = argv + FIXED_WORDS; *w; w += SERVICE_WORDS) {
        struct service *v = &s->services[s->n_services++];
        *v = (struct service){.name = w[0], .control = -1, .rules = -1};
        v->at_once = strcmp(w[1], "at-once") == 0;
        if (!read_fd(w[2], &v->listener) || !read_fd(w[3], &v->plan) ||
            !read_fd(w[4], &v->filter) || !read_fd(w[5], &v->data) || v->listener < 0 ||
            v->plan < 0)
            return false;
    }
    return true;
}

/* Neither the terminal's keys nor the end of a session concern us: only the app's end does. */
static bool settle(struct supervisor *s)
{
    sigset_t all, child;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    sigfillset(&all);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    signal(SIGCHLD, SIG_DFL);
    setsid();
    s->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    /* Who reads what the app writes must see its end when the app ends. */
    return sigprocmask(SIG_SETMASK, &all, NULL) == 0 && s->signals >= 0 && null >= 0 &&
           dup2(null, 0) == 0 && dup2(null, 1) == 1 && chdir("/") == 0;
}

/* The folder holds only files and sockets, mostly those that we know. */
static void remove_folder(const struct supervisor *s)
{
    static const char *const usual[] = {".ref", "pid", "info", "control", "bwrapinfo.json"};
    char up[64];
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        unlinkat(s->folder, usual[i], 0);
    for (int i = 0; i < s->n_services; i++)
        unlinkat(s->folder, s->services[i].name, 0);
    snprintf(up, sizeof up, "../%.40s", s->id);
    if (unlinkat(s->folder, up, AT_REMOVEDIR) == 0)
        return;
    DIR *d = fdopendir(s->folder);
    for (struct dirent *e; d && (e = readdir(d));)
        unlinkat(s->folder, e->d_name, 0);
    unlinkat(s->folder, up, AT_REMOVEDIR);
}

/* Whatever is left in it ends. It is empty a moment later: the kernel tells nobody who may wait. */
void group_end(struct supervisor *s)
{
    enum { TRIES = 400, NANOSECONDS = 5000000 };
    const struct timespec pause = {0, NANOSECONDS};
    char link[32], path[PATH_MAX];
    if (s->group < 0)
        return;
    int fd = openat(s->group, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "1", 1) == 1)
        close(fd);
    snprintf(link, sizeof link, "/proc/self/fd/%d", s->group);
    ssize_t n = readlink(link, path, sizeof path - 1);
    close(s->group);
    s->group = -1;
    if (n <= 0)
        return;
    path[n] = '\0';
    for (int i = 0; i < TRIES && rmdir(path) < 0 && errno == EBUSY; i++)
        nanosleep(&pause, NULL);
}

int main(int argc, char **argv)
{
    static struct supervisor
        s; /* on the stack its table of grants would be cleared, page by page */
    s.folder = s.group = -1;
    if (!read_words(&s, argc, argv)) {
        dprintf(2, "carrel-supervisor: started by `carrel run`, not by hand\n");
        return 125;
    }
    if (settle(&s))
        supervise(&s);
    else
        complain("cannot supervise", s.id, errno);
    services_end(&s, false);
    group_end(&s);
    remove_folder(&s);
    return 0;
}
