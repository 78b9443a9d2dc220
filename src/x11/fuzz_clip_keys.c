/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The settings of the clipboard's keys; and the same bytes as a key. */
#include "x11/clip_keys.h"

#include "fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct clip_keys k;
    struct chord chord;
    if (size > CLIP_KEYS_MAX)
        return 0;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (chord_read(text, &chord) && chord.key && !(chord.held & ~(unsigned)CHORD_SHIFT))
        abort();
    if (!clip_keys_read(&k, text, size) &&
        (!k.own.data || !k.own.size || k.own.size > CLIP_KEYS_COOKIE ||
         k.host.size > CLIP_KEYS_COOKIE || !(k.chords[CLIP_IN].key || k.chords[CLIP_OUT].key)))
        abort();
    free(text);
    return 0;
}
