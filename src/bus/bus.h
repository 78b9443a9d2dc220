/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_BUS_BUS_H
#define CARREL_BUS_BUS_H

#include "dbus/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One connection of the person's own commands to a bus, for a few calls and the signals that answer
 * them. Everything blocks, for so long as the caller says. Messages of others that are longer than
 * the buffer end the connection: none that is waited for is.
 */
enum { BUS_MOST = 64 << 10 };

struct bus {
    int fd;
    uint32_t serial;
    size_t n, done; /* bytes in `in`, and how many of them the last message had */
    uint8_t in[BUS_MOST], call[BUS_MOST];
    struct out out;
};

/* address: as in DBUS_SESSION_BUS_ADDRESS; only unix: ones are tried. Returns 0 or -errno; then
 * nothing is to be closed. */
int bus_open(struct bus *b, const char *address);
/* The same with a time of one's own for all of it, a bus that takes no connection included. */
int bus_open_within(struct bus *b, const char *address, int milliseconds);
void bus_close(struct bus *b);

/* Begins a call, whose arguments (of this signature, "" for none) are put to &b->out then. */
void bus_begin(struct bus *b, const char *to, const char *path, const char *interface,
               const char *member, const char *signature);
/*
 * Sends it and waits for the answer; signals that come first are passed over, unless seen is not
 * NULL: it is shown each. Returns 0; -EREMOTEIO when the answer is an error, of which the name is
 * m->error; or -errno. Arguments are read by wire_arguments(m, b->in, b->done); they hold until the
 * next call.
 */
int bus_call(struct bus *b, struct message *m,
             void (*seen)(const struct message *m, const uint8_t *bytes, void *data), void *data,
             int milliseconds);
/* The next message, -ETIMEDOUT when none comes in this time, 0 when m is it. A time below 0: waits
 * for ever. */
int bus_next(struct bus *b, struct message *m, int milliseconds);

/* ---- what wire.h has no word for ---- */

void bus_put_byte(struct out *o, uint8_t value);
void bus_put_u64(struct out *o, uint64_t value);
void bus_put_bool(struct out *o, bool value);
/* To the beginning of a struct or of a pair of a dictionary. */
void bus_put_struct(struct out *o);
/* An array of structs or pairs: like wire_put_array and wire_end_array. */
size_t bus_put_structs(struct out *o);
void bus_end_structs(struct out *o, size_t at);
void bus_put_signature(struct out *o, const char *s);

#endif
