/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_SOUND_TAGS_H
#define CARREL_SOUND_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The bytes of PulseAudio's native protocol (pulsecore/pstream.c, pulsecore/tagstruct.c): frames
 * with a header of five big-endian words (length, channel, two of offset, flags); in a frame
 * without a channel a packet of values, each behind a byte that says its type.
 */
enum { SND_HEADER = 20, SND_CHANNELS = 32, SND_TEXT = 256 };
#define SND_NONE 0xffffffffu

struct snd_header {
    uint32_t length, channel, flags;
};

struct snd_header snd_header(const uint8_t bytes[SND_HEADER]);

/* ---- reading ---- */

/* What is left of a packet. After the first fault `bad` stays set and every value reads as 0. */
struct snd_in {
    const uint8_t *at, *end;
    bool bad;
};

struct snd_text {
    const char *s; /* not terminated; NULL: the null string */
    size_t n;
};

uint32_t snd_u32(struct snd_in *in);
uint8_t snd_u8(struct snd_in *in);
bool snd_bool(struct snd_in *in);
struct snd_text snd_text(struct snd_in *in);
/* Passes over one value of the type and returns its first byte; *n is its size with the type. Types
 * as the protocol has them: a T U R r V x m. */
const uint8_t *snd_raw(struct snd_in *in, char type, size_t *n);
/* Volumes of up to SND_CHANNELS channels; returns how many. */
unsigned snd_volumes(struct snd_in *in, uint32_t v[SND_CHANNELS]);
/* The next entry of a property list whose beginning has been read; false at its end. The value may
 * hold any bytes. */
bool snd_property(struct snd_in *in, struct snd_text *key, struct snd_text *value);
void snd_list(struct snd_in *in);
/* Whether all was read, and well. */
bool snd_done(const struct snd_in *in);

/* ---- writing ---- */

/* Frames one after the other. When there is no room `full` is set and what is written is lost. */
struct snd_out {
    uint8_t *v;
    size_t n, cap, frame;
    bool full;
};

void snd_begin(struct snd_out *out, uint32_t command, uint32_t tag);
void snd_end(struct snd_out *out);
/* Takes back the frame that was begun. */
void snd_forget(struct snd_out *out);
void snd_put(struct snd_out *out, const void *bytes, size_t n);
void snd_put_u32(struct snd_out *out, uint32_t v);
void snd_put_u8(struct snd_out *out, uint8_t v);
void snd_put_bool(struct snd_out *out, bool v);
void snd_put_usec(struct snd_out *out, uint64_t v);
void snd_put_null(struct snd_out *out);
/* Not more than SND_TEXT bytes, none of them a control character, all of it UTF-8. */
void snd_put_text(struct snd_out *out, struct snd_text t);
void snd_put_string(struct snd_out *out, const char *s);
void snd_put_volumes(struct snd_out *out, const uint32_t *v, unsigned n);
void snd_put_list(struct snd_out *out);
void snd_put_property(struct snd_out *out, const char *key, struct snd_text value);
void snd_put_list_end(struct snd_out *out);

#endif
