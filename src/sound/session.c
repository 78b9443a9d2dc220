/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sound/session.h"

#include <string.h>

enum { COOKIE = 256, SEEK_MODES = 3, OURS = 0x7fffffff };

void snd_session_init(struct snd_session *s, const struct snd_settings *settings)
{
    *s = (struct snd_session){.settings = settings};
    for (int i = 0; i < SND_STREAMS; i++)
        s->playing.v[i].channel = s->recording.v[i].channel = SND_NONE;
}

/* ---- streams ---- */

const struct snd_stream *snd_stream_by(const struct snd_streams *l, uint32_t channel)
{
    for (int i = 0; i < SND_STREAMS; i++)
        if (l->v[i].channel == channel)
            return &l->v[i];
    return NULL;
}

const struct snd_stream *snd_stream_of(const struct snd_streams *l, uint32_t index)
{
    for (int i = 0; i < SND_STREAMS; i++)
        if (l->v[i].channel != SND_NONE && l->v[i].index == index)
            return &l->v[i];
    return NULL;
}

static bool add_stream(struct snd_streams *l, uint32_t channel, uint32_t index)
{
    struct snd_stream *free = (struct snd_stream *)(uintptr_t)snd_stream_by(l, SND_NONE);
    if (!free || channel == SND_NONE || snd_stream_by(l, channel))
        return false;
    *free = (struct snd_stream){channel, index};
    return true;
}

static void end_stream(struct snd_streams *l, uint32_t channel)
{
    for (int i = 0; i < SND_STREAMS; i++)
        if (l->v[i].channel == channel)
            l->v[i].channel = SND_NONE;
}

/* Either side can end a stream. */
static void end_streams(struct snd_session *s, uint8_t command, uint32_t channel)
{
    if (command == SND_DELETE_PLAYBACK || command == SND_PLAYBACK_KILLED)
        end_stream(&s->playing, channel);
    if (command == SND_DELETE_RECORD || command == SND_RECORD_KILLED)
        end_stream(&s->recording, channel);
}

static unsigned count(const struct snd_session *s, const struct snd_streams *l, uint8_t creates)
{
    unsigned n = 0;
    for (int i = 0; i < SND_STREAMS; i++)
        n += l->v[i].channel != SND_NONE;
    for (int i = 0; i < SND_WAITING; i++)
        n += s->waiting[i].used && s->waiting[i].command == creates;
    return n;
}

/* ---- what was asked ---- */

static struct snd_asked *asked(struct snd_session *s, uint32_t tag)
{
    for (int i = 0; i < SND_WAITING; i++)
        if (s->waiting[i].used && s->waiting[i].tag == tag)
            return &s->waiting[i];
    return NULL;
}

static bool ask(struct snd_session *s, uint32_t tag, uint8_t command, uint32_t channel)
{
    for (int i = 0; i < SND_WAITING; i++) {
        if (s->waiting[i].used)
            continue;
        s->waiting[i] = (struct snd_asked){tag, command, true, channel};
        return true;
    }
    return false;
}

static struct snd_verdict cut(const char *why)
{
    return (struct snd_verdict){.action = SND_CUT, .why = why};
}

static struct snd_verdict drop(size_t size)
{
    return (struct snd_verdict){.action = SND_DROP, .size = size};
}

/* ---- from the app ---- */

static struct snd_verdict authorize(struct snd_session *s, uint32_t tag, struct snd_in *in,
                                    size_t size, struct snd_sides *to)
{
    static const uint8_t cookie[5 + COOKIE] = {'x', 0, 0, COOKIE >> 8, COOKIE & 0xff};
    uint32_t version = snd_u32(in) & 0xffff;
    size_t n;
    snd_raw(in, 'x', &n);
    if (s->asked || !snd_done(in))
        return cut("it introduces itself wrongly");
    if (version < SND_VERSION) {
        snd_error(&to->app, tag, SND_E_VERSION);
        return drop(size);
    }
    s->asked = ask(s, tag, SND_AUTH, 0);
    /* The server knows us by our uid, which the kernel vouches for. */
    snd_begin(&to->host, SND_AUTH, tag);
    snd_put_u32(&to->host, SND_VERSION);
    snd_put(&to->host, cookie, sizeof cookie);
    snd_end(&to->host);
    return drop(size);
}

static bool too_many(const struct snd_session *s, uint32_t command)
{
    return (command == SND_CREATE_PLAYBACK &&
            count(s, &s->playing, SND_CREATE_PLAYBACK) >= SND_STREAMS) ||
           (command == SND_CREATE_RECORD &&
            count(s, &s->recording, SND_CREATE_RECORD) >= SND_STREAMS);
}

