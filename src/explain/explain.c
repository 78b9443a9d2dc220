/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a plan the way the kernel will: a path is walked part by part, links of the plan and of
 * what it binds are followed inside, and the deepest mount that covers the end decides.
 */
#include "explain/explain.h"

#include "util/diag.h"
#include "util/json.h"
#include "util/str.h"

#include <limits.h>
#include <string.h>

enum { MAX_LINKS = 40 };

struct walk {
    struct arena *a;
    const struct plan *p;
    struct facts *f; /* or NULL */
    int links;
    struct verdict *out;
};

/* ---- the plan's destinations ---- */

/* Where a step puts something, or NULL when it puts nothing anywhere. */
static const char *destination(const struct plan_step *s)
{
    static const signed char word[PLAN_VERB_COUNT] = {
        [PLAN_TMPFS] = 1,  [PLAN_BIND] = 2, [PLAN_PROC] = 1, [PLAN_DEVPTS] = 1,
        [PLAN_MQUEUE] = 1, [PLAN_DIR] = 1,  [PLAN_FILE] = 1, [PLAN_SYMLINK] = 2,
    };
    return word[s->verb] ? step_arg(s, word[s->verb] - 1) : NULL;
}

static bool is_mount(const struct plan_step *s)
{
    return s->verb == PLAN_TMPFS || s->verb == PLAN_BIND || s->verb == PLAN_PROC ||
           s->verb == PLAN_DEVPTS || s->verb == PLAN_MQUEUE;
}

/* The step that makes exactly this path; the last one counts. */
static const struct plan_step *step_at(const struct plan *p, const char *path)
{
    for (size_t i = p->n; i-- > 0;) {
        const char *dst = destination(&p->v[i]);
        if (dst && str_eq(dst, path))
            return &p->v[i];
    }
    return NULL;
}

static const struct plan_step *mount_over(const struct plan *p, const char *path)
{
    const struct plan_step *best = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < p->n; i++) {
        const char *dst = is_mount(&p->v[i]) ? destination(&p->v[i]) : NULL;
        if (!dst || !path_within(path, dst) || strlen(dst) < longest)
            continue;
        best = &p->v[i];
        longest = strlen(dst);
    }
    return best;
}

/* A step that puts something below this path, so that a folder must be there. */
static const struct plan_step *step_below(const struct plan *p, const char *path)
{
    for (size_t i = 0; i < p->n; i++) {
        const char *dst = destination(&p->v[i]);
        if (dst && path_within(dst, path) && !str_eq(dst, path))
            return &p->v[i];
    }
    return NULL;
}

static bool sealed(const struct plan *p, const char *dst)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].verb == PLAN_SEAL && str_eq(step_arg(&p->v[i], 0), dst))
            return true;
    return false;
}

static bool has_flag(const struct plan_step *bind, const char *flag)
{
    size_t n = strlen(flag);
    for (const char *s = step_arg(bind, 2); *s;) {
        size_t len = strcspn(s, ",");
        if (len == n && memcmp(s, flag, n) == 0)
            return true;
        s += len + (s[len] == ',');
    }
    return false;
}

/* ---- paths ---- */

static const char *join(struct arena *a, const char *dir, const char *rest)
{
    while (*rest == '/')
        rest++;
    if (*rest == '\0')
        return dir;
    return arena_printf(a, "%s/%s", str_eq(dir, "/") ? "" : dir, rest);
}

static const char *parent(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path));
}

static const char *host_path(struct walk *w, const struct plan_step *bind, const char *path)
{
    const char *dst = destination(bind);
    return join(w->a, step_arg(bind, 0), str_eq(dst, "/") ? path : path + strlen(dst));
}

/* NULL without facts. First the path is learnt, then the access to it. */
static const struct path_fact *look(struct walk *w, const char *path)
{
    if (!w->f)
        return NULL;
    const struct path_fact *p = facts_access(w->f, path);
    for (int i = 0; i < 2 && w->f->n_wanted; i++) {
        facts_look(w->f);
        p = facts_access(w->f, path);
    }
    return p;
}

