/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is carried is looked at: bytes that are not what they are said to be stay behind. */
#include "clip/data.h"

#include "util/utf8.h"

#include <string.h>

static bool may_be_pasted(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= ' ' && c < 0x7f) || c >= 0xa0;
}

size_t clip_clean(uint8_t *p, size_t n)
{
    size_t out = 0;
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t k = utf8_decode((const char *)p + i, n - i, &c);
        if (k == 0) {
            p[out++] = '?';
            i++;
            continue;
        }
        if (may_be_pasted(c)) {
            memmove(p + out, p + i, k);
            out += k;
        }
        i += k;
    }
    return out;
}

size_t clip_widen(uint8_t *p, size_t n, size_t room)
{
    size_t size = n;
    for (size_t i = 0; i < n; i++)
        size += p[i] >= 0x80;
    if (size > room)
        return 0;
    for (size_t i = n, at = size; i-- > 0;) {
        uint8_t c = p[i];
        if (c < 0x80) {
            p[--at] = c;
        } else {
            p[--at] = 0x80 | (c & 0x3f);
            p[--at] = 0xc0 | c >> 6;
        }
    }
    return size;
}

const char *clip_picture_type(const uint8_t *p, size_t n)
{
    static const struct {
        const char *type, *begin;
        size_t size, at;
    } rows[] = {
        {"image/png", "\x89PNG\r\n\x1a\n", 8, 0},
        {"image/jpeg", "\xff\xd8\xff", 3, 0},
        {"image/gif", "GIF8", 4, 0},
        {"image/bmp", "BM", 2, 0},
        {"image/webp", "WEBP", 4, 8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (n >= rows[i].at + rows[i].size &&
            memcmp(p + rows[i].at, rows[i].begin, rows[i].size) == 0)
            return rows[i].type;
    return NULL;
}

bool clip_looks_like(const char *type, const uint8_t *p, size_t n)
{
    const char *is = clip_picture_type(p, n);
    return is && strcmp(is, type) == 0;
}
