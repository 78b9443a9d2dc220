/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks the real kernel: each call is made without a filter first, then under every filter. Where
 * the filter allows it the answer must be the same as without; where it refuses, the filter's own.
 * Each call is made in a process of its own, with arguments that do no harm where it is allowed.
 */
#include "seccomp/install.h"
#include "seccomp/tables.h"
#include "t.h"
#include "util/str.h"
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

enum {
    KILLED = 1000,  /* by SIGSYS */
    STRANGE = 1001, /* ended in another way */
    X32 = 0x40000000,
    INT80 = 0x20000000, /* not the kernel's: made by int 0x80 */
};
#define RUBBISH 0xdeadbeef00000000ul

static const struct probe {
    const char *name;
    long number;
    unsigned long args[4];
    int refusal;        /* errno or KILLED; 0: allowed under every filter */
    unsigned lifted_by; /* all of these features together allow it; 0: none */
} probes[] = {
    {"getpid", SYS_getpid, {0}, 0, 0},
    {"futex", SYS_futex, {0}, 0, 0},
    {"mkdirat", SYS_mkdirat, {0}, 0, 0},
    {"memfd_create", SYS_memfd_create, {0}, 0, 0},
    {"landlock_create_ruleset", SYS_landlock_create_ruleset, {0, 0, 1}, 0, 0},
    {"seccomp", SYS_seccomp, {SECCOMP_GET_ACTION_AVAIL}, 0, 0},
    {"mknodat", SYS_mknodat, {0}, 0, 0},
    {"sched_setattr", SYS_sched_setattr, {0}, 0, 0},
    {"prctl PR_GET_NAME", SYS_prctl, {16}, 0, 0},
    {"prctl PR_SET_DUMPABLE, rubbish above", SYS_prctl, {4 | RUBBISH, 1}, 0, 0},
    {"socket AF_UNIX", SYS_socket, {1, 1}, 0, 0},
    {"socket AF_UNIX, rubbish above", SYS_socket, {1 | RUBBISH, 1}, 0, 0},
    {"socket AF_INET", SYS_socket, {2, 2}, 0, 0},
    {"socket AF_INET6", SYS_socket, {10, 2}, 0, 0},
    {"socket AF_NETLINK route", SYS_socket, {16, 3, 0}, 0, 0},
    {"socket AF_NETLINK uevent", SYS_socket, {16, 3, 15}, 0, 0},
    {"socketpair AF_UNIX", SYS_socketpair, {1, 1}, 0, 0},
    {"ioctl TIOCGWINSZ", SYS_ioctl, {-1ul, 0x5413}, 0, 0},
    {"kcmp KCMP_FILE", SYS_kcmp, {0, 0, 0}, 0, 0},
    {"personality PER_LINUX", SYS_personality, {0}, 0, 0},
    {"fork by clone", SYS_clone, {CLONE_THREAD}, 0, 0}, /* EINVAL */

    {"ioctl TIOCSTI", SYS_ioctl, {-1ul, 0x5412}, EPERM, 0},
    {"ioctl TIOCSTI, rubbish above", SYS_ioctl, {-1ul, 0x5412 | RUBBISH}, EPERM, 0},
    {"ioctl TIOCLINUX", SYS_ioctl, {-1ul, 0x541c}, EPERM, 0},
    {"ioctl TIOCLINUX, rubbish above", SYS_ioctl, {-1ul, 0x541c | RUBBISH}, EPERM, 0},
    {"ioctl TIOCSETD, rubbish above", SYS_ioctl, {-1ul, 0x5423 | RUBBISH}, EPERM, 0},
    {"socket AF_VSOCK", SYS_socket, {40, 1}, EAFNOSUPPORT, 0},
    {"socket AF_ALG", SYS_socket, {38, 5}, EAFNOSUPPORT, 0},
    {"socket AF_PACKET", SYS_socket, {17, 3}, EAFNOSUPPORT, 0},
    {"socket AF_VSOCK, rubbish above", SYS_socket, {40 | RUBBISH, 1}, EAFNOSUPPORT, 0},
    {"socket AF_NETLINK audit", SYS_socket, {16, 3, 9}, EAFNOSUPPORT, 0},
    {"socket AF_NETLINK netfilter", SYS_socket, {16, 3, 12}, EAFNOSUPPORT, 0},
    {"socket AF_NETLINK audit, rubbish above", SYS_socket, {16, 3, 9 | RUBBISH}, EAFNOSUPPORT, 0},
    {"socket AF_BLUETOOTH", SYS_socket, {31, 3}, EAFNOSUPPORT, SECCOMP_BLUETOOTH},
    {"socket AF_CAN", SYS_socket, {29, 3}, EAFNOSUPPORT, SECCOMP_CANBUS},
    {"socketpair AF_INET", SYS_socketpair, {2, 1}, EAFNOSUPPORT, 0},
    {"io_uring_setup", SYS_io_uring_setup, {0}, ENOSYS, 0},
    {"io_uring_enter", SYS_io_uring_enter, {-1ul}, ENOSYS, 0},
    {"io_uring_register", SYS_io_uring_register, {-1ul}, ENOSYS, 0},
    {"clone3", SYS_clone3, {0}, ENOSYS, 0},
    {"open_tree", SYS_open_tree, {-1ul, 0, -1ul}, ENOSYS, 0},
    {"move_mount", SYS_move_mount, {0, 0, 0, 0}, ENOSYS, 0},
    {"fsopen", SYS_fsopen, {0}, ENOSYS, 0},
    {"fsconfig", SYS_fsconfig, {-1ul}, ENOSYS, 0},
    {"mount_setattr", SYS_mount_setattr, {0}, ENOSYS, 0},
    {"statmount", 457, {0}, ENOSYS, 0},
    {"listmount", 458, {0}, ENOSYS, 0},
    {"open_tree_attr", 467, {-1ul, 0, -1ul}, ENOSYS, 0},
    {"vmsplice", SYS_vmsplice, {-1ul}, ENOSYS, 0},
    {"an unknown number", 999, {0}, ENOSYS, 0},
    {"keyctl", SYS_keyctl, {-1ul}, EPERM, 0},
    {"add_key", SYS_add_key, {0}, EPERM, 0},
    {"request_key", SYS_request_key, {0}, EPERM, 0},
    {"bpf", SYS_bpf, {-1ul}, EPERM, 0},
    {"userfaultfd", SYS_userfaultfd, {-1ul}, EPERM, 0},
    {"open_by_handle_at", SYS_open_by_handle_at, {-1ul, 0}, EPERM, 0},
    {"name_to_handle_at", SYS_name_to_handle_at, {-1ul, 0}, EPERM, 0},
    {"quotactl_fd", SYS_quotactl_fd, {-1ul}, EPERM, 0},
    {"setns", SYS_setns, {-1ul, 0}, EPERM, 0},
    {"move_pages", SYS_move_pages, {0, 1}, EPERM, 0},
    {"set_mempolicy", SYS_set_mempolicy, {0}, EPERM, 0},
    {"acct", SYS_acct, {1}, EPERM, 0},
    {"adjtimex", SYS_adjtimex, {0}, EPERM, 0},
    {"prctl PR_SET_MM", SYS_prctl, {35, 15}, EINVAL, 0},
    {"prctl PR_SET_MEMORY_MERGE", SYS_prctl, {67, 0}, EINVAL, 0},

    {"ptrace", SYS_ptrace, {-1ul}, EPERM, SECCOMP_DEVEL},
    {"perf_event_open", SYS_perf_event_open, {0}, EPERM, SECCOMP_DEVEL},
    {"process_vm_readv", SYS_process_vm_readv, {-1ul, 0, 0, 0}, EPERM, SECCOMP_DEVEL},
    {"pidfd_getfd", SYS_pidfd_getfd, {-1ul}, EPERM, SECCOMP_DEVEL},
    {"setsockopt TCP_NODELAY", SYS_setsockopt, {-1ul, 6, 1, 0}, 0, 0},
    {"process_madvise", SYS_process_madvise, {-1ul}, ENOSYS, SECCOMP_DEVEL},
    {"personality, asked", SYS_personality, {0xffffffff}, EPERM, SECCOMP_DEVEL},
    {"kcmp KCMP_VM", SYS_kcmp, {-1ul, -1ul, 1}, EPERM, SECCOMP_DEVEL},
    {"modify_ldt", SYS_modify_ldt, {-1ul}, EPERM, SECCOMP_MULTIARCH},

    {"clone CLONE_NEWUSER", SYS_clone, {CLONE_NEWUSER | CLONE_FS}, EPERM, SECCOMP_USERNS},
    {"clone CLONE_NEWUSER, rubbish above",
     SYS_clone,
     {CLONE_NEWUSER | CLONE_FS | RUBBISH},
     EPERM,
     SECCOMP_USERNS},
    {"clone CLONE_NEWNET", SYS_clone, {CLONE_NEWNET | CLONE_THREAD}, EPERM, SECCOMP_USERNS},
    {"clone CLONE_NEWNS", SYS_clone, {CLONE_NEWNS | CLONE_FS}, EPERM, SECCOMP_MOUNT},
    {"unshare CLONE_NEWUSER", SYS_unshare, {CLONE_NEWUSER}, EPERM, SECCOMP_USERNS},
    {"unshare CLONE_FILES", SYS_unshare, {CLONE_FILES}, EPERM, SECCOMP_USERNS},
    {"unshare CLONE_NEWNS", SYS_unshare, {CLONE_NEWUSER | CLONE_NEWNS}, EPERM, SECCOMP_MOUNT},
    {"unshare CLONE_NEWTIME", SYS_unshare, {CLONE_NEWUSER | CLONE_NEWTIME}, EPERM, 0},
    {"chroot", SYS_chroot, {0}, EPERM, SECCOMP_USERNS},
    {"mount", SYS_mount, {0}, EPERM, SECCOMP_MOUNT},
    {"umount2", SYS_umount2, {0}, EPERM, SECCOMP_MOUNT},
    {"pivot_root", SYS_pivot_root, {0}, EPERM, SECCOMP_MOUNT},

    {"x32 getpid", X32 | SYS_getpid, {0}, KILLED, 0},
    {"x32 ptrace", X32 | 521, {-1ul}, KILLED, 0},
    {"x32, unknown number", X32 | 999, {0}, KILLED, 0},
};

