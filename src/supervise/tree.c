/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "supervise/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { DETACH = 2, NOFOLLOW = 8 }; /* of umount2(2) */

int open_strictly(int at, const char *path, int flags)
{
    const struct open_how how = {
        .flags = (uint64_t)(unsigned)(O_PATH | O_CLOEXEC | flags),
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, at, path, &how, sizeof how);
}

/* The C library's struct may be older than the kernel: statx(2) fills 256 bytes, the id of the
 * mount is at 0x90. */
uint64_t mount_id(int fd)
{
    enum { WANT_MOUNT_ID = 0x1000 };
    union {
        uint32_t mask;
        uint64_t words[32];
    } x = {.words = {0}};
    if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, WANT_MOUNT_ID, &x) < 0 ||
        !(x.mask & WANT_MOUNT_ID))
        return 0;
    return x.words[0x90 / 8];
}

int tree_host_mounts(void)
{
    return open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
}

/* Whether a device number stands in the third column of mountinfo, proc(5). */
static bool host_has(int mounts, dev_t dev)
{
    char want[32];
    int copy = mounts < 0 ? -1 : fcntl(mounts, F_DUPFD_CLOEXEC, 3);
    FILE *f = copy < 0 ? NULL : fdopen(copy, "r");
    static char line[2 * PATH_MAX];
    bool found = !f; /* what cannot be seen counts as the host's */
    snprintf(want, sizeof want, "%u:%u", major(dev), minor(dev));
    if (f)
        rewind(f);
    for (bool start = true; f && !found && fgets(line, sizeof line, f);) {
        const char *word = line;
        for (int i = 0; i < 2 && word; i++) {
            word = strchr(word, ' ');
            word += word != NULL;
        }
        size_t n = word ? strcspn(word, " ") : 0;
        found = start && n == strlen(want) && memcmp(word, want, n) == 0;
        start = strchr(line, '\n') != NULL;
    }
    if (f)
        fclose(f);
    return found;
}

/* A tmpfs that the host does not have: that of the root, or another that the plan has made. */
static bool is_own(int mounts, int fd)
{
    struct statfs fs;
    struct stat here;
    return fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC && fstat(fd, &here) == 0 &&
           !host_has(mounts, here.st_dev);
}

/* The same folder by a mount that may be written: the root's is read-only for the app. */
static int writable(int fd)
{
    const struct mount_attr attr = {.attr_clr = MOUNT_ATTR_RDONLY};
    int tree =
        (int)syscall(SYS_open_tree, fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree >= 0 && syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0) {
        close(tree);
        return -1;
    }
    return tree;
}

static int make_at(int at, const char *name, bool folder)
{
    int r = folder ? mkdirat(at, name, 0755) : mknodat(at, name, S_IFREG | 0644, 0);
    return r == 0 || errno == EEXIST ? 0 : -1;
}

static int make(int mounts, int at, const char *name, bool folder)
{
    if (!is_own(mounts, at)) {
        errno = EXDEV;
        return -1;
    }
    int r = make_at(at, name, folder);
    if (r < 0 && errno == EROFS) {
        int w = writable(at);
        r = w < 0 ? -1 : make_at(w, name, folder);
        if (w >= 0)
            close(w);
    }
    return r;
}

int tree_make(int mounts, const char *path, bool folder, int *made)
{
    char name[NAME_MAX + 1];
    int at = open_strictly(AT_FDCWD, "/", O_DIRECTORY);
    *made = 0;
    for (const char *s = path + 1; at >= 0 && *s;) {
        size_t n = strcspn(s, "/");
        bool last = s[n] == '\0';
        snprintf(name, sizeof name, "%.*s", (int)n, s);
        int next = open_strictly(at, name, last && !folder ? 0 : O_DIRECTORY);
        if (next < 0 && errno == ENOENT && make(mounts, at, name, folder || !last) == 0) {
            ++*made;
            next = open_strictly(at, name, last && !folder ? 0 : O_DIRECTORY);
        }
        int error = errno;
        close(at);
        errno = error;
        at = next;
        s += n + !last;
    }
    struct stat st;
    if (at >= 0 && fstat(at, &st) == 0 && S_ISDIR(st.st_mode) != folder) {
        close(at);
        errno = EEXIST;
        return -1;
    }
    return at;
}

/* Opens the folder that holds path; *name is the last component. */
static int open_parent(const char *path, const char **name)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    *name = slash + 1;
    snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return open_strictly(AT_FDCWD, folder, O_DIRECTORY);
}

static bool remove_at(int at, const char *name)
{
    return unlinkat(at, name, AT_REMOVEDIR) == 0 ||
           (errno == ENOTDIR && unlinkat(at, name, 0) == 0);
}

static bool remove_empty(const char *path)
{
    const char *name;
    int at = open_parent(path, &name);
    bool done = at >= 0 && remove_at(at, name);
    if (at >= 0 && !done && errno == EROFS) {
        int w = writable(at);
        done = w >= 0 && remove_at(w, name);
        if (w >= 0)
            close(w);
    }
    if (at >= 0)
        close(at);
    return done;
}

void tree_unmake(const char *path, int made)
{
    char rest[PATH_MAX];
    snprintf(rest, sizeof rest, "%s", path);
    while (made-- > 0 && remove_empty(rest))
        *strrchr(rest, '/') = '\0';
}

int tree_unmount(const char *path, uint64_t id)
{
    const char *name;
    int at = open_parent(path, &name);
    int there = at < 0 ? -1 : open_strictly(at, name, 0);
    if (there < 0)
        return -1;
    if (mount_id(there) != id) {
        errno = ENOENT;
        return -1;
    }
    close(there);
    /* A mount point cannot be renamed or removed in the namespace where it is one. */
    int r = fchdir(at) < 0 ? -1 : (int)syscall(SYS_umount2, name, DETACH | NOFOLLOW);
    close(at);
    return r;
}
