/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_POLICY_POLICY_H
#define CARREL_POLICY_POLICY_H

#include "util/arena.h"
#include "util/buf.h"
#include "util/diag.h"
#include <stdbool.h>
#include <stddef.h>

/*
 * The merged wishes for one app: what all layers together say, each value with the place it came
 * from. Vocabulary and meaning are Flatpak's (flatpak-metadata(5), flatpak-override(5)); where we
 * differ the manual carrel-policy(5) says so. Pure data: nothing here knows the host or a plan.
 */

/* Layers from weakest to strongest; a later one overrides. */
enum policy_layer { LAYER_SHIPPED, LAYER_SYSTEM, LAYER_USER, LAYER_COMMAND_LINE };

/*
 * Each file is a layer of its own; its rank is its number in policy.files, from 1. All options
 * together are one layer above them. Where two grants turn out to mean the same path on this host
 * (say /home/me/x and ~/x), the one of the greater rank holds.
 */
#define POLICY_RANK_OPTIONS 0xffffffffu

/* ---- permissions: shared= sockets= devices= features= ---- */
enum perm_kind { PERM_SHARED, PERM_SOCKETS, PERM_DEVICES, PERM_FEATURES, PERM_KIND_COUNT };

struct perm_condition {
    const char *name; /* "has-wayland" … ; unknown ones are never satisfied */
    bool negated;
    struct place at;
};

/* One permission after merging. Not listed = not granted. */
struct perm {
    const char *name; /* "x11", "network" …; unknown ones are kept and have no effect */
    bool granted;     /* granted without condition */
    struct perm_condition *conditions; /* when !granted: satisfied by any of these */
    size_t n_conditions;
    struct place at; /* where the deciding word stands */
    unsigned rank;   /* of the layer that decided, see POLICY_RANK_OPTIONS */
};

struct perm_list {
    struct perm *v;
    size_t n, cap;
};

/* ---- filesystems= ---- */
enum fs_mode { FS_NONE, FS_RO, FS_RW, FS_CREATE };

/* Special names; FS_PATH is an absolute path, FS_HOME_PATH one below the home ("~/x", "home/x"). */
/* clang-format off */
enum fs_base {
    FS_PATH, FS_HOME_PATH,
    FS_HOME, FS_HOST, FS_HOST_OS, FS_HOST_ETC, FS_HOST_ROOT,
    FS_XDG_DESKTOP, FS_XDG_DOCUMENTS, FS_XDG_DOWNLOAD, FS_XDG_MUSIC, FS_XDG_PICTURES,
    FS_XDG_PUBLIC_SHARE, FS_XDG_TEMPLATES, FS_XDG_VIDEOS,
    FS_XDG_DATA, FS_XDG_CACHE, FS_XDG_CONFIG, FS_XDG_STATE, FS_XDG_RUN,
    FS_BASE_COUNT
};
/* clang-format on */

struct fs_grant {
    enum fs_base base;
    const char *sub; /* normalised rest: "/abs/path" for FS_PATH, "a/b" or "" otherwise */
    enum fs_mode mode;
    const char *text; /* as written, unescaped, without the mode suffix */
    struct place at;
    unsigned rank; /* of the layer that decided, see POLICY_RANK_OPTIONS */
};

/* ---- bus policies ---- */
enum bus_kind { BUS_SESSION, BUS_SYSTEM, BUS_A11Y, BUS_KIND_COUNT };
enum bus_access { BUS_NONE, BUS_SEE, BUS_TALK, BUS_OWN };

struct bus_rule {
    const char *name; /* "org.example.Foo" or "org.example.*" */
    enum bus_access access;
    struct place at;
    unsigned rank; /* of the layer that decided, see POLICY_RANK_OPTIONS */
};

/* ---- environment ---- */
struct env_item {
    const char *name;
    const char *value; /* NULL: unset */
    struct place at;
};

