/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the filter says to single messages. `app` and `server` write them, by letters as in the
 * tables, so that a test reads like a log of the protocol. */
#include "t.h"
#include "wayland/line.h"
#include "wayland/rules.h"
#include "wayland/wire.h"

#include <stdarg.h>
#include <stdlib.h>

static struct way_session s;
static struct way_verdict last;
static uint8_t message[WAY_MAX_MESSAGE + 8];
static size_t size;

enum { ALL = 0xffff, DEFAULT = WAY_CLIPBOARD_IN | WAY_CLIPBOARD_OUT | WAY_DMABUF };
#define THEIRS(n) (WAY_SERVER_ID + (n))

static void put(uint32_t v)
{
    way_put_word(message + size, v);
    size += 4;
}

static void put_string(const char *text)
{
    size_t n = text ? strlen(text) + 1 : 0;
    put((uint32_t)n);
    memset(message + size, 0, (n + 3) & ~(size_t)3);
    if (text)
        memcpy(message + size, text, n);
    size += (n + 3) & ~(size_t)3;
}

static void write_message(uint32_t object, unsigned opcode, const char *letters, va_list ap)
{
    size = 0;
    put(object);
    put(0);
    for (const char *c = letters; *c; c++) {
        if (*c == 's')
            put_string(va_arg(ap, const char *));
        else
            put(va_arg(ap, uint32_t));
    }
    way_put_word(message + 4, (uint32_t)size << 16 | opcode);
}

static enum way_action app(uint32_t object, unsigned opcode, const char *letters, ...)
{
    va_list ap;
    va_start(ap, letters);
    write_message(object, opcode, letters, ap);
    va_end(ap);
    last = way_request(&s, message, size);
    return last.action;
}

static enum way_action server(uint32_t object, unsigned opcode, const char *letters, ...)
{
    va_list ap;
    va_start(ap, letters);
    write_message(object, opcode, letters, ap);
    va_end(ap);
    last = way_event(&s, message, size);
    return last.action;
}

#define PASSES(x)  CHECK_INT(x, WAY_PASS)
#define DROPPED(x) CHECK_INT(x, WAY_DROP)
#define CUT(x)                                                                                     \
    do {                                                                                           \
        CHECK_INT(x, WAY_CUT);                                                                     \
        CHECK(last.why &&strlen(last.why) > 10);                                                   \
    } while (0)

enum { REGISTRY = 2, SEAT = 3, MANAGER = 4, DEVICE = 5, COMPOSITOR = 6, SURFACE = 7, SOURCE = 8 };

static void begin(unsigned powers)
{
    way_session_free(&s);
    CHECK_INT(way_session_init(&s, powers), 0);
    PASSES(app(1, WAY_WL_DISPLAY_REQUEST_GET_REGISTRY, "n", REGISTRY));
}

static enum way_action global(uint32_t name, const char *interface, uint32_t version)
{
    return server(REGISTRY, WAY_WL_REGISTRY_EVENT_GLOBAL, "usu", name, interface, version);
}

static enum way_action bind(uint32_t name, const char *interface, uint32_t version, uint32_t id)
{
    return app(REGISTRY, WAY_WL_REGISTRY_REQUEST_BIND, "usuu", name, interface, version, id);
}

/* A seat, the clipboard's manager and device, a surface, and a source. */
static void begin_clipboard(unsigned powers)
{
    begin(powers);
    PASSES(global(1, "wl_seat", 7));
    PASSES(global(2, "wl_data_device_manager", 3));
    PASSES(global(3, "wl_compositor", 4));
    PASSES(bind(1, "wl_seat", 7, SEAT));
    PASSES(bind(2, "wl_data_device_manager", 3, MANAGER));
    PASSES(app(MANAGER, WAY_WL_DATA_DEVICE_MANAGER_REQUEST_GET_DATA_DEVICE, "no", DEVICE, SEAT));
    PASSES(bind(3, "wl_compositor", 4, COMPOSITOR));
    PASSES(app(COMPOSITOR, WAY_WL_COMPOSITOR_REQUEST_CREATE_SURFACE, "n", SURFACE));
    PASSES(app(MANAGER, WAY_WL_DATA_DEVICE_MANAGER_REQUEST_CREATE_DATA_SOURCE, "n", SOURCE));
}

/* ---- globals ---- */

