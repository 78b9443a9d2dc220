/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "facts/facts.h"
#include "t.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct arena arena;
static char top[] = "/tmp/carrel-facts-XXXXXX";

static const char *in(const char *name)
{
    return arena_printf(&arena, "%s/%s", top, name);
}

static void write_file(const char *name, const char *text, size_t n)
{
    int fd = open(in(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, text, n) == (ssize_t)n);
    close(fd);
}

/* What facts_look finds out about a path. */
static const struct path_fact *look(struct facts *f, const char *path)
{
    facts_path(f, path);
    facts_look(f);
    CHECK_INT(f->n_wanted, 0);
    return facts_path(f, path);
}

/* ---- parsers ---- */

static void cleans_paths(void)
{
    static const char *const cases[][2] = {
        {"/", "/"},
        {"//", "/"},
        {"/a//b/./c/", "/a/b/c"},
        {"/..a/b..", "/..a/b.."},
        {"/a/../b", NULL},
        {"/..", NULL},
        {"a", NULL},
        {"", NULL},
        {"/.", "/"},
        {"/a\nb", "/a\nb"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        CHECK_STR(path_clean(&arena, cases[i][0]), cases[i][1]);
    char *longest = arena_alloc(&arena, PATH_MAX + 2);
    memset(longest, 'a', PATH_MAX + 1);
    longest[0] = '/';
    CHECK_STR(path_clean(&arena, longest), NULL);
    longest[PATH_MAX - 1] = '\0';
    CHECK_STR(path_clean(&arena, longest), longest);
}

static void parses_displays(void)
{
    static const struct {
        const char *text;
        bool ok, local;
        unsigned number;
        const char *rest;
    } cases[] = {
        {":0", true, true, 0, ""},
        {":12.3", true, true, 12, ".3"},
        {"unix:7", true, true, 7, ""},
        {"desk/unix:7.0", true, true, 7, ".0"},
        {"localhost:10.0", true, false, 10, ".0"},
        {"[::1]:1", true, false, 1, ""},
        {"", false, false, 0, ""},
        {":", false, false, 0, ""},
        {":x", false, false, 0, ""},
        {":1x", false, false, 0, ""},
        {":-1", false, false, 0, ""},
        {":1.a", false, false, 0, ""},
        {":1234567", false, false, 0, ""},
        {"/tmp/launch-x/org.xquartz:0", false, false, 0, ""},
        {"0", false, false, 0, ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct x_display x = {.rest = ""};
        bool ok = display_parse(cases[i].text, &x);
        if (ok != cases[i].ok)
            printf("# %s\n", cases[i].text);
        CHECK_INT(ok, cases[i].ok);
        if (!ok)
            continue;
        CHECK_INT(x.local, cases[i].local);
        CHECK_INT(x.number, cases[i].number);
        CHECK_STR(x.rest, cases[i].rest);
    }
}

/* family, then four counted strings, given as "LEN:BYTES" by their C strings (no NUL inside). */
static void put_entry(struct buf *b, unsigned family, const char *address, const char *number,
                      const char *name, const char *data)
{
    const char *parts[] = {address, number, name, data};
    buf_char(b, (char)(family >> 8));
    buf_char(b, (char)(family & 0xff));
    for (size_t i = 0; i < 4; i++) {
        buf_char(b, (char)(strlen(parts[i]) >> 8));
        buf_char(b, (char)(strlen(parts[i]) & 0xff));
        buf_str(b, parts[i]);
    }
}

static void reads_user_dirs(void)
{
    static const char text[] = "# XDG_MUSIC_DIR=\"$HOME/no\"\n"
                               "XDG_DESKTOP_DIR=\"$HOME/\"\n"
                               "XDG_DOCUMENTS_DIR=\"$HOME/My \\\"Papers\\\"\"\r\n"
                               "  XDG_DOWNLOAD_DIR=\"/data//dl/\"\n"
                               "XDG_PICTURES_DIR=\"$HOME/../other\"\n"
                               "XDG_MUSIC_DIR=$HOME/unquoted\n"
                               "XDG_VIDEOS_DIR=\"relative\"\n"
                               "XDG_TEMPLATES_DIR=\"/\"\n"
                               "XDG_PUBLICSHARE_DIR=\"$HOME/open";
    const char *dirs[8] = {"/home/anna/Desktop", NULL, NULL, "/m"};
    user_dirs_parse(&arena, "/home/anna", text, sizeof text - 1, dirs);
    CHECK_STR(dirs[0], NULL);
    CHECK_STR(dirs[1], "/home/anna/My \"Papers\"");
    CHECK_STR(dirs[2], "/data/dl");
    CHECK_STR(dirs[3], "/m");
    for (int i = 4; i < 8; i++)
        CHECK_STR(dirs[i], NULL);
}

/* ---- looking ---- */

static void looks_at_each_type(void)
{
    struct facts f = {.arena = &arena};
    mkdir(in("d"), 0750);
    write_file("f", "x", 1);
    CHECK_INT(mkfifo(in("p"), 0600), 0);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", in("s"));
    CHECK_INT(bind(s, (struct sockaddr *)&address, sizeof address), 0);
    close(s);
    CHECK_INT(look(&f, in("d"))->type, FILE_DIR);
    CHECK_INT(look(&f, in("d"))->mode, 0750);
    CHECK_INT(look(&f, in("d"))->uid, getuid());
    CHECK_INT(look(&f, in("f"))->type, FILE_REGULAR);
    CHECK_INT(look(&f, in("p"))->type, FILE_FIFO);
    CHECK_INT(look(&f, in("s"))->type, FILE_SOCKET);
    CHECK_INT(look(&f, "/dev/null")->type, FILE_CHAR);
    CHECK_INT(look(&f, "/")->type, FILE_DIR);
    CHECK_INT(look(&f, in("gone/deeper"))->type, FILE_ABSENT);
    CHECK_STR(look(&f, in("gone/deeper"))->real, in("gone/deeper"));
    CHECK_INT(look(&f, in("f/x"))->type, FILE_ABSENT);
    struct stat st;
    CHECK_INT(stat(in("f"), &st), 0);
    CHECK_INT(look(&f, in("f"))->dev, st.st_dev);
    CHECK_INT(look(&f, in("f"))->ino, st.st_ino);
}

static void follows_links_hop_by_hop(void)
{
    struct facts f = {.arena = &arena};
    mkdir(in("real"), 0755);
    mkdir(in("real/sub"), 0755);
    write_file("real/sub/x", "x", 1);
    CHECK_INT(symlink("real", in("l1")), 0);
    CHECK_INT(symlink("../l1/sub/x", in("real/l2")), 0);
    CHECK_INT(symlink("nowhere/deep", in("dangling")), 0);
    const struct path_fact *p = look(&f, in("l1/l2"));
    CHECK_INT(p->type, FILE_REGULAR);
    CHECK_STR(p->real, in("real/sub/x"));
    CHECK_INT(p->n_hops, 3);
    CHECK_STR(p->n_hops == 3 ? p->hops[0].path : NULL, in("l1"));
    CHECK_STR(p->n_hops == 3 ? p->hops[0].target : NULL, "real");
    CHECK_STR(p->n_hops == 3 ? p->hops[1].path : NULL, in("real/l2"));
    CHECK_STR(p->n_hops == 3 ? p->hops[2].path : NULL, in("l1"));
    p = look(&f, in("dangling"));
    CHECK_INT(p->type, FILE_ABSENT);
    CHECK_STR(p->real, in("nowhere/deep"));
    CHECK_INT(p->n_hops, 1);
    CHECK_STR(look(&f, in("dangling/more"))->real, in("nowhere/deep/more"));
    /* What the kernel finds at the end is what we say. */
    char *real = realpath(in("l1/l2"), NULL);
    CHECK_STR(look(&f, in("l1/l2"))->real, real);
    free(real);
}

static void ends_on_loops(void)
{
    struct facts f = {.arena = &arena};
    CHECK_INT(symlink("loop-b/x", in("loop-a")), 0);
    CHECK_INT(symlink("loop-a/../loop-a/../loop-a", in("loop-b")), 0);
    CHECK_INT(symlink("self", in("self")), 0);
    CHECK_INT(look(&f, in("self"))->type, FILE_ERROR);
    CHECK_INT(look(&f, in("self"))->error, ELOOP);
    CHECK_INT(look(&f, in("loop-a/y"))->error, ELOOP);
    CHECK_INT(look(&f, in("loop-b"))->error, ELOOP);
    /* As many as the kernel follows, and one more. */
    for (int i = 0; i < 41; i++)
        CHECK_INT(symlink(i ? arena_printf(&arena, "c%d", i - 1) : "f",
                          in(arena_printf(&arena, "c%d", i))),
                  0);
    struct stat st;
    CHECK_INT(stat(in("c39"), &st), 0);
    CHECK_INT(look(&f, in("c39"))->type, FILE_REGULAR);
    CHECK(stat(in("c40"), &st) < 0 && errno == ELOOP);
    CHECK_INT(look(&f, in("c40"))->error, ELOOP);
}

static void says_why_it_could_not_look(void)
{
    struct facts f = {.arena = &arena};
    char *longest = arena_alloc(&arena, PATH_MAX + 10);
    memset(longest, 'a', PATH_MAX + 5);
    for (int i = 0; i < PATH_MAX + 5; i += 200)
        longest[i] = '/';
    CHECK_INT(look(&f, longest)->error, ENAMETOOLONG);
    mkdir(in("closed"), 0700);
    mkdir(in("closed/in"), 0700);
    chmod(in("closed"), 0);
    const struct path_fact *p = look(&f, in("closed/in"));
    if (geteuid() == 0)
        CHECK_INT(p->type, FILE_DIR);
    else
        CHECK_INT(p->error, EACCES);
    chmod(in("closed"), 0700);
}

static void lists_sorted(void)
{
    struct facts f = {.arena = &arena};
    mkdir(in("list"), 0755);
    for (const char *const *n = (const char *const[]){"b", "a c", "Z", ".hidden", NULL}; *n; n++)
        write_file(arena_printf(&arena, "list/%s", *n), "", 0);
    CHECK_INT(facts_list(&f, in("list"))->n, 0);
    CHECK_INT(f.n_wanted, 1);
    facts_look(&f);
    const struct list_fact *l = facts_list(&f, in("list"));
    CHECK_INT(l->n, 4);
    CHECK_STR(l->n == 4 ? l->names[0] : NULL, ".hidden");
    CHECK_STR(l->n == 4 ? l->names[1] : NULL, "Z");
    CHECK_STR(l->n == 4 ? l->names[3] : NULL, "b");
    facts_list(&f, in("f"));
    facts_look(&f);
    CHECK_INT(facts_list(&f, in("f"))->n, 0);
    CHECK_INT(f.n_wanted, 0);
}

static void asks_for_access_on_demand(void)
{
    struct facts f = {.arena = &arena};
    chmod(in("f"), 0400);
    CHECK(!look(&f, in("f"))->access_known);
    facts_access(&f, in("f"));
    CHECK_INT(f.n_wanted, 1);
    facts_look(&f);
    const struct path_fact *p = facts_access(&f, in("f"));
    CHECK(p->access_known && p->accessible_r);
    CHECK_INT(p->accessible_w, access(in("f"), W_OK) == 0);
    CHECK_INT(f.n_wanted, 0);
}

/* ---- gathering ---- */

static void gather(struct facts *f, const char *const *env)
{
    char *v[32] = {0};
    for (int i = 0; env[i] && i < 31; i++)
        v[i] = arena_strdup(&arena, env[i]);
    *f = (struct facts){.arena = &arena};
    facts_gather(f, v);
}

static void gathers_a_person(void)
{
    struct facts f;
    struct buf x = {.arena = &arena};
    mkdir(in("run"), 0700);
    mkdir(in(".config"), 0700);
    put_entry(&x, 65535, "", "5", "MIT-MAGIC-COOKIE-1", "0123456789abcdef");
    write_file(".Xauthority", x.data, x.len);
    write_file(".config/user-dirs.dirs", "XDG_MUSIC_DIR=\"$HOME/M\"\n", 24);
    const char *home = arena_printf(&arena, "HOME=%s//./", top);
    const char *run = arena_printf(&arena, "XDG_RUNTIME_DIR=%s", in("run"));
    gather(&f,
           (const char *const[]){home, run, "DISPLAY=:5", "LANG=C", "EMPTY=", "=x", "odd", NULL});
    CHECK_STR(f.home, top);
    CHECK_STR(f.runtime_dir, in("run"));
    CHECK_STR(f.user_dirs[0], in("Desktop"));
    CHECK_STR(f.user_dirs[3], in("M"));
    CHECK_INT(f.xauth.size, 16);
    CHECK_STR(facts_env(&f, "LANG"), "C");
    CHECK_STR(facts_env(&f, "EMPTY"), "");
    CHECK_STR(facts_env(&f, "odd"), NULL);
    CHECK_INT(f.uid, getuid());
    CHECK(f.user && *f.user && f.kernel && *f.kernel && f.hostname);
    gather(&f, (const char *const[]){home, "DISPLAY=:6", NULL});
    CHECK(!f.xauth.name);
}

static void distrusts_the_runtime_folder(void)
{
    struct facts f;
    const char *run = arena_printf(&arena, "XDG_RUNTIME_DIR=%s", in("run"));
    const char *link = arena_printf(&arena, "XDG_RUNTIME_DIR=%s", in("run-link"));
    gather(&f, (const char *const[]){run, NULL});
    CHECK_STR(f.runtime_dir, in("run"));
    chmod(in("run"), 0750);
    gather(&f, (const char *const[]){run, NULL});
    CHECK_STR(f.runtime_dir, NULL);
    chmod(in("run"), 0700);
    CHECK_INT(symlink("run", in("run-link")), 0);
    gather(&f, (const char *const[]){link, NULL});
    CHECK_STR(f.runtime_dir, NULL);
    gather(&f, (const char *const[]){"XDG_RUNTIME_DIR=run", NULL});
    CHECK_STR(f.runtime_dir, NULL);
    gather(&f, (const char *const[]){"XDG_RUNTIME_DIR=/run/../run", NULL});
    CHECK_STR(f.runtime_dir, NULL);
    gather(&f, (const char *const[]){"XDG_RUNTIME_DIR=/", NULL});
    CHECK_STR(f.runtime_dir, NULL);
}

static void has_a_home_without_HOME(void)
{
    struct facts f;
    gather(&f, (const char *const[]){NULL});
    CHECK(f.home && f.home[0] == '/');
    gather(&f, (const char *const[]){"HOME=relative", NULL});
    CHECK(f.home && f.home[0] == '/');
    gather(&f, (const char *const[]){"HOME=/a/../b", NULL});
    CHECK(f.home && !strstr(f.home, ".."));
}

/* ---- the text form ---- */

/* A folder alone, at the path itself; a fixture knows it as what it says, or as a path. */
static void tells_folders(void)
{
    struct facts f, again = {.arena = &arena};
    struct buf text = {.arena = &arena};
    int line;
    const char *error;
    const char *const none[] = {"gone", "f", "self", "l1", "l1/l2", "f/below", NULL};
    gather(&f, (const char *const[]){arena_printf(&arena, "HOME=%s", top), NULL});
    CHECK(!facts_folder(&f, in("list")));
    for (const char *const *n = none; *n; n++)
        facts_folder(&f, in(*n));
    facts_look(&f);
    CHECK(facts_folder(&f, in("list")));
    for (const char *const *n = none; *n; n++)
        CHECK(!facts_folder(&f, in(*n)));
    CHECK_INT(f.n_wanted, 0);
    facts_write(&f, &text);
    CHECK_INT(facts_read(&again, text.data, text.len, &line, &error), 0);
    CHECK(facts_folder(&again, in("list")) && !facts_folder(&again, in("gone")));
    again = (struct facts){.arena = &arena};
    static const char as_path[] = "carrel-facts 1\ndir /d 1:2 0755 0\nfile /f 1:3 0644 0\n";
    CHECK_INT(facts_read(&again, as_path, sizeof as_path - 1, &line, &error), 0);
    CHECK(facts_folder(&again, "/d") && !facts_folder(&again, "/f"));
}

static void comes_back_from_text(void)
{
    struct facts f, again = {.arena = &arena};
    struct buf one = {.arena = &arena}, two = {.arena = &arena};
    int line;
    const char *error;
    gather(&f,
           (const char *const[]){arena_printf(&arena, "HOME=%s", top), "LANG=a b\n\x01#", NULL});
    facts_env(&f, "LANG");
    for (const char *const *n =
             (const char *const[]){"l1/l2", "gone", "self", "dangling", "f", NULL};
         *n; n++)
        look(&f, in(*n));
    facts_list(&f, in("list"));
    facts_look(&f);
    facts_write(&f, &one);
    CHECK_INT(facts_read(&again, one.data, one.len, &line, &error), 0);
    facts_write(&again, &two);
    CHECK_STR(two.data, one.data);
    CHECK_STR(facts_env(&again, "LANG"), "a b\n\x01#");
    CHECK(again.fixture);
    facts_path(&again, "/not/in/it");
    CHECK_INT(again.n_wanted, 0);
}

static void refuses_bad_text(void)
{
    static const struct {
        const char *text;
        int line;
        const char *error;
    } cases[] = {
        {"", 1, "the first line is not \"carrel-facts 1\""},
        {"carrel-facts 2\n", 1, "the first line is not \"carrel-facts 1\""},
        {"carrel-facts 1\nwhat 1\n", 2, "unknown word"},
        {"carrel-facts 1\n\n# c\nuid x\n", 4, "not a number"},
        {"carrel-facts 1\nuid 4294967295\n", 2, "not a number"},
        {"carrel-facts 1\nuid 1 2\n", 2, "wrong number of words"},
        {"carrel-facts 1\nhome x\n", 2, "not an absolute path"},
        {"carrel-facts 1\nhome /a\\x00b\n", 2, "a word holds a NUL byte"},
        {"carrel-facts 1\nhome /\\x\n", 2, "a badly escaped word"},
        {"carrel-facts 1\na b c d e f g h i j k l m n o p q\n", 2, "too many words"},
        {"carrel-facts 1\ndir /a 1 0755 0\n", 2, "malformed number"},
        {"carrel-facts 1\ndir /a 1:1 0799 0\n", 2, "malformed number"},
        {"carrel-facts 1\ndir /a 1:1 0755\n", 2, "wrong number of words"},
        {"carrel-facts 1\ndir /a 1:1 0755 0 = q\n", 2, "malformed access"},
        {"carrel-facts 1\ndir /a 1:1 0755 0 b\n", 2, "not an absolute path"},
        {"carrel-facts 1\nlink /a b\n", 2, "a link must follow the path that it leads to"},
        {"carrel-facts 1\nname a\n", 2, "a name must follow the list that it belongs to"},
        {"carrel-facts 1\nlist /a\nname b\nname a\n", 4, "names must be sorted"},
        {"carrel-facts 1\nlist /a\nname ..\n", 3, "not a file name"},
        {"carrel-facts 1\nuser-dir cellar /a\n", 2, "unknown folder"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct facts f = {.arena = &arena};
        int line = 0;
        const char *error = NULL;
        CHECK_INT(facts_read(&f, cases[i].text, strlen(cases[i].text), &line, &error), -1);
        CHECK_STR(error, cases[i].error);
        CHECK_INT(line, cases[i].line);
    }
}

static void knows_absent_paths_behind_links(void)
{
    static const char text[] = "carrel-facts 1\ndir /home 1:1 0755 0 /data/home\nlink /home "
                               "data/home\nerror /closed 13\n";
    struct facts f = {.arena = &arena};
    int line;
    const char *error;
    CHECK_INT(facts_read(&f, text, sizeof text - 1, &line, &error), 0);
    CHECK_STR(facts_path(&f, "/home/u/x")->real, "/data/home/u/x");
    CHECK_INT(facts_path(&f, "/home/u/x")->n_hops, 1);
    CHECK_INT(facts_path(&f, "/closed/x")->error, 13);
    CHECK_STR(facts_path(&f, "/other")->real, "/other");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

int main(void)
{
    if (!mkdtemp(top)) {
        perror(top);
        return 1;
    }
    RUN(cleans_paths);
    RUN(parses_displays);
    RUN(reads_user_dirs);
    RUN(looks_at_each_type);
    RUN(follows_links_hop_by_hop);
    RUN(ends_on_loops);
    RUN(says_why_it_could_not_look);
    RUN(lists_sorted);
    RUN(asks_for_access_on_demand);
    RUN(gathers_a_person);
    RUN(distrusts_the_runtime_folder);
    RUN(has_a_home_without_HOME);
    RUN(tells_folders);
    RUN(comes_back_from_text);
    RUN(refuses_bad_text);
    RUN(knows_absent_paths_behind_links);
    nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return t_done();
}
