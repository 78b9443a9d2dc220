/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x11/clip_keys.h"

#include "util/word.h"

#include <errno.h>

/* ---- settings ---- */

static bool is(const struct word *w, const char *name)
{
    return w->n == strlen(name) && memcmp(w->s, name, w->n) == 0;
}

static bool read_chord(struct chord *c, const struct word *w)
{
    return !c->key && !memchr(w->s, 0, w->n) && chord_read(w->s, c) && c->key;
}

static bool read_bytes(struct clip_cookie *c, const struct word *w)
{
    if (c->data || !w->n || w->n > CLIP_KEYS_COOKIE)
        return false;
    *c = (struct clip_cookie){w->s, w->n};
    return true;
}

static const char *read_line(struct clip_keys *k, char *line, size_t size)
{
    struct word w[2];
    char *comment;
    if (word_split(line, size, w, 2, &comment) != 2)
        return "a line has two words";
    if (is(&w[0], "in")     ? read_chord(&k->chords[CLIP_IN], &w[1])
        : is(&w[0], "out")  ? read_chord(&k->chords[CLIP_OUT], &w[1])
        : is(&w[0], "host") ? read_bytes(&k->host, &w[1])
                            : is(&w[0], "own") && read_bytes(&k->own, &w[1]))
        return NULL;
    return "a line is not known, or there twice";
}

const char *clip_keys_read(struct clip_keys *k, char *text, size_t n)
{
    size_t head = strlen(CLIP_KEYS_HEADER), at = head + 1;
    *k = (struct clip_keys){.own = {NULL, 0}};
    if (n <= head || memcmp(text, CLIP_KEYS_HEADER "\n", head + 1) != 0)
        return "not the settings of the clipboard's keys";
    while (at < n) {
        char *end = memchr(text + at, '\n', n - at);
        size_t size = end ? (size_t)(end - text) - at : n - at;
        const char *error = end ? read_line(k, text + at, size) : "the last line has no end";
        if (error)
            return error;
        at += size + 1;
    }
    return k->own.data && (k->chords[CLIP_IN].key || k->chords[CLIP_OUT].key)
               ? NULL
               : "no cookie of the app's server, or no key";
}

/* ---- the keyboard ---- */

enum {
    UNGRAB_KEYBOARD = 32,
    GRAB_KEY = 33,
    UNGRAB_KEY = 34,
    GET_KEYBOARD_MAPPING = 101,
    BELL = 104
};
enum { KEY_PRESS = 2, MAPPING_NOTIFY = 34, FIRST_CODE = 8, MOST_CODES = 248 };
enum { CAPS_LOCK = 1 << 1, NUM_LOCK = 1 << 4, ALL_HELD = 0xff, ANY_HELD = 1 << 15 };
enum { REPEATS_WITHIN = 300 }; /* milliseconds */

static int find_codes(struct clip_grab *g)
{
    uint8_t bytes[8];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    const uint8_t *p;
    size_t n;
    x_request(&o, GET_KEYBOARD_MAPPING, 0);
    x_put8(&o, FIRST_CODE);
    x_put8(&o, MOST_CODES);
    x_put16(&o, 0);
    int r = x11_ask(g->x, &o, &p, &n);
    if (r < 0)
        return r;
    size_t per_code = p[1], codes = per_code ? (n - X_UNIT) / 4 / per_code : 0;
    memset(g->codes, 0, sizeof g->codes);
    /* What is on a key alone comes before what it is with others. */
    for (size_t level = 0; level < per_code; level++)
        for (size_t i = 0; i < codes && i < MOST_CODES; i++)
            for (int w = 0; w < CLIP_WAYS; w++)
                if (!g->codes[w] && g->keys->chords[w].key &&
                    x_get32(p + X_UNIT + 4 * (i * per_code + level)) == g->keys->chords[w].key)
                    g->codes[w] = (uint8_t)(FIRST_CODE + i);
    return 0;
}

static int grab(struct clip_grab *g, unsigned code, unsigned held)
{
    uint8_t bytes[16];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    x_request(&o, GRAB_KEY, 0);
    x_put32(&o, g->window);
    x_put16(&o, held);
    x_put8(&o, code);
    x_put8(&o, 1); /* pointer and keyboard go on meanwhile */
    x_put8(&o, 1);
    x_pad(&o);
    return x11_send(g->x, &o);
}

static int let_keys_go(struct clip_grab *g)
{
    uint8_t bytes[12];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    x_request(&o, UNGRAB_KEY, 0); /* any key */
    x_put32(&o, g->window);
    x_put16(&o, ANY_HELD);
    x_pad(&o);
    return x11_send(g->x, &o);
}

int clip_grab_keys(struct clip_grab *g)
{
    static const unsigned locks[] = {0, CAPS_LOCK, NUM_LOCK, CAPS_LOCK | NUM_LOCK};
    int r = let_keys_go(g);
    if (r == 0)
        r = find_codes(g);
    for (int w = 0; w < CLIP_WAYS; w++)
        for (int i = 0; i < 4 && r == 0 && g->codes[w]; i++)
            r = grab(g, g->codes[w], g->keys->chords[w].held | locks[i]);
    return r;
}

/* The rest of what is pressed and let go is the window's, as if nothing had been grabbed. */
static void let_keyboard_go(struct clip_grab *g)
{
    uint8_t bytes[8];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    x_request(&o, UNGRAB_KEYBOARD, 0);
    x_put32(&o, 0); /* now */
    x11_send(g->x, &o);
}

enum clip_way clip_pressed(struct clip_grab *g, const uint8_t event[X_UNIT])
{
    uint32_t time = x_get32(event + 4), window = x_get32(event + 12);
    unsigned held = x_get16(event + 28) & ALL_HELD & ~(unsigned)(CAPS_LOCK | NUM_LOCK);
    if (event[0] == MAPPING_NOTIFY) { /* another keyboard; what was in event is gone after that */
        clip_grab_keys(g);
        return CLIP_WAYS;
    }
    if (event[0] != KEY_PRESS || window != g->window) /* the bit of what was sent is not there */
        return CLIP_WAYS;
    let_keyboard_go(g);
    for (int w = 0; w < CLIP_WAYS; w++) {
        if (!g->codes[w] || event[1] != g->codes[w] || held != g->keys->chords[w].held)
            continue;
        bool again = time - g->last[w] < REPEATS_WITHIN;
        g->last[w] = time;
        return again ? CLIP_WAYS : (enum clip_way)w;
    }
    return CLIP_WAYS;
}

void clip_ring(struct clip_grab *g)
{
    uint8_t bytes[4];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    x_request(&o, BELL, 0);
    x11_send(g->x, &o);
}
