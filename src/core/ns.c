/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/sys.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

static void write_proc(const struct job *j, const char *name, const char *text, size_t n)
{
    int fd = sys_openat(j->proc_fd, name, O_WRONLY, 0);
    long done = fd < 0 ? fd : sys3(__NR_write, fd, text, n);
    if (done != (long)n)
        die_with(EXIT_OURS,
                 done == -EPERM ? "user namespaces are forbidden here; `carrel doctor` names the "
                                  "switch"
                                : NULL,
                 NULL, fd < 0 ? "openat" : "write", done, "cannot write /proc/%s", name);
    sys_close(fd);
}

static char *put_id(char *end, uint32_t id)
{
    *--end = ' ';
    do
        *--end = (char)('0' + id % 10);
    while (id /= 10);
    return end;
}

static void map_id(const struct job *j, const char *name, uint32_t id, uint32_t outer)
{
    char text[32], *end = text + sizeof text, *p = end;
    *--p = '1';
    p = put_id(p, outer);
    p = put_id(p, id);
    write_proc(j, name, p, (size_t)(end - p));
}

void ns_map_ids(const struct job *j, uint32_t uid, uint32_t outer_uid, uint32_t gid,
                uint32_t outer_gid)
{
    map_id(j, "self/uid_map", uid, outer_uid);
    map_id(j, "self/gid_map", gid, outer_gid);
}

/* Without it an unprivileged process may map no group; a second level inherits it. */
void ns_deny_setgroups(const struct job *j)
{
    write_proc(j, "self/setgroups", "deny", 4);
}

/* The inner namespace is the one that the outer one allows. */
void ns_limit_nested(const struct job *j)
{
    write_proc(j, "sys/user/max_user_namespaces", "1", 1);
}

static int exit_at_once(void *arg)
{
    (void)arg;
    sys_exit(0);
}

void ns_check_nested_denied(void)
{
    char stack[1024] __attribute__((aligned(16)));
    int pid = clone(exit_at_once, stack + sizeof stack,
                    CORE_SHARE | CLONE_VFORK | CLONE_NEWUSER | SIGCHLD, NULL);
    if (pid >= 0)
        die(NULL, NULL, 0, "the limit on nested user namespaces has no effect");
}

void run_hostname(struct job *j, const struct step *s)
{
    (void)j;
    long err = sys2(__NR_sethostname, s->w[0].s, s->w[0].n);
    if (err)
        die(s, "sethostname", err, "cannot set the host name %q", s->w[0].s);
}

void run_loopback(struct job *j, const struct step *s)
{
    (void)j;
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    long fd = sys3(__NR_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die(s, "socket", fd, "cannot reach the loopback interface");
    long err = sys3(__NR_ioctl, fd, SIOCSIFFLAGS, &lo); /* the kernel adds 127.0.0.1 itself */
    if (err)
        die(s, "ioctl", err, "cannot bring the loopback interface up");
    sys_close((int)fd);
}

void caps_keep_only(uint64_t caps)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    for (int i = 0; i < 2; i++)
        data[i].effective = data[i].permitted = (uint32_t)(caps >> 32 * i);
    long err = sys2(__NR_capset, &head, data);
    if (err)
        die(NULL, "capset", err, "cannot lay down the capabilities");
}

/* A new user namespace starts with all of them; inheritable and ambient ones it starts without. */
void caps_empty_bounding_set(void)
{
    int err = 0;
    for (unsigned long cap = 0; cap < 64 && !err; cap++)
        err = sys_prctl(PR_CAPBSET_DROP, cap);
    if (err != -EINVAL) /* that is how the kernel's last capability shows */
        die(NULL, "prctl", err, "cannot empty the bounding set");
}
