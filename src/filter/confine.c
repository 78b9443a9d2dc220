/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "filter/confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __x86_64__
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define OUR_ARCH AUDIT_ARCH_AARCH64
#elif defined __riscv && __riscv_xlen == 64
#define OUR_ARCH AUDIT_ARCH_RISCV64
#elif defined __i386__
#define OUR_ARCH AUDIT_ARCH_I386
#elif defined __arm__
#define OUR_ARCH AUDIT_ARCH_ARM
#else
#error "name this processor's AUDIT_ARCH"
#endif

#if defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#endif

#define LOAD(field)                                                                                \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define LOAD_ARG(i)                                                                                \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,                                                             \
             (unsigned)(offsetof(struct seccomp_data, args) + 8 * (i) + LOW_HALF))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define KILL  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
/* When the accumulator is v, go on, else skip n instructions. */
#define IF_EQ(v, n)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(v), 0, n)
#define IF_SET(v, n) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (unsigned)(v), 0, n)
#define OK(name)     IF_EQ(__NR_##name, 1), ALLOW

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW_HALF 0
#else
#define LOW_HALF 4
#endif

static const struct sock_filter calls[] = {
    LOAD(arch),
    IF_EQ(OUR_ARCH, 1),
    BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
    KILL,
    LOAD(nr), /* the other numbers of x32 are none of these */
    OK(recvmsg),
    OK(sendmsg),
#ifdef __NR_epoll_wait
    OK(epoll_wait),
#endif
    OK(epoll_pwait),
    OK(epoll_ctl),
    OK(close),
    OK(accept4),
    OK(connect),
    OK(read),
    OK(pread64),
    OK(write),
    OK(sendto),
    OK(recvfrom),
    OK(madvise),
    OK(munmap),
    OK(mremap),
    OK(brk),
    OK(fcntl),
    OK(fstat),
    OK(epoll_create1),
    OK(clock_gettime),
    OK(futex),
    OK(getrandom),
    OK(writev),
    OK(exit),
    OK(exit_group),
    OK(rt_sigreturn),
    OK(rt_sigprocmask),
    /* unix sockets only */
    IF_EQ(__NR_socket, 4),
    LOAD_ARG(0),
    IF_EQ(AF_UNIX, 1),
    ALLOW,
    KILL,
    /* that its server sees who we are, and nothing else */
    IF_EQ(__NR_setsockopt, 6),
    LOAD_ARG(1),
    IF_EQ(SOL_SOCKET, 3),
    LOAD_ARG(2),
    IF_EQ(SO_PASSCRED, 1),
    ALLOW,
    KILL,
#ifdef __NR_mmap
    IF_EQ(__NR_mmap, 4),
#else
    IF_EQ(__NR_mmap2, 4),
#endif
    LOAD_ARG(2), /* nothing that can be executed */
    IF_SET(PROT_EXEC, 1),
    KILL,
    ALLOW,
    KILL,
};

static int filter_calls(void)
{
#ifdef SANITIZED
    (void)calls; /* the sanitizers' own calls are none of these */
#else
    struct sock_fprog p = {sizeof calls / sizeof *calls, (struct sock_filter *)(uintptr_t)calls};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p) < 0)
        return -errno;
#endif
    return 0;
}

/* The system's header may be older than the kernel, so the numbers stand here. */
enum {
    CREATE_RULESET_VERSION = 1,
    RIGHTS_1 = 0x1fff, /* of files, by the first ABI */
    RIGHT_REFER = 1 << 13,
    RIGHT_TRUNCATE = 1 << 14,
    RIGHT_IOCTL = 1 << 15,
    NET_TCP = 3, /* bind and connect */
    SCOPE_ABSTRACT = 1,
    SCOPE_SIGNAL = 2,
};

static int forbid_files(const struct relay_setup *s, int *landlock)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    *landlock = abi < 1 ? 0 : (int)abi;
    if (abi < 1)
        return 0;
    bool abstract = s->server.sun_path[0] == '\0';
    struct {
        uint64_t fs, net, scoped;
    } handled = {
        RIGHTS_1 | (abi >= 2 ? RIGHT_REFER : 0) | (abi >= 3 ? RIGHT_TRUNCATE : 0) |
            (abi >= 5 ? RIGHT_IOCTL : 0),
        abi >= 4 ? NET_TCP : 0,
        abi >= 6 ? SCOPE_SIGNAL | (abstract ? 0 : SCOPE_ABSTRACT) : 0,
    };
    size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    int fd = (int)syscall(SYS_landlock_create_ruleset, &handled, size, 0);
    if (fd < 0)
        return -errno;
    int error = syscall(SYS_landlock_restrict_self, fd, 0) < 0 ? -errno : 0;
    close(fd);
    return error;
}

/* Each connection has two sockets; a few descriptors are ours. */
static int limit(struct relay_setup *s)
{
    const unsigned ours = 32;
    struct relay_limits *l = &s->limits;
    struct rlimit core = {1, 1}, files; /* 1: core(5) tells why not 0 */
    if (setrlimit(RLIMIT_CORE, &core) < 0 && errno != EPERM)
        return -errno;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return -errno;
    rlim_t want = 2 * (rlim_t)l->connections + l->fds + 512 + ours;
    if (files.rlim_max < want) {
        if (files.rlim_max < 64 + ours)
            return -EMFILE;
        unsigned left = (unsigned)files.rlim_max - ours;
        l->fds = left / 2;
        l->connections = left / 4 < l->connections ? left / 4 : l->connections;
        want = files.rlim_max;
    }
    files.rlim_cur = files.rlim_max = want;
    return setrlimit(RLIMIT_NOFILE, &files) < 0 ? -errno : 0;
}

int confine(struct relay_setup *s, int *landlock, const char **what)
{
    int r;
    *what = "cannot set the limits";
    if ((r = limit(s)) < 0)
        return r;
    *what = "cannot give up privileges for good";
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    *what = "cannot forbid the file system";
    if ((r = forbid_files(s, landlock)) < 0)
        return r;
    *what = "cannot filter system calls";
    return filter_calls();
}