/* ---- values of the [Carrel …] groups, checked against carrel_keys ---- */
struct carrel_value {
    const char *group; /* "Carrel Sandbox" */
    const char *key;
    /* lists stay one string, items separated by ';', see policy_list; integers are plain digits */
    const char *value;
    struct place at;
};

struct policy {
    struct arena *arena;

    /* [Application]; empty when no file says so */
    const char *app_id, *command;
    struct place command_at;

    struct perm_list perms[PERM_KIND_COUNT];
    struct fs_grant *filesystems; /* merged by key, in a fixed order; FS_NONE entries hide */
    size_t n_filesystems, cap_filesystems;
    struct env_item *env;
    size_t n_env, cap_env;
    /* persistent= : kept for `carrel explain`; a private home persists as a whole */
    struct fs_grant *persistent; /* base FS_HOME_PATH */
    size_t n_persistent, cap_persistent;
    struct {
        struct bus_rule *v;
        size_t n, cap;
    } bus[BUS_KIND_COUNT];
    struct carrel_value *carrel;
    size_t n_carrel, cap_carrel;

    /* names of the files that were read, weakest first */
    const char **files;
    size_t n_files, cap_files;
    enum policy_layer top; /* of the last file */
};

/* ---- reading (policy/keyfile.c, policy/policy.c) ---- */

#define POLICY_MAX_BYTES (1u << 20)

/*
 * Merges the text of one file into p as one layer. name is what diagnostics call it. Files come
 * weakest first: layer is never below that of the file before (asserted). Malformed values and
 * denials that can not be carried out are errors in d (the word is left out), unknown keys, words
 * and groups are warnings; the groups that Flathub manifests carry and that mean nothing to us are
 * passed over silently.
 */
void policy_merge_text(struct policy *p, enum policy_layer layer, const char *name,
                       const char *text, size_t size, struct diags *d);

/*
 * Merges one Flatpak-style option ("--share=network", "--filesystem=~/x:ro", "--env=A=B" …) as
 * layer LAYER_COMMAND_LINE. at tells where it stood: file "command line", col the argument's
 * number; or the finish-args file and line. Returns 1 when arg is such an option (errors go to d),
 * 0 when it is none of them.
 */
int policy_merge_option(struct policy *p, const char *arg, struct place at, struct diags *d);

/*
 * Grants one absolute, clean path as layer LAYER_COMMAND_LINE, whatever its name is: for files that
 * the person names as arguments. No word of filesystems= can hold a control character. path must
 * live as long as p.
 */
void policy_grant_path(struct policy *p, const char *path, enum fs_mode mode, struct place at);

/* Reads a finish-args file: a JSON or YAML manifest's "finish-args" list, or one option per word
 * or line (with '#' comments), and merges each. */
void policy_merge_finish_args(struct policy *p, const char *name, const char *text, size_t size,
                              struct diags *d);

/* ---- asking ---- */

/* NULL when nothing speaks of it. */
const struct perm *policy_perm(const struct policy *p, enum perm_kind kind, const char *name);
/* The last value of a [Carrel …] key, or NULL: then the key's default in carrel_keys holds. */
const struct carrel_value *policy_carrel(const struct policy *p, const char *group,
                                         const char *key);
/* The items of a list value, escapes undone, NULL-terminated; in the arena. n may be NULL. */
const char *const *policy_list(struct arena *a, const char *value, size_t *n);
/* "policy-file:12" or "command line, argument 3"; in the arena. */
const char *place_text_of(struct arena *a, struct place at);

/* App ids: Flatpak's grammar: at least two elements of [A-Za-z_][A-Za-z0-9_]*, '-' only in the
 * last, at most 255 bytes. Returns NULL when valid, else why not (a fixed text). */
const char *app_id_error(const char *id);

/* The word that means this grant ("!~/x", "xdg-download:ro"), escaped as an option wants it. */
const char *fs_grant_text(struct arena *a, const struct fs_grant *g);

/* The merged policy in the same key file form, each line followed by where it came from. */
void policy_write(const struct policy *p, struct buf *out);

#endif
