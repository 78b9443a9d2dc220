/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"
#include "core/sys.h"

#include <sys/auxv.h>

static struct region map(size_t size)
{
    long p = sys6(__NR_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    must(NULL, "mmap", p > -4096 && p < 0 ? p : 0, "cannot get memory for the plan");
    return (struct region){(char *)p, size};
}

/* Reads up to the descriptor's end or max bytes. Our own copy: nobody can change it meanwhile. */
static struct region load(const struct step *s, int fd, size_t max, const char *what)
{
    struct region r = map(max + 2);
    size_t n = 0;
    /* A huge page would be cleared whole; of the rest only what is touched costs anything. */
    sys3(__NR_madvise, r.at, r.size, MADV_NOHUGEPAGE);
    sys3(__NR_lseek, fd, 0, SEEK_SET); /* fails on a pipe, as it may */
    for (long got = 1; got && n <= max; n += (size_t)got)
        got = CALL3(s, read, fd, r.at + n, max + 1 - n, "cannot read the %s from descriptor %u",
                    what, (unsigned)fd);
    if (n > max)
        die(s, NULL, 0, "the %s has more than %u bytes", what, (unsigned)max);
    return (struct region){r.at, n};
}

static void load_plan(struct job *j, int fd)
{
    struct fault f;
    struct region text = load(NULL, fd, PLAN_MAX_BYTES, "plan"), space = map(job_space(text.size));
    if (job_read(j, text.at, text.size, space.at, &f))
        die(&f.step, NULL, 0, f.word ? "%w must be %s%s" : "%w%s%s", f.word, f.text, f.list);
    if (!j->last[PLAN_SECCOMP])
        return;
    j->filter =
        load(j->last[PLAN_SECCOMP], (int)job_value(j, PLAN_SECCOMP, 0), MAX_FILTER_BYTES, "filter");
    if (j->filter.size == 0 || j->filter.size % 8)
        die(j->last[PLAN_SECCOMP], NULL, 0, "the filter has %u bytes, not whole instructions",
            (unsigned)j->filter.size);
}

/* A folder that is open leads to all of the host, wherever the root is. */
static void check_descriptor(int fd)
{
    struct stat st;
    int err = sys_fstat(fd, &st);
    if (err == -EBADF && fd < FIRST_FREE_FD)
        return;
    must(NULL, "fstat", err, "cannot keep descriptor %u for the app", fd);
    if (S_ISDIR(st.st_mode))
        die(NULL, NULL, 0, "descriptor %u is a folder of the host, by which the app could leave",
            fd);
}

int main(int argc, char **argv, char **envp)
{
    struct job j;
    struct word number = {argv[argc > 1], argc > 1 ? strlen(argv[1]) : 0};
    uint64_t fd;
    if (getauxval(AT_SECURE))
        die(NULL, NULL, 0, "carrel-core must not be setuid, setgid or have capabilities");
    if (argc != 2 || !read_number(&number, 10, 1 << 20, &fd) || fd < FIRST_FREE_FD)
        die(NULL, NULL, 0, "usage: carrel-core DESCRIPTOR, which `carrel run` does");
    /* Pid 1 inside shares this memory; nothing of the caller shall be found in it. */
    for (; *envp; envp++)
        memset(*envp, 0, strlen(*envp));
    load_plan(&j, (int)fd);
    for (int i = 0; i < FIRST_FREE_FD; i++)
        check_descriptor(i);
    for (int i = 0; i < j.n_kept; i++)
        check_descriptor(j.kept[i]);
    /* What the app keeps is taken out of this again, in its own process. */
    must(NULL, "close_range", sys_close_range(FIRST_FREE_FD, CLOSE_RANGE_CLOEXEC),
         "cannot close descriptors");
    /* 0, 1 and 2 may be closed. They stay so, but nothing of ours may take their place. */
    do
        j.proc_fd = CALL4(NULL, openat, AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
                          "cannot open /proc");
    while (j.proc_fd < FIRST_FREE_FD);
    j.caller_uid = (uint32_t)sys0(__NR_geteuid);
    j.caller_gid = (uint32_t)sys0(__NR_getegid);
    monitor(&j);
}
