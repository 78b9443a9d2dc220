/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clip/kept.h"

#include <errno.h>
#include <unistd.h>

static int put(int fd, const void *bytes, size_t n)
{
    const char *p = bytes;
    while (n) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno != EINTR)
            return -errno;
        p += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
    return 0;
}

static int get(int fd, void *bytes, size_t n)
{
    char *p = bytes;
    while (n) {
        ssize_t done = read(fd, p, n);
        if (done == 0 || (done < 0 && errno != EINTR))
            return done ? -errno : -EPROTO;
        p += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
    return 0;
}

int clip_keep(int fd, const struct clip *c)
{
    const uint64_t sizes[] = {c->n_text, c->n_picture};
    int r = put(fd, sizes, sizeof sizes);
    if (r == 0)
        r = put(fd, c->text, c->n_text);
    return r < 0 ? r : put(fd, c->picture, c->n_picture);
}

int clip_kept(int fd, struct clip *c)
{
    uint64_t sizes[2];
    int r = get(fd, sizes, sizeof sizes);
    c->n_text = c->n_picture = 0;
    if (r == 0 && (sizes[0] > CLIP_TEXT_MOST || sizes[1] > CLIP_PICTURE_MOST))
        r = -EPROTO;
    if (r == 0)
        r = get(fd, c->text, sizes[0]);
    if (r == 0)
        r = get(fd, c->picture, sizes[1]);
    if (r < 0)
        return r;
    c->picture_type = clip_picture_type(c->picture, sizes[1]);
    if (sizes[1] && !c->picture_type)
        return -EPROTO;
    c->n_text = clip_clean(c->text, sizes[0]);
    c->n_picture = sizes[1];
    return 0;
}
