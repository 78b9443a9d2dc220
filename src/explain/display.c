/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "explain/display.h"

#include "util/diag.h"
#include "util/json.h"
#include "util/str.h"

#include <string.h>

/* ---- reading the plan ---- */

/* The step that sets a variable; the last one counts. */
static const struct plan_step *variable(const struct plan *p, const char *name)
{
    for (size_t i = p->n; i-- > 0;) {
        const char *rest = p->v[i].verb == PLAN_ENV ? str_after(step_arg(&p->v[i], 0), name) : NULL;
        if (rest && *rest == '=' && rest[1])
            return &p->v[i];
    }
    return NULL;
}

static bool binds(const struct plan *p, const char *src, const char *dst)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].verb == PLAN_BIND && str_eq(step_arg(&p->v[i], 0), src) &&
            str_eq(step_arg(&p->v[i], 1), dst))
            return true;
    return false;
}

/* The words behind "power" in what the filter goes by. */
static const char *const *powers_of(struct arena *a, const struct plan_service *s)
{
    const char **v = NULL;
    size_t n = 0, cap = 0;
    const char *line = s->data ? arena_strndup(a, s->data, s->size) : "";
    while (line && !str_after(line, "power ")) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    for (const char *w = line ? line + strlen("power ") : ""; *w && *w != '\n';) {
        size_t len = strcspn(w, " \n");
        v = arena_grow(a, v, n, &cap, sizeof *v);
        v[n++] = arena_strndup(a, w, len);
        w += len + (w[len] == ' ');
    }
    v = arena_grow(a, v, n, &cap, sizeof *v);
    v[n] = NULL;
    return v;
}

/* Whether something in the runtime folder whose name begins so is there, by itself or as part of
 * the folder. */
static bool binds_in_runtime(const struct plan *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++) {
        const char *dst = p->v[i].verb == PLAN_BIND ? step_arg(&p->v[i], 1) : "";
        const char *rest = str_after(dst, "/run/user/");
        rest = rest ? strchr(rest, '/') : NULL;
        if (rest && str_after(rest + 1, name))
            return true;
    }
    return false;
}

/* The sound server of the app's own is told what it may do by its second argument. */
static enum sound_way sound_of(const struct plan *p)
{
    const struct plan_service *own = plan_service_named(p, "sound");
    bool record = false;
    for (size_t i = 0; own && i < own->plan->n; i++)
        record |= own->plan->v[i].verb == PLAN_ARG &&
                  str_eq(step_arg(&own->plan->v[i], 0), "play+record");
    return own ? (record ? SOUND_RECORD : SOUND_PLAY)
               : (variable(p, "PULSE_SERVER") ? SOUND_HOST : SOUND_NONE);
}

static bool has_argument(const struct plan *p, const char *text)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].verb == PLAN_ARG && str_eq(step_arg(&p->v[i], 0), text))
            return true;
    return false;
}

static enum x11_way x11_of(const struct plan *p)
{
    const struct plan_service *own = plan_service_named(p, "xserver");
    bool relay = plan_service_named(p, "x11-untrusted");
    if (!variable(p, "DISPLAY"))
        return X11_NONE;
    if (own && has_argument(own->plan, "/usr/bin/Xvfb"))
        return info_says(p->info, INSTANCE_X_SERVER, "nested xpra") ? X11_VIEWED : X11_HEADLESS;
    if (own && has_argument(own->plan, "/usr/bin/Xwayland"))
        return X11_NESTED_WAYLAND;
    return own ? (relay ? X11_NESTED : X11_NESTED_TRUSTED) : relay ? X11_UNTRUSTED : X11_SHARED;
}

static enum carry_way carry_of(const struct plan *p)
{
    return info_says(p->info, INSTANCE_CLIPBOARD, "none")  ? CARRY_NOTHING
           : info_says(p->info, INSTANCE_CLIPBOARD, "in")  ? CARRY_IN
           : info_says(p->info, INSTANCE_CLIPBOARD, "out") ? CARRY_OUT
                                                           : CARRY_BOTH;
}

static enum bus_way session_bus_of(const struct plan *p)
{
    const struct plan_step *address = variable(p, "DBUS_SESSION_BUS_ADDRESS");
    const char *at = address ? step_arg(address, 0) : "";
    if (p->whole_session_bus)
        return BUS_WAY_WHOLE;
    if (plan_service_named(p, "dbus"))
        return BUS_WAY_FILTERED;
    return strstr(at, "unix:path=") ? BUS_WAY_OWN : BUS_WAY_NONE;
}

