/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xserver/frame.h"

#include "xserver/keyboard.h"
#include "xserver/requests.h"

#include <poll.h>

enum { ATOM = 4, STRING = 31, WM_CLASS = 67, WM_NAME = 39 }; /* predefined */
enum event {
    ENTER_NOTIFY = 7,
    FOCUS_IN = 9,
    CREATE_NOTIFY = 16,
    DESTROY_NOTIFY = 17,
    CONFIGURE_NOTIFY = 22,
    PROPERTY_NOTIFY = 28,
    CLIENT_MESSAGE = 33,
    MAPPING_NOTIFY = 34,
};
enum { INFERIOR = 2, POINTER = 5 }; /* of a focus event: not for the window itself */
enum { PROPERTY_CHANGE = 1 << 22 };
enum { MOST_WINDOWS = 256 };

/* The class is what stands behind the mark, "[Carrel] ". Desktops find icons by it. */
static void set_class(struct x11 *x, uint32_t window, const char *title)
{
    static const char instance[] = "carrel";
    const char *space = strchr(title, ' ');
    const char *name = space ? space + 1 : title;
    char text[256];
    size_t n = strlen(name);
    if (sizeof instance + n + 1 > sizeof text)
        return;
    memcpy(text, instance, sizeof instance);
    memcpy(text + sizeof instance, name, n + 1);
    set_bytes(x, window, WM_CLASS, STRING, text, sizeof instance + n + 1);
}

/* So many points may Xephyr's picture have, which goes into one request, as it has no memory in
 * common with the person's display: with one that is too long its connection ends, and it too. */
static uint64_t most_points(struct x11 *x)
{
    enum { POINT = 4, HEAD = 64, ENABLE = 0 };
    uint8_t bytes[8];
    struct x_out o = {.p = bytes, .size = sizeof bytes};
    uint64_t most = x->setup.most_request;
    unsigned opcode;
    const uint8_t *p;
    size_t n;
    if (x11_extension(x, "BIG-REQUESTS", &opcode) == 0 && opcode) {
        x_request(&o, opcode, ENABLE);
        if (x11_ask(x, &o, &p, &n) == 0)
            most = 4 * (uint64_t)x_get32(p + 8);
    }
    return most < 2 * HEAD ? HEAD / POINT : (most - HEAD) / POINT;
}

/* The largest place of the same shape in the middle of a window that the picture can have. */
static struct x_box place_in(int w, int h, uint64_t most)
{
    struct x_box b = {0, 0, w, h};
    for (int part = 99; part && (uint64_t)b.w * (uint64_t)b.h > most; part--) {
        b.w = w * part / 100;
        b.h = h * part / 100;
    }
    b.w = b.w ? b.w : 1;
    b.h = b.h ? b.h : 1;
    b.x = (w - b.w) / 2;
    b.y = (h - b.h) / 2;
    return b;
}

bool frame_open(struct frame *f, struct x11 *x, const char *title, int w, int h)
{
    uint32_t name, utf8;
    *f = (struct frame){.x = x, .most = most_points(x), .group = -1};
    /* Xephyr begins with the size of the window. */
    const struct x_box all = place_in(w, h, f->most);
    f->w = w = all.w;
    f->h = h = all.h;
    if (x11_atom(x, "WM_PROTOCOLS", &f->protocols) < 0 ||
        x11_atom(x, "WM_DELETE_WINDOW", &f->delete_window) < 0 ||
        x11_atom(x, XKB_NAMES, &f->keyboard) < 0 || x11_atom(x, "_NET_WM_NAME", &name) < 0 ||
        x11_atom(x, "UTF8_STRING", &utf8) < 0)
        return false;
    f->window = make_top_window(x, w, h);
    set_text(x, f->window, WM_NAME, STRING, title);
    set_text(x, f->window, name, utf8, title);
    set_class(x, f->window, title);
    set_property(x, f->window, f->protocols, ATOM, &f->delete_window, 1);
    select_events(x, x->setup.root, PROPERTY_CHANGE);
    /* Xephyr must find it there. Nothing is asked from here on: events that come before an answer
     * are lost, and a desktop may give it another size as soon as it is shown. */
    return x11_atom(x, "WM_PROTOCOLS", &f->protocols) == 0;
}

