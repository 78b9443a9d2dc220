/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/word.h"

static bool plain(unsigned char c)
{
    return c > 0x20 && c < 0x7f && c != '\\' && c != '#';
}

size_t word_escaped_size(const char *s, size_t n)
{
    if (n == 0)
        return 2;
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += plain((unsigned char)s[i]) ? 1 : 4;
    return size;
}

void word_escape(const char *s, size_t n, char *out)
{
    static const char hex[] = "0123456789abcdef";
    if (n == 0) {
        *out++ = '\\';
        *out++ = 'e';
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (plain(c)) {
            *out++ = (char)c;
            continue;
        }
        *out++ = '\\';
        *out++ = 'x';
        *out++ = hex[c >> 4];
        *out++ = hex[c & 15];
    }
}
