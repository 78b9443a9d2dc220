/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sound/rows.h"

#include <stddef.h>

#define COUNT(v) (sizeof(v) / sizeof *(v))

/* clang-format off */
static const struct snd_row requests[] = {
    {SND_SET_CLIENT_NAME, false, "q", "L"},
    /* spec, map, device, longest, corked, buffer (target, before, least), group, volume; no remap,
       no remix, fix format, rate, channels; do not move: the person decides; variable rate; muted,
       adjust latency, properties; volume is set, early requests; muted is set, do not inhibit
       suspending, fail then; relative volume, passthrough, formats */
    {SND_CREATE_PLAYBACK, false, "amINLbLLLLvbbbbbzbbbpbbbbbbzf", "LLLLLLLamDSbUg"},
    {SND_DELETE_PLAYBACK, false, "c", ""},
    {12 /* drain */, false, "c", ""},
    {14 /* latency */, false, "cT", "UUbTTrrRR"},
    {41 /* cork */, false, "cb", ""},
    {42 /* flush */, false, "c", ""},
    {43 /* trigger */, false, "c", ""},
    {60 /* buffer before playing */, false, "c", ""},
    {46 /* name */, false, "ct", ""},
    {72 /* buffer */, false, "cLLLLbb", "LLLLU"},
    {74 /* rate */, false, "cL", ""},
    {37 /* volume */, false, "iv", ""},
    {69 /* mute */, false, "ib", ""},
    {29 /* what it is */, false, "i", "itIIDamvUUttbebbbg"},
    {SND_SUBSCRIBE, false, "s", ""},
    /* as above, with peaks only, and what another stream plays: nothing of that */
    {SND_CREATE_RECORD, true, "amINLbLbbbbbzbbbpIbbb", "LLLLamDKbU"},
    {SND_DELETE_RECORD, true, "d", ""},
    {57 /* latency */, true, "dT", "UUbTTrr"},
    {58 /* cork */, true, "db", ""},
    {59 /* flush */, true, "d", ""},
    {47 /* name */, true, "dt", ""},
    {73 /* buffer */, true, "dLLbb", "LLU"},
    {75 /* rate */, true, "dL", ""},
    {31 /* what it is */, true, "o", "otIIDamUUtteb"},
};

static const struct snd_event events[] = {
    {61 /* more samples, please */, "cL"},
    {62 /* overflow */, "c"},
    {63 /* underflow */, "c"},
    {SND_PLAYBACK_KILLED, "c"},
    {SND_RECORD_KILLED, "d"},
    {76 /* suspended */, "cb"},
    {77, "db"},
    {78 /* on another device now */, "cDSbLLLLU"},
    {SND_RECORD_MOVED, "dDKbLLU"},
    {86 /* started */, "c"},
    {94 /* another buffer */, "cLLLLU"},
    {95, "dLLU"},
};

static const struct {
    uint8_t command, answer;
} answers[] = {
    {10, ANSWER_SINK_INDEX}, {11, ANSWER_SOURCE_INDEX}, {13, ANSWER_STAT}, {20, ANSWER_SERVER},
    {21, ANSWER_SINK}, {22, ANSWER_SINKS}, {23, ANSWER_SOURCE}, {24, ANSWER_SOURCES},
    {25 /* modules */, ANSWER_NO_SUCH}, {26, ANSWER_EMPTY},
    {27 /* clients */, ANSWER_NO_SUCH}, {28, ANSWER_EMPTY},
    {29 /* streams, where they are not the app's */, ANSWER_NO_SUCH}, {30, ANSWER_EMPTY},
    {31, ANSWER_NO_SUCH}, {32, ANSWER_EMPTY},
    {33 /* samples that are kept */, ANSWER_NO_SUCH}, {34, ANSWER_EMPTY},
    {80 /* properties */, ANSWER_DONE}, {81, ANSWER_DONE}, {82, ANSWER_DONE}, {83, ANSWER_DONE},
    {84, ANSWER_DONE}, {85, ANSWER_DONE},
    {88 /* cards */, ANSWER_NO_SUCH}, {89, ANSWER_EMPTY},
};
/* clang-format on */

const struct snd_row *snd_request_row(uint32_t command)
{
    for (size_t i = 0; i < COUNT(requests); i++)
        if (requests[i].command == command)
            return &requests[i];
    return NULL;
}

const struct snd_event *snd_event_row(uint32_t command)
{
    for (size_t i = 0; i < COUNT(events); i++)
        if (events[i].command == command)
            return &events[i];
    return NULL;
}

enum snd_answer snd_answer_row(uint32_t command)
{
    for (size_t i = 0; i < COUNT(answers); i++)
        if (answers[i].command == command)
            return (enum snd_answer)answers[i].answer;
    return ANSWER_REFUSED;
}
