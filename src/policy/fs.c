/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* filesystems= and persistent=. */
#include "policy/keywords.h"
#include "policy/merge.h"
#include "util/str.h"

#include <string.h>

#define PATH_MAX_BYTES 4095 /* the kernel's PATH_MAX less the NUL */

/* Tells of a fault and is false. */
#define refuse(s, at, hint, ...) (source_diag((s), DIAG_ERROR, (at), (hint), __VA_ARGS__), false)

/*
 * Splits "LOCATION:MODE" at the first ':' that is not escaped and undoes the escapes "\:" and "\\"
 * of the location. *mode is NULL when there is none.
 */
static bool split_mode(struct source *s, const char *word, struct place at, char **location,
                       const char **mode)
{
    char *out = arena_alloc(s->p->arena, strlen(word) + 1);
    *location = out;
    *mode = NULL;
    for (const char *p = word; *p; p++) {
        if (*p == ':') {
            *mode = p + 1;
            break;
        }
        if (*p == '\\') {
            p++;
            if (*p != ':' && *p != '\\')
                return refuse(s, place_after(at, word, (size_t)(p - 1 - word)),
                              "a '\\' stands before ':' or '\\' only; in a key file each '\\' is "
                              "doubled again",
                              "there is a bad escape in \"%s\"", word);
        }
        *out++ = *p;
    }
    *out = '\0';
    return true;
}

static bool read_mode(struct source *s, const char *word, const char *mode, bool negated,
                      struct place at, struct layer_fs *out)
{
    out->grant.mode = negated ? FS_NONE : FS_RW;
    if (!mode || *mode == '\0')
        return true;
    if (str_eq(mode, "reset")) {
        out->reset = true;
        return negated ||
               refuse(s, at, s->strict ? "write --nofilesystem=host:reset" : "write !host:reset",
                      "\"%s\": reset goes with a denial only", word);
    }
    const struct keyword *k = keyword_find(KEYWORD_WORD, "mode", mode);
    if (!k)
        return refuse(s, at,
                      "a location ends in :ro, :rw, :create or nothing; a ':' in a path is \\:",
                      "\"%s\" ends in an unknown mode", word);
    if (!negated)
        out->grant.mode = (enum fs_mode)k->value;
    else
        source_diag(s, DIAG_WARNING, at, "a denial takes no mode",
                    "\":%s\" has no effect in \"!%s\"", mode, word);
    return true;
}

/* Takes "//", "/./" and a '/' or "/." at the end out of path, in place. */
static void normalise(char *path)
{
    bool absolute = *path == '/';
    char *out = path;
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "/");
        if (n > 0 && !(n == 1 && *p == '.' && (out != path || absolute))) {
            if (out != path || absolute)
                *out++ = '/';
            memmove(out, p, n);
            out += n;
        }
        p += n;
        while (*p == '/')
            p++;
    }
    if (out == path && absolute)
        *out++ = '/';
    *out = '\0';
}

static bool has_dotdot(const char *path)
{
    for (const char *p = path; *p; p += strspn(p, "/")) {
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.')
            return true;
        p += n;
    }
    return false;
}

static bool path_sane(struct source *s, const char *path, struct place at)
{
    if (unsafe_char(path))
        return refuse(s, at, NULL, "\"%s\" holds a control character", path);
    if (has_dotdot(path))
        return refuse(s, at, "write the path without it", "\"%s\" holds \"..\"", path);
    if (strlen(path) > PATH_MAX_BYTES)
        return refuse(s, at, NULL, "the path \"%.60s…\" is longer than 4095 bytes", path);
    return true;
}

static const char *relative_hint(struct arena *a, const char *location)
{
    if (str_after(location, "$HOME"))
        return "variables have no meaning here: write ~/…";
    if (*location == '$')
        return "variables have no meaning here: write the path, ~/… or xdg-…";
    if (*location == '~')
        return "only one's own home is known as ~: write ~/…, or the path";
    const char *near = NULL;
    size_t n = strcspn(location, "/");
    near = keyword_nearest(KEYWORD_WORD, "Context/filesystems", arena_strndup(a, location, n));
    if (near)
        return arena_printf(a, "did you mean \"%s%s\"?", near, location + n);
    return "write ~/DIR, /DIR, home, host, host-os, host-etc, host-root or xdg-…";
}

/* A location that is neither a path nor a known name. Names may come from a newer Flatpak, and a
 * grant that we do not know only gives less; a denial that we can not carry out is refused. */
static bool unknown_location(struct source *s, const char *location, bool negated, struct place at)
{
    bool refused = s->strict || negated || strchr("~$./", *location) ||
                   (strchr(location, '/') && !str_after(location, "xdg-"));
    const char *hint = s->strict && *location == '!' /* a file's form */
                           ? arena_printf(s->p->arena, "write --nofilesystem=%s", location + 1)
                           : relative_hint(s->p->arena, location);
    source_diag(s, refused ? DIAG_ERROR : DIAG_WARNING, at, hint, "\"%s\" is no location%s",
                location, refused ? "" : "; it has no effect");
    return false;
}

static bool special_location(struct source *s, const char *location, bool negated, struct place at,
                             struct fs_grant *out)
{
    size_t n = strcspn(location, "/");
    const char *name = arena_strndup(s->p->arena, location, n);
    const struct keyword *k = keyword_find(KEYWORD_WORD, "Context/filesystems", name);
    if (!k)
        return unknown_location(s, location, negated, at);
    out->base = (enum fs_base)k->value;
    out->sub = location[n] == '/' ? location + n + 1 : "";
    if (*out->sub && out->base == FS_HOME)
        out->base = FS_HOME_PATH;
    if (*out->sub && str_after(name, "host"))
        return refuse(s, at, "write the path itself: /…", "\"%s\": nothing can stand behind host",
                      location);
    if (*out->sub == '\0' && out->base == FS_XDG_RUN)
        return refuse(s, at, "name one thing in it: xdg-run/pipewire-0",
                      "\"%s\": the runtime folder as a whole is not granted", location);
    return true;
}

