/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel new: a first policy for an app that has none. What its .desktop file and its package say
 * of it decides which grants are proposed; each stands there with its reason, and those that give
 * away more than they seem to are left as comments.
 */
#include "cli/commands.h"

#include "catalog/desktop.h"
#include "util/file.h"
#include "util/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_LIST = 16 << 20, MAX_STATUS = 256 << 20 };

/* What is known of the app. */
struct known {
    const char *id, *program, *desktop;     /* desktop: the file's name, or NULL */
    const char *title, *categories, *types; /* "" when it does not say */
    const char *package, *depends;          /* "" when not known */
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- the .desktop file ---- */

/* The value of a key of [Desktop Entry], without control characters; "" when there is none. */
static const char *value_of(struct arena *a, const char *text, const char *key)
{
    bool ours = false;
    size_t k = strlen(key);
    for (const char *line = text; line && *line;) {
        size_t n = strcspn(line, "\r\n");
        if (*line == '[')
            ours = strncmp(line, "[Desktop Entry]", 15) == 0;
        else if (ours && n > k && strncmp(line, key, k) == 0 && line[k] == '=') {
            char *value = arena_strndup(a, line + k + 1, n - k - 1);
            for (char *p = value; *p; p++)
                if ((unsigned char)*p < ' ' || *p == 0x7f)
                    *p = ' ';
            return value;
        }
        line = strchr(line, '\n');
        line += line ? 1 : 0;
    }
    return "";
}

static bool read_entry(const char *path, struct buf *text)
{
    return file_read(path, DESKTOP_MAX_BYTES, text) == 0 && text->data &&
           !memchr(text->data, '\0', text->len);
}

/* A visible .desktop file of the system that starts the program: the shortest name of several. */
static const char *entry_of(struct cli *c, const char *program, struct buf *out)
{
    static const char dir[] = "/usr/share/applications";
    const char *found = NULL, *const * argv, *error;
    int line;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        struct buf text = {.arena = &c->arena};
        size_t n = strlen(e->d_name);
        if (n < 9 || !str_eq(e->d_name + n - 8, ".desktop") || (found && strlen(found) <= n) ||
            !read_entry(arena_printf(&c->arena, "%s/%s", dir, e->d_name), &text) ||
            desktop_exec(&c->arena, text.data, text.len, &argv, &line, &error) < 0 ||
            !str_eq(base_name(argv[desktop_program(argv)]), base_name(program)))
            continue;
        found = arena_strdup(&c->arena, e->d_name);
        *out = text;
    }
    if (d)
        closedir(d);
    return found;
}

/* ---- the package ---- */

/* The package whose list of files holds the path, "" when none does. */
static const char *package_of(struct cli *c, const char *path)
{
    static const char dir[] = "/var/lib/dpkg/info";
    const char *line = arena_printf(&c->arena, "\n%s\n", path), *found = "";
    DIR *d = opendir(dir);
    for (struct dirent *e; d && !*found && (e = readdir(d));) {
        struct buf text = {.arena = &c->arena};
        const char *dot = strrchr(e->d_name, '.');
        if (!dot || !str_eq(dot, ".list") ||
            file_read(arena_printf(&c->arena, "%s/%s", dir, e->d_name), MAX_LIST, &text) < 0)
            continue;
        if (text.data && memmem(text.data, text.len, line, strlen(line)))
            found = arena_strndup(&c->arena, e->d_name, (size_t)(dot - e->d_name));
    }
    if (d)
        closedir(d);
    return arena_strndup(&c->arena, found, strcspn(found, ":")); /* less ":amd64" */
}

/* The Depends: line of an installed package, "" when there is none. */
static const char *depends_of(struct cli *c, const char *package)
{
    struct buf text = {.arena = &c->arena};
    const char *head = arena_printf(&c->arena, "Package: %s\n", package);
    if (!*package || file_read("/var/lib/dpkg/status", MAX_STATUS, &text) < 0 || !text.data)
        return "";
    for (const char *p = text.data; (p = strstr(p, head)); p++) {
        if (p != text.data && p[-1] != '\n')
            continue;
        const char *end = strstr(p, "\n\n"), *line = strstr(p, "\nDepends: ");
        if (!line || (end && line > end))
            return "";
        return arena_strndup(&c->arena, line + 10, strcspn(line + 10, "\n"));
    }
    return "";
}

