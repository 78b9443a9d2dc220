/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that an X server and the others on it may say of a clipboard: while it is read (first byte
 * even), or while ours is asked for. */
#include "x11/clip.h"

#include "fuzz.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static uint8_t text[CLIP_TEXT_MOST], picture[CLIP_PICTURE_MOST], room[X_ROOM];

static void nothing(void *arg)
{
    (void)arg;
}

static void take(struct x11 *x)
{
    struct clip c = {.text = text, .picture = picture};
    int r = clip_take(x, &c);
    if (r == 0 && !c.n_text && !c.n_picture)
        abort();
    if (c.n_text > CLIP_TEXT_MOST || c.n_picture > CLIP_PICTURE_MOST || (r < 0 && !c.why))
        abort();
    if (clip_clean(c.text, c.n_text) != c.n_text)
        abort(); /* what was cleaned stays as it is */
    if (c.n_picture && !clip_looks_like(c.picture_type, c.picture, c.n_picture))
        abort();
}

static void give(struct x11 *x)
{
    struct clip c = {.text = text,
                     .picture = picture,
                     .n_text = 10,
                     .n_picture = 150000,
                     .picture_type = "image/png"};
    clip_give(x, &c, nothing, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t welcome[96] = {
        [0] = 1,     [2] = 11,    [6] = 22,    [14] = 0x40, [16] = 0xff, [17] = 0xff,
        [18] = 0x1f, [26] = 0xff, [27] = 0xff, [28] = 1,    [56] = 0x51};
    int ends[2];
    if (size < 1 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return 0;
    struct x11 x = {.fd = ends[0], .room = room, .size = sizeof room, .deadline = x11_now() + 20};
    bool told = send(ends[1], welcome, sizeof welcome, MSG_DONTWAIT) > 0 &&
                send(ends[1], data + 1, size - 1, MSG_DONTWAIT) >= 0;
    shutdown(ends[1], SHUT_WR);
    if (told && x11_hello(&x, NULL, NULL, 0) == 0) {
        if (data[0] % 2)
            give(&x);
        else
            take(&x);
    }
    close(ends[0]);
    close(ends[1]);
    return 0;
}