static void globals_of_the_rows_are_seen_and_no_others(void)
{
    static const char *const hidden[] = {"zwlr_screencopy_manager_v1",
                                         "ext_image_copy_capture_manager_v1",
                                         "zwlr_export_dmabuf_manager_v1",
                                         "zwp_virtual_keyboard_manager_v1",
                                         "zwlr_virtual_pointer_manager_v1",
                                         "zwp_input_method_manager_v2",
                                         "zwp_input_method_v1",
                                         "org_kde_kwin_fake_input",
                                         "zwlr_data_control_manager_v1",
                                         "ext_data_control_manager_v1",
                                         "zwlr_foreign_toplevel_manager_v1",
                                         "ext_foreign_toplevel_list_v1",
                                         "zwlr_layer_shell_v1",
                                         "ext_session_lock_manager_v1",
                                         "zwlr_output_manager_v1",
                                         "zwlr_gamma_control_manager_v1",
                                         "wp_security_context_manager_v1",
                                         "ext_idle_notifier_v1",
                                         "weston_capture_v1",
                                         "wp_drm_lease_device_v1",
                                         "gtk_shell1",
                                         "a_protocol_of_tomorrow_v1",
                                         "",
                                         "wl_display",
                                         "wl_surface",
                                         "xwayland_shell_v1",
                                         "zwp_input_panel_v1",
                                         "zwp_fullscreen_shell_v1"};
    begin(ALL);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        CHECK_INT(global(100 + (uint32_t)i, hidden[i], 1), WAY_DROP);
        DROPPED(server(REGISTRY, WAY_WL_REGISTRY_EVENT_GLOBAL_REMOVE, "u", 100 + (uint32_t)i));
    }
    for (int i = 0; i < WAY_GLOBALS; i++)
        PASSES(global((uint32_t)i + 1, way_interfaces[way_globals[i].interface].name, 1));
}

static void powers_decide_over_globals(void)
{
    static const struct {
        const char *global, *word;
    } rows[] = {
        {"zwp_linux_dmabuf_v1", "dmabuf"},
        {"xdg_activation_v1", "activation"},
        {"zwp_text_input_manager_v3", "text-input"},
        {"zwp_primary_selection_device_manager_v1", "primary-selection"},
        {"zwp_pointer_constraints_v1", "pointer-lock"},
        {"zwp_relative_pointer_manager_v1", "relative-pointer"},
        {"zwp_idle_inhibit_manager_v1", "idle-inhibit"},
        {"zwp_keyboard_shortcuts_inhibit_manager_v1", "shortcuts-inhibit"},
        {"zxdg_exporter_v2", "window-handles"},
        {"zxdg_importer_v2", "window-handles"},
    };
    CHECK_INT(way_power_named("pointer", 7), 0);
    CHECK_INT(way_power_named("", 0), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned power = way_power_named(rows[i].word, strlen(rows[i].word));
        CHECK(power != 0);
        begin(power);
        PASSES(global(5, rows[i].global, 1));
        begin(ALL & ~power);
        DROPPED(global(5, rows[i].global, 1));
        CUT(bind(5, rows[i].global, 1, 3));
    }
}

static void versions_end_where_the_tables_end(void)
{
    begin(DEFAULT);
    uint32_t known = way_interfaces[WAY_WL_COMPOSITOR].version;
    PASSES(global(1, "wl_compositor", 250));
    CHECK_INT(way_word(message + size - 4), known);
    PASSES(global(2, "wl_seat", 2));
    CHECK_INT(way_word(message + size - 4), 2);
    DROPPED(global(3, "wl_output", 0));
    CUT(bind(1, "wl_compositor", known + 1, 3));
}

static void binds_are_held_to_what_was_told(void)
{
    begin(DEFAULT);
    PASSES(global(1, "wl_seat", 2));
    DROPPED(global(2, "zwlr_screencopy_manager_v1", 3));
    CUT(bind(2, "zwlr_screencopy_manager_v1", 3, 3)); /* a hidden number */
    CUT(bind(2, "wl_seat", 1, 3));                    /* … under a permitted name */
    CUT(bind(1, "zwlr_screencopy_manager_v1", 1, 3)); /* a permitted number, a hidden name */
    CUT(bind(7, "wl_seat", 1, 3));                    /* never told */
    CUT(bind(1, "wl_seat", 99, 3));
    CUT(bind(1, "wl_seat", 0, 3));
    CUT(app(REGISTRY, WAY_WL_REGISTRY_REQUEST_BIND, "usuu", 1, NULL, 1, 3));
    PASSES(bind(1, "wl_seat", 2, 3));
    CUT(bind(1, "wl_seat", 2, 3)); /* the number is taken */
    PASSES(server(REGISTRY, WAY_WL_REGISTRY_EVENT_GLOBAL_REMOVE, "u", 1));
    PASSES(bind(1, "wl_seat", 2, 4)); /* it may not have heard of it yet */
}

