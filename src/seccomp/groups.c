/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the filter is for. An app talks to the kernel through it only in the ways that ordinary
 * programs do. It takes away whole parts of the kernel that have a long record of faults and that
 * no desktop program needs (keyring, bpf, io_uring, perf, userfaultfd, kernel modules, the
 * mount calls, exotic socket families …), and the calls with which an app could reach out of its
 * place: a terminal's input queue (TIOCSTI), other processes' memory, new namespaces.
 *
 * What it is not: it knows numbers and plain arguments, never paths, addresses or any memory
 * that a pointer leads to. Which files, hosts and services an app reaches is decided elsewhere.
 *
 * The list says what is allowed. What it does not name does not exist for the app (ENOSYS), so a
 * call that a later kernel brings is refused until somebody has looked at it. Calls that we know
 * and refuse answer EPERM, or ENOSYS where programs then take an older way that works.
 *
 * Only calls with rows in seccomp_rules have their arguments looked at, and only behind the
 * dispatch on the number: the kernel can then cache the answer for all others, and read, write,
 * futex and their like cost next to nothing more.
 *
 * The 32-bit ABI (feature multiarch) is the same list by its own numbers, with one hole that
 * cannot be closed: old multiplexers (socketcall, ipc) take their arguments from memory, so
 * the socket families are not filtered for 32-bit calls. Debian's 32-bit libc needs socketcall.
 */
#include "seccomp/groups.h"
#include "seccomp/seccomp.h"
#include "util/str.h"
#include <asm/ioctls.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sys/socket.h>

const char *const seccomp_feature_names[] = {"devel",  "multiarch", "bluetooth",
                                             "canbus", "userns",    "mount"};
const size_t seccomp_feature_count = ARRAY_SIZE(seccomp_feature_names);

const struct seccomp_group seccomp_groups[] = {
    {"default", "what the C library and every program's start and end need", 0,
     "arch_prctl brk cacheflush execve execveat exit exit_group futex futex_requeue futex_time64 "
     "futex_wait futex_waitv futex_wake get_robust_list get_thread_area getrandom membarrier "
     "restart_syscall riscv_flush_icache riscv_hwprobe rseq rt_sigreturn sched_yield "
     "set_robust_list set_thread_area set_tid_address set_tls sigreturn uname olduname "
     "oldolduname uprobe uretprobe"}, /* the last two: made by the kernel's own probes, not by the
                                         program */
    {"identity", "asking who one is, and the changes of ids that the user namespace allows", 0,
     "getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid "
     "getresgid32 getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 "
     "setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid "
     "setresuid32 setreuid setreuid32 setuid setuid32 capget capset"},
    {"io", "reading and writing open files", 0,
     "_llseek close close_range copy_file_range dup dup2 dup3 fadvise64 fadvise64_64 "
     "arm_fadvise64_64 fcntl fcntl64 flock ioctl lseek pread64 preadv preadv2 pwrite64 pwritev "
     "pwritev2 read readahead readv sendfile sendfile64 splice tee write writev"},
    {"file", "names, folders and attributes of files; what they reach is the mounts' business", 0,
     "access chdir chmod chown chown32 creat faccessat faccessat2 fallocate fchdir fchmod "
     "fchmodat fchmodat2 fchown fchown32 fchownat fgetxattr file_getattr flistxattr fremovexattr "
     "fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 ftruncate ftruncate64 futimesat getcwd "
     "getdents getdents64 getxattr getxattrat lchown lchown32 lgetxattr link linkat listxattr "
     "listxattrat llistxattr lremovexattr lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat "
     "newfstatat oldfstat oldlstat oldstat open openat openat2 readdir readlink readlinkat "
     "removexattr removexattrat rename renameat renameat2 rmdir setxattr setxattrat stat stat64 "
     "statfs statfs64 statx symlink symlinkat truncate truncate64 umask unlink unlinkat utime "
     "utimensat utimensat_time64 utimes"},
    {"watch", "waiting for changes of files", 0,
     "inotify_add_watch inotify_init inotify_init1 inotify_rm_watch"},
    {"sync", "writing files through to the disk", 0,
     "fdatasync fsync msync sync sync_file_range sync_file_range2 arm_sync_file_range syncfs"},
    {"event", "waiting for many things at once", 0,
     "_newselect epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait "
     "eventfd eventfd2 poll ppoll ppoll_time64 pselect6 pselect6_time64 select"},
    {"aio", "the old asynchronous reads and writes (databases, virtual machines)", 0,
     "io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit"},
    {"memory", "the process's own memory", 0,
     "cachestat madvise map_shadow_stack mincore mlock mlock2 mlockall mmap mmap2 mprotect "
     "mremap mseal munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect"},
    {"network", "sockets of the families below", 0,
     "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom "
     "recvmmsg recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socket "
     "socketpair"},
    {"ipc", "pipes, shared memory, message queues; the ipc namespace says whose", 0,
     "memfd_create mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 "
     "mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd pipe pipe2 semctl "
     "semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget"},
    {"process", "starting, waiting for and ending processes of the sandbox", 0,
     "clone fork getpgid getpgrp getpid getppid getrusage getsid gettid pidfd_open prctl setpgid "
     "setsid sysinfo times vfork wait4 waitid waitpid"},
    {"signal", "signals among the processes of the sandbox", 0,
     "kill pause pidfd_send_signal rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo "
     "rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaction "
     "sigaltstack signal signalfd signalfd4 sigpending sigprocmask sigsuspend tgkill tkill"},
    {"schedule", "priorities and limits; the kernel lets them only get worse", 0,
     "getcpu getpriority getrlimit ioprio_get ioprio_set nice prlimit64 sched_get_priority_max "
     "sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler "
     "sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr "
     "sched_setparam sched_setscheduler setpriority setrlimit ugetrlimit"},
    {"timer", "reading clocks, sleeping, timers", 0,
     "alarm clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep "
     "clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create "
     "timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 "
     "timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64"},
    {"confine", "further confinement of oneself: it can only take away", 0,
     "landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp"},
    {"compare", "whether two descriptors are the same file (Mesa asks), see the arguments", 0,
     "kcmp"},
    {"personality", "asking for what one has already, see the arguments", 0, "personality"},

    {"debug", "debuggers and profilers: reading and steering other processes of the sandbox",
     SECCOMP_DEVEL,
     "perf_event_open pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"},
    {"multiarch", "16-bit and 32-bit programs", SECCOMP_MULTIARCH, "ipc modify_ldt socketcall"},
    {"userns", "an inner sandbox of the app's own: namespaces and a smaller root, no mounts",
     SECCOMP_USERNS, "chroot unshare"},
    {"mount", "an inner sandbox that builds its own file tree (bwrap, WebKitGTK)",
     SECCOMP_USERNS | SECCOMP_MOUNT, "mount pivot_root setdomainname sethostname umount umount2"},
};
const size_t seccomp_group_count = ARRAY_SIZE(seccomp_groups);

