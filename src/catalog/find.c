/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From what a person types to one app. */
#include "catalog/catalog.h"

#include "catalog/desktop.h"
#include "catalog/id.h"
#include "catalog/internal.h"
#include "util/file.h"
#include "util/str.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

static const struct place nowhere;

/* Where the distribution's own programs lie. Only for these the shipped names hold: a program
 * that happens to be called firefox elsewhere must get neither its rights nor its home. */
static const char *const system_folders[] = {"/usr/bin", "/usr/games", "/usr/sbin", "/bin",
                                             "/sbin"};
static const char *const desktop_folders[] = {"/usr/local/share/applications",
                                              "/usr/share/applications"};

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

bool catalog_has_policy(const struct catalog *c, const char *id)
{
    for (int i = 0; i < LAYER_COMMAND_LINE; i++)
        if (access(arena_printf(c->arena, "%s/%s.policy", c->layers[i], id), F_OK) == 0)
            return true;
    return false;
}

static bool plain_name(const char *name)
{
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '/')
            return false;
    return name[0] && name[0] != '.' && strlen(name) <= NAME_MAX;
}

/* The app id behind a link names/NAME, the strongest layer first; NULL when there is none. */
static const char *named(const struct catalog *c, const char *name)
{
    char target[PATH_MAX];
    if (!plain_name(name))
        return NULL;
    for (int i = LAYER_COMMAND_LINE - 1; i >= 0; i--) {
        const char *link = arena_printf(c->arena, "%s/names/%s", c->layers[i], name);
        ssize_t n = readlink(link, target, sizeof target - 1);
        if (n <= 0)
            continue;
        target[n] = '\0';
        const char *base = strrchr(target, '/');
        base = base ? base + 1 : target;
        size_t len = strlen(base), tail = strlen(".policy");
        if (len <= tail || !str_eq(base + len - tail, ".policy"))
            continue;
        const char *id = arena_strndup(c->arena, base, len - tail);
        if (!app_id_error(id))
            return id;
    }
    return NULL;
}

static const char *system_program(const struct catalog *c, const char *name)
{
    if (!plain_name(name))
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(system_folders); i++) {
        const char *path = arena_printf(c->arena, "%s/%s", system_folders[i], name);
        if (is_program(arena_printf(c->arena, "%s%s", c->sysroot, path)))
            return path;
    }
    return NULL;
}

static bool in_system_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t n = (size_t)(slash - path);
    for (size_t i = 0; i < ARRAY_SIZE(system_folders); i++)
        if (strlen(system_folders[i]) == n && strncmp(path, system_folders[i], n) == 0)
            return true;
    return false;
}

static int cannot_derive(const char *path, struct diags *d)
{
    diag_add(d, DIAG_ERROR, nowhere, "choose one with --app-id=ID",
             "the path \"%s\" is too long to make an app id of it", path);
    return -EINVAL;
}

/* A program of the distribution, at path: by its name, by the name of what it is a link to
 * (alternatives: x-www-browser), else without a policy under an id of its own. */
static int system_app(const struct catalog *c, const char *path, struct app *out, struct diags *d)
{
    const char *name = strrchr(path, '/') + 1, *id = named(c, name);
    if (!id) {
        const char *real = file_real(c->arena, arena_printf(c->arena, "%s%s", c->sysroot, path));
        const char *inside = real ? str_after(real, c->sysroot) : NULL;
        if (inside && in_system_folder(inside))
            id = named(c, strrchr(inside, '/') + 1);
    }
    if (!id)
        id = id_of_system_program(c->arena, name);
    if (!id)
        return cannot_derive(path, d);
    out->id = id;
    out->program = path;
    out->has_policy = catalog_has_policy(c, id);
    return 0;
}

static int foreign_app(const struct catalog *c, const char *path, struct app *out, struct diags *d)
{
    out->id = id_of_path(c->arena, path);
    if (!out->id)
        return cannot_derive(path, d);
    out->program = path;
    out->own_program = !path_within(path, "/usr");
    out->has_policy = catalog_has_policy(c, out->id);
    return 0;
}

static int find_program(const struct catalog *c, const char *path, struct app *out, struct diags *d)
{
    return in_system_folder(path) ? system_app(c, path, out, d) : foreign_app(c, path, out, d);
}

/* path as typed → its folder without symbolic links, the last part kept (programs look at it). */
static const char *resolve_folder(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash + 1;
    if (!*name || str_eq(name, ".") || str_eq(name, ".."))
        return NULL;
    const char *dir =
        file_real(a, slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path)));
    return dir ? arena_printf(a, "%s/%s", str_eq(dir, "/") ? "" : dir, name) : NULL;
}

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);
    return n > k && str_eq(s + n - k, suffix);
}

