/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalog/catalog.h"

#include "catalog/id.h"
#include "t.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena arena;
static char top[] = "/tmp/carrel-catalog.XXXXXX";
static struct facts facts;
static struct catalog catalog;

/* ---- a small world below top ---- */

static const char *at(const char *name)
{
    return arena_printf(&arena, "%s/%s", top, name);
}

static void make(const char *name, mode_t mode, const char *text)
{
    char *path = arena_strdup(&arena, at(name));
    for (char *p = path + strlen(top) + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            mkdir(path, 0755);
            *p = '/';
        }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    CHECK(fchmod(fd, mode) == 0);
    close(fd);
}

static void name_link(const char *name, const char *target)
{
    make(arena_printf(&arena, "%s.dir", name), 0644, "");
    CHECK(symlink(target, at(name)) == 0);
}

static void make_world(void)
{
    CHECK(mkdtemp(top) != NULL);
    make("share/policies/base.policy", 0644, "[Context]\nsockets=wayland;\n");
    make("share/policies/org.mozilla.firefox.policy", 0644,
         "[Application]\nname=org.mozilla.firefox\ncommand=firefox-esr\n"
         "[Context]\nshared=network;\n");
    make("share/policies/no-id.policy", 0644, "");
    name_link("share/policies/names/firefox", "../org.mozilla.firefox.policy");
    name_link("share/policies/names/firefox-esr", "../org.mozilla.firefox.policy");
    name_link("share/policies/names/bad", "../../../../etc/passwd");
    make("home/.config/carrel/policies/org.debian.vi.policy", 0644, "[Context]\nshared=ipc;\n");
    make("home/.config/carrel/policies/org.mozilla.firefox.policy", 0644,
         "[Context]\nshared=!network;\n");
    make("home/.config/carrel/policies/global.policy", 0644, "[Context]\ndevices=dri;\n");
    make("usr/bin/firefox-esr", 0755, "#!");
    make("usr/bin/vi", 0755, "#!");
    make("usr/bin/data", 0644, "#!");
    CHECK(symlink("firefox-esr", at("usr/bin/x-www-browser")) == 0);
    make("usr/share/applications/org.example.Vi.desktop", 0644,
         "[Desktop Entry]\nExec=env A=b vi -R %f\n");
    make("usr/share/applications/firefox-esr.desktop", 0644,
         "[Desktop Entry]\nExec=firefox-esr %u\n");
    make("usr/share/applications/loop.desktop", 0644, "[Desktop Entry]\nExec=loop.desktop\n");
    make("usr/share/applications/bad.app.desktop", 0644, "[Desktop Entry]\nExec=vi \"\n");
    make("home/bin/firefox", 0755, "#!");
    make("home/bin/my tool", 0755, "#!");
    facts = (struct facts){.arena = &arena, .home = at("home")};
    catalog_init(&catalog, &arena, &facts, at("share"));
    catalog.layers[LAYER_SYSTEM] = at("etc");
    catalog.sysroot = top;
}

/* "ID program args policy"; or "error CODE: message (hint)". */
static const char *find(const char *name)
{
    struct diags d = {.arena = &arena};
    struct app app;
    struct buf out = {.arena = &arena};
    int r = catalog_find(&catalog, &facts, name, &app, &d);
    if (r < 0)
        return arena_printf(&arena, "error %d: %s (%s)", -r, d.n ? d.v[0].message : "none",
                            d.n && d.v[0].hint ? d.v[0].hint : "");
    CHECK_INT(d.n, 0);
    buf_printf(&out, "%s %s", app.id, app.program ? app.program : "-");
    for (const char *const *a = app.args; a && *a; a++)
        buf_printf(&out, " %s", *a);
    buf_printf(&out, "%s%s", app.has_policy ? " policy" : "", app.own_program ? " own" : "");
    return out.data;
}

