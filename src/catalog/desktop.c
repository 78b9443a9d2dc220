/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalog/desktop.h"

#include "util/str.h"

/* What starts others. Each may bear a version behind its name: python3.11, guile-3.0. */
static const char *const starters[] = {
    "ash",  "bash",    "busybox", "csh",      "dash", "doas",   "env",         "fish",
    "gjs",  "guile",   "java",    "ksh",      "lua",  "mksh",   "mono",        "nice",
    "node", "nodejs",  "nohup",   "perl",     "php",  "pkexec", "pypy",        "python",
    "ruby", "runuser", "setsid",  "sh",       "su",   "sudo",   "systemd-run", "tclsh",
    "tcsh", "timeout", "wish",    "xvfb-run", "zsh"};

struct span {
    const char *s;
    size_t n;
};

/* Takes the next line off text, without its end. */
static bool next_line(const char **text, const char *end, struct span *line)
{
    if (*text >= end)
        return false;
    const char *nl = memchr(*text, '\n', (size_t)(end - *text));
    const char *stop = nl ? nl : end;
    *line = (struct span){*text, (size_t)(stop - *text)};
    *text = nl ? nl + 1 : end;
    if (line->n && line->s[line->n - 1] == '\r')
        line->n--;
    return true;
}

static bool span_is(struct span s, const char *want)
{
    return s.n == strlen(want) && memcmp(s.s, want, s.n) == 0;
}

/* The value when line is "KEY = value", else a span with s == NULL. */
static struct span value_of(struct span line, const char *key)
{
    size_t k = strlen(key), i = k;
    if (line.n <= k || memcmp(line.s, key, k) != 0)
        return (struct span){NULL, 0};
    while (i < line.n && line.s[i] == ' ')
        i++;
    if (i == line.n || line.s[i] != '=')
        return (struct span){NULL, 0};
    i++;
    while (i < line.n && line.s[i] == ' ')
        i++;
    return (struct span){line.s + i, line.n - i};
}

/* Undoes the escapes that every string value of a key file may hold. */
static char *unescape_value(struct arena *a, struct span v)
{
    static const char from[] = "sntr\\", to[] = " \n\t\r\\";
    char *out = arena_alloc(a, v.n + 1), *o = out;
    for (size_t i = 0; i < v.n; i++) {
        const char *at =
            v.s[i] == '\\' && i + 1 < v.n ? memchr(from, v.s[i + 1], sizeof from - 1) : NULL;
        if (at) {
            *o++ = to[at - from];
            i++;
        } else {
            *o++ = v.s[i];
        }
    }
    *o = '\0';
    return out;
}

/* Writes one plain byte or what a field code stands for (nothing, or '%'); returns how many bytes
 * of `in` are used up, or 0 for an unknown or unfinished code. */
static size_t take_byte(const char *in, char **out, bool *dropped)
{
    static const char codes[] = "fFuUdDnNickvm";
    if (*in != '%') {
        *(*out)++ = *in;
        return 1;
    }
    if (in[1] == '%') {
        *(*out)++ = '%';
        return 2;
    }
    if (in[1] == '\0' || !strchr(codes, in[1]))
        return 0;
    *dropped = true;
    return 2;
}

/* Reads one word of a command line at *in. Returns 1, 0 when the word was only a field code, or -1
 * with *error set. The word is written over the text it came from, at *word. */
static int take_word(char **in, char **word, const char **error)
{
    char *p = *in, *out = *in;
    bool quoted = false, ever_quoted = false, dropped = false;
    *word = out;
    for (; *p && (quoted || (*p != ' ' && *p != '\t'));) {
        if (*p == '"') {
            quoted = !quoted;
            ever_quoted = true;
            p++;
        } else if (quoted && *p == '\\' && p[1] && strchr("\"`$\\", p[1])) {
            *out++ = p[1];
            p += 2;
        } else {
            size_t used = take_byte(p, &out, &dropped);
            if (!used) {
                *error = "unknown field code: '%' must be written '%%'";
                return -1;
            }
            p += used;
        }
    }
    if (quoted) {
        *error = "a quotation mark is not closed";
        return -1;
    }
    *in = *p ? p + 1 : p;
    bool empty = out == *word;
    *out = '\0';
    return !empty || (ever_quoted && !dropped);
}

static int split_command(struct arena *a, char *command, const char *const **argv,
                         const char **error)
{
    const char **words = arena_array(a, DESKTOP_MAX_ARGS + 1, sizeof *words);
    size_t n = 0;
    for (char *p = command; *p;) {
        if (*p == ' ' || *p == '\t') {
            p++;
            continue;
        }
        char *word;
        int got = take_word(&p, &word, error);
        if (got < 0)
            return -1;
        if (got && n == DESKTOP_MAX_ARGS) {
            *error = "too many words";
            return -1;
        }
        if (got)
            words[n++] = word;
    }
    if (n == 0 || words[0][0] == '\0') {
        *error = "the command is empty";
        return -1;
    }
    *argv = words;
    return 0;
}

int desktop_exec(struct arena *a, const char *text, size_t size, const char *const **argv,
                 int *line, const char **error)
{
    const char *end = text + size;
    struct span l, exec = {NULL, 0};
    bool ours = false;
    int number = 0;
    *line = 0;
    *error = "no Exec= line in [Desktop Entry]";
    while (next_line(&text, end, &l)) {
        number++;
        if (memchr(l.s, '\0', l.n)) {
            *line = number;
            *error = "a NUL byte";
            return -1;
        }
        if (l.n && l.s[0] == '[')
            ours = span_is(l, "[Desktop Entry]");
        struct span v = ours ? value_of(l, "Exec") : (struct span){NULL, 0};
        if (v.s) {
            exec = v;
            *line = number;
        }
    }
    return exec.s ? split_command(a, unescape_value(a, exec), argv, error) : -1;
}

size_t desktop_program(const char *const *argv)
{
    const char *slash = strrchr(argv[0], '/');
    size_t i = 1;
    if (!str_eq(slash ? slash + 1 : argv[0], "env"))
        return 0;
    while (argv[i] && argv[i][0] != '-' && strchr(argv[i], '='))
        i++;
    return argv[i] && argv[i][0] != '-' ? i : 0;
}

bool desktop_starter(const char *program)
{
    const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;
    size_t n = strlen(name);
    while (n && strchr("0123456789.-", name[n - 1]))
        n--;
    for (size_t i = 0; i < ARRAY_SIZE(starters); i++)
        if (strlen(starters[i]) == n && strncmp(starters[i], name, n) == 0)
            return true;
    return false;
}

bool desktop_starts_another(const char *const *argv)
{
    size_t i = desktop_program(argv);
    return argv[i + 1] && desktop_starter(argv[i]);
}
