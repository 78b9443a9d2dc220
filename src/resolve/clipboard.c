/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard=: which ways what was copied may go. What goes by itself is the Wayland filter's part
 * (wayland.c); what the person carries by hand is told to `carrel clip` in the registry, and has
 * keys in the window of an X server of the app's own: carrel-clip takes them on the person's
 * display, out of reach of the app and of its server.
 */
#include "resolve/ctx.h"

#include "policy/keywords.h"
#include "util/chord.h"
#include "util/str.h"

#include <string.h>

/* Where things are in its root; src/x11/clip_watch.c has the same. */
#define HOST_SOCKET "/host"
#define OWN_SOCKET  "/display"
/* And where the nested server knocks: src/xserver/main.c. */
#define CLIP_SOCKET "/clip"

struct clip_ways clip_ways(const struct ctx *c)
{
    const struct carrel_value *v = policy_carrel(c->p, "Carrel Display", "clipboard");
    const char *word = v ? v->value : "ask";
    bool both = str_eq(word, "ask") || str_eq(word, "both");
    return (struct clip_ways){both || str_eq(word, "in"), both || str_eq(word, "out")};
}

const char *clip_offer(struct ctx *c)
{
    struct clip_ways w = clip_ways(c);
    return w.in && w.out ? "" : w.in ? " in" : w.out ? " out" : " no-clipboard";
}

void clip_info(struct ctx *c, struct buf *out)
{
    const struct carrel_value *v = policy_carrel(c->p, "Carrel Display", "clipboard");
    if (!v)
        return;
    const char *where = place_text_of(c->a, v->at);
    buf_printf(out, INSTANCE_CLIPBOARD "%s\n", v->value);
    for (const char *p = where; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127) /* a line of its own would be another key */
            where = "the policy";
    buf_printf(out, INSTANCE_CLIPBOARD_BY "%s\n", where);
}

/* ---- keys ---- */

struct key {
    const char *name;
    const struct carrel_value *at; /* NULL: the default */
    const char *text;
    struct chord chord;
};

static struct key key_of(struct ctx *c, const char *name, bool wanted)
{
    struct key k = {.name = name};
    k.at = policy_carrel(c->p, "Carrel Display", name);
    k.text = k.at ? k.at->value : keyword_find(KEYWORD_KEY, "Carrel Display", name)->def;
    if (wanted)
        chord_read(k.text, &k.chord);
    return k;
}

static void put_line(struct buf *b, const char *word, const char *bytes, size_t n)
{
    size_t escaped = word_escaped_size(bytes, n);
    buf_printf(b, "%s ", word);
    buf_reserve(b, escaped + 1);
    word_escape(bytes, n, b->data + b->len);
    b->len += escaped;
    buf_char(b, '\n');
}

static void put_key(struct buf *b, const char *word, const struct key *k)
{
    if (k->chord.key)
        put_line(b, word, k->text, strlen(k->text));
}

static void fill(struct ctx *c, struct plan_service *s, const struct path_fact *host,
                 const struct own_display *own, struct buf *settings, const char *why)
{
    const struct xauth_fact *x = &c->f->xauth;
    plan_add(s->plan, PLAN_ARG, why, "keys", (char *)NULL);
    plan_add(s->plan, PLAN_BIND, "base: the person's display, where the keys are pressed",
             host->real, HOST_SOCKET, "ro", path_identity(c->a, host), (char *)NULL);
    plan_add(s->plan, PLAN_BIND, "base: the app's own server", own->socket, OWN_SOCKET, "ro",
             (char *)NULL);
    if (x->name)
        put_line(settings, "host", x->data, x->size);
    put_line(settings, "own", own->cookie->data, own->cookie->size);
    s->data = settings->data;
    s->size = settings->len;
}

void put_clip_keys(struct ctx *c, const struct path_fact *host, const struct own_display *own,
                   const char *why)
{
    struct clip_ways ways = clip_ways(c);
    struct key in = key_of(c, "clipboard-in-key", ways.in),
               out = key_of(c, "clipboard-out-key", ways.out);
    struct buf settings = {.arena = c->a};
    if (!in.chord.key && !out.chord.key)
        return;
    if (in.chord.key == out.chord.key && in.chord.held == out.chord.held) {
        refuse(c, (out.at ? out.at : in.at)->at, "one key cannot carry both ways",
               "clipboard-in-key and clipboard-out-key are the same: %s", in.text);
        return;
    }
    struct plan_service *s = begin_hidden_service(c, "clip", concat(c, why, "; keys", NULL));
    if (!s)
        return;
    buf_str(&settings, "carrel-clip 1\n");
    put_key(&settings, "in", &in);
    put_key(&settings, "out", &out);
    plan_add(own->plan, PLAN_BIND, "base: who listens for the clipboard's keys in its window",
             s->socket, CLIP_SOCKET, "ro", (char *)NULL);
    fill(c, s, host, own, &settings, why);
}
