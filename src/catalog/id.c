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