static void globals_that_come_and_go_take_no_more_room(void)
{
    begin(DEFAULT);
    for (uint32_t i = 1; i < 3000; i++) {
        PASSES(global(i, "wl_output", 3));
        PASSES(server(REGISTRY, WAY_WL_REGISTRY_EVENT_GLOBAL_REMOVE, "u", i));
    }
    begin(DEFAULT);
    for (uint32_t i = 1; i <= WAY_MAX_GLOBALS; i++)
        PASSES(global(i, "wl_output", 3));
    DROPPED(global(9999, "wl_output", 3));
    PASSES(global(7, "wl_output", 3)); /* for another registry */
}

/* ---- objects ---- */

static void requests_need_their_object(void)
{
    begin(DEFAULT);
    CUT(app(0, 0, ""));
    CUT(app(3, 0, ""));
    CUT(app(0xfeffffff, 0, ""));
    CUT(app(THEIRS(0), 0, ""));
    CUT(app(0xffffffff, 0, ""));
    CUT(app(1, 2, ""));      /* wl_display has two requests */
    CUT(app(1, 0xffff, "")); /* and no such one */
    CUT(app(REGISTRY, 1, ""));
}

static void new_objects_have_the_next_number(void)
{
    begin(DEFAULT);
    CUT(app(1, WAY_WL_DISPLAY_REQUEST_SYNC, "n", 0));
    CUT(app(1, WAY_WL_DISPLAY_REQUEST_SYNC, "n", 1));
    CUT(app(1, WAY_WL_DISPLAY_REQUEST_SYNC, "n", REGISTRY));
    CUT(app(1, WAY_WL_DISPLAY_REQUEST_SYNC, "n", 4));
    CUT(app(1, WAY_WL_DISPLAY_REQUEST_SYNC, "n", 0x7fffffff));
    CUT(app(1, WAY_WL_DISPLAY_REQUEST_SYNC, "n", THEIRS(0)));
    CUT(app(1, WAY_WL_DISPLAY_REQUEST_SYNC, "n", 0xffffffff));
    PASSES(app(1, WAY_WL_DISPLAY_REQUEST_SYNC, "n", 3));
    CUT(app(1, WAY_WL_DISPLAY_REQUEST_SYNC, "n", 3));
    PASSES(server(3, WAY_WL_CALLBACK_EVENT_DONE, "u", 0));
    CUT(app(1, WAY_WL_DISPLAY_REQUEST_SYNC, "n", 3)); /* not deleted yet */
    PASSES(server(1, WAY_WL_DISPLAY_EVENT_DELETE_ID, "u", 3));
    PASSES(app(1, WAY_WL_DISPLAY_REQUEST_SYNC, "n", 3));
}

static void what_is_given_up_is_no_more(void)
{
    begin_clipboard(ALL);
    PASSES(app(SURFACE, WAY_WL_SURFACE_REQUEST_DESTROY, ""));
    CUT(app(SURFACE, WAY_WL_SURFACE_REQUEST_COMMIT, ""));
    CUT(app(COMPOSITOR, WAY_WL_COMPOSITOR_REQUEST_CREATE_SURFACE, "n", SURFACE));
    /* An event that was on its way. */
    PASSES(server(SURFACE, WAY_WL_SURFACE_EVENT_ENTER, "u", 1));
    PASSES(server(1, WAY_WL_DISPLAY_EVENT_DELETE_ID, "u", SURFACE));
    CUT(server(SURFACE, WAY_WL_SURFACE_EVENT_ENTER, "u", 1));
    PASSES(app(COMPOSITOR, WAY_WL_COMPOSITOR_REQUEST_CREATE_SURFACE, "n", SURFACE));
}

static void named_objects_must_be_of_the_kind(void)
{
    begin_clipboard(ALL);
    CUT(app(MANAGER, WAY_WL_DATA_DEVICE_MANAGER_REQUEST_GET_DATA_DEVICE, "no", 9, SURFACE));
    CUT(app(MANAGER, WAY_WL_DATA_DEVICE_MANAGER_REQUEST_GET_DATA_DEVICE, "no", 9, 0));
    CUT(app(MANAGER, WAY_WL_DATA_DEVICE_MANAGER_REQUEST_GET_DATA_DEVICE, "no", 9, 9));
    CUT(app(MANAGER, WAY_WL_DATA_DEVICE_MANAGER_REQUEST_GET_DATA_DEVICE, "no", 9, THEIRS(0)));
    PASSES(app(SURFACE, WAY_WL_SURFACE_REQUEST_ATTACH, "oii", 0, 0, 0)); /* null is allowed */
    CUT(app(SURFACE, WAY_WL_SURFACE_REQUEST_ATTACH, "oii", SEAT, 0, 0));
}

static void versions_of_requests(void)
{
    begin_clipboard(ALL);
    PASSES(bind(3, "wl_compositor", 2, 9));
    PASSES(app(9, WAY_WL_COMPOSITOR_REQUEST_CREATE_SURFACE, "n", 10));
    CUT(app(10, WAY_WL_SURFACE_REQUEST_SET_BUFFER_SCALE, "i", 2)); /* since 3 */
    PASSES(app(SURFACE, WAY_WL_SURFACE_REQUEST_SET_BUFFER_SCALE, "i", 2));
}

