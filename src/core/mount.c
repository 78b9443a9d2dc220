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
#define INERT (MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* Makes an empty folder or file to mount on, if there is nothing at dst, and opens it. */
static int mount_point(struct job *j, const struct step *s, char *dst, bool dir)
{
    const char *name;
    int parent = root_parent(j, s, dst, &name);
    long err = dir ? sys3(__NR_mkdirat, parent, name, 0755)
                   : sys4(__NR_mknodat, parent, name, S_IFREG | 0644, 0);
    /* On a read-only or foreign file system making fails before it is seen that there is something.
     */
    if (err && sys4(__NR_faccessat2, parent, name, 0, AT_SYMLINK_NOFOLLOW) == 0)
        err = 0;
    must(s, dir ? "mkdirat" : "mknodat", err, "cannot make %q to mount on", dst);
    return entry_open(s, parent, name, dst, dir ? O_DIRECTORY : 0);
}

/*
 * The new root will lie on "/", and a copy of "/" that is made later would hold it: so the copies
 * that binds of the whole host will need are made before.
 */
static void copy_host(struct job *j, const struct step *root)
{
    for (const struct step *s = root + 1; s < j->steps + j->n; s++) {
        if (s->verb != PLAN_BIND || s->w[0].n != 1)
            continue;
        if (j->n_hosts == MAX_HOST_BINDS)
            die(s, NULL, 0, "more than %u binds of \"/\"", MAX_HOST_BINDS);
        j->hosts[j->n_hosts++] = (int)must(
            s, "open_tree",
            sys3(__NR_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE),
            "cannot copy the mounts of \"/\"");
    }
}

/* Attaches a detached tree. The descriptor becomes the job's root, or is closed. */
static void attach(struct job *j, const struct step *s, int tree, char *dst, bool dir)
{
    bool is_root = !dst[1];
    if (is_root)
        copy_host(j, s);
    int on = is_root ? AT_FDCWD : mount_point(j, s, dst, dir);
    must(s, "move_mount",
         sys5(__NR_move_mount, tree, "", on, is_root ? dst : "",
              MOVE_MOUNT_F_EMPTY_PATH | (is_root ? 0 : MOVE_MOUNT_T_EMPTY_PATH)),
         "cannot mount on %q", dst);
    if (is_root) {
        j->root = tree;
        return;
    }
    root_covered(j, dst);
    sys_close(on);
    sys_close(tree);
}

/* A new file system of this type, detached. Options are pairs of key and value. */
static int new_mount(const struct step *s, const char *type, const char *const *options,
                     unsigned attributes)
{
    int fs =
        (int)must(s, "fsopen", sys2(__NR_fsopen, type, FSOPEN_CLOEXEC), "cannot make a %s", type);
    for (; options && options[0]; options += 2)
        must(s, "fsconfig", sys5(__NR_fsconfig, fs, FSCONFIG_SET_STRING, options[0], options[1], 0),
             "cannot set the option %s of a %s to %q", options[0], type, options[1]);
    must(s, "fsconfig", sys5(__NR_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0),
         "cannot make a %s", type);
    int mount = (int)must(s, "fsmount",
                          sys3(__NR_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | attributes),
                          "cannot mount a %s", type);
    sys_close(fs);
    return mount;
}

void run_tmpfs(struct job *j, const struct step *s)
{
    bool sized = strcmp(s->w[2].s, "-") != 0;
    const char *options[] = {"mode", s->w[1].s, sized ? "size" : NULL, s->w[2].s, NULL};
    attach(j, s, new_mount(s, "tmpfs", options, MOUNT_ATTR_NODEV), s->w[0].s, true);
}

/* A detached copy of the mounts at a path. */
static int clone_tree(const struct step *s, int dir, const char *path, unsigned flags,
                      const char *name)
{
    return (int)must(s, "open_tree",
                     sys3(__NR_open_tree, dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags),
                     "cannot copy the mounts of %q", name);
}

static void set_flags(const struct step *s, int tree, unsigned flags, const struct mount_attr *attr,
                      const char *name)
{
    must(s, "mount_setattr",
         sys5(__NR_mount_setattr, tree, "", AT_EMPTY_PATH | flags, attr, sizeof *attr),
         "cannot set the mount flags of %q", name);
}

/*
 * What is bound read-only is cut off from the host's later mounts as well: they would come
 * writable. What is bound writable follows them, so that a medium put in later is seen.
 */
void run_bind(struct job *j, const struct step *s)
{
    char *src = s->w[0].s;
    uint64_t flags = s->n[2];
    struct stat st;
    int fd = path_open(s, src);
    if (fd == -ENOENT && (flags & BIND_OPTIONAL))
        return;
    must(s, "openat2", fd, "cannot bind %q on %q", src, s->w[1].s);
    must(s, "fstat", sys_fstat(fd, &st), "cannot bind %q on %q", src, s->w[1].s);
    if (s->argc == 4 && (st.st_dev != s->n[3] || st.st_ino != s->n[4]))
        die(s, NULL, 0, "%q was replaced between the plan and the start", src);
    const struct mount_attr attr = {
        .attr_set = MOUNT_ATTR_NOSUID | (flags & BIND_RO ? MOUNT_ATTR_RDONLY : 0) |
                    (flags & BIND_DEV ? 0 : MOUNT_ATTR_NODEV) |
                    (flags & BIND_NOEXEC ? MOUNT_ATTR_NOEXEC : 0),
        .propagation = flags & BIND_RO ? PROPAGATION_PRIVATE : 0,
    };
    int tree = src[1] || !j->n_hosts ? clone_tree(s, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, src)
                                     : j->hosts[--j->n_hosts];
    set_flags(s, tree, AT_RECURSIVE, &attr, src);
    sys_close(fd);
    attach(j, s, tree, s->w[1].s, S_ISDIR(st.st_mode));
}

