/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `carrel explain APP network` and its like answer. Each topic is one row: its words, who
 * reads the plan for it, and what would change the answer.
 */
#include "explain/topic.h"

#include "explain/display.h"
#include "util/diag.h"
#include "util/json.h"
#include "util/str.h"
#include "util/word.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct arena *a;
    const struct plan *p;
    const struct policy *policy;
    struct topic_answer *out;
};

static void add(struct reading *r, enum topic_state state, const char *what, const char *why)
{
    struct topic_answer *v = r->out;
    v->v = arena_grow(r->a, v->v, v->n, &v->cap, sizeof *v->v);
    v->v[v->n++] = (struct topic_line){state, what, why};
}

/* ---- where a line of the answer comes from ---- */

/* Of a step's reasons ("base: …; FILE:3: shared=network") the one with this word, or all of it. */
static const char *reason_with(struct arena *a, const char *why, const char *word)
{
    for (const char *s = why; s && *s;) {
        const char *end = strstr(s, "; ");
        const char *one = end ? arena_strndup(a, s, (size_t)(end - s)) : s;
        if (strstr(one, word))
            return one;
        s = end ? end + 2 : NULL;
    }
    return why;
}

/* The line of the policy that takes a permission away, or NULL: no line speaks of it. */
static const char *denial(struct reading *r, enum perm_kind kind, const char *name)
{
    static const char *const keys[] = {[PERM_SHARED] = "shared",
                                       [PERM_SOCKETS] = "sockets",
                                       [PERM_DEVICES] = "devices",
                                       [PERM_FEATURES] = "features"};
    const struct perm *perm = policy_perm(r->policy, kind, name);
    if (!perm || perm->granted)
        return NULL;
    return arena_printf(r->a, "%s: %s=%s%s", place_text_of(r->a, perm->at), keys[kind],
                        perm->n_conditions ? "if:" : "!", name);
}

/* The line of one of our own keys, or NULL. */
static const char *own_key(struct reading *r, const char *group, const char *key)
{
    const struct carrel_value *v = policy_carrel(r->policy, group, key);
    return v ? arena_printf(r->a, "%s: %s=%s", place_text_of(r->a, v->at), key, v->value) : NULL;
}

/* Whether the person is asked for it at a start; then a line says so. */
static bool is_asked_for(struct reading *r, const char *word)
{
    const struct carrel_value *v = policy_carrel(r->policy, "Carrel Ask", "at-start");
    for (const char *const *w = v ? policy_list(r->a, v->value, NULL) : NULL; w && *w; w++)
        if (str_eq(*w, word)) {
            add(r, TOPIC_ASKED,
                "you are asked when it starts; carrel permissions lists what you answered for good",
                own_key(r, "Carrel Ask", "at-start"));
            return true;
        }
    return false;
}

/* What the policy wishes and this host has not. Returns whether there is any. */
static bool add_missing(struct reading *r, const char *begin)
{
    size_t before = r->out->n;
    for (size_t i = 0; i < r->p->n; i++) {
        const struct plan_step *s = &r->p->v[i];
        if (s->verb == PLAN_MISSING && str_after(step_arg(s, 0), begin))
            add(r, TOPIC_MISSING, step_arg(s, 0), s->why);
    }
    return r->out->n > before;
}

static bool is_base(const char *why)
{
    return !why || (str_after(why, "base:") && !strstr(why, "; "));
}

static bool has_word(const struct plan_step *s, const char *word)
{
    for (int i = 0; i < s->argc; i++)
        if (str_eq(step_arg(s, i), word))
            return true;
    return false;
}

static const struct plan_step *step_of(const struct plan *p, enum plan_verb verb)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].verb == verb)
            return &p->v[i];
    return NULL;
}

/* ---- the topics ---- */

