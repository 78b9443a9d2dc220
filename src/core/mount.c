/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/sys.h"

#include <linux/mount.h>
#include <string.h>

/*
 * The root is made with the new mount calls, on descriptors: a tree is cloned or made detached, its
 * flags are set while nobody can reach it, and only then it is attached. /proc/self/mountinfo is
 * never read, so the time does not depend on how many mounts the host has.
 */
enum { PROPAGATION_PRIVATE = 1 << 18 /* MS_PRIVATE */, DETACH = 2 /* MNT_DETACH */ };

/* Makes an empty folder or file to mount on, if there is nothing at dst, and opens it. */
static int mount_point(struct job *j, const struct step *s, char *dst, bool dir)
{
    const char *name;
    int parent = root_parent(j, s, dst, &name);
    long err = dir ? sys3(__NR_mkdirat, parent, name, 0755)
                   : sys4(__NR_mknodat, parent, name, S_IFREG | 0644, 0);
    if (err && err != -EEXIST)
        die(s, dir ? "mkdirat" : "mknodat", err, "cannot make %q to mount on", dst);
    return entry_open(s, parent, name, dst, dir ? O_DIRECTORY : 0);
}

/* Attaches a detached tree. The descriptor becomes the job's root, or is closed. */
static void attach(struct job *j, const struct step *s, int tree, char *dst, bool dir)
{
    int on = dst[1] ? mount_point(j, s, dst, dir) : AT_FDCWD;
    long err = sys5(__NR_move_mount, tree, "", on, dst[1] ? "" : "/",
                    MOVE_MOUNT_F_EMPTY_PATH | (dst[1] ? MOVE_MOUNT_T_EMPTY_PATH : 0));
    if (err)
        die(s, "move_mount", err, "cannot mount on %q", dst);
    if (!dst[1]) {
        j->root = tree;
        return;
    }
    root_covered(j, dst);
    sys_close(on);
    sys_close(tree);
}

struct option {
    const char *key, *value;
};

