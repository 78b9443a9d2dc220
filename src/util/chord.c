/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/chord.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Numbers of the X protocol, appendix A. */
enum { KEY_F1 = 0xffbe, MOST_F = 12 };

static const struct {
    const char *name;
    uint32_t value;
} keys[] = {
    {"Insert", 0xff63}, {"Delete", 0xffff},   {"Home", 0xff50},  {"End", 0xff57},
    {"PageUp", 0xff55}, {"PageDown", 0xff56}, {"Pause", 0xff13}, {"Space", ' '},
};
static const struct {
    const char *name;
    unsigned bit;
} helds[] = {
    {"Ctrl", CHORD_CTRL},
    {"Alt", CHORD_ALT},
    {"Shift", CHORD_SHIFT},
    {"Super", CHORD_SUPER},
};

static bool is(const char *word, size_t n, const char *name)
{
    return strlen(name) == n && strncasecmp(word, name, n) == 0;
}

static unsigned held_of(const char *word, size_t n)
{
    for (size_t i = 0; i < sizeof helds / sizeof *helds; i++)
        if (is(word, n, helds[i].name))
            return helds[i].bit;
    return 0;
}

static uint32_t function_key(const char *word, size_t n)
{
    unsigned number = 0;
    if (n < 2 || n > 3 || (word[0] != 'F' && word[0] != 'f') || word[1] == '0')
        return 0;
    for (size_t i = 1; i < n; i++) {
        if (word[i] < '0' || word[i] > '9')
            return 0;
        number = 10 * number + (unsigned)(word[i] - '0');
    }
    return number <= MOST_F ? KEY_F1 + number - 1 : 0;
}

/* X's number for a letter or digit is its code, that of the small letter. */
static uint32_t key_of(const char *word, size_t n)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (is(word, n, keys[i].name))
            return keys[i].value;
    unsigned char small = (unsigned char)(word[0] | 0x20);
    if (n == 1 && small >= 'a' && small <= 'z')
        return small;
    if (n == 1 && word[0] >= '0' && word[0] <= '9')
        return (unsigned char)word[0];
    return function_key(word, n);
}

bool chord_read(const char *text, struct chord *out)
{
    *out = (struct chord){0};
    if (strcasecmp(text, "none") == 0)
        return true;
    for (;;) {
        size_t n = strcspn(text, "+");
        unsigned bit = held_of(text, n);
        if (!text[n]) {
            out->key = n ? key_of(text, n) : 0;
            return out->key && out->held & ~(unsigned)CHORD_SHIFT;
        }
        if (!bit || out->held & bit)
            return false;
        out->held |= bit;
        text += n + 1;
    }
}
