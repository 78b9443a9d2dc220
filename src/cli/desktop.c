/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel desktop: makes the menu, the file manager, xdg-open, D-Bus activation and the shell start
 * the confined app. Files of the same names as the system's, in the person's folders, take the
 * place of those: no file of the system is changed, and nothing runs in between.
 */
#include "cli/commands.h"

#include "catalog/desktop.h"
#include "cli/entry.h"
#include "policy/policy.h"
#include "util/file.h"
#include "util/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const struct place nowhere;

enum { SHIMS = 3, FOLDERS };

/* The person's folders, and the system's whose files they stand before. */
static const struct folder {
    const char *variable, *usual, *sub; /* of the person: $variable/sub, or ~/usual/sub */
    const char *suffix;
    const char *const *system;
} folders[FOLDERS] = {
    {"XDG_DATA_HOME", ".local/share", "applications", ".desktop",
     (const char *const[]){"/usr/local/share/applications", "/usr/share/applications", NULL}},
    {"XDG_DATA_HOME", ".local/share", "dbus-1/services", ".service",
     (const char *const[]){"/usr/local/share/dbus-1/services", "/usr/share/dbus-1/services", NULL}},
    {"XDG_CONFIG_HOME", ".config", "autostart", ".desktop",
     (const char *const[]){"/etc/xdg/autostart", NULL}},
    [SHIMS] = {NULL, ".local", "bin", "", NULL},
};

static const char *const program_folders[] = {"/usr/bin", "/usr/games", "/bin", "/usr/sbin"};

/* Names by which programs ask for one of their kind. */
static const char *const kinds[] = {"x-www-browser", "gnome-www-browser", "www-browser",
                                    "x-terminal-emulator", "gnome-text-editor"};

struct file {
    int folder;
    const char *name;
    struct buf text;
};

struct exported {
    struct cli *c;
    const char *id, *desktop, *carrel, *prefix;
    const char *const *names;
    struct file *v;
    size_t n, cap;
};

static const char *own_folder(struct cli *c, int i)
{
    const char *base = folders[i].variable ? facts_env(&c->facts, folders[i].variable) : NULL;
    if (!base || *base != '/')
        base = arena_printf(&c->arena, "%s/%s", c->facts.home, folders[i].usual);
    return arena_printf(&c->arena, "%s/%s", base, folders[i].sub);
}

static struct file *add_file(struct exported *e, int folder, const char *name)
{
    for (size_t i = 0; i < e->n; i++)
        if (e->v[i].folder == folder && str_eq(e->v[i].name, name))
            return NULL; /* the folder before this one has it */
    if (e->n == e->cap) {
        size_t cap = e->cap ? 2 * e->cap : 16;
        struct file *v = arena_array(&e->c->arena, cap, sizeof *v);
        if (e->n)
            memcpy(v, e->v, e->n * sizeof *v);
        e->v = v;
        e->cap = cap;
    }
    struct file *f = &e->v[e->n++];
    *f = (struct file){folder, name, {.arena = &e->c->arena}};
    return f;
}

/* ---- which files speak of the app ---- */

static const char *base_name(const char *path)
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

/* A file of the app's own name or below it (org.gnome.Calculator.SearchProvider), the one that its
 * policy names, or one that starts a program of the app's. */
static bool speaks_of(const struct exported *e, const char *file, const char *suffix,
                      const struct buf *text)
{
    const char *const *argv, *error, *rest = str_after(file, e->id);
    int line;
    if ((rest && *rest == '.') || (e->desktop && str_eq(file, e->desktop)))
        return true;
    if (str_eq(suffix, ".service") ||
        desktop_exec(&e->c->arena, text->data, text->len, &argv, &line, &error) < 0)
        return false;
    return is_one_of(base_name(argv[desktop_program(argv)]), e->names);
}

