/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The snapshot itself: finding, adding and noting what is missing. */
#include "facts/store.h"

#include "util/str.h"

#include <string.h>

const char *path_parent(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return "/";
    return arena_strndup(a, path, (size_t)(slash - path));
}

const char *path_join(struct arena *a, const char *dir, const char *name)
{
    size_t n = str_eq(dir, "/") ? 0 : strlen(dir), m = strlen(name);
    char *out = arena_alloc(a, n + m + 2);
    memcpy(out, dir, n);
    out[n] = '/';
    memcpy(out + n + 1, name, m);
    return out;
}

enum { USUAL_PATHS = 160 };

/* FNV-1a (Fowler, Noll, Vo). */
static uint32_t hash(const char *s)
{
    uint32_t h = 2166136261u;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return h;
}

/* The slot that holds path, or the free one where it belongs. The table is never full. */
static uint32_t *slot(const struct facts *f, const char *path)
{
    size_t mask = f->path_index_size - 1, i = hash(path) & mask;
    while (f->path_index[i] && !str_eq(f->paths[f->path_index[i] - 1].path, path))
        i = (i + 1) & mask;
    return &f->path_index[i];
}

static void reserve_slot(struct facts *f)
{
    if (f->path_index_size > 2 * (f->n_paths + 1))
        return;
    f->path_index_size = f->path_index_size ? 2 * f->path_index_size : 512;
    f->path_index = arena_array(f->arena, f->path_index_size, sizeof *f->path_index);
    for (size_t i = 0; i < f->n_paths; i++)
        *slot(f, f->paths[i].path) = (uint32_t)(i + 1);
}

struct path_fact *facts_known_path(const struct facts *f, const char *path)
{
    if (f->path_index_size == 0)
        return NULL;
    uint32_t at = *slot(f, path);
    return at ? &f->paths[at - 1] : NULL;
}

const struct path_fact *facts_put_path(struct facts *f, const struct path_fact *fact)
{
    reserve_slot(f);
    uint32_t *at = slot(f, fact->path);
    if (*at == 0) {
        if (!f->paths) { /* room for a usual start, so that no old copies are left behind */
            f->cap_paths = USUAL_PATHS;
            f->paths = arena_array(f->arena, f->cap_paths, sizeof *f->paths);
        }
        f->paths = arena_grow(f->arena, f->paths, f->n_paths, &f->cap_paths, sizeof *f->paths);
        *at = (uint32_t)++f->n_paths;
    }
    f->paths[*at - 1] = *fact;
    return &f->paths[*at - 1];
}

struct list_fact *facts_known_list(const struct facts *f, const char *path)
{
    for (size_t i = 0; i < f->n_lists; i++)
        if (str_eq(f->lists[i].path, path))
            return &f->lists[i];
    return NULL;
}

void facts_put_list(struct facts *f, const struct list_fact *list)
{
    struct list_fact *old = facts_known_list(f, list->path);
    if (!old) {
        f->lists = arena_grow(f->arena, f->lists, f->n_lists, &f->cap_lists, sizeof *f->lists);
        old = &f->lists[f->n_lists++];
    }
    *old = *list;
}

static const struct folder_fact *known_folder(const struct facts *f, const char *path)
{
    for (size_t i = 0; i < f->n_folders; i++)
        if (str_eq(f->folders[i].path, path))
            return &f->folders[i];
    return NULL;
}

void facts_put_folder(struct facts *f, const char *path, bool is_folder)
{
    if (known_folder(f, path))
        return;
    f->folders =
        arena_grow(f->arena, f->folders, f->n_folders, &f->cap_folders, sizeof *f->folders);
    f->folders[f->n_folders++] = (struct folder_fact){path, is_folder};
}

void facts_put_env(struct facts *f, const char *name, const char *value, bool asked)
{
    struct env_fact *e = NULL;
    for (size_t i = 0; i < f->n_env && !e; i++)
        if (str_eq(f->env[i].name, name))
            e = &f->env[i];
    if (!e) {
        f->env = arena_grow(f->arena, f->env, f->n_env, &f->cap_env, sizeof *f->env);
        e = &f->env[f->n_env++];
    }
    *e = (struct env_fact){name, value, asked};
}