static void finds_what_people_type(void)
{
    CHECK_STR(find("firefox"), "org.mozilla.firefox - policy");
    CHECK_STR(find("firefox-esr"), "org.mozilla.firefox - policy");
    CHECK_STR(find("org.mozilla.firefox"), "org.mozilla.firefox - policy");
    CHECK_STR(find("firefox-esr.desktop"), "org.mozilla.firefox /usr/bin/firefox-esr policy");
    CHECK_STR(find("x-www-browser"), "org.mozilla.firefox /usr/bin/x-www-browser policy");
    CHECK_STR(find("vi"), "org.debian.vi /usr/bin/vi policy");
    CHECK_STR(find("org.example.Vi"), "org.debian.vi /usr/bin/env A=b vi -R policy");
    CHECK_STR(find("org.example.Vi.desktop"), "org.debian.vi /usr/bin/env A=b vi -R policy");
    CHECK_STR(find(at("usr/share/applications/org.example.Vi.desktop")),
              "org.debian.vi /usr/bin/env A=b vi -R policy");
}

static void a_name_says_nothing_about_a_program_of_ones_own(void)
{
    const char *path = at("home/bin/firefox"), *id = id_of_path(&arena, path);
    CHECK_STR(find(path), arena_printf(&arena, "%s %s own", id, path));
    CHECK(str_after(id, "local.tmp.carrel_2Dcatalog_2E") != NULL);
    CHECK(chdir(at("home")) == 0);
    CHECK_STR(find("./bin/firefox"), arena_printf(&arena, "%s %s own", id, path));
    CHECK_STR(find("bin/../bin/firefox"), arena_printf(&arena, "%s %s own", id, path));
    CHECK(chdir("/") == 0);
}

/* A download can bear any name: it must not start its program with another's policy and home. */
static void a_desktop_file_from_anywhere_lends_no_policy(void)
{
    const char *program = at("home/bin/firefox"), *id = id_of_path(&arena, program);
    const char *text = arena_printf(&arena, "[Desktop Entry]\nExec=%s\n", program);
    const char *file = "home/org.mozilla.firefox.desktop";
    make(file, 0644, text);
    CHECK_STR(find(at(file)), arena_printf(&arena, "%s %s own", id, program));
    make("home/.local/share/applications/org.mozilla.firefox.desktop", 0644, text);
    CHECK_STR(find(at("home/.local/share/applications/org.mozilla.firefox.desktop")),
              arena_printf(&arena, "org.mozilla.firefox %s policy own", program));
    make("home/env.desktop", 0644, "[Desktop Entry]\nExec=env LD_PRELOAD=/x.so firefox-esr\n");
    CHECK(str_after(find(at("home/env.desktop")),
                    "error 22: only an installed .desktop file may set variables") != NULL);
}

/* All that a shell starts would else share the shell's home and policy. */
static void a_desktop_file_is_the_app_that_a_shell_starts(void)
{
    static const char text[] = "[Desktop Entry]\nExec=sh -c \"exit 3\"\n";
    make("usr/bin/sh", 0755, "#!");
    make("usr/share/applications/mailer.desktop", 0644, text);
    make("usr/share/applications/org.example.Two.desktop", 0644, text);
    make("usr/share/applications/firefox.desktop", 0644, text);
    make("usr/share/applications/shell.desktop", 0644, "[Desktop Entry]\nExec=sh\n");
    make("usr/share/applications/py.desktop", 0644,
         "[Desktop Entry]\nExec=env A=b sh /usr/share/py\n");
    CHECK_STR(find("sh"), "org.debian.sh /usr/bin/sh");
    CHECK_STR(find("shell.desktop"), "org.debian.sh /usr/bin/sh");
    CHECK_STR(find("mailer.desktop"), "org.debian.mailer /usr/bin/sh -c exit 3");
    CHECK_STR(find("org.example.Two"), "org.example.Two /usr/bin/sh -c exit 3");
    CHECK_STR(find("firefox.desktop"), "org.mozilla.firefox /usr/bin/sh -c exit 3 policy");
    CHECK_STR(find("py.desktop"), "org.debian.py /usr/bin/env A=b sh /usr/share/py");
    make("home/org.mozilla.firefox.desktop", 0644, text);
    const char *path = at("home/org.mozilla.firefox.desktop");
    CHECK_STR(find(path),
              arena_printf(&arena, "%s /usr/bin/sh -c exit 3", id_of_path(&arena, path)));
}

