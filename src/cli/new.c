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
    const char *id, *program, *desktop;      /* desktop: the file's name, or NULL */
    const char *title, *categories, *types;  /* "" when it does not say */
    bool takes_files;                        /* Exec= has a place for them */
    bool by_entry;                           /* its program only starts what the file says */
    const char *package, *depends, *section; /* "" when not known */
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

/* How an entry names the program: not, only beside its own command (that is a wrapper, and the
 * program stands in TryExec= or in an action), or as its command. */
enum naming { NOT_NAMED, BESIDE, AS_COMMAND };

static enum naming named_by(struct cli *c, const struct buf *text, const char *program)
{
    const char *const *argv, *error, *want = base_name(program);
    int line;
    if (desktop_exec(&c->arena, text->data, text->len, &argv, &line, &error) < 0 ||
        desktop_starts_another(argv))
        return NOT_NAMED;
    if (str_eq(base_name(argv[desktop_program(argv)]), want))
        return AS_COMMAND;
    for (const char *p = text->data; p && *p; p = strchr(p, '\n'), p += p ? 1 : 0) {
        const char *value = str_after(p, "TryExec=");
        value = value ? value : str_after(p, "Exec=");
        if (value &&
            str_eq(base_name(arena_strndup(&c->arena, value, strcspn(value, " \t\r\n"))), want))
            return BESIDE;
    }
    return NOT_NAMED;
}

/* A .desktop file of the system that starts the program: the shortest name of several. One that
 * only names it beside something else must be of its own package. */
static const char *entry_of(struct cli *c, const char *program, struct buf *out)
{
    static const char dir[] = "/usr/share/applications";
    const char *found = NULL, *package = NULL;
    enum naming best = NOT_NAMED;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        struct buf text = {.arena = &c->arena};
        size_t n = strlen(e->d_name);
        const char *path = arena_printf(&c->arena, "%s/%s", dir, e->d_name);
        if (n < 9 || !str_eq(e->d_name + n - 8, ".desktop") || !read_entry(path, &text))
            continue;
        enum naming how = named_by(c, &text, program);
        if (how == NOT_NAMED || how < best || (how == best && strlen(found) <= n))
            continue;
        package = how == BESIDE && !package ? package_of(c, program) : package;
        if (how == BESIDE && (!*package || !str_eq(package_of(c, path), package)))
            continue;
        best = how;
        found = arena_strdup(&c->arena, e->d_name);
        *out = text;
    }
    if (d)
        closedir(d);
    return found;
}

/* A field of an installed package's paragraph, "" when it has none. */
static const char *field_of(struct arena *a, const char *paragraph, const char *name)
{
    const char *end = strstr(paragraph, "\n\n");
    const char *key = arena_printf(a, "\n%s: ", name), *line = strstr(paragraph, key);
    if (!line || (end && line > end))
        return "";
    line += strlen(key);
    return arena_strndup(a, line, strcspn(line, "\n"));
}

static void look_into_package(struct cli *c, struct known *k)
{
    struct buf text = {.arena = &c->arena};
    const char *head = arena_printf(&c->arena, "Package: %s\n", k->package);
    if (!*k->package || file_read("/var/lib/dpkg/status", MAX_STATUS, &text) < 0 || !text.data)
        return;
    for (const char *p = text.data; (p = strstr(p, head)); p++) {
        if (p != text.data && p[-1] != '\n')
            continue;
        k->depends = field_of(&c->arena, p, "Depends");
        k->section = field_of(&c->arena, p, "Section");
        return;
    }
}

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

/* Folders of /etc that belong to services of the system, or that every app has. */
static const char shared_etc[] =
    "alternatives apparmor.d bash_completion.d cron.d cron.daily cron.weekly cron.monthly "
    "dbus-1 default emacs fonts init.d ld.so.conf.d logrotate.d menu menu-methods mime.types "
    "modprobe.d modules-load.d network NetworkManager pam.d perl php polkit-1 profile.d "
    "python3 rsyslog.d security skel ssl sudoers.d sysctl.d systemd udev X11 xdg";

/* Whether the package is of one family with the app's: nethack-common and nethack-x11. */
static bool is_kin(const char *package, const char *name, size_t n)
{
    size_t stem = strcspn(package, "-");
    return stem > 2 && n >= stem && strncmp(package, name, stem) == 0 &&
           (n == stem || name[stem] == '-');
}