/* The program of a D-Bus service file is one of the app's. */
static bool service_starts(const struct exported *e, const struct buf *text)
{
    for (const char *line = text->data; line;) {
        const char *value = str_after(line, "Exec=");
        size_t n = value ? strcspn(value, " \t\r\n") : 0;
        if (n && is_one_of(base_name(arena_strndup(&e->c->arena, value, n)), e->names))
            return true;
        line = strchr(line, '\n');
        line += line ? 1 : 0;
    }
    return false;
}

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);
    return n > k && str_eq(s + n - k, suffix);
}

static void look_at(struct exported *e, int folder, const char *dir, const char *name)
{
    struct buf text = {.arena = &e->c->arena};
    const char *suffix = folders[folder].suffix;
    if (!has_suffix(name, suffix) ||
        file_read(arena_printf(&e->c->arena, "%s/%s", dir, name), DESKTOP_MAX_BYTES, &text) < 0 ||
        !text.data || memchr(text.data, '\0', text.len))
        return;
    if (!speaks_of(e, name, suffix, &text) &&
        !(str_eq(suffix, ".service") && service_starts(e, &text)))
        return;
    struct file *f = add_file(e, folder, arena_strdup(&e->c->arena, name));
    if (f)
        entry_confine(text.data, text.len, e->prefix, e->id, &f->text);
}

static void look_through(struct exported *e, int folder)
{
    for (const char *const *dir = folders[folder].system; *dir; dir++) {
        DIR *d = opendir(*dir);
        for (struct dirent *entry; d && (entry = readdir(d));)
            look_at(e, folder, *dir, entry->d_name);
        if (d)
            closedir(d);
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
    struct file *f = system_program(e->c, name) ? add_file(e, SHIMS, name) : NULL;
    if (f)
        entry_shim(e->carrel, e->id, name, &f->text);
}

/* For each of its names, and for "x-www-browser" and the like where these lead to it. */
static void add_shims(struct exported *e)
{
    for (const char *const *name = e->names; *name; name++)
        add_shim(e, *name);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const char *path = system_program(e->c, kinds[i]);
        char *real = path ? realpath(path, NULL) : NULL;
        if (real && is_one_of(base_name(real), e->names))
            add_shim(e, kinds[i]);
        free(real);
    }
}

static int by_place(const void *a, const void *b)
{
    const struct file *x = a, *y = b;
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

/* Programs that start others: a name of theirs stands for no app. */
static const char *const starters[] = {"env",     "sh",   "bash", "dash",
                                       "python3", "perl", "java", NULL};

static int find_exported(struct cli *c, const char *name, struct exported *e)
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
    const char *program =
        app.program && !is_one_of(base_name(app.program), starters) ? app.program : NULL;
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

/* ---- what is in the person's folders ---- */

enum state { FILE_OURS, FILE_OURS_OLD, FILE_MISSING, FILE_FOREIGN };

static enum state state_of(struct cli *c, const struct file *f, const char *id)
{
    struct buf text = {.arena = &c->arena};
    struct stat st;
    const char *path = arena_printf(&c->arena, "%s/%s", own_folder(c, f->folder), f->name);
    if (lstat(path, &st) < 0)
        return errno == ENOENT || errno == ENOTDIR ? FILE_MISSING : FILE_FOREIGN;
    if (!S_ISREG(st.st_mode) || file_read(path, DESKTOP_MAX_BYTES, &text) < 0 ||
        !entry_is_ours(text.data ? text.data : "", text.len, id, NULL, NULL))
        return FILE_FOREIGN;
    return text.len == f->text.len && memcmp(text.data, f->text.data, text.len) == 0
               ? FILE_OURS
               : FILE_OURS_OLD;
}

/* mkdir -p: these folders are the person's own, and may be links as they like. */
static int make_folder(struct cli *c, const char *path)
{
    char *copy = arena_strdup(&c->arena, path);
    for (char *p = copy + 1;; p++) {
        if (*p && *p != '/')
            continue;
        char end = *p;
        *p = '\0';
        if (mkdir(copy, 0755) < 0 && errno != EEXIST)
            return -errno;
        *p = end;
        if (!end)
            return 0;
    }
}

/* Writes beside its place and renames: there is never half a file, nor none. */
static int write_file(struct cli *c, const struct file *f)
{
    const char *dir = own_folder(c, f->folder);
    const char *staged = arena_printf(&c->arena, ".%s.carrel-new", f->name);
    int r = make_folder(c, dir);
    cleanup_fd int at = r < 0 ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r == 0 && at < 0)
        r = -errno;
    if (r == 0)
        unlinkat(at, staged, 0);
    cleanup_fd int fd =
        r < 0 ? -1
              : openat(at, staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                       f->folder == SHIMS ? 0755 : 0644);
    if (r == 0 && fd < 0)
        r = -errno;
    if (r == 0)
        r = file_write_all(fd, f->text.data, f->text.len);
    if (r == 0 && renameat(at, staged, at, f->name) < 0)
        r = -errno;
    return r == 0 ? 0 : cli_fail(c, NULL, "cannot write %s/%s: %s", dir, f->name, strerror(-r));
}

