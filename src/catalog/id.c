/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalog/id.h"

#include "policy/policy.h"
#include "util/buf.h"
#include "util/str.h"

static bool letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One element of an id. '-' is allowed in the last one only, and never first. */
static void element(struct buf *out, const char *s, size_t n, bool last)
{
    for (size_t i = 0; i < n; i++) {
        bool inner = i > 0 && (digit(s[i]) || (last && s[i] == '-'));
        if (s[i] == '_')
            buf_str(out, "__");
        else if (letter(s[i]) || inner)
            buf_char(out, s[i]);
        else
            buf_printf(out, "_%02X", (unsigned char)s[i]);
    }
}

static const char *checked(const struct buf *id)
{
    return app_id_error(id->data) ? NULL : id->data;
}

const char *id_of_system_program(struct arena *a, const char *name)
{
    struct buf id = {.arena = a};
    buf_str(&id, "org.debian.");
    element(&id, name, strlen(name), true);
    return checked(&id);
}

const char *id_of_path(struct arena *a, const char *path)
{
    struct buf id = {.arena = a};
    buf_str(&id, "local");
    while (*path == '/') {
        const char *part = path + 1, *end = strchrnul(part, '/');
        buf_char(&id, '.');
        element(&id, part, (size_t)(end - part), *end == '\0');
        path = end;
    }
    return checked(&id);
}

static int hex_value(char c)
{
    return digit(c) ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Undoes element(), and the dots between elements, which stand for slashes. */
static bool decode(struct buf *out, const char *s)
{
    for (; *s; s++) {
        int high = *s == '_' ? hex_value(s[1]) : -1, low = high < 0 ? -1 : hex_value(s[2]);
        if (*s == '_' && s[1] == '_') {
            buf_char(out, '_');
            s++;
        } else if (*s == '_' && (low < 0 || high + low == 0)) {
            return false;
        } else if (*s == '_') {
            buf_char(out, (char)(high * 16 + low));
            s += 2;
        } else {
            buf_char(out, *s == '.' ? '/' : *s);
        }
    }
    return true;
}

const char *id_source(struct arena *a, const char *id)
{
    struct buf out = {.arena = a};
    const char *name = str_after(id, "org.debian."), *path = str_after(id, "local");
    if (!name && !path)
        return NULL;
    if (!decode(&out, name ? name : path))
        return NULL;
    const char *again = name ? id_of_system_program(a, out.data) : id_of_path(a, out.data);
    return again && str_eq(again, id) ? out.data : NULL;
}
