/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel-clip-wayland in|out|list|list-app|fetch|give
 *
 * Carries what was copied between the person's compositor and one app behind carrel-wayland,
 * started by `carrel clip` for one act of the person's (clip/helper.h). Descriptors: 3 the
 * compositor, 4 a line to the app's filter (lines.h). The whole is fetched at once, with bounds,
 * and looked at; whoever pastes gets it from here.
 *
 * With "fetch" and "give" 4 is a file, to which what the compositor has is written, or from which
 * it gets what an X server had (clip/kept.h).
 */
#include "clip/data.h"
#include "clip/helper.h"
#include "clip/kept.h"
#include "wayland/control.h"
#include "wayland/line.h"
#include "wayland_clip.gen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HOST = CLIP_FIRST, LINE };
enum { PATIENCE_MS = 15000 };
/* "STRING" is Latin 1, which cannot hold every text. */
enum { LATIN = 3, TEXT_KINDS = ((1 << WAY_TEXTS) - 1) & ~(1 << LATIN) };

static uint8_t text[CLIP_TEXT_MOST], picture[CLIP_PICTURE_MOST];
static size_t n_text, n_picture;
static int picture_kind;
static struct control host;

/* ---- the line ---- */

static void tell(const char *word, unsigned number, int fd)
{
    int r = line_tell(LINE, word, number, fd);
    if (r < 0)
        clip_fail("the app's filter does not listen", -r);
}

/* Waits for the answer, which brings a number. */
static unsigned answered(const char *want)
{
    struct line_word w;
    struct pollfd p = {.fd = LINE, .events = POLLIN};
    if (poll(&p, 1, PATIENCE_MS) != 1 || line_hear(LINE, &w) <= 0)
        clip_fail("the app's filter does not answer", 0);
    if (strcmp(w.word, "open") == 0)
        clip_fail("the app's policy leaves this way open: paste as usual", 0);
    if (strcmp(w.word, want) != 0)
        clip_fail("the app gives it no longer", 0);
    return w.number;
}

/* ---- what is fetched ---- */

static int lowest(unsigned kinds, int from, int to)
{
    for (int i = from; i < to; i++)
        if (kinds & 1u << i)
            return i;
    return -1;
}

/* Who writes may be anybody, and slow. */
static size_t read_all(int fd, uint8_t *to, size_t room, const char *what)
{
    char line[96];
    size_t n = 0;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = host.deadline - control_now();
        int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        snprintf(line, sizeof line, "the %s did not come in time", what);
        if (ready <= 0)
            clip_fail(line, 0);
        uint8_t more;
        ssize_t got = read(fd, n < room ? to + n : &more, n < room ? room - n : 1);
        if (got < 0 && errno != EINTR)
            clip_fail("cannot be read", errno);
        if (got == 0)
            return n;
        snprintf(line, sizeof line, "the %s is longer than %zu MiB", what, room >> 20);
        if (got > 0 && n == room)
            clip_fail(line, 0);
        n += got > 0 ? (size_t)got : 0;
    }
}

/* From the compositor, or from the app by way of its filter. */
static size_t fetch(bool from_app, int kind, uint8_t *to, size_t room, const char *what)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        clip_fail("cannot make a pipe", errno);
    if (from_app) {
        tell("write", (unsigned)kind, ends[1]);
        answered("ok");
    } else if (control_receive(&host, kind, ends[1]) < 0) {
        clip_fail("the compositor is gone", 0);
    }
    close(ends[1]);
    size_t n = read_all(ends[0], to, room, what);
    close(ends[0]);
    return n;
}

/* Fetches the best of each, and looks at it. */
static void fetch_all(bool from_app, unsigned kinds)
{
    int kind = lowest(kinds, 0, WAY_TEXTS);
    host.deadline = control_now() + PATIENCE_MS;
    if (kind >= 0)
        n_text = fetch(from_app, kind, text, sizeof text, "text");
    if (kind == LATIN)
        n_text = clip_widen(text, n_text, sizeof text);
    n_text = clip_clean(text, n_text);
    picture_kind = lowest(kinds, WAY_TEXTS, WAY_KINDS);
    if (picture_kind >= 0)
        n_picture = fetch(from_app, picture_kind, picture, sizeof picture, "picture");
    if (n_picture && !clip_looks_like(way_kinds[picture_kind], picture, n_picture))
        clip_fail("what is said to be a picture is none", 0);
    if (!n_text && !n_picture)
        clip_fail("there is neither a text nor a picture", 0);
}

static unsigned fetched(void)
{
    return (n_text ? TEXT_KINDS : 0) | (n_picture ? 1u << picture_kind : 0);
}

