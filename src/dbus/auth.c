/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/auth.h"

#include <stdio.h>
#include <string.h>

/* The length of the first line without its end, or -1 when it is not whole, -2 when it is bad. */
static long line_size(const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n && i < AUTH_LINE_MOST; i++) {
        if (b[i] == '\r')
            return i + 1 == n ? -1 : b[i + 1] == '\n' ? (long)i : -2;
        if (b[i] < ' ' || b[i] > '~')
            return -2;
    }
    return n >= AUTH_LINE_MOST ? -2 : -1;
}

static enum auth_step bad(const char **answer, const char *why)
{
    *answer = why;
    return AUTH_BAD;
}

/* Whether the line begins with this word; what follows it is *rest, without the blanks before. */
static bool word(const char *line, const char *w, const char **rest)
{
    size_t n = strlen(w);
    if (strncmp(line, w, n) != 0 || (line[n] && line[n] != ' '))
        return false;
    *rest = line + n + strspn(line + n, " ");
    return true;
}

static bool hex(const char *s)
{
    size_t n = strspn(s, "0123456789abcdefABCDEF");
    return s[n] == '\0' && n % 2 == 0;
}

/* ---- the bus ---- */

size_t auth_greeting(char *to, unsigned uid)
{
    /* The digits of the number, and each as two hexadecimal ones. */
    char digits[16], name[2 * sizeof digits];
    size_t n = (size_t)snprintf(digits, sizeof digits, "%u", uid);
    for (size_t i = 0; i < n; i++) {
        name[2 * i] = '3';
        name[2 * i + 1] = digits[i];
    }
    name[2 * n] = '\0';
    to[0] = '\0';
    int size = snprintf(to + 1, AUTH_LINE_MOST - 1,
                        "AUTH EXTERNAL %s\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n", name);
    return 1 + (size_t)size;
}

enum auth_step auth_from_bus(struct auth_bus *a, const uint8_t *bytes, size_t n, size_t *used,
                             const char **answer)
{
    char line[AUTH_LINE_MOST + 1];
    const char *rest;
    long size = line_size(bytes, n);
    *answer = "";
    if (size == -1)
        return AUTH_MORE;
    if (size < 0 || ++a->lines > 2)
        return bad(answer, "the bus does not speak as a bus does");
    memcpy(line, bytes, (size_t)size);
    line[size] = '\0';
    *used = (size_t)size + 2;
    if (!*a->id) {
        if (!word(line, "OK", &rest))
            return bad(answer, "the bus does not let us in");
        if (!hex(rest) || strlen(rest) != sizeof a->id - 1)
            return bad(answer, "the bus has no id");
        memcpy(a->id, rest, sizeof a->id);
        return AUTH_GO_ON;
    }
    a->fds_known = true;
    a->fds = word(line, "AGREE_UNIX_FD", &rest);
    if (!a->fds && !word(line, "ERROR", &rest))
        return bad(answer, "the bus does not speak as a bus does");
    return AUTH_DONE;
}

/* ---- the app ---- */

static enum auth_step reject(struct auth_app *a, const char **answer)
{
    a->asked = a->let_in = a->fds = false;
    *answer = "REJECTED EXTERNAL\r\n";
    return AUTH_GO_ON;
}

static enum auth_step let_in(struct auth_app *a, const struct auth_bus *bus, const char *id,
                             const char **answer)
{
    if (!hex(id))
        return reject(a, answer);
    a->asked = false;
    a->let_in = true;
    snprintf(a->text, sizeof a->text, "OK %s\r\n", bus->id);
    *answer = a->text;
    return AUTH_GO_ON;
}

static enum auth_step app_line(struct auth_app *a, const struct auth_bus *bus, const char *line,
                               const char **answer)
{
    const char *rest, *id;
    *answer = "ERROR\r\n";
    if (word(line, "BEGIN", &rest))
        return a->let_in ? AUTH_DONE : bad(answer, "messages before it was let in");
    if (word(line, "AUTH", &rest)) {
        if (a->let_in)
            return AUTH_GO_ON;
        if (!word(rest, "EXTERNAL", &id))
            return reject(a, answer);
        if (*id)
            return let_in(a, bus, id, answer);
        a->asked = true;
        *answer = "DATA\r\n";
        return AUTH_GO_ON;
    }
    if (word(line, "DATA", &rest))
        return a->asked ? let_in(a, bus, rest, answer) : AUTH_GO_ON;
    if (word(line, "CANCEL", &rest) || word(line, "ERROR", &rest))
        return reject(a, answer);
    if (word(line, "NEGOTIATE_UNIX_FD", &rest) && a->let_in && bus->fds) {
        a->fds = true;
        *answer = "AGREE_UNIX_FD\r\n";
    }
    return AUTH_GO_ON;
}

enum auth_step auth_from_app(struct auth_app *a, const struct auth_bus *bus, const uint8_t *bytes,
                             size_t n, size_t *used, const char **answer)
{
    char line[AUTH_LINE_MOST + 1];
    *answer = "";
    if (!a->began) {
        if (bytes[0] != 0)
            return bad(answer, "it does not begin with a NUL");
        a->began = true;
        *used = 1;
        return AUTH_GO_ON;
    }
    long size = line_size(bytes, n);
    if (size == -1)
        return AUTH_MORE;
    if (size < 0 || bytes[0] < 'A' || bytes[0] > 'Z')
        return bad(answer, "a line of no authentication");
    if (!bus->fds_known)
        return AUTH_WAIT;
    *used = (size_t)size + 2;
    a->seen += *used;
    if (a->seen > AUTH_MOST)
        return bad(answer, "it never ends its authentication");
    memcpy(line, bytes, (size_t)size);
    line[size] = '\0';
    return app_line(a, bus, line, answer);
}
