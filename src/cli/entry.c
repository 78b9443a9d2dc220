/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/entry.h"

#include "catalog/desktop.h"
#include "util/str.h"

static const char mark[] = DESKTOP_MARK;
static const char shell_line[] = "#!/bin/sh\n";

static void write_mark(struct buf *out, const char *id)
{
    buf_str(out, mark);
    buf_str(out, id);
    buf_char(out, '\n');
}

bool entry_key(const char *line, size_t n, const char *key, size_t *value)
{
    size_t i = strlen(key);
    if (n <= i || memcmp(line, key, i) != 0)
        return false;
    while (i < n && (line[i] == ' ' || line[i] == '\t'))
        i++;
    if (i == n || line[i] != '=')
        return false;
    i++;
    while (i < n && (line[i] == ' ' || line[i] == '\t'))
        i++;
    *value = i;
    return true;
}

/* Ways past the command: the desktop would call the bus, the bus would call systemd. */
static bool is_way_past(const char *line, size_t n)
{
    size_t value;
    return entry_key(line, n, "DBusActivatable", &value) ||
           entry_key(line, n, "SystemdService", &value);
}

void entry_confine(const char *text, size_t size, const char *prefix, const char *id,
                   struct buf *out)
{
    const char *end = text + size;
    size_t value;
    write_mark(out, id);
    while (text < end) {
        const char *nl = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((nl ? nl : end) - text);
        const char *line = text;
        text = nl ? nl + 1 : end;
        while (n && (*line == ' ' || *line == '\t')) {
            line++;
            n--;
        }
        if (is_way_past(line, n))
            continue;
        if (entry_key(line, n, "Exec", &value)) {
            buf_str(out, "Exec=");
            buf_str(out, prefix);
            buf_char(out, ' ');
            buf_bytes(out, line + value, n - value);
        } else {
            buf_bytes(out, line, n);
        }
        buf_char(out, '\n');
    }
}

/* One command, its marks (systemd.service(5)) first. */
static bool unit_command(const char *command, size_t n, const char *prefix, struct buf *out)
{
    static const char marks[] = "-:+!";
    size_t k = 0;
    while (k < n && strchr(marks, command[k]))
        k++;
    if (k == n || command[k] == '@' || command[n - 1] == '\\')
        return false;
    buf_str(out, "ExecStart=");
    buf_bytes(out, command, k);
    buf_printf(out, "%s ", prefix);
    buf_bytes(out, command + k, n - k);
    buf_char(out, '\n');
    return true;
}

bool entry_unit(const char *text, size_t size, const char *prefix, const char *id, struct buf *out)
{
    const char *end = text + size;
    bool any = false;
    size_t value;
    write_mark(out, id);
    buf_str(out, "[Service]\nExecStart=\n");
    while (text < end) {
        const char *nl = memchr(text, '\n', (size_t)(end - text)), *line = text;
        size_t n = (size_t)((nl ? nl : end) - text);
        text = nl ? nl + 1 : end;
        while (n && (line[n - 1] == ' ' || line[n - 1] == '\r' || line[n - 1] == '\t'))
            n--;
        if (!entry_key(line, n, "ExecStart", &value))
            continue;
        if (value < n && !unit_command(line + value, n - value, prefix, out))
            return false;
        any |= value < n;
    }
    return any;
}

void entry_shim(const char *carrel, const char *id, const char *name, struct buf *out)
{
    buf_str(out, shell_line);
    write_mark(out, id);
    buf_printf(out, "exec %s run --app-id=%s %s \"$@\"\n", carrel, id, name);
}

bool entry_is_ours(const char *text, size_t size, const char *id, const char **owner,
                   size_t *n_owner)
{
    size_t n = sizeof shell_line - 1;
    if (size >= n && memcmp(text, shell_line, n) == 0) {
        text += n;
        size -= n;
    }
    n = sizeof mark - 1;
    if (size < n || memcmp(text, mark, n) != 0)
        return false;
    text += n;
    size -= n;
    const char *nl = memchr(text, '\n', size);
    size_t len = nl ? (size_t)(nl - text) : 0;
    if (!len || (id && (strlen(id) != len || memcmp(text, id, len) != 0)))
        return false;
    if (owner) {
        *owner = text;
        *n_owner = len;
    }
    return true;
}

bool entry_plain_path(const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "/._+-";
    return *path == '/' && path[strspn(path, plain)] == '\0';
}