static void the_compositors_objects(void)
{
    begin_clipboard(ALL);
    CUT(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_DATA_OFFER, "n", 9));
    CUT(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_DATA_OFFER, "n", THEIRS(1)));
    for (int i = 0; i < 3; i++) {
        PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_DATA_OFFER, "n", THEIRS(0)));
        PASSES(app(THEIRS(0), WAY_WL_DATA_OFFER_REQUEST_DESTROY, ""));
        CUT(app(THEIRS(0), WAY_WL_DATA_OFFER_REQUEST_DESTROY, ""));
        PASSES(server(THEIRS(0), WAY_WL_DATA_OFFER_EVENT_OFFER, "s", "text/plain"));
    }
    CUT(server(1, WAY_WL_DISPLAY_EVENT_DELETE_ID, "u", THEIRS(0)));
    CUT(server(1, WAY_WL_DISPLAY_EVENT_DELETE_ID, "u", 1));
    CUT(server(1, WAY_WL_DISPLAY_EVENT_DELETE_ID, "u", 500));
}

static void a_million_objects_take_no_more_room(void)
{
    begin_clipboard(ALL);
    uint32_t n = 0;
    for (int i = 0; i < 1000000; i++) {
        bool good = app(COMPOSITOR, WAY_WL_COMPOSITOR_REQUEST_CREATE_SURFACE, "n", 9) == WAY_PASS &&
                    app(9, WAY_WL_SURFACE_REQUEST_DESTROY, "") == WAY_PASS &&
                    server(1, WAY_WL_DISPLAY_EVENT_DELETE_ID, "u", 9) == WAY_PASS;
        n += good;
    }
    CHECK_INT(n, 1000000);
    CHECK(s.app.cap <= 64);
    for (int i = 0; i < 1000; i++) {
        PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_DATA_OFFER, "n", THEIRS(0)));
        PASSES(app(THEIRS(0), WAY_WL_DATA_OFFER_REQUEST_DESTROY, ""));
    }
    CHECK(s.compositor.cap <= 64);
}

static void objects_have_a_limit(void)
{
    begin(ALL);
    uint32_t id = REGISTRY + 1;
    while (app(1, WAY_WL_DISPLAY_REQUEST_SYNC, "n", id) == WAY_PASS && id < 0xfffffff)
        id++;
    CHECK_INT(id, WAY_MAX_OBJECTS);
    begin(ALL);
    for (uint32_t i = 1; i < WAY_MAX_REGISTRIES; i++)
        PASSES(app(1, WAY_WL_DISPLAY_REQUEST_GET_REGISTRY, "n", REGISTRY + i));
    CUT(app(1, WAY_WL_DISPLAY_REQUEST_GET_REGISTRY, "n", REGISTRY + WAY_MAX_REGISTRIES));
    begin(ALL);
    for (uint32_t i = 0; i < 1000; i++) {
        PASSES(app(1, WAY_WL_DISPLAY_REQUEST_GET_REGISTRY, "n", 3));
        PASSES(server(1, WAY_WL_DISPLAY_EVENT_DELETE_ID, "u", 3));
    }
}

/* ---- the wire ---- */

static int size_of(uint32_t n, size_t there)
{
    uint8_t head[8];
    way_put_word(head, 1);
    way_put_word(head + 4, n << 16);
    return way_message_size(head, there);
}

static void sizes_of_messages(void)
{
    CHECK_INT(size_of(8, 7), 0);
    CHECK_INT(size_of(8, 8), 8);
    CHECK_INT(size_of(65532, 8), 65532);
    for (uint32_t n = 0; n < 8; n++)
        CHECK_INT(size_of(n, 8), -1);
    CHECK_INT(size_of(9, 8), -1);
    CHECK_INT(size_of(65535, 8), -1);
}

/* The message again, with other sizes than its arguments have. */
static enum way_action resized(size_t n)
{
    last = way_request(&s, message, n);
    return last.action;
}

