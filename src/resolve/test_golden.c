/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Golden tests: golden/NAME/ holds policy, facts and request, and what must come of them: plan, or
 * messages when there is something to say (with a refusal there is no plan). With UPDATE=1 in the
 * environment the expected files are written anew; then read what git says has changed.
 *
 * request is a list of lines "WORD REST", words escaped as in a plan: parts (files of golden/parts
 * that come before the case's own facts), program, arg, cwd, instance, carrel, option (of the
 * command line), server (kind and socket of an X server of the app's that runs).
 */
#include "resolve/resolve.h"
#include "t.h"
#include "util/file.h"
#include "util/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { MAX_BYTES = 1 << 20, MAX_ARGS = 16 };

static struct arena arena;
static const char *top, *name;
static bool update;

static const char *in_case(const char *file)
{
    return arena_printf(&arena, "%s/%s/%s", top, name, file);
}

static struct buf slurp(const char *path)
{
    struct buf b = {.arena = &arena};
    int r = file_read(path, MAX_BYTES, &b);
    if (r < 0 && r != -ENOENT)
        printf("# %s: %s\n", path, strerror(-r));
    return b;
}

/* ---- the inputs ---- */

struct input {
    struct buf facts;
    struct policy policy;
    struct request request;
    const char *args[MAX_ARGS + 1];
    int n_args, n_options;
    struct running_server server;
    struct viewed_display viewed;
    struct diags *d;
};

static void add_part(struct input *in, const char *part)
{
    struct buf b = slurp(arena_printf(&arena, "%s/parts/%s", top, part));
    CHECK(b.len > 0);
    buf_bytes(&in->facts, b.data, b.len);
}

static void request_line(struct input *in, int argc, struct word *w)
{
    if (str_eq(w[0].s, "parts")) {
        for (int i = 1; i < argc; i++)
            add_part(in, w[i].s);
    } else if (str_eq(w[0].s, "program")) {
        in->request.program = w[1].s;
    } else if (str_eq(w[0].s, "carrel")) {
        in->request.carrel = w[1].s;
    } else if (str_eq(w[0].s, "instance")) {
        in->request.instance = w[1].s;
        in->request.supervisor_fd = 5;
    } else if (str_eq(w[0].s, "cwd")) {
        in->request.cwd = w[1].s;
    } else if (str_eq(w[0].s, "server") && argc == 3) {
        in->server = (struct running_server){w[1].s, w[2].s, "0123456789abcdef"};
        in->request.server = &in->server;
    } else if (str_eq(w[0].s, "viewed") && argc == 3) {
        in->viewed = (struct viewed_display){w[1].s, "0123456789abcdef", w[2].s};
        in->request.viewed = &in->viewed;
    } else if (str_eq(w[0].s, "terminal") && argc == 3) {
        in->request.terminal_fd = atoi(w[1].s);
        in->request.terminal_streams = w[2].s;
    } else if (str_eq(w[0].s, "arg") && in->n_args < MAX_ARGS) {
        in->args[in->n_args++] = w[1].s;
    } else if (str_eq(w[0].s, "option")) {
        struct place at = {.file = "command line", .col = ++in->n_options};
        CHECK_INT(policy_merge_option(&in->policy, w[1].s, at, in->d), 1);
    } else {
        CHECK(!"a known word");
    }
}

static void read_request(struct input *in)
{
    struct buf b = slurp(in_case("request"));
    for (size_t i = 0; i < b.len;) {
        size_t n = strcspn(b.data + i, "\n");
        struct word w[8];
        char *comment;
        int argc = word_split(b.data + i, n, w, 8, &comment);
        if (argc > 0)
            CHECK(argc > 1);
        if (argc > 1)
            request_line(in, argc, w);
        else
            CHECK(argc == 0);
        i += n + 1;
    }
}

static void read_facts(struct input *in, struct facts *f)
{
    static const char header[] = "carrel-facts 1\n";
    struct buf own = slurp(in_case("facts")), all = {.arena = &arena};
    int line;
    const char *error;
    CHECK(own.len >= strlen(header));
    buf_str(&all, header);
    buf_bytes(&all, in->facts.data, in->facts.len);
    if (own.len > strlen(header))
        buf_bytes(&all, own.data + strlen(header), own.len - strlen(header));
    if (facts_read(f, all.data, all.len, &line, &error) == 0)
        return;
    printf("# facts, line %d of all parts: %s\n", line, error);
    CHECK(!"the facts can be read");
}

/* ---- comparing ---- */

static void expect(const char *file, const struct buf *got)
{
    const char *path = in_case(file);
    if (!update) {
        struct buf want = slurp(path);
        CHECK_STR(got->len ? got->data : "", want.len ? want.data : "");
        return;
    }
    if (got->len == 0) {
        unlink(path);
        return;
    }
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    CHECK(fd >= 0 && file_write_all(fd, got->data, got->len) == 0);
}

static void golden(void)
{
    struct diags d = {.arena = &arena};
    struct facts f = {.arena = &arena};
    struct plan plan = {.arena = &arena};
    struct buf text = {.arena = &arena}, messages = {.arena = &arena};
    struct input in = {
        .facts = {.arena = &arena},
        .policy = {.arena = &arena},
        .d = &d,
        .request = {.app_id = "org.example.App",
                    .seccomp_fd = 4,
                    .instance = "4711",
                    .libexec = "/usr/libexec/carrel"},
    };
    in.request.args = in.args;
    struct buf policy = slurp(in_case("policy"));
    policy_merge_text(&in.policy, LAYER_USER, "policy", policy.len ? policy.data : "", policy.len,
                      &d);
    read_request(&in);
    read_facts(&in, &f);
    enum resolve_result r = resolve_all(&in.request, &in.policy, &f, &plan, &d);
    CHECK(r == RESOLVE_OK || r == RESOLVE_REFUSED);
    CHECK((r == RESOLVE_REFUSED) == (d.errors > 0));
    if (r == RESOLVE_OK)
        plan_write_all(&plan, &text);
    diag_text(&d, &messages);
    expect("plan", &text);
    expect("messages", &messages);
}

static int visible(const struct dirent *e)
{
    return e->d_name[0] != '.' && !str_eq(e->d_name, "parts");
}

int main(int argc, char **argv)
{
    struct dirent **v;
    top = argc > 1 ? argv[1] : "golden";
    update = getenv("UPDATE") != NULL;
    int n = scandir(top, &v, visible, alphasort);
    if (n < 0) {
        perror(top);
        return 1;
    }
    for (int i = 0; i < n; i++) {
        name = v[i]->d_name;
        t_run(golden, name);
        arena_release(&arena);
        free(v[i]);
    }
    free(v);
    return t_done() || n < 40;
}
