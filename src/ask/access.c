/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ask/access.h"

#include "ask/ask.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/str.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define ACCESS "org.freedesktop.impl.portal.Access"
#define PATH   "/org/freedesktop/portal/desktop"

enum { MOST_BYTES = 64 << 10, CLOSE_MILLISECONDS = 5000 };

/* ---- who shows it ---- */

/* The value of a line "KEY=value", or NULL. */
static const char *value_of(struct arena *a, const char *text, const char *key)
{
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\r\n");
        const char *value = str_after(line, key);
        if (value && *value == '=')
            return arena_strndup(a, value + 1, n - (size_t)(value + 1 - line));
        line += n;
        line += strspn(line, "\r\n");
    }
    return NULL;
}

/* Whether a list of words, apart by one of these, holds one of another list, in any case. */
static bool have_common(const char *one, char apart, const char *other)
{
    for (const char *p = other; p && *p;) {
        size_t n = strcspn(p, ":;");
        for (const char *q = one; q && *q;) {
            const char *end = strchr(q, apart);
            size_t k = end ? (size_t)(end - q) : strlen(q);
            if (n && n == k && strncasecmp(p, q, n) == 0)
                return true;
            q += k + (end != NULL);
        }
        p += n + (p[n] != '\0');
    }
    return false;
}

const char *access_backend(struct arena *a, const char *folder, const char *desktop)
{
    struct dirent **entries;
    const char *best = NULL;
    int n = scandir(folder, &entries, NULL, alphasort), best_rank = 0;
    for (int i = 0; i < n; i++) {
        struct buf text = {.arena = a};
        const char *name = arena_strdup(a, entries[i]->d_name), *dot = strrchr(name, '.');
        free(entries[i]);
        if (!dot || !str_eq(dot, ".portal") ||
            file_read(arena_printf(a, "%s/%s", folder, name), MOST_BYTES, &text) < 0 || !text.len ||
            !have_common(value_of(a, text.data, "Interfaces"), ';', ACCESS))
            continue;
        const char *bus_name = value_of(a, text.data, "DBusName");
        int rank = have_common(value_of(a, text.data, "UseIn"), ';', desktop) ? 3
                   : str_eq(name, "gtk.portal")                               ? 2
                                                                              : 1;
        if (bus_name && well_known_name_ok(bus_name) && rank > best_rank) {
            best = bus_name;
            best_rank = rank;
        }
    }
    if (n >= 0)
        free(entries);
    return best;
}

/* ---- the answer ---- */

/* The next argument, whatever the signature says of it: a text of this type. */
static const char *next_text(struct arguments *a, const char *type)
{
    a->signature = type;
    return arguments_text(a, *type);
}

/* Where the elements of an array of structs begin and end; false when it is not all there. */
static bool next_structs(struct arguments *a, size_t *end)
{
    uint32_t n;
    a->signature = "u";
    if (!arguments_u32(a, &n))
        return false;
    a->at = (a->at + 7) / 8 * 8;
    *end = a->at + n;
    return a->at <= a->n && n <= a->n - a->at;
}

/* The value of the choice "remember", or NULL. The interface has pairs of texts here; GTK's backend
 * answers with a dictionary of variants. */
static const char *remembered(struct arguments *a, bool variants)
{
    size_t end;
    const char *found = NULL;
    if (!next_structs(a, &end))
        return NULL;
    while (a->at < end) {
        a->at = (a->at + 7) / 8 * 8;
        const char *id = next_text(a, "s"), *type = variants && id ? next_text(a, "g") : "s";
        const char *value = id && type && str_eq(type, "s") ? next_text(a, "s") : NULL;
        if (!value)
            return NULL;
        if (str_eq(id, "remember"))
            found = value;
    }
    return found;
}

int access_answer(const struct message *m, const uint8_t *bytes, size_t n)
{
    struct arguments a = wire_arguments(m, bytes, n);
    const char *keep = NULL;
    uint32_t response;
    size_t end;
    if (!m->signature || !str_eq(m->signature, "ua{sv}") || !arguments_u32(&a, &response) ||
        !next_structs(&a, &end))
        return -EPROTO;
    while (a.at < end) {
        a.at = (a.at + 7) / 8 * 8;
        const char *key = next_text(&a, "s"), *type = key ? next_text(&a, "g") : NULL;
        if (!type)
            return -EPROTO;
        bool variants = str_eq(type, "a{sv}");
        if (str_eq(key, "choices") &&
            (variants || str_eq(type, "a(ss)") || str_eq(type, "a{ss}"))) {
            keep = remembered(&a, variants);
            if (!keep)
                return -EPROTO;
            continue;
        }
        a.signature = type;
        if (!arguments_skip(&a))
            return -EPROTO;
    }
    if (response != 0) /* what is chosen beside a no, GTK's backend does not say */
        return ANSWER_NO;
    return keep && str_eq(keep, "true") ? ANSWER_ALWAYS : ANSWER_YES;
}

/* ---- the question ---- */

static void put_option(struct out *o, const char *key, const char *type, const char *value)
{
    bus_put_struct(o);
    wire_put_text(o, key);
    bus_put_signature(o, type);
    if (value)
        wire_put_text(o, value);
}

static void put_question(struct out *o, const char *handle, const char *question)
{
    wire_put_text(o, handle);
    wire_put_text(o, ""); /* nobody's: it is Carrel that asks */
    wire_put_text(o, "");
    wire_put_text(o, "Carrel asks");
    wire_put_text(o, question);
    wire_put_text(o, "");
    size_t options = bus_put_structs(o);
    put_option(o, "icon", "s", "dialog-question");
    put_option(o, "deny_label", "s", "No");
    put_option(o, "grant_label", "s", "Yes");
    put_option(o, "choices", "a(ssa(ss)s)", NULL);
    size_t choices = bus_put_structs(o);
    bus_put_struct(o);
    wire_put_text(o, "remember");
    wire_put_text(o, "Always, without asking again");
    size_t none = bus_put_structs(o);
    bus_end_structs(o, none);
    wire_put_text(o, "false");
    bus_end_structs(o, choices);
    bus_end_structs(o, options);
}

int ask_access(struct arena *a, const char *bus, const char *backend, const char *question,
               int seconds)
{
    struct bus *b = arena_alloc(a, sizeof *b);
    struct message m;
    const char *handle = arena_printf(a, PATH "/request/carrel/p%d", (int)getpid());
    if (!*bus || bus_open(b, bus) < 0)
        return -ENOTTY;
    bus_begin(b, backend, PATH, ACCESS, "AccessDialog", "osssssa{sv}");
    put_question(&b->out, handle, question);
    int r = bus_call(b, &m, NULL, NULL, seconds * 1000);
    if (r == 0)
        r = access_answer(&m, b->in, b->done);
    else if (r == -ETIMEDOUT) { /* nobody shall answer what is no longer asked */
        bus_begin(b, backend, handle, "org.freedesktop.impl.portal.Request", "Close", "");
        bus_call(b, &m, NULL, NULL, CLOSE_MILLISECONDS);
        r = ANSWER_NO;
    }
    bus_close(b);
    return r < 0 ? -ENOTTY : r;
}
