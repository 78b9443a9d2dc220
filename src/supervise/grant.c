/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that come into the app's sight while it runs. A child does the work and ends: it joins the
 * outer user namespace of the sandbox, which is ours, makes itself a copy of the host's mounts
 * there, copies from that the one mount that is wanted, and goes on into the sandbox's mount
 * namespace to attach it. The app has no capability over its mounts, so it can take nothing away.
 */
#include "supervise/supervise.h"
#include "supervise/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* What the child tells when it is done. */
struct answer {
    char failed[96]; /* "" when nothing did */
    int error, made;
    uint64_t mount;
};

enum { PATIENCE_SECONDS = 10 };

struct task {
    const struct supervisor *s;
    const struct grant *g;
    int fd; /* what is granted; -1: it is taken away */
    int host_mounts;
};

static bool failed(struct answer *a, const char *what)
{
    a->error = errno;
    snprintf(a->failed, sizeof a->failed, "%s", what);
    return false;
}

static bool join_outer(const struct supervisor *s, struct answer *a)
{
    int outer = ioctl(s->ns[NS_USER], NS_GET_PARENT);
    if (outer < 0 || setns(outer, CLONE_NEWUSER) < 0)
        return failed(a, "cannot join the sandbox's user namespace");
    close(outer);
    return true;
}

static bool enter(const struct supervisor *s, struct answer *a)
{
    return setns(s->ns[NS_MNT], CLONE_NEWNS) == 0 || failed(a, "cannot enter the sandbox");
}

/* A detached copy of what the person means. It was looked at by whoever has sent fd, so what the
 * path leads to now must be the same file. */
static int copy_tree(const struct task *t, struct answer *a)
{
    struct stat want, have;
    const uint64_t private = 1 << 18; /* MS_PRIVATE: what the host mounts later stays away */
    const struct mount_attr attr = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                                (t->g->rw ? 0 : MOUNT_ATTR_RDONLY),
                                    .propagation = private};
    int fd = open_strictly(AT_FDCWD, t->g->path, 0);
    if (fd < 0 || fstat(t->fd, &want) < 0 || fstat(fd, &have) < 0) {
        failed(a, "cannot open it");
        return -1;
    }
    if (want.st_dev != have.st_dev || want.st_ino != have.st_ino) {
        errno = ESTALE;
        failed(a, "it was replaced meanwhile");
        return -1;
    }
    int tree = (int)syscall(SYS_open_tree, fd, "",
                            AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0 || syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr,
                            sizeof attr) < 0) {
        failed(a, "cannot copy its mount");
        return -1;
    }
    close(fd);
    return tree;
}

/* Whether the app sees the same file there as it is to see it, or may even write it. */
static bool in_sight(const struct task *t, int tree, int there)
{
    struct stat a, b;
    struct statvfs v;
    return fstat(tree, &a) == 0 && fstat(there, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino && fstatvfs(there, &v) == 0 &&
           (!t->g->rw || !(v.f_flag & ST_RDONLY));
}

static bool attach(const struct task *t, int tree, struct answer *a)
{
    struct stat st;
    if (fstat(tree, &st) < 0)
        return failed(a, "cannot look at it");
    a->made = 0;
    int on = tree_make(t->host_mounts, t->g->path, S_ISDIR(st.st_mode), &a->made);
    if (on < 0)
        return failed(a, errno == EXDEV
                             ? "the app sees another folder there, which is not Carrel's "
                               "to change"
                             : "cannot make a place for it inside");
    if (in_sight(t, tree, on)) {
        errno = EALREADY;
        return failed(a, "the app has it in sight already");
    }
    if (syscall(SYS_move_mount, tree, "", on, "",
                MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ||
        !(a->mount = mount_id(tree))) {
        bool stale = errno == ENOENT && fstat(on, &st) == 0 && !st.st_nlink;
        failed(a, stale ? "its policy shows it the file that was there at its start, now replaced: "
                          "start it anew"
                        : "cannot mount it");
        tree_unmake(t->g->path, a->made);
        return false;
    }
    return true;
}

static bool add(struct task *t, struct answer *a)
{
    t->host_mounts = tree_host_mounts();
    if (!join_outer(t->s, a))
        return false;
    if (unshare(CLONE_NEWNS) < 0)
        return failed(a, "cannot copy the host's mounts");
    int tree = copy_tree(t, a);
    return tree >= 0 && enter(t->s, a) && attach(t, tree, a);
}

static bool take_away(const struct task *t, struct answer *a)
{
    if (!join_outer(t->s, a) || !enter(t->s, a))
        return false;
    if (tree_unmount(t->g->path, t->g->mount) < 0)
        return failed(a, "cannot unmount it");
    tree_unmake(t->g->path, t->g->made);
    return true;
}

/* Runs a task in a child, which changes its namespaces for good. */
static struct answer carry_out(struct task *t)
{
    struct answer a = {.error = 0};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        failed(&a, "cannot make a pipe");
        return a;
    }
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none; /* a file system that does not answer must not hold us up for ever */
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        alarm(PATIENCE_SECONDS);
        if (t->fd >= 0)
            add(t, &a);
        else
            take_away(t, &a);
        _exit(write(ends[1], &a, sizeof a) == (ssize_t)sizeof a ? 0 : 1);
    }
    close(ends[1]);
    if (pid < 0)
        failed(&a, "cannot start a process");
    else if (read(ends[0], &a, sizeof a) != (ssize_t)sizeof a) {
        errno = ECHILD;
        failed(&a, "the helper ended early");
    }
    close(ends[0]);
    /* Its end is not waited for, as taking down its copy of the host's mounts takes longer than all
     * the rest: services_reap takes notice of it. */
    return a;
}

