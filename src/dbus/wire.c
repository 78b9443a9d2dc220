/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/wire.h"

#include <string.h>

enum field {
    FIELD_PATH = 1,
    FIELD_INTERFACE,
    FIELD_MEMBER,
    FIELD_ERROR,
    FIELD_REPLY_SERIAL,
    FIELD_DESTINATION,
    FIELD_SENDER,
    FIELD_SIGNATURE,
    FIELD_FDS,
    FIELD_COUNT,
};

static bool bus_name_ok(const char *s)
{
    return *s == ':' ? unique_name_ok(s) : well_known_name_ok(s);
}

/* What each field holds; text fields say where it is kept. */
static const struct {
    char type;
    bool (*ok)(const char *);
    size_t offset;
} fields[FIELD_COUNT] = {
    [FIELD_PATH] = {'o', path_ok, offsetof(struct message, path)},
    [FIELD_INTERFACE] = {'s', interface_ok, offsetof(struct message, interface)},
    [FIELD_MEMBER] = {'s', member_ok, offsetof(struct message, member)},
    [FIELD_ERROR] = {'s', interface_ok, offsetof(struct message, error)},
    [FIELD_REPLY_SERIAL] = {'u', NULL, offsetof(struct message, reply_serial)},
    [FIELD_DESTINATION] = {'s', bus_name_ok, offsetof(struct message, destination)},
    [FIELD_SENDER] = {'s', bus_name_ok, offsetof(struct message, sender)},
    [FIELD_SIGNATURE] = {'g', NULL, offsetof(struct message, signature)},
    [FIELD_FDS] = {'u', NULL, offsetof(struct message, fds)},
};

