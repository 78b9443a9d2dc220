/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of packets: read, looked at, written anew. */
#include "sound/session.h"

#include <string.h>

/* 150 %: what mixers let a person choose. */
enum { LOUDEST = 0x18000, PLAIN_SAMPLES = 1, MOST_FORMATS = 16 };

static bool is(struct snd_text t, const char *s)
{
    return t.s && t.n == strlen(s) && memcmp(t.s, s, t.n) == 0;
}

/* Texts among properties come with their NUL. */
static struct snd_text without_nul(struct snd_text t)
{
    if (t.n && t.s[t.n - 1] == '\0')
        t.n--;
    return t;
}

static void copy_raw(struct snd_in *in, struct snd_out *out, char type)
{
    size_t n;
    const uint8_t *p = snd_raw(in, type, &n);
    if (p)
        snd_put(out, p, n);
}

/* The host's modules act on properties: they load filters by them, and stop what others play when a
 * telephone rings. So of a stream's only these are handed on. */
static void copy_stream_properties(struct snd_in *in, struct snd_out *out)
{
    static const char *const roles[] = {"music", "video", "game"};
    struct snd_text key, value, name = {0};
    const char *role = NULL;
    snd_list(in);
    while (snd_property(in, &key, &value)) {
        value = without_nul(value);
        if (is(key, "media.name"))
            name = value;
        for (size_t i = 0; is(key, "media.role") && i < sizeof roles / sizeof *roles; i++)
            if (is(value, roles[i]))
                role = roles[i];
    }
    snd_put_list(out);
    if (name.s)
        snd_put_property(out, "media.name", name);
    if (role)
        snd_put_property(out, "media.role", (struct snd_text){role, strlen(role)});
    snd_put_list_end(out);
}

/* "Firefox [org.mozilla.firefox]": what it calls itself, and what it is. */
static void copy_client_properties(const struct snd_session *s, struct snd_in *in,
                                   struct snd_out *out)
{
    struct snd_text key, value, name = {0}, id = {s->settings->app, strlen(s->settings->app)};
    char text[SND_TEXT];
    size_t n = 0, most = sizeof text - 3 > id.n ? sizeof text - 3 - id.n : 0;
    snd_list(in);
    while (snd_property(in, &key, &value))
        if (is(key, "application.name"))
            name = without_nul(value);
    if (name.n > most / 2) /* half: what is replaced never grows, but the end must be in sight */
        name.n = most / 2;
    if (name.n && id.n <= most) {
        memcpy(text, name.s, name.n);
        n = name.n;
        text[n++] = ' ';
        text[n++] = '[';
        memcpy(text + n, id.s, id.n);
        n += id.n;
        text[n++] = ']';
    }
    snd_put_list(out);
    snd_put_property(out, "application.name", n ? (struct snd_text){text, n} : id);
    snd_put_property(out, "application.id", id);
    snd_put_property(out, "application.icon_name", id);
    snd_put_list_end(out);
}

static void drop_properties(struct snd_in *in, struct snd_out *out)
{
    struct snd_text key, value;
    snd_list(in);
    while (snd_property(in, &key, &value))
        ;
    snd_put_list(out);
    snd_put_list_end(out);
}

/* One format; false: it is none of plain samples, and nothing was written. */
static bool copy_format(struct snd_in *in, struct snd_out *out)
{
    static const char *const keys[] = {"format.sample_format", "format.rate", "format.channels",
                                       "format.channel_map"};
    struct snd_text key, value;
    struct snd_out ignored = {.full = true};
    in->bad |= in->at >= in->end || *in->at != 'f';
    if (in->bad)
        return false;
    in->at++;
    uint8_t encoding = snd_u8(in);
    bool plain = encoding == PLAIN_SAMPLES;
    if (!plain)
        out = &ignored;
    snd_put(out, "f", 1);
    snd_put_u8(out, encoding);
    snd_list(in);
    snd_put_list(out);
    while (snd_property(in, &key, &value)) {
        value = without_nul(value);
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (is(key, keys[i]))
                snd_put_property(out, keys[i], value);
    }
    snd_put_list_end(out);
    return plain && !in->bad;
}

/* False: there were some, and none of them is one of plain samples. */
static bool copy_formats(struct snd_in *in, struct snd_out *out)
{
    unsigned n = snd_u8(in), good = 0;
    size_t count = out->n + 1;
    snd_put_u8(out, 0);
    in->bad |= n > MOST_FORMATS;
    for (unsigned i = 0; i < n && !in->bad; i++)
        good += copy_format(in, out);
    if (!out->full)
        out->v[count] = (uint8_t)good;
    return n == 0 || good > 0;
}