static enum bus_way system_bus_of(const struct plan *p)
{
    return p->whole_system_bus                    ? BUS_WAY_WHOLE
           : plan_service_named(p, "dbus-system") ? BUS_WAY_FILTERED
                                                  : BUS_WAY_NONE;
}

void explain_display(struct arena *a, const struct plan *p, struct display_view *out)
{
    const struct plan_service *filter = plan_service_named(p, "wayland");
    const struct plan_step *bare = variable(p, "WAYLAND_DISPLAY"), *x11 = variable(p, "DISPLAY"),
                           *given = variable(p, "WAYLAND_SOCKET"),
                           *sound = variable(p, "PULSE_SERVER");
    *out = (struct display_view){.powers = arena_array(a, 1, sizeof(char *))};
    out->wayland = given    ? DISPLAY_INHERITED
                   : filter ? DISPLAY_FILTERED
                   : bare   ? DISPLAY_DIRECT
                            : DISPLAY_NONE;
    out->wayland_why = given ? given->why : filter ? filter->why : bare ? bare->why : NULL;
    if (filter)
        out->powers = powers_of(a, filter);
    out->x11 = x11_of(p);
    out->carry = carry_of(p);
    out->keys = plan_service_named(p, "clip") != NULL;
    out->x11_why = x11 ? x11->why : NULL;
    out->sound = sound_of(p);
    out->session_bus = session_bus_of(p);
    out->system_bus = system_bus_of(p);
    out->pipewire = binds_in_runtime(p, "pipewire-");
    out->usb = binds(p, "/dev/bus/usb", "/dev/bus/usb");
    out->portals = plan_service_named(p, "dbus") != NULL;
    out->sound_why = sound ? sound->why : NULL;
    out->devices = binds(p, "/dev", "/dev");
}

/* ---- telling it ---- */

static bool has(const struct display_view *v, const char *power)
{
    for (const char *const *w = v->powers; *w; w++)
        if (str_eq(*w, power))
            return true;
    return false;
}

static void line(struct buf *out, const char *label, const char *text)
{
    buf_printf(out, "  %-12s%s\n", label, text);
}

static void decided(struct buf *out, const char *what, const char *why)
{
    if (!why)
        return;
    buf_printf(out, "  decided by: %s: ", what);
    diag_escape(out, why);
    buf_char(out, '\n');
}

static void tell_powers(const struct display_view *v, bool has_them, const char *label,
                        struct buf *out)
{
    static const struct {
        const char *word, *text;
    } rows[] = {
        {"fullscreen", "take the whole screen"},
        {"activation", "ask that its windows be brought to the front"},
        {"text-input", "get text from the input method"},
        {"pointer-lock", "keep the pointer in its windows"},
        {"relative-pointer", "follow the pointer's movements without its place"},
        {"idle-inhibit", "keep the screen from going dark or locking"},
        {"shortcuts-inhibit", "take the keys that the desktop listens to"},
        {"window-handles", "let others attach dialogs to its windows"},
    };
    struct buf text = {.arena = out->arena};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (has(v, rows[i].word) == has_them)
            buf_printf(&text, "%s%s", text.len ? "; " : "", rows[i].text);
    if (text.len)
        line(out, label, text.data);
}

static void tell_filtered(const struct display_view *v, struct buf *out)
{
    static const char *const clipboard[] = {
        ("it gets nothing by itself, and others get nothing that it copies; what goes to or from "
         "it you carry: carrel clip"),
        "it may read it while one of its windows has the focus; others get nothing that it copies",
        "others may read what it copies; it gets nothing",
        "it may read it while one of its windows has the focus; others may read what it copies",
    };
    buf_str(out, "a Wayland window, by way of a filter of its own\n");
    line(out, "sees", "its own windows, never the screen or those of other programs");
    line(out, "types", "into its own windows, never for others");
    line(out, "hears keys", "those typed while one of its windows has the focus, no others");
    line(out, "is seen", "by the compositor, and by what reaches it past a filter");
    size_t ways = (has(v, "clipboard-in") ? 1 : 0) + (has(v, "clipboard-out") ? 2 : 0);
    line(out, "clipboard",
         !ways && v->carry == CARRY_NOTHING
             ? "it gets nothing, and others get nothing that it copies (clipboard=none)"
             : clipboard[ways]);
    tell_powers(v, true, "may", out);
    tell_powers(v, false, "may not", out);
}

