/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sound/tags.h"

#include <string.h>

static uint32_t word(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void set_word(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

struct snd_header snd_header(const uint8_t bytes[SND_HEADER])
{
    return (struct snd_header){word(bytes), word(bytes + 4), word(bytes + 16)};
}

/* ---- reading ---- */

static size_t left(const struct snd_in *in)
{
    return in->bad ? 0 : (size_t)(in->end - in->at);
}

/* The n bytes of a value of this type, the type among them; or NULL. */
static const uint8_t *take(struct snd_in *in, char type, size_t n)
{
    const uint8_t *at = in->at;
    in->bad |= left(in) < n || left(in) == 0 || *at != (uint8_t)type;
    if (in->bad)
        return NULL;
    in->at += n;
    return at;
}

uint32_t snd_u32(struct snd_in *in)
{
    const uint8_t *p = take(in, 'L', 5);
    return p ? word(p + 1) : 0;
}

uint8_t snd_u8(struct snd_in *in)
{
    const uint8_t *p = take(in, 'B', 2);
    return p ? p[1] : 0;
}

bool snd_bool(struct snd_in *in)
{
    bool yes = left(in) && *in->at == '1';
    return take(in, yes ? '1' : '0', 1) && yes;
}

struct snd_text snd_text(struct snd_in *in)
{
    struct snd_text none = {NULL, 0};
    if (left(in) && *in->at == 'N') {
        in->at++;
        return none;
    }
    const uint8_t *p = take(in, 't', 1), *end = p ? memchr(in->at, '\0', left(in)) : NULL;
    in->bad |= !end;
    if (!end)
        return none;
    in->at = end + 1;
    return (struct snd_text){(const char *)p + 1, (size_t)(end - p) - 1};
}

const uint8_t *snd_raw(struct snd_in *in, char type, size_t *n)
{
    static const struct {
        char type;
        uint8_t size, each; /* so many bytes a channel, whose number is the byte behind the type */
    } sizes[] = {{'a', 7, 0}, {'T', 9, 0}, {'U', 9, 0}, {'R', 9, 0},
                 {'r', 9, 0}, {'V', 5, 0}, {'m', 2, 1}, {'v', 2, 4}};
    *n = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (sizes[i].type != type)
            continue;
        *n = sizes[i].size;
        if (sizes[i].each) {
            in->bad |= left(in) < 2 || in->at[1] > SND_CHANNELS;
            *n += in->bad ? 0 : (size_t)sizes[i].each * in->at[1];
        }
    }
    if (type == 'x') { /* bytes behind their number */
        in->bad |= left(in) < 5;
        *n = in->bad ? 0 : word(in->at + 1);
        in->bad |= *n > left(in);
        *n += 5;
    }
    in->bad |= *n == 0;
    return take(in, type, *n);
}

unsigned snd_volumes(struct snd_in *in, uint32_t v[SND_CHANNELS])
{
    size_t n;
    const uint8_t *p = snd_raw(in, 'v', &n);
    for (unsigned i = 0; p && i < p[1]; i++)
        v[i] = word(p + 2 + (size_t)4 * i);
    return p ? p[1] : 0;
}

void snd_list(struct snd_in *in)
{
    take(in, 'P', 1);
}

bool snd_property(struct snd_in *in, struct snd_text *key, struct snd_text *value)
{
    size_t n;
    *key = snd_text(in);
    if (in->bad || !key->s)
        return false;
    uint32_t size = snd_u32(in);
    const uint8_t *p = snd_raw(in, 'x', &n);
    in->bad |= !p || n - 5 != size;
    if (in->bad)
        return false;
    *value = (struct snd_text){(const char *)p + 5, size};
    return true;
}

bool snd_done(const struct snd_in *in)
{
    return !in->bad && in->at == in->end;
}

/* ---- writing ---- */

void snd_put(struct snd_out *out, const void *bytes, size_t n)
{
    out->full |= n > out->cap - out->n;
    if (out->full)
        return;
    memcpy(out->v + out->n, bytes, n);
    out->n += n;
}

void snd_begin(struct snd_out *out, uint32_t command, uint32_t tag)
{
    static const uint8_t header[SND_HEADER] = {[4] = 0xff, 0xff, 0xff, 0xff};
    out->frame = out->n;
    snd_put(out, header, sizeof header);
    snd_put_u32(out, command);
    snd_put_u32(out, tag);
}

void snd_end(struct snd_out *out)
{
    if (!out->full)
        set_word(out->v + out->frame, (uint32_t)(out->n - out->frame - SND_HEADER));
}

void snd_forget(struct snd_out *out)
{
    out->n = out->frame;
    out->full = false;
}

static void put_type(struct snd_out *out, char type)
{
    snd_put(out, &type, 1);
}

static void put_word(struct snd_out *out, char type, uint32_t v)
{
    uint8_t bytes[5] = {(uint8_t)type};
    set_word(bytes + 1, v);
    snd_put(out, bytes, sizeof bytes);
}

void snd_put_u32(struct snd_out *out, uint32_t v)
{
    put_word(out, 'L', v);
}

void snd_put_u8(struct snd_out *out, uint8_t v)
{
    uint8_t bytes[2] = {'B', v};
    snd_put(out, bytes, sizeof bytes);
}

void snd_put_bool(struct snd_out *out, bool v)
{
    put_type(out, v ? '1' : '0');
}

void snd_put_usec(struct snd_out *out, uint64_t v)
{
    uint8_t bytes[9] = {'U'};
    set_word(bytes + 1, (uint32_t)(v >> 32));
    set_word(bytes + 5, (uint32_t)v);
    snd_put(out, bytes, sizeof bytes);
}

void snd_put_null(struct snd_out *out)
{
    put_type(out, 'N');
}

/* How many bytes of well-formed UTF-8 without control characters stand here; 0: none. */
static size_t character(const uint8_t *s, size_t n)
{
    size_t size = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (size == 0 || size > n || s[0] > 0xf4 || s[0] < ' ' || s[0] == 0x7f)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool wrong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
                 (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f) ||
                 (s[0] == 0xc2 && s[1] < 0xa0);
    return wrong ? 0 : size;
}

static size_t clean(char to[SND_TEXT], struct snd_text t)
{
    size_t n = 0;
    for (size_t i = 0; i < t.n;) {
        size_t size = character((const uint8_t *)t.s + i, t.n - i);
        if (n + (size ? size : 1) > SND_TEXT)
            break;
        if (size)
            memcpy(to + n, t.s + i, size);
        else
            to[n] = '?';
        n += size ? size : 1;
        i += size ? size : 1;
    }
    return n;
}

void snd_put_text(struct snd_out *out, struct snd_text t)
{
    char text[SND_TEXT];
    if (!t.s) {
        snd_put_null(out);
        return;
    }
    put_type(out, 't');
    snd_put(out, text, clean(text, t));
    snd_put(out, "", 1);
}

void snd_put_string(struct snd_out *out, const char *s)
{
    snd_put_text(out, (struct snd_text){s, strlen(s)});
}

void snd_put_volumes(struct snd_out *out, const uint32_t *v, unsigned n)
{
    uint8_t head[2] = {'v', (uint8_t)n}, bytes[4];
    snd_put(out, head, sizeof head);
    for (unsigned i = 0; i < n; i++) {
        set_word(bytes, v[i]);
        snd_put(out, bytes, sizeof bytes);
    }
}

void snd_put_list(struct snd_out *out)
{
    put_type(out, 'P');
}

/* With the NUL that ends a text among properties. */
void snd_put_property(struct snd_out *out, const char *key, struct snd_text value)
{
    char text[SND_TEXT];
    size_t n = clean(text, value);
    snd_put_string(out, key);
    snd_put_u32(out, (uint32_t)n + 1);
    put_word(out, 'x', (uint32_t)n + 1);
    snd_put(out, text, n);
    snd_put(out, "", 1);
}

void snd_put_list_end(struct snd_out *out)
{
    snd_put_null(out);
}
