/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test_policy.h"
#include "seccomp/seccomp.h"
#include "util/str.h"
#include <errno.h>
#include <linux/audit.h>

struct header_number {
    int number;
    const char *name;
};
#include "test_numbers.h"

/* Newer than some headers; the same number on every ABI, but the last two. */
static const struct new_number {
    int number;
    const char *name;
    bool allowed;
} new_numbers[] = {
    {451, "cachestat", true},          {452, "fchmodat2", true},
    {453, "map_shadow_stack", true},   {454, "futex_wake", true},
    {455, "futex_wait", true},         {456, "futex_requeue", true},
    {457, "statmount", false},         {458, "listmount", false},
    {459, "lsm_get_self_attr", false}, {460, "lsm_set_self_attr", false},
    {461, "lsm_list_modules", false},  {462, "mseal", true},
    {463, "setxattrat", true},         {464, "getxattrat", true},
    {465, "listxattrat", true},        {466, "removexattrat", true},
    {467, "open_tree_attr", false},    {468, "file_getattr", true},
    {469, "file_setattr", false},      {470, "listns", false},
};
static const struct new_number new_numbers_x86_64[] = {
    {335, "uretprobe", true},
    {336, "uprobe", true},
};

static const struct {
    int error;
    unsigned lifted_by;
    const char *calls;
} refused[] = {
    {EPERM, 0,
     " acct add_key adjtimex bpf clock_adjtime clock_adjtime64 clock_settime clock_settime64 "
     "create_module delete_module fanotify_init fanotify_mark finit_module get_mempolicy "
     "init_module ioperm iopl kexec_file_load kexec_load keyctl lookup_dcookie mbind "
     "migrate_pages move_pages name_to_handle_at open_by_handle_at quotactl quotactl_fd reboot "
     "request_key set_mempolicy set_mempolicy_home_node setns settimeofday stime swapoff swapon "
     "syslog uselib userfaultfd vhangup vm86 vm86old "},
    {EPERM, SECCOMP_DEVEL,
     " perf_event_open pidfd_getfd process_vm_readv process_vm_writev ptrace "},
    {EPERM, SECCOMP_USERNS, " chroot unshare "},
    {EPERM, SECCOMP_MOUNT, " mount umount umount2 pivot_root sethostname setdomainname "},
    {EPERM, SECCOMP_MULTIARCH, " modify_ldt socketcall ipc "},
    {ENOSYS, SECCOMP_DEVEL, " process_madvise "},
    {ENOSYS, 0,
     " clone3 io_uring_setup io_uring_enter io_uring_register fsopen fsconfig fsmount fspick "
     "open_tree move_mount mount_setattr process_mrelease vmsplice memfd_secret statmount "
     "listmount open_tree_attr lsm_get_self_attr lsm_set_self_attr lsm_list_modules "
     "file_setattr listns "},
    {ENOSYS, 0, /* long gone */
     " _sysctl afs_syscall bdflush break epoll_ctl_old epoll_wait_old ftime get_kernel_syms "
     "getpmsg gtty idle lock mpx nfsservctl prof profil putpmsg query_module remap_file_pages "
     "security sgetmask ssetmask stty sysfs tuxcall ulimit ustat vserver "},
};

static bool in_list(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *s = list; (s = strstr(s, word)); s++) {
        if (s > list && s[-1] == ' ' && s[n] == ' ')
            return true;
    }
    return false;
}

static const char *from_headers(const struct header_number *v, size_t n, int number)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i].number == number)
            return v[i].name;
    }
    return NULL;
}

static const struct new_number *from_new(uint32_t arch, int number)
{
    for (size_t i = 0; i < ARRAY_SIZE(new_numbers); i++) {
        if (new_numbers[i].number == number)
            return &new_numbers[i];
    }
    for (size_t i = 0; i < ARRAY_SIZE(new_numbers_x86_64) && arch == AUDIT_ARCH_X86_64; i++) {
        if (new_numbers_x86_64[i].number == number)
            return &new_numbers_x86_64[i];
    }
    return NULL;
}

const char *policy_call_name(uint32_t arch, int number)
{
    const struct new_number *c = from_new(arch, number);
    if (c)
        return c->name;
    return arch == AUDIT_ARCH_X86_64
               ? from_headers(numbers_x86_64, ARRAY_SIZE(numbers_x86_64), number)
               : from_headers(numbers_i386, ARRAY_SIZE(numbers_i386), number);
}

int policy_number_end(void)
{
    int end = new_numbers[ARRAY_SIZE(new_numbers) - 1].number + 1;
    int last = numbers_x86_64[ARRAY_SIZE(numbers_x86_64) - 1].number;
    return last >= end ? last + 1 : end;
}

static bool prctl_allowed(uint32_t option)
{
    static const uint8_t options[] = {
        1,  2,  3,  4,  7,  8,  13, 14, 15, 16, 21, 22, 23, 24, 25, 26, 27,
        28, 29, 30, 33, 34, 36, 37, 38, 39, 40, 41, 42, 47, 50, 51, 52, 53,
        54, 55, 56, 59, 60, 61, 62, 63, 64, 65, 66, 68, 74, 75, 76, 77, 78,
    };
    for (size_t i = 0; i < sizeof options; i++) {
        if (options[i] == option)
            return true;
    }
    return option == 0x53564d41 || option == 0x59616d61 || option == 0x41555856;
}

static bool family_allowed(unsigned features, uint32_t family, uint32_t protocol)
{
    switch (family) {
    case 0:
    case 1:
    case 2:
    case 10:
        return true;
    case 16:
        return protocol == 0 || protocol == 15;
    case 29:
        return features & SECCOMP_CANBUS;
    case 31:
        return features & SECCOMP_BLUETOOTH;
    default:
        return false;
    }
}