/* The target of the link that this path inside is, or NULL when it is none. */
static const char *link_target(struct walk *w, const char *path)
{
    const struct plan_step *made = step_at(w->p, path), *over = mount_over(w->p, path);
    if (made && made->verb == PLAN_SYMLINK)
        return step_arg(made, 0);
    if (made || !over || over->verb != PLAN_BIND || step_below(w->p, path))
        return NULL;
    const char *host = host_path(w, over, path);
    const struct path_fact *p = look(w, host);
    for (size_t i = 0; p && i < p->n_hops; i++)
        if (str_eq(p->hops[i].path, host))
            return p->hops[i].target;
    return NULL;
}

/* The path without links, or NULL when there are too many. */
static const char *settle(struct walk *w, const char *base, const char *rest)
{
    const char *at = base;
    for (const char *s = rest; *s;) {
        size_t len = strcspn(s, "/");
        const char *part = arena_strndup(w->a, s, len);
        s += len + (s[len] == '/');
        if (len == 0 || str_eq(part, "."))
            continue;
        if (str_eq(part, "..")) {
            at = parent(w->a, at);
            continue;
        }
        const char *next = join(w->a, at, part), *target = link_target(w, next);
        if (target && (++w->links > MAX_LINKS || strlen(target) + strlen(s) > PATH_MAX))
            return NULL;
        at = target ? settle(w, target[0] == '/' ? "/" : at, target) : next;
        if (!at)
            return NULL;
    }
    return at;
}

/* ---- the verdict ---- */

static void say(struct walk *w, bool visible, bool readable, bool writable, const char *reason)
{
    w->out->visible = visible;
    w->out->readable = readable;
    w->out->writable = writable;
    w->out->reason = reason;
}

/* What the file's own permissions take away; without facts nothing. */
static void weigh_permissions(struct walk *w, const struct path_fact *p, const char *what)
{
    struct verdict *v = w->out;
    bool no_read = v->readable && !p->accessible_r, no_write = v->writable && !p->accessible_w;
    v->readable &= p->accessible_r;
    v->writable &= p->accessible_w;
    if (no_read || no_write)
        v->reason = arena_printf(w->a, "%s; its own permissions keep you from %s it", what,
                                 no_read && no_write ? "reading or writing"
                                 : no_read           ? "reading"
                                                     : "writing");
}

static void judge_bind(struct walk *w, const struct plan_step *s, const char *path)
{
    const char *host = host_path(w, s, path);
    bool rw = has_flag(s, "rw"), dev = has_flag(s, "dev"), made = s->argc < 4;
    if (str_eq(step_arg(s, 0), "/dev/null") && !dev) {
        say(w, true, false, false, "it is hidden: the name is there, but it cannot be opened");
        return;
    }
    w->out->outside = host;
    const struct path_fact *p = look(w, host);
    const char *what =
        rw ? "it is the host's own, and may be changed" : "it is the host's own, read-only";
    if (p && p->type == FILE_ABSENT && !(made && path_within(step_arg(s, 0), host))) {
        say(w, false, false, false,
            rw ? "there is no such file; the app may make it here, and so on the host"
               : "there is no such file on the host");
        return;
    }
    if (p && p->type == FILE_ERROR) {
        say(w, false, false, false, arena_printf(w->a, "on the host: %s", strerror(p->error)));
        return;
    }
    bool device = p && (p->type == FILE_CHAR || p->type == FILE_BLOCK);
    if (device)
        what = dev ? "it is a device of the host" : "it is a device, which cannot be opened here";
    say(w, true, !device || dev, device ? dev : rw, what);
    if (p && p->type != FILE_ABSENT && (p->access_known || w->f->fixture))
        weigh_permissions(w, p, what);
}

