/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/compat.h"
#include "core/sys.h"

#include <linux/mount.h>
#include <linux/openat2.h>
#include <unistd.h>

enum {
    UNBINDABLE = 1 << 17,
    PRIVATE = 1 << 18,
    DETACH = 2,
    COPY_BYTES = 16 << 10,
    OPTION_BYTES = 256
};

/* Links lead nowhere but beneath the root. */
static int open_in_root(const struct job *j, const char *path, int flags)
{
    const uint64_t resolve = j->loose & LOOSE_LINKS ? RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
                                                    : RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    return sys_openat2(j->root, path, O_PATH | flags, resolve);
}

/* Folders above what only its owner, or its group, may use are made likewise; so are those above
 * what has no mode of its own, as bubblewrap makes them. */
static unsigned parent_mode(const struct step *s)
{
    bool has = s->verb == PLAN_DIR || s->verb == PLAN_TMPFS || s->verb == PLAN_COPY_FD ||
               s->verb == PLAN_BIND_COPY;
    uint64_t mode = has ? s->n[1] : 0;
    return 0755u & ~(mode & 0070 ? 0u : 0050u) & ~(mode & 0007 ? 0u : 0005u);
}

int compat_parent(struct job *j, const struct step *s, char *path, size_t n)
{
    int fd = j->root;
    for (size_t i = 1; i < n;) {
        char *name = path + i, *end = name + strcspn(name, "/"), behind = *end;
        *end = '\0';
        long err = sys3(__NR_mkdirat, fd, name, parent_mode(s));
        if (fd != j->root)
            sys_close(fd);
        fd = err && err != -EEXIST ? (int)err : open_in_root(j, path + 1, O_DIRECTORY);
        *end = behind;
        must(s, "mkdirat", fd, "cannot make the parents of %q", path);
        i = (size_t)(end + 1 - path);
    }
    /* Without a link on the way, nothing else leads to the same place. */
    char behind = path[n];
    path[n] = '\0';
    int again = sys_openat2(j->root, path + 1, O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    path[n] = behind;
    j->aliased |= again < 0;
    if (again >= 0)
        sys_close(again);
    return fd;
}

/* It may not stay below: what is left of the old root is what the last step of all unmounts. */
void compat_drop_root(struct job *j, const struct step *s)
{
    root_covered(j, 0);
    CALL1(s, fchdir, j->root, "cannot leave the first root");
    CALL2(s, umount2, ".", DETACH, "cannot leave the first root");
    CALL1(s, chdir, "/", "cannot leave the first root");
    sys_close(j->root);
    j->root = -1;
}

void run_loose_bind(struct job *j, const struct step *s)
{
    if (!(s->n[2] & BIND_MAGIC)) {
        run_bind(j, s);
        return;
    }
    int fd = sys_openat(AT_FDCWD, s->w[0].s, O_PATH, 0);
    if (fd == -ENOENT && (s->n[2] & BIND_OPTIONAL))
        return;
    must(s, "openat2", fd, "cannot bind %q on %q", s->w[0].s, s->w[1].s);
    int tree = mount_clone(s, fd, "", AT_EMPTY_PATH | AT_RECURSIVE);
    sys_close(fd);
    bind_tree(j, s, tree);
}

/* What acts on the whole machine is made read-only, if it could be written: only root could. */
void run_loose_proc(struct job *j, const struct step *s)
{
    static const char *const names[] = {"sys", "sysrq-trigger", "irq", "bus"};
    const uint64_t inert = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    bool host = s->argc > 1 && s->n[1] == 1;
    int proc = host ? mount_clone(s, AT_FDCWD, "/proc", AT_RECURSIVE)
                    : mount_new(s, "proc", NULL, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    mount_flags(s, proc, AT_RECURSIVE, inert, 0);
    int keep = CALL3(s, fcntl, proc, F_DUPFD_CLOEXEC, FIRST_FREE_FD, "cannot mount a proc");
    mount_attach(j, s, proc, s->w[0].s, true);
    bool root = s->w[0].n == 1; /* which cannot be copied from, see there */
    if (root)
        mount_flags(s, keep, 0, 0, PRIVATE);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        long err = sys3(__NR_faccessat, keep, names[i], W_OK);
        if (err == -EACCES || err == -ENOENT || err == -EROFS)
            continue;
        must(s, "faccessat", err, "Can't access %e/%s", s->w[0].s, names[i]);
        int tree = mount_clone(s, keep, names[i], AT_RECURSIVE);
        mount_flags(s, tree, AT_RECURSIVE, inert | MOUNT_ATTR_RDONLY, 0);
        CALL5(s, move_mount, tree, "", keep, names[i], MOVE_MOUNT_F_EMPTY_PATH, "cannot cover %q",
              names[i]);
        sys_close(tree);
    }
    if (root)
        mount_flags(s, keep, 0, 0, UNBINDABLE);
    sys_close(keep);
}

/* As bubblewrap does, it takes device nodes and setuid programs away as well. */
void run_loose_seal(struct job *j, const struct step *s)
{
    const char *name;
    int parent = root_parent(j, s, s->w[0].s, &name);
    int fd = entry_open(s, parent, name, s->w[0].s, 0);
    mount_flags(s, fd, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0);
    sys_close(fd);
}

/* The same link may stand already; what else is there is told. */
void run_loose_symlink(struct job *j, const struct step *s)
{
    const char *name;
    char there[4096];
    int parent = root_parent(j, s, s->w[1].s, &name);
    long n = sys4(__NR_readlinkat, parent, name, there, sizeof there - 1);
    if (n == -EINVAL)
        die(s, NULL, 0, "destination exists and is not a symlink");
    if (n < 0) {
        run_symlink(j, s);
        return;
    }
    there[n] = '\0';
    if (strcmp(there, s->w[0].s))
        die(s, NULL, 0, "existing destination is %e", there);
}

/* On what was opened without following a link at its end: chmod would follow. */
void run_chmod(struct job *j, const struct step *s)
{
    const char *path = s->w[0].s, *mode = s->w[1].s;
    struct line name = {0};
    int fd = open_in_root(j, path[1] ? path + 1 : ".", O_NOFOLLOW);
    must(s, "openat2", fd, "cannot open %q", path);
    format(&name, "self/fd/%u", (unsigned)fd);
    name.text[name.n] = '\0';
    CALL3(s, fchmodat, j->proc_fd, name.text, s->n[1], "Can't chmod 0%e %e", mode, path);
    sys_close(fd);
}

/* What an option named is read once; no other file of ours may come under its number. */
void fd_used_up(const struct job *j, const struct step *s, uint64_t fd)
{
    CALL3(s, dup3, j->proc_fd, fd, O_CLOEXEC, "cannot close a descriptor");
}

static void copy(const struct job *j, const struct step *s, int from, int to)
{
    char part[COPY_BYTES];
    for (long n; (n = CALL3(s, read, from, part, sizeof part, "cannot read descriptor %u",
                            (unsigned)from));)
        for (long done = 0; done < n;)
            done += CALL3(s, write, to, part + done, n - done, "cannot write %q", s->w[0].s);
    fd_used_up(j, s, (unsigned)from);
}

void run_copy_fd(struct job *j, const struct step *s)
{
    const char *name;
    int parent = root_parent(j, s, s->w[0].s, &name);
    int to = sys_openat(parent, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NOCTTY,
                        (unsigned)s->n[1]);
    must(s, "openat", to, "cannot make the file %q", s->w[0].s);
    copy(j, s, (int)s->n[2], to);
    sys_close(to);
}

void scratch_make(struct job *j)
{
    j->scratch = mount_new(NULL, "tmpfs", NULL, MOUNT_ATTR_NODEV);
    CALL5(NULL, move_mount, j->scratch, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH,
          "cannot mount a hidden tmpfs");
    mount_flags(NULL, j->scratch, 0, 0, UNBINDABLE);
}

/* A name in the hidden tmpfs that no other step has. */
static void name_of(struct line *name, const struct step *s, const char *kind)
{
    format(name, "%s%u", kind, (unsigned)s->line);
    name->text[name->n] = '\0';
}

void run_bind_copy(struct job *j, const struct step *s)
{
    struct line name = {0};
    name_of(&name, s, "file");
    int to = CALL4(s, openat, j->scratch, name.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600,
                   "cannot make a file for %q", s->w[0].s);
    CALL2(s, fchmod, to, s->n[1], "cannot make a file for %q", s->w[0].s);
    copy(j, s, (int)s->n[2], to);
    mount_flags(s, j->scratch, 0, 0, PRIVATE);
    int tree = mount_clone(s, to, "", AT_EMPTY_PATH);
    mount_flags(s, j->scratch, 0, 0, UNBINDABLE); /* so that no copy of the host's root holds it */
    sys_close(to);
    mount_flags(s, tree, 0,
                MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (s->n[3] ? 0 : MOUNT_ATTR_RDONLY), 0);
    mount_attach(j, s, tree, s->w[0].s, false);
    CALL3(s, unlinkat, j->scratch, name.text, 0, "cannot hide the file for %q", s->w[0].s);
}

/* A folder of the hidden tmpfs for an overlay. */
static int scratch_folder(const struct job *j, const struct step *s, const char *kind)
{
    struct line name = {0};
    name_of(&name, s, kind);
    CALL3(s, mkdirat, j->scratch, name.text, 0755, "cannot make a folder for the overlay");
    return entry_open(s, j->scratch, name.text, name.text, O_DIRECTORY);
}

static int layer_open(struct job *j, const struct step *s, char *path)
{
    return (int)must(s, "openat2", path_open(j, s, path), "cannot open the layer %q", path);
}

/* In /proc/self/fd the name of each folder is the number of its descriptor: no path has to be
 * escaped, and many go into the few bytes that an option may have. */
void run_overlay(struct job *j, const struct step *s)
{
    struct line lower = {0}, upper = {0}, work = {0};
    unsigned made[2];
    const char *name;
    int parent = root_parent(j, s, s->w[0].s, &name);
    long err = sys3(__NR_mkdirat, parent, name, 0755);
    must(s, "mkdirat", err == -EEXIST ? 0 : err, "cannot make %q", s->w[0].s);
    sys_close(entry_open(s, parent, name, s->w[0].s, O_DIRECTORY)); /* before the layers change */
    for (uint64_t i = 0; i < s->n[1]; i++, j->layer++) {
        while (j->layer < j->steps + j->n && j->layer->verb != PLAN_LAYER)
            j->layer++;
        if (j->layer == j->steps + j->n || lower.n > OPTION_BYTES - 12)
            die(s, NULL, 0, "has fewer layers than it says, or too many for this kernel");
        format(&lower, i ? ":%u" : "%u", (unsigned)layer_open(j, s, j->layer->w[0].s));
    }
    lower.text[lower.n] = '\0';
    for (int i = 0; i < 2 && s->n[2]; i++)
        made[i] = (unsigned)(s->n[2] == 2 ? layer_open(j, s, s->w[3 + i].s)
                                          : scratch_folder(j, s, i ? "work" : "upper"));
    if (s->n[2])
        format(&upper, "%u", made[0]), format(&work, "%u", made[1]);
    upper.text[upper.n] = work.text[work.n] = '\0';
    const char *options[] = {
        "userxattr", NULL,      "lowerdir", lower.text, s->n[2] ? "upperdir" : NULL,
        upper.text,  "workdir", work.text,  NULL};
    int fds = CALL3(s, openat, j->proc_fd, "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC,
                    "cannot open /proc/self/fd");
    CALL1(s, fchdir, fds, "cannot enter /proc/self/fd");
    mount_flags(s, j->scratch, 0, 0, PRIVATE);
    int tree = mount_new(s, "overlay", options, MOUNT_ATTR_NODEV);
    mount_flags(s, j->scratch, 0, 0, UNBINDABLE);
    CALL1(s, chdir, "/", "cannot leave /proc/self/fd");
    sys_close(fds);
    mount_attach(j, s, tree, s->w[0].s, true);
}