static void want(struct facts *f, enum wanted_kind kind, const char *path)
{
    const uint32_t h = hash(path);
    if (f->fixture)
        return;
    for (size_t i = 0; i < f->n_wanted; i++) {
        const struct wanted_fact *w = &f->wanted[i];
        if (w->hash == h && w->kind == kind && str_eq(w->path, path))
            return;
    }
    f->wanted = arena_grow(f->arena, f->wanted, f->n_wanted, &f->cap_wanted, sizeof *f->wanted);
    f->wanted[f->n_wanted++] = (struct wanted_fact){kind, h, arena_strdup(f->arena, path)};
}

/* A fixture need not list what is absent, but the links above it still say where it would be. */
static const struct path_fact *absent(struct facts *f, const char *path)
{
    struct path_fact fact = {.path = path, .type = FILE_ABSENT, .real = path};
    const char *dir = path;
    while (!str_eq(dir, "/")) {
        dir = path_parent(f->arena, dir);
        const struct path_fact *above = facts_known_path(f, dir);
        if (!above)
            continue;
        const char *rest = path + (str_eq(dir, "/") ? 1 : strlen(dir) + 1);
        if (above->real)
            fact.real = path_join(f->arena, above->real, rest);
        fact.hops = above->hops;
        fact.n_hops = above->n_hops;
        if (above->type == FILE_ERROR) {
            fact.type = FILE_ERROR;
            fact.error = above->error;
        }
        break;
    }
    struct path_fact *out = arena_alloc(f->arena, sizeof *out);
    *out = fact;
    return out;
}

const struct path_fact *facts_path(struct facts *f, const char *path)
{
    const struct path_fact *known = facts_known_path(f, path);
    if (known)
        return known;
    want(f, WANTED_PATH, path);
    return absent(f, arena_strdup(f->arena, path));
}

/* What the permission bits alone say; groups are not known, so the group's bits count for nobody.
 */
static void guess_access(const struct facts *f, struct path_fact *p)
{
    mode_t bits = f->uid == p->uid ? p->mode >> 6 : p->mode;
    p->accessible_r = f->uid == 0 || (bits & 4);
    p->accessible_w = f->uid == 0 || (bits & 2);
    p->accessible_x = (bits & 1) || (f->uid == 0 && (p->type == FILE_DIR || (p->mode & 0111)));
}

const struct path_fact *facts_access(struct facts *f, const char *path)
{
    struct path_fact *known = facts_known_path(f, path);
    if (!known || known->access_known || known->type == FILE_ABSENT || known->type == FILE_ERROR)
        return known ? known : facts_path(f, path);
    if (f->fixture)
        guess_access(f, known);
    else
        want(f, WANTED_ACCESS, path);
    return known;
}

const struct list_fact *facts_list(struct facts *f, const char *path)
{
    static const struct list_fact nothing = {.path = ""};
    const struct list_fact *known = facts_known_list(f, path);
    if (known)
        return known;
    want(f, WANTED_LIST, path);
    return &nothing;
}

/* A fixture may know it as a path, too. */
bool facts_folder(struct facts *f, const char *path)
{
    const struct folder_fact *known = known_folder(f, path);
    const struct path_fact *as_path = known ? NULL : facts_known_path(f, path);
    if (!known && !as_path)
        want(f, WANTED_FOLDER, path);
    return known ? known->is_folder
                 : as_path && as_path->type == FILE_DIR && str_eq(as_path->real, path);
}

const struct control_fact *facts_control(struct facts *f)
{
    if (!f->control.known)
        want(f, WANTED_CONTROL, "");
    return &f->control;
}

const struct look_fact *facts_looks(struct facts *f, size_t *n)
{
    if (!f->looks_known)
        want(f, WANTED_LOOKS, "");
    *n = f->n_looks;
    return f->looks;
}

const struct untrusted_fact *facts_untrusted(struct facts *f)
{
    if (!f->untrusted.known)
        want(f, WANTED_UNTRUSTED, "");
    return &f->untrusted;
}

bool facts_documents(struct facts *f, const char *bus)
{
    if (!f->documents_known)
        want(f, WANTED_DOCUMENTS, bus);
    return f->documents;
}

const char *facts_env(const struct facts *f, const char *name)
{
    for (size_t i = 0; i < f->n_env; i++) {
        if (f->env[i].name[0] == name[0] && str_eq(f->env[i].name, name)) {
            f->env[i].asked = true;
            return f->env[i].value;
        }
    }
    return NULL;
}
