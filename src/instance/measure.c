/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/instance.h"

#include "util/file.h"
#include "util/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* A line of /proc/PID/stat, proc(5). */
struct process {
    pid_t pid, parent;
    uint64_t ticks, pages;
    ino_t pids; /* its namespace of process numbers; 0: nobody lets us know */
};

struct table {
    struct process *v;
    size_t n, cap;
};

/* The program's name, the second word, may hold anything: the last ")" ends it. */
static bool read_process(int proc, const char *pid, struct process *out)
{
    enum { PARENT = 1, UTIME = 11, STIME, CUTIME, CSTIME, RSS = 21 };
    char name[32], text[1024];
    unsigned long long words[RSS + 1] = {0};
    snprintf(name, sizeof name, "%.20s/stat", pid);
    cleanup_fd int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n <= 0)
        return false;
    text[n] = '\0';
    char *s = strrchr(text, ')');
    for (int i = 0; s && i <= RSS; i++) {
        s = strchr(s, ' ');
        words[i] = s ? strtoull(++s, NULL, 10) : 0; /* the state, a letter, gives 0 */
    }
    if (!s)
        return false;
    *out = (struct process){
        .pid = (pid_t)strtol(pid, NULL, 10),
        .parent = (pid_t)words[PARENT],
        .ticks = words[UTIME] + words[STIME] + words[CUTIME] + words[CSTIME],
        .pages = words[RSS],
    };
    snprintf(name, sizeof name, "%.20s/ns/pid", pid);
    struct stat st;
    out->pids = fstatat(proc, name, &st, 0) == 0 ? st.st_ino : 0;
    return true;
}

static int by_pid(const void *a, const void *b)
{
    const struct process *x = a, *y = b;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

static const struct process *find(const struct table *t, pid_t pid)
{
    const struct process key = {.pid = pid};
    return t->n ? bsearch(&key, t->v, t->n, sizeof *t->v, by_pid) : NULL;
}

static int read_table(struct arena *a, struct table *t)
{
    DIR *d = opendir("/proc");
    if (!d)
        return -errno;
    for (struct dirent *e; (e = readdir(d));) {
        struct process p;
        if (e->d_name[0] < '1' || e->d_name[0] > '9' || !read_process(dirfd(d), e->d_name, &p))
            continue;
        t->v = arena_grow(a, t->v, t->n, &t->cap, sizeof *t->v);
        t->v[t->n++] = p;
    }
    closedir(d);
    if (t->n > 1)
        qsort(t->v, t->n, sizeof *t->v, by_pid);
    return 0;
}

struct root {
    pid_t init;
    ino_t pids; /* the namespace */
    struct instance *in;
};

static int by_init(const void *a, const void *b)
{
    const struct root *x = a, *y = b;
    return (x->init > y->init) - (x->init < y->init);
}

/* What `carrel enter` brought in from outside has a parent there. */
static struct instance *entered(const struct root *roots, size_t n, const struct process *p)
{
    for (size_t i = 0; p->pids && i < n; i++)
        if (roots[i].pids == p->pids && roots[i].init != p->pid)
            return roots[i].in;
    return NULL;
}

/* The instance below whose pid 1 a process runs, or below what was brought in; or NULL. Orphans
 * come to pid 1. */
static struct instance *owner(const struct table *t, const struct root *roots, size_t n,
                              const struct process *p)
{
    for (int depth = 0; p && p->parent > 1 && depth < 4096; depth++) {
        const struct root key = {.init = p->parent};
        const struct root *r = bsearch(&key, roots, n, sizeof *roots, by_init);
        if (r)
            return r->in;
        struct instance *in = entered(roots, n, p);
        if (in)
            return in;
        p = find(t, p->parent);
    }
    return NULL;
}

int instances_measure(struct arena *a, struct instance *v, size_t n)
{
    struct table t = {.n = 0};
    struct root *roots = arena_array(a, n + 1, sizeof *roots);
    size_t n_roots = 0;
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), hz = (uint64_t)sysconf(_SC_CLK_TCK);
    int r = n ? read_table(a, &t) : 0;
    for (size_t i = 0; i < n; i++) {
        const struct process *p = v[i].app_pid ? find(&t, v[i].app_pid) : NULL;
        if (p)
            roots[n_roots++] = (struct root){p->parent, p->pids, &v[i]};
    }
    if (n_roots > 1)
        qsort(roots, n_roots, sizeof *roots, by_init);
    for (size_t i = 0; n_roots && i < t.n; i++) {
        struct instance *in = owner(&t, roots, n_roots, &t.v[i]);
        if (!in)
            continue;
        in->pids = arena_grow(a, in->pids, in->n_pids, &in->cap_pids, sizeof *in->pids);
        in->pids[in->n_pids++] = t.v[i].pid;
        in->memory += t.v[i].pages * page;
        in->cpu_ms += t.v[i].ticks * 1000 / hz;
    }
    return r;
}