/* ---- what follows from it ---- */

/* Whether one of the words (separated by blanks) is an item of the list (separated by ; , or
 * blanks). */
static const char *any_of(struct arena *a, const char *list, const char *words)
{
    while (*words) {
        size_t n = strcspn(words, " ");
        for (const char *item = list; *item;) {
            size_t k = strcspn(item, ";, ");
            if (k == n && strncmp(item, words, n) == 0)
                return arena_strndup(a, words, n);
            item += k + strspn(item + k, ";, ");
        }
        words += n + strspn(words + n, " ");
    }
    return NULL;
}

enum source { CATEGORY, DEPENDENCY };

/* A grant is proposed when its source has one of the words; those with `doubt` as a comment. */
static const struct {
    enum source source;
    const char *words, *grant, *why, *doubt;
} grants[] = {
    {CATEGORY,
     "Network WebBrowser Email InstantMessaging Chat IRCClient P2P FileTransfer News "
     "RemoteAccess VideoConference Feed",
     "shared=network;", "its .desktop file calls it", NULL},
    {CATEGORY, "Game 3DGraphics Video Player WebBrowser", "devices=dri;",
     "the graphics card, as its .desktop file calls it", NULL},
    {CATEGORY, "AudioVideo Audio Video Player Game Music Midi Recorder", "sockets=pulseaudio;",
     "sound, as its .desktop file calls it",
     "The same socket is a microphone too, so it is left to you"},
    {CATEGORY, "WebBrowser P2P FileTransfer Email InstantMessaging Chat",
     "filesystems=xdg-download;", "a place for what it fetches, as its .desktop file calls it",
     "All that lies there can be sent away, so it is left to you"},
    {DEPENDENCY, "libgtk2.0-0 libxm4 libxaw7 tk tk8.6 python3-tk libsdl1.2debian libfltk1.3",
     "sockets=x11;!wayland;!fallback-x11;", "a toolkit that speaks X11 only: it depends on", NULL},
    {DEPENDENCY,
     "libqt5webengine5 libqt5webenginecore5 libqt6webenginecore6 libwebkit2gtk-4.0-37 "
     "libwebkit2gtk-4.1-0 libjavascriptcoregtk-4.0-18",
     "shared=network;", "it shows pages of the Web: it depends on",
     "It may be for its help pages only, so it is left to you"},
};

static bool write_grants(struct cli *c, const struct known *k, struct buf *out)
{
    bool network = false;
    buf_str(out, "\n[Context]\n");
    for (size_t i = 0; i < ARRAY_SIZE(grants); i++) {
        const char *list = grants[i].source == CATEGORY ? k->categories : k->depends;
        const char *word = any_of(&c->arena, list, grants[i].words);
        if (!word)
            continue;
        network |= !grants[i].doubt && str_eq(grants[i].grant, "shared=network;");
        buf_printf(out, "# Why: %s %s.\n", grants[i].why, word);
        if (grants[i].doubt)
            buf_printf(out, "# %s:\n#", grants[i].doubt);
        buf_printf(out, "%s\n", grants[i].grant);
    }
    buf_str(out, "# One folder more, to read:\n#filesystems=xdg-documents:ro;\n");
    return network;
}

static void write_sandbox(bool network, struct buf *out)
{
    buf_str(out,
            "\n[Carrel Sandbox]\n"
            "# Many programs of KDE and GNOME do not start without a session bus; this one is its\n"
            "# own, started when it is first used, with nobody on it.\n"
            "private-session-bus=true\n");
    if (network)
        buf_str(
            out,
            "# Kernels before 6.12 cannot keep abstract sockets apart when the network is shared.\n"
            "optional=landlock-scope\n");
}

/* Whether files among its arguments are opened to it, and how. */
static const char *documents(struct cli *c, const struct known *k)
{
    static const char editors[] = "TextEditor WordProcessor Spreadsheet Presentation 2DGraphics "
                                  "RasterGraphics VectorGraphics IDE AudioVideoEditing Archiving";
    if (!*k->types)
        return "none";
    return any_of(&c->arena, k->categories, editors) ? "rw" : "ro";
}