static void tell_path(struct cli *c, const struct exported *e)
{
    const char *bin = own_folder(c, SHIMS), *path = facts_env(&c->facts, "PATH");
    size_t n = strlen(bin);
    bool shims = e->n && e->v[e->n - 1].folder == SHIMS;
    for (const char *p = path; shims && p && *p;) {
        size_t k = strcspn(p, ":");
        if (k == n && strncmp(p, bin, n) == 0)
            return;
        if (is_one_of(arena_strndup(&c->arena, p, k),
                      (const char *const[]){"/usr/bin", "/bin", "/usr/games", NULL}))
            break;
        p += k + (p[k] == ':');
    }
    if (shims)
        diag_add(&c->diags, DIAG_WARNING, nowhere,
                 "put it first in ~/.profile (Debian's does so at the next login, if it exists)",
                 "%s is not before /usr/bin in PATH: the shell will start programs unconfined",
                 bin);
}

static int enable(struct cli *c, const struct exported *e, struct buf *out)
{
    if (e->n == 0)
        return cli_fail(c, "is its package installed?", "%s has no .desktop file and no program",
                        e->id);
    for (size_t i = 0; i < e->n; i++)
        if (state_of(c, &e->v[i], NULL) == FILE_FOREIGN)
            return cli_fail(c, "look at it and move it away", "%s/%s is there and not Carrel's",
                            own_folder(c, e->v[i].folder), e->v[i].name);
    for (size_t i = 0; i < e->n; i++) {
        if (write_file(c, &e->v[i]))
            return EXIT_REFUSED;
        buf_printf(out, "wrote %s/%s\n", own_folder(c, e->v[i].folder), e->v[i].name);
    }
    tell_path(c, e);
    return 0;
}

/* ---- disable and status look at what is there, whatever would be written today ---- */

typedef int visit(struct cli *c, int folder, const char *name, const char *id, struct buf *out);

/* Calls f for each of our files of this id (NULL: any), sorted. Returns how many, or -1. */
static int each_of_ours(struct cli *c, const char *id, visit *f, struct buf *out)
{
    int found = 0;
    for (int i = 0; i < FOLDERS; i++) {
        struct dirent **entries;
        const char *dir = own_folder(c, i);
        int n = scandir(dir, &entries, NULL, alphasort);
        for (int k = 0; k < n; k++) {
            struct buf text = {.arena = &c->arena};
            const char *name = arena_strdup(&c->arena, entries[k]->d_name), *owner;
            size_t len;
            free(entries[k]);
            if (file_read(arena_printf(&c->arena, "%s/%s", dir, name), DESKTOP_MAX_BYTES, &text) ||
                !text.data || !entry_is_ours(text.data, text.len, id, &owner, &len))
                continue;
            if (f(c, i, name, arena_strndup(&c->arena, owner, len), out) < 0)
                found = INT_MIN / 2;
            found++;
        }
        if (n >= 0)
            free(entries);
    }
    return found < 0 ? -1 : found;
}

static int remove_one(struct cli *c, int folder, const char *name, const char *id, struct buf *out)
{
    (void)id;
    const char *path = arena_printf(&c->arena, "%s/%s", own_folder(c, folder), name);
    if (unlink(path) < 0) {
        cli_fail(c, NULL, "cannot remove %s: %s", path, strerror(errno));
        return -1;
    }
    buf_printf(out, "removed %s\n", path);
    return 0;
}