static struct snd_verdict request(struct snd_session *s, const struct snd_row *row, uint32_t tag,
                                  struct snd_in *in, size_t size, struct snd_sides *to)
{
    struct snd_seen seen;
    if (asked(s, tag))
        return cut("it asks twice under one number");
    if (too_many(s, row->command)) {
        snd_error(&to->app, tag, SND_E_ACCESS);
        return drop(size);
    }
    snd_begin(&to->host, row->command, tag);
    enum snd_copied r = snd_copy(s, row->request, in, &to->host, &seen);
    snd_end(&to->host);
    if (r == COPIED_NOT || to->host.full)
        return cut("a packet that is not as it must be");
    if (r != COPIED || !ask(s, tag, row->command, seen.channel)) {
        snd_forget(&to->host);
        snd_error(&to->app, tag,
                  r == COPIED_OTHER  ? SND_E_NOENTITY
                  : r == COPIED_NONE ? SND_E_NOTSUPPORTED
                                     : SND_E_ACCESS);
        return drop(size);
    }
    end_streams(s, row->command, seen.channel);
    return drop(size);
}

static struct snd_verdict app_packet(struct snd_session *s, struct snd_in *in, size_t size,
                                     struct snd_sides *to)
{
    uint32_t command = snd_u32(in), tag = snd_u32(in);
    if (in->bad || tag >= OURS)
        return cut("a packet that is not as it must be");
    if (command == SND_AUTH)
        return authorize(s, tag, in, size, to);
    if (!s->authorized)
        return cut("it asks before it has introduced itself");
    const struct snd_row *row = snd_request_row(command);
    if (row && (!row->record || s->settings->record))
        return request(s, row, tag, in, size, to);
    snd_answer(s, command, tag, in, &to->app);
    return drop(size);
}

static struct snd_verdict more(size_t size)
{
    return (struct snd_verdict){.action = SND_MORE, .size = size};
}

struct snd_verdict snd_from_app(struct snd_session *s, const uint8_t *bytes, size_t n,
                                struct snd_sides *to)
{
    if (n < SND_HEADER)
        return more(SND_HEADER);
    struct snd_header h = snd_header(bytes);
    size_t size = SND_HEADER + (size_t)h.length;
    if (h.length == 0 || h.length > SND_SAMPLES)
        return cut("a frame of a size that can not be");
    if (h.channel != SND_NONE) {
        if (h.flags > SEEK_MODES) /* shared memory among them */
            return cut("a frame with flags that nobody agreed on");
        bool own = snd_stream_by(&s->playing, h.channel);
        return own ? (struct snd_verdict){.action = SND_PASS, .size = size} : drop(size);
    }
    if (h.flags != 0 || h.length > SND_PACKET)
        return cut("a packet that can not be");
    if (n < size)
        return more(size);
    struct snd_in in = {bytes + SND_HEADER, bytes + size, false};
    return app_packet(s, &in, size, to);
}

/* ---- from the host ---- */

/* A stream that hears what others play is no microphone: it ends before the app hears a sample. */
static void end_monitor(struct snd_session *s, uint32_t channel, struct snd_sides *to)
{
    end_stream(&s->recording, channel);
    snd_begin(&to->host, SND_DELETE_RECORD, OURS);
    snd_put_u32(&to->host, channel);
    snd_end(&to->host);
}

/* What a reply tells us. False: the app gets an error in its place. */
static bool learn(struct snd_session *s, const struct snd_asked *a, const struct snd_seen *seen,
                  struct snd_sides *to)
{
    bool plays = a->command == SND_CREATE_PLAYBACK;
    if (!plays && a->command != SND_CREATE_RECORD)
        return true;
    if (seen->monitor) {
        end_monitor(s, seen->words[0], to);
        return false;
    }
    return add_stream(plays ? &s->playing : &s->recording, seen->words[0], seen->words[1]);
}

static struct snd_verdict auth_reply(struct snd_session *s, uint32_t tag, struct snd_in *in,
                                     size_t size, struct snd_sides *to)
{
    uint32_t version = snd_u32(in) & 0xffff;
    if (!snd_done(in))
        return cut("the sound server greets wrongly");
    s->authorized = version >= SND_VERSION;
    if (!s->authorized) {
        snd_error(&to->app, tag, SND_E_VERSION);
        return drop(size);
    }
    snd_begin(&to->app, SND_REPLY, tag);
    snd_put_u32(&to->app, SND_VERSION);
    snd_end(&to->app);
    return drop(size);
}