void frame_show(struct frame *f)
{
    map_window(f->x, f->window);
}

static bool is_pending(const struct x11 *x)
{
    struct pollfd p = {.fd = x->fd, .events = POLLIN};
    return x->have - x->given >= X_UNIT || poll(&p, 1, 0) == 1;
}

static void follow_size(struct frame *f, int w, int h)
{
    const struct x_box all = place_in(w, h, f->most);
    f->w = w;
    f->h = h;
    if (f->child)
        place_window(f->x, f->child, &all, -1);
}

/*
 * Which of several layouts is used is in no event, as the display's keyboard extension is hidden
 * from us; but it is in the answer to where the pointer is. A desktop switches by a key that it has
 * grabbed, after which the focus comes back, or by its panel, from which the pointer does.
 */
void frame_ask_for_group(struct frame *f)
{
    ask_pointer(f->x);
    f->asked = f->x->sequence;
    f->is_asked = true;
}

static void ask_for_group(struct frame *f)
{
    frame_ask_for_group(f);
    f->ask_again = true;
}

static void take_answer(struct frame *f, const uint8_t *p)
{
    if (f->is_asked && x_get16(p + 2) == f->asked) {
        f->group = x_get16(p + 24) >> 13 & 3;
        f->is_asked = false;
    }
}

/* Returns false when the window is gone. */
static bool handle(struct frame *f, const uint8_t *e)
{
    bool sent = e[0] & 0x80;
    uint32_t first = x_get32(e + 4), second = x_get32(e + 8);
    switch (e[0] & 0x7f) {
    case CREATE_NOTIFY:
        if (first == f->window && !f->child) {
            f->child = second;
            follow_size(f, f->w, f->h);
        }
        break;
    case DESTROY_NOTIFY:
        return sent || second != f->window;
    case CONFIGURE_NOTIFY:
        if (second == f->window && (x_get16(e + 20) != f->w || x_get16(e + 22) != f->h))
            follow_size(f, x_get16(e + 20), x_get16(e + 22));
        break;
    case FOCUS_IN:
        if (first == f->window)
            ask_for_group(f);
        /* Keys go to the window with the focus, wherever the pointer is: to Xephyr's. */
        if (first == f->window && e[1] != INFERIOR && e[1] < POINTER && f->child)
            set_focus(f->x, f->child);
        break;
    case ENTER_NOTIFY:
        if (x_get32(e + 12) == f->window)
            ask_for_group(f);
        break;
    case MAPPING_NOTIFY: /* of a display that trusts us not, this comes alone */
        f->new_keyboard = true;
        break;
    case PROPERTY_NOTIFY:
        f->new_keyboard |= first == f->x->setup.root && second == f->keyboard;
        break;
    case CLIENT_MESSAGE:
        f->wanted_closed |=
            first == f->window && second == f->protocols && x_get32(e + 12) == f->delete_window;
        break;
    }
    return true;
}

bool frame_events(struct frame *f)
{
    const uint8_t *p;
    size_t n;
    while (is_pending(f->x)) {
        if (x11_next(f->x, &p, &n) < 0 || (p[0] > X_REPLY && !handle(f, p)))
            return false;
        if (p[0] == X_REPLY)
            take_answer(f, p);
    }
    return true;
}

size_t close_all_windows(struct x11 *own)
{
    static struct x_events events;
    uint32_t list, close, windows[MOST_WINDOWS];
    events.x = own;
    events.n = 0;
    if (x11_atom(own, "_NET_CLIENT_LIST", &list) < 0 ||
        x11_atom(own, "_NET_CLOSE_WINDOW", &close) < 0)
        return 0;
    size_t n = get_property(&events, own->setup.root, list, windows, MOST_WINDOWS);
    for (size_t i = 0; i < n; i++)
        ask_to_close(own, windows[i], close);
    /* What was sent has arrived when this is answered. */
    x11_atom(own, "_NET_CLIENT_LIST", &list);
    return n;
}
