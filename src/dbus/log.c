/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/log.h"

#include "util/word.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A text that grows up to a fixed size. */
struct line {
    char v[2048];
    size_t n;
};

static void add(struct line *l, const char *s)
{
    size_t n = strlen(s);
    if (n < sizeof l->v - l->n) {
        memcpy(l->v + l->n, s, n);
        l->n += n;
    }
}

/* A word; of a long one the beginning. */
static void add_word(struct line *l, const char *s)
{
    size_t n = s ? strnlen(s, 300) : 0;
    add(l, " ");
    if (!s) {
        add(l, "-");
        return;
    }
    if (word_escaped_size(s, n) < sizeof l->v - l->n) {
        word_escape(s, n, l->v + l->n);
        l->n += word_escaped_size(s, n);
    }
}

static bool may_write(struct log *l)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t now = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
    uint64_t more = l->stamp ? (now - l->stamp) * LOG_RATE / 1000 : LOG_BURST;
    if (more) {
        l->tokens = more > LOG_BURST - l->tokens ? LOG_BURST : l->tokens + (unsigned)more;
        l->stamp = now ? now : 1;
    }
    if (l->tokens == 0)
        return false;
    l->tokens--;
    return true;
}

static void put(struct log *l, struct line *line)
{
    char lost[48];
    if (!may_write(l)) {
        l->lost++;
        return;
    }
    add(line, "\n");
    int n = l->lost ? snprintf(lost, sizeof lost, "lost %lu\n", l->lost) : 0;
    if (n && write(l->fd, lost, (size_t)n) == n)
        l->lost = 0;
    if (write(l->fd, line->v, line->n) != (ssize_t)line->n)
        l->lost++;
}

static void begin(struct line *line, const char *verdict, unsigned long connection)
{
    char number[32];
    line->n = 0;
    snprintf(number, sizeof number, " %lu", connection);
    add(line, verdict);
    add(line, number);
}

static void end(struct line *line, const char *why)
{
    if (!why)
        return;
    add(line, " # ");
    add(line, why);
}

void log_message(struct log *l, const char *verdict, unsigned long connection,
                 const struct message *m, bool from_app, const char *why)
{
    static const char *const kinds[] = {"message", "call", "return", "error", "signal"};
    struct line line;
    char member[2 * WIRE_NAME_MOST + 2];
    if (l->fd < 0)
        return;
    snprintf(member, sizeof member, "%s%s%s", m->interface ? m->interface : "",
             m->interface && m->member ? "." : "", m->member ? m->member : "");
    begin(&line, verdict, connection);
    add_word(&line, kinds[m->type <= WIRE_SIGNAL ? m->type : 0]);
    add_word(&line, from_app ? m->destination : m->sender);
    add_word(&line, m->error ? m->error : *member ? member : NULL);
    add_word(&line, m->path);
    end(&line, why);
    put(l, &line);
}

void log_cut(struct log *l, unsigned long connection, const char *why)
{
    struct line line;
    if (l->fd < 0)
        return;
    begin(&line, "cut", connection);
    end(&line, why);
    put(l, &line);
}