/* The names in /etc that a package has; those that are there already are passed over. */
static void add_etc(struct cli *c, const char *package, size_t n, struct buf *out)
{
    static const char etc[] = "\n/etc/";
    struct buf text = {.arena = &c->arena};
    if (file_read(arena_printf(&c->arena, "/var/lib/dpkg/info/%.*s.list", (int)n, package),
                  MAX_LIST, &text) < 0 ||
        !text.data)
        return;
    for (const char *p = text.data; (p = strstr(p, etc));) {
        p += sizeof etc - 1;
        const char *name = arena_strndup(&c->arena, p, strcspn(p, "/\n"));
        const char *item = arena_printf(&c->arena, "%s;", name);
        if (*name && !any_of(&c->arena, shared_etc, name) &&
            !any_of(&c->arena, out->data ? out->data : "", name))
            buf_str(out, item);
    }
}

/* What the app's packages keep in /etc: "nethack;", or "". */
static const char *etc_of(struct cli *c, const struct known *k)
{
    struct buf out = {.arena = &c->arena};
    if (*k->package)
        add_etc(c, k->package, strlen(k->package), &out);
    for (const char *p = k->depends; *p;) {
        size_t n = strcspn(p, ",| (");
        if (is_kin(k->package, p, n))
            add_etc(c, p, n, &out);
        p += n + strcspn(p + n, ",|");
        p += strspn(p, ",| ");
    }
    return out.data ? out.data : "";
}

/* ---- what follows from it ---- */

enum source { CATEGORY, SECTION, DEPENDENCY, XLIB };

static const char x11_toolkits[] =
    "libgtk2.0-0 libgtk2.0-0t64 libxm4 libxaw7 tk tk8.6 libtk8.6 libtk8.6t64 python3-tk perl-tk "
    "libsdl1.2debian libfltk1.3 libfltk1.3t64 freeglut3 libglut3.12 libforms2 libsfml-window2.5 "
    "liballegro4.4 liballegro5.2 default-jre java-runtime java8-runtime openjdk-17-jre "
    "openjdk-21-jre libgluezilla mono-runtime libmono-system-windows-forms4.0-cil";

/* A grant is proposed when its source has one of the words; those with `doubt` as a comment. */
static const struct {
    enum source source;
    const char *words, *grant, *why, *doubt;
} grants[] = {
    {CATEGORY,
     "Network WebBrowser Email InstantMessaging Chat IRCClient P2P FileTransfer News "
     "RemoteAccess VideoConference Feed Maps",
     "shared=network;", "its .desktop file calls it", NULL},
    {SECTION, "comm mail net news web", "shared=network;", "its package is of the section", NULL},
    {CATEGORY, "Game 3DGraphics Video Player WebBrowser", "devices=dri;",
     "the graphics card, as its .desktop file calls it", NULL},
    {CATEGORY, "AudioVideo Audio Video Player Game Music Midi Recorder", "sockets=pulseaudio;",
     "sound, to play and no more, as its .desktop file calls it", NULL},
    {DEPENDENCY,
     "libsdl2-mixer-2.0-0 libsdl-mixer1.2 libsfml-audio2.5 libsfml-audio2.6 libopenal1 "
     "libportaudio2 librtaudio6 libao4 libalut0",
     "sockets=pulseaudio;", "sound, to play and no more: it depends on", NULL},
    {CATEGORY, "P2P FileTransfer WebBrowser", "filesystems=xdg-download;",
     "a place for what it fetches, as its .desktop file calls it", NULL},
    {CATEGORY, "FileManager", "filesystems=xdg-download;",
     "it sees and moves no other files of yours than those in the folders here, which are yours to "
     "choose:\n# its .desktop file calls it",
     NULL},
    {CATEGORY, "Email InstantMessaging Chat", "filesystems=xdg-download;",
     "a place for what it fetches, as its .desktop file calls it",
     "All that lies there can be sent away, so it is left to you"},
    {CATEGORY, "Player Music", "filesystems=xdg-music:ro;",
     "what it plays, as its .desktop file calls it", "Files that are opened with it need no grant"},
    {CATEGORY, "Photography", "filesystems=xdg-pictures;",
     "what it keeps in order, as its .desktop file calls it",
     "Files that are opened with it need no grant"},
    {DEPENDENCY, x11_toolkits, "sockets=x11;!wayland;!fallback-x11;",
     "a toolkit that speaks X11 only: it depends on", NULL},
    {XLIB, "", "sockets=x11;!wayland;!fallback-x11;", "it speaks X11 only: it depends on", NULL},
    {DEPENDENCY,
     "libqt5webengine5 libqt5webenginecore5 libqt6webenginecore6 libwebkit2gtk-4.0-37 "
     "libwebkit2gtk-4.1-0 libwebkitgtk-6.0-4 libjavascriptcoregtk-4.0-18 gir1.2-webkit2-4.0 "
     "gir1.2-webkit2-4.1 gir1.2-webkit-6.0",
     "shared=network;", "it shows pages of the Web: it depends on",
     "It may be for its help pages only, so it is left to you"},
    {DEPENDENCY,
     "libsoup2.4-1 libsoup-3.0-0 gir1.2-soup-2.4 gir1.2-soup-3.0 gir1.2-gweather-4.0 "
     "libgweather-4-0 libcurl4 libcurl4t64 libcurl3-gnutls libcurl3t64-gnutls libssh-4 "
     "python3-requests python3-urllib3 libwww-perl",
     "shared=network;", "it can fetch things from the network: it depends on",
     "It may live without what it fetches, so it is left to you"},
};