static void arguments_must_fit(void)
{
    begin_clipboard(ALL);
    CUT(app(1, WAY_WL_DISPLAY_REQUEST_SYNC, ""));
    CUT(app(1, WAY_WL_DISPLAY_REQUEST_SYNC, "nu", 9, 0));       /* too much */
    CUT(app(SOURCE, WAY_WL_DATA_SOURCE_REQUEST_OFFER, "u", 5)); /* a string that is not there */
    CUT(app(SOURCE, WAY_WL_DATA_SOURCE_REQUEST_OFFER, "u", 0)); /* null */
    CUT(app(SOURCE, WAY_WL_DATA_SOURCE_REQUEST_OFFER, "uu", 4, 0x41414141)); /* without a NUL */
    CUT(app(SOURCE, WAY_WL_DATA_SOURCE_REQUEST_OFFER, "uu", 0xffffffff, 0));
    CUT(app(SOURCE, WAY_WL_DATA_SOURCE_REQUEST_OFFER, "uu", 0xfffffffd, 0));
    CUT(app(SOURCE, WAY_WL_DATA_SOURCE_REQUEST_OFFER, "uu", 5, 0)); /* the padding is missing */
    PASSES(app(SOURCE, WAY_WL_DATA_SOURCE_REQUEST_OFFER, "s", "text/plain"));
    for (size_t n = WAY_HEADER; n < size; n++)
        CUT(resized(n));
    PASSES(resized(size));
    CUT(app(REGISTRY, WAY_WL_REGISTRY_REQUEST_BIND, "uuuu", 1, 0, 1, 9));
}

static void descriptors_are_counted(void)
{
    begin_clipboard(ALL);
    PASSES(global(4, "wl_shm", 1));
    PASSES(bind(4, "wl_shm", 1, 9));
    PASSES(app(9, WAY_WL_SHM_REQUEST_CREATE_POOL, "ni", 10, 4096));
    CHECK_INT(last.fds, 1);
    PASSES(app(10, WAY_WL_SHM_POOL_REQUEST_RESIZE, "i", 8192));
    CHECK_INT(last.fds, 0);
    PASSES(app(SEAT, WAY_WL_SEAT_REQUEST_GET_KEYBOARD, "n", 11));
    PASSES(server(11, WAY_WL_KEYBOARD_EVENT_KEYMAP, "uu", 1, 100));
    CHECK_INT(last.fds, 1);
    PASSES(app(11, WAY_WL_KEYBOARD_REQUEST_RELEASE, ""));
    PASSES(server(11, WAY_WL_KEYBOARD_EVENT_KEYMAP, "uu", 1, 100)); /* on its way still */
    CHECK_INT(last.fds, 1);
}

static void errors_can_be_read(void)
{
    uint8_t out[WAY_ERROR_ROOM];
    char longer[1000];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    const char *const texts[] = {"", "abc", "abcd", longer};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        begin(ALL);
        size_t n = way_error_event(out, texts[i]);
        CHECK(n <= sizeof out);
        CHECK_INT(way_message_size(out, n), n);
        CHECK_INT(way_event(&s, out, n).action, WAY_PASS);
    }
}

/* ---- clipboard ---- */

static void offer(uint32_t id, const char *type)
{
    PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_DATA_OFFER, "n", id));
    server(id, WAY_WL_DATA_OFFER_EVENT_OFFER, "s", type);
}

static enum way_action receive(uint32_t id)
{
    enum way_action a = app(id, WAY_WL_DATA_OFFER_REQUEST_RECEIVE, "s", "text/plain");
    CHECK_INT(last.fds, 1);
    return a;
}

static void clipboard_both(void)
{
    begin_clipboard(ALL);
    offer(THEIRS(0), "text/plain");
    CHECK_INT(last.action, WAY_PASS);
    PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_SELECTION, "o", THEIRS(0)));
    PASSES(receive(THEIRS(0)));
    PASSES(app(DEVICE, WAY_WL_DATA_DEVICE_REQUEST_SET_SELECTION, "ou", SOURCE, 1));
}

/* The events that tell of what was carried, as text: "OBJECT TYPE" each. */
static const char *told(const uint8_t *events, size_t n)
{
    static char text[512];
    *text = '\0';
    for (size_t at = 0; at < n; at += (size_t)way_message_size(events + at, n - at)) {
        size_t end = strlen(text);
        CHECK_INT(way_opcode_of(events + at), WAY_WL_DATA_OFFER_EVENT_OFFER);
        snprintf(text + end, sizeof text - end, "%s%x %s", end ? ", " : "",
                 way_object_of(events + at) & 0xff, (const char *)events + at + WAY_HEADER + 4);
    }
    return text;
}