static void judge_tmpfs(struct walk *w, const struct plan_step *s, const char *path)
{
    const struct plan_step *made = step_at(w->p, path);
    bool open = !sealed(w->p, destination(s));
    if (made && made->verb == PLAN_FILE)
        say(w, true, true, open, "it is a file made for the app");
    else if (made || step_below(w->p, path))
        say(w, true, true, open,
            open ? "it is a folder of the app's own, empty at the start"
                 : "it is a folder made for the app, with nothing in it but what the plan puts "
                   "there");
    else if (open)
        say(w, false, false, false,
            "the folder above it is the app's own and empty at the start; "
            "the app may make such a file, and nobody else sees it");
    else
        say(w, false, false, false, "nothing in the plan puts it there");
    w->out->step = made ? made : s;
}

static void judge(struct walk *w, const char *path)
{
    const struct plan_step *s = mount_over(w->p, path);
    w->out->inside = path;
    w->out->step = s;
    if (!s)
        say(w, false, false, false, "the plan makes no root");
    else if (s->verb == PLAN_BIND)
        judge_bind(w, s, path);
    else if (s->verb == PLAN_TMPFS)
        judge_tmpfs(w, s, path);
    else if (s->verb == PLAN_PROC)
        say(w, true, true, false, "/proc shows the app's own processes, none of the host's");
    else if (s->verb == PLAN_DEVPTS)
        say(w, true, true, true, "the app's own pseudo terminals, none of the host's");
    else
        say(w, true, true, true, "the app's own message queues, none of the host's");
}

void explain_path(struct arena *a, const struct plan *p, struct facts *f, const char *path,
                  struct verdict *out)
{
    struct walk w = {.a = a, .p = p, .f = f, .out = out};
    *out = (struct verdict){0};
    if (path[0] != '/' || strlen(path) >= PATH_MAX) {
        say(&w, false, false, false,
            path[0] == '/' ? "the path is too long" : "the path is not absolute");
        return;
    }
    const char *end = settle(&w, "/", path);
    if (end)
        judge(&w, end);
    else
        say(&w, false, false, false, "too many symbolic links");
}

/* ---- showing it ---- */

static void escaped_line(struct buf *out, const char *label, const char *text)
{
    buf_str(out, label);
    diag_escape(out, text);
    buf_char(out, '\n');
}

void explain_text(const struct verdict *v, const char *path, struct buf *out)
{
    diag_escape(out, path);
    if (!v->visible)
        buf_str(out, ": not visible\n");
    else
        buf_printf(out, ": visible, %s, %s\n", v->readable ? "readable" : "not readable",
                   v->writable ? "writable" : "not writable");
    if (v->inside && !str_eq(v->inside, path))
        escaped_line(out, "  inside it leads to ", v->inside);
    if (v->outside && (!v->inside || !str_eq(v->outside, v->inside)))
        escaped_line(out, "  on the host it is ", v->outside);
    escaped_line(out, "  ", v->reason);
    if (!v->step)
        return;
    struct plan one = {.arena = out->arena, .v = NULL};
    struct buf line = {.arena = out->arena};
    plan_add_words(&one, v->step->verb, v->step->why, v->step->argc, v->step->argv);
    plan_write(&one, &line);
    const char *text = str_after(line.data, PLAN_HEADER "\n");
    if (text)
        buf_printf(out, "  decided by: %s", text);
}

void explain_json(const struct verdict *v, const char *path, struct buf *out)
{
    struct json j = {.out = out};
    json_object(&j, NULL);
    json_string(&j, "path", path);
    json_bool(&j, "visible", v->visible);
    json_bool(&j, "readable", v->readable);
    json_bool(&j, "writable", v->writable);
    if (v->inside)
        json_string(&j, "inside", v->inside);
    if (v->outside)
        json_string(&j, "outside", v->outside);
    json_string(&j, "reason", v->reason);
    if (v->step) {
        json_object(&j, "step");
        json_string(&j, "verb", plan_verbs[v->step->verb].text);
        json_array(&j, "args");
        for (int i = 0; i < v->step->argc; i++)
            json_bytes(&j, NULL, v->step->argv[i].s, v->step->argv[i].n);
        json_end(&j);
        if (v->step->why)
            json_string(&j, "why", v->step->why);
        json_end(&j);
    }
    json_end(&j);
}