static bool namespaces_allowed(unsigned features, uint32_t flags, uint32_t harmless)
{
    if (features & SECCOMP_USERNS)
        harmless |= 0x7c000000; /* uts ipc user pid net */
    if (features & SECCOMP_MOUNT)
        harmless |= 0x02020000; /* mount cgroup */
    return !(flags & ~harmless);
}

static bool sets_packet_filter(uint32_t level, uint32_t option)
{
    static const uint8_t ip[] = {64, 65, 96, 97, 128, 129};
    for (size_t i = 0; level == 0 && i < sizeof ip; i++) {
        if (option == ip[i])
            return true;
    }
    return level == 41 && (option == 64 || option == 65);
}

/* The errno for calls whose arguments matter, 0: allowed, -1: they do not matter. */
static int by_arguments(unsigned features, uint32_t arch, const char *name, const uint64_t *args)
{
    uint32_t a0 = (uint32_t)args[0], a1 = (uint32_t)args[1], a2 = (uint32_t)args[2];
    if (str_eq(name, "ioctl"))
        return a1 == 0x5412 || a1 == 0x541c || a1 == 0x5423 ? EPERM : 0;
    if (str_eq(name, "socket") && arch == AUDIT_ARCH_X86_64)
        return family_allowed(features, a0, a2) ? 0 : EAFNOSUPPORT;
    if (str_eq(name, "socketpair") && arch == AUDIT_ARCH_X86_64)
        return a0 == 1 ? 0 : EAFNOSUPPORT;
    if (str_eq(name, "setsockopt") && arch == AUDIT_ARCH_X86_64)
        return (features & SECCOMP_USERNS) && sets_packet_filter(a1, a2) ? EPERM : 0;
    if (str_eq(name, "clone")) /* every bit that makes no namespace is harmless */
        return namespaces_allowed(features, a0, 0x81fdffff) ? 0 : EPERM;
    if (str_eq(name, "unshare") && (features & SECCOMP_USERNS)) /* vm fs files sighand thread sem */
        return namespaces_allowed(features, a0, 0x00050f00) ? 0 : EPERM;
    if (str_eq(name, "prctl"))
        return prctl_allowed(a0) ? 0 : EINVAL;
    if (str_eq(name, "personality") && !(features & SECCOMP_DEVEL))
        return a0 == 0 ? 0 : EPERM;
    if (str_eq(name, "kcmp") && !(features & SECCOMP_DEVEL))
        return a2 == 0 ? 0 : EPERM;
    return -1;
}

static struct policy_answer only(uint32_t action)
{
    return (struct policy_answer){action, action};
}

static struct policy_answer refuse(int error)
{
    return only(SECCOMP_RET_ERRNO | (uint32_t)error);
}

struct policy_answer policy_expect(unsigned features, const struct seccomp_data *data)
{
    bool native = data->arch == AUDIT_ARCH_X86_64;
    if (!native && !(data->arch == AUDIT_ARCH_I386 && (features & SECCOMP_MULTIARCH)))
        return only(SECCOMP_RET_KILL_PROCESS);
    if (native && (data->nr & 0x40000000) && data->nr >= 0)
        return only(SECCOMP_RET_KILL_PROCESS); /* x32 */
    if (native && data->nr < -1)
        return only(SECCOMP_RET_KILL_PROCESS);

    const struct new_number *c = from_new(data->arch, data->nr);
    if (c && !native && c->allowed) /* whether libseccomp knows it yet decides */
        return (struct policy_answer){SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | ENOSYS};
    if (c)
        return c->allowed ? only(SECCOMP_RET_ALLOW) : refuse(ENOSYS);
    const char *name = policy_call_name(data->arch, data->nr);
    if (!name)
        return refuse(ENOSYS);
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        if (in_list(refused[i].calls, name) && !(features & refused[i].lifted_by))
            return refuse(refused[i].error);
    }
    int error = by_arguments(features, data->arch, name, (const uint64_t *)data->args);
    return error > 0 ? refuse(error) : only(SECCOMP_RET_ALLOW);
}

bool policy_has_arguments(const struct seccomp_data *data)
{
    const char *name = policy_call_name(data->arch, data->nr);
    return name &&
           in_list(" ioctl socket socketpair setsockopt clone unshare prctl personality kcmp ",
                   name);
}

/* common/flatpak-run.c, setup_seccomp, stated again. */
bool flatpak_refuses(unsigned features, const struct seccomp_data *data)
{
    const char *name = policy_call_name(data->arch, data->nr);
    uint32_t a0 = (uint32_t)data->args[0], a1 = (uint32_t)data->args[1];
    if (!name)
        return false;
    if (in_list(" syslog uselib acct quotactl add_key keyctl request_key move_pages mbind "
                "get_mempolicy set_mempolicy migrate_pages unshare setns mount umount umount2 "
                "pivot_root chroot clone3 open_tree move_mount fsopen fsconfig fsmount fspick "
                "mount_setattr ",
                name))
        return true;
    if (str_eq(name, "clone"))
        return a0 & 0x10000000;
    if (str_eq(name, "ioctl"))
        return a1 == 0x5412 || a1 == 0x541c;
    if (str_eq(name, "modify_ldt"))
        return !(features & SECCOMP_MULTIARCH);
    if (in_list(" perf_event_open ptrace ", name))
        return !(features & SECCOMP_DEVEL);
    if (str_eq(name, "personality"))
        return a0 != 0 && !(features & SECCOMP_DEVEL);
    if (str_eq(name, "socket"))
        return !(a0 <= 2 || a0 == 10 || a0 == 16 || (a0 == 29 && (features & SECCOMP_CANBUS)) ||
                 (a0 == 31 && (features & SECCOMP_BLUETOOTH)));
    return false;
}
