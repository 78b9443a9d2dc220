/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sound/session.h"
#include "t.h"

static struct snd_settings settings;
static struct snd_session s;
static uint8_t app[SND_REPLY_ROOM], host[SND_REPLY_ROOM], packet[SND_REPLY_ROOM];
static struct snd_sides to;
static struct snd_out p;

static void fresh(bool record)
{
    settings = (struct snd_settings){"org.example.App", record};
    snd_session_init(&s, &settings);
}

static struct snd_verdict said(bool by_app)
{
    snd_end(&p);
    to = (struct snd_sides){.app = {.v = app, .cap = sizeof app},
                            .host = {.v = host, .cap = sizeof host}};
    return by_app ? snd_from_app(&s, packet, p.n, &to) : snd_from_host(&s, packet, p.n, &to);
}

static void say(uint32_t command, uint32_t tag)
{
    p = (struct snd_out){.v = packet, .cap = sizeof packet};
    snd_begin(&p, command, tag);
}

/* What was written for one side: its command; at the values. SND_NONE: nothing. */
static uint32_t got(const struct snd_out *out, struct snd_in *in)
{
    *in = (struct snd_in){out->v + SND_HEADER, out->v + out->n, out->n == 0};
    uint32_t command = snd_u32(in);
    snd_u32(in);
    return out->n ? command : SND_NONE;
}

static void login(bool record)
{
    static const uint8_t cookie[261] = {'x', 0, 0, 1, 0, 'k', 'e', 'y'};
    fresh(record);
    say(SND_AUTH, 0);
    snd_put_u32(&p, 0xc0000023); /* 35, shared memory and memfd */
    snd_put(&p, cookie, sizeof cookie);
    said(true);
    say(SND_REPLY, 0);
    snd_put_u32(&p, 35);
    said(false);
}

static void introduces_us_and_not_the_app(void)
{
    struct snd_in in;
    login(false);
    CHECK(s.authorized);
    CHECK_INT(got(&to.app, &in), SND_REPLY);
    CHECK_INT(snd_u32(&in), SND_VERSION);
    fresh(false);
    static const uint8_t cookie[261] = {'x', 0, 0, 1, 0, 'k', 'e', 'y'};
    say(SND_AUTH, 0);
    snd_put_u32(&p, 0xc0000023);
    snd_put(&p, cookie, sizeof cookie);
    CHECK_INT(said(true).action, SND_DROP);
    CHECK_INT(got(&to.host, &in), SND_AUTH);
    CHECK_INT(snd_u32(&in), SND_VERSION);
    CHECK_INT(in.at[5], 0); /* no byte of the app's */
}

static void needs_an_introduction(void)
{
    fresh(false);
    say(20, 1);
    CHECK_INT(said(true).action, SND_CUT);
    login(false);
    say(SND_AUTH, 1);
    CHECK_INT(said(true).action, SND_CUT);
}

/* The layout of a stream that plays, with an evil set of properties and a device by name. */
static void put_playback(const char *format_key)
{
    static const uint8_t spec[] = {'a', 3, 2, 0, 0, 0xbb, 0x80}, map[] = {'m', 2, 1, 2};
    static const uint32_t loud[2] = {0x10000, 0x7fffffff};
    snd_put(&p, spec, sizeof spec);
    snd_put(&p, map, sizeof map);
    snd_put_u32(&p, SND_NONE);
    snd_put_string(&p, "alsa_output.hdmi");
    snd_put_u32(&p, SND_NONE);
    snd_put_bool(&p, false);
    for (int i = 0; i < 4; i++)
        snd_put_u32(&p, SND_NONE);
    snd_put_volumes(&p, loud, 2);
    for (int i = 0; i < 9; i++)
        snd_put_bool(&p, true);
    snd_put_list(&p);
    snd_put_property(&p, "media.name", (struct snd_text){"a \033song", 7});
    snd_put_property(&p, "filter.want", (struct snd_text){"echo-cancel", 11});
    snd_put_property(&p, "media.role", (struct snd_text){"phone", 5});
    snd_put_list_end(&p);
    for (int i = 0; i < 7; i++)
        snd_put_bool(&p, true);
    snd_put_u8(&p, 1);
    snd_put(&p, "f", 1);
    snd_put_u8(&p, 1);
    snd_put_list(&p);
    snd_put_property(&p, format_key, (struct snd_text){"48000", 5});
    snd_put_list_end(&p);
}

