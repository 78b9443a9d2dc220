/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x11/xauth.h"

#include "util/str.h"

struct cursor {
    const unsigned char *p, *end;
};

static bool take16(struct cursor *c, unsigned *v)
{
    if (c->end - c->p < 2)
        return false;
    *v = (unsigned)c->p[0] << 8 | c->p[1];
    c->p += 2;
    return true;
}

static bool take_counted(struct cursor *c, const char **s, size_t *n)
{
    unsigned len;
    if (!take16(c, &len) || (size_t)(c->end - c->p) < len)
        return false;
    *s = (const char *)c->p;
    *n = len;
    c->p += len;
    return true;
}

static bool is_text(const char *s, size_t n, const char *text)
{
    return strlen(text) == n && memcmp(s, text, n) == 0;
}

static bool is_number(const char *s, size_t n, unsigned display)
{
    unsigned v = 0;
    if (n > 6)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (unsigned)(s[i] - '0');
    }
    return n == 0 || v == display; /* an empty number fits every display */
}

bool xauth_find(const char *data, size_t size, const char *hostname, unsigned display,
                struct xauth_fact *out)
{
    static const char cookie[] = "MIT-MAGIC-COOKIE-1";
    enum { FAMILY_LOCAL = 256, FAMILY_WILD = 65535 };
    struct cursor c = {(const unsigned char *)data, (const unsigned char *)data + size};
    while (c.p < c.end) {
        unsigned family;
        const char *address, *number, *name, *value;
        size_t n_address, n_number, n_name, n_value;
        if (!take16(&c, &family) || !take_counted(&c, &address, &n_address) ||
            !take_counted(&c, &number, &n_number) || !take_counted(&c, &name, &n_name) ||
            !take_counted(&c, &value, &n_value))
            return false;
        bool host_fits = family == FAMILY_WILD ||
                         (family == FAMILY_LOCAL && is_text(address, n_address, hostname));
        if (!host_fits || !is_number(number, n_number, display) || n_value == 0 ||
            !is_text(name, n_name, cookie))
            continue;
        *out = (struct xauth_fact){.name = cookie, .data = value, .size = n_value};
        return true;
    }
    return false;
}

void xauth_entry(struct buf *out, const char *number, const struct xauth_fact *cookie)
{
    const struct {
        const char *s;
        size_t n;
    } parts[] = {{"", 0},
                 {number, strlen(number)},
                 {cookie->name, strlen(cookie->name)},
                 {cookie->data, cookie->size}};
    buf_bytes(out, "\xff\xff", 2);
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        buf_char(out, (char)(parts[i].n >> 8));
        buf_char(out, (char)(parts[i].n & 0xff));
        buf_bytes(out, parts[i].s, parts[i].n);
    }
}
