/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* carrel-bwrap: bubblewrap's command line in front of the core, in one program. */
#include "bwrap/bwrap.h"
#include "core/compat.h"
#include "util/file.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;
/* Enough for most lines, and cheaper than what is asked of the system; and what of it a line surely
 * takes, in bytes: for itself and for each argument. */
enum { LEAST_SPACE = 32 << 10, SPACE_OF_ARGUMENT = 192 };
static _Alignas(ARENA_PAGE) char space[4 << 20];

/* ---- the host ---- */

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static const char *small_file(struct arena *a, const char *path)
{
    struct buf b = {.arena = a};
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && file_read_fd(fd, 1 << 20, &b) >= 0 && b.len ? b.data : "";
}

static int read_fd(struct arena *a, int fd, char **data, size_t *n)
{
    struct buf b = {.arena = a};
    int r = file_read_fd(fd, PLAN_MAX_BYTES, &b);
    close(fd);
    *data = b.len ? b.data : arena_strdup(a, "");
    *n = b.len;
    return r;
}

static const char *identity(struct arena *a, int fd)
{
    struct stat st;
    return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fstat(fd, &st)
               ? NULL
               : arena_printf(a, "%llx:%llx", (unsigned long long)st.st_dev,
                              (unsigned long long)st.st_ino);
}

static void print_line(const struct wishes *w, const char *level, const char *text)
{
    struct buf b = {.arena = w->arena};
    buf_printf(&b, "%sbwrap: %s\n", w->flags & LEVEL_PREFIX ? level : "", text);
    file_write_all(2, b.data, b.len);
}

static void warn(const struct wishes *w, const char *text)
{
    print_line(w, "<4>", text);
}

static _Noreturn void fail(const struct wishes *w, const char *text)
{
    print_line(w, "<3>", text);
    exit(1);
}

/* ---- what this process is ---- */

/* Its effective ones, and whether it has others. */
static uint64_t capabilities(const struct wishes *w, bool *any)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    if (syscall(SYS_capget, &head, data) < 0)
        fail(w, "capget failed");
    *any = data[0].permitted || data[1].permitted;
    return data[0].effective | (uint64_t)data[1].effective << 32;
}

/* The name that the caller's shell uses for the folder, if it is one; else the kernel's. */
static const char *working_folder(const struct wishes *w)
{
    struct stat named, here;
    char *cwd = arena_alloc(w->arena, PATH_MAX);
    const char *pwd = env_get(w, "PWD");
    bool known = syscall(SYS_getcwd, cwd, PATH_MAX) > 0 && *cwd == '/';
    if (pwd && *pwd == '/' && !(known && strcmp(pwd, cwd) == 0) && stat(pwd, &named) == 0 &&
        stat(".", &here) == 0 && named.st_dev == here.st_dev && named.st_ino == here.st_ino)
        return pwd;
    return known ? cwd : NULL;
}

static const char *terminal(struct arena *a)
{
    char path[256];
    if (!isatty(1))
        return NULL;
    ssize_t n = readlink("/proc/self/fd/1", path, sizeof path - 1);
    if (n <= 0)
        return NULL;
    path[n] = '\0';
    return *path == '/' && exists(path) ? arena_strdup(a, path) : NULL;
}

static bool is_terminal(int fd)
{
    return isatty(fd);
}

static int free_fd(void)
{
    int fd = fcntl(2, F_DUPFD_CLOEXEC, 100);
    close(fd);
    return fd >= 0 ? fd : 100;
}

static int terminal_socket(const struct plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].verb == PLAN_TERMINAL)
            return atoi(step_arg(&p->v[i], 0));
    return -1;
}

