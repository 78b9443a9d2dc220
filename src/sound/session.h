/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_SOUND_SESSION_H
#define CARREL_SOUND_SESSION_H

#include "sound/rows.h"
#include "sound/tags.h"

/*
 * One connection of the app's, and the one to the host's server that belongs to it. To the app we
 * are the server; to the server, a client that plays (and, where that is granted, records) and
 * asks for nothing else. Only samples are handed on as they are. No input or output here.
 */
enum { SND_PACKET = 64 << 10, SND_STREAMS = 32, SND_WAITING = 256, SND_SAMPLES = 16 << 20 };

struct snd_settings {
    const char *app; /* its id: what mixers call it, besides what it calls itself */
    bool record;
};

struct snd_stream {
    uint32_t channel, index; /* as this connection, and as others know it; SND_NONE: free */
};

struct snd_streams {
    struct snd_stream v[SND_STREAMS];
};

struct snd_asked {
    uint32_t tag;
    uint8_t command;
    bool used;
    uint32_t channel; /* of the stream that is to end */
};

struct snd_session {
    const struct snd_settings *settings;
    bool asked, authorized; /* AUTH was sent; and granted */
    struct snd_streams playing, recording;
    struct snd_asked waiting[SND_WAITING];
};

void snd_session_init(struct snd_session *s, const struct snd_settings *settings);

enum snd_action {
    SND_MORE, /* look again when `size` bytes are there */
    SND_PASS, /* these `size` bytes are samples for the other side */
    SND_DROP,
    SND_CUT, /* the connection ends; why says why */
};

struct snd_verdict {
    enum snd_action action;
    size_t size;
    const char *why;
};

/* What is to be sent instead of what is dropped: whole frames, room for SND_REPLY_ROOM at least. */
enum { SND_REPLY_ROOM = SND_HEADER + 2 * SND_PACKET };
struct snd_sides {
    struct snd_out app, host;
};

/* Judge what stands at the front, n >= 1 bytes of it. */
struct snd_verdict snd_from_app(struct snd_session *s, const uint8_t *bytes, size_t n,
                                struct snd_sides *to);
struct snd_verdict snd_from_host(struct snd_session *s, const uint8_t *bytes, size_t n,
                                 struct snd_sides *to);

/* ---- copy.c ---- */

enum snd_copied {
    COPIED,
    COPIED_NOT,   /* it is not of this layout */
    COPIED_OTHER, /* it is about a stream that is not the app's */
    COPIED_NONE,  /* none of its formats is one of plain samples */
};

/* What is learnt while values are copied. */
struct snd_seen {
    uint32_t words[2]; /* the first two plain numbers of a reply */
    unsigned n_words;
    uint32_t channel; /* by c or d */
    bool monitor;     /* K stood for a device that hears what others play */
};

/* Reads a packet's values by a layout (rows.h) and writes them anew. */
enum snd_copied snd_copy(const struct snd_session *s, const char *layout, struct snd_in *in,
                         struct snd_out *out, struct snd_seen *seen);

/* ---- answer.c ---- */

/* Answers what does not go to the host. */
void snd_answer(const struct snd_session *s, uint32_t command, uint32_t tag, struct snd_in *in,
                struct snd_out *out);
void snd_error(struct snd_out *out, uint32_t tag, uint32_t code);
void snd_ack(struct snd_out *out, uint32_t tag);

/* The row of a stream, or NULL. */
const struct snd_stream *snd_stream_by(const struct snd_streams *l, uint32_t channel);
const struct snd_stream *snd_stream_of(const struct snd_streams *l, uint32_t index);

#endif
