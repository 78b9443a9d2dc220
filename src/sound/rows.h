/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_SOUND_ROWS_H
#define CARREL_SOUND_ROWS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Which words of the protocol there are for an app, as tables. Numbers and layouts are those of
 * version 21 (pulsecore/native-common.h, pulsecore/protocol-native.c), which both sides are told
 * to speak: PulseAudio from 1.0 on and PipeWire know it, and it has neither shared memory nor
 * descriptors once nobody asks for them.
 */
enum { SND_VERSION = 21 };

enum snd_command {
    SND_ERROR = 0,
    SND_REPLY = 2,
    SND_CREATE_PLAYBACK = 3,
    SND_DELETE_PLAYBACK = 4,
    SND_CREATE_RECORD = 5,
    SND_DELETE_RECORD = 6,
    SND_AUTH = 8,
    SND_SET_CLIENT_NAME = 9,
    SND_SUBSCRIBE = 35,
    SND_PLAYBACK_KILLED = 64,
    SND_RECORD_KILLED = 65,
    SND_SUBSCRIBE_EVENT = 66,
    SND_RECORD_MOVED = 79,
};

/* Codes of errors (pulse/def.h). */
enum { SND_E_ACCESS = 1, SND_E_NOENTITY = 5, SND_E_VERSION = 17, SND_E_NOTSUPPORTED = 19 };

/*
 * A layout names the values of a packet in their order. Nothing is handed on as it came: each is
 * read, looked at and written anew.
 *
 *   L B U T R r a m V b   a plain value of that type (b: true or false)
 *   v   volumes, at most half as loud again as full
 *   z   true or false; false is written
 *   t   a text, cleaned
 *   c d the number of a stream of the app's that plays, or that records
 *   i o the same streams by the number under which others know them
 *   I   a device's number; none is written         D  the same; 0 is written
 *   N   a device's name; none is written           S  "speakers"     K  "microphone"
 *   p   properties of a stream: what it is called, and whether it is music, a film or a game
 *   q   properties of a client: those that we give it
 *   e   properties; none is written
 *   f   formats, of which only plain samples are written      g  one of them
 *   s   what is to be told of: the app's own streams
 */
struct snd_row {
    uint8_t command;
    bool record; /* only for an app that may record */
    const char *request, *reply;
};

/* What goes to the host's server; NULL: nothing of it does. */
const struct snd_row *snd_request_row(uint32_t command);

/* What the host's server may tell the app of its own accord. */
struct snd_event {
    uint8_t command;
    const char *layout;
};

const struct snd_event *snd_event_row(uint32_t command);

/* What the app asks and is answered by us. */
enum snd_answer {
    ANSWER_REFUSED,    /* the app may not: what has no row */
    ANSWER_DONE,       /* as if it were done: it changes nothing that counts */
    ANSWER_EMPTY,      /* an empty list */
    ANSWER_NO_SUCH,    /* there is no such thing */
    ANSWER_SERVER,     /* who we are */
    ANSWER_SINK,       /* the one device that plays */
    ANSWER_SINKS,      /* a list of it */
    ANSWER_SINK_INDEX, /* its number */
    ANSWER_SOURCE,     /* the one that records, for an app that may */
    ANSWER_SOURCES,
    ANSWER_SOURCE_INDEX,
    ANSWER_STAT, /* zeros */
};

enum snd_answer snd_answer_row(uint32_t command);

#endif
