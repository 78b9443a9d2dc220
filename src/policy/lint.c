/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/lint.h"

#include "util/str.h"

#include <string.h>

struct perm_danger {
    enum perm_kind kind;
    const char *name, *gives_away, *hint;
};

static const struct perm_danger perm_dangers[] = {
    {PERM_SOCKETS, "session-bus",
     "over the whole session bus the app can start programs outside, which is no sandbox any more",
     "grant the names it needs in [Session Bus Policy]"},
    {PERM_SOCKETS, "system-bus",
     "over the whole system bus the app reaches every service that trusts the person",
     "grant the names it needs in [System Bus Policy]"},
    {PERM_SOCKETS, "ssh-auth",
     "the app can log in wherever the keys in the SSH agent can, for as long as it runs",
     "add the keys with ssh-add -c, so that each use is asked for"},
    {PERM_SOCKETS, "gpg-agent", "the app can sign and decrypt with the keys in the GnuPG agent",
     NULL},
    {PERM_DEVICES, "all",
     "all devices are cameras, disks, keyboards and the rest of /dev that the person may open",
     "grant dri, input, usb or kvm"},
    {PERM_DEVICES, "usb",
     "USB devices are disks, keys and cameras too: where the person may open them, so may the app",
     NULL},
    {PERM_DEVICES, "input",
     "input devices are keyboards too: where the person may open them, the app reads all keys",
     NULL},
};

struct bus_danger {
    enum bus_kind kind;
    const char *name, *gives_away;
};

static const struct bus_danger bus_dangers[] = {
    {BUS_SESSION, "org.freedesktop.Flatpak", "it starts any program outside the sandbox"},
    {BUS_SESSION, "org.freedesktop.systemd1", "it starts any program outside the sandbox"},
    {BUS_SESSION, "org.gnome.Shell",
     "it can be told to run code and to take pictures of the screen"},
    {BUS_SESSION, "org.freedesktop.secrets",
     "it hands out the person's passwords, of other apps too"},
    {BUS_SESSION, "org.gtk.vfs.Daemon", "it reads and writes the person's files for the app"},
    {BUS_SESSION, "ca.desrt.dconf",
     "it changes the settings of every app, among them commands that others run"},
    {BUS_SYSTEM, "org.freedesktop.systemd1", "it controls the services of the system"},
    {BUS_SYSTEM, "org.freedesktop.UDisks2", "it mounts and reads disks"},
};

/* Whether rule "a.b.*" or "a.b" covers name, which may be a pattern itself. */
static bool rule_covers(const char *rule, const char *name)
{
    size_t n = strlen(rule);
    if (str_eq(rule, name))
        return true;
    if (n < 3 || !str_eq(rule + n - 2, ".*"))
        return false;
    return strncmp(rule, name, n - 2) == 0 && (name[n - 2] == '\0' || name[n - 2] == '.');
}

/* Values of our own groups. */
static void lint_values(const struct policy *p, struct diags *d)
{
    const struct carrel_value *v = policy_carrel(p, "Carrel Display", "wayland");
    if (v && str_eq(v->value, "direct"))
        diag_add(d, DIAG_WARNING, v->at, "wayland=filtered lets it reach its own windows only",
                 "wayland=direct: where the compositor lets it, the app can see the screen, type "
                 "for others and read the clipboard at any time");
    v = policy_carrel(p, "Carrel Display", "x11");
    if (v && str_eq(v->value, "shared"))
        diag_add(d, DIAG_WARNING, v->at, "x11=nested gives it an X server of its own",
                 "x11=shared: every program on an X server can read all keys typed and steer all "
                 "windows");
    const struct perm *sound = policy_perm(p, PERM_SOCKETS, "pulseaudio");
    bool granted = sound && (sound->granted || sound->n_conditions);
    v = granted ? policy_carrel(p, "Carrel Sound", "sound") : NULL;
    if (v && str_eq(v->value, "play+record"))
        diag_add(d, DIAG_WARNING, v->at, "sound=play lets it play, and nothing else",
                 "sound=play+record: the app can listen to the microphone whenever it runs");
    if (v && str_eq(v->value, "host"))
        diag_add(d, DIAG_WARNING, v->at, "sound=play lets it play, and nothing else",
                 "sound=host: the app can listen to the microphone and to what others play, and "
                 "have files written and ports opened outside");
}

