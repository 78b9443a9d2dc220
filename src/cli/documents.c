/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/documents.h"

#include "cli/grant.h"
#include "explain/explain.h"
#include "util/file.h"
#include "util/str.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- an argument's path ---- */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The path in a file: URI (RFC 8089), or NULL. */
static const char *path_of_uri(struct arena *a, const char *uri)
{
    const char *s = str_after(uri, "file:");
    if (!s)
        return NULL;
    if (str_after(s, "//localhost/"))
        s += strlen("//localhost");
    else if (str_after(s, "///"))
        s += 2;
    if (s[0] != '/' || s[1] == '/')
        return NULL;
    char *path = arena_strdup(a, s), *out = path;
    for (; *s; s++) {
        int high = s[0] == '%' ? hex(s[1]) : -1, low = high >= 0 ? hex(s[2]) : -1;
        if (*s == '?' || *s == '#')
            break;
        if (low >= 0 && high + low == 0)
            return NULL; /* no path holds that byte, and what stands before it is another file */
        if (low >= 0) {
            *out++ = (char)(high << 4 | low);
            s += 2;
        } else {
            *out++ = *s;
        }
    }
    *out = '\0';
    return path;
}

/* The caller's folder as its shell calls it, links and all, where that is the same folder. */
static const char *logical_cwd(struct cli *c, const char *cwd)
{
    const char *name = facts_env(&c->facts, "PWD");
    const char *clean = name && *name == '/' ? path_clean(&c->arena, name) : NULL;
    struct stat a, b;
    bool same = clean && stat(clean, &a) == 0 && stat(cwd, &b) == 0 && a.st_dev == b.st_dev &&
                a.st_ino == b.st_ino;
    return same ? clean : cwd;
}

/* One step up from a folder. From a link (*link) it would lead where its name does not. */
static bool climb(struct arena *a, char *path, const char **link)
{
    struct stat st;
    char *slash = strrchr(path, '/');
    if (!slash)
        return true;
    bool there = lstat(path, &st) == 0;
    if (there && S_ISLNK(st.st_mode))
        *link = arena_strdup(a, path);
    if (!there || !S_ISDIR(st.st_mode))
        return false;
    *slash = '\0';
    return true;
}

/* The path made absolute by its text, links on the way as they are. NULL: it goes up from what is
 * no folder, or from *link. */
static const char *absolute(struct cli *c, const char *cwd, const char *path, const char **link)
{
    const char *from = path[0] == '/' ? "" : logical_cwd(c, cwd);
    size_t n = str_eq(from, "/") ? 0 : strlen(from);
    char *out = arena_alloc(&c->arena, n + strlen(path) + 2);
    memcpy(out, from, n);
    out[n] = '\0';
    for (const char *s = path; *s; s += strspn(s, "/")) {
        size_t size = strcspn(s, "/");
        if (size == 2 && memcmp(s, "..", 2) == 0) {
            if (!climb(&c->arena, out, link))
                return NULL;
        } else if (size && !(size == 1 && *s == '.')) {
            n = strlen(out);
            out[n++] = '/';
            memcpy(out + n, s, size);
            out[n + size] = '\0';
        }
        s += size;
    }
    return *out ? out : "/";
}

/* The absolute path of what an argument names, or NULL: nothing that is there, or it is not told
 * where, as it goes up from *link. */
static const char *named(struct cli *c, const struct job *j, const char *arg, struct stat *st,
                         const char **link)
{
    const char *uri = path_of_uri(&c->arena, arg);
    const char *path = *arg == '-' ? NULL : uri ? uri : arg;
    path = path && *path ? absolute(c, j->request.cwd, path, link) : NULL;
    return path && stat(path, st) == 0 ? path : NULL;
}

/* ---- what may be granted ---- */

/* The app has these of its own: nothing in them can be granted by path. */
static bool is_the_sandbox_s(const char *path)
{
    static const char *const own[] = {"/usr", "/etc", "/dev", "/proc", "/run", "/sys"};
    for (size_t i = 0; i < ARRAY_SIZE(own); i++)
        if (path_within(path, own[i]))
            return true;
    return false;
}

