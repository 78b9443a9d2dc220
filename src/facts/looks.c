/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an app may know of the person's settings: names of themes and fonts, sizes, colours, how
 * dates look, which program opens which kind of file. The tables are the whole of it. Not taken
 * up: style sheets (gtk.css, qss), modules and whatever else names a file or an address, as these
 * bring code or fetch things; and lists of what the person did last.
 */
#include "facts/looks.h"

#include "facts/gvdb.h"
#include "facts/store.h"
#include "util/file.h"
#include "util/str.h"
#include "util/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_VALUE = 300, MAX_OF_FILE = 500, MAX_DATABASES = 8 };
#define MAX_TEXT     (256u << 10)
#define MAX_DATABASE (8u << 20)

/* Each text file: where it is, the lines that count, how a key ends. */
static const struct source {
    const char *name; /* of the fact */
    bool config;      /* in the person's config folder, else in the home */
    const char *path;
    char separator; /* between key and value */
    bool quoted;    /* the value is one word or in quotation marks */
} sources[LOOK_FILES] = {
    [LOOK_DCONF] = {"dconf", true, NULL, '=', false},
    [LOOK_GTK2] = {"gtk-2.0", false, ".gtkrc-2.0", '=', true},
    [LOOK_GTK3] = {"gtk-3.0", true, "gtk-3.0/settings.ini", '=', false},
    [LOOK_GTK4] = {"gtk-4.0", true, "gtk-4.0/settings.ini", '=', false},
    [LOOK_KDE] = {"kdeglobals", true, "kdeglobals", '=', false},
    [LOOK_KDE_INPUT] = {"kcminputrc", true, "kcminputrc", '=', false},
    [LOOK_QT5CT] = {"qt5ct", true, "qt5ct/qt5ct.conf", '=', false},
    [LOOK_QT6CT] = {"qt6ct", true, "qt6ct/qt6ct.conf", '=', false},
    [LOOK_MIME] = {"mimeapps", true, "mimeapps.list", '=', false},
    [LOOK_X] = {"xdefaults", false, ".Xdefaults", ':', false},
};

/* dconf's settings, at PATH/KEY. */
static const struct {
    const char *path, *keys; /* separated by blanks */
} settings[] = {
    {"org/gnome/desktop/interface",
     "gtk-theme icon-theme cursor-theme cursor-size font-name document-font-name "
     "monospace-font-name font-antialiasing font-hinting font-rgba-order font-rendering "
     "text-scaling-factor scaling-factor color-scheme accent-color gtk-key-theme "
     "enable-animations overlay-scrolling cursor-blink cursor-blink-time cursor-blink-timeout "
     "clock-format clock-show-seconds clock-show-weekday menus-have-icons toolbar-style "
     "toolbar-icons-size can-change-accels locate-pointer"},
    {"org/gnome/desktop/a11y/interface", "high-contrast show-status-shapes"},
    {"org/gnome/desktop/wm/preferences", "button-layout titlebar-font theme"},
    {"org/gnome/desktop/sound", "theme-name event-sounds input-feedback-sounds"},
    {"org/gnome/desktop/peripherals/mouse", "double-click drag-threshold"},
    {"org/gnome/settings-daemon/peripherals/mouse", "double-click drag-threshold"},
    {"org/gnome/desktop/calendar", "show-weekdate week-start-day"},
    /* What the person does not want to be remembered. */
    {"org/gnome/desktop/privacy", "remember-recent-files recent-files-max-age remember-app-usage"},
    {"org/gnome/system/locale", "region"},
    {"org/gtk/settings/file-chooser",
     "sort-directories-first date-format clock-format show-hidden show-size-column "
     "show-type-column type-format sort-column sort-order location-mode startup-mode"},
    {"org/gtk/gtk4/settings/file-chooser",
     "sort-directories-first date-format clock-format show-hidden show-size-column "
     "show-type-column type-format sort-column sort-order location-mode view-type"},
    {"org/mate/desktop/interface",
     "gtk-theme icon-theme font-name document-font-name monospace-font-name gtk-color-scheme"},
    {"org/cinnamon/desktop/interface",
     "gtk-theme icon-theme cursor-theme cursor-size font-name text-scaling-factor scaling-factor "
     "clock-use-24h clock-show-date first-day-of-week"},
    {"org/x/apps/portal", "color-scheme"},
};

