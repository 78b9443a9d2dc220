/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "limits/limits.h"

#include "util/file.h"
#include "util/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CPU_PERIOD = 100000, PAGE = 4096 }; /* microseconds; bytes */

static const struct limit_kind kinds[] = {
    {"memory", "memory.max", "MemoryMax"},    {"processes", "pids.max", "TasksMax"},
    {"cpu", "cpu.max", "CPUQuotaPerSecUSec"}, {"cpu-weight", "cpu.weight", "CPUWeight"},
    {"io-weight", "io.weight", "IOWeight"},
};

const struct limit_kind *limit_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (str_eq(kinds[i].name, name))
            return &kinds[i];
    return NULL;
}

/* systemd.unit(5), "String Escaping": '-' would part the name. */
const char *limits_group_name(struct arena *a, const char *app, const char *instance, bool manager)
{
    struct buf out = {.arena = a};
    buf_str(&out, "app-carrel-");
    for (const char *s = app; *s; s++)
        if (*s == '-')
            buf_str(&out, "\\x2d");
        else
            buf_char(&out, *s);
    buf_printf(&out, "-%s%s", instance, manager ? ".scope" : "");
    return out.data;
}

/* ---- files of a group ---- */

static const char *read_at(struct arena *a, int folder, const char *file)
{
    struct buf out = {.arena = a};
    cleanup_fd int fd = openat(folder, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || file_read_fd(fd, 64 << 10, &out) < 0)
        return NULL;
    buf_bytes(&out, "", 0);
    if (out.len && out.data[out.len - 1] == '\n')
        out.data[out.len - 1] = '\0';
    return out.data;
}

const char *limits_read(struct arena *a, const char *path, const char *file)
{
    cleanup_fd int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0 ? NULL : read_at(a, folder, file);
}

static int write_at(int folder, const char *file, const char *text)
{
    cleanup_fd int fd = openat(folder, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* As the kernel takes it, and as it says it afterwards: cgroup-v2.rst of its documentation. */
static const char *in_kernels_words(struct arena *a, const struct plan_limit *l, bool to_write)
{
    bool none = str_eq(l->value, "max"), weight = strstr(l->name, "-weight") != NULL;
    unsigned long long n = none ? 100 : strtoull(l->value, NULL, 10);
    if (weight)
        return arena_printf(a, str_eq(l->name, "io-weight") ? "default %llu" : "%llu", n);
    if (str_eq(l->name, "cpu"))
        return none ? "max 100000"
                    : arena_printf(a, "%llu %d", n * (CPU_PERIOD / 100), (int)CPU_PERIOD);
    if (none)
        return "max";
    if (str_eq(l->name, "processes"))
        n += LIMITS_OWN_PROCESSES;
    else if (!to_write)
        n = n / PAGE * PAGE;
    return arena_printf(a, "%llu", n);
}

/* What systemd has put into another unit of time means the same. */
static bool same_share(const char *a, const char *b)
{
    unsigned long long n[2], period[2];
    const char *text[] = {a, b};
    for (int i = 0; i < 2; i++) {
        char *end;
        n[i] = strtoull(text[i], &end, 10);
        period[i] = strtoull(end, NULL, 10);
    }
    return period[0] && period[1] && n[0] && n[0] * period[1] == n[1] * period[0];
}

/* A limit is there when the kernel says so: *is. Without a file for it there is none, which is what
 * "max" wants: systemd takes a controller away with the last limit that needs it. */
static bool in_force(struct arena *a, int folder, const struct plan_limit *v, const char **is)
{
    const char *want = in_kernels_words(a, v, false);
    *is = read_at(a, folder, limit_named(v->name)->file);
    if (!*is)
        return str_eq(v->value, "max");
    return str_eq(*is, want) || (str_eq(v->name, "cpu") && same_share(*is, want)) ||
           (strlen(*is) > strlen(want) && str_after(*is, want) && (*is)[strlen(want)] == '\n');
}

static struct limits_fault verify(struct arena *a, int folder, const struct plan_limit *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *file = limit_named(v[i].name)->file, *is;
        if (!in_force(a, folder, &v[i], &is) && !v[i].optional)
            return (struct limits_fault){
                arena_printf(a, "the limit of %s is not in force (%s %s)", v[i].name, file,
                             is ? arena_printf(a, "is %s", is) : "is not there"),
                EOPNOTSUPP};
    }
    return (struct limits_fault){NULL, 0};
}

/* systemd answers when it has noted a change, and carries it out a moment later. */
static struct limits_fault verify_soon(struct arena *a, int folder, const struct plan_limit *v,
                                       size_t n)
{
    enum { LOOKS = 200 };
    const struct timespec pause = {.tv_nsec = 10000000};
    struct limits_fault f = verify(a, folder, v, n);
    for (int i = 0; f.what && i < LOOKS; i++) {
        nanosleep(&pause, NULL);
        f = verify(a, folder, v, n);
    }
    return f;
}

static struct limits_fault write_limits(struct arena *a, int folder, const struct plan_limit *v,
                                        size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *file = limit_named(v[i].name)->file;
        int r = write_at(folder, file, in_kernels_words(a, &v[i], true));
        if (r < 0 && !v[i].optional && (r != -ENOENT || !str_eq(v[i].value, "max")))
            return (struct limits_fault){arena_printf(a, "cannot set %s", file), -r};
    }
    return verify(a, folder, v, n);
}

/* ---- groups of our own ---- */

/* What its groups can have; what is there already, or cannot be had, is no fault here: the groups'
 * files tell (verify). */
