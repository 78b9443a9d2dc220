/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/plan.h"

#include "plan/read.h"
#include "util/json.h"
#include "util/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void plan_add_words(struct plan *p, enum plan_verb verb, const char *why, int argc,
                    const struct word *argv)
{
    assert(argc >= plan_verbs[verb].least && argc <= plan_verbs[verb].most);
    p->v = arena_grow(p->arena, p->v, p->n, &p->cap, sizeof *p->v);
    struct plan_step *s = &p->v[p->n++];
    *s = (struct plan_step){
        .verb = verb, .argc = argc, .why = why ? arena_strdup(p->arena, why) : NULL};
    for (int i = 0; i < argc; i++)
        s->argv[i] = (struct word){arena_strndup(p->arena, argv[i].s, argv[i].n), argv[i].n};
}

void plan_add(struct plan *p, enum plan_verb verb, const char *why, ...)
{
    struct word words[PLAN_MAX_WORDS];
    int argc = 0;
    va_list ap;
    va_start(ap, why);
    for (char *s; (s = va_arg(ap, char *));) {
        assert(argc < PLAN_MAX_WORDS);
        words[argc++] = (struct word){s, strlen(s)};
    }
    va_end(ap);
    plan_add_words(p, verb, why, argc, words);
}

static bool is_sorted(const struct plan *p)
{
    for (size_t i = 1; i < p->n; i++)
        if (plan_verbs[p->v[i - 1].verb].phase > plan_verbs[p->v[i].verb].phase)
            return false;
    return true;
}

void plan_sort(struct plan *p)
{
    if (is_sorted(p))
        return;
    struct plan_step *sorted = arena_array(p->arena, p->n ? p->n : 1, sizeof *sorted);
    size_t n = 0;
    for (int phase = PHASE_SETUP; phase <= PHASE_ANY; phase++)
        for (size_t i = 0; i < p->n; i++)
            if (plan_verbs[p->v[i].verb].phase == phase)
                sorted[n++] = p->v[i];
    p->v = sorted;
    p->cap = p->n;
}

static void write_word(struct buf *out, const struct word *w)
{
    size_t size = word_escaped_size(w->s, w->n);
    buf_reserve(out, size + 1);
    buf_char(out, ' ');
    word_escape(w->s, w->n, out->data + out->len);
    out->len += size;
    out->data[out->len] = '\0';
}

/* Free text: blanks stay, all that could break the line or a terminal is escaped. */
static void write_free(struct buf *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c < 0x7f && c != '\\')
            buf_char(out, (char)c);
        else
            buf_printf(out, "\\x%02x", c);
    }
}

static void write_why(struct buf *out, const char *why)
{
    buf_str(out, " # ");
    write_free(out, why, strlen(why));
}

/* A comment line for each line of a text. */
static void write_lines(const char *head, const char *text, size_t size, struct buf *out)
{
    for (size_t i = 0, n; i < size; i += n + 1) {
        const char *end = memchr(text + i, '\n', size - i);
        n = end ? (size_t)(end - text) - i : size - i;
        buf_str(out, head);
        write_free(out, text + i, n);
        buf_char(out, '\n');
    }
}

void plan_write(const struct plan *p, struct buf *out)
{
    buf_reserve(out, 96 * p->n); /* more than usual lines take */
    buf_str(out, PLAN_HEADER "\n");
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_step *s = &p->v[i];
        buf_str(out, plan_verbs[s->verb].text);
        for (int w = 0; w < s->argc; w++)
            write_word(out, &s->argv[w]);
        if (s->why)
            write_why(out, s->why);
        buf_char(out, '\n');
    }
}

static void write_limit(const struct plan_limit *l, struct buf *out)
{
    buf_printf(out, "# limit %s %s%s", l->name, l->value, l->optional ? " (optional)" : "");
    write_why(out, l->why);
    buf_char(out, '\n');
}

