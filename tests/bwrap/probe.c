/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tells what a program sees inside a sandbox, one fact a line: "key value". It needs nothing of the
 * sandbox's own but to be started: the host's /proc is read through descriptor PROC_FD, which the
 * caller opened.
 *
 *   probe EXIT-CODE|-SIGNAL [DEV,DEV...]
 *
 * how it ends; the devices (decimal, as stat(2) has them) of the host's own tmpfs, which change
 * while one looks.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PROC_FD     20
#define TMPFS_MAGIC 0x01021994

/* Prints bytes so that a line stays a line. */
static void put(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c <= ' ' || c == '\\' || c >= 127)
            printf("\\x%02x", c);
        else
            putchar(c);
    }
}

static void fact(const char *key, const char *value)
{
    printf("%s ", key);
    put(value, strlen(value));
    putchar('\n');
}

static size_t read_all(int at, const char *path, char *buf, size_t size)
{
    int fd = openat(at, path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    ssize_t got;
    if (fd < 0)
        return 0;
    while (n < size && (got = read(fd, buf + n, size - n)) > 0)
        n += (size_t)got;
    close(fd);
    return n;
}

static char text[1 << 20];

/* Each line of a file of /proc, as facts of that key. */
static void lines_of(const char *path, const char *key, char separator)
{
    size_t n = read_all(PROC_FD, path, text, sizeof text - 1), start = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] != separator)
            continue;
        printf("%s ", key);
        put(text + start, i - start);
        putchar('\n');
        start = i + 1;
    }
}

static void status(void)
{
    static const char *const keys[] = {"Uid",        "Gid",     "Groups",          "CapInh",
                                       "CapPrm",     "CapEff",  "CapBnd",          "CapAmb",
                                       "NoNewPrivs", "Seccomp", "Seccomp_filters", "SigBlk",
                                       "SigIgn",     "SigCgt",  "Umask",           "NSpid"};
    size_t n = read_all(PROC_FD, "self/status", text, sizeof text - 1);
    text[n] = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        size_t length = strcspn(line, ":");
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            if (strlen(keys[i]) == length && !strncmp(line, keys[i], length))
                fact(keys[i], line + length + 1);
        }
    }
}

static void namespaces(void)
{
    static const char *const names[] = {"user", "mnt", "pid", "ipc", "uts", "net", "cgroup"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64], target[PATH_MAX] = "?", key[32];
        snprintf(path, sizeof path, "self/ns/%s", names[i]);
        ssize_t n = readlinkat(PROC_FD, path, target, sizeof target - 1);
        if (n > 0)
            target[n] = 0;
        snprintf(key, sizeof key, "ns-%s", names[i]);
        fact(key, target);
    }
}

static void descriptors(void)
{
    for (int fd = 0; fd < 256; fd++) {
        char path[64], target[PATH_MAX], line[PATH_MAX + 64];
        snprintf(path, sizeof path, "self/fd/%d", fd);
        ssize_t n = readlinkat(PROC_FD, path, target, sizeof target - 1);
        if (n < 0 || fd == PROC_FD)
            continue;
        target[n] = 0;
        snprintf(line, sizeof line, "%d %s flags %o", fd, target,
                 (unsigned)(fcntl(fd, F_GETFL) & ~(O_LARGEFILE | 0100000)));
        fact("fd", line);
    }
}

static void process(int argc, char **argv)
{
    char cwd[PATH_MAX], line[256];
    struct utsname u;
    fact("cwd", getcwd(cwd, sizeof cwd) ? cwd : strerror(errno));
    snprintf(line, sizeof line, "%s", getpid() < 10 ? (getpid() == 1 ? "1" : "small") : "large");
    fact("pid", line);
    fact("ppid", getppid() == 0 ? "0" : getppid() == 1 ? "1" : "other");
    fact("session", getsid(0) == getpid() ? "leader" : getsid(0) == 0 ? "outside" : "other");
    fact("group", getpgrp() == getpid() ? "leader" : getpgrp() == 0 ? "outside" : "other");
    if (uname(&u) == 0)
        fact("hostname", u.nodename);
    for (int i = 0; i < argc; i++)
        fact("arg", argv[i]);
    for (char **e = environ; *e; e++)
        fact("env", *e);
    snprintf(line, sizeof line, "%d", prctl(PR_GET_DUMPABLE));
    fact("dumpable", line);
    snprintf(line, sizeof line, "%d", prctl(PR_GET_KEEPCAPS));
    fact("keepcaps", line);
    snprintf(line, sizeof line, "%x", (unsigned)prctl(PR_GET_SECUREBITS));
    fact("securebits", line);
    int death = 0;
    prctl(PR_GET_PDEATHSIG, &death);
    snprintf(line, sizeof line, "%d", death);
    fact("deathsig", line);
    /* A filter of the test's may forbid it. */
    fact("getcpu", syscall(SYS_getcpu, NULL, NULL, NULL) == 0 ? "works" : strerror(errno));
}