const struct seccomp_refusal seccomp_refusals[] = {
    {"mount", "would rebuild the file tree that confines the app", EPERM,
     "chroot mount pivot_root umount umount2"},
    {"new mount", "the same by descriptors; programs fall back to the old calls", ENOSYS,
     "fsconfig fsmount fsopen fspick listmount listns mount_setattr move_mount open_tree "
     "open_tree_attr statmount"},
    {"namespaces", "new namespaces give an app all capabilities over a fresh piece of the kernel",
     EPERM, "setns unshare"},
    {"clone3",
     "its flags stand in memory, where a filter cannot see them; programs fall back to clone",
     ENOSYS, "clone3"},
    {"io_uring", "does what filtered calls do, past the filter (sockets of any family)", ENOSYS,
     "io_uring_enter io_uring_register io_uring_setup"},
    {"keyring", "holds the person's keys; not divided by namespaces", EPERM,
     "add_key keyctl request_key"},
    {"bpf", "loads programs into the kernel", EPERM, "bpf"},
    {"debug", "reads or steers other processes, or profiles the kernel", EPERM,
     "perf_event_open pidfd_getfd process_vm_readv process_vm_writev ptrace"},
    {"advice", "acts on other processes' memory; nothing depends on it", ENOSYS,
     "process_madvise process_mrelease"},
    {"userfaultfd", "stops the kernel in the middle of a copy: the tool of many exploits", EPERM,
     "userfaultfd"},
    {"handles", "opens files by inode, past every folder that confines the app", EPERM,
     "name_to_handle_at open_by_handle_at"},
    {"fanotify", "watches whole file systems", EPERM, "fanotify_init fanotify_mark"},
    {"numa", "moves pages between memory nodes; Flatpak refuses it too", EPERM,
     "get_mempolicy mbind migrate_pages move_pages set_mempolicy set_mempolicy_home_node"},
    {"vmsplice", "gifts pages to pipes; faults of old, users fall back to write", ENOSYS,
     "vmsplice"},
    {"memfd_secret", "memory that the system cannot move or suspend", ENOSYS, "memfd_secret"},
    {"modules", "loads code into the kernel", EPERM,
     "create_module delete_module finit_module init_module"},
    {"kexec", "replaces the kernel", EPERM, "kexec_file_load kexec_load reboot"},
    {"swap", "system administration", EPERM, "swapoff swapon"},
    {"admin", "system administration: accounting, quotas, the kernel log, host names, terminals",
     EPERM, "acct lookup_dcookie quotactl quotactl_fd setdomainname sethostname syslog vhangup"},
    {"clock", "sets the system's clock", EPERM,
     "adjtimex clock_adjtime clock_adjtime64 clock_settime clock_settime64 settimeofday stime"},
    {"raw io", "ports of the hardware", EPERM,
     "ioperm iopl pciconfig_iobase pciconfig_read pciconfig_write"},
    {"cpu", "16-bit segments and the 8086 mode of old processors", EPERM,
     "modify_ldt vm86 vm86old"},
    {"security modules", "names and settings of the host's security modules", ENOSYS,
     "lsm_get_self_attr lsm_list_modules lsm_set_self_attr"},
    {"file settings", "file systems' own flags; programs fall back to ioctl", ENOSYS,
     "file_setattr"},
    {"obsolete", "nothing uses it any more, or it was never there", ENOSYS,
     "_sysctl afs_syscall bdflush break epoll_ctl_old epoll_wait_old ftime get_kernel_syms "
     "getpmsg gtty idle lock mpx nfsservctl prof profil putpmsg query_module remap_file_pages "
     "security sgetmask ssetmask stty sysfs tuxcall ulimit ustat vserver"},
    {"uselib", "loads a library by name, as programs of 1995 did", EPERM, "uselib"},
    {"multiplexers", "old 32-bit forms whose arguments stand in memory", EPERM, "ipc socketcall"},
};
const size_t seccomp_refusal_count = ARRAY_SIZE(seccomp_refusals);

