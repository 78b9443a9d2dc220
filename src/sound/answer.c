/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the app is answered without the host: there is one device that plays, and perhaps one that
 * records, and nothing else. */
#include "sound/session.h"

#include <string.h>

enum { FULL = 0x10000, STEPS = FULL + 1, RATE = 48000, S16LE = 3, LEFT = 1, RIGHT = 2 };
/* pulse/def.h: its latency can be asked, its volume is one of decibels; it sleeps */
enum { FLAGS = 0x2 | 0x20, IDLE = 1 };

void snd_error(struct snd_out *out, uint32_t tag, uint32_t code)
{
    snd_begin(out, SND_ERROR, tag);
    snd_put_u32(out, code);
    snd_end(out);
}

void snd_ack(struct snd_out *out, uint32_t tag)
{
    snd_begin(out, SND_REPLY, tag);
    snd_end(out);
}

static void put_spec(struct snd_out *out)
{
    static const uint8_t spec[] = {'a', S16LE, 2, 0, 0, RATE >> 8, RATE & 0xff};
    snd_put(out, spec, sizeof spec);
}

static void put_map(struct snd_out *out)
{
    static const uint8_t map[] = {'m', 2, LEFT, RIGHT};
    snd_put(out, map, sizeof map);
}

static void put_properties(struct snd_out *out, const char *description)
{
    snd_put_list(out);
    snd_put_property(out, "device.description",
                     (struct snd_text){description, strlen(description)});
    snd_put_list_end(out);
}

/* pulsecore/protocol-native.c: sink_fill_tagstruct, source_fill_tagstruct. */
static void put_device(struct snd_out *out, bool plays)
{
    static const uint32_t full[2] = {FULL, FULL};
    static const uint8_t base[5] = {'V', 0, FULL >> 16, 0, 0};
    const char *text = plays ? "Loudspeakers" : "Microphone";
    snd_put_u32(out, 0);
    snd_put_string(out, plays ? "speakers" : "microphone");
    snd_put_string(out, text);
    put_spec(out);
    put_map(out);
    snd_put_u32(out, SND_NONE); /* the module it is of */
    snd_put_volumes(out, full, 2);
    snd_put_bool(out, false);
    snd_put_u32(out, SND_NONE); /* what hears it, or what it hears */
    snd_put_null(out);
    snd_put_usec(out, 0);
    snd_put_string(out, "carrel");
    snd_put_u32(out, FLAGS);
    put_properties(out, text);
    snd_put_usec(out, 0);
    snd_put(out, base, sizeof base);
    snd_put_u32(out, IDLE);
    snd_put_u32(out, STEPS);
    snd_put_u32(out, SND_NONE); /* card */
    snd_put_u32(out, 0);        /* ports */
    snd_put_null(out);
    if (plays) { /* formats */
        snd_put_u8(out, 1);
        snd_put(out, "f", 1);
        snd_put_u8(out, 1);
        snd_put_list(out);
        snd_put_list_end(out);
    }
}

static void put_server(struct snd_out *out, bool record)
{
    snd_put_string(out, "carrel-sound");
    snd_put_string(out, "1.0");
    snd_put_string(out, "user");
    snd_put_string(out, "carrel");
    put_spec(out);
    snd_put_string(out, "speakers");
    /* Never null: PulseAudio itself always has a source, and SDL copies the name unseen. */
    snd_put_string(out, record ? "microphone" : "");
    snd_put_u32(out, 0);
    put_map(out);
}

/* Whether what is asked for is the device of this name. */
static bool names_device(struct snd_in *in, bool by_index, const char *name, const char *usual)
{
    uint32_t index = by_index ? snd_u32(in) : SND_NONE;
    struct snd_text t = snd_text(in);
    if (!snd_done(in))
        return false;
    if (!t.s)
        return index == 0 || index == SND_NONE;
    return (t.n == strlen(name) && memcmp(t.s, name, t.n) == 0) ||
           (t.n == strlen(usual) && memcmp(t.s, usual, t.n) == 0);
}

static bool sink(struct snd_in *in, bool by_index)
{
    return names_device(in, by_index, "speakers", "@DEFAULT_SINK@");
}

static bool source(const struct snd_session *s, struct snd_in *in, bool by_index)
{
    return s->settings->record && names_device(in, by_index, "microphone", "@DEFAULT_SOURCE@");
}

/* What stands in the answer; 0, or the error that is the answer. */
static uint32_t fill(const struct snd_session *s, enum snd_answer what, struct snd_in *in,
                     struct snd_out *out)
{
    bool record = s->settings->record;
    switch (what) {
    case ANSWER_REFUSED:
        return SND_E_ACCESS;
    case ANSWER_NO_SUCH:
        return SND_E_NOENTITY;
    case ANSWER_DONE:
    case ANSWER_EMPTY:
        return 0;
    case ANSWER_SERVER:
        put_server(out, record);
        return 0;
    case ANSWER_SINKS:
        put_device(out, true);
        return 0;
    case ANSWER_SINK:
        put_device(out, true);
        return sink(in, true) ? 0 : SND_E_NOENTITY;
    case ANSWER_SINK_INDEX:
        snd_put_u32(out, 0);
        return sink(in, false) ? 0 : SND_E_NOENTITY;
    case ANSWER_SOURCE:
        put_device(out, false);
        return source(s, in, true) ? 0 : SND_E_NOENTITY;
    case ANSWER_SOURCE_INDEX:
        snd_put_u32(out, 0);
        return source(s, in, false) ? 0 : SND_E_NOENTITY;
    case ANSWER_SOURCES:
        if (record)
            put_device(out, false);
        return 0;
    case ANSWER_STAT:
        for (int i = 0; i < 5; i++)
            snd_put_u32(out, 0);
        return 0;
    }
    return SND_E_ACCESS;
}

void snd_answer(const struct snd_session *s, uint32_t command, uint32_t tag, struct snd_in *in,
                struct snd_out *out)
{
    snd_begin(out, SND_REPLY, tag);
    uint32_t error = fill(s, snd_answer_row(command), in, out);
    if (error) {
        snd_forget(out);
        snd_error(out, tag, error);
        return;
    }
    snd_end(out);
}