static uint32_t get_u32(const uint8_t *p, bool big)
{
    return big ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
               : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static size_t align_up(size_t n, size_t to)
{
    return (n + to - 1) & ~(to - 1);
}

/* ---- a cursor over bytes; every step says whether there was enough ---- */

struct cursor {
    const uint8_t *v;
    size_t n, at;
    bool big;
};

static bool skip_to(struct cursor *c, size_t alignment)
{
    size_t to = align_up(c->at, alignment);
    if (to > c->n)
        return false;
    for (; c->at < to; c->at++)
        if (c->v[c->at] != 0)
            return false;
    return true;
}

static bool take_u32(struct cursor *c, uint32_t *value)
{
    if (!skip_to(c, 4) || c->n - c->at < 4)
        return false;
    *value = get_u32(c->v + c->at, c->big);
    c->at += 4;
    return true;
}

/* A text of `size` bytes with its NUL, and none inside. */
static const char *take_bytes(struct cursor *c, size_t size)
{
    if (c->n - c->at <= size)
        return NULL;
    const char *s = (const char *)c->v + c->at;
    if (memchr(s, '\0', size + 1) != s + size)
        return NULL;
    c->at += size + 1;
    return s;
}

static const char *take_text(struct cursor *c)
{
    uint32_t size;
    return take_u32(c, &size) ? take_bytes(c, size) : NULL;
}

static const char *take_signature(struct cursor *c)
{
    if (c->at >= c->n)
        return NULL;
    size_t size = c->v[c->at++];
    return take_bytes(c, size);
}

/* ---- the header ---- */

static const char *read_field(struct cursor *c, struct message *m, unsigned *seen, bool unknown)
{
    if (!skip_to(c, 8) || c->at >= c->n)
        return "a field goes past the header";
    unsigned code = c->v[c->at++];
    const char *type = take_signature(c);
    if (!type || !type[0] || type[1])
        return "a field of no single type";
    if (code == 0 || (code >= FIELD_COUNT && !unknown))
        return "an unknown field";
    if (code >= FIELD_COUNT) {
        struct arguments a = {c->v, c->n, c->at, type, c->big};
        bool good = arguments_skip(&a);
        c->at = a.at;
        return good ? NULL : "an unknown field that can not be passed over";
    }
    if (*type != fields[code].type)
        return "a field of the wrong type";
    if (*seen & 1u << code)
        return "a field that comes twice";
    *seen |= 1u << code;
    char *to = (char *)m + fields[code].offset;
    if (*type == 'u') {
        uint32_t value;
        if (!take_u32(c, &value))
            return "a field that is cut off";
        memcpy(to, &value, sizeof value);
        return NULL;
    }
    const char *text = *type == 'g' ? take_signature(c) : take_text(c);
    if (!text || (fields[code].ok && !fields[code].ok(text)))
        return "a field with a malformed text";
    memcpy(to, &text, sizeof text);
    return NULL;
}

/* What each type of message must have. */
static const char *missing_field(const struct message *m)
{
    static const char local[] = "org.freedesktop.DBus.Local";
    bool named = m->path && m->member;
    switch (m->type) {
    case WIRE_CALL:
        return named ? NULL : "a call without path or member";
    case WIRE_SIGNAL:
        if (!named || !m->interface)
            return "a signal without path, interface or member";
        break;
    case WIRE_RETURN:
        return m->has_reply_serial ? NULL : "a reply to nothing";
    case WIRE_ERROR:
        return m->has_reply_serial && m->error ? NULL : "an error without name or to nothing";
    default:
        return "an unknown type of message";
    }
    return strcmp(m->interface, local) == 0 || strcmp(m->path, "/org/freedesktop/DBus/Local") == 0
               ? "a signal that never leaves a process"
               : NULL;
}

static const char *read_fields(const uint8_t *bytes, size_t fields_end, bool unknown,
                               struct message *m)
{
    struct cursor c = {bytes, fields_end, WIRE_FIXED, m->big};
    unsigned seen = 0;
    const char *why = NULL;
    while (!why && c.at < c.n)
        why = read_field(&c, m, &seen, unknown);
    if (why)
        return why;
    struct cursor rest = {bytes, m->head, fields_end, m->big};
    if (!skip_to(&rest, 8))
        return "padding that is not empty";
    m->has_reply_serial = seen & 1u << FIELD_REPLY_SERIAL;
    if (m->has_reply_serial && m->reply_serial == 0)
        return "a reply to no serial";
    if (!m->signature)
        m->signature = "";
    if (!*m->signature && m->body)
        return "a body without a signature";
    return missing_field(m);
}

enum wire_result wire_read(const uint8_t *b, size_t n, bool unknown_fields, struct message *m,
                           size_t *need, const char **why)
{
    *need = WIRE_FIXED;
    if (n < WIRE_FIXED)
        return WIRE_MORE;
    *m = (struct message){.type = (enum wire_type)b[1], .flags = b[2], .big = b[0] == 'B'};
    *why = "no byte order";
    if (b[0] != 'B' && b[0] != 'l')
        return WIRE_BAD;
    *why = "an unknown version of the protocol";
    if (b[3] != 1)
        return WIRE_BAD;
    m->body = get_u32(b + 4, m->big);
    m->serial = get_u32(b + 8, m->big);
    size_t size = get_u32(b + 12, m->big);
    *why = "no serial";
    if (m->serial == 0)
        return WIRE_BAD;
    *why = "a header that is too long";
    if (size > WIRE_HEAD_MOST - WIRE_FIXED)
        return WIRE_BAD;
    m->head = align_up(WIRE_FIXED + size, 8);
    *why = "a message that is too long";
    if (m->body > WIRE_SIZE_MOST - m->head)
        return WIRE_BAD;
    *need = m->head;
    if (n < m->head)
        return WIRE_MORE;
    *why = read_fields(b, WIRE_FIXED + size, unknown_fields, m);
    return *why ? WIRE_BAD : WIRE_OK;
}

/* ---- arguments ---- */

struct arguments wire_arguments(const struct message *m, const uint8_t *bytes, size_t n)
{
    size_t there = n > m->head ? n - m->head : 0;
    return (struct arguments){.body = bytes + m->head,
                              .n = there < m->body ? there : m->body,
                              .signature = m->signature,
                              .big = m->big};
}

static struct cursor cursor_of(const struct arguments *a)
{
    return (struct cursor){a->body, a->n, a->at, a->big};
}

const char *arguments_text(struct arguments *a, char type)
{
    struct cursor c = cursor_of(a);
    if (*a->signature != type)
        return NULL;
    const char *s = type == 'g' ? take_signature(&c) : take_text(&c);
    if (s) {
        a->at = c.at;
        a->signature++;
    }
    return s;
}

bool arguments_u32(struct arguments *a, uint32_t *value)
{
    struct cursor c = cursor_of(a);
    if (*a->signature != 'u' || !take_u32(&c, value))
        return false;
    a->at = c.at;
    a->signature++;
    return true;
}

/* Size and alignment of the types that have a fixed one, else 0. */
static size_t fixed_size(char type)
{
    static const char types[] = "ynqbiuhxtd", sizes[] = {1, 2, 2, 4, 4, 4, 4, 8, 8, 8};
    const char *at = type ? strchr(types, type) : NULL;
    return at ? (size_t)sizes[at - types] : 0;
}

static size_t alignment_of(char type)
{
    return fixed_size(type)             ? fixed_size(type)
           : type == 'g' || type == 'v' ? 1
           : type == '(' || type == '{' ? 8
                                        : 4;
}

/* The end of the one complete type at s, or NULL. Containers nest at most `depth` deep. */
static const char *type_end(const char *s, int depth)
{
    for (; *s == 'a' && depth > 0; depth--)
        s++;
    if (fixed_size(*s) || (*s && strchr("sogv", *s)))
        return s + 1;
    char close = *s == '(' ? ')' : *s == '{' ? '}' : '\0';
    if (!close || depth <= 0)
        return NULL;
    const char *p = s + 1;
    while (p && *p && *p != close)
        p = type_end(p, depth - 1);
    return p && *p == close && p > s + 1 ? p + 1 : NULL;
}

enum { DEPTH_MOST = 64 };

/* Passes over a value of the type at *type, and moves *type behind it. */
static bool skip_value(struct cursor *c, const char **type, int depth)
{
    char t = **type;
    uint32_t size;
    if (depth <= 0 || !skip_to(c, alignment_of(t)))
        return false;
    if (fixed_size(t)) {
        if (c->n - c->at < fixed_size(t))
            return false;
        c->at += fixed_size(t);
        ++*type;
        return true;
    }
    if (t == 's' || t == 'o' || t == 'g') {
        ++*type;
        return t == 'g' ? take_signature(c) != NULL : take_text(c) != NULL;
    }
    if (t == 'a') {
        const char *end = type_end(*type, depth);
        if (!end || !take_u32(c, &size) || !skip_to(c, alignment_of((*type)[1])) ||
            c->n - c->at < size)
            return false;
        c->at += size;
        *type = end;
        return true;
    }
    if (t == 'v') {
        const char *inner = take_signature(c), *end = inner ? type_end(inner, depth) : NULL;
        ++*type;
        return end && !*end && skip_value(c, &inner, depth - 1);
    }
    if (t != '(' && t != '{')
        return false;
    for (++*type; **type != ')' && **type != '}';)
        if (!skip_value(c, type, depth - 1))
            return false;
    ++*type;
    return true;
}

bool arguments_skip(struct arguments *a)
{
    struct cursor c = cursor_of(a);
    const char *type = a->signature;
    if (!*type || !type_end(type, DEPTH_MOST) || !skip_value(&c, &type, DEPTH_MOST))
        return false;
    a->at = c.at;
    a->signature = type;
    return true;
}

bool arguments_array(struct arguments *a, size_t *end)
{
    struct cursor c = cursor_of(a);
    uint32_t size;
    if (strncmp(a->signature, "as", 2) != 0 || !take_u32(&c, &size) || c.n - c.at < size)
        return false;
    a->at = c.at;
    a->signature += 2;
    *end = c.at + size;
    return true;
}

const char *array_text(struct arguments *a, size_t end)
{
    struct cursor c = cursor_of(a);
    c.n = end;
    const char *s = a->at < end ? take_text(&c) : NULL;
    if (s)
        a->at = c.at;
    return s;
}

/* ---- writing ---- */

static void put_byte(struct out *o, uint8_t byte)
{
    if (o->n < o->cap)
        o->v[o->n] = byte;
    o->n++; /* too many are seen at the end */
}

static void pad(struct out *o, size_t alignment)
{
    while (o->n % alignment)
        put_byte(o, 0);
}

static void put_bytes(struct out *o, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put_byte(o, (uint8_t)s[i]);
}

void wire_put_u32(struct out *o, uint32_t value)
{
    pad(o, 4);
    for (int i = 0; i < 4; i++)
        put_byte(o, (uint8_t)(value >> 8 * i));
}

static void patch_u32(struct out *o, size_t at, size_t value)
{
    for (size_t i = 0; i < 4 && at + i < o->cap; i++)
        o->v[at + i] = (uint8_t)(value >> 8 * i);
}

void wire_put_text(struct out *o, const char *s)
{
    wire_put_u32(o, (uint32_t)strlen(s));
    put_bytes(o, s, strlen(s) + 1);
}

static void put_field(struct out *o, const struct message *m, unsigned code)
{
    const char *from = (const char *)m + fields[code].offset, *text = NULL;
    char type = fields[code].type;
    if (type != 'u')
        memcpy(&text, from, sizeof text);
    if (type == 'u' ? code != FIELD_REPLY_SERIAL || !m->has_reply_serial : !text || !*text)
        return;
    pad(o, 8);
    put_byte(o, (uint8_t)code);
    put_bytes(o, (char[]){1, type, 0}, 3);
    if (type == 'u') {
        wire_put_u32(o, m->reply_serial);
    } else if (type == 'g') {
        put_byte(o, (uint8_t)strlen(text));
        put_bytes(o, text, strlen(text) + 1);
    } else {
        wire_put_text(o, text);
    }
}

void wire_begin(struct out *o, const struct message *m)
{
    o->n = 0;
    put_bytes(o, (char[]){'l', (char)m->type, (char)m->flags, 1}, 4);
    wire_put_u32(o, 0);
    wire_put_u32(o, m->serial);
    wire_put_u32(o, 0);
    for (unsigned code = 1; code < FIELD_COUNT; code++)
        put_field(o, m, code);
    patch_u32(o, 12, o->n - WIRE_FIXED);
    pad(o, 8);
}

size_t wire_put_array(struct out *o)
{
    wire_put_u32(o, 0);
    return o->n;
}

void wire_end_array(struct out *o, size_t at)
{
    patch_u32(o, at - 4, o->n - at);
}

bool wire_end(struct out *o)
{
    if (o->n > o->cap || o->cap < WIRE_FIXED) {
        o->n = 0;
        return false;
    }
    patch_u32(o, 4, o->n - align_up(WIRE_FIXED + get_u32(o->v + 12, false), 8));
    return true;
}