/* Newer than the kernel headers of Debian 12. */
enum {
    CARREL_PR_SET_MDWE = 65,
    CARREL_PR_GET_MDWE = 66,
    CARREL_PR_GET_MEMORY_MERGE = 68,
    CARREL_PR_GET_SHADOW_STACK_STATUS = 74,
    CARREL_PR_SET_SHADOW_STACK_STATUS = 75,
    CARREL_PR_LOCK_SHADOW_STACK_STATUS = 76,
    CARREL_PR_TIMER_CREATE_RESTORE_IDS = 77,
    CARREL_PR_FUTEX_HASH = 78,
    CARREL_PR_GET_AUXV = 0x41555856,
};

/* The namespaces that clone and unshare make. CLONE_NEWTIME is an exit signal's bit in clone. */
#define NS_USERNS (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)
#define NS_MOUNT  (CLONE_NEWNS | CLONE_NEWCGROUP)
#define NS_ALL    (NS_USERNS | NS_MOUNT)
#define ALL       0xffffffffu
/* What unshare may share no longer: these concern only the caller itself. */
#define UNSHARE_OWN                                                                                \
    (CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)

/* clang-format off */
#define IF_ARG(n, m, v)            1, {{n, m, v}}
#define IF_ARGS(n, v, n2, v2)      2, {{n, ALL, v}, {n2, ALL, v2}}
#define OTHERWISE                  0, {{0, 0, 0}}
#define PRCTL(option, what)        {"prctl", 0, 0, 0, what, IF_ARG(0, ALL, option)}
#define FAMILY(need, family, what) {"socket", need, 0, 0, what, IF_ARG(0, ALL, family)}
#define TABLES(level, option, what) \
    {"setsockopt", SECCOMP_USERNS, 0, EPERM, what, IF_ARGS(1, level, 2, option)}
/* clang-format on */

