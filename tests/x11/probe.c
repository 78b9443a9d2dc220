/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What one X client can do to the others, one line "NAME WORD" each. Run outside first, where all
 * of it works.
 *
 *     probe [TITLE]
 *     probe --memory ID     shared memory: with the X server, and the segment ID of somebody else
 *
 * TITLE names the victim's window. Prints "watching" and counts keys until its standard input ends,
 * then says how many it has seen, and types at last "Q" by XTEST wherever the keyboard is.
 */
#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/extensions/XInput2.h>
#include <X11/extensions/XShm.h>
#include <X11/extensions/XTest.h>
#include <X11/extensions/Xcomposite.h>
#include <X11/extensions/record.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <unistd.h>

enum { MOST_WINDOWS = 256 };

static Display *d;
static int fault;
static Window windows[MOST_WINDOWS], victim;
static int n_windows;

static int on_error(Display *display, XErrorEvent *e)
{
    (void)display;
    fault = e->error_code;
    return 0;
}

/* Whether all that was asked since the last call was done. */
static bool done(void)
{
    XSync(d, False);
    bool ok = fault == 0;
    fault = 0;
    return ok;
}

static void say(const char *name, bool ok)
{
    printf("%s %s\n", name, ok ? "yes" : "no");
}

/* ---- windows ---- */

static void find_windows(Window w, const char *title, int depth)
{
    Window root, parent, *children = NULL;
    unsigned n = 0;
    char *name = NULL;
    if (n_windows < MOST_WINDOWS)
        windows[n_windows++] = w;
    if (XFetchName(d, w, &name) && name) {
        printf("title %s\n", name);
        if (title && strcmp(name, title) == 0)
            victim = w;
        XFree(name);
    }
    if (depth < 8 && XQueryTree(d, w, &root, &parent, &children, &n))
        for (unsigned i = 0; i < n; i++)
            find_windows(children[i], title, depth + 1);
    if (children)
        XFree(children);
    done();
}

/* Reads a picture, and whether it shows more than one colour. */
static bool picture(Drawable what)
{
    XImage *image = XGetImage(d, what, 0, 0, 60, 40, AllPlanes, ZPixmap);
    bool several = false;
    if (!done() || !image)
        return false;
    for (int y = 0; y < 40; y++)
        for (int x = 0; x < 60; x++)
            several |= XGetPixel(image, x, y) != XGetPixel(image, 0, 0);
    XDestroyImage(image);
    return several;
}

static bool composite_picture(void)
{
    int a, b;
    if (!victim || !XCompositeQueryExtension(d, &a, &b))
        return false;
    XCompositeRedirectWindow(d, victim, CompositeRedirectAutomatic);
    Pixmap p = XCompositeNameWindowPixmap(d, victim);
    return done() && picture(p);
}

static bool send_key(void)
{
    XEvent e = {.xkey = {.type = KeyPress,
                         .window = victim,
                         .root = DefaultRootWindow(d),
                         .keycode = 38,
                         .same_screen = True}};
    if (!victim)
        return false;
    XSendEvent(d, victim, True, KeyPressMask, &e);
    return done();
}

static bool change_property(void)
{
    if (!victim)
        return false;
    XChangeProperty(d, victim, XInternAtom(d, "CARREL_PROBE", False), XA_STRING, 8, PropModeReplace,
                    (const unsigned char *)"x", 1);
    return done();
}

static bool make_child(void)
{
    if (!victim)
        return false;
    Window w = XCreateSimpleWindow(d, victim, 0, 0, 1, 1, 0, 0, 0);
    bool ok = done();
    if (ok)
        XDestroyWindow(d, w);
    done();
    return ok;
}

static bool grab(void)
{
    int r =
        XGrabKeyboard(d, DefaultRootWindow(d), False, GrabModeAsync, GrabModeAsync, CurrentTime);
    XUngrabKeyboard(d, CurrentTime);
    return done() && r == GrabSuccess;
}

/* ---- selections ---- */

static void read_selection(const char *name)
{
    Atom selection = XInternAtom(d, name, False), property = XInternAtom(d, "CARREL_READ", False);
    Window w = XCreateSimpleWindow(d, DefaultRootWindow(d), 0, 0, 1, 1, 0, 0, 0);
    XConvertSelection(d, selection, XInternAtom(d, "UTF8_STRING", False), property, w, CurrentTime);
    XEvent e;
    for (int i = 0; i < 200 && !XCheckTypedWindowEvent(d, w, SelectionNotify, &e); i++)
        usleep(10000);
    Atom type;
    int format;
    unsigned long n = 0, left;
    unsigned char *text = NULL;
    XGetWindowProperty(d, w, property, 0, 64, True, AnyPropertyType, &type, &format, &n, &left,
                       &text);
    done();
    printf("%s %s\n", name, text && n ? (const char *)text : "-");
    if (text)
        XFree(text);
    XDestroyWindow(d, w);
}

/* ---- keys ---- */

static unsigned long raw_keys, recorded_keys, map_changes, selected_keys;
static int xi_opcode;

