/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xserver/wm.h"

#include "util/str.h"
#include "xserver/requests.h"

#include <poll.h>
#include <unistd.h>

/* Events of the core protocol. */
enum {
    BUTTON_PRESS = 4,
    BUTTON_RELEASE = 5,
    MOTION_NOTIFY = 6,
    CREATE_NOTIFY = 16,
    DESTROY_NOTIFY = 17,
    UNMAP_NOTIFY = 18,
    MAP_NOTIFY = 19,
    MAP_REQUEST = 20,
    CONFIGURE_NOTIFY = 22,
    CONFIGURE_REQUEST = 23,
    CLIENT_MESSAGE = 33,
};
/* StructureNotify, SubstructureNotify and SubstructureRedirect */
enum { ROOT_EVENTS = 1 << 17 | 1 << 19 | 1 << 20 };
enum { ALT = 1 << 3 };
/* Predefined atoms and types. */
enum { ATOM = 4, CARDINAL = 6, WINDOW = 33 };
enum { WM_HINTS = 35, WM_NORMAL_HINTS = 40, WM_TRANSIENT_FOR = 68 };
enum { HINT_INPUT = 1 << 0, HINT_MIN = 1 << 4, HINT_MAX = 1 << 5 };
enum { WITHDRAWN = 0, NORMAL = 1 };
enum { FLOATING_BORDER = 2, CASCADE = 24, LEAST_SIZE = 40, LOOK_MS = 20 };
/* So long is waited for a word of life from a window that was asked to close. */
enum { HANGS_AFTER_MS = 10000 };
#define ACTIVE_PIXEL  0x3465a4u
#define PASSIVE_PIXEL 0x888a85u

/* Kept in this order, with their names below. */
enum atom {
    WM_PROTOCOLS,
    WM_DELETE_WINDOW,
    WM_TAKE_FOCUS,
    WM_STATE,
    UTF8_STRING,
    NET_PING,
    NET_SUPPORTED,
    NET_CHECK,
    NET_NAME,
    NET_CLIENTS,
    NET_ACTIVE,
    NET_CLOSE,
    NET_STATE,
    NET_FULLSCREEN,
    NET_MAXIMIZED_V,
    NET_MAXIMIZED_H,
    NET_MODAL,
    NET_EXTENTS,
    NET_WORKAREA,
    NET_TYPE,
    NET_NORMAL,
    ATOMS
};
static const char *const names[ATOMS] = {
    "WM_PROTOCOLS",
    "WM_DELETE_WINDOW",
    "WM_TAKE_FOCUS",
    "WM_STATE",
    "UTF8_STRING",
    "_NET_WM_PING",
    "_NET_SUPPORTED",
    "_NET_SUPPORTING_WM_CHECK",
    "_NET_WM_NAME",
    "_NET_CLIENT_LIST",
    "_NET_ACTIVE_WINDOW",
    "_NET_CLOSE_WINDOW",
    "_NET_WM_STATE",
    "_NET_WM_STATE_FULLSCREEN",
    "_NET_WM_STATE_MAXIMIZED_VERT",
    "_NET_WM_STATE_MAXIMIZED_HORZ",
    "_NET_WM_STATE_MODAL",
    "_NET_FRAME_EXTENTS",
    "_NET_WORKAREA",
    "_NET_WM_WINDOW_TYPE",
    "_NET_WM_WINDOW_TYPE_NORMAL",
};

/* More than an app has at a time; what comes behind these is shown, and stays where it is. */
enum { MOST_WINDOWS = 200, MOST_CHILDREN = 4096 };

struct window {
    uint32_t id, owner; /* owner: of a dialog, or 0 */
    unsigned turn;      /* the later it came, the larger */
    struct x_box box;
    bool dialog;
    bool whole;      /* it wants the whole screen, whoever else is there */
    bool told, full; /* what it was last told: that it has the whole screen */
    int64_t pinged;  /* when a word of life was asked for that has not come; 0: none */
};

struct wm {
    struct x11 *x;
    struct x_events events;
    uint32_t atoms[ATOMS], check;
    int width, height;
    struct window v[MOST_WINDOWS]; /* the topmost one last */
    size_t n;
    unsigned turns;
    uint32_t dragged; /* a window, or 0 */
    unsigned button;
    int from_x, from_y; /* where the pointer was */
    struct x_box start;
    int told;   /* where is told what wm.h says, or -1 */
    bool seen;  /* the app's first window, which was told of */
    bool hangs; /* it was told of */
};

static struct window *find(struct wm *w, uint32_t id)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->v[i].id == id)
            return &w->v[i];
    return NULL;
}