const struct seccomp_rule seccomp_rules[] = {
    {"clone", 0, SECCOMP_USERNS, 0, "no new namespace", IF_ARG(0, NS_ALL, 0)},
    {"clone", SECCOMP_USERNS, SECCOMP_MOUNT, 0, "new user, pid, net, ipc, uts namespaces",
     IF_ARG(0, NS_MOUNT, 0)},
    {"clone", 0, SECCOMP_USERNS, EPERM, NULL, OTHERWISE},
    {"clone", SECCOMP_USERNS, SECCOMP_MOUNT, EPERM, NULL, OTHERWISE},

    {"unshare", SECCOMP_USERNS, SECCOMP_MOUNT, 0, "new user, pid, net, ipc, uts namespaces",
     IF_ARG(0, ALL & ~(NS_USERNS | UNSHARE_OWN), 0)},
    {"unshare", SECCOMP_USERNS | SECCOMP_MOUNT, 0, 0, "all namespaces but time",
     IF_ARG(0, ALL & ~(NS_ALL | UNSHARE_OWN), 0)},
    {"unshare", SECCOMP_USERNS, 0, EPERM, NULL, OTHERWISE},

    {"ioctl", 0, 0, EPERM, "TIOCSTI: types into the terminal", IF_ARG(1, ALL, TIOCSTI)},
    {"ioctl", 0, 0, EPERM, "TIOCLINUX: pastes into a console", IF_ARG(1, ALL, TIOCLINUX)},
    {"ioctl", 0, 0, EPERM, "TIOCSETD: loads a line discipline", IF_ARG(1, ALL, TIOCSETD)},
    {"ioctl", 0, 0, 0, NULL, OTHERWISE},

    FAMILY(0, AF_UNSPEC, "AF_UNSPEC"),
    FAMILY(0, AF_UNIX, "AF_UNIX"),
    FAMILY(0, AF_INET, "AF_INET"),
    FAMILY(0, AF_INET6, "AF_INET6"),
    FAMILY(SECCOMP_CANBUS, AF_CAN, "AF_CAN"),
    FAMILY(SECCOMP_BLUETOOTH, AF_BLUETOOTH, "AF_BLUETOOTH"),
    {"socket", 0, 0, 0, "AF_NETLINK, NETLINK_ROUTE: which interfaces and addresses there are",
     IF_ARGS(0, AF_NETLINK, 2, NETLINK_ROUTE)},
    {"socket", 0, 0, 0, "AF_NETLINK, NETLINK_KOBJECT_UEVENT: devices come and go (libudev)",
     IF_ARGS(0, AF_NETLINK, 2, NETLINK_KOBJECT_UEVENT)},
    {"socket", 0, 0, EAFNOSUPPORT, NULL, OTHERWISE},

    {"socketpair", 0, 0, 0, "AF_UNIX", IF_ARG(0, ALL, AF_UNIX)},
    {"socketpair", 0, 0, EAFNOSUPPORT, NULL, OTHERWISE},

    /* In a network namespace of its own an app may set up packet filters, and the old ones have
       been the way into the kernel more than once; netlink's are closed by the protocols above. */
    TABLES(IPPROTO_IP, 64, "IPT_SO_SET_REPLACE"),
    TABLES(IPPROTO_IP, 65, "IPT_SO_SET_ADD_COUNTERS"),
    TABLES(IPPROTO_IP, 96, "ARPT_SO_SET_REPLACE"),
    TABLES(IPPROTO_IP, 97, "ARPT_SO_SET_ADD_COUNTERS"),
    TABLES(IPPROTO_IP, 128, "EBT_SO_SET_ENTRIES"),
    TABLES(IPPROTO_IP, 129, "EBT_SO_SET_COUNTERS"),
    TABLES(IPPROTO_IPV6, 64, "IP6T_SO_SET_REPLACE"),
    TABLES(IPPROTO_IPV6, 65, "IP6T_SO_SET_ADD_COUNTERS"),
    {"setsockopt", SECCOMP_USERNS, 0, 0, NULL, OTHERWISE},

    {"personality", 0, SECCOMP_DEVEL, 0, "PER_LINUX", IF_ARG(0, ALL, 0)},
    {"personality", 0, SECCOMP_DEVEL, EPERM, NULL, OTHERWISE},

    {"kcmp", 0, SECCOMP_DEVEL, 0, "KCMP_FILE", IF_ARG(2, ALL, 0)},
    {"kcmp", 0, SECCOMP_DEVEL, EPERM, NULL, OTHERWISE},

    /* Options that concern the caller alone. Left out, as nothing on a desktop needs them:
       PR_SET_MM (forges /proc/self/cmdline), PR_SET_MEMORY_MERGE (tells by timing what others hold
       in memory), PR_SET_IO_FLUSHER, PR_TASK_PERF_EVENTS_*, PR_SET_FPEMU. New ones do not exist:
       EINVAL. */
    PRCTL(PR_SET_PDEATHSIG, "PR_SET_PDEATHSIG"),
    PRCTL(PR_GET_PDEATHSIG, "PR_GET_PDEATHSIG"),
    PRCTL(PR_GET_DUMPABLE, "PR_GET_DUMPABLE"),
    PRCTL(PR_SET_DUMPABLE, "PR_SET_DUMPABLE"),
    PRCTL(PR_GET_KEEPCAPS, "PR_GET_KEEPCAPS"),
    PRCTL(PR_SET_KEEPCAPS, "PR_SET_KEEPCAPS"),
    PRCTL(PR_GET_TIMING, "PR_GET_TIMING"),
    PRCTL(PR_SET_TIMING, "PR_SET_TIMING"),
    PRCTL(PR_SET_NAME, "PR_SET_NAME"),
    PRCTL(PR_GET_NAME, "PR_GET_NAME"),
    PRCTL(PR_GET_SECCOMP, "PR_GET_SECCOMP"),
    PRCTL(PR_SET_SECCOMP, "PR_SET_SECCOMP"),
    PRCTL(PR_CAPBSET_READ, "PR_CAPBSET_READ"),
    PRCTL(PR_CAPBSET_DROP, "PR_CAPBSET_DROP"),
    PRCTL(PR_GET_TSC, "PR_GET_TSC"),
    PRCTL(PR_SET_TSC, "PR_SET_TSC"),
    PRCTL(PR_GET_SECUREBITS, "PR_GET_SECUREBITS"),
    PRCTL(PR_SET_SECUREBITS, "PR_SET_SECUREBITS"),
    PRCTL(PR_SET_TIMERSLACK, "PR_SET_TIMERSLACK"),
    PRCTL(PR_GET_TIMERSLACK, "PR_GET_TIMERSLACK"),
    PRCTL(PR_MCE_KILL, "PR_MCE_KILL"),
    PRCTL(PR_MCE_KILL_GET, "PR_MCE_KILL_GET"),
    PRCTL(PR_SET_CHILD_SUBREAPER, "PR_SET_CHILD_SUBREAPER"),
    PRCTL(PR_GET_CHILD_SUBREAPER, "PR_GET_CHILD_SUBREAPER"),
    PRCTL(PR_SET_NO_NEW_PRIVS, "PR_SET_NO_NEW_PRIVS"),
    PRCTL(PR_GET_NO_NEW_PRIVS, "PR_GET_NO_NEW_PRIVS"),
    PRCTL(PR_GET_TID_ADDRESS, "PR_GET_TID_ADDRESS"),
    PRCTL(PR_SET_THP_DISABLE, "PR_SET_THP_DISABLE"),
    PRCTL(PR_GET_THP_DISABLE, "PR_GET_THP_DISABLE"),
    PRCTL(PR_CAP_AMBIENT, "PR_CAP_AMBIENT"),
    PRCTL(PR_SVE_SET_VL, "PR_SVE_SET_VL"),
    PRCTL(PR_SVE_GET_VL, "PR_SVE_GET_VL"),
    PRCTL(PR_GET_SPECULATION_CTRL, "PR_GET_SPECULATION_CTRL"),
    PRCTL(PR_SET_SPECULATION_CTRL, "PR_SET_SPECULATION_CTRL"),
    PRCTL(PR_PAC_RESET_KEYS, "PR_PAC_RESET_KEYS"),
    PRCTL(PR_SET_TAGGED_ADDR_CTRL, "PR_SET_TAGGED_ADDR_CTRL"),
    PRCTL(PR_GET_TAGGED_ADDR_CTRL, "PR_GET_TAGGED_ADDR_CTRL"),
    PRCTL(PR_SET_SYSCALL_USER_DISPATCH, "PR_SET_SYSCALL_USER_DISPATCH (Wine)"),
    PRCTL(PR_PAC_SET_ENABLED_KEYS, "PR_PAC_SET_ENABLED_KEYS"),
    PRCTL(PR_PAC_GET_ENABLED_KEYS, "PR_PAC_GET_ENABLED_KEYS"),
    PRCTL(PR_SCHED_CORE, "PR_SCHED_CORE"),
    PRCTL(PR_SME_SET_VL, "PR_SME_SET_VL"),
    PRCTL(PR_SME_GET_VL, "PR_SME_GET_VL"),
    PRCTL(CARREL_PR_SET_MDWE, "PR_SET_MDWE"),
    PRCTL(CARREL_PR_GET_MDWE, "PR_GET_MDWE"),
    PRCTL(CARREL_PR_GET_MEMORY_MERGE, "PR_GET_MEMORY_MERGE"),
    PRCTL(CARREL_PR_GET_SHADOW_STACK_STATUS, "PR_GET_SHADOW_STACK_STATUS"),
    PRCTL(CARREL_PR_SET_SHADOW_STACK_STATUS, "PR_SET_SHADOW_STACK_STATUS"),
    PRCTL(CARREL_PR_LOCK_SHADOW_STACK_STATUS, "PR_LOCK_SHADOW_STACK_STATUS"),
    PRCTL(CARREL_PR_TIMER_CREATE_RESTORE_IDS, "PR_TIMER_CREATE_RESTORE_IDS"),
    PRCTL(CARREL_PR_FUTEX_HASH, "PR_FUTEX_HASH"),
    PRCTL(PR_SET_VMA, "PR_SET_VMA"),
    PRCTL(PR_SET_PTRACER, "PR_SET_PTRACER"),
    PRCTL(CARREL_PR_GET_AUXV, "PR_GET_AUXV"),
    {"prctl", 0, 0, EINVAL, NULL, OTHERWISE},
};
const size_t seccomp_rule_count = ARRAY_SIZE(seccomp_rules);

