/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wayland/settings.h"

#include "util/word.h"
#include "wayland/protocol.h"

#include <string.h>

enum { MAX_WORDS = 32 };

/* A string that is said once. */
static const char *set_text(const char **to, const struct word *w, int n)
{
    if (n != 2 || w[1].n == 0 || memchr(w[1].s, '\0', w[1].n))
        return "one word that is not empty belongs here";
    if (*to)
        return "this was said already";
    *to = w[1].s;
    return NULL;
}

static const char *set_powers(struct way_settings *s, const struct word *w, int n)
{
    for (int i = 1; i < n; i++) {
        unsigned power = way_power_named(w[i].s, w[i].n);
        if (!power)
            return "an unknown power";
        s->powers |= power;
    }
    return NULL;
}

static int is(const struct word *w, const char *name)
{
    return w->n == strlen(name) && memcmp(w->s, name, w->n) == 0;
}

static const char *read_line(struct way_settings *s, char *line, size_t size)
{
    struct word w[MAX_WORDS];
    char *comment;
    int n = word_split(line, size, w, MAX_WORDS, &comment);
    if (n < 0)
        return "not a line of escaped words";
    if (n == 0)
        return NULL;
    if (is(&w[0], "socket"))
        return set_text(&s->socket, w, n);
    if (is(&w[0], "context"))
        return set_text(&s->context, w, n);
    if (is(&w[0], "app"))
        return set_text(&s->app, w, n);
    if (is(&w[0], "instance"))
        return set_text(&s->instance, w, n);
    if (is(&w[0], "title"))
        return set_text(&s->title, w, n);
    if (is(&w[0], "power"))
        return set_powers(s, w, n);
    return "an unknown word";
}

int way_settings_read(struct way_settings *s, char *text, size_t n, int *line, const char **error)
{
    size_t head = strlen(WAY_SETTINGS_HEADER);
    *s = (struct way_settings){0};
    *line = 1;
    *error = "not the settings of a Wayland filter";
    if (n <= head || memcmp(text, WAY_SETTINGS_HEADER "\n", head + 1) != 0)
        return -1;
    for (size_t at = head + 1; at < n;) {
        char *end = memchr(text + at, '\n', n - at);
        size_t size = end ? (size_t)(end - text) - at : n - at;
        ++*line;
        if ((*error = end ? read_line(s, text + at, size) : "the last line has no end"))
            return -1;
        at += size + 1;
    }
    *error = "no socket";
    if (!s->socket || s->socket[0] != '/')
        return -1;
    s->context = s->context ? s->context : "";
    s->app = s->app ? s->app : "";
    s->instance = s->instance ? s->instance : "";
    *error = NULL;
    return 0;
}