#define GTK_KEYS                                                                                   \
    "gtk-theme-name gtk-icon-theme-name gtk-fallback-icon-theme gtk-cursor-theme-name "            \
    "gtk-cursor-theme-size gtk-font-name gtk-key-theme-name gtk-toolbar-style "                    \
    "gtk-toolbar-icon-size gtk-button-images gtk-menu-images gtk-enable-animations "               \
    "gtk-application-prefer-dark-theme gtk-decoration-layout gtk-xft-antialias gtk-xft-hinting "   \
    "gtk-xft-hintstyle gtk-xft-rgba gtk-xft-dpi gtk-double-click-time gtk-double-click-distance "  \
    "gtk-dnd-drag-threshold gtk-cursor-blink gtk-cursor-blink-time gtk-cursor-blink-timeout "      \
    "gtk-primary-button-warps-slider gtk-enable-event-sounds gtk-enable-input-feedback-sounds "    \
    "gtk-sound-theme-name gtk-color-scheme gtk-recent-files-enabled gtk-recent-files-max-age "     \
    "gtk-overlay-scrolling gtk-hint-font-metrics gtk-dialogs-use-header "                          \
    "gtk-interface-color-scheme gtk-interface-contrast gtk-keynav-use-caret"

#define QTCT_ROWS(file)                                                                            \
    {file, "Appearance", "style icon_theme color_scheme_path custom_palette standard_dialogs"},    \
        {file, "Fonts", "fixed general"},                                                          \
    {                                                                                              \
        file, "Interface",                                                                         \
            "activate_item_on_single_click buttonbox_layout cursor_flash_time "                    \
            "dialog_buttons_have_icons double_click_interval gui_effects "                         \
            "keyboard_scheme menus_have_icons show_shortcuts_in_context_menus "                    \
            "toolbutton_style underline_shortcut wheel_scroll_lines"                               \
    }

/* Keys of the text files. A '*' behind a group or a key stands for any rest. */
static const struct {
    enum look_file file;
    const char *group, *keys;
} keys[] = {
    {LOOK_GTK2, "", GTK_KEYS},
    {LOOK_GTK3, "Settings", GTK_KEYS},
    {LOOK_GTK4, "Settings", GTK_KEYS},
    {LOOK_KDE, "General",
     "ColorScheme ColorSchemeHash AccentColor font fixed menuFont smallestReadableFont toolBarFont "
     "desktopFont taskbarFont widgetStyle XftAntialias XftHintStyle XftSubPixel shadeSortColumn"},
    {LOOK_KDE, "KDE",
     "LookAndFeelPackage widgetStyle contrast SingleClick ShowIconsInMenuItems "
     "ShowIconsOnPushButtons AnimationDurationFactor DoubleClickInterval StartDragDist "
     "StartDragTime WheelScrollLines CursorBlinkRate ScrollbarLeftClickNavigatesByPage"},
    {LOOK_KDE, "Icons", "Theme"},
    {LOOK_KDE, "DialogIcons*", "Size"},
    {LOOK_KDE, "Toolbar style", "ToolButtonStyle ToolButtonStyleOtherToolbars"},
    {LOOK_KDE, "Sounds", "Theme Enable"},
    {LOOK_KDE, "KScreen", "ScaleFactor ScreenScaleFactors"},
    {LOOK_KDE, "WM", "*"},
    {LOOK_KDE, "Colors:*", "*"},
    {LOOK_KDE, "ColorEffects:*", "*"},
    {LOOK_KDE_INPUT, "Mouse", "cursorTheme cursorSize"},
    QTCT_ROWS(LOOK_QT5CT),
    QTCT_ROWS(LOOK_QT6CT),
    {LOOK_MIME, "Default Applications", "*"},
    {LOOK_X, "",
     "Xft.* Xcursor.* *background *Background *foreground *Foreground *font *Font *fontList "
     "*faceName *faceSize *cursorColor *color* *geometry"},
};

const char *look_file_name(enum look_file file)
{
    return sources[file].name;
}

int look_file_named(const char *name)
{
    for (int i = 0; i < LOOK_FILES; i++)
        if (str_eq(sources[i].name, name))
            return i;
    return -1;
}

/* ---- what may pass ---- */

static bool matches(const char *pattern, size_t n, const char *s, size_t len)
{
    if (n > 1 && pattern[n - 1] == '*')
        return len >= n - 1 && memcmp(pattern, s, n - 1) == 0;
    return (n == 1 && *pattern == '*') || (n == len && memcmp(pattern, s, n) == 0);
}

