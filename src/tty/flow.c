/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tty/flow.h"

#include <errno.h>
#include <unistd.h>

enum flow_read flow_read(struct flow *f)
{
    ssize_t n = read(f->from, f->bytes, sizeof f->bytes);
    if (n > 0) {
        f->start = 0;
        f->end = f->broken ? 0 : (size_t)n;
        return FLOW_BYTES;
    }
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return FLOW_NOTHING_YET;
    /* 0, or EIO: a pseudo terminal whose other side is closed, a terminal that hung up */
    f->from = -1;
    return FLOW_END;
}

void flow_write(struct flow *f)
{
    ssize_t n = write(f->to, f->bytes + f->start, f->end - f->start);
    if (n >= 0) {
        f->start += (size_t)n;
    } else if (errno != EINTR && errno != EAGAIN) {
        f->broken = true;
        f->start = f->end = 0;
    }
}