static int bad_desktop(const char *path, int line, const char *error, struct diags *d)
{
    diag_add(d, DIAG_ERROR, (struct place){.file = path, .line = line}, "name the program itself",
             "%s", error);
    return -EINVAL;
}

/* The rest of $PATH, for programs that are not the distribution's. Relative entries are left out:
 * what a name means must not depend on the current folder. */
static const char *in_path(const struct catalog *c, const struct facts *f, const char *name)
{
    const char *p = facts_env(f, "PATH");
    if (!plain_name(name))
        return NULL;
    while (p && *p) {
        size_t n = strcspn(p, ":");
        const char *path = arena_printf(c->arena, "%.*s/%s", (int)n, p, name);
        if (*p == '/' && is_program(path))
            return resolve_folder(c->arena, path);
        p += n + (p[n] == ':');
    }
    return NULL;
}

/* The program of a .desktop file: never again a .desktop file. */
static int program_of_desktop(const struct catalog *c, const struct facts *f, const char *program,
                              struct app *out, struct diags *d)
{
    if (program[0] == '/') {
        const char *path = resolve_folder(c->arena, program);
        return path && is_program(path) ? find_program(c, path, out, d) : -ENOENT;
    }
    if (strchr(program, '/'))
        return -ENOENT;
    const char *path = system_program(c, program);
    if (path)
        return system_app(c, path, out, d);
    path = in_path(c, f, program);
    return path ? find_program(c, path, out, d) : -ENOENT;
}

/* Whether it lies where the system or the person keeps such files. */
static bool installed_desktop_file(const struct catalog *c, const struct facts *f, const char *path)
{
    size_t n = (size_t)(strrchr(path, '/') - path);
    const char *dir = arena_strndup(c->arena, path, n);
    bool ours = str_eq(dir, arena_printf(c->arena, "%s/.local/share/applications", f->home));
    for (size_t i = 0; i < ARRAY_SIZE(desktop_folders) && !ours; i++)
        ours = str_eq(dir, arena_printf(c->arena, "%s%s", c->sysroot, desktop_folders[i]));
    return ours;
}

/* A shell or an interpreter is not what the person means by a .desktop file that has it start
 * something: it would share one home and one policy with all others that do. One that lies where
 * anybody may have put it has an id of its path, as its name may be any. */
static int entry_app(const struct catalog *c, const char *path, const char *stem, bool installed,
                     struct app *out, struct diags *d)
{
    if (!installed)
        out->id = id_of_path(c->arena, path);
    else if (!(out->id = app_id_error(stem) ? named(c, stem) : stem))
        out->id = id_of_system_program(c->arena, stem);
    out->by_entry = true;
    out->has_policy = out->id && catalog_has_policy(c, out->id);
    return out->id ? 0 : cannot_derive(path, d);
}

/* A policy of the .desktop file's own name is closer than one of the program; but a file from
 * anywhere (a download) could bear any name, and so start any program with that policy. */
static void closer_policy(const struct catalog *c, const char *stem, bool installed,
                          struct app *out)
{
    const char *id = app_id_error(stem) ? named(c, stem) : stem;
    if (id && installed && catalog_has_policy(c, id)) {
        out->id = id;
        out->has_policy = true;
    }
}

/* stem: the file's name without .desktop. */
static int desktop_app(const struct catalog *c, const struct facts *f, const char *path,
                       const char *stem, struct app *out, struct diags *d)
{
    struct buf text = {.arena = c->arena};
    const char *const *argv, *error;
    int line;
    int r = file_read(path, DESKTOP_MAX_BYTES, &text);
    if (r < 0)
        return bad_desktop(path, 0, strerror(-r), d);
    if (desktop_exec(c->arena, text.data, text.len, &argv, &line, &error) < 0)
        return bad_desktop(path, line, error, d);
    bool installed = installed_desktop_file(c, f, path);
    const char *program = argv[desktop_program(argv)];
    if (desktop_program(argv) != 0 && !installed)
        return bad_desktop(path, line,
                           "only an installed .desktop file may set variables (env): they decide "
                           "which code runs under the program's policy",
                           d);
    r = program_of_desktop(c, f, program, out, d);
    if (r == -ENOENT)
        diag_add(d, DIAG_ERROR, (struct place){.file = path, .line = line},
                 "install it, or name another program", "no program \"%s\"", program);
    if (r < 0)
        return r;
    if (!desktop_starts_another(argv))
        closer_policy(c, stem, installed, out);
    else if ((r = entry_app(c, path, stem, installed, out, d)) < 0)
        return r;
    if (desktop_program(argv) != 0)
        out->program = "/usr/bin/env";
    out->args = argv + 1;
    out->desktop_file = path;
    return 0;
}