/* The 32-bit ABI as a whole. */
static const struct probe probes_32[] = {
    {"int 0x80 getpid", INT80 | 20, {0}, KILLED, SECCOMP_MULTIARCH},
    {"int 0x80 mkdir", INT80 | 39, {0}, KILLED, SECCOMP_MULTIARCH},
    {"int 0x80 socketcall", INT80 | 102, {0}, KILLED, SECCOMP_MULTIARCH},
    {"int 0x80 socket", INT80 | 359, {1, 1}, KILLED, SECCOMP_MULTIARCH},
};

/* What multiarch lets through to the 32-bit ABI's own rules, and they refuse. */
static const struct probe probes_multiarch[] = {
    {"int 0x80 keyctl", INT80 | 288, {0xffffffff}, EPERM, 0},
    {"int 0x80 io_uring_setup", INT80 | 425, {0}, ENOSYS, 0},
    {"int 0x80 clone3", INT80 | 435, {0}, ENOSYS, 0},
    {"int 0x80 ioctl TIOCSTI", INT80 | 54, {0xffffffff, 0x5412}, EPERM, 0},
    {"int 0x80 unshare", INT80 | 310, {CLONE_NEWUSER}, EPERM, SECCOMP_USERNS},
    {"int 0x80 clone", INT80 | 120, {CLONE_NEWUSER | CLONE_FS}, EPERM, SECCOMP_USERNS},
    {"int 0x80, unknown number", INT80 | 999, {0}, ENOSYS, 0},
};