static void words_of_a_line(void)
{
    static const struct {
        const char *text, *word;
        unsigned number;
    } cases[] = {
        {"carry 36", "carry", 36},
        {"line", "line", 0},
        {"paste 4294967295", "paste", 4294967295u},
        {"paste 4294967296", "", 0},
        {"carry -1", "", 0},
        {"carry ", "", 0},
        {"carry 1 2", "", 0},
        {"carry\t1", "", 0},
        {"", "", 0},
        {"abcdefghijklmno 1", "abcdefghijklmno", 1},
        {"abcdefghijklmnop 1", "", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct line_word w;
        line_read(&w, cases[i].text, strlen(cases[i].text));
        CHECK_STR(w.word, cases[i].word);
        if (*w.word)
            CHECK_INT(w.number, cases[i].number);
    }
}

enum { PLAIN = 1 << 2, PNG = 1 << 5 };

static void carried_to_the_app(void)
{
    const uint8_t *events;
    begin_clipboard(ALL & ~WAY_CLIPBOARD_IN);
    CHECK_INT(way_carry(&s, PLAIN, &events), 0); /* there is no offer that could tell of it */
    offer(THEIRS(0), "text/html");
    CHECK_INT(last.action, WAY_DROP);
    DROPPED(receive(THEIRS(0))); /* before it is known what it is */
    CHECK_INT(last.paste, 0);
    PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_SELECTION, "o", THEIRS(0)));
    CHECK_STR(told(last.before, last.n_before), "0 text/plain");
    DROPPED(receive(THEIRS(0))); /* the compositor never hears of it */
    CHECK_INT(last.paste, 1 + 2);
    /* Other kinds are none of what was carried. */
    DROPPED(app(THEIRS(0), WAY_WL_DATA_OFFER_REQUEST_RECEIVE, "s", "text/html"));
    CHECK_INT(last.paste, 0);
    DROPPED(app(THEIRS(0), WAY_WL_DATA_OFFER_REQUEST_RECEIVE, "s", "image/png"));
    CHECK_INT(last.paste, 0);
    /* Something else is carried while the app looks on. */
    CHECK_STR(told(events, way_carry(&s, PNG | PLAIN, &events)), "0 text/plain, 0 image/png");
    CHECK_INT(way_carry(&s, 0, &events), 0);
    DROPPED(receive(THEIRS(0)));
    CHECK_INT(last.paste, 0);
    PASSES(app(THEIRS(0), WAY_WL_DATA_OFFER_REQUEST_DESTROY, ""));
    CHECK_INT(way_carry(&s, PLAIN, &events), 0);
    /* What is dragged over the window is not the clipboard. */
    offer(THEIRS(0), "text/plain");
    PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_ENTER, "uoffo", 1, SURFACE, 0, 0, THEIRS(0)));
    DROPPED(receive(THEIRS(0)));
    CHECK_INT(last.paste, 0);
    CHECK_INT(way_carry(&s, PLAIN, &events), 0);
}

static void carried_where_it_is_open(void)
{
    const uint8_t *events;
    begin_clipboard(ALL);
    CHECK_INT(way_carry(&s, PLAIN, &events), 0);
    offer(THEIRS(0), "text/plain");
    PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_SELECTION, "o", THEIRS(0)));
    CHECK_INT(last.n_before, 0);
    PASSES(receive(THEIRS(0)));
    CHECK_INT(last.paste, 0);
}

static void carried_from_the_app(void)
{
    uint8_t event[WAY_EVENT_ROOM];
    uint64_t clock = 7;
    begin_clipboard(ALL & ~WAY_CLIPBOARD_OUT);
    s.clock = &clock;
    PASSES(app(SOURCE, WAY_WL_DATA_SOURCE_REQUEST_OFFER, "s", "text/plain"));
    PASSES(app(SOURCE, WAY_WL_DATA_SOURCE_REQUEST_OFFER, "s", "text/uri-list"));
    PASSES(app(SOURCE, WAY_WL_DATA_SOURCE_REQUEST_OFFER, "s", "image/png"));
    CHECK_INT(way_kept(&s), 0); /* it is not copied yet */
    DROPPED(app(DEVICE, WAY_WL_DATA_DEVICE_REQUEST_SET_SELECTION, "ou", SOURCE, 1));
    CHECK_INT(way_kept(&s), PLAIN | PNG);
    CHECK_INT(s.kept_at, 8);
    size_t n = way_ask_for(&s, 5, event);
    CHECK(n <= sizeof event);
    CHECK_INT(way_event(&s, event, n).action, WAY_PASS);
    CHECK_INT(way_object_of(event), SOURCE);
    CHECK_STR((const char *)event + WAY_HEADER + 4, "image/png");
    PASSES(app(SOURCE, WAY_WL_DATA_SOURCE_REQUEST_DESTROY, ""));
    CHECK_INT(way_kept(&s), 0);
    PASSES(server(1, WAY_WL_DISPLAY_EVENT_DELETE_ID, "u", SOURCE));
    CHECK_INT(way_kept(&s), 0);
}