static void lint_perms(const struct policy *p, struct diags *d)
{
    for (size_t i = 0; i < ARRAY_SIZE(perm_dangers); i++) {
        const struct perm_danger *g = &perm_dangers[i];
        const struct perm *perm = policy_perm(p, g->kind, g->name);
        if (perm && (perm->granted || perm->n_conditions))
            diag_add(d, DIAG_WARNING, perm->at, g->hint, "%s: %s", g->name, g->gives_away);
    }
}

static void lint_buses(const struct policy *p, struct diags *d)
{
    for (size_t i = 0; i < ARRAY_SIZE(bus_dangers); i++) {
        const struct bus_danger *g = &bus_dangers[i];
        for (size_t k = 0; k < p->bus[g->kind].n; k++) {
            const struct bus_rule *r = &p->bus[g->kind].v[k];
            if (r->access < BUS_TALK || !rule_covers(r->name, g->name))
                continue;
            bool same = str_eq(r->name, g->name);
            diag_add(d, DIAG_WARNING, r->at, NULL, "%s%s%s: %s", r->name, same ? "" : " covers ",
                     same ? "" : g->name, g->gives_away);
        }
    }
}

/* ---- files ---- */

/* Folders whose writing or reading gives away more than their name says. The path is below the
 * home when base is FS_HOME_PATH. */
struct path_danger {
    const char *below_home; /* as in ~/… */
    enum fs_base base;      /* … and the same folder by its XDG name */
    const char *sub;
    bool write_only; /* reading it is harmless */
    const char *gives_away;
};

static const struct path_danger path_dangers[] = {
    {".config/carrel", FS_XDG_CONFIG, "carrel", true,
     "the app could write its own policy, and that of others"},
    {".var/app", FS_BASE_COUNT, NULL, false, "it is the home of every confined app"},
    {".local/share/flatpak", FS_XDG_DATA, "flatpak", true,
     "the app could change Flatpak's apps and their permissions"},
    {".ssh", FS_BASE_COUNT, NULL, false, "it holds the keys to other machines"},
    {".gnupg", FS_BASE_COUNT, NULL, false, "it holds the keys to mail and signatures"},
    {".config/autostart", FS_XDG_CONFIG, "autostart", true,
     "what stands there is started outside at the next login"},
    {".config/systemd", FS_XDG_CONFIG, "systemd", true,
     "what stands there is started outside by the person's systemd"},
    {".local/share/applications", FS_XDG_DATA, "applications", true,
     "what stands there is started outside from the menu"},
    {".local/bin", FS_BASE_COUNT, NULL, true, "what stands there is started outside by its name"},
    {".bashrc", FS_BASE_COUNT, NULL, true, "every shell outside runs it"},
    {".profile", FS_BASE_COUNT, NULL, true, "every login outside runs it"},
};

struct base_danger {
    enum fs_base base;
    const char *read, *write;
};

static const struct base_danger base_dangers[] = {
    {FS_HOST, "the app can read nearly every file that the person can, keys and passwords too",
     "the app can change nearly every file that the person can, .bashrc and keys too: it can run "
     "what it likes outside"},
    {FS_HOME, "the app can read all of the person's files, keys and passwords too",
     "the app can change all of the person's files, .bashrc and keys too: it can run what it likes "
     "outside"},
    {FS_HOST_ROOT, "the app can read nearly every file that the person can", NULL},
    {FS_HOST_ETC, "the app can read how this host is set up", NULL},
    {FS_XDG_CONFIG, "the settings of all apps hold passwords and tokens",
     "the settings of all apps name programs that are started outside"},
    {FS_XDG_DATA, "the data of all apps hold passwords and mail",
     "the data of all apps hold menus whose programs are started outside"},
};

static const char *what_instead(const struct fs_grant *g)
{
    if (g->base == FS_HOME || g->base == FS_HOST)
        return "grant one folder such as xdg-documents, or only the files named on the command "
               "line";
    return NULL;
}

