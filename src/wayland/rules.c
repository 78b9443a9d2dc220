/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wayland/rules.h"

#include <string.h>

static const struct {
    const char *word;
    unsigned power;
} words[] = {
    {"dmabuf", WAY_DMABUF},
    {"activation", WAY_ACTIVATION},
    {"text-input", WAY_TEXT_INPUT},
    {"primary-selection", WAY_PRIMARY_SELECTION},
    {"fullscreen", WAY_FULLSCREEN},
    {"pointer-lock", WAY_POINTER_LOCK},
    {"relative-pointer", WAY_RELATIVE_POINTER},
    {"idle-inhibit", WAY_IDLE_INHIBIT},
    {"shortcuts-inhibit", WAY_SHORTCUTS_INHIBIT},
    {"window-handles", WAY_WINDOW_HANDLES},
    {"clipboard-in", WAY_CLIPBOARD_IN},
    {"clipboard-out", WAY_CLIPBOARD_OUT},
};

unsigned way_power_named(const char *word, unsigned long n)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].word) == n && memcmp(words[i].word, word, n) == 0)
            return words[i].power;
    return 0;
}

static bool has(const struct way_session *s, unsigned power)
{
    return (s->powers & power) == power;
}

static const char *drop(struct way_verdict *v, const char *why)
{
    v->action = WAY_DROP;
    v->why = why;
    return NULL;
}

/* ---- globals ---- */

static bool is_name(const uint8_t *at, uint32_t len, const char *name)
{
    return len == strlen(name) + 1 && memcmp(at, name, len) == 0;
}

static const struct way_global *allowed(const struct way_session *s, const struct way_arg *name)
{
    for (int i = 0; i < WAY_GLOBALS; i++) {
        const struct way_global *g = &way_globals[i];
        if (has(s, g->power) && is_name(name->at, name->value, way_interfaces[g->interface].name))
            return g;
    }
    return NULL;
}

static struct way_named *named(struct way_session *s, uint32_t name)
{
    for (unsigned i = 0; i < s->n_globals; i++)
        if (s->globals[i].name == name)
            return &s->globals[i];
    return NULL;
}

/* A place to keep a global in. One that was removed can still be bound, as the app may not have
 * heard of it, until its place is needed. */
static struct way_named *place(struct way_session *s, uint32_t name)
{
    struct way_named *g = named(s, name);
    if (g)
        return g;
    if (s->n_globals < WAY_MAX_GLOBALS)
        return &s->globals[s->n_globals++];
    for (g = s->globals; g < s->globals + WAY_MAX_GLOBALS; g++)
        if (g->removed)
            return g;
    return NULL;
}

static const char *on_global(struct way_session *s, const struct way_case *c, struct way_verdict *v)
{
    struct way_arg *a = c->args->v, *version = &a[2];
    const struct way_global *g = allowed(s, &a[1]);
    struct way_named *n = g && version->value ? place(s, a[0].value) : NULL;
    if (!n)
        return drop(v, NULL);
    if (version->value > way_interfaces[g->interface].version) {
        version->value = way_interfaces[g->interface].version;
        way_put_word(version->at, version->value);
    }
    *n = (struct way_named){a[0].value, g->interface, (uint8_t)version->value, false};
    return NULL;
}

static const char *on_global_remove(struct way_session *s, const struct way_case *c,
                                    struct way_verdict *v)
{
    struct way_named *n = named(s, c->args->v[0].value);
    if (!n)
        return drop(v, NULL);
    n->removed = true;
    return NULL;
}

static const char *on_bind(struct way_session *s, const struct way_case *c, struct way_verdict *v)
{
    (void)v;
    struct way_arg *name = &c->args->v[0], *object = &c->args->v[1];
    const struct way_named *n = named(s, name->value);
    if (!n || !is_name(object->at, object->length, way_interfaces[n->interface].name))
        return "it binds a global that it was not told of";
    if (object->version < 1 || object->version > n->version)
        return "it binds a version that it was not told of";
    object->interface = n->interface;
    return NULL;
}

static const char *on_get_registry(struct way_session *s, const struct way_case *c,
                                   struct way_verdict *v)
{
    (void)c, (void)v;
    return ++s->n_registries > WAY_MAX_REGISTRIES ? "too many registries" : NULL;
}

