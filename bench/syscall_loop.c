/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For bench/seccomp.py: syscall-loop CALL COUNT makes one system call (or a pair) many times. */
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void call_getpid(void)
{
    syscall(SYS_getpid);
}

static void call_openat(void)
{
    close(openat(AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static void call_read(void)
{
    char c;
    if (pread(0, &c, 0, 0) < 0)
        err(1, "pread");
}

static void call_ioctl(void)
{
    ioctl(-1, FIONREAD, 0);
}

static void call_prctl(void)
{
    prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

static const struct {
    const char *name;
    void (*make)(void);
} calls[] = {
    {"getpid", call_getpid}, {"openat", call_openat}, {"read", call_read},
    {"ioctl", call_ioctl},   {"prctl", call_prctl},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 3 && i < sizeof calls / sizeof *calls; i++) {
        if (strcmp(argv[1], calls[i].name) != 0)
            continue;
        for (long n = atol(argv[2]); n > 0; n--)
            calls[i].make();
        return 0;
    }
    errx(2, "usage: syscall-loop getpid|openat|read|ioctl|prctl COUNT");
}
