/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ask/ask.h"

#include "ask/access.h"
#include "bus/bus.h"
#include "util/buf.h"
#include "util/str.h"
#include "util/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST_QUOTE = 200, CALL_MILLISECONDS = 10000 };

const char *ask_quote(struct arena *a, const char *text)
{
    struct buf out = {.arena = a};
    size_t n = strlen(text);
    buf_str(&out, "\"");
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t k = utf8_decode(text + i, n - i, &cp);
        if (out.len > LONGEST_QUOTE) {
            buf_str(&out, "...");
            break;
        }
        if (k && utf8_safe(cp) && cp != '\\' && cp != '"')
            buf_bytes(&out, text + i, k);
        else
            for (size_t b = 0; b < (k ? k : 1); b++)
                buf_printf(&out, "\\x%02x", (unsigned char)text[i + b]);
        i += k ? k : 1;
    }
    buf_str(&out, "\"");
    return out.data;
}

/* ---- the terminal ---- */

static const struct {
    const char *word;
    enum answer answer;
} words[] = {
    {"y", ANSWER_YES},         {"yes", ANSWER_YES}, {"n", ANSWER_NO},
    {"no", ANSWER_NO},         {"", ANSWER_NO},     {"a", ANSWER_ALWAYS},
    {"always", ANSWER_ALWAYS}, {"v", ANSWER_NEVER}, {"never", ANSWER_NEVER},
};

/* One line; what does not fit is read and makes no word. Returns false at the end of the input. */
static bool read_line(int in, char *line, size_t room)
{
    size_t n = 0;
    char c = '\0';
    ssize_t r;
    while ((r = read(in, &c, 1)) > 0 && c != '\n')
        if (n < room)
            line[n++] = c;
    line[n < room ? n : 0] = '\0';
    if (n >= room)
        line[0] = '?';
    return r > 0;
}

int ask_terminal(const char *question, int in, int out)
{
    enum { TRIES = 5 };
    char line[16];
    for (int i = 0; i < TRIES; i++) {
        dprintf(out, "carrel: %s [y]es, [N]o, [a]lways, ne[v]er: ", question);
        if (!read_line(in, line, sizeof line - 1))
            return ANSWER_NO;
        for (size_t k = 0; k < ARRAY_SIZE(words); k++)
            if (str_eq(words[k].word, line))
                return words[k].answer;
    }
    return ANSWER_NO;
}

/* ---- the desktop ---- */

#define SERVICE "org.freedesktop.Notifications"
#define PATH    "/org/freedesktop/Notifications"
/* Where the portals' backends say what they have. */
#define BACKENDS "/usr/share/xdg-desktop-portal/portals"

static const struct {
    const char *key, *label;
    enum answer answer;
} buttons[] = {
    {"yes", "Yes, this time", ANSWER_YES},
    {"no", "No", ANSWER_NO},
    {"always", "Always", ANSWER_ALWAYS},
    {"never", "Never", ANSWER_NEVER},
};

static int has_buttons(struct bus *b)
{
    struct message m;
    bus_begin(b, SERVICE, PATH, SERVICE, "GetCapabilities", "");
    int r = bus_call(b, &m, NULL, NULL, CALL_MILLISECONDS);
    size_t end;
    if (r < 0)
        return r;
    struct arguments a = wire_arguments(&m, b->in, b->done);
    const char *word;
    if (arguments_array(&a, &end))
        while ((word = array_text(&a, end)))
            if (str_eq(word, "actions"))
                return 0;
    return -ENOTTY;
}

static int listen(struct bus *b, const char *member)
{
    struct message m;
    char rule[200];
    snprintf(rule, sizeof rule,
             "type='signal',sender='" SERVICE "',interface='" SERVICE "',member='%s'", member);
    bus_begin(b, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
              "AddMatch", "s");
    wire_put_text(&b->out, rule);
    return bus_call(b, &m, NULL, NULL, CALL_MILLISECONDS);
}

/* The body is markup where the desktop knows any. */
static const char *as_markup(struct arena *a, const char *text)
{
    struct buf out = {.arena = a};
    for (const char *s = text; *s; s++)
        if (*s == '&' || *s == '<' || *s == '>')
            buf_str(&out, *s == '&' ? "&amp;" : *s == '<' ? "&lt;" : "&gt;");
        else
            buf_char(&out, *s);
    return out.data;
}