static bool listed(const char *words, const char *key, size_t len)
{
    while (*words) {
        size_t n = strcspn(words, " ");
        if (matches(words, n, key, len))
            return true;
        words += n + strspn(words + n, " ");
    }
    return false;
}

static bool may_pass(enum look_file file, const char *group, const char *key, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (keys[i].file == file && listed(keys[i].keys, key, len) &&
            matches(keys[i].group, strlen(keys[i].group), group, strlen(group)))
            return true;
    return false;
}

static bool printable(const char *s, size_t n)
{
    uint32_t cp;
    for (size_t i = 0, k; i < n; i += k)
        if (!(k = utf8_decode(s + i, n - i, &cp)) || !utf8_safe(cp))
            return false;
    return n > 0 && n <= MAX_VALUE;
}

/* No path and no address; but a colour scheme of the system's stays. */
static bool plain_value(const char *s, size_t n)
{
    if (!printable(s, n))
        return false;
    if (n > 5 && memcmp(s, "/usr/", 5) == 0)
        return !memmem(s, n, "..", 2);
    return !memchr(s, '/', n);
}

/* "text/html" and the like: a kind of file, or one of the addresses that every desktop has a
 * program for. Other address kinds are names of the person's programs. */
static bool common_kind(const char *key, size_t n)
{
    static const char *const schemes[] = {"http", "https", "mailto", "about", "unknown"};
    static const char scheme[] = "x-scheme-handler/";
    const char *slash = memchr(key, '/', n);
    if (!slash || slash == key || slash == key + n - 1 || !printable(key, n) ||
        memchr(slash + 1, '/', (size_t)(key + n - slash - 1)))
        return false;
    if (n < sizeof scheme || memcmp(key, scheme, sizeof scheme - 1) != 0)
        return true;
    key += sizeof scheme - 1;
    n -= sizeof scheme - 1;
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
        if (strlen(schemes[i]) == n && memcmp(schemes[i], key, n) == 0)
            return true;
    return false;
}

/* Whether it is there, or there is no more room. */
static bool known(const struct facts *f, enum look_file file, const char *group, const char *key)
{
    size_t n = 0;
    for (size_t i = f->n_looks; i-- > 0 && f->looks[i].file == file; n++)
        if (str_eq(f->looks[i].group, group) && str_eq(f->looks[i].key, key))
            return true;
    return n >= MAX_OF_FILE;
}

void looks_add(struct facts *f, enum look_file file, const char *group, const char *key,
               const char *value)
{
    if (known(f, file, group, key))
        return;
    f->looks = arena_grow(f->arena, f->looks, f->n_looks, &f->cap_looks, sizeof *f->looks);
    f->looks[f->n_looks++] = (struct look_fact){file, group, key, value};
}

/* ---- text files ---- */

struct line {
    const char *s;
    size_t n;
};

static struct line trimmed(const char *s, size_t n)
{
    while (n && (*s == ' ' || *s == '\t'))
        s++, n--;
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r'))
        n--;
    return (struct line){s, n};
}

/* A number or an enumeration's name, or text in quotation marks that ends with the line. */
static bool whole_word(struct line v)
{
    if (v.n > 1 && v.s[0] == '"' && v.s[v.n - 1] == '"') {
        v.s++;
        v.n -= 2;
        return !memchr(v.s, '"', v.n) && !memchr(v.s, '\\', v.n);
    }
    for (size_t i = 0; i < v.n; i++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", v.s[i]))
            return false;
    return true;
}

static void take_line(struct facts *f, enum look_file file, const char *group, struct line l)
{
    const struct source *from = &sources[file];
    const char *at = l.n ? memchr(l.s, from->separator, l.n) : NULL;
    if (!at)
        return;
    struct line key = trimmed(l.s, (size_t)(at - l.s));
    struct line value = trimmed(at + 1, l.n - (size_t)(at + 1 - l.s));
    if (memchr(key.s, '[', key.n) || !may_pass(file, group, key.s, key.n) ||
        !printable(key.s, key.n) || !plain_value(value.s, value.n) ||
        (from->quoted && !whole_word(value)) ||
        (file == LOOK_MIME ? !common_kind(key.s, key.n) : !!memchr(key.s, '/', key.n)))
        return;
    looks_add(f, file, group, arena_strndup(f->arena, key.s, key.n),
              arena_strndup(f->arena, value.s, value.n));
}

void looks_read(struct facts *f, enum look_file file, const char *text, size_t size)
{
    const char *group = "";
    for (size_t i = 0; i < size;) {
        const char *newline = memchr(text + i, '\n', size - i);
        size_t n = newline ? (size_t)(newline - (text + i)) : size - i;
        struct line l = trimmed(text + i, n);
        if (l.n > 1 && l.s[0] == '[' && l.s[l.n - 1] == ']')
            group = printable(l.s, l.n) ? arena_strndup(f->arena, l.s + 1, l.n - 2) : "[";
        else
            take_line(f, file, group, l);
        i += n + 1;
    }
}

/* ---- dconf ---- */

static void read_database(struct facts *f, const struct buf *db)
{
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        for (const char *word = settings[i].keys; *word;) {
            size_t n = strcspn(word, " ");
            const char *key = arena_strndup(f->arena, word, n);
            const char *path = arena_printf(f->arena, "/%s/%s", settings[i].path, key);
            const char *value = gvdb_lookup(f->arena, db->data, db->len, path);
            if (value && plain_value(value, strlen(value)))
                looks_add(f, LOOK_DCONF, settings[i].path, key, value);
            word += n + strspn(word + n, " ");
        }
    }
}

