/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the core is measured against: the same system calls in the same processes, with nothing
 * read, checked or explained. usage: bare PROGRAM BINDS_FOLDER COUNT Binds COUNT folders 0, 1, 2 …
 * of BINDS_FOLDER on /g/0, /g/1 …; the rest of the plan is fixed (see core.py). Any failure exits
 * with the line's number, cut to eight bits.
 */
#include <asm/unistd.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DO(call)       do_or_end((long)(call), __LINE__)
#define SYS(name, ...) syscall(__NR_##name, __VA_ARGS__)

static char init_stack[1 << 16], app_stack[1 << 16], small_stack[1 << 12];
static char *program, *folder;
static int count, proc, pipe_fds[2], signals, root, ids[2];

static long do_or_end(long result, int line)
{
    if (result < 0)
        _exit(line);
    return result;
}

static int open2(int dir, const char *path, int flags, uint64_t resolve)
{
    struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC), .resolve = resolve};
    return (int)DO(SYS(openat2, dir, path, &how, sizeof how));
}

static int beneath(int dir, const char *path, int flags)
{
    return open2(dir, path, O_PATH | flags,
                 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

static void put(const char *name, const char *text)
{
    int fd = (int)DO(openat(proc, name, O_WRONLY | O_CLOEXEC));
    DO(write(fd, text, strlen(text)));
    close(fd);
}

static void attributes(int tree, int flags, uint64_t set, uint64_t propagation)
{
    struct mount_attr a = {.attr_set = set, .propagation = propagation};
    DO(SYS(mount_setattr, tree, "", AT_EMPTY_PATH | flags, &a, sizeof a));
}

static void attach(int tree, int parent, const char *name, int dir)
{
    DO(dir ? mkdirat(parent, name, 0755) : mknodat(parent, name, S_IFREG | 0644, 0));
    DO(SYS(move_mount, tree, "", parent, name, MOVE_MOUNT_F_EMPTY_PATH));
    close(tree);
}

/* src is opened below the folder that was used last, if it lies there. */
static void bind_on(const char *src, int parent, const char *name, uint64_t set, int dir)
{
    static char last[4096];
    static int above = -1;
    const char *slash = strrchr(src, '/');
    struct stat st;
    if (above < 0 || strncmp(src, last, (size_t)(slash - src)) || last[slash - src]) {
        close(above);
        snprintf(last, sizeof last, "%.*s", (int)(slash - src), src);
        above = open2(AT_FDCWD, *last ? last : "/", O_PATH | O_DIRECTORY,
                      RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
    }
    int tree =
        (int)DO(SYS(open_tree, above, slash + 1,
                    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW));
    DO(SYS(fstat, tree, &st));
    attributes(tree, AT_RECURSIVE, set, set & MOUNT_ATTR_RDONLY ? 1 << 18 : 0);
    attach(tree, parent, name, dir);
}

static int file_system(const char *type, const char *const *o, uint64_t set)
{
    int fs = (int)DO(SYS(fsopen, type, FSOPEN_CLOEXEC));
    for (; o && o[0]; o += 2)
        DO(SYS(fsconfig, fs, FSCONFIG_SET_STRING, o[0], o[1], 0));
    DO(SYS(fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
    int tree = (int)DO(SYS(fsmount, fs, FSMOUNT_CLOEXEC, set | MOUNT_ATTR_NOSUID));
    close(fs);
    return tree;
}

static void make_root(void)
{
    static const char *const dirs[] = {"mode", "755", NULL}, *const tmp[] = {"mode", "1777", NULL},
                             *const pts[] = {"ptmxmode", "0666", "mode", "0620", NULL},
                             *const devs[] = {"null", "zero", "full", "random", "urandom", "tty"};
    const uint64_t ro = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    char src[4096], name[16];
    root = file_system("tmpfs", dirs, MOUNT_ATTR_NODEV);
    DO(SYS(move_mount, root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
    attributes(root, 0, 0, 1 << 17);
    bind_on("/usr", root, "usr", ro, 1);
    DO(symlinkat("usr/bin", root, "bin"));
    DO(symlinkat("usr/lib", root, "lib"));
    DO(symlinkat("usr/lib64", root, "lib64"));
    int p = file_system("proc", NULL, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    int keep = (int)DO(fcntl(p, F_DUPFD_CLOEXEC, 3));
    attach(p, root, "proc", 1);
    DO(faccessat(keep, "sys", 0, 0));
    int tree = (int)DO(SYS(open_tree, keep, "sys", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    attributes(tree, 0, ro | MOUNT_ATTR_NOEXEC, 0);
    DO(SYS(move_mount, tree, "", keep, "sys", MOVE_MOUNT_F_EMPTY_PATH));
    close(tree);
    close(keep);
    attach(file_system("tmpfs", dirs, MOUNT_ATTR_NODEV), root, "dev", 1);
    int dev = beneath(root, "dev", O_DIRECTORY);
    attach(file_system("devpts", pts, MOUNT_ATTR_NOEXEC), dev, "pts", 1);
    for (int i = 0; i < 6; i++) {
        snprintf(src, sizeof src, "/dev/%s", devs[i]);
        bind_on(src, dev, devs[i], MOUNT_ATTR_NOSUID, 0);
    }
    close(dev);
    attach(file_system("tmpfs", tmp, MOUNT_ATTR_NODEV), root, "tmp", 1);
    bind_on(program, root, "noop", ro, 0);
    if (count == 0)
        return;
    DO(mkdirat(root, "g", 0755));
    int g = beneath(root, "g", O_DIRECTORY);
    for (int i = 0; i < count; i++) {
        snprintf(src, sizeof src, "%s/%d", folder, i);
        snprintf(name, sizeof name, "%d", i);
        bind_on(src, g, name, ro, 1);
    }
    close(g);
}

static void caps(uint32_t low)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2] = {{.effective = low, .permitted = low}};
    DO(SYS(capset, &h, d));
}

static void no_bounding(void)
{
    for (int c = 0; prctl(PR_CAPBSET_DROP, c, 0, 0, 0) == 0; c++)
        ;
}

static int nothing(void *arg)
{
    (void)arg;
    _exit(0);
}

static int app(void *arg)
{
    char name[] = "/noop", *argv[] = {name, NULL}, *envp[] = {NULL};
    char map[64];
    uint64_t set = 0, by_default[4] = {0}, go_on = 1ull << (SIGUSR1 - 1);
    (void)arg;
    DO(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    snprintf(map, sizeof map, "%d 0 1", ids[0]);
    put("self/uid_map", map);
    snprintf(map, sizeof map, "%d 0 1", ids[1]);
    put("self/gid_map", map);
    DO(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
    close(proc);
    clone(nothing, small_stack + sizeof small_stack,
          CLONE_VM | CLONE_VFORK | CLONE_NEWUSER | SIGCHLD, NULL);
    DO(getpid());
    DO(SYS(setpgid, 0, 0));
    for (int sig = 1; sig <= 64; sig++)
        if (sig != SIGKILL && sig != SIGSTOP)
            DO(SYS(rt_sigaction, sig, by_default, NULL, 8));
    no_bounding();
    DO(SYS(rt_sigtimedwait, &go_on, NULL, NULL, 8));
    caps(0);
    umask(022);
    DO(SYS(keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL));
    DO(chdir("/"));
    DO(SYS(rt_sigprocmask, SIG_SETMASK, &set, NULL, 8));
    execve("/noop", argv, envp);
    _exit(127);
}

static int init(void *arg)
{
    char map[64];
    int status;
    struct pollfd p = {.fd = pipe_fds[1], .events = POLLOUT};
    (void)arg;
    DO(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
    close(pipe_fds[0]);
    DO(poll(&p, 1, 0));
    put("self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %d 1", ids[0]);
    put("self/uid_map", map);
    snprintf(map, sizeof map, "0 %d 1", ids[1]);
    put("self/gid_map", map);
    DO(setsid());
    DO(sethostname("box", 3));
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int s = (int)DO(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    DO(ioctl(s, SIOCSIFFLAGS, &lo));
    close(s);
    make_root();
    attributes(root, 0, 0, 1 << 18);
    DO(fchdir(root));
    DO(SYS(pivot_root, ".", "."));
    DO(SYS(umount2, ".", 2));
    put("sys/user/max_user_namespaces", "1");
    DO(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
    int pid =
        (int)DO(clone(app, app_stack + sizeof app_stack, CLONE_VM | CLONE_NEWUSER | SIGCHLD, NULL));
    DO(dup3(pipe_fds[1], 0, O_CLOEXEC));
    close(1);
    DO(SYS(close_range, 3, ~0u, 0));
    no_bounding();
    caps(0);
    DO(kill(pid, SIGUSR1));
    close(2);
    for (;;) {
        uint64_t all = ~0ull;
        if (SYS(wait4, -1, &status, WNOHANG | WUNTRACED | __WALL, NULL) == pid) {
            DO(write(0, &status, sizeof status));
            _exit(0);
        }
        SYS(rt_sigtimedwait, &all, NULL, NULL, 8);
    }
}

int main(int argc, char **argv)
{
    uint64_t all = ~0ull, by_default[4] = {0};
    struct stat st;
    int status;
    if (argc != 4)
        return 1;
    program = argv[1];
    folder = argv[2];
    count = atoi(argv[3]);
    for (int i = 0; i < 3; i++)
        SYS(fstat, i, &st);
    DO(SYS(close_range, 3, ~0u, 0));
    proc = (int)DO(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
    ids[0] = (int)geteuid();
    ids[1] = (int)getegid();
    DO(SYS(rt_sigprocmask, SIG_SETMASK, &all, NULL, 8));
    DO(SYS(rt_sigaction, SIGCHLD, by_default, NULL, 8));
    umask(0);
    DO(pipe2(pipe_fds, O_CLOEXEC));
    DO(signals = (int)SYS(signalfd4, -1, &all, 8, SFD_CLOEXEC));
    DO(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    int pid = (int)DO(clone(init, init_stack + sizeof init_stack,
                            CLONE_VM | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
                                CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP | SIGCHLD,
                            NULL));
    caps(0);
    DO(dup3(pipe_fds[0], 0, O_CLOEXEC));
    DO(dup3(signals, 1, O_CLOEXEC));
    DO(SYS(close_range, 2, ~0u, 0));
    struct pollfd p[] = {{.fd = 0, .events = POLLIN}, {.fd = 1, .events = POLLIN}};
    DO(poll(p, 2, -1));
    int got = (int)read(0, &status, sizeof status);
    waitpid(pid, NULL, __WALL);
    return got == sizeof status && WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}