static void put_created(uint32_t channel, uint32_t index)
{
    static const uint8_t spec[] = {'a', 3, 2, 0, 0, 0xbb, 0x80}, map[] = {'m', 2, 1, 2};
    snd_put_u32(&p, channel);
    snd_put_u32(&p, index);
    for (int i = 0; i < 5; i++)
        snd_put_u32(&p, 4096);
    snd_put(&p, spec, sizeof spec);
    snd_put(&p, map, sizeof map);
    snd_put_u32(&p, 7);
    snd_put_string(&p, "alsa_output.hdmi");
    snd_put_bool(&p, false);
    snd_put_usec(&p, 0);
    snd_put(&p, "f", 1);
    snd_put_u8(&p, 1);
    snd_put_list(&p);
    snd_put_list_end(&p);
}

static void create(uint32_t channel, uint32_t index)
{
    say(SND_CREATE_PLAYBACK, 9);
    put_playback("format.rate");
    said(true);
    say(SND_REPLY, 9);
    put_created(channel, index);
    said(false);
}

static bool holds(const struct snd_out *out, const char *text)
{
    return memmem(out->v, out->n, text, strlen(text)) != NULL;
}

static void a_stream_says_only_what_it_may(void)
{
    login(false);
    say(SND_CREATE_PLAYBACK, 9);
    put_playback("format.rate");
    CHECK_INT(said(true).action, SND_DROP);
    CHECK(holds(&to.host, "a ?song") && holds(&to.host, "format.rate"));
    CHECK(!holds(&to.host, "filter.want") && !holds(&to.host, "phone"));
    CHECK(!holds(&to.host, "hdmi"));
    CHECK(!holds(&to.host, "\177\377\377\377")); /* as loud as can be */
    say(SND_REPLY, 9);
    put_created(3, 40);
    CHECK_INT(said(false).action, SND_DROP);
    CHECK(holds(&to.app, "speakers") && !holds(&to.app, "hdmi"));
    CHECK(snd_stream_by(&s.playing, 3) && snd_stream_of(&s.playing, 40));
}

static void unknown_properties_of_a_format_go(void)
{
    login(false);
    say(SND_CREATE_PLAYBACK, 9);
    put_playback("format.evil");
    CHECK_INT(said(true).action, SND_DROP);
    CHECK(to.host.n > 0 && !holds(&to.host, "evil"));
}

static struct snd_verdict samples(bool by_app, uint32_t channel, uint32_t flags, uint32_t size)
{
    const uint8_t header[SND_HEADER] = {(uint8_t)(size >> 24),
                                        (uint8_t)(size >> 16),
                                        (uint8_t)(size >> 8),
                                        (uint8_t)size,
                                        0,
                                        0,
                                        0,
                                        (uint8_t)channel,
                                        [16] = (uint8_t)(flags >> 24),
                                        [19] = (uint8_t)flags};
    to = (struct snd_sides){.app = {.v = app, .cap = sizeof app},
                            .host = {.v = host, .cap = sizeof host}};
    return by_app ? snd_from_app(&s, header, sizeof header, &to)
                  : snd_from_host(&s, header, sizeof header, &to);
}

