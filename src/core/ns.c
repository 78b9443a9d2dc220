/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/sys.h"

#include <linux/capability.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <sys/socket.h>

void proc_write(const struct job *j, const char *name, const char *text, size_t n)
{
    int fd = (int)must(NULL, "openat", sys_openat(j->proc_fd, name, O_WRONLY, 0),
                       "cannot open /proc/%s", name);
    CALL3(NULL, write, fd, text, n, "cannot write /proc/%s", name);
    sys_close(fd);
}

void ns_map_id(const struct job *j, const char *name, uint64_t id, uint32_t outer)
{
    struct line l = {0};
    format(&l, "%u %u 1", (unsigned)id, outer);
    proc_write(j, name, l.text, l.n);
}

void set_dumpable(unsigned long value)
{
    must(NULL, "prctl", sys_prctl(PR_SET_DUMPABLE, value), "cannot guard the memory");
}

void run_hostname(NO_JOB, const struct step *s)
{
    CALL2(s, sethostname, s->w[0].s, s->w[0].n, "cannot set the name %q", s->w[0].s);
}

void run_loopback(NO_JOB, const struct step *s)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = CALL3(s, socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0,
                   "cannot reach the loopback interface");
    CALL3(s, ioctl, fd, SIOCSIFFLAGS, &lo, /* the kernel adds the addresses */
          "cannot bring the loopback interface up");
    sys_close(fd);
}

void caps_empty_bounding_set(uint64_t but)
{
    long err = 0;
    for (unsigned long cap = 0; cap < 64 && !err; cap++)
        err = but >> cap & 1 ? 0 : sys_prctl(PR_CAPBSET_DROP, cap);
    /* The first one that the kernel does not know ends the loop. */
    must(NULL, "prctl", err == -EINVAL ? 0 : err, "cannot empty the bounding set");
}

void caps_drop(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {{0}};
    CALL2(NULL, capset, &head, none, "cannot lay down the capabilities");
}
