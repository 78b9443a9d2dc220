/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tool of the tests, never installed: starts an app with services that no policy asks for.
 *
 *     with_service LIBEXEC RUNTIME-DIR ID PLAN [NAME PLAN DATA]...
 *
 * PLAN and DATA are files; DATA may be "-".
 */
#include "run/run.h"
#include "util/file.h"

#include <stdio.h>
#include <string.h>

static struct arena arena;

static struct buf slurp(const char *path)
{
    struct buf b = {.arena = &arena};
    int r = file_read(path, PLAN_MAX_BYTES, &b);
    if (r < 0)
        fprintf(stderr, "%s: %s\n", path, strerror(-r));
    return b;
}

static bool read_plan(struct plan *p, const char *path)
{
    struct buf text = slurp(path);
    const char *error = NULL;
    int line = 0;
    p->arena = &arena;
    if (text.data && plan_read(p, text.data, text.len, &line, &error) == 0)
        return true;
    fprintf(stderr, "%s:%d: %s\n", path, line, error ? error : "not to be read");
    return false;
}

int main(int argc, char **argv)
{
    struct plan p = {.arena = &arena};
    struct diags d = {.arena = &arena};
    struct buf messages = {.arena = &arena};
    run_prepare();
    if (argc < 5 || (argc - 5) % 3 || !read_plan(&p, argv[4]))
        return 2;
    for (char **w = argv + 5; *w; w += 3) {
        struct plan_service *s = plan_add_service(&p, w[0], w[0], NULL);
        struct buf data = {.arena = &arena};
        if (!read_plan(s->plan, w[1]))
            return 2;
        if (strcmp(w[2], "-") != 0) {
            data = slurp(w[2]);
            s->data = data.data;
            s->size = data.len;
        }
    }
    const struct run_instance in = {.id = argv[3], .runtime_dir = argv[2], .held = -1};
    run_plan(&p, &in, argv[1], RUN_DIRECT, NULL, &d);
    diag_text(&d, &messages);
    fputs(messages.len ? messages.data : "no word about the fault\n", stderr);
    arena_release(&arena);
    return 125;
}