static long make(const struct probe *p)
{
    const unsigned long *a = p->args;
    if (!(p->number & INT80)) {
        long r = syscall(p->number, a[0], a[1], a[2], a[3], 0ul, 0ul);
        return r < 0 ? -errno : r;
    }
    int number = (int)(p->number & ~INT80), r;
    __asm__ volatile("int $0x80"
                     : "=a"(r)
                     : "a"(number), "b"((unsigned)a[0]), "c"((unsigned)a[1]), "d"((unsigned)a[2]),
                       "S"((unsigned)a[3])
                     : "memory", "r8", "r9", "r10", "r11");
    return r;
}

/* The errno that a call ends with in a new process (0: success), KILLED or STRANGE. */
static int ask(const struct probe *p, const struct seccomp_filter *filter)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL); /* a sanitizer would take it */
        if (filter && install_filter(filter) < 0)
            abort();
        long r = make(p);
        _exit(r < 0 ? (int)-r : p->number == (INT80 | 20) && r != getpid());
    }
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return STRANGE;
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGSYS ? KILLED : STRANGE;
    return WEXITSTATUS(status);
}

/* The sets of features that a call is tried under: none, each alone, all. What is the same for all
 * sets test_filter knows; here each is only tried to be a filter that the kernel takes. */
static const unsigned sets[] = {
    0,
    SECCOMP_DEVEL,
    SECCOMP_MULTIARCH,
    SECCOMP_BLUETOOTH,
    SECCOMP_CANBUS,
    SECCOMP_USERNS,
    SECCOMP_USERNS | SECCOMP_MOUNT,
    SECCOMP_FEATURE_COMBINATIONS - 1,
};