static int clamp(int v, int least, int most)
{
    return v < least ? least : v > most ? most : v;
}

/* ---- where windows are ---- */

static size_t count_main(const struct wm *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++)
        n += !w->v[i].dialog;
    return n;
}

static bool is_full(const struct wm *w, const struct window *v)
{
    return v->whole || (!v->dialog && count_main(w) == 1);
}

static void tell_state(struct wm *w, struct window *v, bool full)
{
    const uint32_t maximized[] = {w->atoms[NET_MAXIMIZED_V], w->atoms[NET_MAXIMIZED_H],
                                  w->atoms[NET_FULLSCREEN]};
    if (v->told && v->full == full)
        return;
    v->told = true;
    v->full = full;
    set_property(w->x, v->id, w->atoms[NET_STATE], ATOM, maximized, !full ? 0 : v->whole ? 3 : 2);
}

/* What a window asks for, kept on the screen and large enough to be seen. */
static void fit(const struct wm *w, struct x_box *b)
{
    b->w = clamp(b->w, LEAST_SIZE, clamp(w->width, LEAST_SIZE, UINT16_MAX));
    b->h = clamp(b->h, LEAST_SIZE, clamp(w->height, LEAST_SIZE, UINT16_MAX));
    b->x = clamp(b->x, LEAST_SIZE - b->w, w->width - LEAST_SIZE);
    b->y = clamp(b->y, 0, w->height - LEAST_SIZE);
}

static void place(struct wm *w, struct window *v)
{
    bool full = is_full(w, v);
    struct x_box b = v->box, whole = {0, 0, w->width, w->height};
    fit(w, &b);
    place_window(w->x, v->id, full ? &whole : &b, full ? 0 : FLOATING_BORDER);
    tell_place(w->x, v->id, full ? &whole : &b);
    tell_state(w, v, full);
}

static void place_all(struct wm *w)
{
    for (size_t i = 0; i < w->n; i++)
        place(w, &w->v[i]);
}

/* What floats goes with the middle of the screen, and stays in sight where it fits in. */
static void resize(struct wm *w, int width, int height)
{
    int dx = (width - w->width) / 2, dy = (height - w->height) / 2;
    w->width = width;
    w->height = height;
    for (size_t i = 0; i < w->n; i++) {
        struct window *v = &w->v[i];
        if (v->dialog) {
            v->box.x = clamp(v->box.x + dx, 0, clamp(width - v->box.w, 0, UINT16_MAX));
            v->box.y = clamp(v->box.y + dy, 0, clamp(height - v->box.h, 0, UINT16_MAX));
        }
        place(w, v);
    }
}

/* In the middle of its owner's window, or of the screen; main windows each a bit further down. */
static void choose_place(struct wm *w, struct window *v)
{
    const struct window *owner = v->owner ? find(w, v->owner) : NULL;
    struct x_box in = {0, 0, w->width, w->height};
    if (owner && !is_full(w, owner))
        in = owner->box;
    if (v->dialog) {
        v->box.x = in.x + (in.w - v->box.w) / 2;
        v->box.y = in.y + (in.h - v->box.h) / 2;
    } else {
        v->box.x = v->box.y = CASCADE * (int)(count_main(w) % 8);
    }
    fit(w, &v->box);
    v->box.x = clamp(v->box.x, 0, w->width);
}

/* ---- which one is active ---- */

/* The oldest first, as the standard has it (EWMH, _NET_CLIENT_LIST). */
static void list_windows(struct wm *w)
{
    uint32_t ids[MOST_WINDOWS];
    for (size_t i = 0; i < w->n; i++) {
        size_t older = 0;
        for (size_t k = 0; k < w->n; k++)
            older += w->v[k].turn < w->v[i].turn;
        ids[older] = w->v[i].id;
    }
    set_property(w->x, w->x->setup.root, w->atoms[NET_CLIENTS], WINDOW, ids, w->n);
}

static bool has_protocol(struct wm *w, uint32_t id, enum atom which)
{
    uint32_t known[16];
    size_t n = get_property(&w->events, id, w->atoms[WM_PROTOCOLS], known, ARRAY_SIZE(known));
    for (size_t i = 0; i < n; i++)
        if (known[i] == w->atoms[which])
            return true;
    return false;
}

/* By whatever dialogs are in between; an app may have made a ring of them. */
static bool belongs_to(struct wm *w, const struct window *v, uint32_t id)
{
    for (size_t i = 0; v && v->owner && i < w->n; i++) {
        if (v->owner == id)
            return true;
        v = find(w, v->owner);
    }
    return false;
}

/* The topmost one is the active one; its dialogs come above it. Above one that fills the screen all
 * dialogs do: there is no other way to one that it covers. */