static void clipboard_without_in(void)
{
    begin_clipboard(ALL & ~WAY_CLIPBOARD_IN);
    offer(THEIRS(0), "text/plain");
    CHECK_INT(last.action, WAY_DROP);
    DROPPED(receive(THEIRS(0))); /* before it is known what it is */
    PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_SELECTION, "o", THEIRS(0)));
    CHECK_INT(last.n_before, 0);
    DROPPED(server(THEIRS(0), WAY_WL_DATA_OFFER_EVENT_OFFER, "s", "text/late"));
    DROPPED(receive(THEIRS(0)));
    PASSES(app(THEIRS(0), WAY_WL_DATA_OFFER_REQUEST_DESTROY, ""));
    PASSES(app(DEVICE, WAY_WL_DATA_DEVICE_REQUEST_SET_SELECTION, "ou", SOURCE, 1));
    /* The number comes again for something that is dragged: nothing of the old one holds. */
    offer(THEIRS(0), "text/plain");
    PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_ENTER, "uoiio", 1, SURFACE, 0, 0, THEIRS(0)));
    CHECK_INT(last.n_before, 8 + 4 + 12);
    CHECK_STR((const char *)last.before + 12, "text/plain");
    PASSES(server(THEIRS(0), WAY_WL_DATA_OFFER_EVENT_OFFER, "s", "text/late"));
    DROPPED(receive(THEIRS(0))); /* it only hovers */
    PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_LEAVE, ""));
    PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_DROP, ""));
    DROPPED(receive(THEIRS(0))); /* it had left */
    offer(THEIRS(1), "text/plain");
    PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_ENTER, "uoiio", 1, SURFACE, 0, 0, THEIRS(1)));
    PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_DROP, ""));
    PASSES(receive(THEIRS(1)));
    DROPPED(receive(THEIRS(0)));
}

static void types_that_wait_have_a_limit(void)
{
    char type[1001];
    memset(type, 't', sizeof type - 1);
    type[sizeof type - 1] = '\0';
    begin_clipboard(ALL & ~WAY_CLIPBOARD_IN);
    offer(THEIRS(0), type);
    for (int i = 0; i < 1000; i++)
        DROPPED(server(THEIRS(0), WAY_WL_DATA_OFFER_EVENT_OFFER, "s", type));
    PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_ENTER, "uoiio", 1, SURFACE, 0, 0, THEIRS(0)));
    CHECK(last.n_before > WAY_MAX_HELD / 2 && last.n_before <= WAY_MAX_HELD);
}

static void clipboard_without_out(void)
{
    begin_clipboard(ALL & ~WAY_CLIPBOARD_OUT);
    DROPPED(app(DEVICE, WAY_WL_DATA_DEVICE_REQUEST_SET_SELECTION, "ou", SOURCE, 1));
    offer(THEIRS(0), "text/plain");
    PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_SELECTION, "o", THEIRS(0)));
    CHECK_INT(last.n_before, 8);
    CHECK_INT(way_object_of(last.before), SOURCE);
    CHECK_INT(way_opcode_of(last.before), WAY_WL_DATA_SOURCE_EVENT_CANCELLED);
    PASSES(receive(THEIRS(0)));
    PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_SELECTION, "o", THEIRS(0)));
    CHECK_INT(last.n_before, 0);
    DROPPED(app(DEVICE, WAY_WL_DATA_DEVICE_REQUEST_SET_SELECTION, "ou", SOURCE, 1));
    PASSES(app(SOURCE, WAY_WL_DATA_SOURCE_REQUEST_DESTROY, ""));
    PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_SELECTION, "o", THEIRS(0)));
    CHECK_INT(last.n_before, 0);
}

static void clipboard_none_keeps_the_apps_own(void)
{
    begin_clipboard(0);
    DROPPED(app(DEVICE, WAY_WL_DATA_DEVICE_REQUEST_SET_SELECTION, "ou", SOURCE, 1));
    offer(THEIRS(0), "text/plain");
    PASSES(server(DEVICE, WAY_WL_DATA_DEVICE_EVENT_SELECTION, "o", THEIRS(0)));
    CHECK_INT(last.n_before, 0);
    DROPPED(receive(THEIRS(0)));
}

static void primary_selection(void)
{
    enum { PRIMARY = 9, PRIMARY_DEVICE = 10, PRIMARY_SOURCE = 11 };
    for (int in = 0; in < 2; in++) {
        for (int out = 0; out < 2; out++) {
            unsigned powers = WAY_PRIMARY_SELECTION | (in ? WAY_CLIPBOARD_IN : 0u) |
                              (out ? WAY_CLIPBOARD_OUT : 0u);
            begin_clipboard(powers);
            PASSES(global(8, "zwp_primary_selection_device_manager_v1", 1));
            PASSES(bind(8, "zwp_primary_selection_device_manager_v1", 1, PRIMARY));
            PASSES(app(PRIMARY, 1, "no", PRIMARY_DEVICE, SEAT));
            PASSES(app(PRIMARY, 0, "n", PRIMARY_SOURCE));
            CHECK_INT(app(PRIMARY_DEVICE, 0, "ou", PRIMARY_SOURCE, 1), out ? WAY_PASS : WAY_DROP);
            PASSES(server(PRIMARY_DEVICE, 0, "n", THEIRS(0)));
            CHECK_INT(server(THEIRS(0), 0, "s", "text/plain"), in ? WAY_PASS : WAY_DROP);
            PASSES(server(PRIMARY_DEVICE, 1, "o", THEIRS(0)));
            CHECK_INT(last.n_before, in && !out ? 8 : 0);
            CHECK_INT(app(THEIRS(0), 0, "s", "text/plain"), in ? WAY_PASS : WAY_DROP);
            CHECK_INT(last.fds, 1);
        }
    }
}

