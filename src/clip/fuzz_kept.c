/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a helper that has talked to strangers leaves for the other. */
#include "clip/kept.h"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint8_t text[CLIP_TEXT_MOST], picture[CLIP_PICTURE_MOST];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct clip c = {.text = text, .picture = picture};
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) < 0)
        abort();
    int r = clip_kept(fd, &c);
    close(fd);
    if (r < 0)
        return 0;
    if (c.n_text > CLIP_TEXT_MOST || c.n_picture > CLIP_PICTURE_MOST)
        abort();
    if (clip_clean(c.text, c.n_text) != c.n_text)
        abort(); /* what was cleaned stays as it is */
    if (c.n_picture && !clip_looks_like(c.picture_type, c.picture, c.n_picture))
        abort();
    return 0;
}