static struct snd_verdict reply(struct snd_session *s, uint32_t tag, struct snd_in *in, size_t size,
                                struct snd_sides *to)
{
    struct snd_asked *a = asked(s, tag);
    struct snd_seen seen;
    if (!a)
        return drop(size);
    a->used = false;
    if (a->command == SND_AUTH)
        return auth_reply(s, tag, in, size, to);
    snd_begin(&to->app, SND_REPLY, tag);
    enum snd_copied r = snd_copy(s, snd_request_row(a->command)->reply, in, &to->app, &seen);
    snd_end(&to->app);
    if (r == COPIED_NOT || to->app.full)
        return cut("the sound server answers wrongly");
    if (r != COPIED || !learn(s, a, &seen, to)) {
        snd_forget(&to->app);
        snd_error(&to->app, tag, SND_E_NOENTITY);
    }
    return drop(size);
}

static struct snd_verdict error(struct snd_session *s, uint32_t tag, struct snd_in *in, size_t size,
                                struct snd_sides *to)
{
    struct snd_asked *a = asked(s, tag);
    uint32_t code = snd_u32(in);
    if (!a)
        return drop(size);
    a->used = false;
    snd_error(&to->app, tag, code);
    return drop(size);
}

/* Of what comes and goes the app hears its own. */
static struct snd_verdict subscribed(struct snd_session *s, uint32_t tag, struct snd_in *in,
                                     size_t size, struct snd_sides *to)
{
    enum { FACILITY = 0xf, PLAYS = 2, RECORDS = 3 };
    uint32_t event = snd_u32(in), index = snd_u32(in), what = event & FACILITY;
    bool own = (what == PLAYS && snd_stream_of(&s->playing, index)) ||
               (what == RECORDS && snd_stream_of(&s->recording, index));
    if (!snd_done(in))
        return cut("the sound server tells wrongly");
    if (!own)
        return drop(size);
    snd_begin(&to->app, SND_SUBSCRIBE_EVENT, tag);
    snd_put_u32(&to->app, event);
    snd_put_u32(&to->app, index);
    snd_end(&to->app);
    return drop(size);
}

static struct snd_verdict event(struct snd_session *s, const struct snd_event *row, uint32_t tag,
                                struct snd_in *in, size_t size, struct snd_sides *to)
{
    struct snd_seen seen;
    snd_begin(&to->app, row->command, tag);
    enum snd_copied r = snd_copy(s, row->layout, in, &to->app, &seen);
    snd_end(&to->app);
    if (r == COPIED_NOT || to->app.full)
        return cut("the sound server tells wrongly");
    if (r != COPIED) {
        snd_forget(&to->app);
        return drop(size);
    }
    if (row->command == SND_RECORD_MOVED && seen.monitor) {
        end_monitor(s, seen.channel, to);
        snd_forget(&to->app);
        snd_begin(&to->app, SND_RECORD_KILLED, SND_NONE);
        snd_put_u32(&to->app, seen.channel);
        snd_end(&to->app);
    }
    end_streams(s, row->command, seen.channel);
    return drop(size);
}

static struct snd_verdict host_packet(struct snd_session *s, struct snd_in *in, size_t size,
                                      struct snd_sides *to)
{
    uint32_t command = snd_u32(in), tag = snd_u32(in);
    if (in->bad)
        return cut("the sound server speaks wrongly");
    if (command == SND_REPLY)
        return reply(s, tag, in, size, to);
    if (command == SND_ERROR)
        return error(s, tag, in, size, to);
    if (command == SND_SUBSCRIBE_EVENT)
        return subscribed(s, tag, in, size, to);
    const struct snd_event *row = snd_event_row(command);
    return row ? event(s, row, tag, in, size, to) : drop(size);
}

struct snd_verdict snd_from_host(struct snd_session *s, const uint8_t *bytes, size_t n,
                                 struct snd_sides *to)
{
    if (n < SND_HEADER)
        return more(SND_HEADER);
    struct snd_header h = snd_header(bytes);
    size_t size = SND_HEADER + (size_t)h.length;
    if (h.length == 0 || h.length > SND_SAMPLES)
        return cut("the sound server sends a frame of a size that can not be");
    if (h.channel != SND_NONE) {
        bool own = h.flags <= SEEK_MODES && snd_stream_by(&s->recording, h.channel);
        return own ? (struct snd_verdict){.action = SND_PASS, .size = size} : drop(size);
    }
    if (h.length > SND_PACKET) /* nothing that we ask for is as long */
        return drop(size);
    if (n < size)
        return more(size);
    struct snd_in in = {bytes + SND_HEADER, bytes + size, false};
    return host_packet(s, &in, size, to);
}