static void read_network(struct reading *r)
{
    const struct plan_step *own = step_of(r->p, PLAN_UNSHARE),
                           *walls = step_of(r->p, PLAN_LANDLOCK);
    if (!own || has_word(own, "net")) {
        if (!is_asked_for(r, "network"))
            add(r, TOPIC_DENIED, "other computers, and what listens on this one: it sees neither",
                denial(r, PERM_SHARED, "network"));
        return;
    }
    const char *why = reason_with(r->a, own->why, "shared=");
    add(r, TOPIC_ALLOWED, "other computers, and what listens on this one, as you reach them", why);
    if (walls && strstr(step_arg(walls, 1), "abstract_unix_socket"))
        add(r, TOPIC_DENIED, "abstract sockets of other programs", "base: a second wall");
    else
        add(r, TOPIC_ALLOWED, "abstract sockets of other programs, which belong to the network",
            reason_with(r->a, walls ? walls->why : why, "abstract"));
}

static void read_devices(struct reading *r)
{
    bool all = false;
    for (size_t i = 0; i < r->p->n; i++) {
        const struct plan_step *s = &r->p->v[i];
        if (s->verb != PLAN_BIND || !path_within(step_arg(s, 1), "/dev") || is_base(s->why))
            continue;
        bool whole = str_eq(step_arg(s, 1), "/dev");
        all |= whole;
        add(r, TOPIC_ALLOWED, whole ? "/dev: every device that you may open" : step_arg(s, 1),
            s->why);
    }
    add(r, TOPIC_ALLOWED, "/dev/null, /dev/zero, /dev/random and the like", "base: minimal /dev");
    add_missing(r, "devices=");
    if (!all && !is_asked_for(r, "devices"))
        add(r, TOPIC_DENIED, "all others", denial(r, PERM_DEVICES, "all"));
}

/* Whether a step puts something empty over what a grant shows. */
static bool hides(const struct plan *p, const struct plan_step *s)
{
    if (s->verb == PLAN_BIND)
        return str_eq(step_arg(s, 0), "/dev/null") && !strstr(step_arg(s, 2), "dev");
    for (size_t i = 0; s->verb == PLAN_TMPFS && i < p->n; i++)
        if (p->v[i].verb == PLAN_SEAL && str_eq(step_arg(&p->v[i], 0), step_arg(s, 0)))
            return !str_eq(step_arg(s, 0), "/");
    return false;
}

static void read_home(struct reading *r)
{
    for (size_t i = 0; i < r->p->n; i++) {
        const struct plan_step *s = &r->p->v[i];
        if (s->why && str_after(s->why, "base: private home") && s->verb == PLAN_BIND)
            add(r, TOPIC_ALLOWED,
                arena_printf(r->a, "%s: a home of its own, read and write", step_arg(s, 1)),
                s->why);
        if (hides(r->p, s))
            add(r, TOPIC_DENIED, step_arg(s, s->verb == PLAN_TMPFS ? 0 : 1), s->why);
        else if (s->verb == PLAN_BIND && s->why && strstr(s->why, "filesystems="))
            add(r, TOPIC_ALLOWED,
                arena_printf(r->a, "%s: %s", step_arg(s, 1),
                             str_after(step_arg(s, 2), "rw") ? "read and write" : "read"),
                s->why);
    }
    const struct carrel_value *files = policy_carrel(r->policy, "Carrel Application", "documents");
    if (files && !str_eq(files->value, "none"))
        add(r, TOPIC_ALLOWED,
            arena_printf(r->a, "files that you name when you start it: %s",
                         str_eq(files->value, "rw") ? "read and write" : "read"),
            own_key(r, "Carrel Application", "documents"));
    add_missing(r, "filesystems=");
    add(r, TOPIC_DENIED, "all else of your files, in your home and outside it", NULL);
}

/* One line of a bus filter's rules, its words still escaped. */
static void add_rule(struct reading *r, enum bus_kind kind, const char *bus, const char *line,
                     const char *why)
{
    static const struct {
        const char *word, *text;
        enum topic_state state;
    } rows[] = {
        {"own ", "have the name", TOPIC_ALLOWED},         {"talk ", "talk to", TOPIC_ALLOWED},
        {"see ", "see whether there is", TOPIC_ALLOWED},  {"call ", "call", TOPIC_ALLOWED},
        {"broadcast ", "hear signals of", TOPIC_ALLOWED}, {"none ", "talk to", TOPIC_DENIED},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *name = str_after(line, rows[i].word);
        if (!name)
            continue;
        const char *place = NULL;
        for (size_t k = 0; k < r->policy->bus[kind].n; k++)
            if (str_eq(r->policy->bus[kind].v[k].name, name))
                place = place_text_of(r->a, r->policy->bus[kind].v[k].at);
        add(r, rows[i].state, arena_printf(r->a, "%s: %s %s", bus, rows[i].text, name),
            place ? place : why);
    }
}