/* A program that is linked with Xlib and with nothing that knows Wayland speaks X11 only. */
static const char *plain_x11(struct arena *a, const char *depends)
{
    static const char both[] =
        "libgtk-3-0 libgtk-3-0t64 libgtk-4-1 libqt5gui5 libqt5gui5t64 libqt5gui5-gles libqt6gui6 "
        "libqt6gui6t64 libsdl2-2.0-0 libsdl3-0 libwayland-client0 libglfw3 libevas1 libwxgtk3.2-1 "
        "libwxgtk3.2-1t64";
    return any_of(a, depends, both) || any_of(a, depends, x11_toolkits)
               ? NULL
               : any_of(a, depends, "libx11-6");
}

/* The word of what is known of the app for which a grant is proposed, or NULL. */
static const char *cause(struct cli *c, const struct known *k, size_t i)
{
    switch (grants[i].source) {
    case CATEGORY:
        return any_of(&c->arena, k->categories, grants[i].words);
    case SECTION: /* says less than a .desktop file */
        return k->desktop ? NULL : any_of(&c->arena, k->section, grants[i].words);
    case DEPENDENCY:
        return any_of(&c->arena, k->depends, grants[i].words);
    case XLIB:
        return plain_x11(&c->arena, k->depends);
    default:
        return NULL;
    }
}

/* One line for all grants of a key, as a second one would replace the first. */
static bool write_key(struct cli *c, const struct known *k, const char *key, struct buf *out)
{
    struct buf line = {.arena = &c->arena};
    for (size_t i = 0; i < ARRAY_SIZE(grants); i++) {
        const char *value = str_after(grants[i].grant, key);
        const char *word = value && *value == '=' ? cause(c, k, i) : NULL;
        if (!word)
            continue;
        bool granted = line.data && strstr(line.data, value + 1);
        const char *left = arena_printf(&c->arena, "\n#%s\n", grants[i].grant);
        if (grants[i].doubt && (granted || strstr(out->data, left)))
            continue;
        buf_printf(out, "# Why: %s %s.\n", grants[i].why, word);
        if (grants[i].doubt)
            buf_printf(out, "# %s:\n#%s\n", grants[i].doubt, grants[i].grant);
        else if (!granted)
            buf_str(&line, value + 1);
    }
    if (line.data)
        buf_printf(out, "%s=%s\n", key, line.data);
    return line.data != NULL;
}

static bool write_grants(struct cli *c, const struct known *k, bool edits, struct buf *out)
{
    buf_str(out, "\n[Context]\n");
    bool network = write_key(c, k, "shared", out);
    write_key(c, k, "sockets", out);
    write_key(c, k, "devices", out);
    write_key(c, k, "filesystems", out);
    buf_str(out, edits ? "# One folder more, to write. It takes one where it saves by renaming a "
                         "new file over\n"
                         "# the old one, or keeps a lock or a journal beside it:\n"
                         "#filesystems=xdg-documents;\n"
                       : "# One folder more, to read:\n#filesystems=xdg-documents:ro;\n");
    return network;
}