/* What the host chose; where that is no such format, as if it were said that it is. */
static void copy_chosen(struct snd_in *in, struct snd_out *out)
{
    if (copy_format(in, out))
        return;
    snd_put(out, "f", 1);
    snd_put_u8(out, PLAIN_SAMPLES);
    snd_put_list(out);
    snd_put_list_end(out);
}

static void copy_volumes(struct snd_in *in, struct snd_out *out)
{
    uint32_t v[SND_CHANNELS];
    unsigned n = snd_volumes(in, v);
    for (unsigned i = 0; i < n; i++)
        v[i] = v[i] > LOUDEST ? LOUDEST : v[i];
    snd_put_volumes(out, v, n);
}

static void copy_word(struct snd_in *in, struct snd_out *out, struct snd_seen *seen)
{
    uint32_t v = snd_u32(in);
    if (seen->n_words < 2)
        seen->words[seen->n_words++] = v;
    snd_put_u32(out, v);
}

/* A stream's number; false: it is not the app's. */
static bool copy_stream(const struct snd_session *s, char letter, struct snd_in *in,
                        struct snd_out *out, struct snd_seen *seen)
{
    const struct snd_streams *l = letter == 'c' || letter == 'i' ? &s->playing : &s->recording;
    uint32_t v = snd_u32(in);
    bool by_index = letter == 'i' || letter == 'o';
    if (!by_index)
        seen->channel = v;
    snd_put_u32(out, v);
    return v != SND_NONE && (by_index ? snd_stream_of(l, v) : snd_stream_by(l, v)) != NULL;
}

/* "….monitor" is what hears the loudspeakers. */
static void copy_microphone(struct snd_in *in, struct snd_out *out, struct snd_seen *seen)
{
    static const char suffix[] = ".monitor";
    struct snd_text t = snd_text(in);
    size_t n = sizeof suffix - 1;
    seen->monitor |= t.s && t.n >= n && memcmp(t.s + t.n - n, suffix, n) == 0;
    snd_put_string(out, "microphone");
}

/* The values that are replaced, and those that are copied with a look. Returns false when the
 * letter is none of these. */
static bool copy_special(const struct snd_session *s, char letter, struct snd_in *in,
                         struct snd_out *out, struct snd_seen *seen)
{
    switch (letter) {
    case 'L':
        copy_word(in, out, seen);
        return true;
    case 'b':
        snd_put_bool(out, snd_bool(in));
        return true;
    case 'z':
        snd_bool(in), snd_put_bool(out, false);
        return true;
    case 'v':
        copy_volumes(in, out);
        return true;
    case 't':
        snd_put_text(out, snd_text(in));
        return true;
    case 'I':
        snd_u32(in), snd_put_u32(out, SND_NONE);
        return true;
    case 'D':
        snd_u32(in), snd_put_u32(out, 0);
        return true;
    case 'N':
        snd_text(in), snd_put_null(out);
        return true;
    case 'S':
        snd_text(in), snd_put_string(out, "speakers");
        return true;
    case 'K':
        copy_microphone(in, out, seen);
        return true;
    case 'p':
        copy_stream_properties(in, out);
        return true;
    case 'q':
        copy_client_properties(s, in, out);
        return true;
    case 'e':
        drop_properties(in, out);
        return true;
    case 'g':
        copy_chosen(in, out);
        return true;
    default:
        return false;
    }
}

enum snd_copied snd_copy(const struct snd_session *s, const char *layout, struct snd_in *in,
                         struct snd_out *out, struct snd_seen *seen)
{
    enum snd_copied r = COPIED;
    *seen = (struct snd_seen){0};
    for (; *layout; layout++) {
        if (strchr("cdio", *layout)) {
            if (!copy_stream(s, *layout, in, out, seen))
                r = COPIED_OTHER;
        } else if (*layout == 'f') {
            if (!copy_formats(in, out))
                r = COPIED_NONE;
        } else if (*layout == 's') {
            snd_put_u32(out, snd_u32(in) & (s->settings->record ? 4u | 8u : 4u));
        } else if (!copy_special(s, *layout, in, out, seen)) {
            copy_raw(in, out, *layout);
        }
    }
    return snd_done(in) ? r : COPIED_NOT;
}
