/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/running.h"

#include "util/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Undoes the octal escapes of mountinfo, proc(5). In place. */
static void unescape(char *s)
{
    char *out = s;
    while (*s) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
            *out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
            s += 4;
        } else {
            *out++ = *s++;
        }
    }
    *out = '\0';
}

/* The fifth word of a line is the mount point. */
static bool line_mounts(char *line, const char *home)
{
    for (int i = 0; i < 4 && line; i++) {
        line = strchr(line, ' ');
        line += line != NULL;
    }
    if (!line)
        return false;
    line[strcspn(line, " \n")] = '\0';
    unescape(line);
    return str_eq(line, home);
}

static bool has_mounted(const char *pid, const char *home)
{
    char path[64], *line = NULL;
    size_t cap = 0;
    bool found = false;
    snprintf(path, sizeof path, "/proc/%.20s/mountinfo", pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    while (!found && getline(&line, &cap, f) > 0)
        found = line_mounts(line, home);
    free(line);
    fclose(f);
    return found;
}

static bool in_our_namespace(const char *pid, const char *ours)
{
    char path[64], theirs[64];
    snprintf(path, sizeof path, "/proc/%.20s/ns/mnt", pid);
    ssize_t n = readlink(path, theirs, sizeof theirs - 1);
    if (n <= 0)
        return true; /* not to be looked at: nothing can be said */
    theirs[n] = '\0';
    return str_eq(theirs, ours);
}

bool app_is_running(const char *home)
{
    char ours[64];
    ssize_t n = readlink("/proc/self/ns/mnt", ours, sizeof ours - 1);
    DIR *proc = opendir("/proc");
    bool found = false;
    if (n > 0)
        ours[n] = '\0';
    for (struct dirent *e; proc && n > 0 && !found && (e = readdir(proc));)
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
            found = !in_our_namespace(e->d_name, ours) && has_mounted(e->d_name, home);
    if (proc)
        closedir(proc);
    return found;
}
