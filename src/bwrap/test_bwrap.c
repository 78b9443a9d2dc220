/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a command line to the plan, and what the core's check makes of loosened plans. */
#include "bwrap/bwrap.h"
#include "core/compat.h"
#include "t.h"

#include <errno.h>
#include <stdlib.h>

static struct arena arena;
static struct host host;
static char *argv[32];

static bool exists(const char *path)
{
    return !strstr(path, "selinux");
}

static const char *text(struct arena *a, const char *path)
{
    (void)a;
    return strstr(path, "passwd")   ? "root:x:0:0\nme:x:7:7::/h:/bin/sh\n"
           : strstr(path, "subuid") ? "# none\nyou:1:2\nme:100000:5\n7:300000:65536\n"
           : strstr(path, "subgid") ? "me:200000:9"
                                    : "";
}

static int no_data(struct arena *a, int fd, char **data, size_t *n)
{
    (void)a;
    (void)fd;
    (void)data;
    (void)n;
    return -EBADF;
}

static const char *identity(struct arena *a, int fd)
{
    (void)a;
    errno = EBADF;
    return fd == 3 ? "1:2" : NULL;
}

static const char *cwd(const struct wishes *w)
{
    (void)w;
    return "/c";
}

static const char *terminal(struct arena *a)
{
    (void)a;
    return NULL;
}

static bool is_terminal(int fd)
{
    return fd != 1;
}

static int free_fd(void)
{
    return 99;
}

static void warn(const struct wishes *w, const char *text)
{
    (void)w;
    (void)text;
}

/* The plan of a line, which blanks part; or the error. */
static const char *plan_of(unsigned uid, const char *words)
{
    char home[] = "HOME=/h", *const env[] = {home, NULL};
    host = (struct host){exists,  text, no_data, identity, cwd, terminal, is_terminal,
                         free_fd, uid,  uid,     0x21,     022, warn};
    struct wishes w = {.arena = &arena, .host = &host};
    struct buf text = {.arena = &arena};
    size_t n = 0;
    char *copy = arena_strdup(&arena, words);
    for (char *c = strtok_r(copy, " ", &copy); c; c = strtok_r(NULL, " ", &copy))
        argv[n++] = c;
    argv[n] = NULL;
    if (bwrap_parse(&w, argv, env) < 0 || bwrap_plan(&w) < 0)
        return w.error;
    plan_write(&w.plan, &text);
    return text.data;
}

static bool holds(const char *text, const char *part)
{
    bool r = strstr(text, part) != NULL;
    if (!r)
        printf("# \"%s\" is not in: %s\n", part, text);
    return r;
}

static void a_user_s_whole_plan(void)
{
    CHECK_STR(plan_of(7, "--ro-bind / / --unshare-pid prog a"),
              "carrel-plan 1\n"
              "loosen one-level,all-fds,links,outlive # bubblewrap's ways\n"
              "uid 7\n"
              "gid 7\n"
              "unshare mount user pid\n"
              "nested-userns allow\n"
              "bind / / ro\n"
              "umask 22\n"
              "caps 0\n"
              "enter /c try # the caller's\n"
              "enter /h try # HOME\n"
              "enter / must\n"
              "env HOME=/h\n"
              "env PWD=/\n"
              "exec prog\n"
              "arg a\n");
}

static void loosens_only_what_is_asked_for(void)
{
    CHECK(holds(plan_of(7, "--unshare-pid --dev /dev x"), "\nloosen all-fds,links,outlive #"));
    CHECK(holds(plan_of(7, "--unshare-user --disable-userns x"),
                "\nloosen host-pids,all-fds,links,outlive #"));
    CHECK(holds(plan_of(7, "--unshare-user --disable-userns x"), "\nnested-userns deny\n"));
    CHECK(
        holds(plan_of(7, "--unshare-pid --end-together x"), "\nloosen one-level,all-fds,links #"));
    CHECK(holds(plan_of(7, "--unshare-pid --as-pid-1 x"), ",no-reaper #"));
    CHECK(holds(plan_of(0, "x"), "\nloosen host-user,host-pids,one-level,host-caps,all-fds,"));
    CHECK(holds(plan_of(0, "x"), "\ncaps 21\n"));
    CHECK(holds(plan_of(0, "--cap-drop CAP_CHOWN x"), "\ncaps 20\n"));
    CHECK(!strstr(plan_of(0, "--cap-drop ALL x"), "host-caps"));
    CHECK(holds(plan_of(7, "--cap-add CAP_KILL x"), "\ncaps 20\n"));
}

