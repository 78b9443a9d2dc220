/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files of the system's start an app, and what stands in the person's in their place. */
#include "cli/exported.h"

#include "catalog/desktop.h"
#include "cli/entry.h"
#include "util/file.h"
#include "util/str.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* The person's folders, and the system's whose files they stand before. */
static const struct folder {
    const char *variable, *usual, *sub; /* of the person: $variable/sub, or ~/usual/sub */
    const char *suffix;
    int depth;
    const char *search, *search_usual; /* of the system: the folders of this variable … */
    const char *const *system;         /* … and these */
} folders[FOLDERS] = {
    [APPLICATIONS] = {"XDG_DATA_HOME", ".local/share", "applications", ".desktop", 3,
                      "XDG_DATA_DIRS", "/usr/local/share:/usr/share", NULL},
    [SERVICES] = {"XDG_DATA_HOME", ".local/share", "dbus-1/services", ".service", 1,
                  "XDG_DATA_DIRS", "/usr/local/share:/usr/share", NULL},
    [AUTOSTART] = {"XDG_CONFIG_HOME", ".config", "autostart", ".desktop", 1, "XDG_CONFIG_DIRS",
                   "/etc/xdg", NULL},
    [UNITS] = {"XDG_CONFIG_HOME", ".config", "systemd/user", ".service", 2, NULL, NULL,
               (const char *const[]){"/etc/systemd/user", "/usr/local/lib/systemd/user",
                                     "/usr/lib/systemd/user", "/usr/local/share/systemd/user",
                                     "/usr/share/systemd/user", NULL}},
    [SHIMS] = {NULL, ".local", "bin", "", 1, NULL, NULL, NULL},
};

static const char *const program_folders[] = {"/usr/bin", "/usr/games", "/bin", "/usr/sbin"};

/* What the bus' names are made of. */
static const char name_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

const char *own_folder(struct cli *c, int folder)
{
    const struct folder *f = &folders[folder];
    const char *base = f->variable ? facts_env(&c->facts, f->variable) : NULL;
    if (!base || *base != '/')
        base = arena_printf(&c->arena, "%s/%s", c->facts.home, f->usual);
    return arena_printf(&c->arena, "%s/%s", base, f->sub);
}

int folder_depth(int folder)
{
    return folders[folder].depth;
}

const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; words && *words; words++)
        if (str_eq(*words, word))
            return true;
    return false;
}

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);
    return n > k && str_eq(s + n - k, suffix);
}

bool read_text(struct arena *a, const char *path, struct buf *text)
{
    *text = (struct buf){.arena = a};
    return file_read(path, DESKTOP_MAX_BYTES, text) == 0 && text->data &&
           !memchr(text->data, '\0', text->len);
}

static void walk_below(struct arena *a, const char *top, const char *below, int depth,
                       found_file *f, void *arg)
{
    struct dirent **entries;
    int n = scandir(arena_printf(a, "%s/%s", top, below), &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        struct stat st;
        const char *name = arena_printf(a, "%s%s", below, entries[i]->d_name);
        bool dots = str_eq(entries[i]->d_name, ".") || str_eq(entries[i]->d_name, "..");
        free(entries[i]);
        if (dots || stat(arena_printf(a, "%s/%s", top, name), &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode) && depth > 1)
            walk_below(a, top, arena_printf(a, "%s/", name), depth - 1, f, arg);
        else if (S_ISREG(st.st_mode))
            f(arg, name);
    }
    if (n >= 0)
        free(entries);
}

void walk_files(struct arena *a, const char *dir, int depth, found_file *f, void *arg)
{
    walk_below(a, dir, "", depth, f, arg);
}

/* ---- which files speak of the app ---- */

static struct exported_file *add_file(struct exported *e, int folder, const char *name)
{
    for (size_t i = 0; i < e->n; i++)
        if (e->v[i].folder == folder && str_eq(e->v[i].name, name))
            return NULL; /* the folder before this one has it */
    e->v = arena_grow(&e->c->arena, e->v, e->n, &e->cap, sizeof *e->v);
    struct exported_file *f = &e->v[e->n++];
    *f = (struct exported_file){folder, name, {.arena = &e->c->arena}};
    return f;
}

