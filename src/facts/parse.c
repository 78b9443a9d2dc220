/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small bounded parsers of what a host says. They trust no length and no byte of their input. */
#include "facts/facts.h"

#include "facts/store.h"
#include "util/str.h"

#include <limits.h>
#include <string.h>

const char *path_clean(struct arena *a, const char *path)
{
    size_t n = strlen(path);
    if (path[0] != '/' || n >= PATH_MAX)
        return NULL;
    char *out = arena_alloc(a, n + 1), *end = out;
    for (const char *p = path; *p;) {
        while (*p == '/')
            p++;
        size_t len = strcspn(p, "/");
        if (len == 2 && p[0] == '.' && p[1] == '.')
            return NULL;
        if (len > 0 && !(len == 1 && p[0] == '.')) {
            *end++ = '/';
            memcpy(end, p, len);
            end += len;
        }
        p += len;
    }
    if (end == out)
        *end++ = '/';
    *end = '\0';
    return out;
}

bool display_parse(const char *text, struct x_display *out)
{
    const char *colon = strrchr(text, ':');
    if (!colon || text[0] == '/')
        return false;
    size_t host = (size_t)(colon - text);
    const char *p = colon + 1;
    unsigned number = 0;
    int digits = 0;
    for (; *p >= '0' && *p <= '9' && digits < 6; p++, digits++)
        number = number * 10 + (unsigned)(*p - '0');
    if (digits == 0 || (*p != '\0' && *p != '.') || strspn(p, ".0123456789") != strlen(p))
        return false;
    bool unix_suffix = host >= 5 && memcmp(colon - 5, "/unix", 5) == 0;
    *out = (struct x_display){
        .local = host == 0 || unix_suffix || (host == 4 && memcmp(text, "unix", 4) == 0),
        .number = number,
        .rest = p,
    };
    return true;
}

/* ---- Xauthority ---- */

struct cursor {
    const unsigned char *p, *end;
};

static bool take16(struct cursor *c, unsigned *v)
{
    if (c->end - c->p < 2)
        return false;
    *v = (unsigned)c->p[0] << 8 | c->p[1];
    c->p += 2;
    return true;
}

static bool take_counted(struct cursor *c, const char **s, size_t *n)
{
    unsigned len;
    if (!take16(c, &len) || (size_t)(c->end - c->p) < len)
        return false;
    *s = (const char *)c->p;
    *n = len;
    c->p += len;
    return true;
}

static bool is_text(const char *s, size_t n, const char *text)
{
    return strlen(text) == n && memcmp(s, text, n) == 0;
}

static bool is_number(const char *s, size_t n, unsigned display)
{
    unsigned v = 0;
    if (n > 6)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (unsigned)(s[i] - '0');
    }
    return n == 0 || v == display; /* an empty number fits every display */
}

bool xauth_find(const char *data, size_t size, const char *hostname, unsigned display,
                struct xauth_fact *out)
{
    static const char cookie[] = "MIT-MAGIC-COOKIE-1";
    enum { FAMILY_LOCAL = 256, FAMILY_WILD = 65535 };
    struct cursor c = {(const unsigned char *)data, (const unsigned char *)data + size};
    while (c.p < c.end) {
        unsigned family;
        const char *address, *number, *name, *value;
        size_t n_address, n_number, n_name, n_value;
        if (!take16(&c, &family) || !take_counted(&c, &address, &n_address) ||
            !take_counted(&c, &number, &n_number) || !take_counted(&c, &name, &n_name) ||
            !take_counted(&c, &value, &n_value))
            return false;
        bool host_fits = family == FAMILY_WILD ||
                         (family == FAMILY_LOCAL && is_text(address, n_address, hostname));
        if (!host_fits || !is_number(number, n_number, display) || n_value == 0 ||
            !is_text(name, n_name, cookie))
            continue;
        *out = (struct xauth_fact){.name = cookie, .data = value, .size = n_value};
        return true;
    }
    return false;
}

/* ---- user-dirs.dirs ---- */

static const char *const user_dir_keys[8] = {
    "DESKTOP", "DOCUMENTS", "DOWNLOAD", "MUSIC", "PICTURES", "PUBLICSHARE", "TEMPLATES", "VIDEOS",
};

/* Undoes the shell quoting that xdg-user-dirs-update writes: "…" with backslashes. NULL when the
 * text is not of that form. */
static char *unquote(struct arena *a, const char *s, size_t n)
{
    if (n < 2 || s[0] != '"')
        return NULL;
    char *out = arena_alloc(a, n), *end = out;
    for (size_t i = 1; i < n; i++) {
        if (s[i] == '"') {
            *end = '\0';
            return out;
        }
        if (s[i] == '\\' && i + 1 < n)
            i++;
        if (s[i] == '\0')
            return NULL;
        *end++ = s[i];
    }
    return NULL;
}

static void user_dir_line(struct arena *a, const char *home, const char *line, size_t n,
                          const char *dirs[8])
{
    while (n > 0 && (*line == ' ' || *line == '\t'))
        line++, n--;
    if (n < 4 || memcmp(line, "XDG_", 4) != 0)
        return;
    line += 4, n -= 4;
    for (int k = 0; k < 8; k++) {
        size_t len = strlen(user_dir_keys[k]);
        if (n < len + 5 || memcmp(line, user_dir_keys[k], len) != 0 ||
            memcmp(line + len, "_DIR=", 5) != 0)
            continue;
        const char *value = unquote(a, line + len + 5, n - len - 5);
        const char *rest = value ? str_after(value, "$HOME/") : NULL;
        const char *path = rest    ? path_clean(a, path_join(a, home, rest))
                           : value ? path_clean(a, value)
                                   : NULL;
        if (path && !str_eq(path, home) && !str_eq(path, "/"))
            dirs[k] = path;
        else if (value)
            dirs[k] = NULL; /* "$HOME/" says: there is no such folder */
        return;
    }
}

void user_dirs_parse(struct arena *a, const char *home, const char *text, size_t size,
                     const char *dirs[8])
{
    for (size_t i = 0; i < size;) {
        const char *newline = memchr(text + i, '\n', size - i);
        size_t n = newline ? (size_t)(newline - (text + i)) : size - i;
        user_dir_line(a, home, text + i, n, dirs);
        i += n + 1;
    }
}