/* A new file system of this type, detached. */
static int new_mount(const struct step *s, const char *type, const struct option *o,
                     unsigned attributes)
{
    long fs = sys2(__NR_fsopen, type, FSOPEN_CLOEXEC);
    if (fs < 0)
        die(s, "fsopen", fs, "cannot make a file system of type %s", type);
    for (; o && o->key; o++) {
        long err = sys5(__NR_fsconfig, fs, FSCONFIG_SET_STRING, o->key, o->value, 0);
        if (err)
            die(s, "fsconfig", err, "cannot set the option %s to %q", o->key, o->value);
    }
    long err = sys5(__NR_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    if (err)
        die(s, "fsconfig", err, "cannot make a file system of type %s", type);
    long mount =
        sys3(__NR_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | attributes);
    if (mount < 0)
        die(s, "fsmount", mount, "cannot mount a file system of type %s", type);
    sys_close((int)fs);
    return (int)mount;
}

void run_tmpfs(struct job *j, const struct step *s)
{
    struct option o[] = {{"mode", s->w[1].s}, {"size", s->w[2].s}, {NULL, NULL}};
    if (strcmp(s->w[2].s, "-") == 0)
        o[1].key = NULL;
    attach(j, s, new_mount(s, "tmpfs", o, 0), s->w[0].s, true);
}

static int clone_tree(const struct step *s, int dir, const char *path, unsigned flags,
                      const char *name)
{
    long tree = sys3(__NR_open_tree, dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
    if (tree < 0)
        die(s, "open_tree", tree, "cannot copy the mounts of %q", name);
    return (int)tree;
}

static void set_attributes(const struct step *s, int tree, unsigned flags,
                           const struct mount_attr *attr, const char *name)
{
    long err = sys5(__NR_mount_setattr, tree, "", AT_EMPTY_PATH | flags, attr, sizeof *attr);
    if (err)
        die(s, "mount_setattr", err, "cannot set the mount flags of %q", name);
}

/*
 * What is bound read-only is cut off from the host's later mounts as well: they would come
 * writable. What is bound writable follows them, so that a medium put in later is seen.
 */
void run_bind(struct job *j, const struct step *s)
{
    char *src = s->w[0].s;
    uint64_t flags = s->n[0];
    int fd = host_open(s, src);
    if (fd == -ENOENT && (flags & BIND_OPTIONAL))
        return;
    struct stat st;
    int err = fd < 0 ? fd : sys_fstat(fd, &st);
    if (err < 0)
        die(s, fd < 0 ? "openat2" : "fstat", err, "cannot bind %q on %q", src, s->w[1].s);
    if ((flags & BIND_SAME) && (st.st_dev != s->n[1] || st.st_ino != s->n[2]))
        die(s, NULL, 0, "%q was replaced between the plan and the start", src);
    int tree = clone_tree(s, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, src);
    sys_close(fd);
    const struct mount_attr attr = {
        .attr_set = MOUNT_ATTR_NOSUID | (flags & BIND_RO ? MOUNT_ATTR_RDONLY : 0) |
                    (flags & BIND_DEV ? 0 : MOUNT_ATTR_NODEV) |
                    (flags & BIND_NOEXEC ? MOUNT_ATTR_NOEXEC : 0),
        .propagation = flags & BIND_RO ? PROPAGATION_PRIVATE : 0,
    };
    set_attributes(s, tree, AT_RECURSIVE, &attr, src);
    attach(j, s, tree, s->w[1].s, S_ISDIR(st.st_mode));
}

/* What in /proc acts on the whole machine: read-only, as a caller who is root could write it. */
static const char *const proc_read_only[] = {
    "sys", "sysrq-trigger", "irq", "bus", "acpi", "dynamic_debug", "fs", "mtrr", "scsi",
};

void run_proc(struct job *j, const struct step *s)
{
    const struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                                MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
    int proc = new_mount(s, "proc", NULL, MOUNT_ATTR_NOEXEC);
    int keep = (int)sys3(__NR_fcntl, proc, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    if (keep < 0)
        die(s, "fcntl", keep, "cannot keep a descriptor");
    attach(j, s, proc, s->w[0].s, true);
    for (size_t i = 0; i < sizeof proc_read_only / sizeof *proc_read_only; i++) {
        const char *name = proc_read_only[i];
        long tree = sys3(__NR_open_tree, keep, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (tree == -ENOENT)
            continue;
        if (tree < 0)
            die(s, "open_tree", tree, "cannot copy the mounts of %q", name);
        set_attributes(s, (int)tree, 0, &attr, name);
        long err = sys5(__NR_move_mount, tree, "", keep, name, MOVE_MOUNT_F_EMPTY_PATH);
        if (err)
            die(s, "move_mount", err, "cannot mount on %q", name);
        sys_close((int)tree);
    }
    sys_close(keep);
}

void run_devpts(struct job *j, const struct step *s)
{
    static const struct option o[] = {{"ptmxmode", "0666"}, {"mode", "0620"}, {NULL, NULL}};
    attach(j, s, new_mount(s, "devpts", o, MOUNT_ATTR_NOEXEC), s->w[0].s, true);
}

void run_mqueue(struct job *j, const struct step *s)
{
    attach(j, s, new_mount(s, "mqueue", NULL, MOUNT_ATTR_NOEXEC), s->w[0].s, true);
}

void run_dir(struct job *j, const struct step *s)
{
    const char *name;
    int parent = root_parent(j, s, s->w[0].s, &name);
    long err = sys3(__NR_mkdirat, parent, name, s->n[0]);
    if (err == -EEXIST) /* must be one, and no symbolic link to one */
        sys_close(entry_open(s, parent, name, s->w[0].s, O_DIRECTORY));
    else if (err)
        die(s, "mkdirat", err, "cannot make %q", s->w[0].s);
}

void run_file(struct job *j, const struct step *s)
{
    const char *name, *path = s->w[0].s;
    int parent = root_parent(j, s, s->w[0].s, &name);
    int fd = sys_openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, (unsigned)s->n[0]);
    if (fd < 0)
        die(s, "openat", fd, "cannot make the file %q", path);
    for (size_t done = 0; done < s->w[2].n;) {
        long n = sys3(__NR_write, fd, s->w[2].s + done, s->w[2].n - done);
        if (n <= 0)
            die(s, "write", n ? n : -EIO, "cannot write the file %q", path);
        done += (size_t)n;
    }
    sys_close(fd);
}

void run_symlink(struct job *j, const struct step *s)
{
    const char *name, *target = s->w[0].s;
    int parent = root_parent(j, s, s->w[1].s, &name);
    long err = sys3(__NR_symlinkat, target, parent, name);
    char there[4096];
    if (err == -EEXIST) { /* the same link may stand in a folder that is kept */
        long n = sys4(__NR_readlinkat, parent, name, there, sizeof there);
        if (n == (long)s->w[0].n && memcmp(there, target, s->w[0].n) == 0)
            return;
    }
    if (err)
        die(s, "symlinkat", err, "cannot make the symbolic link %q", s->w[1].s);
}

void run_seal(struct job *j, const struct step *s)
{
    const struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    int fd = root_open(j, s, s->w[0].s);
    if (fd < 0)
        die(s, "openat2", fd, "cannot open %q", s->w[0].s);
    set_attributes(s, fd, 0, &attr, s->w[0].s);
    sys_close(fd);
}

void run_host_dir(struct job *j, const struct step *s)
{
    (void)j;
    host_make_dirs(s, s->w[0].s, (unsigned)s->n[0]);
}

void root_enter(struct job *j)
{
    long err = sys1(__NR_fchdir, j->root);
    if (err)
        die(NULL, "fchdir", err, "cannot enter the new root");
    err = sys2(__NR_pivot_root, ".", ".");
    if (err)
        die(NULL, "pivot_root", err, "cannot enter the new root");
    /* The old root now lies on top of the new one. */
    err = sys2(__NR_umount2, ".", DETACH);
    if (err)
        die(NULL, "umount2", err, "cannot leave the old root");
    err = sys1(__NR_chdir, "/");
    if (err)
        die(NULL, "chdir", err, "cannot enter the new root");
}
