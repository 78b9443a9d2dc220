/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking at paths. Links are followed here, one by one, so that the snapshot can say where a path
 * really leads and which links lie on the way. Every folder that was looked at is remembered, so a
 * path costs one system call for each part that is new. Nothing that is found here is trusted
 * later on: the core opens the resolved path again without following any link and compares device
 * and inode.
 */
#include "facts/store.h"

#include "util/file.h"
#include "util/libc.h"
#include "util/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_NAMES 65536 /* of one folder; more are left out */

struct hops {
    const struct link_hop *v;
    size_t n;
};

static enum file_type type_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return FILE_REGULAR;
    case S_IFDIR:
        return FILE_DIR;
    case S_IFSOCK:
        return FILE_SOCKET;
    case S_IFCHR:
        return FILE_CHAR;
    case S_IFBLK:
        return FILE_BLOCK;
    default:
        return FILE_FIFO;
    }
}

static struct hops join_hops(struct arena *a, struct hops x, struct hops y)
{
    if (x.n == 0 || y.n == 0)
        return x.n ? x : y;
    struct link_hop *v = arena_array(a, x.n + y.n, sizeof *v);
    memcpy(v, x.v, x.n * sizeof *v);
    memcpy(v + x.n, y.v, y.n * sizeof *v);
    return (struct hops){v, x.n + y.n};
}

static struct path_fact failed(const char *path, int error)
{
    return (struct path_fact){.path = path, .real = path, .type = FILE_ERROR, .error = error};
}

/* from, seen through the links in front of it: what path leads to. */
static struct path_fact through(struct arena *a, const char *path, struct hops front,
                                const struct path_fact *from)
{
    struct path_fact out = *from;
    struct hops all = join_hops(a, front, (struct hops){from->hops, from->n_hops});
    out.path = path;
    out.hops = all.v;
    out.n_hops = all.n;
    return all.n > FACTS_MAX_HOPS ? failed(path, ELOOP) : out;
}

static struct path_fact look(struct facts *f, const char *path, int depth);

/* Follows a link's target, part by part: ".." means the parent of where we really are. */
static struct path_fact follow(struct facts *f, const char *link, const char *target, int depth)
{
    struct arena *a = f->arena;
    struct link_hop *hop = arena_alloc(a, sizeof *hop);
    *hop = (struct link_hop){link, target};
    struct hops hops = {hop, 1};
    struct path_fact at = look(f, target[0] == '/' ? "/" : path_parent(a, link), depth);
    for (const char *p = target; *p;) {
        size_t len = strcspn(p, "/");
        const char *part = arena_strndup(a, p, len);
        p += len + (p[len] == '/');
        if (len == 0 || str_eq(part, "."))
            continue;
        if (at.type == FILE_ABSENT) { /* the rest is absent too */
            at.real = path_join(a, at.real, part);
            continue;
        }
        at = look(f, str_eq(part, "..") ? path_parent(a, at.real) : path_join(a, at.real, part),
                  depth);
        if (at.type == FILE_ERROR)
            return failed(link, at.error);
        hops = join_hops(a, hops, (struct hops){at.hops, at.n_hops});
        at.n_hops = 0;
    }
    at.hops = NULL;
    at.n_hops = 0;
    return through(a, link, hops, &at);
}

/* One name in a folder that is itself without links. */
static struct path_fact look_here(struct facts *f, const char *path, int depth)
{
    struct stat st;
    if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return failed(path, errno);
        return (struct path_fact){.path = path, .real = path, .type = FILE_ABSENT};
    }
    if (S_ISLNK(st.st_mode)) {
        char target[PATH_MAX];
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n <= 0)
            return failed(path, n < 0 ? errno : ENOENT);
        if (depth >= FACTS_MAX_HOPS)
            return failed(path, ELOOP);
        return follow(f, path, arena_strndup(f->arena, target, (size_t)n), depth + 1);
    }
    return (struct path_fact){
        .path = path,
        .real = path,
        .type = type_of(st.st_mode),
        .dev = st.st_dev,
        .ino = st.st_ino,
        .mode = st.st_mode & 07777,
        .uid = st.st_uid,
    };
}

