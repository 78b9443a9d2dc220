/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The folders of policies: loading and listing. */
#include "catalog/catalog.h"

#include "catalog/internal.h"
#include "util/file.h"
#include "util/str.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *const layer_names[LAYER_COMMAND_LINE] = {
    [LAYER_SHIPPED] = "shipped", [LAYER_SYSTEM] = "system", [LAYER_USER] = "user"};

/* The user's folder is always the same one, whatever the environment says: it decides what apps
 * may do, so a variable that some start-up file sets must not move it. */
void catalog_init(struct catalog *c, struct arena *a, const struct facts *f, const char *datadir)
{
    *c = (struct catalog){
        .arena = a,
        .layers = {[LAYER_SHIPPED] = arena_printf(a, "%s/policies", datadir),
                   [LAYER_SYSTEM] = "/etc/carrel/policies",
                   [LAYER_USER] = arena_printf(a, "%s/.config/carrel/policies", f->home)},
        .sysroot = "",
    };
}

/*
 * Whether nothing is at path, and no link leads there: a policy behind a link to a disk that is not
 * mounted, or below something that is no folder, was meant to hold. Who would go on without it
 * would start apps with more than the person allows.
 */
static bool truly_absent(struct arena *a, const char *path)
{
    struct stat st;
    while (lstat(path, &st) < 0) {
        const char *slash = strrchr(path, '/');
        if (errno != ENOENT && errno != ENOTDIR)
            return false;
        if (!slash || slash == path)
            return true;
        path = arena_strndup(a, path, (size_t)(slash - path));
    }
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Returns 1 when the file was merged, 0 when there is none, -1 with an error. */
static int load_file(const struct catalog *c, enum policy_layer layer, const char *name,
                     struct policy *p, struct diags *d)
{
    struct buf text = {.arena = c->arena};
    const char *path = arena_printf(c->arena, "%s/%s.policy", c->layers[layer], name);
    int r = file_read(path, POLICY_MAX_BYTES, &text);
    bool nothing = r == -ENOENT || r == -ENOTDIR;
    if (nothing && truly_absent(c->arena, path))
        return 0;
    if (r < 0) {
        diag_add(d, DIAG_ERROR, (struct place){.file = path},
                 r == -EFBIG ? "a policy has at most 1 MiB"
                 : nothing   ? "a link that leads nowhere, or something that is no folder, lies in "
                               "its place: mend or remove that"
                 : r == -EACCES ? "let yourself read it (chmod u+r), or move it away"
                                : NULL,
                 "cannot read the policy: %s",
                 r == -EINVAL ? "not an ordinary file" : strerror(-r));
        return -1;
    }
    size_t before = d->errors;
    policy_merge_text(p, layer, path, text.data, text.len, d);
    return d->errors > before ? -1 : 1;
}

int catalog_load(const struct catalog *c, const struct app *app, struct policy *p, struct diags *d)
{
    int r = load_file(c, LAYER_SHIPPED, "base", p, d);
    if (r == 0)
        diag_add(d, DIAG_ERROR,
                 (struct place){
                     .file = arena_printf(c->arena, "%s/base.policy", c->layers[LAYER_SHIPPED])},
                 "Carrel is not installed completely: install it again",
                 "the strict default is missing");
    if (r <= 0)
        return -1;
    if (!app->has_policy && load_file(c, LAYER_SHIPPED, "unknown", p, d) < 0)
        r = -1;
    for (int layer = LAYER_SHIPPED; layer < LAYER_COMMAND_LINE; layer++)
        if (load_file(c, (enum policy_layer)layer, "global", p, d) < 0 ||
            load_file(c, (enum policy_layer)layer, app->id, p, d) < 0)
            r = -1;
    return r < 0 ? -1 : 0;
}

struct names {
    const char **v;
    size_t n, cap;
};

/* Adds the entries of a folder; with a suffix only those that have it, cut off. */
static int read_folder(const struct catalog *c, const char *path, const char *suffix,
                       struct names *out)
{
    DIR *dir = opendir(path);
    if (!dir)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    for (struct dirent *e; (e = readdir(dir));) {
        size_t n = strlen(e->d_name), k = strlen(suffix);
        if (e->d_name[0] == '.' || n <= k || !str_eq(e->d_name + n - k, suffix))
            continue;
        out->v = arena_grow(c->arena, out->v, out->n, &out->cap, sizeof *out->v);
        out->v[out->n++] = arena_strndup(c->arena, e->d_name, n - k);
    }
    closedir(dir);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int catalog_list(const struct catalog *c, struct app **out, size_t *n, struct diags *d)
{
    struct names ids = {NULL, 0, 0};
    *n = 0;
    for (int i = 0; i < LAYER_COMMAND_LINE; i++) {
        int r = read_folder(c, c->layers[i], ".policy", &ids);
        if (r < 0) {
            diag_add(d, DIAG_ERROR, (struct place){.file = c->layers[i]}, NULL,
                     "cannot read the folder: %s", strerror(-r));
            return -1;
        }
    }
    if (ids.n)
        qsort(ids.v, ids.n, sizeof *ids.v, by_text);
    *out = arena_array(c->arena, ids.n + 1, sizeof **out);
    for (size_t i = 0; i < ids.n; i++)
        if (!app_id_error(ids.v[i]) && (i == 0 || !str_eq(ids.v[i], ids.v[i - 1])))
            (*out)[(*n)++] = (struct app){.id = ids.v[i], .has_policy = true};
    return 0;
}

const char *catalog_layers_of(const struct catalog *c, const char *id)
{
    struct buf out = {.arena = c->arena};
    buf_str(&out, "");
    for (int i = 0; i < LAYER_COMMAND_LINE; i++) {
        if (access(arena_printf(c->arena, "%s/%s.policy", c->layers[i], id), F_OK) < 0)
            continue;
        if (out.len)
            buf_char(&out, ',');
        buf_str(&out, layer_names[i]);
    }
    return out.data;
}

const char *catalog_nearest(const struct catalog *c, const char *name)
{
    struct names known = {NULL, 0, 0};
    for (int i = 0; i < LAYER_COMMAND_LINE; i++) {
        read_folder(c, arena_printf(c->arena, "%s/names", c->layers[i]), "", &known);
        read_folder(c, c->layers[i], ".policy", &known);
    }
    return str_nearest(name, known.v, known.n);
}