const struct seccomp_new_call seccomp_new_calls[] = {
    {"uretprobe", 335, "x86_64"},     {"uprobe", 336, "x86_64"},
    {"cachestat", 451, NULL},         {"fchmodat2", 452, NULL},
    {"map_shadow_stack", 453, NULL},  {"futex_wake", 454, NULL},
    {"futex_wait", 455, NULL},        {"futex_requeue", 456, NULL},
    {"statmount", 457, NULL},         {"listmount", 458, NULL},
    {"lsm_get_self_attr", 459, NULL}, {"lsm_set_self_attr", 460, NULL},
    {"lsm_list_modules", 461, NULL},  {"mseal", 462, NULL},
    {"setxattrat", 463, NULL},        {"getxattrat", 464, NULL},
    {"listxattrat", 465, NULL},       {"removexattrat", 466, NULL},
    {"open_tree_attr", 467, NULL},    {"file_getattr", 468, NULL},
    {"file_setattr", 469, NULL},      {"listns", 470, NULL},
};
const size_t seccomp_new_call_count = ARRAY_SIZE(seccomp_new_calls);

/* What the relay asks of terminals: the modes, the size, who is in front. Never TIOCSTI. */
static const uint32_t terminal_requests[] = {TCGETS,    TCSETS,     TCSETSW,    TCSETSF, TCFLSH,
                                             TIOCGPGRP, TIOCGWINSZ, TIOCSWINSZ, 0};