static void read_one_bus(struct reading *r, enum bus_kind kind)
{
    static const struct {
        const char *bus, *service, *missing, *socket, *rules;
    } rows[BUS_KIND_COUNT] = {
        [BUS_SESSION] = {"session bus", "dbus", "Session Bus", "session-bus", "session-rules"},
        [BUS_SYSTEM] = {"system bus", "dbus-system", "System Bus", "system-bus", "system-rules"},
        [BUS_A11Y] = {"accessibility bus", "dbus-a11y", "Accessibility Bus", NULL,
                      "accessibility-rules"},
    };
    const char *bus = rows[kind].bus;
    bool whole = kind == BUS_SESSION  ? r->p->whole_session_bus
                 : kind == BUS_SYSTEM ? r->p->whole_system_bus
                                      : false;
    const struct plan_service *s = plan_service_named(r->p, rows[kind].service);
    bool missing = add_missing(r, rows[kind].missing);
    if (whole) {
        const struct perm *perm = policy_perm(r->policy, PERM_SOCKETS, rows[kind].socket);
        add(r, TOPIC_ALLOWED,
            arena_printf(r->a, "%s: all of it, with every service that trusts you", bus),
            perm ? arena_printf(r->a, "%s: sockets=%s", place_text_of(r->a, perm->at), perm->name)
                 : NULL);
        return;
    }
    if (!s || !s->data) {
        if (missing)
            return;
        add(r, TOPIC_DENIED, arena_printf(r->a, "%s: nothing of it", bus),
            rows[kind].socket ? denial(r, PERM_SOCKETS, rows[kind].socket) : NULL);
        return;
    }
    const char *extra = own_key(r, "Carrel Bus", rows[kind].rules);
    for (const char *line = s->data, *end = s->data + s->size; line < end;) {
        size_t n = strcspn(line, "\n");
        const char *one = arena_strndup(r->a, line, n);
        add_rule(r, kind, bus, one,
                 extra && strstr(extra, one) ? extra : "base: what each app on this bus has");
        line += n + 1;
    }
    add(r, TOPIC_DENIED, arena_printf(r->a, "%s: all other names", bus), NULL);
}

static void read_bus(struct reading *r)
{
    for (int i = 0; i < BUS_KIND_COUNT; i++)
        read_one_bus(r, (enum bus_kind)i);
}

static void read_sound(struct reading *r)
{
    struct display_view v;
    explain_display(r->a, r->p, &v);
    bool any = v.devices || v.pipewire || v.sound != SOUND_NONE;
    if (any || !add_missing(r, "sockets=pulseaudio"))
        add(r, any ? TOPIC_ALLOWED : TOPIC_DENIED, display_sound_words(&v),
            any ? v.sound_why : denial(r, PERM_SOCKETS, "pulseaudio"));
    if (v.sound == SOUND_PLAY && !is_asked_for(r, "microphone"))
        add(r, TOPIC_DENIED, "the microphone", own_key(r, "Carrel Sound", "sound"));
    else if (!any)
        is_asked_for(r, "microphone");
}

static void read_camera(struct reading *r)
{
    struct display_view v;
    explain_display(r->a, r->p, &v);
    bool any = v.devices || v.pipewire || v.usb;
    const struct perm *perm = policy_perm(r->policy, PERM_DEVICES, v.devices ? "all" : "usb");
    add(r, any || v.portals ? TOPIC_ALLOWED : TOPIC_DENIED, display_camera_words(&v),
        any && perm
            ? arena_printf(r->a, "%s: devices=%s", place_text_of(r->a, perm->at), perm->name)
        : any ? NULL
              : denial(r, PERM_DEVICES, "all"));
    if (!v.devices)
        is_asked_for(r, "devices");
}

