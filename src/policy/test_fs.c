/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/test_help.h"
#include "util/str.h"

static void check_fs(const char *word, const char *want, int line)
{
    struct trial t;
    trial_begin(&t);
    trial_file(&t, arena_printf(&t.arena, "[Context]\nfilesystems=%s\n", word));
    t_check_str(trial_told(&t), "", __FILE__, line, word);
    t_check_str(trial_written(&t), arena_printf(&t.arena, "[Context]\nfilesystems=%s;\n", want),
                __FILE__, line, word);
    trial_end(&t);
}

#define FS(word, want) check_fs((word), (want), __LINE__)

static void every_special_name(void)
{
    static const struct {
        const char *word;
        enum fs_base base;
    } names[] = {
        {"home", FS_HOME},
        {"host", FS_HOST},
        {"host-os", FS_HOST_OS},
        {"host-etc", FS_HOST_ETC},
        {"host-root", FS_HOST_ROOT},
        {"xdg-desktop", FS_XDG_DESKTOP},
        {"xdg-documents", FS_XDG_DOCUMENTS},
        {"xdg-download", FS_XDG_DOWNLOAD},
        {"xdg-music", FS_XDG_MUSIC},
        {"xdg-pictures", FS_XDG_PICTURES},
        {"xdg-public-share", FS_XDG_PUBLIC_SHARE},
        {"xdg-templates", FS_XDG_TEMPLATES},
        {"xdg-videos", FS_XDG_VIDEOS},
        {"xdg-data", FS_XDG_DATA},
        {"xdg-cache", FS_XDG_CACHE},
        {"xdg-config", FS_XDG_CONFIG},
        {"xdg-state", FS_XDG_STATE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct trial t;
        trial_begin(&t);
        FS(names[i].word, names[i].word);
        trial_file(&t, arena_printf(&t.arena, "[Context]\nfilesystems=%s:ro\n", names[i].word));
        CHECK_INT(t.p.filesystems[0].base, names[i].base);
        CHECK_INT(t.p.filesystems[0].mode, FS_RO);
        CHECK_STR(t.p.filesystems[0].sub, "");
        trial_end(&t);
    }
}

static void paths_and_modes(void)
{
    FS("/srv/x", "/srv/x");
    FS("/srv/x:rw", "/srv/x");
    FS("/srv/x:", "/srv/x");
    FS("/srv/x:ro", "/srv/x:ro");
    FS("/srv/x:create", "/srv/x:create");
    FS("!/srv/x", "!/srv/x");
    FS("~/x", "~/x");
    FS("home/x", "~/x");
    FS("~", "home");
    FS("~/", "home");
    FS("home/", "home");
    FS("xdg-run/pipewire-0:ro", "xdg-run/pipewire-0:ro");
    FS("xdg-run/app/org.x.Y:create", "xdg-run/app/org.x.Y:create");
    FS("xdg-config/kdeglobals:ro", "xdg-config/kdeglobals:ro");
    FS("xdg-download/", "xdg-download");
    FS("/srv/Ä b,c=d", "/srv/Ä b,c=d");
    FS("~/...", "~/...");
    FS("~/..x", "~/..x");
    FS("~/x..", "~/x..");
}

static void paths_are_normalised(void)
{
    FS("//srv///x//", "/srv/x");
    FS("/srv/./x/.", "/srv/x");
    FS("/./srv", "/srv");
    FS("~//x/./y/", "~/x/y");
    FS("~/.", "home");
    FS("home//x", "~/x");
    FS("xdg-data//x/.", "xdg-data/x");
}

static void escapes(void)
{
    FS("/a\\\\:b", "/a\\\\:b");
    FS("/a\\\\:b:ro", "/a\\\\:b:ro");
    FS("/a\\\\\\\\b", "/a\\\\\\\\b");
    FS("/a\\;b", "/a\\;b");
    FS("/a\\s", "/a\\s");
    struct trial t;
    trial_begin(&t);
    trial_file(&t, "[Context]\nfilesystems=/a\\\\:b\\\\\\\\c\\;d\\s:ro\n");
    CHECK_INT(t.p.n_filesystems, 1);
    CHECK_STR(t.p.filesystems[0].sub, "/a:b\\c;d ");
    CHECK_STR(t.p.filesystems[0].text, "/a:b\\c;d ");
    CHECK_STR(fs_grant_text(&t.arena, &t.p.filesystems[0]), "/a\\:b\\\\c;d :ro");
    trial_end(&t);
}

struct bad {
    const char *word, *message, *hint;
};

static void check_bad(const struct bad *b, const char *severity)
{
    struct trial t;
    trial_begin(&t);
    trial_file(&t, arena_printf(&t.arena, "[Context]\nfilesystems=~/good;%s;/good\n", b->word));
    CHECK_STR(trial_told(&t),
              arena_printf(&t.arena, "f1:2:20: %s: %s\n%s%s%s", severity, b->message,
                           b->hint ? "  hint: " : "", b->hint ? b->hint : "", b->hint ? "\n" : ""));
    CHECK_STR(trial_written(&t), "[Context]\nfilesystems=/good;~/good;\n");
    trial_end(&t);
}

static void refused_locations(void)
{
    static const char no_dots[] = "write the path without it";
    static const char locations[] =
        "write ~/DIR, /DIR, home, host, host-os, host-etc, host-root or xdg-…";
    static const char modes[] =
        "a location ends in :ro, :rw, :create or nothing; a ':' in a path is \\:";
    static const struct bad cases[] = {
        {"/", "\"/\" can not be granted or denied as a whole",
         "write host, or host-root for a look at all of it"},
        {"//./", "\"/\" can not be granted or denied as a whole",
         "write host, or host-root for a look at all of it"},
        {"..", "\"..\" holds \"..\"", no_dots},
        {"~/..", "\"~/..\" holds \"..\"", no_dots},
        {"~/../x", "\"~/../x\" holds \"..\"", no_dots},
        {"/x/..:ro", "\"/x/..\" holds \"..\"", no_dots},
        {"/x/../y", "\"/x/../y\" holds \"..\"", no_dots},
        {"x/y", "\"x/y\" is no location", locations},
        {"./x", "\"./x\" is no location", locations},
        {"$HOME/x", "\"$HOME/x\" is no location", "variables have no meaning here: write ~/…"},
        {"$XDG_DATA_HOME", "\"$XDG_DATA_HOME\" is no location",
         "variables have no meaning here: write the path, ~/… or xdg-…"},
        {"~bob/x", "\"~bob/x\" is no location",
         "only one's own home is known as ~: write ~/…, or the path"},
        {"hme/x", "\"hme/x\" is no location", "did you mean \"home/x\"?"},
        {"host/x", "\"host/x\": nothing can stand behind host", "write the path itself: /…"},
        {"host-etc/x", "\"host-etc/x\": nothing can stand behind host",
         "write the path itself: /…"},
        {"xdg-run", "\"xdg-run\": the runtime folder as a whole is not granted",
         "name one thing in it: xdg-run/pipewire-0"},
        {"xdg-run/", "\"xdg-run\": the runtime folder as a whole is not granted",
         "name one thing in it: xdg-run/pipewire-0"},
        {"~/x:rx", "\"~/x:rx\" ends in an unknown mode", modes},
        {"~/x:RO", "\"~/x:RO\" ends in an unknown mode", modes},
        {"~/x:ro:rw", "\"~/x:ro:rw\" ends in an unknown mode", modes},
        {"!xdg-downlod", "\"xdg-downlod\" is no location", "did you mean \"xdg-download\"?"},
        {"!somewhere", "\"somewhere\" is no location", locations},
        {"!", "there is no location", NULL},
        {":ro", "there is no location", NULL},
        {"host:reset", "\"host:reset\": reset goes with a denial only", "write !host:reset"},
        {"host-reset", "\"host-reset\" goes with a plain denial only", "write !host:reset"},
        {"!home:reset", "\"home:reset\": only host can be reset", "write !host:reset"},
        {"/a\\tb", "\"/a\\x09b\" holds a control character", NULL},
        {"/a\xe2\x80\xae", "\"/a\\xe2\\x80\\xae\" holds a control character", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        check_bad(&cases[i], "error");
    CHECK_FILE("[Context]\nfilesystems=!host-reset:ro\n", "",
               "f1:2:13: warning: \":ro\" has no effect in \"!host-reset:ro\"\n"
               "  hint: a denial takes no mode\n"
               "f1:2:13: error: \"host-reset:ro\" goes with a plain denial only\n"
               "  hint: write !host:reset\n");
}

static void a_lone_backslash_is_refused(void)
{
    CHECK_FILE("[Context]\nfilesystems=/a\\\\b\n", "",
               "f1:2:15: error: there is a bad escape in \"/a\\b\"\n"
               "  hint: a '\\' stands before ':' or '\\' only; in a key file each '\\' is doubled "
               "again\n");
    CHECK_FILE("[Context]\nfilesystems=/a\\\\\n", "",
               "f1:2:15: error: there is a bad escape in \"/a\\\"\n"
               "  hint: a '\\' stands before ':' or '\\' only; in a key file each '\\' is doubled "
               "again\n");
}

static void unknown_names_have_no_effect(void)
{
    static const struct bad cases[] = {
        {"xdg-downlod", "\"xdg-downlod\" is no location; it has no effect",
         "did you mean \"xdg-download\"?"},
        {"xdg-newthing/x", "\"xdg-newthing/x\" is no location; it has no effect",
         "write ~/DIR, /DIR, home, host, host-os, host-etc, host-root or xdg-…"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        check_bad(&cases[i], "warning");
}

static void warnings(void)
{
    CHECK_FILE(
        "[Context]\nfilesystems=~/*.pdf\n", "[Context]\nfilesystems=~/*.pdf;\n",
        "f1:2:13: warning: \"~/*.pdf\": patterns have no meaning, this is one file with that "
        "very name\n"
        "  hint: grant the folder that holds the files, or each file by its name\n");
    CHECK_FILE("[Context]\nfilesystems=!~/x:ro\n", "[Context]\nfilesystems=!~/x;\n",
               "f1:2:13: warning: \":ro\" has no effect in \"!~/x:ro\"\n"
               "  hint: a denial takes no mode\n");
    CHECK_FILE(
        "[Context]\nfilesystems=~/x;home/x:ro\n", "[Context]\nfilesystems=~/x:ro;\n",
        "f1:2:17: warning: \"home/x\" is given twice in different ways; the last one holds\n");
}

static void too_long_paths_are_refused(void)
{
    struct trial t;
    trial_begin(&t);
    struct buf text = {.arena = &t.arena};
    buf_str(&text, "[Context]\nfilesystems=");
    for (int i = 0; i < 2048; i++)
        buf_str(&text, "/x");
    trial_file(&t, text.data);
    CHECK_INT(t.d.errors, 1);
    CHECK_INT(t.p.n_filesystems, 0);
    trial_end(&t);
}

static void check_layers(const char *lower, const char *upper, const char *want, int line)
{
    struct trial t;
    trial_begin(&t);
    trial_file(&t, arena_printf(&t.arena, "[Context]\nfilesystems=%s\n", lower));
    trial_file(&t, arena_printf(&t.arena, "[Context]\nfilesystems=%s\n", upper));
    t_check_str(trial_told(&t), "", __FILE__, line, upper);
    t_check_str(trial_written(&t), arena_printf(&t.arena, "[Context]\nfilesystems=%s\n", want),
                __FILE__, line, upper);
    trial_end(&t);
}

#define LAYERS(lower, upper, want) check_layers((lower), (upper), (want), __LINE__)

static void layers_merge_by_meaning(void)
{
    LAYERS("~/x", "home//x/:ro", "~/x:ro;");
    LAYERS("~/x", "!~/x", "!~/x;");
    LAYERS("home", "!~", "!home;");
    LAYERS("!home", "~/", "home;");
    LAYERS("home", "!host", "home;!host;");
    LAYERS("xdg-download:ro", "xdg-download/", "xdg-download;");
    LAYERS("/b;/a", "/c", "/a;/b;/c;");
}

static void reset_forgets_lower_layers(void)
{
    LAYERS("home;~/x;/srv", "!host:reset", "!host;");
    LAYERS("home;~/x;/srv", "~/y;!host:reset;/z", "/z;~/y;!host;");
    LAYERS("home;~/x;/srv", "!host-reset", "!host;");
    LAYERS("!home", "!host:reset;host", "host;");
}

static void persistent_folders(void)
{
    CHECK_FILE("[Context]\npersistent=.mozilla;a//b/;.;./c\n",
               "[Context]\npersistent=.;.mozilla;a/b;c;\n", "");
    CHECK_FILE("[Context]\npersistent=../x;/y;~/z;ok\n", "[Context]\npersistent=ok;\n",
               "f1:2:12: error: \"../x\" holds \"..\"\n"
               "  hint: write the path without it\n"
               "f1:2:17: error: \"/y\" is not relative to the home\n"
               "  hint: write the part below the home: .mozilla\n"
               "f1:2:20: error: \"~/z\" is not relative to the home\n"
               "  hint: write the part below the home: .mozilla\n");
}

int main(void)
{
    RUN(every_special_name);
    RUN(paths_and_modes);
    RUN(paths_are_normalised);
    RUN(escapes);
    RUN(refused_locations);
    RUN(a_lone_backslash_is_refused);
    RUN(unknown_names_have_no_effect);
    RUN(warnings);
    RUN(too_long_paths_are_refused);
    RUN(layers_merge_by_meaning);
    RUN(reset_forgets_lower_layers);
    RUN(persistent_folders);
    return t_done();
}
