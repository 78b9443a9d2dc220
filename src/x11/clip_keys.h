/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_X11_CLIP_KEYS_H
#define CARREL_X11_CLIP_KEYS_H

#include "util/chord.h"
#include "x11/client.h"

/*
 * The keys by which the person carries what was copied, pressed in the window of an app's own X
 * server. What carrel-clip goes by then, as text: this line, then "in CHORD", "out CHORD", "host
 * BYTES" and "own BYTES" in escaped words (util/word.h), each once at most: which keys there are,
 * and the cookies of the two servers. "own" must be there, and a key.
 */
#define CLIP_KEYS_HEADER "carrel-clip 1"
enum { CLIP_KEYS_MAX = 1024, CLIP_KEYS_COOKIE = 64 };

enum clip_way { CLIP_IN, CLIP_OUT, CLIP_WAYS };

struct clip_keys {
    struct chord chords[CLIP_WAYS]; /* key 0: there is none */
    struct clip_cookie {
        const char *data; /* into the text; NULL: none */
        size_t size;
    } host, own;
};

/* Reads n bytes, which are changed; text[n] must be writable. Returns NULL or what is wrong. Pure.
 */
const char *clip_keys_read(struct clip_keys *k, char *text, size_t n);

/* ---- the keys of one window on the person's display ---- */

struct clip_grab {
    struct x11 *x; /* the person's display; the person's own cookie */
    const struct clip_keys *keys;
    uint32_t window;
    uint8_t codes[CLIP_WAYS]; /* on the keyboard; 0: it has no such key */
    uint32_t last[CLIP_WAYS]; /* when it was pressed */
};

/* Listens for the keys on the window. Returns 0 or -errno. */
int clip_grab_keys(struct clip_grab *g);
/* What an event means: the way, or CLIP_WAYS: nothing. What somebody has only sent, and what a key
 * that is held repeats at once, means nothing. */
enum clip_way clip_pressed(struct clip_grab *g, const uint8_t event[X_UNIT]);
/* A word to the person, who has the keyboard in that window. */
void clip_ring(struct clip_grab *g);

#endif
