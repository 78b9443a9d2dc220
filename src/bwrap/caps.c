/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bwrap/bwrap.h"
#include "util/str.h"

#include <stdlib.h>
#include <strings.h>

/* In the kernel's order, see linux/capability.h. */
static const char *const names[] = {"chown",
                                    "dac_override",
                                    "dac_read_search",
                                    "fowner",
                                    "fsetid",
                                    "kill",
                                    "setgid",
                                    "setuid",
                                    "setpcap",
                                    "linux_immutable",
                                    "net_bind_service",
                                    "net_broadcast",
                                    "net_admin",
                                    "net_raw",
                                    "ipc_lock",
                                    "ipc_owner",
                                    "sys_module",
                                    "sys_rawio",
                                    "sys_chroot",
                                    "sys_ptrace",
                                    "sys_pacct",
                                    "sys_admin",
                                    "sys_boot",
                                    "sys_nice",
                                    "sys_resource",
                                    "sys_time",
                                    "sys_tty_config",
                                    "mknod",
                                    "lease",
                                    "audit_write",
                                    "audit_control",
                                    "setfcap",
                                    "mac_override",
                                    "mac_admin",
                                    "syslog",
                                    "wake_alarm",
                                    "block_suspend",
                                    "audit_read",
                                    "perfmon",
                                    "bpf",
                                    "checkpoint_restore"};

int capability_number(const char *name)
{
    char *end;
    unsigned long number = strtoul(name, &end, 0);
    if (*name >= '0' && *name <= '9' && !*end && number < 64)
        return (int)number;
    if (strncasecmp(name, "cap_", 4) != 0)
        return -1;
    name += 4;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcasecmp(name, names[i]) == 0)
            return (int)i;
    return -1;
}