/* Whether a command, as it stands behind "Exec=", starts a program of the app. */
static bool command_starts(const struct exported *e, const char *command, size_t n)
{
    const char *const *argv, *error;
    int line;
    const char *text = arena_printf(&e->c->arena, "[Desktop Entry]\nExec=%.*s\n", (int)n, command);
    return desktop_exec(&e->c->arena, text, strlen(text), &argv, &line, &error) == 0 &&
           !desktop_starts_another(argv) &&
           is_one_of(base_name(argv[desktop_program(argv)]), e->names);
}

/* The first word of a unit's command, less its marks; systemd's quoting is not ours to know, and a
 * program's name needs none. */
static bool unit_starts(const struct exported *e, const char *command, size_t n)
{
    while (n && strchr("@-:+!\"'", *command))
        command++, n--;
    const char *word = arena_strndup(&e->c->arena, command, n);
    return is_one_of(base_name(arena_strndup(&e->c->arena, word, strcspn(word, " \t\"'"))),
                     e->names);
}

bool exported_starts(const struct exported *e, int folder, const struct buf *text)
{
    const char *key = folder == UNITS ? "ExecStart" : "Exec";
    for (const char *line = text->data; line && *line;) {
        size_t n = strcspn(line, "\n"), value;
        if (entry_key(line, n, key, &value) &&
            (folder == UNITS ? unit_starts : command_starts)(e, line + value, n - value))
            return true;
        line += n + (line[n] == '\n');
    }
    return false;
}

/* A file of the app's own name or below it (org.gnome.Calculator.SearchProvider), the one that its
 * policy names, or one whose first command starts a program of the app's: an entry in the menu of
 * another app that does so as well is not this one's. */
static bool speaks_of(const struct exported *e, int folder, const char *name,
                      const struct buf *text)
{
    const char *const *argv, *error, *file = base_name(name), *rest = str_after(file, e->id);
    int line;
    if (folder != UNITS && ((rest && *rest == '.') || (e->desktop && str_eq(file, e->desktop))))
        return true;
    if (folder == SERVICES || folder == UNITS)
        return exported_starts(e, folder, text);
    return desktop_exec(&e->c->arena, text->data, text->len, &argv, &line, &error) == 0 &&
           !desktop_starts_another(argv) &&
           is_one_of(base_name(argv[desktop_program(argv)]), e->names);
}

/* What stands before the command of a file of that kind. The bus starts an app for one of its names
 * and waits until it has it: as Flatpak does, give it the app's own and those below it, by the
 * filtered bus. Any other is the policy's to grant; started in another way the app is left without
 * a bus, as its policy says. */
static const char *prefix_for(const struct exported *e, int folder, const struct buf *text)
{
    size_t value;
    for (const char *line = text->data; folder == SERVICES && line && *line;) {
        size_t n = strcspn(line, "\r\n");
        if (entry_key(line, n, "Name", &value)) {
            const char *name = arena_strndup(&e->c->arena, line + value, n - value);
            const char *rest = str_after(name, e->id);
            if (rest && (*rest == '\0' || *rest == '.') && name[strspn(name, name_letters)] == '\0')
                return arena_printf(&e->c->arena, "%s --own-name=%s", e->prefix, name);
        }
        line += n + (line[n] != '\0');
    }
    return e->prefix;
}

struct looking {
    struct exported *e;
    int folder;
    const char *dir;
};

static void look_at(void *arg, const char *name)
{
    struct looking *l = arg;
    struct arena *a = &l->e->c->arena;
    struct buf text;
    if (!has_suffix(name, folders[l->folder].suffix) ||
        !read_text(a, arena_printf(a, "%s/%s", l->dir, name), &text) ||
        !speaks_of(l->e, l->folder, name, &text))
        return;
    bool unit = l->folder == UNITS;
    struct exported_file *f =
        add_file(l->e, l->folder, unit ? arena_printf(a, "%s.d/carrel.conf", name) : name);
    if (f && !unit)
        entry_confine(text.data, text.len, prefix_for(l->e, l->folder, &text), l->e->id, &f->text);
    else if (f && !entry_unit(text.data, text.len, l->e->prefix, l->e->id, &f->text))
        l->e->n--; /* it stays, and is told of */
}