static bool read_location(struct source *s, char *location, bool negated, struct place at,
                          struct fs_grant *out)
{
    normalise(location);
    if (str_eq(location, "/"))
        return refuse(s, at, "write host, or host-root for a look at all of it",
                      "\"%s\" can not be granted or denied as a whole", location);
    if (*location == '\0')
        return refuse(s, at, NULL, "there is no location");
    if (*location == '/') {
        out->base = FS_PATH;
        out->sub = location;
    } else if (str_eq(location, "~")) {
        out->base = FS_HOME;
        out->sub = "";
    } else if (str_after(location, "~/")) {
        out->base = FS_HOME_PATH;
        out->sub = location + 2;
    } else {
        return special_location(s, location, negated, at, out);
    }
    return true;
}

static void warn_of_globs(struct source *s, const struct fs_grant *g, struct place at)
{
    if (strpbrk(g->sub, "*?") || (strchr(g->sub, '[') && strchr(g->sub, ']')))
        source_diag(
            s, DIAG_WARNING, at, "grant the folder that holds the files, or each file by its name",
            "\"%s\": patterns have no meaning, this is one file with that very name", g->text);
}

bool fs_read_word(struct source *s, const char *word, bool negated, struct place at,
                  struct layer_fs *out)
{
    char *location;
    const char *mode;
    *out = (struct layer_fs){.grant = {.at = at, .rank = s->rank}};
    if (!path_sane(s, word, at) || !split_mode(s, word, at, &location, &mode) ||
        !read_mode(s, word, mode, negated, at, out))
        return false;
    out->grant.text = arena_strdup(s->p->arena, location);
    if (!path_sane(s, location, at))
        return false;
    if (str_eq(location, "host-reset")) {
        if (!negated || (mode && *mode))
            return refuse(s, at, "write !host:reset", "\"%s\" goes with a plain denial only", word);
        out->reset = true;
        location = arena_strdup(s->p->arena, "host");
    } else if (out->reset && !str_eq(location, "host")) {
        return refuse(s, at, "write !host:reset", "\"%s\": only host can be reset", word);
    }
    if (!read_location(s, location, negated, at, &out->grant))
        return false;
    warn_of_globs(s, &out->grant, at);
    return true;
}

bool fs_read_persistent(struct source *s, const char *word, struct place at, struct fs_grant *out)
{
    if (!path_sane(s, word, at))
        return false;
    if (*word == '/' || *word == '~' || *word == '\0')
        return refuse(s, at, "write the part below the home: .mozilla",
                      "\"%s\" is not relative to the home", word);
    char *sub = arena_strdup(s->p->arena, word);
    normalise(sub);
    *out = (struct fs_grant){.base = FS_HOME_PATH,
                             .sub = str_eq(sub, ".")       ? ""
                                    : str_after(sub, "./") ? sub + 2
                                                           : sub,
                             .mode = FS_RW,
                             .text = arena_strdup(s->p->arena, word),
                             .at = at,
                             .rank = s->rank};
    return true;
}

/* ---- into the policy ---- */

static int compare(const struct fs_grant *a, const struct fs_grant *b)
{
    if (a->base != b->base)
        return a->base < b->base ? -1 : 1;
    return strcmp(a->sub, b->sub);
}

/* Sets the entry with the same meaning, or adds one at its place in the order. */
static void set_grant(struct arena *a, struct fs_grant **v, size_t *n, size_t *cap,
                      struct fs_grant g)
{
    size_t low = 0, high = *n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (compare(&(*v)[mid], &g) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < *n && compare(&(*v)[low], &g) == 0) {
        (*v)[low] = g;
        return;
    }
    *v = arena_grow(a, *v, *n, cap, sizeof **v);
    memmove(&(*v)[low + 1], &(*v)[low], (*n - low) * sizeof **v);
    (*v)[low] = g;
    ++*n;
}

static void drop_lower(struct policy *p, unsigned rank)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->n_filesystems; i++)
        if (p->filesystems[i].rank == rank)
            p->filesystems[kept++] = p->filesystems[i];
    p->n_filesystems = kept;
}

void fs_merge(struct source *s, const struct layer_fs *v, size_t n)
{
    struct policy *p = s->p;
    for (size_t i = 0; i < n; i++)
        if (v[i].reset)
            drop_lower(p, s->rank);
    for (size_t i = 0; i < n; i++)
        set_grant(p->arena, &p->filesystems, &p->n_filesystems, &p->cap_filesystems, v[i].grant);
}

void persistent_set(struct source *s, struct fs_grant grant)
{
    struct policy *p = s->p;
    set_grant(p->arena, &p->persistent, &p->n_persistent, &p->cap_persistent, grant);
}

void policy_grant_path(struct policy *p, const char *path, enum fs_mode mode, struct place at)
{
    const struct fs_grant grant = {.base = FS_PATH,
                                   .sub = path,
                                   .mode = mode,
                                   .text = path,
                                   .at = at,
                                   .rank = POLICY_RANK_OPTIONS};
    set_grant(p->arena, &p->filesystems, &p->n_filesystems, &p->cap_filesystems, grant);
}
