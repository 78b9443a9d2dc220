/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x11/clip.h"
#include "x11/clip_keys.h"
#include "x11/security.h"
#include "x11/untrust.h"
#include "x11/xauth.h"

#include "t.h"
#include "util/str.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct arena arena;

/* ---- cookies in files ---- */

/* family, then four counted strings, given as "LEN:BYTES" by their C strings (no NUL inside). */
static void put_entry(struct buf *b, unsigned family, const char *address, const char *number,
                      const char *name, const char *data)
{
    const char *parts[] = {address, number, name, data};
    buf_char(b, (char)(family >> 8));
    buf_char(b, (char)(family & 0xff));
    for (size_t i = 0; i < 4; i++) {
        buf_char(b, (char)(strlen(parts[i]) >> 8));
        buf_char(b, (char)(strlen(parts[i]) & 0xff));
        buf_str(b, parts[i]);
    }
}

static void finds_the_cookie_of_this_display_only(void)
{
    static const char cookie[] = "MIT-MAGIC-COOKIE-1";
    struct buf b = {.arena = &arena};
    struct xauth_fact x = {0};
    put_entry(&b, 256, "lamp", "0", cookie, "another-host....");
    put_entry(&b, 0, "\x7f", "0", cookie, "by-address......");
    put_entry(&b, 256, "desk", "1", cookie, "display-one.....");
    put_entry(&b, 256, "desk", "0", "XDM-AUTHORIZATION-1", "another-kind....");
    put_entry(&b, 256, "desk", "0", cookie, "display-nought..");
    put_entry(&b, 65535, "", "7", cookie, "wild............");
    put_entry(&b, 256, "desk", "", cookie, "any-display.....");
    static const struct {
        unsigned display;
        const char *cookie;
    } cases[] = {
        {0, "display-nought.."},
        {1, "display-one....."},
        {7, "wild............"},
        {9, "any-display....."},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CHECK(xauth_find(b.data, b.len, "desk", cases[i].display, &x));
        CHECK_STR(arena_strndup(&arena, x.data, x.size), cases[i].cookie);
        CHECK_STR(x.name, cookie);
    }
    CHECK(!xauth_find(b.data, b.len - 60, "elsewhere", 1, &x));
    /* However it is cut, nothing is found that is not whole. */
    struct buf one = {.arena = &arena};
    put_entry(&one, 256, "desk", "0", cookie, "0123456789abcdef");
    for (size_t n = 0; n < one.len; n++) {
        char *exact = malloc(n ? n : 1);
        memcpy(exact, one.data, n);
        CHECK(!xauth_find(exact, n, "desk", 0, &x));
        free(exact);
    }
    CHECK(xauth_find(one.data, one.len, "desk", 0, &x));
}

static void writes_what_it_reads(void)
{
    const struct xauth_fact cookie = {"MIT-MAGIC-COOKIE-1", "0123456789abcde\0", 16};
    struct buf b = {.arena = &arena};
    struct xauth_fact x = {0};
    xauth_entry(&b, "1003", &cookie);
    CHECK_INT(b.len, 2 + 2 + 2 + 4 + 2 + 18 + 2 + 16);
    CHECK(xauth_find(b.data, b.len, "any", 1003, &x));
    CHECK(x.size == 16 && memcmp(x.data, cookie.data, 16) == 0);
    CHECK(!xauth_find(b.data, b.len, "any", 3, &x));
}

/* ---- a server that has said everything before it was asked ---- */

struct fake {
    uint8_t said[64 << 10];
    size_t n;
    uint8_t heard[4096];
    size_t n_heard;
};

static struct fake fake;
static uint8_t room[8 << 10];

static uint8_t *say(size_t n)
{
    uint8_t *p = fake.said + fake.n;
    memset(p, 0, n);
    fake.n += n;
    return p;
}

static void set16(uint8_t *p, unsigned v)
{
    uint16_t b = (uint16_t)v;
    memcpy(p, &b, 2);
}

static void set32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
}

/* Success, a vendor of 5 bytes, one format, one screen. */
static void say_welcome(void)
{
    size_t n = 40 + 8 + 8 + 40;
    fake.n = 0;
    uint8_t *p = say(n);
    p[0] = 1;
    set16(p + 2, 11);
    set16(p + 6, (unsigned)(n - 8) / 4);
    set32(p + 12, 0x400000);
    set32(p + 16, 0x1fffff);
    set16(p + 24, 5);
    set16(p + 26, 0xffff);
    p[28] = p[29] = 1;
    set32(p + 56, 0x51);
}

static uint8_t *say_reply(unsigned sequence, size_t more)
{
    uint8_t *p = say(32 + more);
    p[0] = 1;
    set16(p + 2, sequence);
    set32(p + 4, (uint32_t)more / 4);
    return p;
}