static void read_limits(struct reading *r)
{
    for (size_t i = 0; i < r->p->n_limits; i++)
        add(r, TOPIC_ALLOWED,
            arena_printf(r->a, "%s: at most %s, all of its processes together",
                         r->p->limits[i].name, r->p->limits[i].value),
            r->p->limits[i].why);
    for (size_t i = 0; i < r->p->n; i++)
        if (r->p->v[i].verb == PLAN_RLIMIT && !str_eq(step_arg(&r->p->v[i], 0), "core"))
            add(r, TOPIC_ALLOWED,
                arena_printf(r->a, "%s: at most %s, each process", step_arg(&r->p->v[i], 0),
                             step_arg(&r->p->v[i], 2)),
                r->p->v[i].why);
    add(r, TOPIC_ALLOWED, "all else: as much as you may have yourself", NULL);
}

static void read_environment(struct reading *r)
{
    size_t others = 0;
    for (size_t i = 0; i < r->p->n; i++) {
        const struct plan_step *s = &r->p->v[i];
        if (s->verb == PLAN_ENV && is_base(s->why))
            others++;
        else if (s->verb == PLAN_ENV)
            add(r, TOPIC_ALLOWED, step_arg(s, 0), s->why);
    }
    add(r, TOPIC_ALLOWED,
        arena_printf(r->a, "%zu more that programs need; carrel plan names them", others),
        "base: a list of harmless names");
    for (size_t i = 0; i < r->policy->n_env; i++)
        if (!r->policy->env[i].value)
            add(r, TOPIC_DENIED, r->policy->env[i].name, place_text_of(r->a, r->policy->env[i].at));
    add(r, TOPIC_DENIED, "all others of yours", NULL);
}

static void read_kernel(struct reading *r)
{
    const struct plan_step *calls = step_of(r->p, PLAN_SECCOMP),
                           *nested = step_of(r->p, PLAN_NESTED_USERNS),
                           *walls = step_of(r->p, PLAN_LANDLOCK);
    if (calls)
        add(r, TOPIC_ALLOWED,
            arena_printf(r->a, "system calls of the list \"%s\"; carrel plan --seccomp shows them",
                         step_arg(calls, 1)),
            calls->why);
    bool may = nested && str_eq(step_arg(nested, 0), "allow");
    add(r, may ? TOPIC_ALLOWED : TOPIC_DENIED, "sandboxes that it makes for parts of itself",
        nested ? nested->why : NULL);
    if (walls)
        add(r, TOPIC_DENIED, "files beside its plan's, by a second wall (Landlock)", walls->why);
    else
        add(r, TOPIC_MISSING, "a second wall around its files (Landlock)", NULL);
    add(r, TOPIC_DENIED, "all other system calls, and every capability", NULL);
}

static const struct topic {
    const char *name;
    const char *words;               /* that mean the same, with blanks around each */
    void (*read)(struct reading *r); /* NULL: explain/display.h tells it */
    const char *allow, *deny;        /* options of carrel run */
    const char *lines;               /* of a policy, which do the same for good */
} topics[] = {
    {"network", " net internet shared ", read_network, "--share=network", "--unshare=network",
     "[Context] shared=network; or shared=!network;"},
    {"devices", " device ", read_devices, "--device=dri, input, usb, kvm or all", "--nodevice=NAME",
     "[Context] devices=NAME; or devices=!NAME;"},
    {"home", " files filesystem filesystems documents ", read_home,
     "--filesystem=FOLDER or FOLDER:ro; while it runs: carrel grant", "--nofilesystem=FOLDER",
     "[Context] filesystems=FOLDER; or filesystems=!FOLDER;"},
    {"bus", " dbus names portals ", read_bus, "--talk-name=NAME, --system-talk-name=NAME",
     "--no-talk-name=NAME, --system-no-talk-name=NAME",
     "[Session Bus Policy] or [System Bus Policy] NAME=talk or NAME=none"},
    {"sound", " audio microphone ", read_sound,
     "--socket=pulseaudio; the microphone: --metadata=\"Carrel Sound=sound=play+record\"",
     "--nosocket=pulseaudio",
     "[Context] sockets=pulseaudio; or sockets=!pulseaudio; and [Carrel Sound] sound="},
    {"camera", " webcam video ", read_camera, "--device=all", "--nodevice=all",
     "[Context] devices=all; or devices=!all;"},
    {"limits", " limit memory processes cpu ", read_limits,
     "--metadata=\"Carrel Limits=memory=0\"; while it runs: carrel limit",
     "--metadata=\"Carrel Limits=memory=1G\"", "[Carrel Limits] memory=1G"},
    {"environment", " env variables ", read_environment, "--env=NAME=VALUE", "--unset-env=NAME",
     "[Environment] NAME=VALUE, or [Context] unset-environment=NAME;"},
    {"kernel", " seccomp landlock namespaces syscalls features ", read_kernel,
     "--allow=devel, multiarch, bluetooth or canbus", "--disallow=NAME",
     "[Context] features=NAME; or features=!NAME;"},
    {"display", " x11 wayland clipboard window screen ", NULL, NULL, NULL, NULL},
};