void plan_write_all(const struct plan *p, struct buf *out)
{
    plan_write(p, out);
    if (p->n_limits)
        buf_str(out, "\n# a control group of its own\n");
    for (size_t i = 0; i < p->n_limits; i++)
        write_limit(&p->limits[i], out);
    if (p->info) {
        buf_str(out, "\n# told to portals\n");
        write_lines("# | ", p->info, strlen(p->info), out);
    }
    if (p->whole_session_bus)
        buf_str(out, "\n# in reach: the whole session bus\n");
    if (p->whole_system_bus)
        buf_str(out, "\n# in reach: the whole system bus\n");
    if (p->common_ipc) {
        buf_str(out, "\n# before all that: a common IPC namespace");
        write_why(out, p->common_ipc);
        buf_char(out, '\n');
    }
    for (size_t i = 0; i < p->n_services; i++) {
        const struct plan_service *s = &p->services[i];
        buf_printf(out, "\n# service %s %s %s%s", s->name,
                   s->socket ? "at" : "when something changes in", s->socket ? s->socket : s->watch,
                   s->at_once ? ", at once" : "");
        if (s->why)
            write_why(out, s->why);
        buf_char(out, '\n');
        plan_write(s->plan, out);
        write_lines("# data: ", s->data, s->size, out);
    }
}

struct plan_service *plan_add_service(struct plan *p, const char *name, const char *socket,
                                      const char *why)
{
    struct plan *own = arena_alloc(p->arena, sizeof *own);
    own->arena = p->arena;
    p->services =
        arena_grow(p->arena, p->services, p->n_services, &p->cap_services, sizeof *p->services);
    struct plan_service *s = &p->services[p->n_services++];
    *s = (struct plan_service){.name = name, .socket = socket, .plan = own, .why = why};
    return s;
}

struct plan_service *plan_service_named(const struct plan *p, const char *name)
{
    for (size_t i = 0; i < p->n_services; i++)
        if (str_eq(p->services[i].name, name))
            return &p->services[i];
    return NULL;
}

static void write_steps_json(const struct plan *p, struct json *j)
{
    json_array(j, "steps");
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_step *s = &p->v[i];
        json_object(j, NULL);
        json_string(j, "verb", plan_verbs[s->verb].text);
        json_array(j, "args");
        for (int w = 0; w < s->argc; w++)
            json_bytes(j, NULL, s->argv[w].s, s->argv[w].n);
        json_end(j);
        if (s->why)
            json_string(j, "why", s->why);
        json_end(j);
    }
    json_end(j);
}

static void write_service_json(const struct plan_service *s, struct json *j)
{
    json_object(j, NULL);
    json_string(j, "name", s->name);
    json_string(j, s->socket ? "socket" : "watch", s->socket ? s->socket : s->watch);
    if (s->at_once)
        json_bool(j, "at-once", true);
    if (s->why)
        json_string(j, "why", s->why);
    if (s->data)
        json_bytes(j, "data", s->data, s->size);
    write_steps_json(s->plan, j);
    json_end(j);
}

void plan_write_json(const struct plan *p, struct buf *out)
{
    struct json j = {.out = out};
    json_object(&j, NULL);
    write_steps_json(p, &j);
    if (p->n_limits) {
        json_object(&j, "limits");
        for (size_t i = 0; i < p->n_limits; i++)
            json_number(&j, p->limits[i].name, strtoll(p->limits[i].value, NULL, 10));
        json_end(&j);
    }
    if (p->info)
        json_string(&j, "info", p->info);
    if (p->common_ipc)
        json_string(&j, "common-ipc", p->common_ipc);
    if (p->n_services) {
        json_array(&j, "services");
        for (size_t i = 0; i < p->n_services; i++)
            write_service_json(&p->services[i], &j);
        json_end(&j);
    }
    json_end(&j);
}

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Undoes write_why, in place. What is no escape of its stays as it is. */
static char *read_why(char *why)
{
    char *to = why;
    for (const char *c = why; c && *c; to++) {
        int high = -1, low = -1;
        if (c[0] == '\\' && c[1] == 'x' && (high = hex_value(c[2])) >= 0)
            low = hex_value(c[3]);
        *to = low >= 0 ? (char)(high << 4 | low) : *c;
        c += low >= 0 ? 4 : 1;
    }
    if (to)
        *to = '\0';
    return why;
}

int plan_read(struct plan *p, const char *text, size_t size, int *line, const char **error)
{
    struct plan_reader r;
    struct plan_line l;
    char *copy = arena_strndup(p->arena, text, size);
    int got = plan_reader_init(&r, copy, size);
    if (got == 0)
        while ((got = plan_next(&r, &l)) == 1)
            plan_add_words(p, l.verb, read_why(l.why), l.argc, l.argv);
    if (got == 0)
        return 0;
    *line = r.line;
    *error = r.error;
    return -1;
}

bool info_says(const char *info, const char *key, const char *words)
{
    for (const char *line = info; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        const char *value = str_after(line, key);
        const char *rest = value ? str_after(value, words) : NULL;
        if (rest && strchr(" \n", *rest)) /* or the end */
            return true;
    }
    return false;
}