/* A regular file of the person's, or NULL. *real: the same without links. */
static const char *document(struct cli *c, const struct job *j, const char *arg, const char **real)
{
    struct stat st;
    const char *link = NULL, *path = named(c, j, arg, &st, &link);
    if (link)
        diag_add(&c->diags, DIAG_NOTE, (struct place){0}, "write the file's own path",
                 "%s is not opened: it goes up from %s, which is a symbolic link", arg, link);
    *real =
        path && S_ISREG(st.st_mode) && !is_the_sandbox_s(path) ? file_real(&c->arena, path) : NULL;
    return *real && !is_the_sandbox_s(*real) ? path : NULL;
}

/* Keys, policies and what runs later are opened by their own name only, and not without a word. */
static bool may_open(struct cli *c, const struct job *j, const char *path, const char *real,
                     bool rw)
{
    const char *what = grant_guarded(c, real, rw), *link = what ? grant_link(c, path) : NULL;
    if (link)
        diag_add(&c->diags, DIAG_ERROR, (struct place){.file = "named on the command line"},
                 "if that is what you mean, name it by its own path",
                 "%s is a symbolic link, which leads to %s (%s)", link, real, what);
    else if (what)
        diag_add(&c->diags, DIAG_NOTE, (struct place){0},
                 rw ? "documents=ro in its policy lets it only read" : NULL,
                 "%s: %s, which %s may %s in this run", path, what, j->app.id,
                 rw ? "change" : "read");
    return !link;
}

const char *const *documents_grant(struct cli *c, struct job *j, const char *const *args)
{
    const struct carrel_value *v = policy_carrel(&j->policy, "Carrel Application", "documents");
    bool readable = v && !str_eq(v->value, "none"), writable = v && str_eq(v->value, "rw");
    size_t n = 0;
    while (args && args[n])
        n++;
    const char **seen = arena_array(&c->arena, n + 1, sizeof *seen);
    const char **granted = arena_array(&c->arena, n + 1, sizeof *granted);
    j->documents = granted;
    j->documents_rw = writable;
    for (size_t i = 0; i < n; i++) {
        const char *real, *path = readable ? document(c, j, args[i], &real) : NULL;
        seen[i] = path ? path : args[i];
        if (!path || !may_open(c, j, path, real, writable))
            continue;
        policy_grant_path(&j->policy, path, writable ? FS_RW : FS_RO,
                          (struct place){.file = "named on the command line"});
        *granted++ = path;
    }
    return seen;
}

/* ---- what it will not see ---- */

static bool looks_like_a_file(const char *arg)
{
    const char *dot = strrchr(arg, '.');
    return *arg != '-' && !strstr(arg, "://") && !strpbrk(arg, " \t\n=*?") &&
           (strchr(arg, '/') || (dot && dot > arg && dot[1]));
}

/* An editor is often started with the name of a file that it is to make. */
static void note_new_file(struct cli *c, const struct job *j, const char *arg)
{
    struct stat st;
    struct verdict v;
    const char *link = NULL, *path = NULL;
    if (looks_like_a_file(arg))
        path = absolute(c, j->request.cwd, arg, &link);
    const char *slash = path ? strrchr(path, '/') : NULL;
    if (!slash || slash == path || is_the_sandbox_s(path) || lstat(path, &st) == 0)
        return;
    const char *folder = arena_strndup(&c->arena, path, (size_t)(slash - path));
    if (stat(folder, &st) < 0 || !S_ISDIR(st.st_mode))
        return;
    explain_path(&c->arena, &j->plan, &c->facts, folder, &v);
    if (!v.visible || !v.writable || !v.outside) /* a folder of its own goes with the app */
        diag_add(&c->diags, DIAG_NOTE, (struct place){0},
                 arena_printf(&c->arena, "make it first (touch), or: --filesystem=%s", folder),
                 "%s is not there, and the app cannot make it there", path);
}

void documents_note(struct cli *c, const struct job *j, const char *const *args)
{
    for (; args && *args; args++) {
        if (j->documents_rw)
            note_new_file(c, j, *args);
        struct stat st;
        struct verdict v = {.visible = true};
        const char *link = NULL, *path = named(c, j, *args, &st, &link);
        if (path && !is_the_sandbox_s(path) && !S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
            explain_path(&c->arena, &j->plan, &c->facts, path, &v);
        if (!v.visible)
            diag_add(&c->diags, DIAG_NOTE, (struct place){0},
                     S_ISFIFO(st.st_mode)
                         ? "a pipe is shown with the folder that it lies in: --filesystem=FOLDER"
                         : arena_printf(&c->arena, "--filesystem=%s:ro shows it", path),
                     "%s is out of the app's sight", path);
    }
}
