/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xserver/requests.h"

enum opcode {
    CREATE_WINDOW = 1,
    CHANGE_ATTRIBUTES = 2,
    GET_ATTRIBUTES = 3,
    MAP_WINDOW = 8,
    CONFIGURE_WINDOW = 12,
    GET_GEOMETRY = 14,
    QUERY_TREE = 15,
    CHANGE_PROPERTY = 18,
    GET_PROPERTY = 20,
    SEND_EVENT = 25,
    GRAB_POINTER = 26,
    UNGRAB_POINTER = 27,
    GRAB_BUTTON = 28,
    ALLOW_EVENTS = 35,
    QUERY_POINTER = 38,
    SET_INPUT_FOCUS = 42,
    KILL_CLIENT = 113,
};
/* masks and events of the core protocol */
enum { BACK_PIXEL = 1 << 1, BORDER_PIXEL = 1 << 3, EVENT_MASK = 1 << 11 };
enum { STRUCTURE_NOTIFY = 1 << 17, SUBSTRUCTURE_NOTIFY = 1 << 19, SUBSTRUCTURE_REDIRECT = 1 << 20 };
enum { ENTER_WINDOW = 1 << 4, FOCUS_CHANGE = 1 << 21 };
enum { CONFIGURE_NOTIFY = 22, CLIENT_MESSAGE = 33 };
enum { DRAGGING = 1 << 3 | 1 << 13 }; /* ButtonRelease, Button motion */