static void samples_go_to_own_streams_only(void)
{
    login(false);
    create(3, 40);
    CHECK_INT(samples(true, 3, 0, 4096).action, SND_PASS);
    CHECK_INT((long long)samples(true, 3, 0, 4096).size, 4096 + SND_HEADER);
    CHECK_INT(samples(true, 4, 0, 4096).action, SND_DROP);
    CHECK_INT(samples(true, 3, 0x80000000, 16).action, SND_CUT); /* shared memory */
    CHECK_INT(samples(true, 3, 0xc0000000, 16).action, SND_CUT);
    CHECK_INT(samples(true, 3, 0, 0).action, SND_CUT);
    CHECK_INT(samples(true, 3, 0, 0x7fffffff).action, SND_CUT);
    CHECK_INT(samples(false, 3, 0, 4096).action, SND_DROP); /* it does not record */
}

static uint32_t refused(uint32_t command)
{
    struct snd_in in;
    login(false);
    say(command, 5);
    snd_put_u32(&p, 0);
    said(true);
    if (to.host.n != 0 || got(&to.app, &in) != SND_ERROR)
        return 0;
    return snd_u32(&in);
}

static void what_has_no_row_is_refused(void)
{
    static const uint8_t no[] = {7,  15, 18, 36, 38, 39, 40, 44, 45, 48, 49,
                                 50, 51, 52, 67, 68, 70, 71, 87, 90, 96, 103};
    for (size_t i = 0; i < sizeof no; i++)
        CHECK_INT(refused(no[i]), SND_E_ACCESS);
    CHECK_INT(refused(SND_CREATE_RECORD), SND_E_ACCESS);
    CHECK_INT(refused(57), SND_E_ACCESS);
    CHECK_INT(refused(200), SND_E_ACCESS);
}

static void others_streams_are_none(void)
{
    struct snd_in in;
    static const uint32_t full[1] = {0x10000};
    login(false);
    create(3, 40);
    say(37, 10);
    snd_put_u32(&p, 41);
    snd_put_volumes(&p, full, 1);
    said(true);
    CHECK_INT((long long)to.host.n, 0);
    CHECK_INT(got(&to.app, &in), SND_ERROR);
    say(37, 10);
    snd_put_u32(&p, 40);
    snd_put_volumes(&p, full, 1);
    said(true);
    CHECK_INT(got(&to.host, &in), 37);
}

static uint32_t told_of(uint32_t event, uint32_t index)
{
    struct snd_in in;
    say(SND_SUBSCRIBE_EVENT, SND_NONE);
    snd_put_u32(&p, event);
    snd_put_u32(&p, index);
    said(false);
    return got(&to.app, &in);
}

static void hears_of_its_own_streams_only(void)
{
    struct snd_in in;
    login(false);
    create(3, 40);
    say(SND_SUBSCRIBE, 11);
    snd_put_u32(&p, 0x2ff);
    said(true);
    CHECK_INT(got(&to.host, &in), SND_SUBSCRIBE);
    CHECK_INT(snd_u32(&in), 4);
    CHECK_INT(told_of(0x10 | 2, 40), SND_SUBSCRIBE_EVENT);
    CHECK_INT(told_of(0x10 | 2, 41), SND_NONE);
    CHECK_INT(told_of(0x10 | 0, 40), SND_NONE);
}

static void sees_one_device(void)
{
    struct snd_in in;
    login(false);
    say(22, 12);
    said(true);
    CHECK(holds(&to.app, "speakers") && !to.host.n);
    say(24, 13);
    said(true);
    CHECK_INT(got(&to.app, &in), SND_REPLY);
    CHECK(snd_done(&in)); /* no source */
    say(20, 14);
    said(true);
    CHECK(holds(&to.app, "carrel-sound") && !holds(&to.app, "microphone"));
    login(true);
    say(24, 13);
    said(true);
    CHECK(holds(&to.app, "microphone"));
}

static void put_recorded(const char *device)
{
    static const uint8_t spec[] = {'a', 3, 2, 0, 0, 0xbb, 0x80}, map[] = {'m', 2, 1, 2};
    snd_put_u32(&p, 1);
    snd_put_u32(&p, 50);
    snd_put_u32(&p, 4096);
    snd_put_u32(&p, 4096);
    snd_put(&p, spec, sizeof spec);
    snd_put(&p, map, sizeof map);
    snd_put_u32(&p, 7);
    snd_put_string(&p, device);
    snd_put_bool(&p, false);
    snd_put_usec(&p, 0);
}

