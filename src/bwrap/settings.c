/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The handlers of options that set something. */
#include "bwrap/bwrap.h"
#include "util/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

int read_fd_number(struct wishes *w, const char *text)
{
    char *end;
    int n = (int)strtol(text, &end, 10);
    return *text && !*end && n >= 0 ? n : bwrap_fail(w, "Invalid fd: %s", text);
}

int take_flag(struct wishes *w, const struct option *o, char **arg)
{
    (void)arg;
    w->flags |= o->value;
    return 0;
}

int take_share_net(struct wishes *w, const struct option *o, char **arg)
{
    (void)arg;
    w->flags &= ~o->value;
    return 0;
}

int take_argv0(struct wishes *w, const struct option *o, char **arg)
{
    if (w->argv0)
        return bwrap_fail(w, "%s used multiple times", o->name);
    w->argv0 = arg[0];
    return 0;
}

int take_fd(struct wishes *w, const struct option *o, char **arg)
{
    if (o->value == FD_SECCOMP && w->n_filters)
        return bwrap_fail(w, "--seccomp cannot be combined with --add-seccomp-fd");
    w->fds[o->value] = read_fd_number(w, arg[0]);
    return w->fds[o->value] < 0 ? -1 : 0;
}

/* Those that may come more than once: filters (1) and descriptors that are held (0). */
int take_list_fd(struct wishes *w, const struct option *o, char **arg)
{
    bool filters = o->value;
    int **list = filters ? &w->filter_fds : &w->sync_fds;
    size_t *n = filters ? &w->n_filters : &w->n_sync;
    if (filters && w->fds[FD_SECCOMP] >= 0)
        return bwrap_fail(w, "--add-seccomp-fd cannot be combined with --seccomp");
    int fd = read_fd_number(w, arg[0]);
    if (fd < 0)
        return -1;
    *list =
        arena_grow(w->arena, *list, *n, filters ? &w->cap_filters : &w->cap_sync, sizeof **list);
    (*list)[(*n)++] = fd;
    return 0;
}

int take_id(struct wishes *w, const struct option *o, char **arg)
{
    char *end;
    int n = (int)strtol(arg[0], &end, 10);
    if (!*arg[0] || *end || n < 0)
        return bwrap_fail(w, "Invalid %s: %s", o->name + 2, arg[0]);
    *(o->value ? &w->gid : &w->uid) = n;
    return 0;
}

int take_text(struct wishes *w, const struct option *o, char **arg)
{
    *(o->value ? &w->hostname : &w->chdir) = arg[0];
    return 0;
}

int take_label(struct wishes *w, const struct option *o, char **arg)
{
    if (!w->host->exists("/sys/fs/selinux/enforce"))
        return bwrap_fail(w, "labeling not supported on this system");
    *(o->value ? &w->file_label : &w->exec_label) = arg[0];
    return 0;
}

int take_setenv(struct wishes *w, const struct option *o, char **arg)
{
    (void)o;
    return env_set(w, arg[0], arg[1]) ? bwrap_fail(w, "setenv failed") : 0;
}

int take_unsetenv(struct wishes *w, const struct option *o, char **arg)
{
    (void)o;
    return env_unset(w, arg[0]) ? bwrap_fail(w, "unsetenv failed") : 0;
}

int take_clearenv(struct wishes *w, const struct option *o, char **arg)
{
    (void)o;
    (void)arg;
    w->n_env = 0;
    return 0;
}

int take_lock(struct wishes *w, const struct option *o, char **arg)
{
    (void)o;
    w->locks = arena_grow(w->arena, w->locks, w->n_locks, &w->cap_locks, sizeof *w->locks);
    w->locks[w->n_locks++] = arg[0];
    return 0;
}

int take_perms(struct wishes *w, const struct option *o, char **arg)
{
    char *end;
    (void)o;
    if (w->perms >= 0)
        return bwrap_fail(w, "--perms given twice for the same action");
    unsigned long perms = strtoul(arg[0], &end, 8);
    if (!*arg[0] || *end || perms > 07777)
        return bwrap_fail(w, "--perms takes an octal argument <= 07777");
    w->perms = (int)perms;
    return 0;
}

int take_size(struct wishes *w, const struct option *o, char **arg)
{
    char *end;
    (void)o;
    if (w->size)
        return bwrap_fail(w, "--size given twice for the same action");
    errno = 0;
    unsigned long long size = strtoull(arg[0], &end, 0);
    if (errno || !isdigit((unsigned char)arg[0][0]) || *end || size == 0)
        return bwrap_fail(w, "--size takes a non-zero number of bytes");
    if (size > SIZE_MAX >> 1)
        return bwrap_fail(w, "--size (for tmpfs) is limited to %zu", SIZE_MAX >> 1);
    w->size = size;
    return 0;
}

int take_layer(struct wishes *w, const struct option *o, char **arg)
{
    (void)o;
    w->layers = arena_grow(w->arena, w->layers, w->n_layers, &w->cap_layers, sizeof *w->layers);
    w->layers[w->n_layers++] = arg[0];
    return 0;
}

int take_cap(struct wishes *w, const struct option *o, char **arg)
{
    uint64_t bits = ~0ull;
    if (strcasecmp(arg[0], "ALL") != 0) {
        int n = capability_number(arg[0]);
        if (n < 0)
            return bwrap_fail(w, "unknown cap: %s", arg[0]);
        bits = 1ull << n;
    }
    w->flags |= CAPS_CHOSEN;
    w->caps = o->value ? w->caps & ~bits : w->caps | bits;
    return 0;
}

int take_limit(struct wishes *w, const struct option *o, char **arg)
{
    (void)o;
    w->limits = arena_grow(w->arena, w->limits, w->n_limits, &w->cap_limits, sizeof *w->limits);
    w->limits[w->n_limits++] = arg[0];
    w->limits = arena_grow(w->arena, w->limits, w->n_limits, &w->cap_limits, sizeof *w->limits);
    w->limits[w->n_limits++] = arg[1];
    return 0;
}