static void tell_wayland(const struct display_view *v, struct buf *out)
{
    if (v->wayland == DISPLAY_FILTERED) {
        tell_filtered(v, out);
        return;
    }
    buf_str(out, v->wayland == DISPLAY_DIRECT
                     ? "the bare Wayland socket, without a filter\n"
                     : "a Wayland connection that the caller opened, without a filter\n");
    line(out, "sees", "where the compositor lets it: the screen and other programs' windows");
    line(out, "types", "where the compositor lets it: for other programs");
    line(out, "clipboard", "where the compositor lets it: at any time, in both directions");
}

/* The clipboard of an X server of its own. */
static void tell_carried(const struct display_view *v, struct buf *out)
{
    static const char *const ways[] = {
        [CARRY_NOTHING] = "to and from which nothing is carried (clipboard=none)",
        [CARRY_IN] = "from which nothing is carried (clipboard=in); what goes to it you carry: ",
        [CARRY_OUT] = "to which nothing is carried (clipboard=out); what comes from it you carry: ",
        [CARRY_BOTH] = "and what goes to or from it you carry: ",
    };
    const char *how = v->carry == CARRY_NOTHING ? ""
                      : v->keys                 ? "carrel clip, or a key (clipboard= in the policy)"
                                                : "carrel clip";
    buf_printf(out, "  %-12sone of its own, %s%s\n", "clipboard", ways[v->carry], how);
}

static void tell_x11(const struct display_view *v, struct buf *out)
{
    static const struct {
        const char *what, *sees, *types, *hears, *seen, *clipboard; /* NULL: by hand */
    } rows[] = {
        [X11_SHARED] = {"the person's X display, shared with all other programs on it",
                        "the whole screen and every window", "into every window",
                        "all that are typed, passwords included",
                        "by every program on that display, which can type into it too",
                        "at any time, in both directions"},
        [X11_UNTRUSTED] = {"the person's X display, as one whom its server does not trust",
                           "its own windows, and the titles of all others",
                           "into its own windows, never for others",
                           "those typed while one of its windows has the focus; it can take the "
                           "keyboard for itself",
                           "by every program on that display, which can type into it too",
                           "at any time, in both directions"},
        [X11_NESTED] = {"an X server of its own, which is one window on the person's display",
                        "that window, and nothing behind or beside it",
                        "into that window, never for others",
                        "those typed while that window has the focus, no others",
                        "by every program on the person's display, which can type into it too",
                        NULL},
        [X11_NESTED_TRUSTED] = {"an X server of its own, which is one window on the person's "
                                "display; that server is there as you are, so a fault in it would "
                                "open the whole display",
                                "that window, and nothing behind or beside it",
                                "into that window, never for others",
                                "those typed while that window has the focus, no others",
                                "by every program on the person's display, which can type into it "
                                "too",
                                NULL},
        [X11_NESTED_WAYLAND] =
            {"an X server of its own, which is one window of your Wayland compositor, "
             "by way of a filter",
             "that window, and nothing behind or beside it", "into that window, never for others",
             "those typed while that window has the focus, no others",
             "by the compositor, and by what reaches it past a filter", NULL},
        [X11_HEADLESS] = {"an X server of its own, which nobody sees", "its own windows alone",
                          "into its own windows, never for others", "none",
                          "by nobody, you included, until carrel attach shows it", NULL},
        [X11_VIEWED] = {"an X server of its own, which another program (Xpra) shows in one window "
                        "on the person's display; carrel detach takes that away",
                        "its own windows alone", "into its own windows, never for others",
                        "those typed while that window has the focus, no others",
                        "by every program on the display that shows it, which can type into it too",
                        NULL},
    };
    buf_printf(out, "%s\n", rows[v->x11].what);
    line(out, "sees", rows[v->x11].sees);
    line(out, "types", rows[v->x11].types);
    line(out, "hears keys", rows[v->x11].hears);
    line(out, "is seen", rows[v->x11].seen);
    if (rows[v->x11].clipboard)
        line(out, "clipboard", rows[v->x11].clipboard);
    else
        tell_carried(v, out);
}