static void count_record(XPointer unused, XRecordInterceptData *data)
{
    (void)unused;
    if (data->category == XRecordFromServer && data->data_len >= 1 &&
        (data->data[0] & 0x7f) == KeyPress)
        recorded_keys++;
    XRecordFreeData(data);
}

static Display *begin_record(void)
{
    int major, minor;
    if (!XRecordQueryVersion(d, &major, &minor))
        return NULL;
    Display *data = XOpenDisplay(NULL);
    XRecordClientSpec all = XRecordAllClients;
    XRecordRange *range = XRecordAllocRange();
    range->device_events.first = range->device_events.last = KeyPress;
    XRecordContext context = XRecordCreateContext(d, 0, &all, 1, &range, 1);
    XFree(range);
    if (!done() || !data || !XRecordEnableContextAsync(data, context, count_record, NULL))
        return NULL;
    return data;
}

static void begin_raw(void)
{
    int event, error, major = 2, minor = 0;
    unsigned char bits[XIMaskLen(XI_LASTEVENT)] = {0};
    XIEventMask mask = {.deviceid = XIAllMasterDevices, .mask_len = sizeof bits, .mask = bits};
    if (!XQueryExtension(d, "XInputExtension", &xi_opcode, &event, &error) ||
        XIQueryVersion(d, &major, &minor) != Success)
        return;
    XISetMask(bits, XI_RawKeyPress);
    XISelectEvents(d, DefaultRootWindow(d), &mask, 1);
    done();
}

static void count_keymap(void)
{
    static char last[32];
    char now[32];
    XQueryKeymap(d, now);
    map_changes += memcmp(last, now, sizeof now) != 0;
    memcpy(last, now, sizeof now);
}

static void watch(void)
{
    struct pollfd in = {STDIN_FILENO, POLLIN, 0};
    char byte;
    begin_raw();
    for (int i = 0; i < n_windows; i++) {
        XSelectInput(d, windows[i], KeyPressMask);
        done();
    }
    Display *data = begin_record();
    puts("watching");
    fflush(stdout);
    do {
        XEvent e;
        while (XPending(d)) {
            XNextEvent(d, &e);
            selected_keys += e.type == KeyPress;
            raw_keys += e.type == GenericEvent && e.xcookie.extension == xi_opcode;
        }
        if (data)
            XRecordProcessReplies(data);
        count_keymap();
        done();
    } while (poll(&in, 1, 1) == 0 || read(STDIN_FILENO, &byte, 1) > 0);
    printf("raw-keys %lu\nrecord-keys %lu\nkeymap %lu\nselected-keys %lu\n", raw_keys,
           recorded_keys, map_changes, selected_keys);
}

static bool type_by_xtest(void)
{
    int a, b, major, minor;
    if (!XTestQueryExtension(d, &a, &b, &major, &minor))
        return false;
    for (int down = 1; down >= 0; down--)
        XTestFakeKeyEvent(d, XKeysymToKeycode(d, XStringToKeysym("q")), down, 0);
    return done();
}

/* ---- shared memory ---- */

static bool memory_with_the_server(void)
{
    XShmSegmentInfo s = {.shmid = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600)};
    if (s.shmid < 0 || !XShmQueryExtension(d))
        return false;
    s.shmaddr = shmat(s.shmid, NULL, 0);
    XShmAttach(d, &s);
    bool ok = done();
    if (ok)
        XShmDetach(d, &s);
    shmctl(s.shmid, IPC_RMID, NULL);
    return done() && ok;
}

static int look_at_memory(const char *id)
{
    d = XOpenDisplay(NULL);
    say("open", d);
    if (!d)
        return 1;
    say("memory-with-the-server", memory_with_the_server());
    say("memory-of-others", shmat(atoi(id), NULL, SHM_RDONLY) != (void *)-1);
    return 0;
}

int main(int argc, char **argv)
{
    int n = 0;
    const char *title = argc > 1 ? argv[1] : NULL;
    XSetErrorHandler(on_error);
    if (argc > 2 && strcmp(title, "--memory") == 0)
        return look_at_memory(argv[2]);
    d = XOpenDisplay(NULL);
    say("open", d);
    if (!d)
        return 1;
    char **names = XListExtensions(d, &n);
    printf("extensions %d\n", n);
    XFreeExtensionList(names);
    /* It stays: a server of the app's own is to be seen once somebody has made a window there. */
    XCreateSimpleWindow(d, DefaultRootWindow(d), 0, 0, 1, 1, 0, 0, 0);
    find_windows(DefaultRootWindow(d), title, 0);
    say("victim", victim);
    say("root-image", picture(DefaultRootWindow(d)));
    say("victim-image", victim && picture(victim));
    say("composite-image", composite_picture());
    say("send-event", send_key());
    say("change-property", change_property());
    say("child", make_child());
    say("grab-keyboard", grab());
    read_selection("CLIPBOARD");
    read_selection("PRIMARY");
    watch();
    say("xtest", type_by_xtest());
    XCloseDisplay(d);
    return 0;
}