bool topic_is_display(const struct topic *t)
{
    return !t->read;
}

const struct topic *topic_find(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(topics); i++) {
        size_t n = strlen(word);
        if (str_eq(topics[i].name, word))
            return &topics[i];
        for (const char *s = topics[i].words; n && (s = strstr(s + 1, word)); s++)
            if (s[-1] == ' ' && s[n] == ' ')
                return &topics[i];
    }
    return NULL;
}

static void sort_by_state(struct topic_answer *v)
{
    for (size_t i = 1; i < v->n; i++)
        for (size_t k = i; k > 0 && v->v[k - 1].state > v->v[k].state; k--) {
            struct topic_line one = v->v[k];
            v->v[k] = v->v[k - 1];
            v->v[k - 1] = one;
        }
}

void explain_topic(struct arena *a, const struct topic *t, const struct plan *p,
                   const struct policy *policy, struct topic_answer *out)
{
    struct reading r = {a, p, policy, out};
    *out = (struct topic_answer){.topic = t};
    t->read(&r);
    sort_by_state(out);
}

/* ---- telling it ---- */

static void tell_change(struct buf *out, const char *label, const char *text)
{
    buf_printf(out, "  %-12s", label);
    diag_escape(out, text);
    buf_char(out, '\n');
}

void explain_topic_text(const struct topic_answer *v, const char *name, const char *file,
                        struct buf *out)
{
    static const char *const states[] = {
        [TOPIC_ALLOWED] = "allowed",
        [TOPIC_ASKED] = "asked for",
        [TOPIC_MISSING] = "not here",
        [TOPIC_DENIED] = "not allowed",
    };
    diag_escape(out, name);
    buf_printf(out, ": %s\n", v->topic->name);
    for (size_t i = 0; i < v->n; i++) {
        buf_printf(out, "  %-12s", states[v->v[i].state]);
        diag_escape(out, v->v[i].what);
        buf_str(out, "\n              by ");
        diag_escape(out, v->v[i].why ? v->v[i].why : "no line of its policy says otherwise");
        buf_char(out, '\n');
    }
    tell_change(out, "to allow", v->topic->allow);
    tell_change(out, "to deny", v->topic->deny);
    tell_change(out, "for good", v->topic->lines);
    tell_change(out, "in", file);
}

void explain_topic_json(const struct topic_answer *v, const char *name, const char *file,
                        struct buf *out)
{
    static const char *const states[] = {
        [TOPIC_ALLOWED] = "allowed",
        [TOPIC_ASKED] = "asked",
        [TOPIC_MISSING] = "missing",
        [TOPIC_DENIED] = "denied",
    };
    struct json j = {.out = out};
    json_object(&j, NULL);
    json_string(&j, "app", name);
    json_string(&j, "topic", v->topic->name);
    json_array(&j, "lines");
    for (size_t i = 0; i < v->n; i++) {
        json_object(&j, NULL);
        json_string(&j, "state", states[v->v[i].state]);
        json_string(&j, "what", v->v[i].what);
        if (v->v[i].why)
            json_string(&j, "why", v->v[i].why);
        json_end(&j);
    }
    json_end(&j);
    json_string(&j, "allow", v->topic->allow);
    json_string(&j, "deny", v->topic->deny);
    json_string(&j, "policy_lines", v->topic->lines);
    json_string(&j, "policy_file", file);
    json_end(&j);
}