static void activate(struct wm *w, uint32_t id)
{
    struct window *v = find(w, id);
    if (!v)
        return;
    struct window top = *v;
    memmove(v, v + 1, (size_t)(w->v + w->n - v - 1) * sizeof *v);
    w->v[w->n - 1] = top;
    raise_window(w->x, id);
    for (size_t i = 0; i < w->n; i++)
        set_border(w->x, w->v[i].id, w->v[i].id == id ? ACTIVE_PIXEL : PASSIVE_PIXEL);
    bool full = is_full(w, &top);
    for (size_t i = 0; i + 1 < w->n; i++)
        if (belongs_to(w, &w->v[i], id) || (full && !top.dialog && w->v[i].dialog))
            raise_window(w->x, w->v[i].id);
    set_focus(w->x, id);
    if (has_protocol(w, id, WM_TAKE_FOCUS))
        send_message(w->x, id, w->atoms[WM_PROTOCOLS], w->atoms[WM_TAKE_FOCUS], 0);
    set_property(w->x, w->x->setup.root, w->atoms[NET_ACTIVE], WINDOW, &id, 1);
    list_windows(w);
}

static void tell(const struct wm *w, enum wm_word word)
{
    const char byte = (char)word;
    if (w->told >= 0 && write(w->told, &byte, 1) < 0)
        return; /* nobody listens any more */
}

/* None of the app's windows gives a word of life: it does not get at what it is asked. */
static bool hangs(const struct wm *w)
{
    int64_t now = x11_now();
    for (size_t i = 0; i < w->n; i++)
        if (!w->v[i].pinged || now - w->v[i].pinged < HANGS_AFTER_MS)
            return false;
    return w->n;
}

/* It is asked, and for a word of life, where it knows of that (EWMH). Who asks again after a while
 * without one ends an app that hangs, but never one that asks whether to save. */
static void close_window(struct wm *w, struct window *v)
{
    uint32_t id = v->id;
    if (!has_protocol(w, id, WM_DELETE_WINDOW)) {
        kill_client(w->x, id);
        return;
    }
    send_message(w->x, id, w->atoms[WM_PROTOCOLS], w->atoms[WM_DELETE_WINDOW], 0);
    if (!v->pinged && has_protocol(w, id, NET_PING)) {
        send_ping(w->x, id, w->atoms[WM_PROTOCOLS], w->atoms[NET_PING]);
        v->pinged = x11_now();
    }
    if (w->hangs || !hangs(w))
        return;
    w->hangs = true;
    tell(w, WM_APP_HANGS);
}

/* ---- windows that come and go ---- */

static void tell_of_window(struct wm *w, uint32_t id)
{
    const struct x_setup *own = &w->x->setup;
    if (w->seen || (id & ~own->id_mask) == own->id_base)
        return;
    w->seen = true;
    tell(w, WM_WINDOW_IS_THERE);
}

static bool asks_for(struct wm *w, uint32_t id, enum atom state)
{
    uint32_t v[16];
    size_t n = get_property(&w->events, id, w->atoms[NET_STATE], v, ARRAY_SIZE(v));
    for (size_t i = 0; i < n; i++)
        if (v[i] == w->atoms[state])
            return true;
    return false;
}

/* Whether it says that it has this size and no other: games do whose picture does not grow. */
static bool is_fixed(struct wm *w, uint32_t id, int *width, int *height)
{
    uint32_t hints[18];
    if (get_property(&w->events, id, WM_NORMAL_HINTS, hints, 18) != 18 ||
        !(hints[0] & HINT_MIN && hints[0] & HINT_MAX) || hints[5] != hints[7] ||
        hints[6] != hints[8])
        return false;
    *width = (int)(hints[5] & UINT16_MAX);
    *height = (int)(hints[6] & UINT16_MAX);
    return true;
}

/* What has an owner, is of another type than a normal window, or cannot be made larger. */
static bool is_dialog(struct wm *w, struct window *v)
{
    uint32_t type, owner = 0;
    int width, height;
    if (get_property(&w->events, v->id, WM_TRANSIENT_FOR, &owner, 1)) {
        v->owner = owner;
        return true;
    }
    if (get_property(&w->events, v->id, w->atoms[NET_TYPE], &type, 1) &&
        type != w->atoms[NET_NORMAL])
        return true;
    if (asks_for(w, v->id, NET_MODAL))
        return true;
    return is_fixed(w, v->id, &width, &height);
}

static void set_wm_state(struct wm *w, uint32_t id, uint32_t state)
{
    const uint32_t value[] = {state, 0};
    set_property(w->x, id, w->atoms[WM_STATE], w->atoms[WM_STATE], value, 2);
}