static int show_one(struct cli *c, int folder, const char *name, const char *id, struct buf *out)
{
    buf_printf(out, "%s  %s/%s\n", id, own_folder(c, folder), name);
    return 0;
}

/* Files that are missing or not as they would be written now. */
static void tell_differences(struct cli *c, const struct exported *e)
{
    static const char *const words[] = {
        [FILE_OURS] = NULL,
        [FILE_OURS_OLD] = "is out of date",
        [FILE_MISSING] = "is missing",
        [FILE_FOREIGN] = "is not Carrel's",
    };
    for (size_t i = 0; i < e->n; i++) {
        const char *word = words[state_of(c, &e->v[i], e->id)];
        if (word)
            diag_add(&c->diags, DIAG_WARNING, nowhere,
                     arena_printf(&c->arena, "carrel desktop enable %s", e->id),
                     "%s/%s %s: the app may be started unconfined", own_folder(c, e->v[i].folder),
                     e->v[i].name, word);
    }
    tell_path(c, e);
}

static int status(struct cli *c, const struct exported *e, struct buf *out)
{
    if (each_of_ours(c, e->id, show_one, out) == 0)
        buf_printf(out, "%s  not enabled\n", e->id);
    else
        tell_differences(c, e);
    return c->diags.warnings ? EXIT_FOUND_FAULTS : 0;
}

static int disable(struct cli *c, const struct exported *e, struct buf *out)
{
    int n = each_of_ours(c, e->id, remove_one, out);
    if (n == 0)
        buf_printf(out, "%s was not enabled\n", e->id);
    return n < 0 ? EXIT_REFUSED : 0;
}

/* An app that is gone, or whose policy is: its id is enough to disable it. */
static int find_any(struct cli *c, const char *name, struct exported *e)
{
    *e = (struct exported){.c = c, .id = name};
    if (!str_eq(c->operands[0], "enable") &&
        each_of_ours(c, name, show_one, &(struct buf){.arena = &c->arena}) > 0) {
        struct diags kept = c->diags;
        if (find_exported(c, name, e)) {
            c->diags = kept;
            *e = (struct exported){.c = c, .id = name};
        }
        return 0;
    }
    return find_exported(c, name, e);
}

static const struct {
    const char *name;
    int (*run)(struct cli *c, const struct exported *e, struct buf *out);
} verbs[] = {{"enable", enable}, {"disable", disable}, {"status", status}};

static int desktop(struct cli *c)
{
    struct buf out = {.arena = &c->arena};
    size_t v = 0;
    int r = 0;
    while (v < ARRAY_SIZE(verbs) && !str_eq(verbs[v].name, c->operands[0]))
        v++;
    if (v == ARRAY_SIZE(verbs))
        return cli_fail(c, "write enable, disable or status", "what is \"%s\" to do?",
                        c->operands[0]);
    if (c->n_operands == 1 && verbs[v].run != status)
        return cli_fail(c, "name it behind the word", "which app is to be %sd?", verbs[v].name);
    if (cli_look_around(c) < 0)
        return EXIT_REFUSED;
    if (c->n_operands == 1 && each_of_ours(c, NULL, show_one, &out) == 0)
        buf_str(&out, "no app is enabled\n");
    for (size_t i = 1; i < c->n_operands; i++) {
        struct exported e;
        int one = find_any(c, c->operands[i], &e);
        one = one ? one : verbs[v].run(c, &e, &out);
        r = r ? r : one;
    }
    int printed = out.len ? cli_print(c, &out) : 0;
    return r ? r : printed;
}

static const struct option desktop_options[] = {
    {NULL, NULL, NULL},
};

const struct command command_desktop = {
    .name = "desktop",
    .operands = "enable|disable|status [APP...]",
    .summary = "let the menu, the desktop and the shell start apps confined",
    .options = desktop_options,
    .least = 1,
    .most = -1,
    .run = desktop,
};