/* Asks about one call; returns whether the answer could have been another than the filter's. */
static bool check_probe(const struct probe *p, unsigned features_needed)
{
    int outside = ask(p, NULL);
    CHECK(outside != STRANGE && outside != KILLED);
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        unsigned f = sets[i];
        const struct seccomp_filter *filter = seccomp_filter_for(f);
        if ((f & features_needed) != features_needed)
            continue;
        bool allowed = !p->refusal || (p->lifted_by && (f & p->lifted_by) == p->lifted_by);
        int got = ask(p, filter), want = allowed ? outside : p->refusal;
        if (got != want)
            printf("# %s under %s: got %d, want %d (outside: %d)\n", p->name, filter->name, got,
                   want, outside);
        CHECK(got == want);
    }
    if (p->refusal && outside == p->refusal)
        printf("# %s: this kernel gives errno %d by itself, so this tells nothing\n", p->name,
               outside);
    return outside != p->refusal || !p->refusal;
}

static void check_probes(const struct probe *v, size_t n, unsigned features_needed,
                         size_t telling_at_least)
{
    size_t telling = 0;
    for (size_t i = 0; i < n; i++)
        telling += check_probe(&v[i], features_needed);
    printf("# %zu of %zu calls tell\n", telling, n);
    CHECK(telling >= telling_at_least);
}

/* What only a feature brings with it. */
static void packet_filters_stay_closed_with_userns(void)
{
    static const struct probe iptables = {
        "setsockopt IPT_SO_SET_REPLACE", SYS_setsockopt, {-1ul, 0, 64 | RUBBISH, 0}, EPERM, 0};
    CHECK_INT(ask(&iptables, NULL), EBADF);
    CHECK_INT(ask(&iptables, seccomp_filter_for(0)), EBADF);
    CHECK_INT(ask(&iptables, seccomp_filter_for(SECCOMP_USERNS)), EPERM);
    CHECK_INT(ask(&iptables, seccomp_filter_for(SECCOMP_MOUNT)), EPERM);
}

static void the_kernel_takes_every_filter(void)
{
    static const struct probe allowed = {"mkdirat", SYS_mkdirat, {0}, 0, 0};
    static const struct probe refused = {"keyctl", SYS_keyctl, {-1ul}, EPERM, 0};
    CHECK(ask(&refused, NULL) != EPERM);
    for (unsigned f = 0; f < SECCOMP_FEATURE_COMBINATIONS; f++) {
        CHECK_INT(ask(&allowed, seccomp_filter_for(f)), ask(&allowed, NULL));
        CHECK_INT(ask(&refused, seccomp_filter_for(f)), EPERM);
    }
}

static void the_kernel_agrees(void)
{
    /* A kernel may lack a few families and calls, but not most of them. */
    check_probes(probes, ARRAY_SIZE(probes), 0, ARRAY_SIZE(probes) * 3 / 4);
}

/* A kernel without that ABI has nothing to ask; what the filters say there test_filter knows. */
static bool has_32_bits(void)
{
    static const struct probe getpid_32 = {"int 0x80 getpid", INT80 | 20, {0}, 0, 0};
    return ask(&getpid_32, NULL) != STRANGE;
}

static void the_kernel_agrees_about_32_bits(void)
{
    if (!has_32_bits()) {
        printf("# this kernel does not run 32-bit calls at all\n");
        return;
    }
    check_probes(probes_32, ARRAY_SIZE(probes_32), 0, ARRAY_SIZE(probes_32));
    check_probes(probes_multiarch, ARRAY_SIZE(probes_multiarch), SECCOMP_MULTIARCH,
                 ARRAY_SIZE(probes_multiarch) - 3);
}

/* A child cannot take the filter off, and a second one only takes away. */
static void the_filter_stays(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        const struct seccomp_filter *narrow = seccomp_filter_for(0);
        const struct seccomp_filter *wide = seccomp_filter_for(SECCOMP_FEATURE_COMBINATIONS - 1);
        if (install_filter(narrow) < 0 || install_filter(wide) < 0)
            _exit(1);
        errno = 0;
        _exit(syscall(SYS_unshare, CLONE_NEWUSER) == -1 && errno == EPERM ? 0 : 2);
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_INT(status, 0);
}

int main(void)
{
    RUN(the_kernel_takes_every_filter);
    RUN(packet_filters_stay_closed_with_userns);
    RUN(the_kernel_agrees);
    RUN(the_kernel_agrees_about_32_bits);
    RUN(the_filter_stays);
    return t_done();
}
