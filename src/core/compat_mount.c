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
    OPTION_BYTES = 256,
    LAYERS_IN_A_TEXT = 60 /* more need lowerdir+, so Linux 6.8 */
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

static int copy_mounts(const char *path)
{
    return (int)sys3(__NR_open_tree, AT_FDCWD, path,
                     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

/* A path that ends in a number: of a descriptor, or of a step's line, which no other step has. */
static void name_of(struct line *name, const char *before, int number)
{
    format(name, "%s%u", before, (unsigned)number);
    name->text[name->n] = '\0';
}

/* Puts what the path leads to, without links. Returns its size, 0 if it has no name, or -errno. */
static long real_name(const struct job *j, const char *path, char name[4096])
{
    struct line link = {0};
    int fd = sys_openat(AT_FDCWD, path, O_PATH, 0);
    if (fd < 0)
        return fd;
    name_of(&link, "self/fd/", fd);
    long n = sys4(__NR_readlinkat, j->proc_fd, link.text, name, 4095);
    sys_close(fd);
    name[n > 0 ? n : 0] = '\0';
    return n > 0 && *name == '/' ? n : 0;
}

/* Whether the path leads to something and to nowhere else: neither it nor a folder above it is a
 * link or "..". The folder stays open for those beside it. */
static bool plain_source(struct folder *f, char *path)
{
    char *slash = strrchr(path, '/'), target;
    const size_t n = slash ? (size_t)(slash - path) : 0;
    if (*path != '/' || !slash[1] || strstr(path, "/.."))
        return false;
    if (f->fd < 0 || n != f->size || memcmp(path, f->path, n) != 0) {
        if (f->fd >= 0)
            sys_close(f->fd);
        *slash = '\0';
        int fd = sys_openat2(AT_FDCWD, n ? path : "/", O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
        *slash = '/';
        *f = (struct folder){-1, fd, path, n};
    }
    return f->fd >= 0 && sys4(__NR_readlinkat, f->fd, slash + 1, &target, 1) == -EINVAL;
}

/* Links are followed now, as long as they lead on the host: the new root will lie upon that, and a
 * ".." at its top would lead into what is built. But for those of /proc, which lead where no path
 * does. */
static void find_source(const struct job *j, const struct step *s, struct word *w, const char *what)
{
    bool optional = s->verb == PLAN_BIND && s->n[2] & BIND_OPTIONAL;
    char name[4096];
    long n = real_name(j, w->s, name);
    must(s, "openat", n == -ENOENT && optional ? 0 : n, what, w->s);
    if (n <= 0 || !strncmp(w->s, "/proc/", 6))
        return;
    if ((size_t)n > w->n)
        w->s = compat_memory(s, (size_t)n + 1);
    memcpy(w->s, name, (size_t)n + 1);
    w->n = (size_t)n;
}

/* Before the first step: what is made below a writable bind stays in the person's folder, and must
 * not be made for a sandbox that cannot be. */
void sources_find(struct job *j)
{
    for (const struct step *s = j->steps; s < j->steps + j->n; s++) {
        bool one = s->verb == PLAN_BIND || s->verb == PLAN_LAYER;
        if (one && !plain_source(&j->source, s->w[0].s))
            find_source(j, s, &s->w[0], "there is no %q");
        for (int i = 3; i < 5 && s->verb == PLAN_OVERLAY && s->n[2] == 2; i++)
            find_source(j, s, &s->w[i], i == 3 ? "upper folder %q" : "work folder %q");
    }
    if (j->source.fd >= 0)
        sys_close(j->source.fd);
    j->source = (struct folder)NO_FOLDER;
}

/* SRC is followed where it leads now. What a magic link of /proc leads to may be open in the
 * caller's mount namespace, from which nothing can be copied: it is found again by its path. */
void run_loose_bind(struct job *j, const struct step *s)
{
    char name[4096];
    int tree = copy_mounts(s->w[0].s);
    if (tree == -EINVAL)
        tree = real_name(j, s->w[0].s, name) > 0 ? copy_mounts(name) : -ENOENT;
    if (tree == -ENOENT && (s->n[2] & BIND_OPTIONAL))
        return;
    must(s, tree == -EINVAL ? "open_tree" : "openat2", tree, "cannot bind %q on %q", s->w[0].s,
         s->w[1].s);
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
    name_of(&name, "self/fd/", fd);
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

void run_bind_copy(struct job *j, const struct step *s)
{
    struct line name = {0};
    name_of(&name, "file", s->line);
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
    name_of(&name, kind, s->line);
    CALL3(s, mkdirat, j->scratch, name.text, 0755, "cannot make a folder for the overlay");
    return entry_open(s, j->scratch, name.text, name.text, O_DIRECTORY);
}

static int layer_open(const struct step *s, char *path, const char *what)
{
    return (int)must(s, "openat", sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0), what);
}

/* By a descriptor, so that no path has to be escaped or cut. It stays open: before Linux 6.5 the
 * path is only looked at when the overlay is made. */
static void set_folder(const struct step *s, int fs, const char *key, int fd, const char *path)
{
    struct line link = {0};
    name_of(&link, "/proc/self/fd/", fd);
    CALL5(s, fsconfig, fs, FSCONFIG_SET_STRING, key, link.text, 0, "cannot add %q", path);
}

/* As far as there is room in one text, where the name of each is the number of its descriptor in
 * /proc/self/fd, they are put together in *lower, which every kernel knows; more go one by one. */
static void add_layers(struct job *j, const struct step *s, int fs, struct line *lower)
{
    const struct step *end = j->steps + j->n;
    for (uint64_t i = 0; i < s->n[1]; i++, j->layer++) {
        while (j->layer < end && j->layer->verb != PLAN_LAYER)
            j->layer++;
        if (j->layer == end || lower->n > OPTION_BYTES - 12)
            die(s, NULL, 0, "has fewer layers than it says, or too many");
        char *path = j->layer->w[0].s;
        int fd = layer_open(j->layer, path, "cannot open the layer");
        if (s->n[1] > LAYERS_IN_A_TEXT)
            set_folder(s, fs, "lowerdir+", fd, path);
        else
            format(lower, i ? ":%u" : "%u", (unsigned)fd);
    }
    lower->text[lower->n] = '\0';
}

/* The layers of the caller's working folder are open already. */
static void create_overlay(const struct job *j, const struct step *s, int fs, const char *lower)
{
    int here = sys_openat(AT_FDCWD, ".", O_PATH, 0);
    if (*lower) {
        int fds = CALL4(s, openat, j->proc_fd, "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
                        "cannot open /proc/self/fd");
        CALL1(s, fchdir, fds, "cannot enter /proc/self/fd");
        sys_close(fds);
        CALL5(s, fsconfig, fs, FSCONFIG_SET_STRING, "lowerdir", lower, 0, "cannot add the layers");
    }
    CALL5(s, fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0, "cannot make an overlay");
    if (*lower)
        CALL1(s, fchdir, here, "cannot leave /proc/self/fd");
    sys_close(here);
}

void run_overlay(struct job *j, const struct step *s)
{
    static const char *const keys[][2] = {{"upperdir", "upper"}, {"workdir", "work"}};
    struct line lower = {0};
    const char *name;
    int parent = root_parent(j, s, s->w[0].s, &name);
    long err = sys3(__NR_mkdirat, parent, name, 0755);
    must(s, "mkdirat", err == -EEXIST ? 0 : err, "cannot make %q", s->w[0].s);
    sys_close(entry_open(s, parent, name, s->w[0].s, O_DIRECTORY)); /* before the layers change */
    mount_flags(s, j->scratch, 0, 0, PRIVATE);
    int fs = CALL2(s, fsopen, "overlay", FSOPEN_CLOEXEC, "cannot make an overlay");
    CALL5(s, fsconfig, fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0, "cannot set userxattr");
    add_layers(j, s, fs, &lower);
    for (int i = 0; i < 2 && s->n[2]; i++) {
        int fd = s->n[2] == 2 ? layer_open(s, s->w[3 + i].s, keys[i][1])
                              : scratch_folder(j, s, keys[i][1]);
        set_folder(s, fs, keys[i][0], fd, keys[i][1]);
    }
    create_overlay(j, s, fs, lower.text);
    int tree = CALL3(s, fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                     "cannot mount an overlay");
    sys_close(fs);
    mount_flags(s, j->scratch, 0, 0, UNBINDABLE);
    mount_attach(j, s, tree, s->w[0].s, true);
}
