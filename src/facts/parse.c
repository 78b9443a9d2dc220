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
