/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-looks CORPUS: CORPUS/settings is a database that `dconf compile` made of
 *
 *   [org/gnome/desktop/interface] gtk-theme='Yaru-dark' font-name='Ünï "Q" \'s 11' cursor-size=48
 *     text-scaling-factor=1.25 enable-animations=false color-scheme='prefer-dark'
 *     icon-theme='../../.ssh'
 *   [org/gnome/desktop/background] picture-uri='file:///home/anna/secret.jpg'
 *   [system/proxy/http] authentication-password='hunter2'
 *   [a] b=uint32 7, c=@as []
 *   [org/gnome/desktop/peripherals/mouse] double-click=400
 */
#include "facts/gvdb.h"
#include "facts/looks.h"
#include "t.h"
#include "util/file.h"
#include "util/str.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct arena arena;
static char top[] = "/tmp/carrel-looks-XXXXXX";
static struct buf db;

static const char *in(const char *name)
{
    return arena_printf(&arena, "%s/%s", top, name);
}

static void write_file(const char *name, const char *text, size_t n)
{
    char *path = arena_strdup(&arena, in(name));
    for (char *p = strchr(path + sizeof top, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        mkdir(path, 0700);
        *p = '/';
    }
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && file_write_all(fd, text, n) == 0);
}

static const char *dconf(const char *key)
{
    return gvdb_lookup(&arena, db.data, db.len, key);
}

static void finds_each_type_of_value(void)
{
    CHECK_STR(dconf("/org/gnome/desktop/interface/gtk-theme"), "'Yaru-dark'");
    CHECK_STR(dconf("/org/gnome/desktop/interface/font-name"), "'Ünï \"Q\" \\'s 11'");
    CHECK_STR(dconf("/org/gnome/desktop/interface/cursor-size"), "48");
    CHECK_STR(dconf("/org/gnome/desktop/interface/text-scaling-factor"), "1.250000");
    CHECK_STR(dconf("/org/gnome/desktop/interface/enable-animations"), "false");
    CHECK_STR(dconf("/a/b"), "7");
}

static void finds_nothing_else(void)
{
    static const char *const absent[] = {"/a/c", "/a/", "/a", "/", "", "/a/bb", "b", "a/b", "/x/b"};
    for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
        CHECK_STR(dconf(absent[i]), NULL);
}

/* Every cut and every single changed byte, in memory that ends where the file does. */
static void stands_damaged_files(void)
{
    for (size_t n = 0; n <= db.len; n++) {
        char *exact = malloc(n ? n : 1);
        memcpy(exact, db.data, n);
        const char *value = gvdb_lookup(&arena, exact, n, "/org/gnome/desktop/interface/gtk-theme");
        CHECK(!value || str_eq(value, "'Yaru-dark'"));
        free(exact);
    }
    char *exact = malloc(db.len);
    for (size_t i = 0; i < db.len; i++) {
        memcpy(exact, db.data, db.len);
        exact[i] = (char)~exact[i];
        gvdb_lookup(&arena, exact, db.len, "/org/gnome/desktop/interface/gtk-theme");
    }
    free(exact);
}

/* ---- text files ---- */

static const char *all_of(const struct facts *f)
{
    struct buf b = {.arena = &arena};
    for (size_t i = 0; i < f->n_looks; i++)
        buf_printf(&b, "%s|%s|%s|%s\n", look_file_name(f->looks[i].file), f->looks[i].group,
                   f->looks[i].key, f->looks[i].value);
    return b.data ? b.data : "";
}

static const char *taken(enum look_file file, const char *text)
{
    struct facts f = {.arena = &arena};
    looks_read(&f, file, text, strlen(text));
    return all_of(&f);
}

static void takes_the_listed_keys_only(void)
{
    CHECK_STR(taken(LOOK_GTK3, "[Settings]\ngtk-theme-name = Adwaita \r\ngtk-modules=evil\n"
                               "gtk-theme-name=Second\n[Other]\ngtk-font-name=Sans 11\n"),
              "gtk-3.0|Settings|gtk-theme-name|Adwaita\n");
    CHECK_STR(taken(LOOK_GTK2, "gtk-theme-name=\"Clear looks\"\ninclude \"/etc/shadow\"\n"
                               "gtk-font-name=\"a\"b\"\n"
                               "gtk-key-theme-name=\"\\\"\n"
                               "gtk-button-images=1\n"
                               "gtk-toolbar-style=a b\n"),
              "gtk-2.0||gtk-theme-name|\"Clear looks\"\n"
              "gtk-2.0||gtk-button-images|1\n");
    CHECK_STR(taken(LOOK_KDE, "[Colors:Header][Inactive]\nBackgroundNormal=1,2,3\n"
                              "[KFileDialog Settings]\nRecent Files=a\n[Icons]\nTheme=breeze"),
              "kdeglobals|Colors:Header][Inactive|BackgroundNormal|1,2,3\n"
              "kdeglobals|Icons|Theme|breeze\n");
    CHECK_STR(taken(LOOK_X, "! comment: x\nXft.dpi:\t120\nXTerm*password: x\n*color1: #fff\n"),
              "xdefaults||Xft.dpi|120\nxdefaults||*color1|#fff\n");
}

