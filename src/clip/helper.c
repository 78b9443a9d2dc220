/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clip/helper.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void clip_detach(void)
{
    signal(SIGPIPE, SIG_IGN);
    setsid();
}

void clip_say(const char *word, const char *rest)
{
    char line[512];
    int n = snprintf(line, sizeof line, "%s%s%s\n", word, *rest ? " " : "", rest);
    if (n > 0 && n < (int)sizeof line && write(CLIP_OUTCOME, line, (size_t)n) < 0)
        _exit(CLIP_FAILED); /* who has asked is gone */
}

void clip_fail(const char *what, int error)
{
    char line[256];
    snprintf(line, sizeof line, "%s%s%s", what, error ? ": " : "", error ? strerror(error) : "");
    clip_say("error", line);
    _exit(CLIP_FAILED);
}

void clip_confine(const struct sock_filter *filter, size_t n)
{
    const struct rlimit none = {1, 1}; /* 1: core(5) tells why not 0 */
    const struct sock_fprog program = {(unsigned short)n, (struct sock_filter *)(uintptr_t)filter};
    if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        clip_fail("cannot give up privileges", errno);
#ifndef CARREL_SANITIZED
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        clip_fail("cannot filter system calls", errno);
#else
    (void)program; /* the sanitizers' own calls are none of these */
#endif
}