static const char *on_delete_id(struct way_session *s, const struct way_case *c,
                                struct way_verdict *v)
{
    (void)v;
    uint32_t id = c->args->v[0].value;
    struct way_object *o = id < WAY_SERVER_ID ? way_find(s, id) : NULL;
    if (!o || o->state == WAY_FREE || id == 1)
        return "it deletes an object that is not there";
    if (o->interface == WAY_WL_REGISTRY)
        s->n_registries--;
    for (int i = 0; i < WAY_CLIPBOARDS; i++)
        if (s->selection[i].kept == id)
            s->selection[i].kept = 0;
    o->state = WAY_FREE;
    return NULL;
}

/* ---- clipboard ---- */

const char *const way_kinds[WAY_KINDS] = {
    "text/plain;charset=utf-8",
    "UTF8_STRING",
    "text/plain",
    "STRING",
    "TEXT",
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/gif",
    "image/bmp",
};

int way_kind_named(const char *name)
{
    for (int i = 0; name && i < WAY_KINDS; i++)
        if (strcmp(name, way_kinds[i]) == 0)
            return i;
    return -1;
}

/* Its place in the table, or -1. */
static int kind_of(const struct way_arg *name)
{
    for (int i = 0; i < WAY_KINDS; i++)
        if (is_name(name->at, name->value, way_kinds[i]))
            return i;
    return -1;
}

static struct way_selection *selection_of(struct way_session *s, uint8_t interface)
{
    bool primary = interface == WAY_ZWP_PRIMARY_SELECTION_DEVICE_V1 ||
                   interface == WAY_ZWP_PRIMARY_SELECTION_OFFER_V1 ||
                   interface == WAY_ZWP_PRIMARY_SELECTION_SOURCE_V1;
    return &s->selection[primary ? WAY_PRIMARY : WAY_CLIPBOARD];
}

static void mark(struct way_session *s, uint32_t offer, enum way_mark m)
{
    struct way_object *o = offer ? way_find(s, offer) : NULL;
    if (o)
        o->mark = (uint8_t)m;
}

/*
 * Where the app may not read the clipboard it still gets the offers, with no type in them: the
 * numbers of the compositor's objects stay without gaps, and the app's toolkit keeps its books. An
 * offer comes first, then its types, and only then whether it is the clipboard or something that is
 * dragged over the window: until then the types are held back.
 */
static const char *on_data_offer(struct way_session *s, const struct way_case *c,
                                 struct way_verdict *v)
{
    (void)v;
    selection_of(s, c->interface)->fresh = c->args->v[0].value;
    if (!has(s, WAY_CLIPBOARD_IN) && c->interface == WAY_WL_DATA_DEVICE)
        s->n_held = 0;
    return NULL;
}

static const char *on_offered_type(struct way_session *s, const struct way_case *c,
                                   struct way_verdict *v)
{
    const struct way_object *o = way_find(s, c->id);
    const struct way_arg *type = &c->args->v[0];
    if (has(s, WAY_CLIPBOARD_IN) || o->mark == WAY_DRAGGED || o->mark == WAY_DROPPED)
        return NULL;
    size_t size = WAY_HEADER + 4 + (((size_t)type->value + 3) & ~(size_t)3);
    if (c->interface == WAY_WL_DATA_OFFER && selection_of(s, c->interface)->fresh == c->id &&
        size <= WAY_MAX_HELD - s->n_held) {
        memcpy(s->held + s->n_held, type->at - 4 - WAY_HEADER, size);
        s->n_held += size;
    }
    return drop(v, NULL);
}

static const char *on_drag_enter(struct way_session *s, const struct way_case *c,
                                 struct way_verdict *v)
{
    struct way_selection *l = selection_of(s, c->interface);
    uint32_t offer = c->args->v[4].value;
    mark(s, offer, WAY_DRAGGED);
    if (offer && offer == l->fresh && !has(s, WAY_CLIPBOARD_IN)) {
        v->before = s->held;
        v->n_before = s->n_held;
        s->n_held = 0;
    }
    l->drag = offer;
    l->fresh = 0;
    return NULL;
}

static const char *on_drag_leave(struct way_session *s, const struct way_case *c,
                                 struct way_verdict *v)
{
    (void)v;
    selection_of(s, c->interface)->drag = 0;
    return NULL;
}

static const char *on_drop(struct way_session *s, const struct way_case *c, struct way_verdict *v)
{
    (void)v;
    mark(s, selection_of(s, c->interface)->drag, WAY_DROPPED);
    return NULL;
}