/* What no toolkit makes may ask for its window's size when it first hears of it, and draw again
 * only when it hears of another later (feh): it hears of it before a first window is made to fill
 * the screen, as it does of managers that put a frame around. */
static void let_it_look(struct wm *w, const struct window *v)
{
    bool fills = v->box.w == w->width && v->box.h == w->height;
    if (v->dialog || fills || count_main(w) || has_protocol(w, v->id, NET_PING))
        return;
    tell_place(w->x, v->id, &v->box);
    poll(NULL, 0, LOOK_MS);
}

/* Programs of Lazarus on GTK 2 (Double Commander) show a window of this kind first: no key goes to
 * it, and it may be of no size at all. They look how wide a manager's frame is, wait until there is
 * one, and never show their own window when it is none. */
static bool only_measures(struct wm *w, uint32_t id)
{
    uint32_t hints[9], normal[18];
    return get_property(&w->events, id, WM_HINTS, hints, 9) == 9 && hints[0] & HINT_INPUT &&
           !hints[1] && get_property(&w->events, id, WM_NORMAL_HINTS, normal, 18) == 18 &&
           normal[0] & HINT_MIN && !normal[5] && !normal[6];
}

static void manage(struct wm *w, uint32_t id)
{
    const uint32_t frame[4] = {0, 0, only_measures(w, id), 0}; /* left, right, top, bottom */
    struct window v = {.id = id, .turn = ++w->turns};
    tell_of_window(w, id);
    if (find(w, id) || w->n == MOST_WINDOWS || !get_geometry(&w->events, id, &v.box)) {
        map_window(w->x, id);
        return;
    }
    v.dialog = is_dialog(w, &v);
    let_it_look(w, &v);
    v.whole = asks_for(w, id, NET_FULLSCREEN);
    choose_place(w, &v);
    w->v[w->n++] = v;
    set_property(w->x, id, w->atoms[NET_EXTENTS], CARDINAL, frame, 4);
    grab_buttons(w->x, id);
    place_all(w);
    map_window(w->x, id);
    set_wm_state(w, id, NORMAL);
    activate(w, id);
}

static void forget(struct wm *w, uint32_t id)
{
    struct window *v = find(w, id);
    if (!v)
        return;
    set_wm_state(w, id, WITHDRAWN);
    memmove(v, v + 1, (size_t)(w->v + w->n - v - 1) * sizeof *v);
    w->n--;
    if (w->dragged == id) {
        w->dragged = 0;
        ungrab_pointer(w->x);
    }
    place_all(w);
    if (w->n)
        activate(w, w->v[w->n - 1].id);
    else
        list_windows(w);
}

/* ---- what apps ask for ---- */

static void configure_request(struct wm *w, const uint8_t *e)
{
    uint32_t id = x_get32(e + 8);
    unsigned mask = x_get16(e + 26);
    struct x_box b = {(int16_t)x_get16(e + 16), (int16_t)x_get16(e + 18), x_get16(e + 20),
                      x_get16(e + 22)};
    struct window *v = find(w, id);
    /* The event holds what the window has where it asks for nothing. */
    if (!v) {
        place_window(w->x, id, &b, (int)x_get16(e + 24));
        return;
    }
    if (mask & 1)
        v->box.x = b.x;
    if (mask & 2)
        v->box.y = b.y;
    if (mask & 4)
        v->box.w = b.w;
    if (mask & 8)
        v->box.h = b.h;
    if (mask & 12) /* whoever asks: on the person's display nobody gives it another size either */
        is_fixed(w, id, &v->box.w, &v->box.h);
    if (v->dialog && !(mask & 3))
        choose_place(w, v);
    place(w, v);
}

static void state_request(struct wm *w, struct window *v, const uint8_t *data)
{
    uint32_t action = x_get32(data);
    for (int i = 1; i < 3; i++)
        if (x_get32(data + 4 * i) == w->atoms[NET_FULLSCREEN])
            v->whole = action == 1 || (action == 2 && !v->whole);
    v->told = false;
    place(w, v);
}

static void client_message(struct wm *w, const uint8_t *e)
{
    uint32_t id = x_get32(e + 4), type = x_get32(e + 8);
    bool alive = type == w->atoms[WM_PROTOCOLS] && x_get32(e + 12) == w->atoms[NET_PING];
    struct window *v = find(w, alive ? x_get32(e + 20) : id); /* it comes by the root window */
    if (!v)
        return;
    if (alive)
        v->pinged = 0;
    if (type == w->atoms[NET_ACTIVE])
        activate(w, id);
    else if (type == w->atoms[NET_CLOSE])
        close_window(w, v);
    else if (type == w->atoms[NET_STATE])
        state_request(w, v, e + 12);
}

