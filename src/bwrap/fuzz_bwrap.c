/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any command line, arguments parted by NUL, either is refused with a reason or becomes a plan that
 * the core takes, without asking the host. A line FD of --args reads what is behind a double NUL.
 */
#include "bwrap/bwrap.h"
#include "core/compat.h"
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *behind;
static size_t n_behind;

static bool exists(const char *path)
{
    return !strstr(path, "module");
}

static const char *text(struct arena *a, const char *path)
{
    (void)a;
    return strstr(path, "max_user") ? "7" : behind;
}

static int read_fd(struct arena *a, int fd, char **data, size_t *n)
{
    *data = arena_strndup(a, behind, n_behind);
    *n = n_behind;
    return fd == 9 ? -EBADF : 0;
}

static const char *identity(struct arena *a, int fd)
{
    (void)a;
    return fd == 9 ? NULL : "fe:1";
}

static const char *cwd(const struct wishes *w)
{
    (void)w;
    return "/home/x";
}

static const char *terminal(struct arena *a)
{
    (void)a;
    return n_behind % 2 ? "/dev/pts/3" : NULL;
}

static bool is_terminal(int fd)
{
    return fd != (int)(n_behind % 4);
}

static int free_fd(void)
{
    return 99;
}

static void warn(const struct wishes *w, const char *text)
{
    (void)w;
    (void)text;
}

static void want(bool holds)
{
    if (!holds)
        abort();
}

/* What the front end let through but the core refuses must be a matter of values alone. */
static void hand_over(struct wishes *w)
{
    struct job j;
    struct fault f;
    struct buf text = {.arena = w->arena};
    plan_write(&w->plan, &text);
    void *space = calloc(1, job_space(text.len));
    want(space != NULL);
    if (job_read(&j, text.data, text.len, space, &f) < 0)
        want(f.step.verb == PLAN_HOSTNAME || f.step.verb == PLAN_RLIMIT ||
             f.step.verb == PLAN_OVERLAY || f.step.verb == PLAN_LANDLOCK ||
             f.step.verb == PLAN_LANDLOCK_ALLOW || strstr(f.text, "4095"));
    else
        want(j.loose && j.rooted && j.argv && j.argv[0]);
    free(space);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {NULL};
    const struct host host = {.exists = exists,
                              .text = text,
                              .read_fd = read_fd,
                              .identity = identity,
                              .warn = warn,
                              .uid = size % 3 ? 1000 : 0,
                              .gid = 1000,
                              .caps = 0xff,
                              .cwd = cwd,
                              .terminal = terminal,
                              .is_terminal = is_terminal,
                              .free_fd = free_fd,
                              .umask = 022};
    struct wishes w = {.arena = &arena, .host = &host};
    char *line = arena_strndup(&arena, (const char *)data, size);
    char **argv = arena_array(&arena, size + 2, sizeof *argv);
    char *env[] = {(char[]){"HOME=/home/x"}, (char[]){"PATH=/bin"}, NULL};
    size_t i = 0;
    for (size_t n = 0; i < size && line[i]; i += strlen(line + i) + 1)
        argv[n++] = line + i;
    behind = line + (i < size ? i + 1 : size);
    n_behind = size - (size_t)(behind - line);
    int r = bwrap_parse(&w, argv, env);
    if (r == 0 && w.command && bwrap_plan(&w) == 0)
        hand_over(&w);
    else
        want(r == 0 || w.error);
    arena_release(&arena);
    return 0;
}