/*
 * Something is in the clipboard now. Where the app may read it, what the app itself has copied and
 * was kept from the others is no longer the newest, and it is told so as the compositor would.
 */
static const char *on_selection(struct way_session *s, const struct way_case *c,
                                struct way_verdict *v)
{
    struct way_selection *l = selection_of(s, c->interface);
    uint32_t offer = c->args->v[0].value;
    const struct way_object *kept = l->kept ? way_find(s, l->kept) : NULL;
    bool primary = c->interface == WAY_ZWP_PRIMARY_SELECTION_DEVICE_V1;
    mark(s, offer, WAY_SELECTED);
    l->fresh = 0;
    l->now = offer;
    if (!primary)
        s->n_held = 0;
    if (!primary && offer && s->carried) {
        v->n_before = way_offer_carried(s, offer);
        v->before = s->offers;
    }
    if (!offer || !has(s, WAY_CLIPBOARD_IN) || !kept)
        return NULL;
    if (kept->state == WAY_LIVE) {
        uint32_t cancelled = primary ? WAY_ZWP_PRIMARY_SELECTION_SOURCE_V1_EVENT_CANCELLED
                                     : WAY_WL_DATA_SOURCE_EVENT_CANCELLED;
        way_put_word(s->small, l->kept);
        way_put_word(s->small + 4, WAY_HEADER << 16 | cancelled);
        v->before = s->small;
        v->n_before = WAY_HEADER;
    }
    l->kept = 0;
    return NULL;
}

/* The app copies something. Where others may not have it, it stays the app's own: it is told
 * nothing, so that it can still paste it into its own windows. */
static const char *on_set_selection(struct way_session *s, const struct way_case *c,
                                    struct way_verdict *v)
{
    if (has(s, WAY_CLIPBOARD_OUT))
        return NULL;
    selection_of(s, c->interface)->kept = c->args->v[0].value;
    if (c->interface == WAY_WL_DATA_DEVICE && s->clock)
        s->kept_at = ++*s->clock;
    return drop(v, "what the app copied stays its own");
}

/* What the app could give of what it copies. */
static const char *on_source_type(struct way_session *s, const struct way_case *c,
                                  struct way_verdict *v)
{
    int kind = kind_of(&c->args->v[0]);
    (void)v;
    if (kind >= 0)
        way_find(s, c->id)->kinds |= (uint16_t)(1u << kind);
    return NULL;
}

/* What was dragged to the app and let go over it was given to it by the person. */
static const char *on_receive(struct way_session *s, const struct way_case *c,
                              struct way_verdict *v)
{
    const struct way_object *o = way_find(s, c->id);
    if (has(s, WAY_CLIPBOARD_IN) || o->mark == WAY_DROPPED)
        return NULL;
    int kind = kind_of(&c->args->v[0]);
    if (c->interface == WAY_WL_DATA_OFFER && o->mark == WAY_SELECTED && kind >= 0 &&
        s->carried & 1u << kind) {
        v->paste = 1 + kind;
        return drop(v, NULL);
    }
    return drop(v, "the app asked for the clipboard");
}

/* ---- windows ---- */

static const char *on_set_fullscreen(struct way_session *s, const struct way_case *c,
                                     struct way_verdict *v)
{
    (void)c;
    return has(s, WAY_FULLSCREEN) ? NULL : drop(v, "the app asked for the whole screen");
}

/*
 * The window of a nested X server is called as the policy has it: Xwayland gives it no name, or one
 * that what is inside could choose. It is told with the first commit, as the window must be there.
 */
static const char *on_get_toplevel(struct way_session *s, const struct way_case *c,
                                   struct way_verdict *v)
{
    (void)v;
    s->untitled = s->title ? c->args->v[0].value : 0;
    return NULL;
}

/* A server that hears that its window is closed ends at once (Xwayland 23), and with it the app,
 * whatever was not saved in there. Older ones pay no heed. */
static const char *on_close(struct way_session *s, const struct way_case *c, struct way_verdict *v)
{
    (void)c;
    return s->title ? drop(v, NULL) : NULL;
}

static const char *on_name(struct way_session *s, const struct way_case *c, struct way_verdict *v)
{
    (void)c;
    return s->title ? drop(v, NULL) : NULL;
}