static void write_policy(struct cli *c, const struct known *k, struct buf *out)
{
    const char *opens = documents(c, k);
    buf_printf(out,
               "# %s%s%s: a first policy, written by carrel new. It stands on top of the strict\n"
               "# default; read it, take away what you can, and try: carrel run %s\n",
               k->title, *k->title ? ", " : "", k->id, base_name(k->program));
    buf_printf(out, "\n[Application]\nname=%s\ncommand=%s\n", k->id, k->program);
    bool network = write_grants(c, k, out);
    buf_str(out, "\n[Carrel Application]\n");
    if (*k->package)
        buf_printf(out, "package=%s\n", k->package);
    if (k->desktop)
        buf_printf(out, "desktop=%s\n", k->desktop);
    buf_printf(out, "# Files named as arguments: %s.\ndocuments=%s\n",
               str_eq(opens, "none") ? "its .desktop file knows of none, so they stay closed"
               : str_eq(opens, "rw") ? "it changes them"
                                     : "it reads them",
               opens);
    write_sandbox(network, out);
}

/* ---- the command ---- */

static int look_up(struct cli *c, struct known *k)
{
    struct app app;
    struct buf text = {.arena = &c->arena};
    int r = catalog_find(&c->catalog, &c->facts, c->operands[0], &app, &c->diags);
    if (r < 0)
        return r == -ENOENT ? EXIT_NOT_FOUND : EXIT_REFUSED;
    if (app.has_policy)
        return cli_fail(c,
                        arena_printf(&c->arena, "add to it in %s/%s.policy",
                                     c->catalog.layers[LAYER_USER], app.id),
                        "%s has a policy already", app.id);
    k->id = app.id;
    k->program = app.program;
    if (app.desktop_file && read_entry(app.desktop_file, &text))
        k->desktop = base_name(app.desktop_file);
    else
        k->desktop = entry_of(c, app.program, &text);
    const char *entry = k->desktop ? text.data : "";
    k->title = value_of(&c->arena, entry, "Name");
    k->categories = value_of(&c->arena, entry, "Categories");
    k->types = value_of(&c->arena, entry, "MimeType");
    k->package = package_of(c, app.program);
    k->depends = depends_of(c, k->package);
    return 0;
}

/* Never over a file that is there. */
static int save(struct cli *c, const char *id, const struct buf *text)
{
    const char *dir = c->catalog.layers[LAYER_USER];
    const char *path = arena_printf(&c->arena, "%s/%s.policy", dir, id);
    struct buf out = {.arena = &c->arena};
    for (const char *slash = strchr(dir + 1, '/');; slash = strchr(slash + 1, '/')) {
        const char *part = slash ? arena_strndup(&c->arena, dir, (size_t)(slash - dir)) : dir;
        if (mkdir(part, 0700) < 0 && errno != EEXIST)
            return cli_fail(c, NULL, "cannot make %s: %s", part, strerror(errno));
        if (!slash)
            break;
    }
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : file_write_all(fd, text->data, text->len);
    if (r < 0)
        return cli_fail(c, NULL, "cannot write %s: %s", path, strerror(-r));
    buf_printf(&out, "wrote %s\n", path);
    return cli_print(c, &out);
}

static int new (struct cli *c)
{
    struct known k = {.title = "", .categories = "", .types = "", .package = "", .depends = ""};
    struct buf text = {.arena = &c->arena};
    if (cli_look_around(c) < 0)
        return EXIT_REFUSED;
    int r = look_up(c, &k);
    if (r)
        return r;
    write_policy(c, &k, &text);
    return cli_has(c, "print") ? cli_print(c, &text) : save(c, k.id, &text);
}

static const struct option new_options[] = {
    {"print", NULL, "print the policy instead of saving it"},
    {NULL, NULL, NULL},
};

const struct command command_new = {
    .name = "new",
    .operands = "APP",
    .summary = "write a first policy for an app that has none, ready to edit",
    .options = new_options,
    .least = 1,
    .most = 1,
    .run = new,
};
