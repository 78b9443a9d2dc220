/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "autostart/autostart.h"

#include "util/str.h"
#include "util/utf8.h"

#include <stdbool.h>

struct words {
    const char *v[AUTOSTART_MOST_WORDS + 1];
    size_t n;
};

/* ---- the key file ---- */

/* The value of the last line "KEY = value" of [Desktop Entry], its escapes undone; or NULL. */
static char *value_of(struct arena *a, const char *text, size_t size, const char *key)
{
    static const char from[] = "sntr\\", to[] = " \n\t\r\\", group[] = "[Desktop Entry]";
    const char *end = text + size, *found = NULL;
    size_t k = strlen(key), n_found = 0;
    bool inside = false;
    for (const char *line = text, *next; line < end; line = next) {
        const char *nl = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)((nl ? nl : end) - line), i = k;
        next = nl ? nl + 1 : end;
        if (n && *line == '[')
            inside = n == strlen(group) && memcmp(line, group, n) == 0;
        if (!inside || n <= k || memcmp(line, key, k) != 0)
            continue;
        while (i < n && line[i] == ' ')
            i++;
        if (i == n || line[i++] != '=')
            continue;
        while (i < n && line[i] == ' ')
            i++;
        found = line + i;
        n_found = n - i;
    }
    char *out = found ? arena_alloc(a, n_found + 1) : NULL, *o = out;
    for (size_t i = 0; i < n_found; i++) {
        const char *at = found[i] == '\\' && i + 1 < n_found
                             ? memchr(from, found[i + 1], sizeof from - 1)
                             : NULL;
        *o++ = at ? to[at - from] : found[i];
        i += at != NULL;
    }
    if (out)
        *o = '\0';
    return out;
}

/* ---- the command ---- */

/* Whether all of it is text that may stand in a file which people read. */
static bool is_clean(const char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t k = utf8_decode(s + i, n - i, &cp);
        if (!k || !utf8_safe(cp))
            return false;
        i += k;
    }
    return true;
}

/* One more character at *p, as it counts in these quotes; false when the word ends there. */
static bool take(const char **p, char *quote, char **out)
{
    const char *s = *p;
    if (!*quote && *s == ' ')
        return false;
    if (*quote ? *s == *quote : *s == '"' || *s == '\'') {
        *quote = *quote ? '\0' : *s;
        *p = s + 1;
        return true;
    }
    bool escaped = *s == '\\' && s[1] && (!*quote || (*quote == '"' && strchr("$`\"\\", s[1])));
    bool twice = *s == '%' && s[1] == '%'; /* what a portal leaves alone, it writes once */
    *(*out)++ = escaped ? s[1] : *s;
    *p = s + (escaped || twice ? 2 : 1);
    return true;
}

/*
 * As GLib splits it (g_shell_parse_argv), by which desktops and portals go: that knows single
 * quotes, which the specification does not. Words are written over the text.
 */
static bool split(char *text, struct words *w)
{
    for (const char *p = text;;) {
        char quote = '\0', *out;
        while (*p == ' ')
            p++;
        if (!*p)
            return true;
        if (w->n == AUTOSTART_MOST_WORDS)
            return false;
        out = text + (p - text);
        w->v[w->n++] = out;
        while (*p && take(&p, &quote, &out))
            ;
        if (quote)
            return false;
        p += *p == ' ';
        *out = '\0';
    }
}

/* ---- the new entry ---- */

/* A word of Exec=: quoted as the specification says, and that again as a key file's value. */
static void put_word(struct buf *out, const char *s)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "/._+-=:,@";
    bool quoted = !*s || s[strspn(s, plain)];
    buf_str(out, quoted ? " \"" : " ");
    for (; *s; s++) {
        if (*s == '%')
            buf_char(out, '%');
        if (strchr("\"`$\\", *s))
            buf_str(out, *s == '\\' ? "\\\\\\" : "\\\\");
        buf_char(out, *s);
    }
    if (quoted)
        buf_char(out, '"');
}

static void put_entry(struct buf *out, const char *id, const char *name, const char *carrel,
                      const char *command, const char *const *args)
{
    buf_printf(out, AUTOSTART_MARK "%s\n[Desktop Entry]\nType=Application\nName=%s\nExec=%s run",
               id, name, carrel);
    if (command)
        put_word(out, arena_printf(out->arena, "--command=%s", command));
    put_word(out, id);
    if (args && *args)
        buf_str(out, " --");
    for (; args && *args; args++)
        put_word(out, *args);
    buf_printf(out, "\n%s", args ? "" : "Hidden=true\n");
}

/* Nothing may stand before the id but the program: what else `flatpak run` takes there widens what
 * the app may do, and an older portal lets an app smuggle it in. */
static bool understand(const struct words *w, const char *id, const char **command,
                       const char *const **args)
{
    size_t i = 2;
    const char *slash = w->n ? strrchr(w->v[0], '/') : NULL;
    *command = NULL;
    if (w->n < 3 || !str_eq(slash ? slash + 1 : w->v[0], "flatpak") || !str_eq(w->v[1], "run"))
        return false;
    if ((*command = str_after(w->v[i], "--command=")))
        i++;
    if (i >= w->n || !str_eq(w->v[i], id) || (*command && !**command))
        return false;
    *args = w->v + i + 1;
    return true;
}

enum autostart autostart_rewrite(struct arena *a, const char *text, size_t n, const char *id,
                                 const char *carrel, struct buf *out)
{
    static const char mark[] = AUTOSTART_MARK;
    struct words *w = arena_alloc(a, sizeof *w);
    const char *command = NULL, *const *args = NULL;
    bool ours = n >= sizeof mark - 1 && memcmp(text, mark, sizeof mark - 1) == 0;
    /* Ours have no such line: a backend may have changed one of ours. */
    const char *whose = memchr(text, '\0', n) ? NULL : value_of(a, text, n, "X-Flatpak");
    if (!whose || !str_eq(whose, id))
        return ours ? AUTOSTART_OURS : AUTOSTART_FOREIGN;
    char *exec = value_of(a, text, n, "Exec");
    const char *name = value_of(a, text, n, "Name");
    *w = (struct words){.n = 0};
    bool good = exec && is_clean(exec) && split(exec, w) && understand(w, id, &command, &args);
    if (!name || !is_clean(name) || strchr(name, '\\') || !*name)
        name = id;
    put_entry(out, id, name, carrel, good ? command : NULL, good ? args : NULL);
    return good ? AUTOSTART_ANEW : AUTOSTART_OFF;
}
