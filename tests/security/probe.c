/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tries one thing that a confined app must not be able to do.
 *
 *     probe NAME [ARGUMENT…]
 *
 * Exit status 0: it worked (which is what the test wants to see outside). 1: it did not; the reason
 * is printed. 2: the probe was called wrongly. It is linked statically, so that it starts wherever
 * it is put. tests/security/promises.py runs each probe outside and inside.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    return 1;
}

static int outcome(bool worked, const char *what)
{
    if (worked)
        return 0;
    return failed(what);
}

/* ---- files ---- */

static int probe_read(char **arg)
{
    char c;
    int fd = open(arg[0], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return failed(arg[0]);
    return outcome(read(fd, &c, 1) == 1, arg[0]);
}

static int probe_list(char **arg)
{
    DIR *d = opendir(arg[0]);
    if (!d)
        return failed(arg[0]);
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, arg[1]) == 0)
            return 0;
    printf("%s: no %s in it\n", arg[0], arg[1]);
    return 1;
}

/* Opens for writing without changing anything. */
static int probe_write(char **arg)
{
    return outcome(open(arg[0], O_WRONLY | O_CLOEXEC | O_NONBLOCK) >= 0, arg[0]);
}

/* Creates a file and, when that worked on the host's side, the caller sees it. */
static int probe_create(char **arg)
{
    int fd = open(arg[0], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(arg[0]);
    return outcome(write(fd, "planted\n", 8) == 8, arg[0]);
}

static int probe_mkdir(char **arg)
{
    return outcome(mkdir(arg[0], 0700) == 0, arg[0]);
}

static int probe_chmod(char **arg)
{
    struct stat st;
    if (stat(arg[0], &st) < 0)
        return failed(arg[0]);
    return outcome(chmod(arg[0], st.st_mode & 07777) == 0, arg[0]);
}

static int probe_exists(char **arg)
{
    struct stat st;
    return outcome(lstat(arg[0], &st) == 0, arg[0]);
}

/* Whether the file under this path is a device that can be opened. */
static int probe_device(char **arg)
{
    int fd = open(arg[0], O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    return outcome(fd >= 0, arg[0]);
}

/* ---- processes ---- */

static int probe_kill(char **arg)
{
    return outcome(kill((pid_t)atoi(arg[0]), 0) == 0, "kill");
}

/* Signals the caller's whole process group: the caller notices when it is reached. */
static int probe_kill_group(char **arg)
{
    (void)arg;
    signal(SIGUSR2, SIG_IGN);
    return outcome(kill(0, SIGUSR2) == 0, "kill(0)");
}

static int probe_ptrace(char **arg)
{
    return outcome(ptrace(PTRACE_SEIZE, (pid_t)atoi(arg[0]), NULL, NULL) == 0, "ptrace");
}

static int probe_ptrace_child(char **arg)
{
    (void)arg;
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    int r = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 ? 0 : failed("ptrace of an own child");
    kill(pid, SIGKILL);
    return r;
}

static int probe_vm_read(char **arg)
{
    char byte = 0;
    struct iovec local = {&byte, 1}, remote = {(void *)strtoul(arg[1], NULL, 0), 1};
    return outcome(process_vm_readv((pid_t)atoi(arg[0]), &local, 1, &remote, 1, 0) == 1,
                   "process_vm_readv");
}

/* Whether any file of /proc/PID/… that one can read holds the marker. */
static int search_proc(const char *pid, const char *marker)
{
    static const char *const files[] = {"environ", "cmdline",   "comm",   "status",
                                        "maps",    "mountinfo", "cgroup", "stat",
                                        "auxv",    "mem",       "limits", "sched"};
    static char data[1 << 20];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[300];
        snprintf(path, sizeof path, "/proc/%s/%s", pid, files[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        ssize_t n = read(fd, data, sizeof data);
        close(fd);
        if (n > 0 && memmem(data, (size_t)n, marker, strlen(marker))) {
            printf("%s holds it\n", path);
            return 1;
        }
    }
    return 0;
}

/* The marker in any other process that can be seen. It is given reversed, so that neither this
 * command line nor the launcher's holds it. */
static int probe_proc_marker(char **arg)
{
    for (char *a = arg[0], *z = a + strlen(a); a < z--; a++) {
        char c = *a;
        *a = *z;
        *z = c;
    }
    DIR *d = opendir("/proc");
    if (!d)
        return failed("/proc");
    char self[16];
    snprintf(self, sizeof self, "%d", (int)getpid());
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] >= '0' && e->d_name[0] <= '9' && strcmp(e->d_name, self) != 0 &&
            search_proc(e->d_name, arg[0]))
            return 0;
    printf("no other process shows it\n");
    return 1;
}

static int probe_environment(char **arg)
{
    if (getenv(arg[0]))
        return 0;
    printf("%s is not set\n", arg[0]);
    return 1;
}

/* Whether more than `arg` processes can be seen. */
static int probe_many_processes(char **arg)
{
    int n = 0;
    DIR *d = opendir("/proc");
    if (!d)
        return failed("/proc");
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] >= '1' && e->d_name[0] <= '9';
    printf("%d processes are visible\n", n);
    return n > atoi(arg[0]) ? 0 : 1;
}

