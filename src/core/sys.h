/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CORE_SYS_H
#define CARREL_CORE_SYS_H

/*
 * System calls without the C library's wrappers. They return the result or -errno and touch no
 * `errno`: the monitor and pid 1 share one address space, and with it that variable.
 */
#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#if defined __SANITIZE_ADDRESS__
#define CORE_ASAN 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define CORE_ASAN 1
#endif
#endif

#if defined __x86_64__ || defined __aarch64__ || defined __riscv
#define CORE_RAW_CALLS 1
#endif

/* Whether processes of ours may share the address space: only where no call writes to it behind
 * our back. Elsewhere they are forked, which only costs time. */
#if defined CORE_RAW_CALLS && !defined CORE_ASAN && !defined CORE_FORK
#define CORE_SHARE CLONE_VM
#else
#define CORE_SHARE 0
#endif

#if defined __x86_64__
static inline long sys6(long n, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long r;
    __asm__ volatile("syscall"
                     : "=a"(r)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return r;
}
#elif defined __aarch64__
static inline long sys6(long n, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory", "cc");
    return x0;
}
#elif defined __riscv
static inline long sys6(long n, long a, long b, long c, long d, long e, long f)
{
    register long a7 __asm__("a7") = n;
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;
    register long a5 __asm__("a5") = f;
    __asm__ volatile("ecall"
                     : "+r"(a0)
                     : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
                     : "memory");
    return a0;
}
#else
#include <unistd.h>
static inline long sys6(long n, long a, long b, long c, long d, long e, long f)
{
    long r = syscall(n, a, b, c, d, e, f);
    return r < 0 ? -errno : r;
}
#endif

#define sys0(n)                sys6(n, 0, 0, 0, 0, 0, 0)
#define sys1(n, a)             sys6(n, (long)(a), 0, 0, 0, 0, 0)
#define sys2(n, a, b)          sys6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define sys3(n, a, b, c)       sys6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define sys4(n, a, b, c, d)    sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define sys5(n, a, b, c, d, e) sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

/* struct open_how of linux/openat2.h */
struct how {
    uint64_t flags, mode, resolve;
};

static inline int sys_openat2(int dir, const char *path, int flags, uint64_t resolve)
{
    struct how how = {.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC), .resolve = resolve};
    return (int)sys4(__NR_openat2, dir, path, &how, sizeof how);
}

static inline int sys_openat(int dir, const char *path, int flags, unsigned mode)
{
    return (int)sys4(__NR_openat, dir, path, flags | O_CLOEXEC, mode);
}

static inline void sys_close(int fd)
{
    sys1(__NR_close, fd);
}

static inline int sys_fstat(int fd, struct stat *st)
{
#ifdef CORE_RAW_CALLS
    return (int)sys2(__NR_fstat, fd, st);
#else
    return fstat(fd, st) ? -errno : 0;
#endif
}

static inline int sys_prctl(int option, unsigned long value)
{
    return (int)sys5(__NR_prctl, option, value, 0, 0, 0);
}

/* Closes every descriptor from first on; with CLOSE_RANGE_CLOEXEC, as soon as a program starts. */
static inline int sys_close_range(unsigned first, unsigned flags)
{
    return (int)sys3(__NR_close_range, first, ~0u, flags);
}

/* A filter that is the caller's own may refuse even this: then a signal ends us, not a loop. */
static inline _Noreturn void sys_exit(int status)
{
    for (int i = 0; i < 3; i++)
        sys1(__NR_exit_group, status);
    __builtin_trap();
}

/* A child that runs f(arg) and never comes back from it. Returns its id or -errno. Without a
 * stack_end its memory is a copy of ours. */
static inline int spawn_apart(int (*f)(void *), unsigned long flags, void *arg)
{
    long pid = sys5(__NR_clone, flags | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        sys_exit(f(arg));
    return (int)pid;
}

/* The same, with the address space shared where that can be: then it needs a stack of its own. A
 * sanitizer does not bear another stack. */
static inline int spawn(int (*f)(void *), char *stack_end, unsigned long flags, void *arg)
{
#ifdef CORE_ASAN
    (void)stack_end;
    return spawn_apart(f, flags, arg);
#else
    int pid = clone(f, stack_end, (int)flags | CORE_SHARE | SIGCHLD, arg);
    return pid < 0 ? -errno : pid;
#endif
}

#endif
