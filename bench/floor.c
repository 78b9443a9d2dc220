/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What no sandbox with these namespaces can do without: they are made, a root of one file is
 * entered, the old one left, the program executed and waited for. Nothing is shown, dropped or
 * filtered. usage: floor PROGRAM. Any failure exits with the line's number, cut to eight bits.
 */
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DO(call)       do_or_end((long)(call), __LINE__)
#define SYS(name, ...) syscall(__NR_##name, __VA_ARGS__)

static char stack[1 << 16], maps[2][32];

static long do_or_end(long result, int line)
{
    if (result < 0)
        _exit(line);
    return result;
}

static void put(const char *name, const char *text)
{
    int fd = (int)DO(open(name, O_WRONLY | O_CLOEXEC));
    DO(write(fd, text, strlen(text)));
    close(fd);
}

static int child(void *program)
{
    char path[] = "/program", *argv[] = {path, NULL}, *envp[] = {NULL};
    put("/proc/self/setgroups", "deny");
    put("/proc/self/uid_map", maps[0]);
    put("/proc/self/gid_map", maps[1]);
    int tree = (int)DO(SYS(open_tree, AT_FDCWD, program, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    int fs = (int)DO(SYS(fsopen, "tmpfs", FSOPEN_CLOEXEC));
    DO(SYS(fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
    int root = (int)DO(SYS(fsmount, fs, FSMOUNT_CLOEXEC, 0));
    DO(SYS(move_mount, root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
    DO(mknodat(root, path + 1, S_IFREG | 0755, 0));
    DO(SYS(move_mount, tree, "", root, path + 1, MOVE_MOUNT_F_EMPTY_PATH));
    DO(fchdir(root));
    DO(SYS(pivot_root, ".", "."));
    DO(SYS(umount2, ".", 2));
    execve(path, argv, envp);
    _exit(127);
}

int main(int argc, char **argv)
{
    int status;
    if (argc != 2)
        return 1;
    snprintf(maps[0], sizeof maps[0], "0 %d 1", (int)geteuid());
    snprintf(maps[1], sizeof maps[1], "0 %d 1", (int)getegid());
    int pid = (int)DO(clone(child, stack + sizeof stack,
                            CLONE_VM | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
                                CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP | SIGCHLD,
                            argv[1]));
    DO(waitpid(pid, &status, __WALL));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}