/* ---- privileges ---- */

static int probe_userns(char **arg)
{
    (void)arg;
    return outcome(unshare(CLONE_NEWUSER) == 0, "unshare(CLONE_NEWUSER)");
}

static int probe_userns_clone(char **arg)
{
    (void)arg;
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(0);
    return outcome(pid > 0, "clone(CLONE_NEWUSER)");
}

static int probe_mount(char **arg)
{
    /* Outside a new user namespace gives the right; inside there is no such way. */
    if (arg[0] && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        return failed("unshare");
    return outcome(mount("probe", "/tmp", "tmpfs", 0, NULL) == 0, "mount");
}

static int status_field(const char *field, unsigned long long *value)
{
    char line[256];
    FILE *f = fopen("/proc/self/status", "re");
    if (!f)
        return -1;
    int r = -1;
    while (fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0 && line[strlen(field)] == ':') {
            *value = strtoull(line + strlen(field) + 1, NULL, 16);
            r = 0;
        }
    fclose(f);
    return r;
}

/* Whether any capability is left in any set. */
static int probe_capabilities(char **arg)
{
    static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
    (void)arg;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        unsigned long long v;
        if (status_field(sets[i], &v) < 0)
            return failed("/proc/self/status");
        if (v) {
            printf("%s is %llx\n", sets[i], v);
            return 0;
        }
    }
    printf("all sets are empty\n");
    return 1;
}

static int probe_new_privileges(char **arg)
{
    unsigned long long v;
    (void)arg;
    if (status_field("NoNewPrivs", &v) < 0)
        return failed("/proc/self/status");
    printf("NoNewPrivs is %llu\n", v);
    return v == 0 ? 0 : 1;
}

/* Makes one system call with up to three arguments: worked when it is not refused as such.
 * A call with bad arguments that reaches the kernel answers EFAULT, EINVAL or EBADF. */
static int probe_syscall(char **arg)
{
    long r = syscall(strtol(arg[0], NULL, 0), arg[1] ? strtol(arg[1], NULL, 0) : -1,
                     arg[1] && arg[2] ? strtol(arg[2], NULL, 0) : -1, -1L, -1L, -1L, -1L);
    if (r >= 0 || (errno != EPERM && errno != ENOSYS && errno != EACCES))
        return 0;
    return failed("system call");
}

/* getpid by the call table of another ABI. A filter that does not stop it kills no process; one
 * that does may: then our child is what dies. */
static int probe_abi(char **arg)
{
    pid_t pid = fork();
    if (pid == 0) {
#ifdef __x86_64__
        long r = -1;
        if (strcmp(arg[0], "x32") == 0)
            r = syscall(0x40000000L | SYS_getpid);
        else
            __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory");
        _exit(r == getpid() ? 0 : 1);
#else
        (void)arg;
        _exit(1);
#endif
    }
    int status = 0;
    waitpid(pid, &status, 0);
    printf("wait status %x\n", (unsigned)status);
    return status == 0 ? 0 : 1;
}

