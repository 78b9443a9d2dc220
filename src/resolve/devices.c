/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* devices= */
#include "resolve/ctx.h"

#include "util/str.h"

#include <string.h>

/* The names in /dev that a word grants; '*' stands for digits. Flatpak's list (flatpak-run.c). */
static const struct {
    const char *word, *name;
} nodes[] = {
    {"dri", "dri"},        {"dri", "udmabuf"},
    {"dri", "mali"},       {"dri", "mali*"},
    {"dri", "umplock"},    {"dri", "kfd"},
    {"dri", "nvidiactl"},  {"dri", "nvidia-modeset"},
    {"dri", "nvidia-uvm"}, {"dri", "nvidia-uvm-tools"},
    {"dri", "nvidia*"},    {"input", "input"},
    {"usb", "bus/usb"},    {"kvm", "kvm"},
};

static bool matches(const char *pattern, const char *name)
{
    size_t n = strcspn(pattern, "*");
    if (pattern[n] == '\0')
        return str_eq(pattern, name);
    return strncmp(pattern, name, n) == 0 && name[n] &&
           strspn(name + n, "0123456789") == strlen(name + n);
}

/* Devices are bound read-only for the reason given in base.c: writing to them still works. */
static void put_device(struct ctx *c, const char *path, const char *why)
{
    const struct path_fact *p = facts_path(c->f, path);
    if (p->type == FILE_CHAR || p->type == FILE_DIR)
        tree_put(&c->tree,
                 (struct node){.kind = NODE_BIND, .dst = path, .src = p, .dev = true, .why = why});
}

static bool put_named(struct ctx *c, const char *word, const char *why)
{
    const struct list_fact *dev = facts_list(c->f, "/dev");
    size_t before = c->tree.n;
    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
        if (!str_eq(nodes[i].word, word))
            continue;
        if (strchr(nodes[i].name, '/'))
            put_device(c, join_path(c, "/dev", nodes[i].name), why);
        for (size_t k = 0; k < dev->n; k++)
            if (matches(nodes[i].name, dev->names[k]))
                put_device(c, join_path(c, "/dev", dev->names[k]), why);
    }
    return c->tree.n > before;
}

/*
 * For a graphics card its own folder in /sys and the links that lead to it: Mesa asks there which
 * driver to load. Not all of /sys/devices, which also tells disks, network addresses and serials.
 */
static void put_dri_sys(struct ctx *c, const char *why)
{
    const struct list_fact *drm = facts_list(c->f, "/sys/class/drm");
    for (size_t i = 0; i < drm->n; i++) {
        const struct path_fact *p = facts_path(c->f, join_path(c, "/sys/class/drm", drm->names[i]));
        const char *cut = present(p) ? strstr(p->real, "/drm/") : NULL;
        if (!cut || !path_within(p->real, "/sys/devices"))
            continue;
        const char *device = arena_strndup(c->a, p->real, (size_t)(cut - p->real));
        const struct path_fact *folder = facts_path(c->f, device);
        if (folder->type == FILE_DIR)
            put_bind(c, folder, device, why);
    }
    static const char *const links[] = {"/sys/class/drm", "/sys/dev/char"};
    for (size_t i = 0; drm->n > 0 && i < ARRAY_SIZE(links); i++) {
        const struct path_fact *p = facts_path(c->f, links[i]);
        if (p->type == FILE_DIR)
            put_bind(c, p, links[i], why);
    }
}

/* What programs that look for devices themselves walk through; as Flatpak, but only then. */
static void put_all_sys(struct ctx *c, const char *why)
{
    static const char *const parts[] = {"/sys/block", "/sys/bus", "/sys/class", "/sys/dev",
                                        "/sys/devices"};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        const struct path_fact *p = facts_path(c->f, parts[i]);
        if (p->type == FILE_DIR)
            put_bind(c, p, parts[i], why);
    }
}

/* The whole of /dev, but for other people's terminals and shared memory. */
static void put_all(struct ctx *c, const char *why)
{
    const struct path_fact *dev = facts_path(c->f, "/dev");
    if (dev->type != FILE_DIR)
        return;
    tree_put(&c->tree,
             (struct node){.kind = NODE_BIND, .dst = "/dev", .src = dev, .dev = true, .why = why});
    if (!c->ipc && facts_path(c->f, "/dev/mqueue")->type == FILE_DIR)
        tree_put(&c->tree, (struct node){.kind = NODE_MQUEUE,
                                         .dst = "/dev/mqueue",
                                         .why = "base: own message queues"});
}

static void put_shm(struct ctx *c, const char *why)
{
    const struct path_fact *p = facts_path(c->f, "/dev/shm");
    if (p->type == FILE_DIR)
        tree_put(
            &c->tree,
            (struct node){.kind = NODE_BIND, .dst = "/dev/shm", .src = p, .rw = true, .why = why});
}

void rule_devices(struct ctx *c)
{
    static const char *const words[] = {"dri", "input", "usb", "kvm"};
    const struct perm *all = perm_granted(c, PERM_DEVICES, "all");
    const struct perm *shm = perm_granted(c, PERM_DEVICES, "shm");
    for (size_t i = 0; i < ARRAY_SIZE(words) && !all; i++) {
        const struct perm *perm = perm_granted(c, PERM_DEVICES, words[i]);
        if (!perm)
            continue;
        const char *why = why_perm(c, PERM_DEVICES, perm);
        if (!put_named(c, words[i], why))
            put_missing(c, concat(c, "devices=", words[i], NULL), why, "this host has none");
        if (str_eq(words[i], "dri"))
            put_dri_sys(c, why);
        else if (!str_eq(words[i], "kvm"))
            put_all_sys(c, why);
    }
    if (all) {
        put_all(c, why_perm(c, PERM_DEVICES, all));
        put_all_sys(c, why_perm(c, PERM_DEVICES, all));
    }
    if (shm)
        put_shm(c, why_perm(c, PERM_DEVICES, shm));
}