static void enable(int folder)
{
    static const char *const controllers[] = {"+cpu", "+io", "+memory", "+pids"};
    for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
        write_at(folder, "cgroup.subtree_control", controllers[i]);
}

struct limits_fault limits_move(struct arena *a, int group, pid_t pid)
{
    int r = write_at(group, "cgroup.procs", arena_printf(a, "%d", (int)pid));
    if (r < 0 && r != -ESRCH)
        return (struct limits_fault){"cannot move the app into its control group", -r};
    return (struct limits_fault){NULL, 0};
}

/* What others have left behind; one that is in use cannot be removed, a new one is left alone. */
static void tidy(int folder)
{
    enum { GRACE_SECONDS = 60 };
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    struct stat st;
    for (struct dirent *e; d && (e = readdir(d));)
        if (str_after(e->d_name, "app-carrel-") && !strstr(e->d_name, ".scope") &&
            fstatat(folder, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_mtime + GRACE_SECONDS < time(NULL))
            unlinkat(folder, e->d_name, AT_REMOVEDIR);
    if (d)
        closedir(d);
}

static struct limits_fault begin_own(struct arena *a, const struct control_fact *by,
                                     struct limits_order *o)
{
    const char *name = limits_group_name(a, o->app, o->instance, false);
    cleanup_fd int folder = open(by->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return (struct limits_fault){"cannot open the folder of control groups", errno};
    tidy(folder);
    enable(folder);
    if (mkdirat(folder, name, 0755) < 0)
        return (struct limits_fault){"cannot make a control group", errno};
    cleanup_fd int own = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct limits_fault f = own < 0 ? (struct limits_fault){"cannot open the control group", errno}
                                    : write_limits(a, own, o->v, o->n);
    /* When memory is over all of the app ends, and not a process that it goes on without. */
    if (!f.what)
        write_at(own, "memory.oom.group", "1");
    for (size_t i = 0; !f.what && i < o->n_pids; i++)
        f = limits_move(a, own, o->pids[i]);
    if (f.what)
        unlinkat(folder, name, AT_REMOVEDIR);
    else
        o->group = steal_fd(&own);
    return f;
}

/* ---- either way ---- */

static struct limits_fault begin_scope(struct arena *a, const char *bus, struct limits_order *o)
{
    bool manager;
    o->scope = limits_group_name(a, o->app, o->instance, true);
    struct limits_fault f = systemd_begin(a, bus, o);
    if (f.what)
        return f;
    const char *path = limits_group_of(a, o->pids[0], o->instance, &manager);
    cleanup_fd int folder = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (folder < 0 || !manager)
        return (struct limits_fault){"it made a scope, but the app is not in it", ESRCH};
    return verify(a, folder, o->v, o->n);
}

struct limits_fault limits_begin(struct arena *a, const struct control_fact *by, const char *bus,
                                 struct limits_order *o)
{
    struct limits_fault f = {NULL, 0}, own;
    o->group = -1;
    o->scope = NULL;
    if (by->manager && !(f = begin_scope(a, bus, o)).what)
        return f;
    o->scope = NULL;
    if (by->folder) {
        own = begin_own(a, by, o);
        if (!own.what || !f.what)
            return own;
    } else {
        own = (struct limits_fault){"no part of the tree of control groups is the person's",
                                    EOPNOTSUPP};
        if (!f.what)
            return own;
    }
    own.what = arena_printf(a, "by systemd: %s: %s; by a group of its own: %s", f.what,
                            strerror(f.error), own.what);
    return own;
}

struct limits_fault limits_change(struct arena *a, const char *bus, const char *path,
                                  const struct plan_limit *v, size_t n)
{
    const char *name = strrchr(path, '/') + 1;
    bool manager = strlen(name) > 6 && str_eq(name + strlen(name) - 6, ".scope");
    cleanup_fd int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return (struct limits_fault){"cannot open the control group", errno};
    if (!manager)
        return write_limits(a, folder, v, n);
    struct limits_fault f = systemd_change(a, bus, name, v, n);
    return f.what ? f : verify_soon(a, folder, v, n);
}

const char *limits_group_of(struct arena *a, pid_t pid, const char *instance, bool *manager)
{
    static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    struct buf text = {.arena = a};
    cleanup_fd int fd = open(arena_printf(a, "/proc/%d/cgroup", (int)pid), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || file_read_fd(fd, 64 << 10, &text) < 0 || !text.len)
        return NULL;
    const char *at = strstr(text.data, "0::/");
    if (!at || (at != text.data && at[-1] != '\n'))
        return NULL;
    const char *path = arena_strndup(a, at + 3, strcspn(at + 3, "\n"));
    const char *name = strrchr(path, '/') + 1;
    const char *end = str_after(name, "app-carrel-") ? strrchr(name, '-') + 1 : NULL;
    *manager = end && str_eq(end, arena_printf(a, "%s.scope", instance));
    if (!end || (!*manager && !str_eq(end, instance)))
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
        const char *whole = arena_printf(a, "%s%s", mounts[i], path);
        if (access(whole, F_OK) == 0)
            return whole;
    }
    return NULL;
}

const char *limits_missing(struct arena *a, pid_t pid, const char *instance,
                           const struct plan_limit *v, size_t n)
{
    struct buf names = {.arena = a};
    bool manager;
    const char *path = limits_group_of(a, pid, instance, &manager), *is;
    cleanup_fd int folder = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    for (size_t i = 0; i < n; i++)
        if (folder < 0 || !in_force(a, folder, &v[i], &is))
            buf_printf(&names, "%s%s", names.len ? ", " : "", v[i].name);
    return names.data;
}