/* The server as an extension: present, its opcode. */
static void say_extension(unsigned sequence, unsigned opcode)
{
    uint8_t *p = say_reply(sequence, 0);
    p[8] = opcode != 0;
    p[9] = (uint8_t)opcode;
}

static struct x11 connect_to_fake(int ends[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 ||
        write(ends[1], fake.said, fake.n) != (ssize_t)fake.n)
        abort();
    return (struct x11){
        .fd = ends[0], .room = room, .size = sizeof room, .deadline = x11_now() + 60000};
}

static void hang_up(int ends[2])
{
    ssize_t n = recv(ends[1], fake.heard, sizeof fake.heard, MSG_DONTWAIT);
    fake.n_heard = n < 0 ? 0 : (size_t)n;
    close(ends[0]);
    close(ends[1]);
}

static void says_hello_with_its_cookie(void)
{
    int ends[2];
    say_welcome();
    struct x11 x = connect_to_fake(ends);
    CHECK_INT(x11_hello(&x, "MIT-MAGIC-COOKIE-1", "0123456789abcdef", 16), 0);
    CHECK_INT(x.setup.root, 0x51);
    CHECK_INT(x.setup.id_base, 0x400000);
    CHECK_INT(x.setup.most_request, 4 * 0xffff);
    CHECK_INT(x11_new_id(&x), 0x400001);
    CHECK_INT(x11_new_id(&x), 0x400002);
    hang_up(ends);
    CHECK_INT(fake.n_heard, 12 + 20 + 16);
    CHECK(memcmp(fake.heard + 12,
                 "MIT-MAGIC-COOKIE-1\0\0"
                 "0123456789abcdef",
                 36) == 0);
    CHECK_INT(x_get16(fake.heard + 2), 11);
    CHECK_INT(x_get16(fake.heard + 6), 18);
    CHECK_INT(x_get16(fake.heard + 8), 16);
}

static void tells_why_it_was_refused(void)
{
    static const char why[] = "No \033protocol\n";
    int ends[2];
    fake.n = 0;
    uint8_t *p = say(8 + 16);
    p[1] = sizeof why - 1;
    set16(p + 6, 4);
    memcpy(p + 8, why, sizeof why - 1);
    struct x11 x = connect_to_fake(ends);
    CHECK_INT(x11_hello(&x, NULL, NULL, 0), -EACCES);
    CHECK_STR(x.refusal, "No  protocol");
    hang_up(ends);
    /* A reason that is longer than the answer is none. */
    p[1] = 17;
    x = connect_to_fake(ends);
    CHECK_INT(x11_hello(&x, NULL, NULL, 0), -EACCES);
    CHECK_STR(x.refusal, "");
    hang_up(ends);
}

static void refuses_what_is_no_setup(void)
{
    int ends[2];
    static const struct {
        size_t at;
        unsigned value;
    } wrong[] = {{24, 60000}, {24, 6 * 4}, {28, 0}, {29, 200}, {6, 2}};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        say_welcome();
        if (wrong[i].at == 28 || wrong[i].at == 29)
            fake.said[wrong[i].at] = (uint8_t)wrong[i].value;
        else
            set16(fake.said + wrong[i].at, wrong[i].value);
        struct x11 x = connect_to_fake(ends);
        CHECK_INT(x11_hello(&x, NULL, NULL, 0), -EPROTO);
        hang_up(ends);
    }
    say_welcome();
    set16(fake.said + 6, 60000); /* more than the room */
    struct x11 x = connect_to_fake(ends);
    CHECK_INT(x11_hello(&x, NULL, NULL, 0), -EMSGSIZE);
    hang_up(ends);
    say_welcome();
    fake.n -= 1;
    x = connect_to_fake(ends);
    x.deadline = x11_now() + 50;
    CHECK_INT(x11_hello(&x, NULL, NULL, 0), -ETIMEDOUT);
    shutdown(ends[1], SHUT_WR);
    hang_up(ends);
    x = connect_to_fake(ends);
    shutdown(ends[1], SHUT_WR);
    CHECK_INT(x11_hello(&x, NULL, NULL, 0), -ECONNRESET);
    hang_up(ends);
}

static void finds_the_reply_among_events_and_errors(void)
{
    int ends[2];
    uint32_t atom;
    say_welcome();
    say(32)[0] = 28;      /* an event */
    say(32 + 64)[0] = 35; /* a long one */
    set32(fake.said + fake.n - 92, 16);
    set16(say(32) + 2, 9); /* an error of another request */
    set32(say_reply(1, 0) + 8, 77);
    set16(say(32) + 2, 2); /* an error of this one */
    say_reply(9, 0);       /* to no question */
    struct x11 x = connect_to_fake(ends);
    CHECK_INT(x11_hello(&x, NULL, NULL, 0), 0);
    CHECK_INT(x11_atom(&x, "A", &atom), 0);
    CHECK_INT(atom, 77);
    CHECK_INT(x11_atom(&x, "B", &atom), -EREMOTEIO);
    CHECK_INT(x11_atom(&x, "C", &atom), -EPROTO);
    hang_up(ends);
}