/* What in /proc acts on the whole machine is made read-only, too; but for the first only root could
 * write it, who may be the caller. */
void run_proc(struct job *j, const struct step *s)
{
    static const char *const read_only[] = {"sys",  "sysrq-trigger", "irq", "bus", "acpi",
                                            "scsi", "dynamic_debug", "fs",  "mtrr"};
    const struct mount_attr attr = {.attr_set = INERT | MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY};
    int proc = new_mount(s, "proc", NULL, INERT);
    int keep = (int)must(s, "fcntl", sys3(__NR_fcntl, proc, F_DUPFD_CLOEXEC, FIRST_FREE_FD),
                         "cannot mount a proc");
    attach(j, s, proc, s->w[0].s, true);
    size_t n = j->caller_uid ? 1 : sizeof read_only / sizeof *read_only;
    for (size_t i = 0; i < n; i++) {
        if (sys3(__NR_faccessat, keep, read_only[i], 0) == -ENOENT)
            continue;
        int tree = clone_tree(s, keep, read_only[i], 0, read_only[i]);
        set_flags(s, tree, 0, &attr, read_only[i]);
        must(s, "move_mount",
             sys5(__NR_move_mount, tree, "", keep, read_only[i], MOVE_MOUNT_F_EMPTY_PATH),
             "cannot cover %q", read_only[i]);
        sys_close(tree);
    }
    sys_close(keep);
}

void run_devpts(struct job *j, const struct step *s)
{
    static const char *const options[] = {"ptmxmode", "0666", "mode", "0620", NULL};
    attach(j, s, new_mount(s, "devpts", options, MOUNT_ATTR_NOEXEC), s->w[0].s, true);
}

void run_mqueue(struct job *j, const struct step *s)
{
    attach(j, s, new_mount(s, "mqueue", NULL, INERT), s->w[0].s, true);
}

void run_dir(struct job *j, const struct step *s)
{
    const char *name;
    int parent = root_parent(j, s, s->w[0].s, &name);
    long err = sys3(__NR_mkdirat, parent, name, s->n[1]);
    if (err == -EEXIST) /* must be one, and no symbolic link to one */
        sys_close(entry_open(s, parent, name, s->w[0].s, O_DIRECTORY));
    else
        must(s, "mkdirat", err, "cannot make %q", s->w[0].s);
}

void run_file(struct job *j, const struct step *s)
{
    const char *name, *path = s->w[0].s;
    int parent = root_parent(j, s, s->w[0].s, &name);
    int fd = sys_openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, (unsigned)s->n[1]);
    must(s, "openat", fd, "cannot make the file %q", path);
    for (size_t done = 0; done < s->w[2].n;) {
        long n = sys3(__NR_write, fd, s->w[2].s + done, s->w[2].n - done);
        done += (size_t)must(s, "write", n ? n : -EIO, "cannot write the file %q", path);
    }
    sys_close(fd);
}

void run_symlink(struct job *j, const struct step *s)
{
    const char *name, *target = s->w[0].s;
    char there[4096];
    int parent = root_parent(j, s, s->w[1].s, &name);
    long err = sys3(__NR_symlinkat, target, parent, name);
    if (err == -EEXIST) { /* the same link may stand in a folder that is kept */
        long n = sys4(__NR_readlinkat, parent, name, there, sizeof there);
        if (n == (long)s->w[0].n && memcmp(there, target, s->w[0].n) == 0)
            return;
    }
    must(s, "symlinkat", err, "cannot make the symbolic link %q", s->w[1].s);
}

void run_seal(struct job *j, const struct step *s)
{
    const struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    const char *name;
    int parent = root_parent(j, s, s->w[0].s, &name);
    int fd = entry_open(s, parent, *name ? name : ".", s->w[0].s, 0);
    must(s, "mount_setattr", sys5(__NR_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof attr),
         "cannot seal %q", s->w[0].s);
    sys_close(fd);
}

void root_enter(const struct job *j)
{
    must(NULL, "fchdir", sys1(__NR_fchdir, j->root), "cannot enter the new root");
    must(NULL, "pivot_root", sys2(__NR_pivot_root, ".", "."), "cannot enter the new root");
    /* The old root now lies on top of the new one. */
    must(NULL, "umount2", sys2(__NR_umount2, ".", DETACH), "cannot leave the old root");
    must(NULL, "chdir", sys1(__NR_chdir, "/"), "cannot enter the new root");
}