static bool plain_name(const char *s, size_t n)
{
    return n > 0 && n < 256 && *s != '.' && !memchr(s, '/', n) && printable(s, n);
}

/* Databases in the order of the profile (dconf(7)): the first that has a key counts. The person's
 * own stands in front where there is no profile. */
static size_t databases(struct facts *f, const char *config, const char *out[MAX_DATABASES])
{
    static const struct {
        const char *kind, *folder;
    } kinds[] = {{"user-db:", NULL}, {"system-db:", "/etc/dconf/db"}};
    const char *told = facts_env(f, "DCONF_PROFILE");
    struct buf text = {.arena = f->arena};
    size_t n = 0;
    const char *path = told && *told == '/'
                           ? told
                           : path_join(f->arena, "/etc/dconf/profile",
                                       told && plain_name(told, strlen(told)) ? told : "user");
    if (file_read(path, MAX_TEXT, &text) < 0 || !text.data) {
        out[n++] = path_join(f->arena, config, "dconf/user");
        return n;
    }
    for (size_t i = 0; i < text.len && n < MAX_DATABASES;) {
        struct line l = trimmed(text.data + i, strcspn(text.data + i, "\n"));
        i += strcspn(text.data + i, "\n") + 1;
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
            size_t len = strlen(kinds[k].kind);
            if (l.n <= len || memcmp(l.s, kinds[k].kind, len) != 0 ||
                !plain_name(l.s + len, l.n - len))
                continue;
            const char *name = arena_strndup(f->arena, l.s + len, l.n - len);
            out[n++] = path_join(
                f->arena, kinds[k].folder ? kinds[k].folder : path_join(f->arena, config, "dconf"),
                name);
        }
    }
    return n;
}

static int by_group(const void *a, const void *b)
{
    const struct look_fact *x = a, *y = b;
    int order = strcmp(x->group, y->group);
    return order ? order : strcmp(x->key, y->key);
}

void look_looks(struct facts *f, __attribute__((unused)) const char *path)
{
    const char *told = facts_env(f, "XDG_CONFIG_HOME"), *dbs[MAX_DATABASES];
    const char *config = told ? path_clean(f->arena, told) : NULL;
    if (!config)
        config = path_join(f->arena, f->home, ".config");
    f->looks_known = true;
    size_t n = databases(f, config, dbs);
    for (size_t i = 0; i < n; i++) {
        struct buf db = {.arena = f->arena};
        if (file_read(dbs[i], MAX_DATABASE, &db) == 0 && db.data)
            read_database(f, &db);
    }
    for (int i = 0; i < LOOK_FILES; i++) {
        struct buf text = {.arena = f->arena};
        size_t first = f->n_looks;
        const char *dir = sources[i].config ? config : f->home;
        if (sources[i].path &&
            file_read(path_join(f->arena, dir, sources[i].path), MAX_TEXT, &text) == 0 && text.data)
            looks_read(f, (enum look_file)i, text.data, text.len);
        if (i == LOOK_DCONF)
            first = 0;
        if (f->n_looks > first + 1)
            qsort(f->looks + first, f->n_looks - first, sizeof *f->looks, by_group);
    }
}
