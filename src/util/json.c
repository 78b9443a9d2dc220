/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/json.h"

#include "util/utf8.h"

#include <assert.h>
#include <string.h>

static void escape_char(struct buf *out, const char *s, size_t len, uint32_t cp)
{
    if (cp == '"' || cp == '\\')
        buf_printf(out, "\\%c", (char)cp);
    else if (cp < 0x20 || cp == 0x7f || !utf8_safe(cp))
        buf_printf(out, "\\u%04x", cp);
    else
        buf_bytes(out, s, len);
}

static void quoted(struct buf *out, const char *s, size_t n)
{
    buf_char(out, '"');
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t len = utf8_decode(s + i, n - i, &cp);
        if (len)
            escape_char(out, s + i, len, cp);
        else
            buf_printf(out, "\\udc%02x", (unsigned char)s[i]);
        i += len ? len : 1;
    }
    buf_char(out, '"');
}

static void member(struct json *j, const char *key)
{
    if (j->depth > 0) {
        if (j->has_member[j->depth])
            buf_char(j->out, ',');
        j->has_member[j->depth] = true;
    }
    if (key) {
        quoted(j->out, key, strlen(key));
        buf_char(j->out, ':');
    }
}

static void open_level(struct json *j, const char *key, bool array)
{
    member(j, key);
    assert(j->depth + 1 < (int)(sizeof j->is_array / sizeof *j->is_array));
    j->depth++;
    j->is_array[j->depth] = array;
    j->has_member[j->depth] = false;
    buf_char(j->out, array ? '[' : '{');
}

void json_object(struct json *j, const char *key)
{
    open_level(j, key, false);
}

void json_array(struct json *j, const char *key)
{
    open_level(j, key, true);
}

void json_end(struct json *j)
{
    assert(j->depth > 0);
    buf_char(j->out, j->is_array[j->depth] ? ']' : '}');
    if (--j->depth == 0)
        buf_char(j->out, '\n');
}

void json_bytes(struct json *j, const char *key, const char *value, size_t n)
{
    member(j, key);
    quoted(j->out, value, n);
}

void json_string(struct json *j, const char *key, const char *value)
{
    json_bytes(j, key, value, strlen(value));
}

void json_number(struct json *j, const char *key, long long value)
{
    member(j, key);
    buf_printf(j->out, "%lld", value);
}

void json_bool(struct json *j, const char *key, bool value)
{
    member(j, key);
    buf_str(j->out, value ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
    member(j, key);
    buf_str(j->out, "null");
}