const struct seccomp_own seccomp_own[] = {
    {"core",
     "ppoll read write wait4 kill rt_sigqueueinfo rt_sigtimedwait rt_sigprocmask rt_sigaction "
     "restart_syscall getpid exit_group",
     NULL},
    {"tty",
     "poll ppoll epoll_wait epoll_pwait read write recvmsg sendto close fcntl wait4 kill tkill "
     "tgkill gettid getpid getpgrp getpgid prctl rt_sigpending rt_sigprocmask rt_sigaction "
     "restart_syscall exit_group",
     terminal_requests},
    {"clip",
     "read write recvfrom sendto poll ppoll close clock_gettime restart_syscall exit exit_group",
     NULL},
    {"clip-wayland",
     "read write recvmsg sendmsg poll ppoll pipe2 fcntl close clock_gettime restart_syscall exit "
     "exit_group",
     NULL},
};
const size_t seccomp_own_count = ARRAY_SIZE(seccomp_own);

const char *seccomp_next_call(const char **list, size_t *n)
{
    const char *s = *list + strspn(*list, " ");
    *n = strcspn(s, " ");
    *list = s + *n;
    return *n ? s : NULL;
}

int seccomp_list_has(const char *calls, const char *name, size_t n)
{
    size_t m;
    for (const char *s; (s = seccomp_next_call(&calls, &m));) {
        if (m == n && memcmp(s, name, n) == 0)
            return 1;
    }
    return 0;
}

int seccomp_allows(unsigned features, const char *name, size_t n)
{
    for (size_t i = 0; i < seccomp_group_count; i++) {
        const struct seccomp_group *g = &seccomp_groups[i];
        if (seccomp_stands(features, g->need, 0) && seccomp_list_has(g->calls, name, n))
            return 1;
    }
    return 0;
}
