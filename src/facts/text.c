/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The text form of a snapshot. First line "carrel-facts 1", then one fact a line, words escaped as
 * in a plan, '#' begins a comment:
 *
 *     uid N   gid N   user NAME   home PATH   runtime-dir PATH   hostname NAME   kernel VERSION
 *     memory MIB
 *     landlock ABI   userns-obstacle TEXT   user-dir WHICH PATH   env NAME VALUE
 *     xauth NAME DATA
 *     xauth-untrusted NAME DATA, or: xauth-untrusted-obstacle TEXT
 *     documents                      the document portal's folder is in place
 *     control systemd|none FOLDER|- KIND...   who makes control groups, and of what kinds
 *     look FILE GROUP KEY VALUE      a setting of the person's, see looks.h
 *     dir|file|socket|char|block|fifo PATH DEV:INO MODE UID [REAL|= [ACCESS]]
 *     absent PATH [REAL]
 *     error PATH NUMBER
 *     link PATH TARGET      a link on the way to the path of the line before
 *     folder PATH           there is one, nothing more is known of it
 *     list PATH             a folder's names follow, one "name NAME" each
 *
 * DEV and INO are hexadecimal, MODE is octal, ACCESS is some of "rwx" or "-".
 */
#include "facts/looks.h"
#include "facts/store.h"

#include "util/str.h"
#include "util/word.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADER    "carrel-facts 1"
#define MAX_WORDS 16
#define MAX_BYTES (16u << 20)

static const char *const type_names[] = {
    [FILE_ABSENT] = "absent", [FILE_REGULAR] = "file", [FILE_DIR] = "dir",
    [FILE_SOCKET] = "socket", [FILE_CHAR] = "char",    [FILE_BLOCK] = "block",
    [FILE_FIFO] = "fifo",     [FILE_ERROR] = "error",
};

static const char *const user_dir_names[8] = {
    "desktop", "documents", "download", "music", "pictures", "public-share", "templates", "videos",
};

/* ---- writing ---- */

static void put_bytes(struct buf *out, const char *s, size_t n)
{
    size_t size = word_escaped_size(s, n);
    char *escaped = arena_alloc(out->arena, size);
    word_escape(s, n, escaped);
    buf_char(out, ' ');
    buf_bytes(out, escaped, size);
}

static void put_word(struct buf *out, const char *s)
{
    put_bytes(out, s, strlen(s));
}

static void put_line(struct buf *out, const char *key, const char *value)
{
    if (!value)
        return;
    buf_str(out, key);
    put_word(out, value);
    buf_char(out, '\n');
}

static void put_pair(struct buf *out, const char *key, const char *a, const char *b)
{
    buf_str(out, key);
    put_word(out, a);
    put_word(out, b);
    buf_char(out, '\n');
}

static void put_control(struct buf *out, const struct control_fact *c)
{
    if (!c->known)
        return;
    put_pair(out, "control", c->manager ? "systemd" : "none", c->folder ? c->folder : "-");
    out->data[--out->len] = '\0';
    buf_printf(out, " %s\n", c->kinds + strspn(c->kinds, " "));
}

static void put_path(struct buf *out, const struct path_fact *p)
{
    buf_str(out, type_names[p->type]);
    put_word(out, p->path);
    bool same = str_eq(p->path, p->real);
    if (p->type == FILE_ERROR) {
        buf_printf(out, " %d", p->error);
    } else if (p->type == FILE_ABSENT) {
        if (!same)
            put_word(out, p->real);
    } else {
        buf_printf(out, " %" PRIx64 ":%" PRIx64 " %04o %u", p->dev, p->ino, (unsigned)p->mode,
                   (unsigned)p->uid);
        if (!same || p->access_known)
            put_word(out, same ? "=" : p->real);
        if (p->access_known)
            buf_printf(out, " %s%s%s%s", p->accessible_r ? "r" : "", p->accessible_w ? "w" : "",
                       p->accessible_x ? "x" : "",
                       p->accessible_r || p->accessible_w || p->accessible_x ? "" : "-");
    }
    buf_char(out, '\n');
    for (size_t i = 0; i < p->n_hops; i++)
        put_pair(out, "link", p->hops[i].path, p->hops[i].target);
}

static void put_list(struct buf *out, const struct list_fact *l)
{
    put_line(out, "list", l->path);
    for (size_t i = 0; i < l->n; i++)
        put_line(out, "name", l->names[i]);
}

static void put_look(struct buf *out, const struct look_fact *l)
{
    const char *const words[] = {look_file_name(l->file), l->group, l->key, l->value};
    buf_str(out, "look");
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        put_word(out, words[i]);
    buf_char(out, '\n');
}