static void write_sandbox(bool network, struct buf *out)
{
    buf_str(out,
            "\n[Carrel Sandbox]\n"
            "# Many programs of KDE and GNOME do not start without a session bus; this one is its\n"
            "# own, started when it is first used, with nobody on it: no input method either\n"
            "# (IBus, Fcitx 5), which true takes away from an app and false gives it.\n"
            "private-session-bus=true\n");
    if (network)
        buf_str(
            out,
            "# Kernels before 6.12 cannot keep abstract sockets apart when the network is shared.\n"
            "optional=landlock-scope\n");
}

/* How files among its arguments are opened to it, and why so: what changes none is given them to
 * read, and what might be there to change them may do so. */
static const char *documents(struct cli *c, const struct known *k, const char **why)
{
    static const char editors[] = "TextEditor WordProcessor Spreadsheet Presentation 2DGraphics "
                                  "RasterGraphics VectorGraphics IDE AudioVideoEditing Archiving "
                                  "Database ProjectManagement Publishing";
    static const char viewers[] =
        "Viewer Player WebBrowser Game Emulator Documentation News Network Email P2P Chat "
        "InstantMessaging FileManager System TerminalEmulator Monitor Settings";
    *why = "its .desktop file knows of none, so they stay closed";
    if (k->desktop && !*k->types && !k->takes_files)
        return "none";
    *why = k->desktop ? "it shows them, as far as its .desktop file tells"
                      : "a program of the command line is given them to read. It writes into the "
                        "folders\n# that filesystems= names";
    if (!k->desktop ||
        (!any_of(&c->arena, k->categories, editors) && any_of(&c->arena, k->categories, viewers)))
        return "ro";
    *why = "it may be there to change them; ro if it is not";
    return "rw";
}

static void write_policy(struct cli *c, const struct known *k, struct buf *out)
{
    const char *why, *opens = documents(c, k, &why), *etc = etc_of(c, k);
    buf_printf(out,
               "# %s%s%s: a first policy, written by carrel new. It stands on top of the strict\n"
               "# default; read it, take away what you can, and try: carrel run %s\n",
               k->title, *k->title ? ", " : "", k->id,
               k->by_entry ? k->desktop : base_name(k->program));
    buf_printf(out, "\n[Application]\nname=%s\n", k->id);
    if (k->by_entry)
        buf_str(out, "# What is started stands in its .desktop file.\n");
    else
        buf_printf(out, "command=%s\n", k->program);
    bool network = write_grants(c, k, str_eq(opens, "rw"), out);
    buf_str(out, "\n[Carrel Application]\n");
    if (*k->package)
        buf_printf(out, "package=%s\n", k->package);
    if (k->desktop)
        buf_printf(out, "desktop=%s\n", k->desktop);
    buf_printf(out, "# Files named as arguments: %s.\ndocuments=%s\n", why, opens);
    if (*etc)
        buf_printf(out, "# Defaults that its packages keep in /etc.\netc=%s\n", etc);
    buf_str(
        out,
        "# It ends with its first process, and says so if that leaves others running. Where it\n"
        "# ends at once and shows no window, it goes on in the background: last\n"
        "ends-with=tell\n");
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
    k->by_entry = app.by_entry;
    if (app.desktop_file && read_entry(app.desktop_file, &text))
        k->desktop = base_name(app.desktop_file);
    else
        k->desktop = entry_of(c, app.program, &text);
    const char *entry = k->desktop ? text.data : "";
    k->title = value_of(&c->arena, entry, "Name");
    k->categories = value_of(&c->arena, entry, "Categories");
    k->types = value_of(&c->arena, entry, "MimeType");
    const char *exec = value_of(&c->arena, entry, "Exec");
    for (const char *p = exec; (p = strchr(p, '%')); p += p[1] ? 2 : 1)
        k->takes_files |= p[1] && strchr("fFuU", p[1]);
    k->package = package_of(c, k->by_entry ? app.desktop_file : app.program);
    look_into_package(c, k);
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
    if (r < 0 && fd >= 0)
        unlink(path);
    if (r < 0)
        return cli_fail(c, NULL, "cannot write %s: %s", path, strerror(-r));
    buf_printf(&out, "wrote %s\n", path);
    return cli_print(c, &out);
}

static int new (struct cli *c)
{
    struct known k = {
        .title = "", .categories = "", .types = "", .package = "", .depends = "", .section = ""};
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