/* ---- the person's hand ---- */

static void press(struct wm *w, const uint8_t *e)
{
    uint32_t id = x_get32(e + 12);
    struct window *v = find(w, id);
    unsigned button = e[1], state = x_get16(e + 28);
    int width, height;
    if (v && id != w->v[w->n - 1].id)
        activate(w, id);
    v = find(w, id);
    allow_events(w->x);
    if (!v || !(state & ALT) || (button != 1 && button != 3) || is_full(w, v) ||
        (button == 3 && is_fixed(w, id, &width, &height)))
        return;
    w->dragged = id;
    w->button = button;
    w->from_x = (int16_t)x_get16(e + 20);
    w->from_y = (int16_t)x_get16(e + 22);
    w->start = v->box;
    grab_pointer(w->x, w->x->setup.root);
}

static void drag(struct wm *w, const uint8_t *e)
{
    struct window *v = w->dragged ? find(w, w->dragged) : NULL;
    int dx = (int16_t)x_get16(e + 20) - w->from_x, dy = (int16_t)x_get16(e + 22) - w->from_y;
    if (!v)
        return;
    v->box = w->start;
    if (w->button == 1) {
        v->box.x += dx;
        v->box.y += dy;
    } else {
        v->box.w += dx;
        v->box.h += dy;
    }
    fit(w, &v->box);
    place(w, v);
}

static void release(struct wm *w)
{
    w->dragged = 0;
    ungrab_pointer(w->x);
}

/* ---- the loop ---- */

static void handle(struct wm *w, const uint8_t *e)
{
    uint32_t root = w->x->setup.root;
    switch (e[0] & 0x7f) { /* whoever sent it: an app can only harm its own windows */
    case CREATE_NOTIFY:
    case MAP_NOTIFY:
        tell_of_window(w, x_get32(e + 8));
        break;
    case MAP_REQUEST:
        manage(w, x_get32(e + 8));
        break;
    case UNMAP_NOTIFY:
    case DESTROY_NOTIFY:
        forget(w, x_get32(e + 8));
        break;
    case CONFIGURE_REQUEST:
        configure_request(w, e);
        break;
    case CONFIGURE_NOTIFY:
        if (x_get32(e + 8) != root || e[0] & 0x80)
            break;
        resize(w, x_get16(e + 20), x_get16(e + 22));
        break;
    case CLIENT_MESSAGE:
        client_message(w, e);
        break;
    case BUTTON_PRESS:
        press(w, e);
        break;
    case MOTION_NOTIFY:
        drag(w, e);
        break;
    case BUTTON_RELEASE:
        release(w);
        break;
    }
}

static void announce(struct wm *w)
{
    uint32_t root = w->x->setup.root;
    w->check = make_window(w->x);
    set_property(w->x, w->check, w->atoms[NET_CHECK], WINDOW, &w->check, 1);
    set_text(w->x, w->check, w->atoms[NET_NAME], w->atoms[UTF8_STRING], "Carrel");
    set_property(w->x, root, w->atoms[NET_CHECK], WINDOW, &w->check, 1);
    set_property(w->x, root, w->atoms[NET_SUPPORTED], ATOM, w->atoms + NET_SUPPORTED,
                 ATOMS - NET_SUPPORTED);
    list_windows(w);
}

/* The app may have been faster. What it has made by now is told of, as what it makes later is; only
 * what it has shown is touched: the rest asks when it is to be seen. */
static void look_around(struct wm *w)
{
    static uint32_t there[MOST_CHILDREN];
    size_t n = get_children(&w->events, w->x->setup.root, there, MOST_CHILDREN);
    for (size_t i = 0; i < n; i++) {
        tell_of_window(w, there[i]);
        if (is_for_manager(&w->events, there[i]))
            manage(w, there[i]);
    }
}

void wm_run(struct x11 *x, int told)
{
    static struct wm w;
    uint8_t event[X_UNIT];
    struct x_box screen;
    memset(&w, 0, sizeof w);
    w.x = w.events.x = x;
    w.told = told;
    for (int i = 0; i < ATOMS; i++)
        w.atoms[i] = get_atom(&w.events, names[i]);
    if (!get_geometry(&w.events, x->setup.root, &screen))
        return;
    w.width = screen.w;
    w.height = screen.h;
    select_events(x, x->setup.root, ROOT_EVENTS);
    announce(&w);
    look_around(&w);
    while (events_next(&w.events, event))
        handle(&w, event);
}