static void asks_for_an_untrusted_cookie(void)
{
    int ends[2];
    struct x_cookie cookie;
    say_welcome();
    say_extension(1, 140);
    uint8_t *p = say_reply(2, 16);
    set32(p + 8, 5);
    set16(p + 12, 16);
    memcpy(p + 32, "fedcba9876543210", 16);
    say_extension(3, 0);
    struct x11 x = connect_to_fake(ends);
    CHECK_INT(x11_hello(&x, NULL, NULL, 0), 0);
    CHECK_INT(x11_untrusted(&x, 60, &cookie), 0);
    CHECK_INT(cookie.id, 5);
    CHECK(cookie.size == 16 && memcmp(cookie.data, "fedcba9876543210", 16) == 0);
    CHECK_INT(x11_untrusted(&x, 60, &cookie), -ENOSYS);
    hang_up(ends);
    const uint8_t *asked = fake.heard + 12 + 16;
    CHECK_INT(asked[0], 140);
    CHECK_INT(asked[1], 1);
    CHECK_INT(x_get16(asked + 2), 10); /* in units of four bytes */
    CHECK_INT(x_get16(asked + 4), 18);
    CHECK_INT(x_get32(asked + 8), 3);
    CHECK(memcmp(asked + 12, "MIT-MAGIC-COOKIE-1\0\0", 20) == 0);
    CHECK_INT(x_get32(asked + 32), 60);
    CHECK_INT(x_get32(asked + 36), 1);
}

static void reads_properties_with_bounds(void)
{
    uint8_t p[32 + 8] = {1, 8};
    struct x_property out;
    set32(p + 16, 8);
    CHECK(x_read_property(p, sizeof p, &out));
    CHECK_INT(out.size, 8);
    set32(p + 16, 9);
    CHECK(!x_read_property(p, sizeof p, &out));
    p[1] = 32;
    set32(p + 16, 2);
    CHECK(x_read_property(p, sizeof p, &out));
    CHECK_INT(out.size, 8);
    set32(p + 16, 0x40000002);
    CHECK(!x_read_property(p, sizeof p, &out));
    p[1] = 7;
    CHECK(!x_read_property(p, sizeof p, &out));
    p[1] = 0;
    set32(p + 16, 0);
    CHECK(x_read_property(p, sizeof p, &out));
    CHECK_INT(out.format, 0);
}

static void never_writes_behind_a_request(void)
{
    uint8_t bytes[17];
    struct x_out o = {.p = bytes, .size = 16};
    bytes[16] = 0xaa;
    x_request(&o, 1, 2);
    x_put_bytes(&o, "0123456789", 10);
    CHECK(x_finish(&o));
    CHECK_INT(x_get16(bytes + 2), 4);
    x_put8(&o, 1);
    CHECK(!x_finish(&o));
    CHECK_INT(bytes[16], 0xaa);
}

static void cleans_text_for_pasting(void)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain\ttext\r\n", "plain\ttext\r\n"},
        {"\033[201~rm\a", "[201~rm"},
        {"\302\233x\177\302\240", "x\302\240"},
        {"\xff\xc0\x80z", "???z"},
        {"\xe4\xb8", "??"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t *p = (uint8_t *)arena_strdup(&arena, cases[i].in);
        p[clip_clean(p, strlen(cases[i].in))] = 0;
        CHECK_STR((char *)p, cases[i].out);
    }
    uint8_t latin[8] = {'a', 0xfc, 0xff};
    CHECK_INT(clip_widen(latin, 3, 4), 0);
    CHECK_INT(clip_widen(latin, 3, 5), 5);
    CHECK(memcmp(latin, "a\303\274\303\277", 5) == 0);
    CHECK(clip_looks_like("image/webp", (const uint8_t *)"RIFF1234WEBP", 12));
    CHECK(!clip_looks_like("image/webp", (const uint8_t *)"RIFF1234WEB", 11));
    CHECK(!clip_looks_like("image/svg+xml", (const uint8_t *)"<svg>", 5));
}

