/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Static, as the processes that stand on them share this memory. */
char init_stack[STACK_BYTES] __attribute__((aligned(16)));
char app_stack[STACK_BYTES] __attribute__((aligned(16)));

static void *map(size_t size)
{
    long p = sys6(__NR_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p < 0 && p > -4096)
        die(NULL, "mmap", p, "cannot get %u bytes of memory", (unsigned)size);
    return (void *)p;
}

/* Reads fd up to its end, at most max bytes. Its own copy: nobody can change it meanwhile. */
static size_t read_all(int fd, char *to, size_t max, const char *what)
{
    sys3(__NR_lseek, fd, 0, SEEK_SET); /* fails on a pipe, as it may */
    for (size_t n = 0;;) {
        long got = n < max ? sys3(__NR_read, fd, to + n, max - n) : 0;
        if (got == -EINTR)
            continue;
        if (got < 0)
            die(NULL, "read", got, "cannot read the %s from descriptor %u", what, (unsigned)fd);
        if (got == 0)
            return n;
        n += (size_t)got;
    }
}

/* One mapping for the text, what is read out of it and the filter. */
static void load_plan(struct job *j, int fd)
{
    struct stat st;
    int err = sys_fstat(fd, &st);
    if (err)
        die(NULL, "fstat", err, "cannot read the plan from descriptor %u", (unsigned)fd);
    /* A pipe's size is not known; what is not touched of the mapping costs nothing. */
    size_t max = S_ISREG(st.st_mode) && st.st_size <= (off_t)PLAN_MAX_BYTES ? (size_t)st.st_size
                                                                            : PLAN_MAX_BYTES;
    char *text = map(max + 2);
    size_t size = read_all(fd, text, max + 1, "plan");
    if (size > PLAN_MAX_BYTES)
        die(NULL, NULL, 0, "the plan is longer than %u bytes", PLAN_MAX_BYTES);
    if (size > max)
        die(NULL, NULL, 0, "the plan grew while it was read");
    sys_close(fd);
    struct fault f;
    char *space = map(job_space(size));
    if (job_read(j, text, size, space, &f))
        die_of_fault(&f);
    j->memory[0] = (struct region){text, max + 2};
    j->memory[1] = (struct region){space, job_space(size)};
}

static void load_filter(struct job *j)
{
    if (j->filter_fd < 0)
        return;
    j->memory[2] = (struct region){map(MAX_FILTER_BYTES + 8), MAX_FILTER_BYTES + 8};
    j->filter = j->memory[2].at;
    j->filter_size = read_all(j->filter_fd, j->filter, MAX_FILTER_BYTES + 8, "filter");
    if (j->filter_size == 0 || j->filter_size % 8 || j->filter_size > MAX_FILTER_BYTES)
        die(NULL, NULL, 0, "the filter has %u bytes, not a multiple of 8 from 8 to %u",
            (unsigned)j->filter_size, MAX_FILTER_BYTES);
}

/* A folder that is open leads to all of the host, wherever the root is. */
static void check_descriptor(int fd, bool needed)
{
    struct stat st;
    int err = sys_fstat(fd, &st);
    if (err == -EBADF && !needed)
        return;
    if (err)
        die(NULL, "fstat", err, "cannot keep descriptor %u for the app", (unsigned)fd);
    if (S_ISDIR(st.st_mode))
        die(NULL, NULL, 0, "descriptor %u is a folder of the host; the app could leave by it",
            (unsigned)fd);
}

/* Closes all that the plan does not keep. */
static void close_others(const struct job *j)
{
    int first = FIRST_FREE_FD;
    for (int i = 0; i <= j->n_kept; i++) {
        int next = i < j->n_kept ? j->kept[i] : -1;
        int err = sys_close_range((unsigned)first, next < 0 ? ~0u : (unsigned)next - 1);
        if (err)
            die(NULL, "close_range", err, "cannot close the other descriptors");
        first = next + 1;
    }
}

/* 0, 1 and 2 may be closed. They stay so for the app, but nothing of ours may take their place. */
static int open_proc(void)
{
    int fd;
    do
        fd = sys_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0);
    while (fd >= 0 && fd < FIRST_FREE_FD);
    if (fd < 0)
        die(NULL, "openat", fd, "cannot open /proc");
    return fd;
}

static int plan_descriptor(int argc, char **argv)
{
    uint64_t fd;
    struct word w = {argc == 2 ? argv[1] : NULL, argc == 2 ? strlen(argv[1]) : 0};
    if (argc != 2 || !value_number(&w, 10, 1 << 20, &fd) || fd < FIRST_FREE_FD)
        die(NULL, NULL, 0,
            "carrel-core carries out a plan; it is started by `carrel run`, as: "
            "carrel-core DESCRIPTOR");
    return (int)fd;
}

int main(int argc, char **argv, char **envp)
{
    struct job j;
    if (getauxval(AT_SECURE))
        die(NULL, NULL, 0, "carrel-core must not be setuid, setgid or have capabilities");
    int fd = plan_descriptor(argc, argv);
    /* Pid 1 inside shares this memory; there is nothing of the caller in it to be found. */
    for (; *envp; envp++)
        memset(*envp, 0, strlen(*envp));
    load_plan(&j, fd);
    load_filter(&j);
    for (int i = 0; i < FIRST_FREE_FD; i++)
        check_descriptor(i, false);
    for (int i = 0; i < j.n_kept; i++)
        check_descriptor(j.kept[i], true);
    close_others(&j);
    j.proc_fd = open_proc();
    j.caller_uid = (uint32_t)sys0(__NR_geteuid);
    j.caller_gid = (uint32_t)sys0(__NR_getegid);
    monitor(&j);
}