/* carrel-tty becomes this process, and starts us again with the plan for it. */
static _Noreturn void run_with_terminal(const struct wishes *w, const struct buf *text, int socket)
{
    char self[PATH_MAX], *none[] = {NULL};
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    int plan = memfd_create("plan", 0);
    if (n <= 0 || plan < 0 || file_write_all(plan, text->data, text->len) < 0 ||
        lseek(plan, 0, SEEK_SET) < 0)
        fail(w, "cannot hand over the plan");
    char *folder = arena_strdup(w->arena, self);
    for (int i = 0; i < 2 && strrchr(folder, '/'); i++)
        *strrchr(folder, '/') = '\0';
    char *tty = arena_printf(w->arena, "%s/" CARREL_LIBEXEC "/carrel-tty", folder);
    umask(w->host->umask);
    char name[] = "carrel-tty", mode[] = "pty";
    execve(tty,
           (char *[]){name, mode, arena_printf(w->arena, "%d", plan),
                      arena_printf(w->arena, "%d", socket), self, NULL},
           none);
    fail(w, arena_printf(w->arena, "cannot start %s: %s", tty, strerror(errno)));
}

/* So started: the only word is the descriptor of a plan of ours. */
static _Noreturn void run_plan_of(const struct wishes *w, int fd)
{
    char *text;
    size_t n;
    if (fd < 3 || read_fd(w->arena, fd, &text, &n) < 0)
        fail(w, "cannot read the plan");
    compat_run(text, n, arena_alloc(w->arena, job_space(n)), false, false);
}

static _Noreturn void print(const struct buf *b, int fd, int status)
{
    exit(file_write_all(fd, b->data, b->len) < 0 ? 1 : status);
}

static void answer_questions(struct wishes *w, const char *program)
{
    struct buf b = {.arena = w->arena};
    if (w->flags & VERSION) {
        buf_str(&b, "bubblewrap 0.13.1\ncarrel-bwrap " CARREL_VERSION "\n");
        print(&b, 1, 0);
    }
    if (w->flags & ASSUMED_KERNEL) {
        buf_str(&b, "5.12.0");
        print(&b, 1, 0);
    }
    if (w->flags & HELP || !w->command) {
        bwrap_help(&b, program);
        print(&b, w->flags & HELP ? 1 : 2, w->flags & HELP ? 0 : 1);
    }
}

int main(int argc, char **argv)
{
    struct host host = {exists,
                        small_file,
                        read_fd,
                        identity,
                        working_folder,
                        terminal,
                        is_terminal,
                        free_fd,
                        (uint32_t)getauxval(AT_UID),
                        (uint32_t)getauxval(AT_GID),
                        0,
                        umask(0),
                        warn};
    struct arena arena = {0};
    struct wishes w = {.arena = &arena, .host = &host};
    size_t warm = LEAST_SPACE + (size_t)argc * SPACE_OF_ARGUMENT / ARENA_PAGE * ARENA_PAGE;
    arena_begin(&arena, space, sizeof space, warm < sizeof space ? warm : sizeof space);
    if (getauxval(AT_SECURE) || getauxval(AT_UID) != getauxval(AT_EUID))
        fail(&w, "setuid use of bubblewrap is not supported");
    if (argc == 2 && str_eq(argv[0], "carrel-core"))
        run_plan_of(&w, atoi(argv[1]));
    bool any;
    host.caps = capabilities(&w, &any);
    int parsed = bwrap_parse(&w, argv + (argc > 0), environ);
    if (host.uid != 0 && any && !(w.flags & DROP_CALLER_CAPS))
        fail(&w, "Unexpected capabilities but not setuid, old file caps config?");
    if (parsed < 0)
        fail(&w, w.error);
    answer_questions(&w, argc > 0 ? argv[0] : "bwrap");
    if (bwrap_plan(&w) < 0)
        fail(&w, w.error);
    struct buf text = {.arena = &arena};
    plan_write(&w.plan, &text);
    if (w.flags & PRINT_PLAN)
        print(&text, 1, 0);
    if (terminal_socket(&w.plan) >= 0)
        run_with_terminal(&w, &text, terminal_socket(&w.plan));
    compat_run(text.data, text.len, arena_alloc(&arena, job_space(text.len)),
               w.flags & LEVEL_PREFIX, w.flags & EXPLAIN);
}
