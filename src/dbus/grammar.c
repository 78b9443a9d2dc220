/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* D-Bus Specification, "Valid Names". */
#include "dbus/wire.h"

#include <string.h>

enum { LETTER = 1, DIGIT = 2, UNDERSCORE = 4, HYPHEN = 8, DOT = 16, SLASH = 32 };

static unsigned kind(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? LETTER
           : c >= '0' && c <= '9'                           ? DIGIT
           : c == '_'                                       ? UNDERSCORE
           : c == '-'                                       ? HYPHEN
           : c == '.'                                       ? DOT
           : c == '/'                                       ? SLASH
                                                            : 0;
}

/* Elements of the allowed characters, none empty, joined by single dots; digits may begin one only
 * where `first` has them. */
static bool elements_ok(const char *s, unsigned first, unsigned all, int least)
{
    int count = 0;
    size_t n = 0;
    bool begins = true;
    for (; s[n]; n++) {
        unsigned k = kind(s[n]);
        if (k == DOT && !begins) {
            begins = true;
            continue;
        }
        if (n >= WIRE_NAME_MOST || !(k & (begins ? first : all)))
            return false;
        count += begins;
        begins = false;
    }
    return n <= WIRE_NAME_MOST && !begins && count >= least;
}

bool unique_name_ok(const char *s)
{
    unsigned any = LETTER | DIGIT | UNDERSCORE | HYPHEN;
    return *s == ':' && strlen(s) <= WIRE_NAME_MOST && elements_ok(s + 1, any, any, 2);
}

bool well_known_name_ok(const char *s)
{
    unsigned first = LETTER | UNDERSCORE | HYPHEN;
    return elements_ok(s, first, first | DIGIT, 2);
}

bool interface_ok(const char *s)
{
    return elements_ok(s, LETTER | UNDERSCORE, LETTER | UNDERSCORE | DIGIT, 2);
}

bool member_ok(const char *s)
{
    return !strchr(s, '.') && elements_ok(s, LETTER | UNDERSCORE, LETTER | UNDERSCORE | DIGIT, 1);
}

bool path_ok(const char *s)
{
    if (*s != '/')
        return false;
    if (!s[1])
        return true;
    for (const char *p = s; *p; p++) {
        unsigned k = kind(*p);
        if (!(k & (LETTER | DIGIT | UNDERSCORE | SLASH)) || (k == SLASH && (!p[1] || p[1] == '/')))
            return false;
    }
    return true;
}
