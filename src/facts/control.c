/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Control groups: which ones we may make, and whether the person's systemd does it for us. */
#include "facts/store.h"

#include "util/file.h"
#include "util/str.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { MOST = 64 << 10 };

static const char *text_of(struct facts *f, const char *path)
{
    struct buf out = {.arena = f->arena};
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && file_read_fd(fd, MOST, &out) == 0 && out.len ? out.data : "";
}

/* Where version 2 is mounted, alone or beside version 1; NULL: nowhere. */
static const char *mounted_at(void)
{
    static const char *const places[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    struct statfs fs;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        if (statfs(places[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
            return places[i];
    return NULL;
}

/* Our own group below that: the line "0::PATH", cgroups(7). NULL when it lies outside. */
static const char *own_group(struct facts *f, const char *mount)
{
    const char *text = text_of(f, "/proc/self/cgroup"), *at = strstr(text, "0::/");
    if (!at || (at != text && at[-1] != '\n'))
        return NULL;
    at += strlen("0::");
    const char *path = arena_strndup(f->arena, at, strcspn(at, "\n"));
    if (strstr(path, "/.."))
        return NULL;
    return str_eq(path, "/") ? mount : arena_printf(f->arena, "%s%s", mount, path);
}

static const char *in_group(struct facts *f, const char *group, const char *name)
{
    return arena_printf(f->arena, "%s/%s", group, name);
}

/* Ours to make groups in and to move processes through. */
static bool is_ours(struct facts *f, const char *group)
{
    return access(group, W_OK) == 0 && access(in_group(f, group, "cgroup.procs"), W_OK) == 0;
}

/* " cpu memory ": what groups below may have. Where processes are it cannot be extended, but at the
 * root of all. */
static const char *kinds_below(struct facts *f, const char *group)
{
    bool root = access(in_group(f, group, "cgroup.type"), F_OK) != 0;
    bool more = root || !*text_of(f, in_group(f, group, "cgroup.procs"));
    more = more && access(in_group(f, group, "cgroup.subtree_control"), W_OK) == 0;
    const char *text =
        text_of(f, in_group(f, group, more ? "cgroup.controllers" : "cgroup.subtree_control"));
    return arena_printf(f->arena, " %.*s ", (int)strcspn(text, "\n"), text);
}

/* The topmost of ours from our own group upwards that has the most to give. */
static void find_folder(struct facts *f, const char *mount)
{
    size_t best = 0;
    for (const char *g = own_group(f, mount); g && path_within(g, mount) && is_ours(f, g);
         g = path_parent(f->arena, g)) {
        const char *kinds = kinds_below(f, g);
        if (strlen(kinds) < best)
            continue;
        best = strlen(kinds);
        f->control.folder = g;
        f->control.kinds = kinds;
    }
}

/* systemd.special(7): the person's own manager lives in a group of this name. It says itself when
 * it does without, as its answer is looked at (limits/systemd.c). */
static const char *kinds_of_manager(struct facts *f, const char *mount)
{
    unsigned uid = (unsigned)f->uid;
    const char *group =
        arena_printf(f->arena, "%s/user.slice/user-%u.slice/user@%u.service/cgroup.controllers",
                     mount, uid, uid);
    const char *text = text_of(f, group);
    return *text ? arena_printf(f->arena, " %.*s ", (int)strcspn(text, "\n"), text) : NULL;
}

void look_control(struct facts *f)
{
    const char *mount = mounted_at(), *kinds;
    const char *manager =
        f->runtime_dir ? arena_printf(f->arena, "%s/systemd/private", f->runtime_dir) : NULL;
    f->control = (struct control_fact){.known = true, .kinds = " "};
    if (!mount)
        return;
    find_folder(f, mount);
    if (!manager || access(manager, W_OK) != 0)
        return;
    f->control.manager = true;
    if ((kinds = kinds_of_manager(f, mount)))
        f->control.kinds = kinds;
}
