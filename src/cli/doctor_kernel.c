/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel doctor: what the kernel must be able to do, and what may forbid it. */
#include "cli/doctor.h"

#include "util/str.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* Debian 12 has 6.1; mount_setattr, the newest call without which nothing works, came with 5.12. */
#define OLDEST_MAJOR 5
#define OLDEST_MINOR 12

static struct finding good(const char *state)
{
    return (struct finding){HEALTH_GOOD, state, NULL, NULL};
}

static struct finding check_version(const struct host *h)
{
    const char *release = host_line(h, "/proc/sys/kernel/osrelease");
    char *end;
    if (!release)
        return (struct finding){HEALTH_WEAK, "not known", "/proc/sys cannot be read",
                                "mount /proc"};
    long major = strtol(release, &end, 10), minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    if (major > OLDEST_MAJOR || (major == OLDEST_MAJOR && minor >= OLDEST_MINOR))
        return good(release);
    return (struct finding){HEALTH_BAD, release, "Carrel needs Linux 5.12 for mount_setattr(2)",
                            "install a newer kernel: apt install linux-image-amd64"};
}

/* ---- the switches that forbid user namespaces ---- */

static struct finding check_userns_support(const struct host *h)
{
    if (host_has(h, "/proc/self/ns/user"))
        return good("built in");
    return (struct finding){HEALTH_BAD, "missing", "this kernel has no user namespaces",
                            "use a kernel built with CONFIG_USER_NS=y, such as Debian's"};
}

static struct finding check_userns_max(const struct host *h)
{
    long long max = host_number(h, "/proc/sys/user/max_user_namespaces");
    if (max < 0)
        return (struct finding){HEALTH_INFO, "no such switch", NULL, NULL};
    if (max >= 2)
        return good(arena_printf(h->arena, "%lld", max));
    return (struct finding){HEALTH_BAD, arena_printf(h->arena, "%lld", max),
                            "each app needs two user namespaces",
                            "sysctl -w user.max_user_namespaces=15000 as root; to keep it, put "
                            "user.max_user_namespaces=15000 into /etc/sysctl.d/60-carrel.conf"};
}

static struct finding check_userns_clone(const struct host *h)
{
    long long v = host_number(h, "/proc/sys/kernel/unprivileged_userns_clone");
    if (v < 0)
        return (struct finding){HEALTH_GOOD, "no such switch", NULL, NULL};
    if (v > 0)
        return good("1");
    return (struct finding){HEALTH_BAD, "0",
                            "Debian's switch forbids user namespaces to everybody but root",
                            "sysctl -w kernel.unprivileged_userns_clone=1 as root; to keep it, put "
                            "kernel.unprivileged_userns_clone=1 into /etc/sysctl.d/60-carrel.conf"};
}