/* What `carrel ps` and `carrel list` show can be typed again. */
static void finds_the_id_that_a_program_has_without_a_policy(void)
{
    make("usr/bin/g++", 0755, "#!");
    const char *path = at("home/bin/firefox"), *id = id_of_path(&arena, path);
    CHECK_STR(find(id), arena_printf(&arena, "%s %s own", id, path));
    CHECK_STR(find("org.debian.g_2B_2B"), "org.debian.g_2B_2B /usr/bin/g++");
    CHECK_STR(find("org.debian.sh"), "org.debian.sh /usr/bin/sh");
    CHECK_STR(find("org.debian.mailer"), "org.debian.mailer /usr/bin/sh -c exit 3");
    /* firefox has a policy, which is another app */
    CHECK(str_after(find("org.debian.firefox"), "error 2: no program and no policy") != NULL);
    CHECK(str_after(find("org.debian.nothing"), "error 2: no program and no policy") != NULL);
    CHECK(str_after(find("local.nowhere.x"), "error 2: no program and no policy") != NULL);
    struct app app;
    CHECK(catalog_source(&catalog, &facts, "org.debian.vi", &app) == 0);
    CHECK_STR(app.program, "/usr/bin/vi");
}

static void an_id_tells_what_it_was_made_of(void)
{
    static const char *const names[] = {"vi", "g++", "7z", "a_b", "x-y", "a.b", "\xc3\xa4"};
    static const char *const none[] = {"org.example.X", "org.debian._zz", "org.debian._7A",
                                       "org.debian._",  "local.a__b._00", "localx.y",
                                       "org.debian.a.b"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        CHECK_STR(id_source(&arena, id_of_system_program(&arena, names[i])), names[i]);
    CHECK_STR(id_source(&arena, id_of_path(&arena, "/home/me/x.y/a b")), "/home/me/x.y/a b");
    for (size_t i = 0; i < ARRAY_SIZE(none); i++)
        CHECK(id_source(&arena, none[i]) == NULL);
}

static void faults_are_told(void)
{
    CHECK_STR(find("firfox"), "error 2: no program and no policy is called \"firfox\" "
                              "(did you mean \"firefox\"?)");
    CHECK_STR(find("bad"), "error 2: no program and no policy is called \"bad\" (install the "
                           "program, or give its path; `carrel list` shows the policies)");
    CHECK_STR(find("loop.desktop"), "error 2: no program \"loop.desktop\" (install it, or name "
                                    "another program)");
    CHECK_STR(find("org.debian.vi.desktop"), "org.debian.vi - policy");
    CHECK(str_after(find("vi.desktop"), "error 2: no program and no policy is called") != NULL);
    CHECK_STR(find("bad.app"), "error 22: a quotation mark is not closed (name the program "
                               "itself)");
    CHECK_STR(find("/nowhere/x"), "error 2: cannot find \"/nowhere/x\": No such file or directory "
                                  "(check the path)");
    CHECK_STR(find("/tmp/"), "error 2: cannot find \"/tmp/\": No such file or directory (check "
                             "the path)");
    CHECK_STR(find("/usr"), "error 13: \"/usr\" is no program ()");
    CHECK_STR(find(at("share/policies/base.policy")),
              arena_printf(&arena,
                           "error 13: \"%s\" is no program (if it is one, make it executable: "
                           "chmod +x)",
                           at("share/policies/base.policy")));
    static const char *const odd[] = {"",   ".",    "..",       "a b",     "\n",
                                      "-x", "\xff", ".desktop", "x\x1b[m", "data"};
    for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
        CHECK(str_after(find(odd[i]), "error 2: no program and no policy is called") != NULL);
}

static const char *load(const char *id)
{
    struct diags d = {.arena = &arena};
    struct policy p = {.arena = &arena, .app_id = "", .command = ""};
    struct app app = {.id = id};
    const struct perm *net;
    if (catalog_load(&catalog, &app, &p, &d) < 0)
        return d.n ? d.v[0].message : "none";
    net = policy_perm(&p, PERM_SHARED, "network");
    return arena_printf(&arena, "%s %s %s %zu", p.command, net && net->granted ? "net" : "-",
                        policy_perm(&p, PERM_SOCKETS, "wayland") ? "wayland" : "-", p.n_files);
}

static void layers_are_merged_weakest_first(void)
{
    CHECK_STR(load("org.mozilla.firefox"), "firefox-esr - wayland 4");
    CHECK_STR(load("org.debian.nothing"), " - wayland 2");
    make("home/.config/carrel/policies/org.broken.x.policy", 0644, "[Context\n");
    CHECK_STR(load("org.broken.x"), "the group has no ']'");
    CHECK(rename(at("share/policies/base.policy"), at("share/policies/gone")) == 0);
    CHECK_STR(load("org.mozilla.firefox"), "the strict default is missing");
    CHECK(rename(at("share/policies/gone"), at("share/policies/base.policy")) == 0);
}

static void a_policy_that_cannot_be_reached_is_no_missing_one(void)
{
    const char *file = at("home/.config/carrel/policies/org.broken.y.policy");
    const char *folder = at("home/.config/carrel"), *away = at("home/.config/away");
    CHECK_STR(load("org.broken.y"), " - wayland 2");
    CHECK(symlink("nowhere", file) == 0);
    CHECK_STR(load("org.broken.y"), "cannot read the policy: No such file or directory");
    CHECK(unlink(file) == 0);
    CHECK(rename(folder, away) == 0);
    CHECK_STR(load("org.broken.y"), " - wayland 1");
    CHECK(symlink("nowhere", folder) == 0);
    CHECK_STR(load("org.broken.y"), "cannot read the policy: No such file or directory");
    CHECK(unlink(folder) == 0);
    make("home/.config/carrel", 0644, "");
    CHECK_STR(load("org.broken.y"), "cannot read the policy: Not a directory");
    CHECK(unlink(folder) == 0 && rename(away, folder) == 0);
}

static void lists_each_app_once(void)
{
    struct diags d = {.arena = &arena};
    struct app *apps;
    size_t n;
    CHECK_INT(catalog_list(&catalog, &apps, &n, &d), 0);
    CHECK_INT(n, 3);
    CHECK_STR(n > 2 ? apps[1].id : "", "org.debian.vi");
    CHECK_STR(catalog_layers_of(&catalog, "org.mozilla.firefox"), "shipped,user");
    CHECK_STR(catalog_layers_of(&catalog, "org.no.such"), "");
}

static void ids_are_valid_and_never_shared(void)
{
    static const char *const paths[] = {
        "/a/b",   "/a.b",   "/a_b",   "/a__b",  "/a/_b", "/a_/b",     "/a-b",      "/a_2Db",
        "/a-b/c", "/a/b-c", "/1/2",   "/_1/_2", "/-/-",  "/\xc3\xa4", "/A/b",      "/a/B",
        "/a b",   "/a/b.c", "/a.b/c", "/x_2E",  "/x.",   "/x__2E",    "/local/a/b"};
    const char *ids[ARRAY_SIZE(paths)];
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        ids[i] = id_of_path(&arena, paths[i]);
        CHECK(ids[i] && !app_id_error(ids[i]));
        for (size_t k = 0; k < i && ids[i]; k++)
            CHECK(!str_eq(ids[i], ids[k]));
    }
    CHECK_STR(id_of_path(&arena, "/home/me/bin/my-prog.sh"), "local.home.me.bin.my-prog_2Esh");
    CHECK_STR(id_of_system_program(&arena, "x-terminal-emulator"),
              "org.debian.x-terminal-emulator");
    CHECK_STR(id_of_system_program(&arena, "7z"), "org.debian._37z");
    CHECK_STR(id_of_system_program(&arena, "g++"), "org.debian.g_2B_2B");
    char longest[400];
    memset(longest, 'x', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    CHECK(id_of_path(&arena, longest) == NULL);
}

int main(void)
{
    make_world();
    RUN(finds_what_people_type);
    RUN(a_name_says_nothing_about_a_program_of_ones_own);
    RUN(a_desktop_file_from_anywhere_lends_no_policy);
    RUN(a_desktop_file_is_the_app_that_a_shell_starts);
    RUN(finds_the_id_that_a_program_has_without_a_policy);
    RUN(an_id_tells_what_it_was_made_of);
    RUN(faults_are_told);
    RUN(layers_are_merged_weakest_first);
    RUN(a_policy_that_cannot_be_reached_is_no_missing_one);
    RUN(lists_each_app_once);
    RUN(ids_are_valid_and_never_shared);
    const char *const rm[] = {"/bin/rm", "-rf", top, NULL};
    if (vfork() == 0) {
        execv(rm[0], (char *const *)(uintptr_t)rm);
        _exit(1);
    }
    arena_release(&arena);
    return t_done();
}