static int probe_socket_family(char **arg)
{
    int fd = socket(atoi(arg[0]), atoi(arg[1]), atoi(arg[2]));
    return outcome(fd >= 0, "socket");
}

/* ---- leaks ---- */

static int probe_descriptor(char **arg)
{
    return outcome(fcntl(atoi(arg[0]), F_GETFD) >= 0, "descriptor");
}

static int probe_keyring(char **arg)
{
    long id = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", arg[0], 0);
    return outcome(id > 0, "keyctl search");
}

static int probe_shm(char **arg)
{
    void *p = shmat(atoi(arg[0]), NULL, SHM_RDONLY);
    return outcome(p != (void *)-1, "shmat");
}

/* ---- sockets ---- */

static int probe_connect_unix(char **arg)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = strlen(arg[0]);
    if (n >= sizeof a.sun_path)
        return 2;
    memcpy(a.sun_path, arg[0], n);
    if (a.sun_path[0] == '@')
        a.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    return outcome(fd >= 0 && connect(fd, (struct sockaddr *)&a, len) == 0, "connect");
}

static int probe_connect_tcp(char **arg)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arg[1]))};
    inet_pton(AF_INET, arg[0], &a.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return outcome(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0, "connect");
}

/* ---- terminal ---- */

/* Puts the argument into the input queue of the terminal on standard input. With a second argument
 * the request number carries garbage in its upper half, which the kernel ignores. */
static int probe_tiocsti(char **arg)
{
    unsigned long request = TIOCSTI;
    if (arg[1])
        request |= 0xdeadbeefUL << 32;
    for (const char *c = arg[0]; *c; c++)
        if (syscall(SYS_ioctl, 0, request, c) < 0)
            return failed("TIOCSTI");
    return 0;
}

/* Whether standard input is the terminal DEV:INO. Names tell nothing: each devpts has a /dev/pts/0.
 */
static int probe_terminal_is(char **arg)
{
    struct stat st;
    char is[64];
    if (!isatty(0) || fstat(0, &st) < 0)
        return failed("no terminal");
    snprintf(is, sizeof is, "%lu:%lu", (unsigned long)st.st_dev, (unsigned long)st.st_ino);
    printf("the terminal is %s\n", is);
    return strcmp(is, arg[0]) == 0 ? 0 : 1;
}

static const struct {
    const char *name;
    int args;
    int (*run)(char **arg);
} probes[] = {
    {"read", 1, probe_read},
    {"list", 2, probe_list},
    {"write", 1, probe_write},
    {"create", 1, probe_create},
    {"mkdir", 1, probe_mkdir},
    {"chmod", 1, probe_chmod},
    {"exists", 1, probe_exists},
    {"device", 1, probe_device},
    {"kill", 1, probe_kill},
    {"kill-group", 0, probe_kill_group},
    {"ptrace", 1, probe_ptrace},
    {"ptrace-child", 0, probe_ptrace_child},
    {"vm-read", 2, probe_vm_read},
    {"proc-marker", 1, probe_proc_marker},
    {"environment", 1, probe_environment},
    {"many-processes", 1, probe_many_processes},
    {"userns", 0, probe_userns},
    {"userns-clone", 0, probe_userns_clone},
    {"mount", 0, probe_mount},
    {"capabilities", 0, probe_capabilities},
    {"new-privileges", 0, probe_new_privileges},
    {"syscall", 1, probe_syscall},
    {"abi", 1, probe_abi},
    {"socket-family", 3, probe_socket_family},
    {"descriptor", 1, probe_descriptor},
    {"keyring", 1, probe_keyring},
    {"shm", 1, probe_shm},
    {"connect-unix", 1, probe_connect_unix},
    {"connect-tcp", 2, probe_connect_tcp},
    {"tiocsti", 1, probe_tiocsti},
    {"terminal-is", 1, probe_terminal_is},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof probes / sizeof *probes; i++)
        if (strcmp(argv[1], probes[i].name) == 0 && argc - 2 >= probes[i].args)
            return probes[i].run(argv + 2);
    fprintf(stderr, "usage: probe NAME [ARGUMENT...]\n");
    return 2;
}
