/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/instance.h"

#include "util/buf.h"
#include "util/file.h"
#include "util/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define REGISTRY ".flatpak"
#define X_SERVER "x-server=" /* plan/plan.h */
/* So old a folder must be before it counts as left behind: as with Flatpak, whose commands remove
 * such too. One that is being made has its lock within microseconds. */
enum { GRACE_SECONDS = 3 };

static int read_small(struct arena *a, int folder, const char *name, struct buf *out)
{
    cleanup_fd int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    *out = (struct buf){.arena = a};
    return fd < 0 ? -errno : file_read_fd(fd, 64 << 10, out);
}

/* Whether somebody holds the lock; an entry that cannot be asked counts as alive. */
static bool is_alive(int folder)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    cleanup_fd int fd = openat(folder, ".ref", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno != ENOENT;
    return fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

static void remove_leftover(int registry, const char *id, int folder)
{
    int copy = fcntl(folder, F_DUPFD_CLOEXEC, 3);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    for (struct dirent *e; d && (e = readdir(d));)
        unlinkat(folder, e->d_name, 0);
    if (d)
        closedir(d);
    unlinkat(registry, id, AT_REMOVEDIR);
}

/* In a key file of ours (resolve/service.c). */
const char *instance_info_line(struct arena *a, const char *info, const char *word)
{
    for (const char *line = info; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *value = str_after(line, word);
        if (value)
            return arena_strndup(a, value, strcspn(value, "\n"));
    }
    return NULL;
}

static pid_t number_behind(const char *text, const char *word)
{
    const char *at = text ? strstr(text, word) : NULL;
    long n = at ? strtol(at + strlen(word), NULL, 10) : 0;
    return n > 0 && n <= INT32_MAX ? (pid_t)n : 0;
}

/* Reads one entry. False when it is none of ours, or nobody's any more; of what has ended the X
 * server may be left, as long as another run uses it: pid is 0 then. */
static bool read_entry(struct arena *a, const char *registry_path, int registry, const char *id,
                       struct instance *out)
{
    struct stat st, about;
    struct buf text;
    cleanup_fd int folder = openat(registry, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 || fstat(folder, &st) < 0 || faccessat(folder, "control", F_OK, 0) < 0)
        return false;
    if (!is_alive(folder)) {
        if (st.st_mtime + GRACE_SECONDS < time(NULL))
            remove_leftover(registry, id, folder);
        return false;
    }
    *out = (struct instance){.id = arena_strdup(a, id), .since = st.st_mtime};
    out->folder = arena_printf(a, "%s/%s", registry_path, id);
    if (fstatat(folder, "pid", &about, AT_SYMLINK_NOFOLLOW) == 0)
        out->since = about.st_mtime;
    out->app = "?";
    if (read_small(a, folder, "info", &text) == 0 && text.len) {
        const char *app = instance_info_line(a, text.data, "name=");
        out->app = app ? app : "?";
        out->server = instance_info_line(a, text.data, X_SERVER);
    }
    if (read_small(a, folder, "pid", &text) == 0)
        out->pid = number_behind(text.data, "");
    if (read_small(a, folder, "bwrapinfo.json", &text) == 0)
        out->app_pid = number_behind(text.data, "\"child-pid\": ");
    /* Its supervisor is about to clear up: who has seen the app end does not see it listed. */
    if (out->app_pid && kill(out->app_pid, 0) < 0 && errno == ESRCH)
        out->pid = 0;
    return true;
}

static int by_age(const void *a, const void *b)
{
    const struct instance *x = a, *y = b;
    return x->since != y->since ? (x->since > y->since) - (x->since < y->since)
                                : strcmp(x->id, y->id);
}

/* Which entries are wanted. */
struct choice {
    const char *only;         /* this one; NULL: all */
    const char *app, *server; /* of this app, with such a server; NULL: those that run */
};

static bool is_chosen(const struct choice *c, const struct instance *in)
{
    if (c->server)
        return str_eq(in->app, c->app) && in->server && str_eq(in->server, c->server);
    return in->pid != 0;
}

static int list(struct arena *a, const char *runtime_dir, const struct choice *choice,
                struct instance **out, size_t *n)
{
    size_t cap = 0;
    const char *path = arena_printf(a, "%s/" REGISTRY, runtime_dir);
    *out = NULL;
    *n = 0;
    int registry = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (registry < 0)
        return errno == ENOENT ? 0 : -errno;
    if (choice->only) {
        *out = arena_array(a, 1, sizeof **out);
        *n = read_entry(a, path, registry, choice->only, *out) && is_chosen(choice, *out);
        close(registry);
        return 0;
    }
    DIR *d = fdopendir(registry);
    if (!d) {
        close(registry);
        return -ENOMEM;
    }
    for (struct dirent *e; (e = readdir(d));) {
        struct instance one;
        if (e->d_name[strspn(e->d_name, "0123456789")] ||
            !read_entry(a, path, registry, e->d_name, &one) || !is_chosen(choice, &one))
            continue;
        *out = arena_grow(a, *out, *n, &cap, sizeof **out);
        (*out)[(*n)++] = one;
    }
    closedir(d);
    if (*n > 1)
        qsort(*out, *n, sizeof **out, by_age);
    return 0;
}

int instances_list(struct arena *a, const char *runtime_dir, const char *only,
                   struct instance **out, size_t *n)
{
    return list(a, runtime_dir, &(struct choice){.only = only}, out, n);
}

int instances_with_server(struct arena *a, const char *runtime_dir, const char *app,
                          const char *kind, struct instance **out, size_t *n)
{
    return list(a, runtime_dir, &(struct choice){.app = app, .server = kind}, out, n);
}