static void fullscreen(void)
{
    for (int may = 0; may < 2; may++) {
        begin_clipboard(may ? WAY_FULLSCREEN : 0u);
        PASSES(global(9, "xdg_wm_base", 1));
        PASSES(bind(9, "xdg_wm_base", 1, 9));
        PASSES(app(9, WAY_XDG_WM_BASE_REQUEST_GET_XDG_SURFACE, "no", 10, SURFACE));
        PASSES(app(10, WAY_XDG_SURFACE_REQUEST_GET_TOPLEVEL, "n", 11));
        CHECK_INT(app(11, WAY_XDG_TOPLEVEL_REQUEST_SET_FULLSCREEN, "o", 0),
                  may ? WAY_PASS : WAY_DROP);
        PASSES(app(11, WAY_XDG_TOPLEVEL_REQUEST_SET_MAXIMIZED, ""));
    }
}

/* The window of a nested server is called as it was said, with its first commit, whatever it says.
 */
static void windows_have_the_title_that_was_said(void)
{
    static const char title[] = "[Carrel] org.example.App";
    for (int said = 0; said < 2; said++) {
        begin_clipboard(0);
        s.title = said ? title : NULL;
        s.app_id = "org.example.App";
        PASSES(global(9, "xdg_wm_base", 1));
        PASSES(bind(9, "xdg_wm_base", 1, 9));
        PASSES(app(9, WAY_XDG_WM_BASE_REQUEST_GET_XDG_SURFACE, "no", 10, SURFACE));
        PASSES(app(10, WAY_XDG_SURFACE_REQUEST_GET_TOPLEVEL, "n", 11));
        CHECK_INT(app(11, WAY_XDG_TOPLEVEL_REQUEST_SET_TITLE, "s", "yours"),
                  said ? WAY_DROP : WAY_PASS);
        CHECK_INT(app(11, WAY_XDG_TOPLEVEL_REQUEST_SET_APP_ID, "s", "yours"),
                  said ? WAY_DROP : WAY_PASS);
        PASSES(app(SURFACE, WAY_WL_SURFACE_REQUEST_COMMIT, ""));
        CHECK_INT(last.n_before, said ? (8 + 4 + 28) + (8 + 4 + 16) : 0);
        CHECK(!said || memcmp(last.before + 12, title, sizeof title) == 0);
        CHECK(!said || memcmp(last.before + 40 + 12, "org.example.App", 16) == 0);
        PASSES(app(SURFACE, WAY_WL_SURFACE_REQUEST_COMMIT, ""));
        CHECK_INT(last.n_before, 0);
        CHECK_INT(server(11, WAY_XDG_TOPLEVEL_EVENT_CLOSE, ""), said ? WAY_DROP : WAY_PASS);
    }
}

int main(void)
{
    RUN(globals_of_the_rows_are_seen_and_no_others);
    RUN(powers_decide_over_globals);
    RUN(versions_end_where_the_tables_end);
    RUN(binds_are_held_to_what_was_told);
    RUN(globals_that_come_and_go_take_no_more_room);
    RUN(requests_need_their_object);
    RUN(new_objects_have_the_next_number);
    RUN(what_is_given_up_is_no_more);
    RUN(named_objects_must_be_of_the_kind);
    RUN(versions_of_requests);
    RUN(the_compositors_objects);
    RUN(a_million_objects_take_no_more_room);
    RUN(objects_have_a_limit);
    RUN(sizes_of_messages);
    RUN(arguments_must_fit);
    RUN(descriptors_are_counted);
    RUN(errors_can_be_read);
    RUN(words_of_a_line);
    RUN(carried_to_the_app);
    RUN(carried_where_it_is_open);
    RUN(carried_from_the_app);
    RUN(clipboard_both);
    RUN(clipboard_without_in);
    RUN(types_that_wait_have_a_limit);
    RUN(clipboard_without_out);
    RUN(clipboard_none_keeps_the_apps_own);
    RUN(primary_selection);
    RUN(fullscreen);
    RUN(windows_have_the_title_that_was_said);
    way_session_free(&s);
    return t_done();
}