static void takes_no_path_and_no_address(void)
{
    CHECK_STR(taken(LOOK_GTK3, "[Settings]\ngtk-theme-name=/home/anna/x\n"
                               "gtk-icon-theme-name=../x\ngtk-font-name=http://x\n"),
              "");
    CHECK_STR(taken(LOOK_QT5CT,
                    "[Appearance]\ncolor_scheme_path=/usr/share/qt5ct/colors/airy.conf\n"
                    "style=/usr/../home/x\n[Interface]\nstylesheets=a.qss\n"),
              "qt5ct|Appearance|color_scheme_path|/usr/share/qt5ct/colors/airy.conf\n");
    CHECK_STR(taken(LOOK_GTK3, "[Settings]\ngtk-theme-name=a\x01"
                               "b\ngtk-font-name=\xff\n"),
              "");
}

static void takes_kinds_of_files(void)
{
    CHECK_STR(taken(LOOK_MIME,
                    "[Added Associations]\ntext/plain=x.desktop\n[Default Applications]\n"
                    "text/html=firefox-esr.desktop;\nx-scheme-handler/https=f.desktop\n"
                    "x-scheme-handler/tg=t.desktop\nnone=n.desktop\na/b/c=d.desktop\n"
                    "image/png=/x/evil.desktop\n"),
              "mimeapps|Default Applications|text/html|firefox-esr.desktop;\n"
              "mimeapps|Default Applications|x-scheme-handler/https|f.desktop\n");
}

static void takes_no_more_than_there_is_room(void)
{
    struct buf b = {.arena = &arena};
    struct facts f = {.arena = &arena};
    buf_str(&b, "[Default Applications]\n");
    for (int i = 0; i < 5000; i++)
        buf_printf(&b, "a/k%d=d.desktop\n", i);
    looks_read(&f, LOOK_MIME, b.data, b.len);
    CHECK_INT(f.n_looks, 500);
}

/* ---- gathering ---- */

static void gathers_on_demand(void)
{
    struct facts f = {.arena = &arena};
    size_t n;
    char *env[] = {arena_printf(&arena, "HOME=%s", top), NULL};
    write_file(".config/dconf/user", db.data, db.len);
    write_file(".config/gtk-3.0/settings.ini", "[Settings]\ngtk-theme-name=A\n", 28);
    write_file(".config/gtk-3.0/bookmarks", "file:///secret\n", 15);
    facts_gather(&f, env);
    CHECK_INT(f.n_looks, 0);
    facts_looks(&f, &n);
    CHECK_INT(n, 0);
    CHECK_INT(f.n_wanted, 1);
    facts_look(&f);
    facts_looks(&f, &n);
    CHECK_INT(f.n_wanted, 0);
    CHECK_STR(all_of(&f), "dconf|org/gnome/desktop/interface|color-scheme|'prefer-dark'\n"
                          "dconf|org/gnome/desktop/interface|cursor-size|48\n"
                          "dconf|org/gnome/desktop/interface|enable-animations|false\n"
                          "dconf|org/gnome/desktop/interface|font-name|'Ünï \"Q\" \\'s 11'\n"
                          "dconf|org/gnome/desktop/interface|gtk-theme|'Yaru-dark'\n"
                          "dconf|org/gnome/desktop/interface|text-scaling-factor|1.250000\n"
                          "dconf|org/gnome/desktop/peripherals/mouse|double-click|400\n"
                          "gtk-3.0|Settings|gtk-theme-name|A\n");
}

static void reads_a_profile(void)
{
    struct facts f = {.arena = &arena};
    size_t n;
    char *env[] = {arena_printf(&arena, "HOME=%s", top),
                   arena_printf(&arena, "DCONF_PROFILE=%s", in("profile")), NULL};
    static const char profile[] = "# first\nuser-db:../../etc/passwd\nuser-db:mine\n"
                                  "system-db:no-such-one\nservice-db:keyfile/user\n";
    write_file("profile", profile, sizeof profile - 1);
    write_file(".config/dconf/mine", db.data, db.len);
    unlink(in(".config/dconf/user"));
    unlink(in(".config/gtk-3.0/settings.ini"));
    facts_gather(&f, env);
    facts_looks(&f, &n);
    facts_look(&f);
    facts_looks(&f, &n);
    CHECK_INT(n, 7);
}

static void comes_back_from_text(void)
{
    static const char text[] =
        "carrel-facts 1\nlook gtk-2.0 \\e gtk-theme-name \"Clear\\x20looks\"\n"
        "look mimeapps Default\\x20Applications a/b c.desktop;\n";
    struct facts f = {.arena = &arena};
    int line;
    const char *error;
    size_t n;
    struct buf out = {.arena = &arena};
    CHECK_INT(facts_read(&f, text, sizeof text - 1, &line, &error), 0);
    facts_looks(&f, &n);
    CHECK_INT(n, 2);
    f.user = f.home = f.hostname = f.kernel = "x";
    facts_write(&f, &out);
    CHECK(strstr(out.data, text + strlen("carrel-facts 1\n")) != NULL);
    CHECK_INT(facts_read(&f, "carrel-facts 1\nlook x a b c\n", 28, &line, &error), -1);
    CHECK_STR(error, "unknown file of settings");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

int main(int argc, char **argv)
{
    db.arena = &arena;
    const char *path = arena_printf(&arena, "%s/settings", argc > 1 ? argv[1] : ".");
    if (file_read(path, 1 << 20, &db) < 0 || !mkdtemp(top)) {
        perror(path);
        return 1;
    }
    RUN(finds_each_type_of_value);
    RUN(finds_nothing_else);
    RUN(stands_damaged_files);
    RUN(takes_the_listed_keys_only);
    RUN(takes_no_path_and_no_address);
    RUN(takes_kinds_of_files);
    RUN(takes_no_more_than_there_is_room);
    RUN(gathers_on_demand);
    RUN(reads_a_profile);
    RUN(comes_back_from_text);
    nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return t_done();
}