static void look_through(struct exported *e, int folder)
{
    const struct folder *f = &folders[folder];
    struct looking l = {e, folder, NULL};
    const char *told = f->search ? facts_env(&e->c->facts, f->search) : NULL;
    for (const char *p = told && *told ? told : f->search_usual; p && *p;) {
        size_t n = strcspn(p, ":");
        l.dir = arena_printf(&e->c->arena, "%.*s/%s", (int)n, p, f->sub);
        if (*p == '/' && !str_eq(l.dir, own_folder(e->c, folder)))
            walk_files(&e->c->arena, l.dir, f->depth, look_at, &l);
        p += n + (p[n] == ':');
    }
    for (const char *const *dir = f->system; dir && *dir; dir++) {
        l.dir = *dir;
        walk_files(&e->c->arena, l.dir, 1, look_at, &l);
    }
    if (folder == UNITS) { /* a drop-in covers the person's own units as well */
        l.dir = own_folder(e->c, folder);
        walk_files(&e->c->arena, l.dir, 1, look_at, &l);
    }
}

/* ---- shims ---- */

static const char *system_program(struct cli *c, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(program_folders); i++) {
        const char *path = arena_printf(&c->arena, "%s/%s", program_folders[i], name);
        if (access(path, X_OK) == 0)
            return path;
    }
    return NULL;
}

static void add_shim(struct exported *e, const char *name)
{
    struct exported_file *f = system_program(e->c, name) ? add_file(e, SHIMS, name) : NULL;
    if (f)
        entry_shim(e->carrel, e->id, name, &f->text);
}

/* A name such as x-www-browser or editor, where it leads to the app: update-alternatives(1). */
static void add_alternative(void *arg, const char *name)
{
    struct exported *e = arg;
    const char *path = system_program(e->c, name);
    const char *real = path ? file_real(&e->c->arena, path) : NULL;
    if (real && is_one_of(base_name(real), e->names))
        add_shim(e, name);
}

static void add_shims(struct exported *e)
{
    for (const char *const *name = e->names; *name; name++)
        add_shim(e, *name);
    walk_files(&e->c->arena, "/etc/alternatives", 1, add_alternative, e);
}

static int by_place(const void *a, const void *b)
{
    const struct exported_file *x = a, *y = b;
    return x->folder != y->folder ? x->folder - y->folder : strcmp(x->name, y->name);
}

/* ---- the app ---- */

static const char *const *names_of(struct cli *c, const struct policy *p, const char *program)
{
    const struct carrel_value *v = policy_carrel(p, "Carrel Application", "names");
    size_t n = 0, k = 0;
    const char *const *list = v ? policy_list(&c->arena, v->value, &n) : NULL;
    const char **all = arena_array(&c->arena, n + 3, sizeof *all);
    if (*p->command)
        all[k++] = base_name(p->command);
    if (program && !is_one_of(base_name(program), all))
        all[k++] = base_name(program);
    for (size_t i = 0; i < n; i++)
        if (!is_one_of(list[i], all))
            all[k++] = list[i];
    return all;
}

int exported_find(struct cli *c, const char *name, struct exported *e)
{
    char path[PATH_MAX];
    struct app app;
    struct policy p = {.arena = &c->arena, .app_id = "", .command = ""};
    int r = catalog_find(&c->catalog, &c->facts, name, &app, &c->diags);
    if (r < 0)
        return r == -ENOENT ? EXIT_NOT_FOUND : EXIT_REFUSED;
    if (catalog_load(&c->catalog, &app, &p, &c->diags) < 0 || c->diags.errors)
        return EXIT_REFUSED;
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    if (!entry_plain_path(path))
        return cli_fail(c, "install Carrel in a folder whose path has plain letters only",
                        "the path of Carrel itself cannot stand in a .desktop file: %s", path);
    const struct carrel_value *desktop = policy_carrel(&p, "Carrel Application", "desktop");
    /* A name of what starts others stands for no app. */
    const char *program = app.program && !desktop_starter(app.program) ? app.program : NULL;
    *e = (struct exported){.c = c,
                           .id = app.id,
                           .desktop = app.desktop_file ? base_name(app.desktop_file)
                                      : desktop        ? desktop->value
                                                       : NULL,
                           .carrel = arena_strdup(&c->arena, path),
                           .names = names_of(c, &p, program)};
    e->prefix = arena_printf(&c->arena, "%s run --app-id=%s", e->carrel, e->id);
    for (int i = 0; i < SHIMS; i++)
        look_through(e, i);
    add_shims(e);
    if (e->n)
        qsort(e->v, e->n, sizeof *e->v, by_place);
    return 0;
}