static void limits(void)
{
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit r;
        char line[96];
        if (getrlimit((__rlimit_resource_t)i, &r) == 0) {
            snprintf(line, sizeof line, "%d %llx %llx", i, (unsigned long long)r.rlim_cur,
                     (unsigned long long)r.rlim_max);
            fact("rlimit", line);
        }
    }
}

static void loopback(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    struct if_nameindex *list = if_nameindex();
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (struct if_nameindex *i = list; i && i->if_index; i++)
        fact("net", i->if_name);
    if_freenameindex(list);
    fact("lo", ioctl(fd, SIOCGIFFLAGS, &request) == 0 ? request.ifr_flags & IFF_UP ? "up" : "down"
                                                      : strerror(errno));
    fact("lo-address", ioctl(fd, SIOCGIFADDR, &request) == 0 ? "given" : strerror(errno));
    close(fd);
}

static unsigned long checksum(int at, const char *name)
{
    static char content[65536];
    size_t n = read_all(at, name, content, sizeof content);
    unsigned long sum = 5381;
    for (size_t i = 0; i < n; i++)
        sum = sum * 33 + (unsigned char)content[i];
    return sum;
}

/* One entry; a folder's path is handed back to be walked into when it lies on a tmpfs. */
static int entry(int at, const char *name, const char *path)
{
    struct stat st;
    char target[PATH_MAX] = "";
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    if (S_ISLNK(st.st_mode)) {
        ssize_t n = readlinkat(at, name, target, sizeof target - 1);
        target[n > 0 ? n : 0] = 0;
    }
    printf("file ");
    put(path, strlen(path));
    printf(" %o %u:%u %llx ", st.st_mode, st.st_uid, st.st_gid,
           S_ISCHR(st.st_mode) ? (unsigned long long)st.st_rdev : 0);
    put(target, strlen(target));
    if (S_ISREG(st.st_mode) && st.st_size < 65536)
        printf(" %lld %lx", (long long)st.st_size, checksum(at, name));
    putchar('\n');
    return S_ISDIR(st.st_mode);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static const char *not_these = "";

static int on_host(dev_t device)
{
    char needle[32];
    snprintf(needle, sizeof needle, ",%llu,", (unsigned long long)device);
    return strstr(not_these, needle) != NULL;
}

/* What lies on tmpfs was made for the sandbox; of all else only the first level is told. */
static void walk(int at, const char *name, const char *path, int depth)
{
    struct statfs fs;
    struct stat st;
    struct dirent **list;
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        printf("walk %s %s\n", path, strerror(errno));
        return;
    }
    int made_here = fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC && fstat(fd, &st) == 0 &&
                    !on_host(st.st_dev);
    int n = made_here || depth == 0 ? scandirat(fd, ".", &list, NULL, by_name) : -1;
    for (int i = 0; i < n; i++) {
        char below[PATH_MAX];
        snprintf(below, sizeof below, "%s/%s", path, list[i]->d_name);
        if (strcmp(list[i]->d_name, ".") && strcmp(list[i]->d_name, "..") &&
            entry(fd, list[i]->d_name, below) && depth < 8)
            walk(fd, list[i]->d_name, below, depth + 1);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
    close(fd);
}

int main(int argc, char **argv)
{
    not_these = argc > 2 ? argv[2] : "";
    process(argc, argv);
    status();
    namespaces();
    descriptors();
    limits();
    lines_of("self/mountinfo", "mount", '\n');
    lines_of("self/uid_map", "uid_map", '\n');
    lines_of("self/gid_map", "gid_map", '\n');
    lines_of("self/setgroups", "setgroups", '\n');
    lines_of("self/attr/current", "label", '\n');
    loopback();
    entry(AT_FDCWD, "/", "/");
    walk(AT_FDCWD, "/", "", 0);
    fflush(stdout);
    int end = argc > 1 ? atoi(argv[1]) : 0;
    if (end < 0) {
        signal(-end, SIG_DFL);
        raise(-end);
        return 77; /* the first process of a pid namespace cannot kill itself */
    }
    return end;
}