/* One request with a string. Returns its size. */
static size_t put_name(uint8_t *out, uint32_t id, unsigned opcode, const char *text)
{
    size_t n = strnlen(text, WAY_MAX_TITLE) + 1, size = WAY_HEADER + 4 + ((n + 3) & ~(size_t)3);
    memset(out, 0, size);
    way_put_word(out, id);
    way_put_word(out + 4, (uint32_t)size << 16 | opcode);
    way_put_word(out + WAY_HEADER, (uint32_t)n);
    memcpy(out + WAY_HEADER + 4, text, n - 1);
    return size;
}

static const char *on_commit(struct way_session *s, const struct way_case *c, struct way_verdict *v)
{
    const struct way_object *o = s->untitled ? way_find(s, s->untitled) : NULL;
    (void)c;
    if (o && o->state == WAY_LIVE && o->interface == WAY_XDG_TOPLEVEL) {
        v->before = s->titles;
        v->n_before =
            put_name(s->titles, s->untitled, WAY_XDG_TOPLEVEL_REQUEST_SET_TITLE, s->title);
        v->n_before += put_name(s->titles + v->n_before, s->untitled,
                                WAY_XDG_TOPLEVEL_REQUEST_SET_APP_ID, s->app_id);
    }
    s->untitled = 0;
    return NULL;
}

/* ---- which rule a message meets ---- */

#define REQUEST(interface, message) interface, interface##_REQUEST_##message, true
#define EVENT(interface, message)   interface, interface##_EVENT_##message, false

static const struct {
    uint8_t interface, opcode;
    bool request;
    const char *(*rule)(struct way_session *, const struct way_case *, struct way_verdict *);
} rules[] = {
    {EVENT(WAY_WL_REGISTRY, GLOBAL), on_global},
    {EVENT(WAY_WL_REGISTRY, GLOBAL_REMOVE), on_global_remove},
    {REQUEST(WAY_WL_REGISTRY, BIND), on_bind},
    {REQUEST(WAY_WL_DISPLAY, GET_REGISTRY), on_get_registry},
    {EVENT(WAY_WL_DISPLAY, DELETE_ID), on_delete_id},
    {EVENT(WAY_WL_DATA_DEVICE, DATA_OFFER), on_data_offer},
    {EVENT(WAY_WL_DATA_DEVICE, ENTER), on_drag_enter},
    {EVENT(WAY_WL_DATA_DEVICE, LEAVE), on_drag_leave},
    {EVENT(WAY_WL_DATA_DEVICE, DROP), on_drop},
    {EVENT(WAY_WL_DATA_DEVICE, SELECTION), on_selection},
    {REQUEST(WAY_WL_DATA_DEVICE, SET_SELECTION), on_set_selection},
    {EVENT(WAY_WL_DATA_OFFER, OFFER), on_offered_type},
    {REQUEST(WAY_WL_DATA_SOURCE, OFFER), on_source_type},
    {REQUEST(WAY_WL_DATA_OFFER, RECEIVE), on_receive},
    {EVENT(WAY_ZWP_PRIMARY_SELECTION_DEVICE_V1, DATA_OFFER), on_data_offer},
    {EVENT(WAY_ZWP_PRIMARY_SELECTION_DEVICE_V1, SELECTION), on_selection},
    {REQUEST(WAY_ZWP_PRIMARY_SELECTION_DEVICE_V1, SET_SELECTION), on_set_selection},
    {EVENT(WAY_ZWP_PRIMARY_SELECTION_OFFER_V1, OFFER), on_offered_type},
    {REQUEST(WAY_ZWP_PRIMARY_SELECTION_OFFER_V1, RECEIVE), on_receive},
    {REQUEST(WAY_XDG_TOPLEVEL, SET_FULLSCREEN), on_set_fullscreen},
    {REQUEST(WAY_XDG_SURFACE, GET_TOPLEVEL), on_get_toplevel},
    {REQUEST(WAY_XDG_TOPLEVEL, SET_TITLE), on_name},
    {EVENT(WAY_XDG_TOPLEVEL, CLOSE), on_close},
    {REQUEST(WAY_XDG_TOPLEVEL, SET_APP_ID), on_name},
    {REQUEST(WAY_WL_SURFACE, COMMIT), on_commit},
};

const char *way_rule(struct way_session *s, const struct way_case *c, struct way_verdict *v)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].interface == c->interface && rules[i].opcode == c->opcode &&
            rules[i].request == c->request)
            return rules[i].rule(s, c, v);
    return NULL;
}