/* PipeWire's socket gives all that it has, whoever connects. */
static void lint_runtime(const struct fs_grant *g, struct diags *d)
{
    if (g->base == FS_XDG_RUN && strncmp(g->sub, "pipewire-", strlen("pipewire-")) == 0)
        diag_add(d, DIAG_WARNING, g->at, "sound needs sockets=pulseaudio, a camera the portal",
                 "%s: microphones, cameras, and what others play and show", g->text);
    if (g->base == FS_XDG_RUN && path_within(g->sub, "pulse"))
        diag_add(d, DIAG_WARNING, g->at, "sockets=pulseaudio lets it play, and nothing else",
                 "%s: the microphone and what others play", g->text);
}

static void lint_base(const struct fs_grant *g, struct diags *d)
{
    for (size_t i = 0; i < ARRAY_SIZE(base_dangers); i++) {
        const struct base_danger *b = &base_dangers[i];
        if (g->base != b->base || *g->sub)
            continue;
        const char *text = g->mode != FS_RO && b->write ? b->write : b->read;
        diag_add(d, DIAG_WARNING, g->at, what_instead(g), "%s: %s", g->text, text);
    }
}

/* Whether the grant holds the folder or something in it. */
static bool overlaps(const char *sub, const char *folder)
{
    return path_within(sub, folder) || path_within(folder, sub);
}

static void lint_paths(const struct fs_grant *g, struct diags *d)
{
    for (size_t i = 0; i < ARRAY_SIZE(path_dangers); i++) {
        const struct path_danger *p = &path_dangers[i];
        bool hit = (g->base == FS_HOME_PATH && overlaps(g->sub, p->below_home)) ||
                   (p->sub && g->base == p->base && *g->sub && overlaps(g->sub, p->sub));
        if (hit && (g->mode != FS_RO || !p->write_only))
            diag_add(d, DIAG_WARNING, g->at, NULL, "%s holds ~/%s: %s", g->text, p->below_home,
                     p->gives_away);
    }
}

/* A path from the root on as it would be written by who means the home of the person. */
static struct fs_grant by_home(const struct fs_grant *g, const char *home)
{
    struct fs_grant out = *g;
    size_t n = home && home[1] ? strlen(home) : 0;
    if (!n || g->base != FS_PATH || !path_within(g->sub, home))
        return out;
    out.base = g->sub[n] ? FS_HOME_PATH : FS_HOME;
    out.sub = g->sub + n + (g->sub[n] == '/');
    return out;
}

/* Absolute paths that stand for the whole home of somebody, or for what is dangerous anyway. */
static void lint_absolute(const struct fs_grant *g, struct diags *d)
{
    static const struct {
        const char *path, *gives_away;
    } dangers[] = {
        {"/home", "it holds the home of every person on this machine"},
        {"/root", "it is root's home"},
        {"/run/user", "it holds the sockets of the session: buses, displays, agents"},
        {"/tmp", "other programs keep sockets and files there, among them X11's"},
        {"/etc/carrel", "the app could write its own policy, and that of others"},
        {"/var/run/docker.sock", "whoever talks to Docker is root"},
        {"/run/docker.sock", "whoever talks to Docker is root"},
    };
    for (size_t i = 0; g->base == FS_PATH && i < ARRAY_SIZE(dangers); i++)
        if (path_within(dangers[i].path, g->sub))
            diag_add(d, DIAG_WARNING, g->at, NULL, "%s: %s", g->text, dangers[i].gives_away);
}

void policy_lint(const struct policy *p, const char *home, struct diags *d)
{
    lint_perms(p, d);
    lint_values(p, d);
    for (size_t i = 0; i < p->n_filesystems; i++) {
        if (p->filesystems[i].mode == FS_NONE)
            continue;
        const struct fs_grant g = by_home(&p->filesystems[i], home);
        lint_runtime(&p->filesystems[i], d);
        lint_base(&g, d);
        lint_paths(&g, d);
        lint_absolute(&p->filesystems[i], d);
    }
    lint_buses(p, d);
}
