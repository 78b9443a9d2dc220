/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Control groups: which ones we may make, and whether the person's systemd does it for us. */
#include "facts/store.h"

#include "util/file.h"
#include "util/str.h"

#include <fcntl.h>
#include <unistd.h>

enum { MOST = 64 << 10 };

static const char *text_of(struct arena *a, const char *path)
{
    struct buf out = {.arena = a};
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && file_read_fd(fd, MOST, &out) == 0 && out.len ? out.data : "";
}

static const char *in_group(struct arena *a, const char *group, const char *name)
{
    return arena_printf(a, "%s/%s", group, name);
}

/* Where version 2 is mounted, alone or beside version 1 (which has no such file); NULL: nowhere. */
static const char *mounted_at(struct arena *a, const char *root)
{
    static const char *const places[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        const char *place = arena_printf(a, "%s%s", root, places[i]);
        if (access(in_group(a, place, "cgroup.controllers"), R_OK) == 0)
            return place;
    }
    return NULL;
}

/* Our own group below that: the line "0::PATH", cgroups(7). NULL when it lies outside. */
static const char *own_group(struct arena *a, const char *root, const char *mount)
{
    const char *text = text_of(a, arena_printf(a, "%s/proc/self/cgroup", root));
    const char *at = strstr(text, "0::/");
    if (!at || (at != text && at[-1] != '\n'))
        return NULL;
    at += strlen("0::");
    const char *path = arena_strndup(a, at, strcspn(at, "\n"));
    if (strstr(path, "/.."))
        return NULL;
    return str_eq(path, "/") ? mount : arena_printf(a, "%s%s", mount, path);
}

/* Ours to make groups in and to move processes through. */
static bool is_ours(struct arena *a, const char *group)
{
    return access(group, W_OK) == 0 && access(in_group(a, group, "cgroup.procs"), W_OK) == 0;
}

/* The controllers with which a limit of ours can be set; a host may have more. */
static const char *const limiting[] = {"cpu", "io", "memory", "pids"};

/* " cpu memory ": what groups below may have. Where processes are it cannot be extended, but at the
 * root of all. */
static const char *kinds_below(struct arena *a, const char *group)
{
    bool root = access(in_group(a, group, "cgroup.type"), F_OK) != 0;
    bool more = root || !*text_of(a, in_group(a, group, "cgroup.procs"));
    more = more && access(in_group(a, group, "cgroup.subtree_control"), W_OK) == 0;
    const char *text =
        text_of(a, in_group(a, group, more ? "cgroup.controllers" : "cgroup.subtree_control"));
    struct buf out = {.arena = a};
    buf_char(&out, ' ');
    text = arena_printf(a, " %.*s ", (int)strcspn(text, "\n"), text);
    for (size_t i = 0; i < ARRAY_SIZE(limiting); i++)
        if (strstr(text, arena_printf(a, " %s ", limiting[i])))
            buf_printf(&out, "%s ", limiting[i]);
    return out.data;
}

/* The topmost of ours from our own group upwards that has the most to give. */
static void find_folder(struct arena *a, const char *root, const char *mount,
                        struct control_fact *c)
{
    size_t best = strlen(" ") + 1; /* where groups can have nothing, none are made */
    for (const char *g = own_group(a, root, mount); g && path_within(g, mount) && is_ours(a, g);
         g = path_parent(a, g)) {
        const char *kinds = kinds_below(a, g);
        if (strlen(kinds) < best)
            continue;
        best = strlen(kinds);
        c->folder = g;
        c->kinds = kinds;
    }
}

/* systemd.special(7): the person's own manager lives in a group of this name. "": not known; it
 * says itself when it does without, as its answer is looked at (limits/systemd.c). */
static const char *kinds_of_manager(struct arena *a, const char *mount, unsigned uid)
{
    const char *group = arena_printf(
        a, "%s/user.slice/user-%u.slice/user@%u.service/cgroup.controllers", mount, uid, uid);
    const char *text = text_of(a, group);
    return arena_strndup(a, text, strcspn(text, "\n"));
}

/* What either can give: where the manager does not, the folder is tried. */
static const char *kinds_of_both(struct arena *a, const char *kinds, const char *more)
{
    struct buf out = {.arena = a};
    buf_str(&out, kinds);
    for (const char *s = more; *(s += strspn(s, " ")); s += strcspn(s, " ")) {
        const char *one = arena_strndup(a, s, strcspn(s, " "));
        if (!strstr(out.data, arena_printf(a, " %s ", one)))
            buf_printf(&out, "%s ", one);
    }
    return out.data;
}

void control_look(struct arena *a, const char *root, uid_t uid, const char *runtime_dir,
                  struct control_fact *to)
{
    const char *mount = mounted_at(a, root);
    *to = (struct control_fact){.known = true, .kinds = " "};
    if (!mount)
        return;
    find_folder(a, root, mount, to);
    if (!runtime_dir ||
        access(arena_printf(a, "%s%s/systemd/private", root, runtime_dir), W_OK) != 0)
        return;
    to->manager = true;
    const char *kinds = kinds_of_manager(a, mount, (unsigned)uid);
    to->kinds = *kinds ? kinds_of_both(a, arena_printf(a, " %s ", kinds), to->kinds) : " ";
}

void look_control(struct facts *f, __attribute__((unused)) const char *path)
{
    control_look(f->arena, "", f->uid, f->runtime_dir, &f->control);
}