static void put_cookie(struct buf *out, const char *key, const struct xauth_fact *x)
{
    if (!x->name)
        return;
    buf_str(out, key);
    put_word(out, x->name);
    put_bytes(out, x->data, x->size);
    buf_char(out, '\n');
}

void facts_write(const struct facts *f, struct buf *out)
{
    buf_printf(out, HEADER "\nuid %u\ngid %u\n", (unsigned)f->uid, (unsigned)f->gid);
    put_line(out, "user", f->user);
    put_line(out, "home", f->home);
    put_line(out, "runtime-dir", f->runtime_dir);
    put_line(out, "hostname", f->hostname);
    put_line(out, "kernel", f->kernel);
    buf_printf(out, "memory %u\n", (unsigned)f->memory);
    buf_printf(out, "landlock %d\n", f->landlock_abi);
    put_line(out, "userns-obstacle", f->userns_obstacle);
    for (int i = 0; i < 8; i++)
        if (f->user_dirs[i])
            put_pair(out, "user-dir", user_dir_names[i], f->user_dirs[i]);
    for (size_t i = 0; i < f->n_env; i++)
        if (f->env[i].asked)
            put_pair(out, "env", f->env[i].name, f->env[i].value);
    put_cookie(out, "xauth", &f->xauth);
    put_cookie(out, "xauth-untrusted", &f->untrusted.cookie);
    if (f->untrusted.obstacle)
        put_line(out, "xauth-untrusted-obstacle", f->untrusted.obstacle);
    if (f->documents)
        buf_str(out, "documents\n");
    put_control(out, &f->control);
    for (size_t i = 0; i < f->n_looks; i++)
        put_look(out, &f->looks[i]);
    for (size_t i = 0; i < f->n_paths; i++)
        put_path(out, &f->paths[i]);
    for (size_t i = 0; i < f->n_lists; i++)
        put_list(out, &f->lists[i]);
    for (size_t i = 0; i < f->n_folders; i++)
        if (f->folders[i].is_folder)
            put_line(out, "folder", f->folders[i].path);
}

/* ---- reading ---- */

struct reader {
    struct facts *f;
    const char *last_path;  /* the line before was about it: links may follow */
    struct list_fact *list; /* … or a list: names may follow */
    size_t cap_names;
    int argc;
    struct word argv[MAX_WORDS];
};

/* One line's handler: returns NULL, or what is wrong. */
typedef const char *handler(struct reader *r, void *target);

static const char *keep(struct reader *r, int i)
{
    return arena_strndup(r->f->arena, r->argv[i].s, r->argv[i].n);
}

static bool has_nul(const struct word *w)
{
    return memchr(w->s, '\0', w->n) != NULL;
}

static bool number(const char *s, int base, uint64_t max, uint64_t *out)
{
    char *end;
    if (*s == '\0' || strspn(s, "0123456789abcdef") != strlen(s))
        return false;
    errno = 0;
    *out = strtoull(s, &end, base);
    return errno == 0 && *end == '\0' && *out <= max;
}

static const char *read_string(struct reader *r, void *target)
{
    *(const char **)target = keep(r, 1);
    return NULL;
}

static const char *read_path_name(struct reader *r, void *target)
{
    const char *clean = path_clean(r->f->arena, r->argv[1].s);
    if (!clean)
        return "not an absolute path";
    *(const char **)target = clean;
    return NULL;
}

static const char *read_id(struct reader *r, void *target)
{
    uint64_t v;
    if (!number(r->argv[1].s, 10, UINT32_MAX - 1, &v))
        return "not a number";
    *(uid_t *)target = (uid_t)v;
    return NULL;
}

static const char *read_landlock(struct reader *r, void *target)
{
    uint64_t v;
    if (!number(r->argv[1].s, 10, 1000, &v))
        return "not a number";
    *(int *)target = (int)v;
    return NULL;
}

static const char *read_user_dir(struct reader *r, void *target)
{
    const char **dirs = target, *path = path_clean(r->f->arena, r->argv[2].s);
    for (int i = 0; i < 8; i++) {
        if (!str_eq(r->argv[1].s, user_dir_names[i]))
            continue;
        dirs[i] = path;
        return path ? NULL : "not an absolute path";
    }
    return "unknown folder";
}

static const char *read_env(struct reader *r, void *target)
{
    facts_put_env(target, keep(r, 1), keep(r, 2), true);
    return NULL;
}

static const char *read_xauth(struct reader *r, void *target)
{
    *(struct xauth_fact *)target = (struct xauth_fact){keep(r, 1), keep(r, 2), r->argv[2].n};
    return NULL;
}

static const char *read_flag(struct reader *r, void *target)
{
    (void)r;
    *(bool *)target = true;
    return NULL;
}