/* Whether it is one that the person has made, and not our own, which starts Carrel. */
static bool is_persons(const struct catalog *c, const char *path)
{
    struct buf text = {.arena = c->arena};
    if (access(path, F_OK) != 0)
        return false;
    return file_read(path, DESKTOP_MAX_BYTES, &text) < 0 || !text.data ||
           !str_after(text.data, DESKTOP_MADE);
}

static const char *desktop_file(const struct catalog *c, const struct facts *f, const char *stem)
{
    if (!plain_name(stem))
        return NULL;
    const char *path =
        arena_printf(c->arena, "%s/.local/share/applications/%s.desktop", f->home, stem);
    if (is_persons(c, path))
        return path;
    for (size_t i = 0; i < ARRAY_SIZE(desktop_folders); i++) {
        path = arena_printf(c->arena, "%s%s/%s.desktop", c->sysroot, desktop_folders[i], stem);
        if (access(path, F_OK) == 0)
            return path;
    }
    return NULL;
}

static int find_path(const struct catalog *c, const struct facts *f, const char *typed,
                     struct app *out, struct diags *d)
{
    struct stat st;
    const char *path = resolve_folder(c->arena, typed);
    if (!path || stat(path, &st) < 0) {
        diag_add(d, DIAG_ERROR, nowhere, "check the path", "cannot find \"%s\": %s", typed,
                 strerror(path ? errno : ENOENT));
        return -ENOENT;
    }
    if (has_suffix(path, ".desktop") && S_ISREG(st.st_mode)) {
        const char *base = strrchr(path, '/') + 1;
        const char *stem = arena_strndup(c->arena, base, strlen(base) - strlen(".desktop"));
        return desktop_app(c, f, path, stem, out, d);
    }
    if (!is_program(path)) {
        diag_add(d, DIAG_ERROR, nowhere,
                 S_ISREG(st.st_mode) ? "if it is one, make it executable: chmod +x" : NULL,
                 "\"%s\" is no program", typed);
        return -EACCES;
    }
    return find_program(c, path, out, d);
}

static int find_name(const struct catalog *c, const struct facts *f, const char *name,
                     struct app *out, struct diags *d)
{
    const char *id = app_id_error(name) ? named(c, name) : name;
    const char *path = system_program(c, name);
    if (id && catalog_has_policy(c, id)) {
        out->id = id;
        out->has_policy = true;
        out->typed = id == name ? NULL : path;
        return 0;
    }
    if (path)
        return system_app(c, path, out, d);
    path = in_path(c, f, name);
    if (path)
        return find_program(c, path, out, d);
    path = desktop_file(c, f, name);
    if (path)
        return desktop_app(c, f, path, name, out, d);
    return -ENOENT;
}

int catalog_source(const struct catalog *c, const struct facts *f, const char *id, struct app *out)
{
    struct diags silent = {.arena = c->arena};
    const char *source = id_source(c->arena, id);
    *out = (struct app){.id = NULL};
    int r = !source               ? -ENOENT
            : strchr(source, '/') ? find_path(c, f, source, out, &silent)
                                  : find_name(c, f, source, out, &silent);
    if (r == 0 && str_eq(out->id, id))
        return 0;
    *out = (struct app){.id = NULL};
    return -ENOENT;
}

static int unknown(const struct catalog *c, const char *name, struct diags *d)
{
    const char *near = catalog_nearest(c, name);
    if (near && str_eq(near, name)) /* a link that leads to no policy */
        near = NULL;
    diag_add(d, DIAG_ERROR, nowhere,
             near ? arena_printf(c->arena, "did you mean \"%s\"?", near)
                  : "install the program, or give its path; `carrel list` shows the policies",
             "no program and no policy is called \"%s\"", name);
    return -ENOENT;
}

int catalog_find(const struct catalog *c, const struct facts *f, const char *name, struct app *out,
                 struct diags *d)
{
    *out = (struct app){.id = NULL};
    if (strchr(name, '/'))
        return find_path(c, f, name, out, d);
    int r = find_name(c, f, name, out, d);
    if (r == -ENOENT && !d->errors && has_suffix(name, ".desktop")) {
        const char *stem = arena_strndup(c->arena, name, strlen(name) - strlen(".desktop"));
        const char *path = desktop_file(c, f, stem);
        /* Without such a file ID.desktop stands for the policy, but no name for a program. */
        if (path)
            r = desktop_app(c, f, path, stem, out, d);
        else if (!app_id_error(stem) && catalog_has_policy(c, stem))
            r = find_name(c, f, stem, out, d);
    }
    if (r == -ENOENT && !d->errors)
        r = catalog_source(c, f, name, out);
    return r == -ENOENT && !d->errors ? unknown(c, name, d) : r;
}
