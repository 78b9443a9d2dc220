/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_X11_UNTRUST_H
#define CARREL_X11_UNTRUST_H

#include "x11/wire.h"

/*
 * The first message of an X connection, made anew with one cookie whatever the client has said of
 * itself. X servers let whole users in without a cookie (`xhost +si:localuser:…` is in Debian's
 * Xsession), and trust them: who must not be trusted has to come with this cookie and no other way.
 * Pure.
 */

/* What carrel-x11 goes by, as text: this line, then "socket PATH" and "cookie BYTES" in escaped
 * words (util/word.h). With "as person" the app comes as the person does (connect=pipe): the cookie
 * is the person's, if there is one, and descriptors pass, as extensions that only the trusted have
 * send some. */
#define UNTRUST_HEADER "carrel-x11 1"
enum { UNTRUST_MAX = 1024, UNTRUST_COOKIE = 64, UNTRUST_SETUP = 128 };

struct untrust {
    const char *socket; /* into the text */
    const char *cookie;
    size_t size;
    bool person;
};

/* Reads n bytes, which are changed; text[n] must be writable. Returns NULL or what is wrong. */
const char *untrust_read(struct untrust *u, char *text, size_t n);

enum { UNTRUST_HEAD = 12, UNTRUST_MOST = 2048 };

/*
 * How long the client's first message is, of which n bytes are there: 0 says that UNTRUST_HEAD
 * must be, -1 that it is none or longer than UNTRUST_MOST.
 */
int untrust_size(const uint8_t *p, size_t n);
/* Without a cookie: a message without one. Writes the message that takes the place of p, in the
 * client's byte order; `out` has UNTRUST_SETUP bytes. Returns its size. */
size_t untrust_setup(const struct untrust *u, const uint8_t *p, uint8_t *out);

#endif