#define REQUEST(name, room)                                                                        \
    uint8_t name##_bytes[room];                                                                    \
    struct x_out name = {.p = name##_bytes, .size = sizeof name##_bytes}

/* ---- events and answers ---- */

bool events_next(struct x_events *e, uint8_t event[X_UNIT])
{
    const uint8_t *p;
    size_t n;
    if (e->n) {
        memcpy(event, e->queue[e->first], X_UNIT);
        e->first = (e->first + 1) % QUEUED_EVENTS;
        e->n--;
        return true;
    }
    do
        if (x11_next(e->x, &p, &n) < 0)
            return false;
    while (p[0] == X_ERROR || p[0] == X_REPLY);
    memcpy(event, p, X_UNIT);
    return true;
}

/* The answer to a request; events before it are kept. NULL: an error. What does not fit in the
 * queue is lost: an app that makes a thousand windows at once may find some of them unmanaged. */
static const uint8_t *ask(struct x_events *e, struct x_out *o, size_t *n)
{
    const uint8_t *p;
    if (x11_send(e->x, o) < 0)
        return NULL;
    uint16_t wanted = e->x->sequence;
    while (x11_next(e->x, &p, n) == 0) {
        bool answer = p[0] == X_REPLY || p[0] == X_ERROR;
        if (answer && x_get16(p + 2) == wanted)
            return p[0] == X_REPLY ? p : NULL;
        if (!answer && e->n < QUEUED_EVENTS)
            memcpy(e->queue[(e->first + e->n++) % QUEUED_EVENTS], p, X_UNIT);
    }
    return NULL;
}

size_t get_property(struct x_events *e, uint32_t window, uint32_t name, uint32_t *values, size_t n)
{
    REQUEST(o, 24);
    struct x_property found;
    size_t size;
    x_request(&o, GET_PROPERTY, 0);
    x_put32(&o, window);
    x_put32(&o, name);
    x_put32(&o, 0); /* of any type */
    x_put32(&o, 0);
    x_put32(&o, (uint32_t)n);
    const uint8_t *p = ask(e, &o, &size);
    if (!p || !x_read_property(p, size, &found) || found.format != 32)
        return 0;
    size_t have = found.size / 4 < n ? found.size / 4 : n;
    for (size_t i = 0; i < have; i++)
        values[i] = x_get32(found.data + 4 * i);
    return have;
}

bool get_geometry(struct x_events *e, uint32_t window, struct x_box *out)
{
    REQUEST(o, 8);
    size_t n;
    x_request(&o, GET_GEOMETRY, 0);
    x_put32(&o, window);
    const uint8_t *p = ask(e, &o, &n);
    if (!p)
        return false;
    *out = (struct x_box){(int16_t)x_get16(p + 12), (int16_t)x_get16(p + 14), x_get16(p + 16),
                          x_get16(p + 18)};
    return true;
}

bool is_for_manager(struct x_events *e, uint32_t window)
{
    REQUEST(o, 8);
    size_t n;
    x_request(&o, GET_ATTRIBUTES, 0);
    x_put32(&o, window);
    const uint8_t *p = ask(e, &o, &n);
    return p && p[26] == 2 && p[27] == 0;
}

size_t get_children(struct x_events *e, uint32_t window, uint32_t *out, size_t n)
{
    REQUEST(o, 8);
    size_t size, found = 0;
    x_request(&o, QUERY_TREE, 0);
    x_put32(&o, window);
    const uint8_t *p = ask(e, &o, &size);
    for (; p && found < n && found < x_get16(p + 16) && X_UNIT + 4 * found + 4 <= size; found++)
        out[found] = x_get32(p + X_UNIT + 4 * found);
    return found;
}

uint32_t get_atom(struct x_events *e, const char *name)
{
    uint32_t atom;
    return x11_atom(e->x, name, &atom) < 0 ? 0 : atom;
}

/* ---- requests without an answer ---- */

static void put_property(struct x_out *o, uint32_t window, uint32_t name, uint32_t type,
                         unsigned format, size_t n)
{
    x_request(o, CHANGE_PROPERTY, 0);
    x_put32(o, window);
    x_put32(o, name);
    x_put32(o, type);
    x_put8(o, format);
    x_put8(o, 0);
    x_put16(o, 0);
    x_put32(o, (uint32_t)n);
}

void set_property(struct x11 *x, uint32_t window, uint32_t name, uint32_t type,
                  const uint32_t *values, size_t n)
{
    REQUEST(o, 2048);
    put_property(&o, window, name, type, 32, n);
    for (size_t i = 0; i < n; i++)
        x_put32(&o, values[i]);
    x11_send(x, &o);
}

void set_bytes(struct x11 *x, uint32_t window, uint32_t name, uint32_t type, const void *bytes,
               size_t n)
{
    REQUEST(o, 512);
    put_property(&o, window, name, type, 8, n);
    x_put_bytes(&o, bytes, n);
    x11_send(x, &o);
}

void set_text(struct x11 *x, uint32_t window, uint32_t name, uint32_t type, const char *text)
{
    set_bytes(x, window, name, type, text, strlen(text));
}

static void change_attribute(struct x11 *x, uint32_t window, uint32_t which, uint32_t value)
{
    REQUEST(o, 16);
    x_request(&o, CHANGE_ATTRIBUTES, 0);
    x_put32(&o, window);
    x_put32(&o, which);
    x_put32(&o, value);
    x11_send(x, &o);
}

void select_events(struct x11 *x, uint32_t window, uint32_t mask)
{
    change_attribute(x, window, EVENT_MASK, mask);
}

void set_border(struct x11 *x, uint32_t window, uint32_t pixel)
{
    change_attribute(x, window, BORDER_PIXEL, pixel);
}

/* Requests that are a head and one window. */
static void of_window(struct x11 *x, enum opcode opcode, uint32_t window)
{
    REQUEST(o, 8);
    x_request(&o, opcode, 0);
    x_put32(&o, window);
    x11_send(x, &o);
}

void map_window(struct x11 *x, uint32_t window)
{
    of_window(x, MAP_WINDOW, window);
}

void kill_client(struct x11 *x, uint32_t window)
{
    of_window(x, KILL_CLIENT, window);
}

void ask_pointer(struct x11 *x)
{
    of_window(x, QUERY_POINTER, x->setup.root);
}

void ungrab_pointer(struct x11 *x)
{
    of_window(x, UNGRAB_POINTER, 0); /* the word is a time: now */
}

void place_window(struct x11 *x, uint32_t window, const struct x_box *box, int border)
{
    REQUEST(o, 32);
    x_request(&o, CONFIGURE_WINDOW, 0);
    x_put32(&o, window);
    x_put32(&o, border < 0 ? 0x0f : 0x1f);
    x_put32(&o, (uint32_t)box->x);
    x_put32(&o, (uint32_t)box->y);
    x_put32(&o, (uint32_t)box->w);
    x_put32(&o, (uint32_t)box->h);
    if (border >= 0)
        x_put32(&o, (uint32_t)border);
    x11_send(x, &o);
}

void raise_window(struct x11 *x, uint32_t window)
{
    REQUEST(o, 16);
    x_request(&o, CONFIGURE_WINDOW, 0);
    x_put32(&o, window);
    x_put32(&o, 0x40); /* the stack mode alone */
    x_put32(&o, 0);
    x11_send(x, &o);
}

void set_focus(struct x11 *x, uint32_t window)
{
    REQUEST(o, 12);
    x_request(&o, SET_INPUT_FOCUS, 1); /* back to the pointer's window when it goes */
    x_put32(&o, window);
    x_put32(&o, 0);
    x11_send(x, &o);
}

static void put_send_event(struct x_out *o, uint32_t to, uint32_t mask)
{
    x_request(o, SEND_EVENT, 0);
    x_put32(o, to);
    x_put32(o, mask);
}

void tell_place(struct x11 *x, uint32_t window, const struct x_box *box)
{
    REQUEST(o, 44);
    put_send_event(&o, window, STRUCTURE_NOTIFY);
    x_put8(&o, CONFIGURE_NOTIFY);
    x_put8(&o, 0);
    x_put16(&o, 0);
    x_put32(&o, window);
    x_put32(&o, window);
    x_put32(&o, 0); /* above nothing that is told */
    x_put16(&o, (uint16_t)box->x);
    x_put16(&o, (uint16_t)box->y);
    x_put16(&o, (uint16_t)box->w);
    x_put16(&o, (uint16_t)box->h);
    x_put32(&o, 0); /* no border */
    x_put32(&o, 0);
    x11_send(x, &o);
}

static void put_message(struct x_out *o, uint32_t window, uint32_t type, uint32_t first,
                        uint32_t second)
{
    x_put8(o, CLIENT_MESSAGE);
    x_put8(o, 32); /* values of 32 bits */
    x_put16(o, 0);
    x_put32(o, window);
    x_put32(o, type);
    x_put32(o, first);
    x_put32(o, second);
    for (int i = 0; i < 3; i++)
        x_put32(o, 0);
}

void send_message(struct x11 *x, uint32_t to, uint32_t type, uint32_t first, uint32_t second)
{
    REQUEST(o, 44);
    put_send_event(&o, to, 0);
    put_message(&o, to, type, first, second);
    x11_send(x, &o);
}

void send_ping(struct x11 *x, uint32_t to, uint32_t protocols, uint32_t ping)
{
    REQUEST(o, 44);
    put_send_event(&o, to, 0);
    put_message(&o, to, protocols, ping, 0);
    /* The window's number stands behind the time. */
    memcpy(o.p + o.n - 12, &to, sizeof to);
    x11_send(x, &o);
}

void ask_to_close(struct x11 *x, uint32_t window, uint32_t net_close)
{
    REQUEST(o, 44);
    put_send_event(&o, x->setup.root, SUBSTRUCTURE_REDIRECT);
    put_message(&o, window, net_close, 0, 2); /* at once, by the person */
    x11_send(x, &o);
}

/* All buttons and modifiers; the pointer stands still until allow_events. */
void grab_buttons(struct x11 *x, uint32_t window)
{
    REQUEST(o, 24);
    x_request(&o, GRAB_BUTTON, 0);
    x_put32(&o, window);
    x_put16(&o, 1 << 2); /* ButtonPress */
    x_put8(&o, 0);
    x_put8(&o, 1);
    x_put32(&o, 0);
    x_put32(&o, 0);
    x_put8(&o, 0); /* any button */
    x_put8(&o, 0);
    x_put16(&o, 0x8000); /* any modifier */
    x11_send(x, &o);
}

void allow_events(struct x11 *x)
{
    REQUEST(o, 8);
    x_request(&o, ALLOW_EVENTS, 2); /* again, as if nothing had been grabbed */
    x_put32(&o, 0);
    x11_send(x, &o);
}

void grab_pointer(struct x11 *x, uint32_t window)
{
    REQUEST(o, 24);
    x_request(&o, GRAB_POINTER, 0);
    x_put32(&o, window);
    x_put16(&o, DRAGGING);
    x_put8(&o, 1);
    x_put8(&o, 1);
    x_put32(&o, 0);
    x_put32(&o, 0);
    x_put32(&o, 0);
    x11_send(x, &o);
}

static uint32_t put_window(struct x11 *x, struct x_out *o, int w, int h, unsigned class)
{
    uint32_t id = x11_new_id(x);
    x_request(o, CREATE_WINDOW, 0);
    x_put32(o, id);
    x_put32(o, x->setup.root);
    x_put32(o, 0);
    x_put16(o, (unsigned)w);
    x_put16(o, (unsigned)h);
    x_put16(o, 0);
    x_put16(o, class);
    x_put32(o, 0); /* the parent's visual */
    return id;
}

uint32_t make_window(struct x11 *x)
{
    REQUEST(o, 32);
    uint32_t id = put_window(x, &o, 1, 1, 2); /* for input only */
    x_put32(&o, 0);
    x11_send(x, &o);
    return id;
}

uint32_t make_top_window(struct x11 *x, int w, int h)
{
    REQUEST(o, 40);
    uint32_t id = put_window(x, &o, w, h, 1);
    x_put32(&o, BACK_PIXEL | EVENT_MASK);
    x_put32(&o, 0);
    x_put32(&o, STRUCTURE_NOTIFY | SUBSTRUCTURE_NOTIFY | FOCUS_CHANGE | ENTER_WINDOW);
    x11_send(x, &o);
    return id;
}