static void say_fetched(void)
{
    char line[128] = "";
    size_t n = n_text ? (size_t)snprintf(line, sizeof line, "text %zu", n_text) : 0;
    if (n_picture)
        snprintf(line + n, sizeof line - n, "%s%s %zu", n ? " " : "", way_kinds[picture_kind],
                 n_picture);
    clip_say("ok", line);
    close(CLIP_OUTCOME);
}

/* ---- who pastes ---- */

/* What the descriptor is has been chosen by somebody else: it is never waited for without end. */
static void write_all(unsigned kind, int fd)
{
    bool is_text = kind < WAY_TEXTS;
    const uint8_t *from = is_text ? text : picture;
    size_t n = is_text ? n_text : (int)kind == picture_kind ? n_picture : 0, at = 0;
    int64_t end = control_now() + PATIENCE_MS;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        n = 0;
    while (at < n) {
        ssize_t put = write(fd, from + at, n - at);
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        int64_t left = end - control_now();
        if (put < 0 && errno != EAGAIN && errno != EINTR)
            break;
        at += put > 0 ? (size_t)put : 0;
        if (left <= 0 || (put < 0 && poll(&p, 1, (int)left) == 0))
            break;
    }
    close(fd);
}

static void serve_app(void)
{
    struct line_word w;
    ssize_t n = line_hear(LINE, &w);
    if (n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR))
        _exit(0); /* another carries now, or the app is gone */
    if (w.fd >= 0)
        write_all(w.number, w.fd);
}

static void serve_host(void)
{
    int r = control_take(&host);
    if (host.asked >= 0)
        write_all((unsigned)host.asked, host.asked_fd);
    host.asked = -1;
    if (r == -ECONNRESET)
        _exit(0);
}

/* Until somebody else copies, on the side whose copy this is. */
static void serve(bool to_app)
{
    while (!(to_app ? host.replaced : host.cancelled)) {
        struct pollfd p[] = {{.fd = HOST, .events = POLLIN},
                             {.fd = to_app ? LINE : -1, .events = POLLIN}};
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return;
        if (p[1].revents)
            serve_app();
        if (p[0].revents)
            serve_host();
    }
}

/* ---- work ---- */

static void open_host(void)
{
    host.deadline = control_now() + PATIENCE_MS;
    if (control_open(&host, HOST) < 0)
        clip_fail(host.why, 0);
}

static void carry_in(void)
{
    open_host();
    fetch_all(false, host.kinds);
    tell("carry", fetched(), -1);
    answered("ok");
    say_fetched();
    serve(true);
}

static void give_host(void)
{
    open_host();
    if (control_give(&host, fetched()) < 0)
        clip_fail("the clipboard cannot be had", 0);
    say_fetched();
    serve(false);
}

static void carry_out(void)
{
    tell("kept", 0, -1);
    fetch_all(true, answered("kept"));
    close(LINE);
    give_host();
}

static void fetch_host(void)
{
    open_host();
    fetch_all(false, host.kinds);
    struct clip c = {.text = text, .picture = picture, .n_text = n_text, .n_picture = n_picture};
    int r = clip_keep(LINE, &c);
    if (r < 0)
        clip_fail("it cannot be kept", -r);
    say_fetched();
}

static void give_kept(void)
{
    struct clip c = {.text = text, .picture = picture};
    int r = clip_kept(LINE, &c);
    if (r < 0)
        clip_fail("what was fetched is not as it must be", -r);
    close(LINE);
    n_text = c.n_text;
    n_picture = c.n_picture;
    picture_kind = n_picture ? way_kind_named(c.picture_type) : -1;
    give_host();
}

static void list(unsigned kinds)
{
    char line[400] = "";
    for (int i = 0; i < WAY_KINDS; i++) {
        size_t at = strlen(line);
        if (kinds & 1u << i)
            snprintf(line + at, sizeof line - at, "%s%s", at ? " " : "", way_kinds[i]);
    }
    clip_say("ok", line);
}

static void list_host(void)
{
    open_host();
    list(host.kinds);
}

static void list_app(void)
{
    tell("kept", 0, -1);
    list(answered("kept"));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *word;
        void (*run)(void);
    } words[] = {{"in", carry_in},       {"out", carry_out},    {"list", list_host},
                 {"list-app", list_app}, {"fetch", fetch_host}, {"give", give_kept}};
    clip_detach();
    for (size_t i = 0; argc == 2 && i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].word, argv[1]) == 0) {
            clip_confine(own_filter, sizeof own_filter / sizeof *own_filter);
            words[i].run();
            return 0;
        }
    dprintf(2, "carrel-clip-wayland: started by `carrel clip`, not by hand\n");
    return CLIP_FAILED;
}
