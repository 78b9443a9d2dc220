/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command line, its words parted by NUL bytes, and behind a byte 0xff what every descriptor holds
 * that is read. The first byte says who calls. Whatever it says, there is an error in one line, or
 * a plan that the core takes or refuses with a reason, and that is the same when it is read again.
 */
#include "bwrap/bwrap.h"
#include "core/core.h"
#include "fuzz.h"
#include "util/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROOT = 1, SELINUX = 2, TERMINAL = 4, NO_CAPS = 8 };

static const uint8_t *rest;
static size_t rest_size;

static void want(bool holds)
{
    if (!holds)
        abort();
}

static char *copy(struct arena *a, const uint8_t *data, size_t size)
{
    char *out = arena_alloc(a, size + 1);
    if (size)
        memcpy(out, data, size);
    out[size] = '\0';
    return out;
}

static char *real(struct arena *a, const char *path)
{
    if (strstr(path, "missing")) {
        errno = ENOENT;
        return NULL;
    }
    return arena_printf(a, "%s%s", *path == '/' ? "" : "/home/anna/", path);
}

static bool exists(const char *path)
{
    return !strstr(path, "missing");
}

static const char *line(struct arena *a, const char *path)
{
    (void)a;
    return strstr(path, "max_user") ? "15000" : "";
}

static int read_fd(struct arena *a, int fd, char **data, size_t *n)
{
    if (fd > 1000)
        return -EBADF;
    *data = copy(a, rest, rest_size);
    *n = rest_size;
    return 0;
}

static const char *identity(struct arena *a, int fd)
{
    return fd > 1000 ? NULL : arena_printf(a, "%x:2", (unsigned)fd);
}

static void warn(const struct wishes *w, const char *text)
{
    (void)w;
    want(*text != '\0');
}

static char **words(struct arena *a, const uint8_t *data, size_t size)
{
    size_t count = 0, n = 0;
    char *text = copy(a, data, size);
    for (size_t i = 0; i < size; i += strlen(text + i) + 1)
        count++;
    char **list = arena_array(a, count + 1, sizeof *list);
    for (size_t i = 0; i < size; i += strlen(text + i) + 1)
        list[n++] = text + i;
    return list;
}

static void carry_out(const struct plan *p)
{
    struct buf text = {.arena = p->arena};
    struct plan again = {.arena = p->arena};
    struct job j;
    struct fault f;
    int at;
    const char *error;
    plan_write(p, &text);
    want(plan_read(&again, text.data, text.len, &at, &error) == 0 && again.n == p->n);
    void *space = calloc(1, job_space(text.len));
    want(space != NULL);
    if (job_read(&j, text.data, text.len, space, &f) == 0)
        want(j.argv && j.argv[0] && j.last[PLAN_EXEC]);
    else
        want(f.text && f.text[0] && f.list);
    free(space);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    unsigned who = *data++;
    size--;
    const uint8_t *end = memchr(data, 0xff, size);
    rest = end ? end + 1 : data + size;
    rest_size = end ? size - (size_t)(end - data) - 1 : 0;
    struct arena a = {0};
    struct host host = {.real = real,
                        .exists = exists,
                        .line = line,
                        .read_fd = read_fd,
                        .identity = identity,
                        .warn = warn,
                        .uid = who & ROOT ? 0 : 1000,
                        .gid = who & ROOT ? 0 : 1000,
                        .caps = who & NO_CAPS ? 0 : (1ull << 41) - 1,
                        .cwd = "/home/anna",
                        .terminal = who & TERMINAL ? "/dev/pts/3" : NULL,
                        .umask = 022,
                        .selinux = who & SELINUX};
    char home[] = "HOME=/home/anna", path[] = "PATH=/usr/bin";
    char *const env[] = {home, path, NULL};
    struct wishes w = {.arena = &a, .host = &host};
    int r = bwrap_parse(&w, words(&a, data, size - rest_size - (end != NULL)), env);
    if (r == 0 && w.command && !(w.flags & (HELP | VERSION | ASSUMED_KERNEL)))
        r = bwrap_plan(&w);
    else if (r == 0)
        goto out;
    if (r == 0)
        carry_out(&w.plan);
    else
        want(w.error && *w.error);
out:
    arena_release(&a);
    return 0;
}
