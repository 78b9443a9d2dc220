/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CORE_HINTS_H
#define CARREL_CORE_HINTS_H

#include <errno.h>
#include <stddef.h>

/* Ubuntu lets them be made, without any capability in them. */
#define NO_POWER "user namespaces have no power here; `carrel doctor` names the switch"

/* What may be done about a failed call; the first row that fits, call NULL fits all. */
static const struct hint {
    const char *call;
    int err;
    const char *text;
} hints[] = {
    {"openat2", ENOSYS, "needs Linux 5.6"},
    {"mount_setattr", ENOSYS, "needs Linux 5.12"},
    {"close_range", ENOSYS, "needs Linux 5.9"},
    {"landlock_create_ruleset", ENOSYS, "this kernel has no Landlock, which needs Linux 5.13"},
    {"landlock_create_ruleset", EINVAL, "this kernel's Landlock does not know all of that"},
    {"landlock_create_ruleset", E2BIG, "this kernel's Landlock does not know scopes"},
    {"landlock_create_ruleset", EOPNOTSUPP, "Landlock is off: boot with lsm=landlock,..."},
    {"clone", EPERM, "user namespaces are forbidden here; `carrel doctor` names the switch"},
    {"clone", ENOSPC, "a limit user.max_*_namespaces is reached; `carrel doctor` names it"},
    {"clone", EINVAL, "this kernel was built without one of the namespaces"},
    {"clone", EAGAIN, "the limit of processes (RLIMIT_NPROC) is reached"},
    {"write", EPERM, NO_POWER}, /* the id maps */
    {"sethostname", EPERM, NO_POWER},
    {"fsopen", EPERM, NO_POWER},
    {"fsopen", ENODEV, "this kernel was built without that file system"},
    {"fsmount", EPERM, "the caller's own /proc is partly covered, as in a container"},
    {"move_mount", ENOSPC, "the limit fs.mount-max is reached"},
    {"keyctl", EDQUOT, "the limit kernel.keys.maxkeys is reached"},
    {"seccomp", EINVAL, "the filter is no valid program"},
    {"execve", ENOENT, "it is not there, or the interpreter that it asks for is not"},
    {"execve", EACCES, "it is no executable file, or lies on a noexec mount"},
    {"execve", ENOEXEC, "it is no program of this machine, nor a script with #!"},
    {"execve", E2BIG, "arguments and environment are too long together"},
    {NULL, ENOSYS, "this kernel is too old, or a filter forbids the call"},
    {NULL, EMFILE, "raise the limit of open files (RLIMIT_NOFILE)"},
};

#endif