static void operations_become_steps(void)
{
    CHECK(holds(plan_of(7, "x"), "\ntmpfs / 755 - # the root\n"));
    CHECK(holds(plan_of(7, "--bind-try / / x"), "\ntmpfs / 755 - # the root\n"));
    CHECK(
        holds(plan_of(7, "--perms 0700 --size 5 --tmpfs a//./b/../c/ x"), "\ntmpfs /a/c 700 5\n"));
    CHECK(holds(plan_of(7, "--perms 4755 --dir / x"), "\ndir / 4755\n"));
    CHECK(holds(plan_of(7, "--file 3 /f --ro-bind-data 4 /g x"),
                "\ncopy-fd /f 666 3\nbind-copy /g 600 4 ro\n"));
    CHECK(holds(plan_of(7, "--bind-fd 3 /d x"), "\nbind /proc/self/fd/3 /d rw 1:2\n"));
    CHECK(holds(plan_of(7, "--ro-bind-try /missing /d x"), "\nbind /missing /d ro,optional\n"));
    CHECK(holds(plan_of(7, "--bind ../a//b /e x"), "\nbind ../a//b /e rw\n"));
    CHECK(holds(plan_of(7, "--overlay-src /a --overlay-src /b --overlay /u /w /d x"),
                "\nlayer /b\nlayer /a\n"));
    CHECK(holds(plan_of(7, "--overlay-src /a --overlay-src /b --overlay /u /w /d x"),
                "\noverlay /d 2 rw /u /w\n"));
    CHECK(holds(plan_of(7, "--proc /p x"), "\nproc /p host\n"));
    CHECK(holds(plan_of(7, "--unshare-pid --proc /p x"), "\nproc /p bare\n"));
    CHECK(holds(plan_of(7, "--limit nofile 9 x"), "\nrlimit nofile 9 9 #"));
    CHECK(holds(plan_of(7, "--explain-errors --dir /a x"), "\ndir /a 755 # argument 2: --dir\n"));
}

static void wishes_of_ours_become_steps(void)
{
    CHECK(holds(plan_of(7, "--subids x"), "\nid-map uid 7 7 1 # --subids\n"
                                          "id-map uid 0 100000 5 # --subids\n"
                                          "id-map uid 5 300000 2 # --subids\n"
                                          "id-map uid 8 300002 65534 # --subids\n"
                                          "id-map gid 7 7 1 # --subids\n"
                                          "id-map gid 0 200000 7 # --subids\n"
                                          "id-map gid 8 200007 2 # --subids\n"));
    CHECK(
        holds(plan_of(7, "--subids --uid 0 --dev /dev x"), "\nid-map uid 1 100000 5 # --subids\n"));
    CHECK(holds(plan_of(7, "--subids --dev /dev x"), "\nloosen host-pids,one-level,"));
    CHECK(holds(plan_of(7, "--own-tty --unshare-pid --dev /d x"),
                "\nterminal 99 /d/pts/ptmx 0,2 # --own-tty\n"));
    CHECK(holds(plan_of(7, "--forward-signals x"), "\nsignals forward\n"));
    CHECK(holds(plan_of(7, "--landlock write_file signal --landlock-allow /tmp write_file x"),
                "\nlandlock write_file signal\nlandlock-allow /tmp write_file\n"));
}