static void ask_to_record(void)
{
    static const uint8_t spec[] = {'a', 3, 2, 0, 0, 0xbb, 0x80}, map[] = {'m', 2, 1, 2};
    say(SND_CREATE_RECORD, 9);
    snd_put(&p, spec, sizeof spec);
    snd_put(&p, map, sizeof map);
    snd_put_u32(&p, 2);
    snd_put_string(&p, "alsa_output.hdmi.monitor");
    snd_put_u32(&p, SND_NONE);
    snd_put_bool(&p, false);
    snd_put_u32(&p, SND_NONE);
    for (int i = 0; i < 9; i++)
        snd_put_bool(&p, true);
    snd_put_list(&p);
    snd_put_list_end(&p);
    snd_put_u32(&p, 41); /* what that stream plays */
    for (int i = 0; i < 3; i++)
        snd_put_bool(&p, true);
    said(true);
}

static void records_a_microphone_only(void)
{
    struct snd_in in;
    login(true);
    ask_to_record();
    CHECK_INT(got(&to.host, &in), SND_CREATE_RECORD);
    CHECK(!holds(&to.host, "monitor"));
    say(SND_REPLY, 9);
    put_recorded("alsa_output.hdmi.monitor");
    said(false);
    CHECK_INT(got(&to.app, &in), SND_ERROR);
    CHECK_INT(got(&to.host, &in), SND_DELETE_RECORD);
    CHECK_INT(samples(false, 1, 0, 4096).action, SND_DROP);
    ask_to_record();
    say(SND_REPLY, 9);
    put_recorded("alsa_input.usb");
    said(false);
    CHECK(holds(&to.app, "microphone") && !holds(&to.app, "usb"));
    CHECK_INT(samples(false, 1, 0, 4096).action, SND_PASS);
    say(SND_RECORD_MOVED, SND_NONE);
    snd_put_u32(&p, 1);
    snd_put_u32(&p, 7);
    snd_put_string(&p, "x.monitor");
    snd_put_bool(&p, false);
    snd_put_u32(&p, 1);
    snd_put_u32(&p, 1);
    snd_put_usec(&p, 0);
    said(false);
    CHECK_INT(got(&to.app, &in), SND_RECORD_KILLED);
    CHECK_INT(samples(false, 1, 0, 4096).action, SND_DROP);
}

static void streams_are_limited(void)
{
    struct snd_in in;
    login(false);
    for (uint32_t i = 0; i < SND_STREAMS; i++)
        create(i, 100 + i);
    CHECK(snd_stream_by(&s.playing, SND_STREAMS - 1) != NULL);
    say(SND_CREATE_PLAYBACK, 10);
    put_playback("format.rate");
    said(true);
    CHECK_INT((long long)to.host.n, 0);
    CHECK_INT(got(&to.app, &in), SND_ERROR);
}

static void says_who_it_is(void)
{
    login(false);
    say(SND_SET_CLIENT_NAME, 1);
    snd_put_list(&p);
    snd_put_property(&p, "application.name", (struct snd_text){"Firefox", 7});
    snd_put_property(&p, "application.id", (struct snd_text){"org.other", 9});
    snd_put_list_end(&p);
    said(true);
    CHECK(holds(&to.host, "Firefox [org.example.App]") && !holds(&to.host, "org.other"));
}

int main(void)
{
    RUN(introduces_us_and_not_the_app);
    RUN(needs_an_introduction);
    RUN(a_stream_says_only_what_it_may);
    RUN(unknown_properties_of_a_format_go);
    RUN(samples_go_to_own_streams_only);
    RUN(what_has_no_row_is_refused);
    RUN(others_streams_are_none);
    RUN(hears_of_its_own_streams_only);
    RUN(sees_one_device);
    RUN(records_a_microphone_only);
    RUN(streams_are_limited);
    RUN(says_who_it_is);
    return t_done();
}
