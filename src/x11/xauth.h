/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_X11_XAUTH_H
#define CARREL_X11_XAUTH_H

#include "util/buf.h"
#include <stdbool.h>
#include <stddef.h>

/* Xauthority files: the format of libXau's AuRead.c, entries of a big-endian family and four
 * counted strings (address, display number, protocol, data). Pure. */

/* What opens one display. */
struct xauth_fact {
    const char *name; /* MIT-MAGIC-COOKIE-1; NULL: there is none */
    const char *data;
    size_t size;
};

/*
 * The first entry of a file with a MIT-MAGIC-COOKIE-1 for this display on this host. Returns false
 * when there is none or the file is malformed up to it. out points into data.
 */
bool xauth_find(const char *data, size_t size, const char *hostname, unsigned display,
                struct xauth_fact *out);

/* Appends an entry of FamilyWild, without an address: it holds whatever the host's name is.
 * number: the display's, as digits. */
void xauth_entry(struct buf *out, const char *number, const struct xauth_fact *cookie);

#endif
