/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/sys.h"

#include <linux/mount.h>

/* The root is made with the new mount calls, on descriptors: a tree is cloned or made detached, its
 * flags are set while nobody can reach it, and only then it is attached. /proc/self/mountinfo is
 * never read, so the time does not depend on how many mounts the host has. */
enum { UNBINDABLE = 1 << 17, PRIVATE = 1 << 18, DETACH = 2 }; /* of sys/mount.h */
#define INERT (MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

void mount_flags(const struct step *s, int tree, unsigned flags, uint64_t set, uint64_t propagation)
{
    const struct mount_attr attr = {.attr_set = set, .propagation = propagation};
    CALL5(s, mount_setattr, tree, "", AT_EMPTY_PATH | flags, &attr, sizeof attr,
          "cannot set the flags of the mount");
}

/* Attaches a detached tree beneath the root, on an entry that is made if it is not there. One that
 * is there is opened first: it may be a symbolic link, and must be none. */
static void attach_on(struct job *j, const struct step *s, int tree, char *dst, bool dir)
{
    const char *name;
    int parent = root_parent(j, s, dst, &name);
    long err = dir ? sys3(__NR_mkdirat, parent, name, 0755)
                   : sys4(__NR_mknodat, parent, name, S_IFREG | (j->loose ? 0444 : 0644), 0);
    must(s, dir ? "mkdirat" : "mknodat", err == -EEXIST ? 0 : err, "cannot make %q", dst);
    int on = err ? entry_open(s, parent, name, dst, dir ? O_DIRECTORY : 0) : parent;
    CALL5(s, move_mount, tree, "", on, err ? "" : name,
          MOVE_MOUNT_F_EMPTY_PATH | (err ? MOVE_MOUNT_T_EMPTY_PATH : 0), "cannot mount on %q", dst);
    if (err)
        sys_close(on);
    root_covered(j, strlen(dst));
    sys_close(tree);
}

void mount_attach(struct job *j, const struct step *s, int tree, char *dst, bool dir)
{
    if (!dst[1]) {
        if (j->root >= 0) /* which the check lets no plan of carrel-core ask for */
            compat_drop_root(j, s);
        j->root = tree;
        CALL5(s, move_mount, tree, "", AT_FDCWD, dst, MOVE_MOUNT_F_EMPTY_PATH, "cannot mount");
        /* It lies on the host's root; a copy of that for a later bind must not hold it. */
        mount_flags(s, tree, 0, 0, UNBINDABLE);
        return;
    }
    attach_on(j, s, tree, dst, dir);
}