static void what_cannot_be_is_refused(void)
{
    CHECK_STR(plan_of(0, "--subids x"), "--subids requires --unshare-user");
    CHECK_STR(plan_of(8, "--subids x"), "--subids: /etc/subuid has no ids for 8");
    static const char *const rows[][2] = {
        {"--bind-fd 4 /a x", "Can't find source path /proc/self/fd/4: No such file or directory"},
        {"--userns 3 --unshare-user x", "--userns is not compatible with --unshare-user"},
        {"--netns 3 --unshare-net x", "--netns is not compatible with --unshare-net"},
        {"--disable-userns x", "--disable-userns requires --unshare-user"},
        {"--perms 700 --bind / / x", "--perms must be followed by an option that creates a file"},
        {"--size 1 --dir / x", "--size must be followed by --tmpfs"},
        {"--cap-add kill x", "unknown cap: kill"},
        {"--own-tty --dev /dev x", "--own-tty requires --unshare-pid and --dev"},
        {"--subids --unshare-user --disable-userns x",
         "--subids is not compatible with --userns, --userns-block-fd or --disable-userns"},
        {"--frob x", "Unknown option --frob"},
        {"--args 5 x", "Can't read --args data: Bad file descriptor"},
        {"--exec-label l x", "labeling not supported on this system"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_STR(plan_of(7, rows[i][0]), rows[i][1]);
}

/* ---- the core's check of loosened plans ---- */

#define MIDDLE "uid 1\ngid 1\nunshare user mount pid\n"
#define END    "tmpfs / 755 -\nexec x\n"

static const char *refusal(const char *plan)
{
    static struct job j;
    static struct fault f;
    char *text = arena_strdup(&arena, plan);
    size_t n = strlen(text);
    return job_read(&j, text, n, arena_alloc(&arena, job_space(n)), &f) ? f.text : "taken";
}

static void nothing_is_loose_unsaid(void)
{
    CHECK_STR(refusal("carrel-plan 1\nloosen links\n" MIDDLE END), "taken");
    CHECK_STR(refusal("carrel-plan 1\n" MIDDLE END), "missing from the plan");
    CHECK_STR(refusal("carrel-plan 1\nuid 1\nloosen links\ngid 1\nunshare user mount pid\n" END),
              "must be the first line, and name something");
    CHECK_STR(refusal("carrel-plan 1\nloosen -\n" MIDDLE END),
              "must be the first line, and name something");
    CHECK_STR(refusal("carrel-plan 1\nloosen links\nuid 1\ngid 1\nunshare user mount\n" END),
              "user, mount and pid are required");
    CHECK_STR(refusal("carrel-plan 1\nloosen host-pids\nuid 1\ngid 1\nunshare user mount\n" END),
              "taken");
    CHECK_STR(refusal("carrel-plan 1\nloosen host-pids\n" MIDDLE END),
              "contradicts the loosen line");
    CHECK_STR(refusal("carrel-plan 1\nloosen host-user\n" MIDDLE END),
              "contradicts the loosen line");
}

static void compat_words_are_checked(void)
{
    static const char *const rows[][2] = {
        {"copy-fd /a 755 x\n", "not a descriptor's number"},
        {"copy-fd /a 8 3\n", "not an octal mode up to 7777"},
        {"dir /a 17777\n", "not an octal mode up to 7777"},
        {"overlay /a 0 ro\n", "not a number of layers"},
        {"overlay /a 1 rw\n", "only rw needs UPPER and WORK"},
        {"overlay /a 1 ro /b /c\n", "only rw needs UPPER and WORK"},
        {"dir /a 2755\n", "taken"},
        {"overlay /a 1 rw /b /c\n", "taken"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *plan = arena_printf(
            &arena, "carrel-plan 1\nloosen links\n" MIDDLE "tmpfs / 755 -\n%sexec x\n", rows[i][0]);
        CHECK_STR(refusal(plan), rows[i][1]);
    }
}

int main(void)
{
    RUN(a_user_s_whole_plan);
    RUN(loosens_only_what_is_asked_for);
    RUN(operations_become_steps);
    RUN(wishes_of_ours_become_steps);
    RUN(what_cannot_be_is_refused);
    RUN(nothing_is_loose_unsaid);
    RUN(compat_words_are_checked);
    return t_done();
}
