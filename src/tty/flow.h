/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_TTY_FLOW_H
#define CARREL_TTY_FLOW_H

#include <stdbool.h>
#include <stddef.h>

/*
 * One direction of the relay: bytes read from one descriptor and written unchanged to another.
 * While the buffer holds bytes nothing more is read, so a slow reader slows the writer and nothing
 * is lost.
 */
struct flow {
    int from, to; /* not owned; -1 as `from`: nothing (more) to read */
    bool broken;  /* the reader is gone; what still comes is thrown away */
    size_t start, end;
    char bytes[16384];
};

enum flow_read { FLOW_BYTES, FLOW_NOTHING_YET, FLOW_END };

/* Reads once into an empty buffer. FLOW_END: end of file, or the other side has hung up; `from`
 * is -1 from then on. */
enum flow_read flow_read(struct flow *f);
/* Writes once what is there. */
void flow_write(struct flow *f);

static inline bool flow_has_bytes(const struct flow *f)
{
    return f->start < f->end;
}

#endif
