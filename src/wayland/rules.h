/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_WAYLAND_RULES_H
#define CARREL_WAYLAND_RULES_H

#include "wayland/session.h"
#include "wayland/wire.h"

enum way_state {
    WAY_FREE, /* its number may be given again */
    WAY_LIVE,
    WAY_GONE, /* the app gave it up, the compositor has not said yet that it knows */
};

enum way_mark { WAY_UNKNOWN, WAY_SELECTED, WAY_DRAGGED, WAY_DROPPED };

/* A message with its arguments, about to be passed on. */
struct way_case {
    uint32_t id;
    uint8_t interface, opcode;
    bool request;
    struct way_args *args;
};

/* The object with this number, also one that is gone; NULL: there never was one. */
struct way_object *way_find(struct way_session *s, uint32_t id);

/* Fills s->offers with the events that name what was carried, on an offer. Returns their size. */
size_t way_offer_carried(struct way_session *s, uint32_t offer);

/* What holds for single messages: the globals, the clipboard, what the policy takes away. Sets
 * v->action and v->before, and returns what is wrong when the connection must end, else NULL. A
 * message that makes objects is never dropped, but for those that tell of a global. */
const char *way_rule(struct way_session *s, const struct way_case *c, struct way_verdict *v);

#endif