static time_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return t.tv_sec;
}

static struct grant *row_of(struct supervisor *s, const char *path)
{
    for (int i = 0; i < s->n_grants; i++)
        if (strcmp(s->grants[i].path, path) == 0)
            return &s->grants[i];
    return NULL;
}

static struct grant *free_row(struct supervisor *s)
{
    struct grant *g = row_of(s, "");
    return g ? g : s->n_grants < MAX_GRANTS ? &s->grants[s->n_grants++] : NULL;
}

static struct outcome outcome_of(const struct answer *a)
{
    static char text[sizeof a->failed];
    memcpy(text, a->failed, sizeof text);
    return (struct outcome){*text ? text : NULL, a->error};
}

/* Many programs save a file by renaming a new one over it: what was granted then is no longer what
 * the path leads to. While it is attached no other file can have its number. */
static bool same_file(const struct grant *g, const struct stat *st)
{
    return g->dev == st->st_dev && g->ino == st->st_ino;
}

struct outcome grant_add(struct supervisor *s, const char *path, int fd, bool rw, time_t seconds)
{
    struct grant *g = row_of(s, path);
    struct stat st;
    if (fstat(fd, &st) < 0)
        return (struct outcome){"cannot look at it", errno};
    if (g && (g->rw != rw || !same_file(g, &st))) { /* the old one goes first */
        struct outcome o = grant_end(s, g);
        if (o.failed)
            return o;
        g = NULL;
    }
    if (g) {
        g->ends = seconds ? now() + seconds : 0;
        return (struct outcome){NULL, 0};
    }
    if (!s->app || !(g = free_row(s)))
        return (struct outcome){s->app ? "too many grants" : "the app has not started yet", EAGAIN};
    snprintf(g->path, sizeof g->path, "%s", path);
    g->rw = rw;
    g->dev = st.st_dev;
    g->ino = st.st_ino;
    g->ends = seconds ? now() + seconds : 0;
    struct answer a = carry_out(&(struct task){.s = s, .g = g, .fd = fd});
    g->made = a.made;
    g->mount = a.mount;
    if (*a.failed)
        *g->path = '\0';
    return outcome_of(&a);
}

struct outcome grant_end(struct supervisor *s, struct grant *g)
{
    struct answer a = carry_out(&(struct task){.s = s, .g = g, .fd = -1});
    if (!*a.failed || a.error == ENOENT)
        *g->path = '\0';
    return outcome_of(&a);
}

int grants_expire(struct supervisor *s)
{
    time_t next = s->n_names ? names_expire(s) : 0, t = next ? now() : 0;
    for (int i = 0; i < s->n_grants; i++) {
        struct grant *g = &s->grants[i];
        if (!*g->path || !g->ends)
            continue;
        t = t ? t : now();
        if (g->ends <= t) {
            struct outcome o = grant_end(s, g);
            if (o.failed) {
                complain("a grant could not be ended", o.failed, o.error);
                g->ends = t + 1; /* and again: it must not stay */
            }
        }
        if (*g->path && (!next || g->ends < next))
            next = g->ends;
    }
    return next ? (int)(next > t + 3600 ? 3600 : next - t) * 1000 : -1;
}