/* A path that is not "/": what its folder leads to decides where to look for the last part. */
static struct path_fact look_below(struct facts *f, const char *path, int depth)
{
    const char *dir = path_parent(f->arena, path), *name = strrchr(path, '/') + 1;
    const struct path_fact above = look(f, dir, depth);
    if (above.type == FILE_ERROR)
        return failed(path, above.error);
    const char *here = str_eq(above.real, dir) ? path : path_join(f->arena, above.real, name);
    struct path_fact found = {.path = here, .real = here, .type = FILE_ABSENT};
    if (above.type == FILE_DIR)
        found = here == path ? look_here(f, here, depth) : look(f, here, depth);
    return through(f->arena, path, (struct hops){above.hops, above.n_hops}, &found);
}

/* path is clean (see path_clean). */
static struct path_fact look(struct facts *f, const char *path, int depth)
{
    const struct path_fact *known = facts_known_path(f, path);
    if (known)
        return *known;
    struct path_fact out = strlen(path) >= PATH_MAX ? failed(path, ENAMETOOLONG)
                           : str_eq(path, "/")      ? look_here(f, path, depth)
                                                    : look_below(f, path, depth);
    /* Deep inside a chain of links the answer may be "too many links" only because of where we
     * came from: such an answer is not kept. */
    if (depth == 0 || out.type != FILE_ERROR)
        facts_put_path(f, &out);
    return out;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* By the system's call alone: opendir(3) takes memory from the system and gives it back. */
static void look_list(struct facts *f, const char *path)
{
    struct list_fact list = {.path = path};
    size_t cap = 0;
    _Alignas(struct dirent) char part[8192];
    cleanup_fd int fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (ssize_t n; fd >= 0 && list.n < MAX_NAMES && (n = sys_getdents(fd, part, sizeof part)) > 0;)
        for (char *at = part; at < part + n && list.n < MAX_NAMES;) {
            struct dirent *e = (struct dirent *)(void *)at;
            at += e->d_reclen;
            if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
                continue;
            list.names = arena_grow(f->arena, list.names, list.n, &cap, sizeof *list.names);
            list.names[list.n++] = arena_strdup(f->arena, e->d_name);
        }
    if (list.n > 1)
        qsort(list.names, list.n, sizeof *list.names, compare_names);
    facts_put_list(f, &list);
}

static void look_access(struct facts *f, const char *path)
{
    struct path_fact p = look(f, path, 0);
    p.path = path;
    p.access_known = true;
    p.accessible_r = access(p.real, R_OK) == 0;
    p.accessible_w = access(p.real, W_OK) == 0;
    p.accessible_x = access(p.real, X_OK) == 0;
    facts_put_path(f, &p);
}

/*
 * A filesystem without an answer (a network's, a FUSE one) must not hold up who was not granted it.
 * Its folder's type is known to the kernel; more would have to be asked for.
 */
static void look_folder(struct facts *f, const char *path)
{
    struct stat st;
    const char *dir = path_parent(f->arena, path);
    const struct path_fact above = look(f, dir, 0);
    bool is_folder = above.type == FILE_DIR && str_eq(above.real, dir) &&
                     fstatat(AT_FDCWD, path, &st,
                             AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC) == 0 &&
                     S_ISDIR(st.st_mode);
    facts_put_folder(f, path, is_folder);
}

static void look_path(struct facts *f, const char *path)
{
    look(f, path, 0);
}

void facts_look(struct facts *f)
{
    static look_for *const looks[] = {
        [WANTED_PATH] = look_path,           [WANTED_FOLDER] = look_folder,
        [WANTED_LIST] = look_list,           [WANTED_ACCESS] = look_access,
        [WANTED_DOCUMENTS] = look_documents, [WANTED_LOOKS] = look_looks,
        [WANTED_UNTRUSTED] = look_untrusted, [WANTED_CONTROL] = look_control,
    };
    for (size_t i = 0; i < f->n_wanted; i++)
        looks[f->wanted[i].kind](f, f->wanted[i].path);
    f->n_wanted = 0;
}
