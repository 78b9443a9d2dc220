/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/instance.h"

#include "util/file.h"
#include "util/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

/* The number behind "mnt_id:" of an fdinfo file, proc(5), or 0. */
static uint64_t mount_of(int folder, const char *fd)
{
    char text[2048];
    cleanup_fd int in = openat(folder, fd, O_RDONLY | O_CLOEXEC);
    ssize_t n = in < 0 ? -1 : read(in, text, sizeof text - 1);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    const char *at = strstr(text, "mnt_id:");
    return at ? strtoull(at + strlen("mnt_id:"), NULL, 10) : 0;
}

static const char *name_of(struct arena *a, pid_t pid)
{
    char path[64], text[64] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    cleanup_fd int in = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = in < 0 ? 0 : read(in, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return arena_strdup(a, text);
}

int instance_holds(struct arena *a, pid_t pid, uint64_t mount, struct held *out)
{
    char path[64];
    *out = (struct held){.pid = pid, .name = name_of(a, pid)};
    snprintf(path, sizeof path, "/proc/%d/fdinfo", (int)pid);
    DIR *d = opendir(path);
    if (!d)
        return errno == ENOENT ? 0 : -errno;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] < '0' || e->d_name[0] > '9' || mount_of(dirfd(d), e->d_name) != mount)
            continue;
        out->fds = arena_grow(a, out->fds, out->n_fds, &out->cap_fds, sizeof *out->fds);
        out->fds[out->n_fds++] = (int)strtol(e->d_name, NULL, 10);
    }
    closedir(d);
    return 0;
}
