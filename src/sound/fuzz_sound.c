/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A conversation: the first byte says whether the app may record; then come frames, each behind a
 * byte whose lowest bit says who speaks. What must hold besides memory safety: a verdict never asks
 * for what is there; samples are handed on only for a stream that is the app's; what is written are
 * whole packets without flags, and of the host's nothing is asked that has no row.
 */
#include "fuzz.h"
#include "sound/session.h"

#include <stdlib.h>
#include <string.h>

static void must(int holds)
{
    if (!holds)
        abort();
}

static void check_written(const struct snd_out *out, const struct snd_settings *settings,
                          int to_host)
{
    must(!out->full);
    for (size_t at = 0; at < out->n;) {
        must(out->n - at >= SND_HEADER);
        struct snd_header h = snd_header(out->v + at);
        must(h.channel == SND_NONE && h.flags == 0 && h.length >= 10 &&
             h.length <= out->n - at - SND_HEADER);
        struct snd_in in = {out->v + at + SND_HEADER, out->v + at + SND_HEADER + h.length, false};
        uint32_t command = snd_u32(&in);
        const struct snd_row *row = snd_request_row(command);
        must(!in.bad);
        if (to_host)
            must(command == SND_AUTH || (row && (!row->record || settings->record)));
        else
            must(command == SND_REPLY || command == SND_ERROR || snd_event_row(command) ||
                 command == SND_SUBSCRIBE_EVENT);
        at += SND_HEADER + h.length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t app[SND_REPLY_ROOM], host[SND_REPLY_ROOM];
    static struct snd_session s;
    if (size < 1)
        return 0;
    struct snd_settings settings = {"org.example.App", *data & 1};
    snd_session_init(&s, &settings);
    data++;
    size--;
    while (size > 1) {
        int from_app = !(*data & 1);
        data++;
        size--;
        size_t n = size < SND_HEADER + SND_PACKET ? size : SND_HEADER + SND_PACKET;
        uint8_t *bytes = malloc(n);
        must(bytes != NULL);
        memcpy(bytes, data, n);
        struct snd_sides to = {.app = {.v = app, .cap = sizeof app},
                               .host = {.v = host, .cap = sizeof host}};
        struct snd_verdict v =
            from_app ? snd_from_app(&s, bytes, n, &to) : snd_from_host(&s, bytes, n, &to);
        if (v.action == SND_PASS) {
            struct snd_header h = snd_header(bytes);
            must(snd_stream_by(from_app ? &s.playing : &s.recording, h.channel) != NULL);
            must(h.flags <= 3 && (from_app || settings.record));
        }
        free(bytes);
        must(v.action != SND_MORE || v.size > n);
        if (v.action == SND_MORE || v.action == SND_CUT)
            break;
        check_written(&to.app, &settings, 0);
        check_written(&to.host, &settings, 1);
        must(v.size > 0 && (v.action == SND_DROP || to.app.n + to.host.n == 0));
        if (v.size > size)
            break;
        data += v.size;
        size -= v.size;
    }
    return 0;
}
