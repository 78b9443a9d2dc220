/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/word.h"

#include <string.h>

static bool plain(unsigned char c)
{
    return c > 0x20 && c < 0x7f && c != '\\' && c != '#';
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *d = memchr(digits, c, 16);
    return d ? (int)(d - digits) : -1;
}

/* Decodes the escape at *in, before end: returns the bytes it stands for (0 or 1), or -1. */
static int unescape(char **in, const char *end, char *out)
{
    char *p = *in;
    if (end - p >= 2 && p[1] == 'e') {
        *in = p + 2;
        return 0;
    }
    if (end - p < 4 || p[1] != 'x')
        return -1;
    int hi = hex_digit(p[2]), lo = hex_digit(p[3]);
    if (hi < 0 || lo < 0)
        return -1;
    *out = (char)(hi << 4 | lo);
    *in = p + 4;
    return 1;
}

/* Unescapes one word at *in up to the next blank. Returns 0 or a WORD_ error. */
static int take_word(char **in, const char *end, struct word *w)
{
    char *p = *in, *out = *in;
    w->s = out;
    while (p < end && *p != ' ') {
        if (*p == '\\') {
            int n = unescape(&p, end, out);
            if (n < 0)
                return WORD_BAD_ESCAPE;
            out += n;
        } else if (plain((unsigned char)*p)) {
            *out++ = *p++;
        } else {
            return WORD_BAD_BYTE;
        }
    }
    w->n = (size_t)(out - w->s);
    *in = p;
    return 0;
}

int word_split(char *line, size_t n, struct word *words, int max, char **comment)
{
    char *p = line, *end = line + n;
    int count = 0;
    *comment = NULL;
    *end = '\0';
    while (p < end) {
        if (*p == ' ') {
            p++;
            continue;
        }
        if (*p == '#') {
            p++;
            *comment = p < end && *p == ' ' ? p + 1 : p;
            break;
        }
        if (count == max)
            return WORD_TOO_MANY;
        int r = take_word(&p, end, &words[count]);
        if (r < 0)
            return r;
        count++;
        if (p < end)
            p++;
        words[count - 1].s[words[count - 1].n] = '\0';
    }
    return count;
}