/* Words of one line: a controller's name is short and plain. */
static const char *read_control(struct reader *r, void *target)
{
    struct control_fact *c = target;
    struct buf kinds = {.arena = r->f->arena};
    const char *folder = str_eq(r->argv[2].s, "-") ? NULL : path_clean(r->f->arena, r->argv[2].s);
    if (!str_eq(r->argv[1].s, "systemd") && !str_eq(r->argv[1].s, "none"))
        return "neither systemd nor none";
    if (!folder && !str_eq(r->argv[2].s, "-"))
        return "not an absolute path";
    buf_char(&kinds, ' ');
    for (int i = 3; i < r->argc; i++) {
        if (r->argv[i].s[strspn(r->argv[i].s, "abcdefghijklmnopqrstuvwxyz_")])
            return "no kind of control group";
        buf_printf(&kinds, "%s ", r->argv[i].s);
    }
    *c = (struct control_fact){.known = true,
                               .manager = str_eq(r->argv[1].s, "systemd"),
                               .folder = folder,
                               .kinds = kinds.data};
    return NULL;
}

static const char *read_look(struct reader *r, void *target)
{
    int file = look_file_named(r->argv[1].s);
    if (file < 0)
        return "unknown file of settings";
    looks_add(target, (enum look_file)file, keep(r, 2), keep(r, 3), keep(r, 4));
    return NULL;
}

static int type_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(type_names); i++)
        if (str_eq(name, type_names[i]))
            return (int)i;
    return -1;
}

static bool identity(char *text, struct path_fact *p)
{
    char *colon = strchr(text, ':');
    if (!colon)
        return false;
    *colon = '\0';
    return number(text, 16, UINT64_MAX, &p->dev) && number(colon + 1, 16, UINT64_MAX, &p->ino);
}

/* The numbers of a file that is there. */
static const char *read_present(struct reader *r, struct path_fact *p)
{
    uint64_t mode, uid;
    if (r->argc < 5)
        return "wrong number of words";
    if (!identity(r->argv[2].s, p) || !number(r->argv[3].s, 8, 07777, &mode) ||
        !number(r->argv[4].s, 10, UINT32_MAX, &uid))
        return "malformed number";
    p->mode = (mode_t)mode;
    p->uid = (uid_t)uid;
    if (r->argc > 5 && !str_eq(r->argv[5].s, "="))
        p->real = path_clean(r->f->arena, r->argv[5].s);
    if (r->argc > 6) {
        const char *access = r->argv[6].s;
        if (strspn(access, "rwx-") != r->argv[6].n)
            return "malformed access";
        p->access_known = true;
        p->accessible_r = strchr(access, 'r');
        p->accessible_w = strchr(access, 'w');
        p->accessible_x = strchr(access, 'x');
    }
    return NULL;
}

static const char *read_file_fact(struct reader *r, void *target)
{
    struct path_fact p = {.type = (enum file_type)type_named(r->argv[0].s)};
    const char *error = NULL;
    uint64_t v;
    p.path = p.real = path_clean(r->f->arena, r->argv[1].s);
    if (!p.path)
        return "not an absolute path";
    if (p.type == FILE_ABSENT) {
        if (r->argc > 2)
            p.real = path_clean(r->f->arena, r->argv[2].s);
    } else if (p.type == FILE_ERROR) {
        if (r->argc != 3 || !number(r->argv[2].s, 10, 4095, &v))
            return "malformed number";
        p.error = (int)v;
    } else {
        error = read_present(r, &p);
    }
    if (!error && !p.real)
        error = "not an absolute path";
    if (!error)
        facts_put_path(target, &p);
    r->last_path = p.path;
    return error;
}

static const char *read_link(struct reader *r, void *target)
{
    struct path_fact *p = r->last_path ? facts_known_path(target, r->last_path) : NULL;
    const char *link = path_clean(r->f->arena, r->argv[1].s);
    if (!p || p->n_hops >= FACTS_MAX_HOPS)
        return p ? "too many links" : "a link must follow the path that it leads to";
    if (!link)
        return "not an absolute path";
    struct link_hop *v = arena_array(r->f->arena, p->n_hops + 1, sizeof *v);
    if (p->n_hops)
        memcpy(v, p->hops, p->n_hops * sizeof *v);
    v[p->n_hops++] = (struct link_hop){link, keep(r, 2)};
    p->hops = v;
    return NULL;
}

static const char *read_list(struct reader *r, void *target)
{
    struct list_fact list = {.path = path_clean(r->f->arena, r->argv[1].s)};
    if (!list.path)
        return "not an absolute path";
    facts_put_list(target, &list);
    r->list = facts_known_list(target, list.path);
    r->cap_names = 0;
    return NULL;
}

static const char *read_folder(struct reader *r, void *target)
{
    const char *path = path_clean(r->f->arena, r->argv[1].s);
    if (!path)
        return "not an absolute path";
    facts_put_folder(target, path, true);
    return NULL;
}

