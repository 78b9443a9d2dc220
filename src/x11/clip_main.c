/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel-clip take|list|fetch|give|keys
 *
 * Carries what was copied from one X server to another, started by `carrel clip` for one act of
 * the person's. Descriptors: 3 the server that is read, 4 the one that is written (not with
 * "list"), 5 their cookies as Xauthority entries, in that order, 6 where one line of outcome goes:
 * "ok" and words "TYPE BYTES", or "error" and a text. Then it stays for as long as what it carries
 * can be pasted. Before the first byte from a server it has given up all but these descriptors.
 *
 * With "fetch" 4, with "give" 3 is a file in the place of a server (clip/kept.h).
 *
 * With "keys" it is a service beside one app's own X server; see clip_watch.h.
 */
#include "clip/helper.h"
#include "clip/kept.h"
#include "x11/clip.h"
#include "x11/clip_watch.h"
#include "x11/filter.gen.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { FROM = CLIP_FIRST, TO, COOKIES };
enum { PATIENCE_MS = 15000, COOKIES_MOST = 1024, MOST_NAMES = 32 };

static uint8_t text[CLIP_TEXT_MOST], picture[CLIP_PICTURE_MOST];
static uint8_t room[X_ROOM];

/* ---- cookies ---- */

struct cookies {
    uint8_t bytes[COOKIES_MOST];
    size_t n, at;
};

/* The next entry: a family and four counted strings, the last two are the cookie's name and data.
 */
static bool next_cookie(struct cookies *c, const char **name, size_t *n_name, const uint8_t **data,
                        size_t *n_data)
{
    c->at += 2;
    for (int i = 0; i < 4; i++) {
        if (c->at + 2 > c->n)
            return false;
        size_t n = (size_t)c->bytes[c->at] << 8 | c->bytes[c->at + 1];
        c->at += 2;
        if (n > c->n - c->at)
            return false;
        *name = i == 2 ? (const char *)c->bytes + c->at : *name;
        *n_name = i == 2 ? n : *n_name;
        *data = c->bytes + c->at;
        *n_data = n;
        c->at += n;
    }
    return true;
}

/* One side: where it is, and how we come in. */
struct end {
    int fd;
    const char *whose;
    char protocol[64]; /* "": without a cookie */
    const void *cookie;
    size_t size;
};

static struct end read_end(struct cookies *c, int fd, const char *whose)
{
    struct end e = {.fd = fd, .whose = whose};
    const char *name = NULL;
    const uint8_t *data = NULL;
    size_t n_name = 0;
    if (!next_cookie(c, &name, &n_name, &data, &e.size) || n_name >= sizeof e.protocol)
        clip_fail("its cookies cannot be read", 0);
    memcpy(e.protocol, name, n_name);
    e.cookie = data;
    return e;
}

static void hello(struct x11 *x, const struct end *e)
{
    char line[192];
    *x = (struct x11){
        .fd = e->fd, .room = room, .size = sizeof room, .deadline = x11_now() + PATIENCE_MS};
    int r = x11_hello(x, *e->protocol ? e->protocol : NULL, e->cookie, e->size);
    if (r == 0)
        return;
    snprintf(line, sizeof line, "%s X server lets nobody in%s%s", e->whose,
             x->refusal[0] ? ": " : "", x->refusal);
    clip_fail(line, r == -EACCES ? 0 : -r);
}

/* ---- work ---- */

static void list(struct cookies *c)
{
    struct x11 x;
    const char *names[MOST_NAMES], *why;
    char line[400] = "";
    const struct end from = read_end(c, FROM, "the");
    hello(&x, &from);
    int n = clip_list(&x, names, MOST_NAMES, &why);
    if (n < 0)
        clip_fail(why, 0);
    for (int i = 0; i < n; i++) {
        size_t at = strlen(line);
        snprintf(line + at, sizeof line - at, "%s%s", at ? " " : "", names[i]);
    }
    clip_say("ok", line);
}

static void tell_owned(void *arg)
{
    const struct clip *c = arg;
    char line[128] = "";
    size_t n = 0;
    if (c->n_text)
        n = (size_t)snprintf(line, sizeof line, "text %zu", c->n_text);
    if (c->n_picture)
        snprintf(line + n, sizeof line - n, "%s%s %zu", n ? " " : "", c->picture_type,
                 c->n_picture);
    clip_say("ok", line);
    close(CLIP_OUTCOME);
}

static struct clip copied = {.text = text, .picture = picture};

static void take(const struct end *from)
{
    struct x11 x;
    hello(&x, from);
    if (clip_take(&x, &copied) < 0)
        clip_fail(copied.why, 0);
    close(from->fd);
}

static int give(const struct end *to)
{
    struct x11 x;
    hello(&x, to);
    x.deadline = 0;
    if (clip_give(&x, &copied, tell_owned, &copied) == -EBUSY)
        clip_fail("the clipboard cannot be had", 0);
    return 0; /* a server that ends is no fault */
}

static int carry(const struct end *from, const struct end *to)
{
    take(from);
    return give(to);
}

static int fetch(const struct end *from, const struct end *file)
{
    take(from);
    int r = clip_keep(file->fd, &copied);
    if (r < 0)
        clip_fail("it cannot be kept", -r);
    tell_owned(&copied);
    return 0;
}

static int give_kept(const struct end *file, const struct end *to)
{
    int r = clip_kept(file->fd, &copied);
    if (r < 0)
        clip_fail("what was fetched is not as it must be", -r);
    close(file->fd);
    return give(to);
}

/* The same for one press of a key; both ends are the watch's. */
static int carry_by_key(const struct clip_cookie *from, const struct clip_cookie *to)
{
    static const char magic[] = "MIT-MAGIC-COOKIE-1";
    struct end ends[] = {{FROM, "the first", "", from->data, from->size},
                         {TO, "the second", "", to->data, to->size}};
    for (int i = 0; i < 2; i++)
        if (ends[i].cookie)
            memcpy(ends[i].protocol, magic, sizeof magic);
    clip_confine(own_filter, sizeof own_filter / sizeof *own_filter);
    return carry(&ends[0], &ends[1]);
}

static const struct {
    const char *word;
    int (*carry)(const struct end *from, const struct end *to);
} words[] = {
    {"take", carry}, {"fetch", fetch}, {"give", give_kept}, {"list", NULL}, {"keys", NULL}};
enum word { LIST = 3, KEYS, WORDS };

int main(int argc, char **argv)
{
    static struct cookies cookies;
    unsigned what = 0;
    while (argc == 2 && what < WORDS && strcmp(argv[1], words[what].word) != 0)
        what++;
    if (argc != 2 || what == WORDS) {
        dprintf(2, "carrel-clip: started by `carrel clip`, not by hand\n");
        return CLIP_FAILED;
    }
    clip_detach();
    if (what == KEYS)
        return clip_watch(carry_by_key);
    ssize_t n = pread(COOKIES, cookies.bytes, sizeof cookies.bytes, 0);
    cookies.n = n < 0 ? 0 : (size_t)n;
    close(COOKIES);
    clip_confine(own_filter, sizeof own_filter / sizeof *own_filter);
    if (what == LIST) {
        list(&cookies);
        return 0;
    }
    const struct end from = read_end(&cookies, FROM, "the first");
    const struct end to = read_end(&cookies, TO, "the second");
    return words[what].carry(&from, &to);
}