/* connect=pipe: the same message with the person's cookie, or with none. */
static void comes_as_the_person_where_it_is_told(void)
{
    static const uint8_t hello[] = {'l', 0, 11,  0,   0,   0, 3,   0,   2, 0,
                                    0,   0, 'a', 'b', 'c', 0, 'x', 'y', 0, 0};
    uint8_t out[UNTRUST_SETUP];
    struct untrust u;
    char with[] = UNTRUST_HEADER "\nsocket /x\ncookie k\nas person\n",
         without[] = UNTRUST_HEADER "\nsocket /x\nas person\n",
         neither[] = UNTRUST_HEADER "\nsocket /x\n",
         twice[] = UNTRUST_HEADER "\nsocket /x\nas person\nas person\n";
    CHECK(!untrust_read(&u, with, strlen(with)) && u.person);
    CHECK_INT(untrust_setup(&u, hello, out), 12 + 20 + 4);
    CHECK(memcmp(out + 12, "MIT-MAGIC-COOKIE-1", 18) == 0 && out[32] == 'k');
    CHECK(!untrust_read(&u, without, strlen(without)) && u.person);
    CHECK_INT(untrust_setup(&u, hello, out), 12);
    CHECK_INT(out[6] + out[7] + out[8] + out[9], 0);
    CHECK(untrust_read(&u, neither, strlen(neither)));
    CHECK(untrust_read(&u, twice, strlen(twice)));
}

static void reads_the_keys_of_the_clipboard(void)
{
    struct clip_keys k;
    char text[] = CLIP_KEYS_HEADER "\nin Ctrl+Shift+Insert\nout super+F12\nown \\x00x\n";
    CHECK(!clip_keys_read(&k, text, strlen(text)));
    CHECK_INT(k.chords[CLIP_IN].key, 0xff63);
    CHECK_INT(k.chords[CLIP_IN].held, CHORD_CTRL | CHORD_SHIFT);
    CHECK_INT(k.chords[CLIP_OUT].key, 0xffc9);
    CHECK_INT(k.own.size, 2);
    CHECK(!k.host.data);
    static const char *const bad[] = {
        "in Ctrl+a\n",
        "own x\n",
        "in Shift+a\nown x\n",
        "in Ctrl+\nown x\n",
        "in none\nown x\n",
        "in Ctrl+Ctrl+a\nown x\n",
        "in Ctrl+F13\nown x\n",
        "in Ctrl+F0\nown x\n",
        "in Ctrl+a\nin Ctrl+b\nown x\n",
        "in Ctrl+a\nown x\nown y\n",
        "in Ctrl+a\nown x",
        "in Ctrl+a\nown x\nin\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char *copy = arena_printf(&arena, CLIP_KEYS_HEADER "\n%s", bad[i]);
        CHECK(clip_keys_read(&k, copy, strlen(copy)));
    }
}

/* A press is what the display says and nobody has sent, of this key, with this, in this window. */
static void knows_a_press_of_the_clipboard_s_keys(void)
{
    struct clip_keys keys = {.chords = {{CHORD_CTRL, 'v'}, {CHORD_ALT, 'c'}}};
    static uint8_t small[64];
    struct x11 x = {.fd = -1, .room = small, .size = sizeof small};
    struct clip_grab g = {.x = &x, .keys = &keys, .window = 77, .codes = {55, 54}};
    uint8_t e[X_UNIT] = {2, 55};
    set32(e + 4, 1000);
    set32(e + 12, 77);
    e[28] = CHORD_CTRL;
    CHECK_INT(clip_pressed(&g, e), CLIP_IN);
    CHECK_INT(clip_pressed(&g, e), CLIP_WAYS); /* repeated */
    set32(e + 4, 2000);
    e[28] = CHORD_CTRL | 1 << 4 | 1 << 1; /* with NumLock and CapsLock */
    CHECK_INT(clip_pressed(&g, e), CLIP_IN);
    set32(e + 4, 3000);
    e[0] = 0x82; /* by SendEvent */
    CHECK_INT(clip_pressed(&g, e), CLIP_WAYS);
    e[0] = 3; /* let go */
    CHECK_INT(clip_pressed(&g, e), CLIP_WAYS);
    e[0] = 2;
    e[28] = CHORD_ALT;
    CHECK_INT(clip_pressed(&g, e), CLIP_WAYS);
    e[1] = 54;
    CHECK_INT(clip_pressed(&g, e), CLIP_OUT);
    set32(e + 4, 4000);
    set32(e + 12, 78);
    CHECK_INT(clip_pressed(&g, e), CLIP_WAYS);
}

int main(void)
{
    RUN(finds_the_cookie_of_this_display_only);
    RUN(writes_what_it_reads);
    RUN(says_hello_with_its_cookie);
    RUN(tells_why_it_was_refused);
    RUN(refuses_what_is_no_setup);
    RUN(finds_the_reply_among_events_and_errors);
    RUN(asks_for_an_untrusted_cookie);
    RUN(reads_properties_with_bounds);
    RUN(never_writes_behind_a_request);
    RUN(cleans_text_for_pasting);
    RUN(comes_as_the_person_where_it_is_told);
    RUN(reads_the_keys_of_the_clipboard);
    RUN(knows_a_press_of_the_clipboard_s_keys);
    arena_release(&arena);
    return t_done();
}