static const char *read_name(struct reader *r, void *target)
{
    (void)target;
    struct list_fact *l = r->list;
    const char *name = keep(r, 1);
    if (!l)
        return "a name must follow the list that it belongs to";
    if (strchr(name, '/') || *name == '\0' || str_eq(name, ".") || str_eq(name, ".."))
        return "not a file name";
    if (l->n && strcmp(l->names[l->n - 1], name) >= 0)
        return "names must be sorted";
    l->names = arena_grow(r->f->arena, l->names, l->n, &r->cap_names, sizeof *l->names);
    l->names[l->n++] = name;
    return NULL;
}

/* Which words there are, how many words each takes, and where what they say goes. */
static const struct {
    const char *key;
    int least, most;
    handler *read;
    size_t offset; /* in struct facts */
} lines[] = {
    {"uid", 2, 2, read_id, offsetof(struct facts, uid)},
    {"gid", 2, 2, read_id, offsetof(struct facts, gid)},
    {"user", 2, 2, read_string, offsetof(struct facts, user)},
    {"home", 2, 2, read_path_name, offsetof(struct facts, home)},
    {"runtime-dir", 2, 2, read_path_name, offsetof(struct facts, runtime_dir)},
    {"hostname", 2, 2, read_string, offsetof(struct facts, hostname)},
    {"kernel", 2, 2, read_string, offsetof(struct facts, kernel)},
    {"memory", 2, 2, read_id, offsetof(struct facts, memory)},
    {"landlock", 2, 2, read_landlock, offsetof(struct facts, landlock_abi)},
    {"userns-obstacle", 2, 2, read_string, offsetof(struct facts, userns_obstacle)},
    {"user-dir", 3, 3, read_user_dir, offsetof(struct facts, user_dirs)},
    {"env", 3, 3, read_env, 0},
    {"xauth", 3, 3, read_xauth, offsetof(struct facts, xauth)},
    {"xauth-untrusted", 3, 3, read_xauth, offsetof(struct facts, untrusted.cookie)},
    {"xauth-untrusted-obstacle", 2, 2, read_string, offsetof(struct facts, untrusted.obstacle)},
    {"documents", 1, 1, read_flag, offsetof(struct facts, documents)},
    {"control", 3, MAX_WORDS, read_control, offsetof(struct facts, control)},
    {"look", 5, 5, read_look, 0},
    {"dir", 2, 7, read_file_fact, 0},
    {"file", 2, 7, read_file_fact, 0},
    {"socket", 2, 7, read_file_fact, 0},
    {"char", 2, 7, read_file_fact, 0},
    {"block", 2, 7, read_file_fact, 0},
    {"fifo", 2, 7, read_file_fact, 0},
    {"absent", 2, 3, read_file_fact, 0},
    {"error", 3, 3, read_file_fact, 0},
    {"link", 3, 3, read_link, 0},
    {"folder", 2, 2, read_folder, 0},
    {"list", 2, 2, read_list, 0},
    {"name", 2, 2, read_name, 0},
};

static const char *read_line(struct reader *r)
{
    const char *key = r->argv[0].s;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        if (!str_eq(key, lines[i].key))
            continue;
        if (r->argc < lines[i].least || r->argc > lines[i].most)
            return "wrong number of words";
        for (int w = 0; w < r->argc; w++)
            if (has_nul(&r->argv[w]) && !(lines[i].read == read_xauth && w == 2))
                return "a word holds a NUL byte";
        if (lines[i].read != read_link)
            r->last_path = NULL;
        if (lines[i].read != read_name)
            r->list = NULL;
        return lines[i].read(r, (char *)r->f + lines[i].offset);
    }
    return "unknown word";
}

int facts_read(struct facts *f, const char *text, size_t size, int *line, const char **error)
{
    struct reader r = {.f = f};
    *line = 1;
    *error = size > MAX_BYTES ? "the facts are too long" : NULL;
    char *copy = *error ? NULL : arena_strndup(f->arena, text, size);
    f->fixture = true;
    for (size_t i = 0; !*error && (i < size || i == 0); ++*line) {
        char *start = copy + i, *newline = memchr(start, '\n', size - i), *comment;
        size_t n = newline ? (size_t)(newline - start) : size - i;
        i += n + 1;
        if (*line == 1) {
            if (n != strlen(HEADER) || memcmp(start, HEADER, n) != 0)
                *error = "the first line is not \"" HEADER "\"";
        } else {
            r.argc = word_split(start, n, r.argv, MAX_WORDS, &comment);
            if (r.argc < 0)
                *error = r.argc == WORD_TOO_MANY ? "too many words" : "a badly escaped word";
            else if (r.argc > 0)
                *error = read_line(&r);
        }
        if (*error)
            break;
    }
    return *error ? -1 : 0;
}
