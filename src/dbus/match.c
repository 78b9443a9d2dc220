/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/match.h"

#include <string.h>

static const char blanks[] = " \t\n\r";

/* Whatever reads it, and however it is quoted: the word may not stand before a '='. */
static bool eavesdrops(const char *rule)
{
    static const char word[] = "eavesdrop";
    for (const char *s = rule; (s = strstr(s, word));) {
        s += sizeof word - 1;
        if (s[strspn(s, " \t\n\r'\\\"")] == '=')
            return true;
    }
    return false;
}

static bool known(const char *key, size_t n)
{
    static const char *const keys[] = {"type", "sender",      "interface",     "member",
                                       "path", "destination", "arg0namespace", "path_namespace"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strlen(keys[i]) == n && memcmp(keys[i], key, n) == 0)
            return true;
    if (n < 4 || memcmp(key, "arg", 3) != 0)
        return false;
    size_t digits = strspn(key + 3, "0123456789");
    const char *rest = key + 3 + digits;
    size_t left = n - 3 - digits;
    return digits >= 1 && digits <= 2 && (left == 0 || (left == 4 && memcmp(rest, "path", 4) == 0));
}

/* Behind the value at s, or NULL when its quotes do not end. */
static const char *value_end(const char *s)
{
    bool quoted = false;
    for (; *s && (quoted || *s != ','); s++) {
        if (*s == '\'')
            quoted = !quoted;
        else if (*s == '\\' && !quoted && s[1] == '\'')
            s++;
    }
    return quoted ? NULL : s;
}

const char *match_refused(const char *rule)
{
    const char *s = rule;
    if (strlen(rule) > MATCH_MOST)
        return "a match rule that is too long";
    if (eavesdrops(rule))
        return "a match rule that eavesdrops";
    while (s[strspn(s, blanks)]) {
        s += strspn(s, blanks);
        const char *key = s;
        size_t n = strcspn(key, " \t\n\r=");
        s += n;
        s += strspn(s, blanks);
        if (*s != '=' || !known(key, n))
            return "a match rule with a key that no bus knows";
        s = value_end(s + 1);
        if (!s)
            return "a match rule with an open quote";
        s += *s == ',';
    }
    return NULL;
}
