/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_WAYLAND_SESSION_H
#define CARREL_WAYLAND_SESSION_H

#include "wayland/protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One connection between an app and the compositor, as the filter follows it: which objects there
 * are and what they are, which globals the app was told of, what lies in the clipboard. It judges
 * one whole message after the other and does no input or output. Both sides may be hostile; what
 * cannot be understood ends the connection.
 */
enum {
    WAY_HEADER = 8,
    WAY_MAX_MESSAGE = 65532, /* the size field has 16 bits, and sizes are multiples of 4 */
    WAY_MAX_GLOBALS = 256,   /* that the app is told of */
    WAY_MAX_OBJECTS = 1 << 18,
    WAY_MAX_HELD = 16 << 10,
    WAY_MAX_REGISTRIES = 64,
};
#define WAY_SERVER_ID 0xff000000u /* from here on the compositor numbers objects */

struct way_object {
    uint8_t interface; /* 0: never used */
    uint8_t version;
    uint8_t state;
    uint8_t mark;   /* what a data offer is */
    uint16_t kinds; /* of a data source, as a set: WAY_KINDS */
};

/* Objects of one side; its numbers are dense, so that this is an array. */
struct way_objects {
    struct way_object *v;
    uint32_t n, cap;
};

struct way_named {
    uint32_t name; /* the compositor's number for a global */
    uint8_t interface, version;
    bool removed;
};

/* Clipboard and primary selection are each followed alike. */
enum way_clipboard { WAY_CLIPBOARD, WAY_PRIMARY, WAY_CLIPBOARDS };

/* What the person's act can carry to the app or from it, in the words that programs use. The first
 * ones are all of a text, the best first. */
enum { WAY_TEXTS = 5, WAY_KINDS = 10 };
extern const char *const way_kinds[WAY_KINDS];
/* The row of a name, which may be NULL; -1: it is none of them. */
int way_kind_named(const char *name);

struct way_selection {
    uint32_t kept;  /* the source of the app's that was kept from others, or 0 */
    uint32_t fresh; /* the offer of which it is not known yet what it is, or 0 */
    uint32_t drag;  /* the offer of the drag that is over the app's window, or 0 */
    uint32_t now;   /* the offer that is the selection, or was; see its mark */
};

enum { WAY_MAX_TITLE = 512 };

struct way_session {
    unsigned powers;
    const char *title, *app_id;         /* of all windows; NULL: as the app says */
    uint32_t untitled;                  /* a window that has no title yet, or 0 */
    struct way_objects app, compositor; /* by who gave the numbers */
    struct way_named globals[WAY_MAX_GLOBALS];
    unsigned n_globals, n_registries;
    struct way_selection selection[WAY_CLIPBOARDS];
    uint8_t *held; /* offered types that wait until it is known what `fresh` is */
    size_t n_held;
    uint8_t small[16];
    unsigned carried; /* kinds that the person has had carried to the app; 0: nothing */
    uint64_t *clock;  /* counts what the app copies on all of its connections */
    uint64_t kept_at; /* when `kept` of the clipboard was copied */
    uint8_t offers[WAY_KINDS * 40];
    uint8_t titles[2 * (WAY_MAX_TITLE + 16)];
    char why[160];
};

enum way_action { WAY_PASS, WAY_DROP, WAY_CUT };

struct way_verdict {
    enum way_action action;
    unsigned fds;          /* that belong to the message, also when it is dropped */
    const uint8_t *before; /* whole messages without descriptors that go in front of it, its way */
    size_t n_before;
    int paste;       /* of what was carried, dropped: 1 + the kind that goes into the descriptor */
    const char *why; /* of a cut, and of what is worth telling of a drop; else NULL */
};

/* Returns 0, or -1 without memory. */
int way_session_init(struct way_session *s, unsigned powers);
void way_session_free(struct way_session *s);

/* The size of the message that begins with these n bytes: 0 when more bytes are needed to tell, -1
 * when no message begins so. */
int way_message_size(const uint8_t *p, size_t n);

/*
 * Judge one message of `size` bytes (as way_message_size gave) from the app or from the compositor.
 * The message may be changed in place. What the verdict points to holds until the next call.
 */
struct way_verdict way_request(struct way_session *s, uint8_t *message, size_t size);
struct way_verdict way_event(struct way_session *s, uint8_t *message, size_t size);

/* ---- the clipboard by the person's act, where the policy does not leave it open ---- */

/* What of the app's own, kept from others, could be carried: kinds as a set. */
unsigned way_kept(struct way_session *s);
/* Writes the event by which the app is to write one of these kinds into a descriptor that goes
 * along. Returns its size, at most WAY_EVENT_ROOM. */
enum { WAY_EVENT_ROOM = 64 };
size_t way_ask_for(const struct way_session *s, int kind, uint8_t *out);
/* From now on the app finds these kinds in its clipboard, while there is any; 0: nothing again.
 * Returns how many bytes of events tell it now; they hold until the next call. */
size_t way_carry(struct way_session *s, unsigned kinds, const uint8_t **events);

/* Writes the event by which a compositor ends a connection (wl_display.error), for people to read.
 * Returns its size; out has room for WAY_ERROR_ROOM. */
enum { WAY_ERROR_ROOM = 256 };
size_t way_error_event(uint8_t *out, const char *why);

#endif