static struct finding check_userns_apparmor(const struct host *h)
{
    long long v = host_number(h, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
    if (v <= 0)
        return good(v < 0 ? "no such switch" : "0");
    if (host_has(h, "/etc/apparmor.d/carrel"))
        return good("1, with a profile for Carrel");
    return (struct finding){
        HEALTH_BAD, "1",
        "AppArmor lets only programs with a profile of their own use user namespaces "
        "(Ubuntu 23.10 and later)",
        arena_printf(h->arena,
                     "cp %s/apparmor/carrel /etc/apparmor.d/carrel && apparmor_parser -r "
                     "/etc/apparmor.d/carrel as root",
                     h->datadir)};
}

static int in_new_namespaces(void *unused)
{
    (void)unused;
    return unshare(CLONE_NEWUSER) < 0 ? errno : 0;
}

/* All switches right and still no? Then it is a seccomp filter, a container or a security module.
 */
static struct finding check_userns_try(const struct host *h)
{
    static const int flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
                             CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | SIGCHLD;
    int status = 0;
    if (!h->tries)
        return (struct finding){HEALTH_INFO, "not tried", NULL, NULL};
    size_t size = 65536;
    char *stack = arena_alloc(h->arena, size);
    pid_t pid = clone(in_new_namespaces, stack + size, flags, NULL);
    int error = pid < 0 ? errno : 0;
    if (pid > 0 && waitpid(pid, &status, 0) == pid)
        error = WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
    /* The inner one fails with EPERM as its ids are not mapped yet; that is as it should be. */
    if (pid > 0 && error == EPERM)
        error = 0;
    if (!error)
        return good("works");
    return (struct finding){HEALTH_BAD, arena_printf(h->arena, "refused: %s", strerror(error)),
                            "apps cannot be started",
                            "follow the remedies of the lines above; in a container, allow it user "
                            "namespaces (docker: --security-opt seccomp=unconfined and "
                            "--security-opt systempaths=unconfined)"};
}

/* ---- calls ---- */

/* A call with arguments that do nothing; ENOSYS alone tells that it is missing (EPERM: a filter of
 * a container, which is as bad). */
static struct finding check_call(const struct host *h, long number, const char *since)
{
    if (!h->tries)
        return (struct finding){HEALTH_INFO, "not tried", NULL, NULL};
    long r = syscall(number, -1, NULL, 0, NULL, 0, 0);
    if (r >= 0 || (errno != ENOSYS && errno != EPERM))
        return good("there");
    return (struct finding){
        HEALTH_BAD, strerror(errno), arena_printf(h->arena, "it came with Linux %s", since),
        "install a newer kernel; in a container, let its system-call filter allow the call"};
}

static struct finding check_open_tree(const struct host *h)
{
    return check_call(h, SYS_open_tree, "5.2");
}

static struct finding check_openat2(const struct host *h)
{
    return check_call(h, SYS_openat2, "5.6");
}

static struct finding check_mount_setattr(const struct host *h)
{
    return check_call(h, SYS_mount_setattr, "5.12");
}

static struct finding check_seccomp(const struct host *h)
{
    const char *actions = host_line(h, "/proc/sys/kernel/seccomp/actions_avail");
    if (actions && strstr(actions, "errno"))
        return good("filters work");
    if (!actions && h->tries && prctl(PR_GET_SECCOMP) >= 0)
        return good("there");
    return (struct finding){HEALTH_BAD, "missing", "no system call could be filtered",
                            "use a kernel built with CONFIG_SECCOMP_FILTER=y, such as Debian's"};
}

static struct finding check_landlock(const struct host *h)
{
    const char *lsm = host_line(h, "/sys/kernel/security/lsm");
    long abi = h->tries
                   ? syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)
                   : (lsm && strstr(lsm, "landlock") ? 1 : -1);
    if (abi >= 6)
        return good(arena_printf(h->arena, "ABI %ld", abi));
    if (abi > 0)
        return (struct finding){
            HEALTH_WEAK, arena_printf(h->arena, "ABI %ld", abi),
            "no second wall against abstract sockets and signals (ABI 6, Linux 6.12); a policy "
            "must say that it may be missing",
            "install a newer kernel, such as that of bookworm-backports"};
    return (struct finding){
        HEALTH_WEAK, "off",
        "the second wall around files is missing; a policy must say that it may be",
        "boot with lsm=landlock,… on the kernel's command line (keep what \"cat "
        "/sys/kernel/security/lsm\" shows behind it), or install a newer kernel"};
}

static struct finding check_overlay(const struct host *h)
{
    char line[256];
    bool found = false;
    FILE *f = fopen(arena_printf(h->arena, "%s/proc/filesystems", h->root), "re");
    while (f && !found && fgets(line, sizeof line, f))
        found = strstr(line, "\toverlay\n") != NULL;
    if (f)
        fclose(f);
    if (found)
        return good("there");
    return (struct finding){HEALTH_INFO, "not loaded",
                            "not needed to run apps; containers with a layer of their own need it",
                            "modprobe overlay as root"};
}

const struct check doctor_kernel_checks[] = {
    {"kernel", "kernel version", check_version},
    {"userns", "user namespaces", check_userns_support},
    {"userns-max", "user.max_user_namespaces", check_userns_max},
    {"userns-clone", "kernel.unprivileged_userns_clone", check_userns_clone},
    {"userns-apparmor", "kernel.apparmor_restrict_unprivileged_userns", check_userns_apparmor},
    {"userns-try", "making the namespaces of an app", check_userns_try},
    {"open-tree", "call open_tree", check_open_tree},
    {"openat2", "call openat2", check_openat2},
    {"mount-setattr", "call mount_setattr", check_mount_setattr},
    {"seccomp", "system-call filters", check_seccomp},
    {"landlock", "Landlock", check_landlock},
    {"overlay", "overlay file system", check_overlay},
    {NULL, NULL, NULL},
};