static int show(struct arena *a, struct bus *b, const char *question, uint32_t *id)
{
    struct message m;
    struct out *o = &b->out;
    bus_begin(b, SERVICE, PATH, SERVICE, "Notify", "susssasa{sv}i");
    wire_put_text(o, "Carrel");
    wire_put_u32(o, 0);
    wire_put_text(o, "dialog-question");
    wire_put_text(o, "Carrel asks");
    wire_put_text(o, as_markup(a, question));
    size_t at = wire_put_array(o);
    for (size_t i = 0; i < ARRAY_SIZE(buttons); i++) {
        wire_put_text(o, buttons[i].key);
        wire_put_text(o, buttons[i].label);
    }
    wire_end_array(o, at);
    at = bus_put_structs(o); /* urgent ones stay until they are answered */
    bus_put_struct(o);
    wire_put_text(o, "urgency");
    bus_put_signature(o, "y");
    bus_put_byte(o, 2);
    bus_end_structs(o, at);
    wire_put_u32(o, 0);
    int r = bus_call(b, &m, NULL, NULL, CALL_MILLISECONDS);
    struct arguments args = wire_arguments(&m, b->in, b->done);
    return r < 0 ? r : arguments_u32(&args, id) ? 0 : -EPROTO;
}

/* An answer, or -EAGAIN when this signal is none. */
static int judge(const struct message *m, const uint8_t *bytes, uint32_t id)
{
    struct arguments a = wire_arguments(m, bytes, m->head + m->body);
    uint32_t which;
    if (m->type != WIRE_SIGNAL || !m->interface || !str_eq(m->interface, SERVICE) ||
        !arguments_u32(&a, &which) || which != id)
        return -EAGAIN;
    const char *key = str_eq(m->member, "ActionInvoked") ? arguments_text(&a, 's') : NULL;
    for (size_t i = 0; key && i < ARRAY_SIZE(buttons); i++)
        if (str_eq(key, buttons[i].key))
            return buttons[i].answer;
    return str_eq(m->member, "NotificationClosed") || key ? ANSWER_NO : -EAGAIN;
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Takes it away again: nobody shall answer what is no longer asked. */
static void withdraw(struct bus *b, uint32_t id)
{
    struct message m;
    bus_begin(b, SERVICE, PATH, SERVICE, "CloseNotification", "u");
    wire_put_u32(&b->out, id);
    bus_call(b, &m, NULL, NULL, CALL_MILLISECONDS);
}

static int wait_for_answer(struct bus *b, uint32_t id, int seconds)
{
    struct message m;
    int64_t until = now() + (int64_t)seconds * 1000;
    for (;;) {
        int64_t left = until - now();
        int r = bus_next(b, &m, left > 0 ? (int)left : 0);
        if (r == 0 && (r = judge(&m, b->in, id)) == -EAGAIN)
            continue;
        if (r == -ETIMEDOUT)
            withdraw(b, id);
        return r == -ETIMEDOUT ? ANSWER_NO : r;
    }
}

int ask_notification(struct arena *a, const char *bus, const char *question, int seconds)
{
    struct bus *b = arena_alloc(a, sizeof *b);
    uint32_t id = 0;
    if (!*bus || bus_open(b, bus) < 0)
        return -ENOTTY;
    int r = has_buttons(b);
    if (r == 0 && (r = listen(b, "ActionInvoked")) == 0 &&
        (r = listen(b, "NotificationClosed")) == 0 && (r = show(a, b, question, &id)) == 0)
        r = wait_for_answer(b, id, seconds);
    bus_close(b);
    return r < 0 ? -ENOTTY : r;
}

int ask(struct arena *a, const char *bus, const char *desktop, const char *question, int seconds)
{
    if (isatty(0) && isatty(2))
        return ask_terminal(question, 0, 2);
    const char *backend = access_backend(a, BACKENDS, desktop);
    int r = backend ? ask_access(a, bus, backend, question, seconds) : -ENOTTY;
    return r == -ENOTTY ? ask_notification(a, bus, question, seconds) : r;
}
