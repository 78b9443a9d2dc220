/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "supervise/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What bubblewrap tells Flatpak of a sandbox, and Flatpak the portals (flatpak-instance.c,
 * xdp-app-info-flatpak.c). The child is the app itself: pid 1 lets nobody look at it. */
static void write_bwrapinfo(const struct supervisor *s)
{
    static const char *const names[NS_COUNT] = {NULL, "mnt", "pid", "ipc", "uts", "net", "cgroup"};
    char text[512];
    int n = snprintf(text, sizeof text, "{\n    \"child-pid\": %d", (int)s->app);
    for (int i = NS_MNT; i < NS_COUNT; i++) {
        struct stat st;
        if (fstat(s->ns[i], &st) == 0)
            n += snprintf(text + n, sizeof text - (size_t)n, ",\n    \"%s-namespace\": %ju",
                          names[i], (uintmax_t)st.st_ino);
    }
    n += snprintf(text + n, sizeof text - (size_t)n, "\n}\n");
    /* Whole or not at all: somebody may be reading. */
    int fd = openat(s->folder, "bwrapinfo.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool whole = fd >= 0 && write(fd, text, (size_t)n) == n;
    if (fd >= 0)
        close(fd);
    if (!whole || renameat(s->folder, "bwrapinfo.new", s->folder, "bwrapinfo.json") < 0)
        complain("cannot write", "bwrapinfo.json", errno);
}

static void take_namespaces(struct supervisor *s, const struct ucred *who, const int *fds)
{
    memcpy(s->ns, fds, sizeof s->ns);
    s->app = who->pid;
    s->app_fd = (int)syscall(SYS_pidfd_open, who->pid, 0);
    write_bwrapinfo(s);
}

/* { "child-pid": N } */
static void take_text(struct supervisor *s, const char *text)
{
    static const char word[] = "{ \"child-pid\": ";
    if (strncmp(text, word, sizeof word - 1) == 0)
        s->init = (pid_t)strtol(text + sizeof word - 1, NULL, 10);
}

void report_forget(struct supervisor *s)
{
    for (int i = 0; s->app && i < NS_COUNT; i++)
        close(s->ns[i]);
    if (s->app && s->app_fd >= 0)
        close(s->app_fd);
    if (s->report >= 0)
        close(s->report);
    s->app = s->init = 0;
    s->app_fd = s->report = -1;
    /* Without these nobody takes the instance for one that runs. */
    unlinkat(s->folder, "pid", 0);
    unlinkat(s->folder, "bwrapinfo.json", 0);
}

void report_read(struct supervisor *s)
{
    char text[128] = "";
    struct ucred who = {0};
    int fds[NS_COUNT], n_fds = 0;
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof fds) + CMSG_SPACE(sizeof who)];
    } control;
    struct iovec v = {text, sizeof text - 1};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(s->report, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        size_t size = c->cmsg_len - CMSG_LEN(0);
        if (c->cmsg_type == SCM_RIGHTS && size <= sizeof fds) {
            memcpy(fds, CMSG_DATA(c), size);
            n_fds = (int)(size / sizeof *fds);
        } else if (c->cmsg_type == SCM_CREDENTIALS && size == sizeof who) {
            memcpy(&who, CMSG_DATA(c), sizeof who);
        }
    }
    if (n_fds == NS_COUNT && !s->app && who.pid > 0)
        take_namespaces(s, &who, fds);
    else if (n > 0)
        take_text(s, text);
    else if (n == 0 && n_fds == 0 && s->report >= 0) { /* the core is gone */
        close(s->report);
        s->report = -1;
    }
}
