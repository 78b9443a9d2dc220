/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_DBUS_WIRE_H
#define CARREL_DBUS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * D-Bus messages as bytes (D-Bus Specification, "Message Protocol"). The reader copies nothing:
 * every text of a message points into its bytes, where a NUL follows it, and holds as long as
 * these. It is at least as strict as a bus is, so that both see the same message: what a bus could
 * read in another way (a field that comes twice, a name out of its grammar) is no message at all.
 */

enum wire_type { WIRE_CALL = 1, WIRE_RETURN = 2, WIRE_ERROR = 3, WIRE_SIGNAL = 4 };
enum { WIRE_NO_REPLY = 1, WIRE_NO_AUTO_START = 2 };
enum {
    WIRE_FIXED = 16,            /* bytes of every message before its fields */
    WIRE_HEAD_MOST = 64 << 10,  /* that and the fields; the specification knows no such limit */
    WIRE_SIZE_MOST = 128 << 20, /* whole message, by the specification */
    WIRE_NAME_MOST = 255,
};

struct message {
    enum wire_type type;
    unsigned flags;
    bool big; /* byte order */
    uint32_t serial, reply_serial, fds;
    bool has_reply_serial;
    size_t head, body; /* bytes: the body stands at `head` */
    /* NULL where the field is missing; the signature is "" then */
    const char *path, *interface, *member, *error, *destination, *sender, *signature;
};

enum wire_result { WIRE_OK, WIRE_MORE, WIRE_BAD };

/*
 * Reads what comes before the body. WIRE_MORE: *need bytes must be there (never more than
 * WIRE_HEAD_MOST). WIRE_BAD: *why says what is wrong. Fields that the specification does not know
 * are passed over when unknown_fields, else they are wrong.
 */
enum wire_result wire_read(const uint8_t *bytes, size_t n, bool unknown_fields, struct message *m,
                           size_t *need, const char **why);

/* ---- arguments ---- */

/* What a signature says of bytes, one argument after the other. n may be less than the body has:
 * then it ends early. */
struct arguments {
    const uint8_t *body;
    size_t n, at;
    const char *signature; /* of what is left */
    bool big;
};

struct arguments wire_arguments(const struct message *m, const uint8_t *bytes, size_t n);
/* The next argument is a text of this type ('s', 'o' or 'g'): returns it, else NULL. */
const char *arguments_text(struct arguments *a, char type);
bool arguments_u32(struct arguments *a, uint32_t *value);
/* Passes over one argument of any type. */
bool arguments_skip(struct arguments *a);
/* The next one is an array of texts: *end is where it ends in body, and the texts may be read with
 * array_text until a.at reaches it. */
bool arguments_array(struct arguments *a, size_t *end);
const char *array_text(struct arguments *a, size_t end);

/* ---- grammars ---- */

bool unique_name_ok(const char *s);     /* ":1.42" */
bool well_known_name_ok(const char *s); /* "org.example.App" */
bool interface_ok(const char *s);
bool member_ok(const char *s);
bool path_ok(const char *s);

/* ---- writing ---- */

/* A message that is built in place; what does not fit makes it invalid (n is 0 then). */
struct out {
    uint8_t *v;
    size_t n, cap;
};

/* fields: path, interface, member, error, destination, sender, signature, and reply_serial where
 * it has one; always little-endian, without a body. */
void wire_begin(struct out *o, const struct message *m);
void wire_put_text(struct out *o, const char *s);
void wire_put_u32(struct out *o, uint32_t value);
/* An array of texts: begin, then wire_put_text, then end. */
size_t wire_put_array(struct out *o);
void wire_end_array(struct out *o, size_t at);
/* Writes how long the body is. False: it did not fit. */
bool wire_end(struct out *o);

#endif
