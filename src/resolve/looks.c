/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The person's settings, as far as every app may know them (facts/looks.c says which). They stand
 * in read-only files of the system's side, so that they follow the person's at each start and the
 * app's own settings, kept in its home, come before them:
 *
 *   GSettings     the keyfile backend's defaults (GLib: gkeyfilesettingsbackend.c); dconf itself,
 *                 with all that stands in it, stays outside
 *   GTK, KDE      a folder in front of /etc/xdg in XDG_CONFIG_DIRS
 *   the others    know their own file only: a variable, or a link in the app's home, leads to it
 */
#include "resolve/files.h"

#include "util/str.h"

#define SETTINGS "/run/carrel/config"

static const char *const why_looks = "base: the person's theme, fonts and file types";

/* Where each file of settings is inside. */
static const struct {
    const char *path, *link; /* link: in the app's home, or NULL */
    const char *separator;
} files[LOOK_FILES] = {
    [LOOK_DCONF] = {"/etc/glib-2.0/settings/defaults", NULL, "="},
    [LOOK_GTK2] = {SETTINGS "/gtkrc-2.0", NULL, "="},
    [LOOK_GTK3] = {SETTINGS "/gtk-3.0/settings.ini", NULL, "="},
    [LOOK_GTK4] = {SETTINGS "/gtk-4.0/settings.ini", NULL, "="},
    [LOOK_KDE] = {SETTINGS "/kdeglobals", NULL, "="},
    [LOOK_KDE_INPUT] = {SETTINGS "/kcminputrc", NULL, "="},
    [LOOK_QT5CT] = {SETTINGS "/qt5ct/qt5ct.conf", "config/qt5ct/qt5ct.conf", "="},
    [LOOK_QT6CT] = {SETTINGS "/qt6ct/qt6ct.conf", "config/qt6ct/qt6ct.conf", "="},
    [LOOK_MIME] = {SETTINGS "/mimeapps.list", NULL, "="},
    [LOOK_X] = {SETTINGS "/Xdefaults", NULL, ": "},
};

/* A link in the app's home to a file of ours; what the app has put there itself stays. */
static void link_from_home(struct ctx *c, const char *name, const char *target)
{
    const char *link = c->app_home_real ? join_path(c, c->app_home_real, name) : NULL;
    const struct path_fact *p = link ? facts_path(c->f, link) : NULL;
    if (p && p->type == FILE_ABSENT && (p->n_hops == 0 || str_eq(p->real, target)))
        tree_put(&c->tree, (struct node){.kind = NODE_SYMLINK,
                                         .dst = link,
                                         .target = target,
                                         .keep = true,
                                         .rank = RANK_FIXED,
                                         .why = why_looks});
}

/* Writes the file that begins with looks[0]. Returns how many of them are in it. */
static size_t put_file_of(struct ctx *c, const struct look_fact *looks, size_t n)
{
    struct buf b = {.arena = c->a};
    enum look_file file = looks[0].file;
    const char *group = "";
    size_t i;
    for (i = 0; i < n && looks[i].file == file; i++) {
        if (!str_eq(looks[i].group, group))
            buf_printf(&b, "%s[%s]\n", i ? "\n" : "", looks[i].group);
        group = looks[i].group;
        buf_printf(&b, "%s%s%s\n", looks[i].key, files[file].separator, looks[i].value);
    }
    put_text(c, files[file].path, b.data, why_looks);
    if (files[file].link)
        link_from_home(c, files[file].link, files[file].path);
    return i;
}

static void put_settings(struct ctx *c)
{
    size_t n = 0;
    const struct look_fact *looks = facts_looks(c->f, &n);
    bool there[LOOK_FILES] = {false};
    for (size_t i = 0; i < n; i += put_file_of(c, looks + i, n - i))
        there[looks[i].file] = true;
    for (int i = LOOK_GTK3; i <= LOOK_MIME; i++)
        if (there[i])
            put_env(c, "XDG_CONFIG_DIRS", SETTINGS ":/etc/xdg", why_looks);
    if (there[LOOK_GTK2])
        put_env(c, "GTK2_RC_FILES",
                concat(c, "/etc/gtk-2.0/gtkrc:", files[LOOK_GTK2].path, ":", c->app_home,
                       "/.gtkrc-2.0", NULL),
                why_looks);
    if (there[LOOK_X] && c->x11)
        put_env(c, "XENVIRONMENT", files[LOOK_X].path, why_looks);
}

/* What the person's keys type: without it they cannot write as they do elsewhere. */
static void put_compose(struct ctx *c)
{
    static const char path[] = "/run/carrel/XCompose";
    const struct path_fact *p = facts_path(c->f, join_path(c, c->f->home, ".XCompose"));
    if (p->type != FILE_REGULAR)
        return;
    put_bind(c, p, path, "base: the person's compose keys");
    link_from_home(c, ".XCompose", path);
}

/* dconf only where the policy hands over the bus and says where its database is, as Flatpak's do.
 */
static void choose_backend(struct ctx *c)
{
    bool dconf = false;
    for (size_t i = 0; i < c->p->n_env; i++)
        dconf |= c->session_bus && c->p->env[i].value &&
                 str_eq(c->p->env[i].name, "DCONF_USER_CONFIG_DIR");
    if (!dconf)
        put_env(c, "GSETTINGS_BACKEND", "keyfile", "base: settings are kept in the app's own home");
}

void rule_looks(struct ctx *c)
{
    choose_backend(c);
    if (!c->x11 && !c->wayland)
        return; /* it shows nothing */
    put_settings(c);
    put_compose(c);
    put_input_method(c);
}