int mount_new(const struct step *s, const char *type, const char *const *options,
              uint64_t attributes)
{
    int fs = CALL2(s, fsopen, type, FSOPEN_CLOEXEC, "cannot make a %s", type);
    for (; options && options[0]; options += 2)
        CALL5(s, fsconfig, fs, options[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, options[0],
              options[1], 0, "cannot set the option %s of a %s", options[0], type);
    CALL5(s, fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0, "cannot make a %s", type);
    attributes |= MOUNT_ATTR_NOSUID;
    int tree = CALL3(s, fsmount, fs, FSMOUNT_CLOEXEC, attributes, "cannot mount a %s", type);
    sys_close(fs);
    return tree;
}

void run_tmpfs(struct job *j, const struct step *s)
{
    bool sized = strcmp(s->w[2].s, "-") != 0;
    const char *options[] = {"mode", s->w[1].s, sized ? "size" : NULL, s->w[2].s, NULL};
    mount_attach(j, s, mount_new(s, "tmpfs", options, MOUNT_ATTR_NODEV), s->w[0].s, true);
}

/* The terminals of a devpts are devices, and must work. */
void run_devpts(struct job *j, const struct step *s)
{
    static const char *const options[] = {"ptmxmode", "0666", "mode", "0620", NULL};
    mount_attach(j, s, mount_new(s, "devpts", options, MOUNT_ATTR_NOEXEC), s->w[0].s, true);
}

void run_mqueue(struct job *j, const struct step *s)
{
    mount_attach(j, s, mount_new(s, "mqueue", NULL, INERT), s->w[0].s, true);
}

int mount_clone(const struct step *s, int dir, const char *path, unsigned flags)
{
    return CALL3(s, open_tree, dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags,
                 "cannot copy the mounts of %q", path);
}

/* What is bound read-only is cut off from the host's later mounts as well: they would come
 * writable. What is bound writable follows them, so that a medium put in later is seen. */
void bind_tree(struct job *j, const struct step *s, int tree)
{
    uint64_t flags = s->n[2];
    struct stat st;
    must(s, "fstat", sys_fstat(tree, &st), "cannot bind %q on %q", s->w[0].s, s->w[1].s);
    if (S_ISLNK(st.st_mode))
        die(s, NULL, 0, "the component %q is a symbolic link, which is never followed",
            strrchr(s->w[0].s, '/') + 1);
    if (s->argc == 4 && (st.st_dev != s->n[3] || st.st_ino != s->n[4]))
        die(s, NULL, 0, "%q was replaced between the plan and the start", s->w[0].s);
    mount_flags(s, tree, AT_RECURSIVE,
                MOUNT_ATTR_NOSUID | (flags & BIND_RO ? MOUNT_ATTR_RDONLY : 0) |
                    (flags & BIND_DEV ? 0 : MOUNT_ATTR_NODEV) |
                    (flags & BIND_NOEXEC ? MOUNT_ATTR_NOEXEC : 0),
                flags & BIND_RO ? PRIVATE : 0);
    mount_attach(j, s, tree, s->w[1].s, S_ISDIR(st.st_mode));
}

void run_bind(struct job *j, const struct step *s)
{
    const char *name;
    int parent = source_parent(j, s, s->w[0].s, &name);
    long tree = parent < 0 ? parent
                           : sys3(__NR_open_tree, parent, name,
                                  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE |
                                      AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);
    if (tree == -ENOENT && (s->n[2] & BIND_OPTIONAL))
        return;
    must(s, "open_tree", tree, "cannot bind %q on %q", s->w[0].s, s->w[1].s);
    bind_tree(j, s, (int)tree);
}

/* What in /proc acts on the whole machine is made read-only, too; but for the first only root could
 * write it, who may be the caller. */
void run_proc(struct job *j, const struct step *s)
{
    static const char *const read_only[] = {"sys",  "sysrq-trigger", "irq", "bus", "acpi",
                                            "scsi", "dynamic_debug", "fs",  "mtrr"};
    int proc = mount_new(s, "proc", NULL, INERT);
    int keep = CALL3(s, fcntl, proc, F_DUPFD_CLOEXEC, FIRST_FREE_FD, "cannot mount a proc");
    mount_attach(j, s, proc, s->w[0].s, true);
    size_t n = !j->caller_uid ? sizeof read_only / sizeof *read_only : s->argc > 1 ? 0 : 1;
    for (size_t i = 0; i < n; i++) {
        if (sys3(__NR_faccessat, keep, read_only[i], 0) == -ENOENT)
            continue;
        int tree = mount_clone(s, keep, read_only[i], 0);
        mount_flags(s, tree, 0, INERT | MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY, 0);
        CALL5(s, move_mount, tree, "", keep, read_only[i], MOVE_MOUNT_F_EMPTY_PATH,
              "cannot cover %q", read_only[i]);
        sys_close(tree);
    }
    sys_close(keep);
}

void run_file(struct job *j, const struct step *s)
{
    const char *name, *path = s->w[0].s;
    int parent = root_parent(j, s, s->w[0].s, &name);
    int fd = sys_openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, (unsigned)s->n[1]);
    must(s, "openat", fd, "cannot make the file %q", path);
    long n = sys3(__NR_write, fd, s->w[2].s, s->w[2].n);
    bool whole = n == (long)s->w[2].n;
    must(s, "write", n < 0 || whole ? n : -ENOSPC, "cannot write the file %q", path);
    sys_close(fd);
}

/* The same link may stand already, in a folder that is kept. */
void run_symlink(struct job *j, const struct step *s)
{
    const char *name, *target = s->w[0].s;
    char there[4096];
    int parent = root_parent(j, s, s->w[1].s, &name);
    long err = sys3(__NR_symlinkat, target, parent, name);
    long n = err == -EEXIST ? sys4(__NR_readlinkat, parent, name, there, sizeof there) : -1;
    bool same = n == (long)s->w[0].n && memcmp(there, target, s->w[0].n) == 0;
    must(s, "symlinkat", same ? 0 : err, "cannot make the symbolic link %q", s->w[1].s);
}

void run_seal(struct job *j, const struct step *s)
{
    const char *name;
    int parent = root_parent(j, s, s->w[0].s, &name);
    int fd = entry_open(s, parent, name, s->w[0].s, 0);
    mount_flags(s, fd, 0, MOUNT_ATTR_RDONLY, 0);
    sys_close(fd);
}

void root_enter(struct job *j)
{
    j->source = (struct folder)NO_FOLDER; /* it led to the old root */
    mount_flags(NULL, j->root, 0, 0, PRIVATE);
    CALL1(NULL, fchdir, j->root, "cannot enter the new root");
    CALL2(NULL, pivot_root, ".", ".", "cannot enter the new root");
    /* The old root now lies on top of the new one: "/.." would lead to it. */
    CALL2(NULL, umount2, ".", DETACH, "cannot leave the old root");
}