const char *display_sound_words(const struct display_view *v)
{
    static const char *const ways[] = {
        [SOUND_NONE] = "none: no loudspeaker and no microphone",
        [SOUND_PLAY] = "plays, by way of a sound server of its own: no microphone, and nothing of "
                       "what others play",
        [SOUND_RECORD] = "plays, and can listen to the microphone whenever it runs; nothing of "
                         "what others play",
        [SOUND_HOST] = "plays, and can listen to the microphone and to what others play; it can "
                       "have files written and ports opened outside",
    };
    return v->devices    ? "the sound cards themselves, microphones included"
           : v->pipewire ? "PipeWire's own socket: the microphone, and what others play"
                         : ways[v->sound];
}

const char *display_camera_words(const struct display_view *v)
{
    return v->devices    ? "every camera"
           : v->pipewire ? "every camera that PipeWire has"
           : v->usb      ? "those on USB, where the person may open them"
           : v->portals  ? "none but by the desktop's portal, which asks the person"
                         : "none";
}

static void tell_buses(const struct display_view *v, struct buf *out)
{
    static const char *const session[] = {
        [BUS_WAY_NONE] = "none",
        [BUS_WAY_OWN] = "one of its own, on which there is nobody else",
        [BUS_WAY_FILTERED] = "by way of a filter: what its policy allows",
        [BUS_WAY_WHOLE] = "all of it: it can have any program started outside, which is no sandbox",
    };
    static const char *const whole[] = {
        [BUS_WAY_NONE] = "none",
        [BUS_WAY_FILTERED] = "by way of a filter: what its policy allows",
        [BUS_WAY_WHOLE] = "the whole of it, with every service that trusts you",
    };
    line(out, "session bus", session[v->session_bus]);
    line(out, "system bus", whole[v->system_bus]);
}

void explain_display_text(const struct display_view *v, const char *name, struct buf *out)
{
    struct buf head = {.arena = out->arena};
    diag_escape(&head, name);
    if (v->wayland == DISPLAY_NONE && !v->x11)
        buf_printf(out, "%s: no display\n", head.data);
    if (v->wayland != DISPLAY_NONE) {
        buf_printf(out, "%s: ", head.data);
        tell_wayland(v, out);
    }
    if (v->x11) {
        buf_printf(out, "%s: ", head.data);
        tell_x11(v, out);
    }
    line(out, "sound", display_sound_words(v));
    line(out, "camera", display_camera_words(v));
    if (v->devices)
        line(out, "devices",
             "all that the person may open: cameras, and keyboards where they are open");
    tell_buses(v, out);
    decided(out, "Wayland", v->wayland_why);
    decided(out, "X11", v->x11_why);
    decided(out, "sound", v->sound_why);
}

void explain_display_json(const struct display_view *v, struct buf *out)
{
    static const char *const ways[] = {"none", "filtered", "direct", "inherited"};
    static const char *const x11[] = {
        [X11_NONE] = "none",
        [X11_SHARED] = "shared",
        [X11_UNTRUSTED] = "untrusted",
        [X11_NESTED] = "nested",
        [X11_NESTED_TRUSTED] = "nested-trusted",
        [X11_NESTED_WAYLAND] = "nested-wayland",
        [X11_HEADLESS] = "headless",
        [X11_VIEWED] = "nested-viewed",
    };
    static const char *const sounds[] = {"none", "play", "play+record", "host"};
    static const char *const buses[] = {"none", "own", "filtered", "whole"};
    struct json j = {.out = out};
    json_object(&j, NULL);
    json_string(&j, "wayland", ways[v->wayland]);
    json_string(&j, "x11", x11[v->x11]);
    json_bool(&j, "sound", v->sound != SOUND_NONE);
    json_string(&j, "sound_way", sounds[v->sound]);
    json_bool(&j, "pipewire", v->pipewire);
    json_bool(&j, "devices", v->devices);
    json_string(&j, "session_bus", buses[v->session_bus]);
    json_string(&j, "system_bus", buses[v->system_bus]);
    json_array(&j, "powers");
    for (const char *const *w = v->powers; *w; w++)
        json_string(&j, NULL, *w);
    json_end(&j);
    json_end(&j);
}
