/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wayland/lines.h"

#include "wayland/line.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- what is carried to the app ---- */

void way_lines_greet(struct way_lines *l, struct way_client *c)
{
    const uint8_t *events;
    c->session.clock = &l->clock;
    way_carry(&c->session, l->kinds, &events); /* it has no offer yet that could be told of it */
}

static void carry_to(void *state, void *arg)
{
    struct way_client *c = state;
    const struct way_lines *l = arg;
    const uint8_t *events;
    size_t n = way_carry(&c->session, l->kinds, &events);
    if (relay_put(c->conn, RELAY_CLIENT, events, n) < 0)
        relay_cut(c->conn, "no memory is left");
}

static void carry(struct way_lines *l, struct relay *r, int line, unsigned kinds)
{
    l->carrier = kinds ? line : 0;
    l->kinds = kinds;
    relay_each(r, carry_to, l);
}

void way_lines_paste(struct way_lines *l, struct way_client *c, int kind)
{
    int fd = l->carrier ? relay_copy_fd(c->conn, RELAY_CLIENT) : -1;
    if (fd < 0)
        return; /* it reads nothing */
    line_tell(l->carrier, "paste", (unsigned)kind, fd);
    close(fd);
}

/* ---- what the app has copied ---- */

static void newest(void *state, void *arg)
{
    struct way_client *c = state, **best = arg;
    if (way_kept(&c->session) && (!*best || c->session.kept_at > (*best)->session.kept_at))
        *best = c;
}

static struct way_client *keeper(struct relay *r)
{
    struct way_client *best = NULL;
    relay_each(r, newest, &best);
    return best;
}

/* The descriptor is given away. */
static const char *write_to(struct relay *r, unsigned kind, int fd)
{
    uint8_t event[WAY_EVENT_ROOM];
    struct way_client *c = keeper(r);
    if (c && kind < WAY_KINDS && way_kept(&c->session) & 1u << kind)
        return relay_put_fd(c->conn, RELAY_CLIENT, event,
                            way_ask_for(&c->session, (int)kind, event), fd) == 0
                   ? "ok"
                   : "none";
    close(fd);
    return "none";
}

/* ---- words ---- */

static void any_powers(void *state, void *arg)
{
    const struct way_client *c = state;
    *(unsigned *)arg = c->session.powers;
}

/* Whoever does not take the answer does not listen. */
static void obey(struct way_lines *l, struct relay *r, int line, struct line_word *w)
{
    unsigned powers = 0;
    bool kept = strcmp(w->word, "kept") == 0, write = strcmp(w->word, "write") == 0;
    relay_each(r, any_powers, &powers);
    if (powers & (kept || write ? WAY_CLIPBOARD_OUT : WAY_CLIPBOARD_IN)) {
        line_tell(line, "open", 0, -1);
    } else if (kept) {
        struct way_client *c = keeper(r);
        line_tell(line, "kept", c ? way_kept(&c->session) : 0, -1);
    } else if (write && w->fd >= 0) {
        line_tell(line, write_to(r, w->number, w->fd), 0, -1);
        w->fd = -1;
    } else if (strcmp(w->word, "carry") == 0 && w->number && w->number < 1u << WAY_KINDS) {
        carry(l, r, line, w->number);
        line_tell(line, "ok", 0, -1);
    } else {
        line_tell(line, "unknown", 0, -1);
    }
    if (w->fd >= 0)
        close(w->fd);
}

/* ---- lines ---- */

static int *place_of(struct way_lines *l, int fd)
{
    for (int i = 0; i < WAY_LINES; i++)
        if (l->fds[i] == fd)
            return &l->fds[i];
    return NULL;
}

static void end_line(struct way_lines *l, struct relay *r, int *line)
{
    int fd = *line;
    *line = 0;
    close(fd);
    if (fd == l->carrier)
        carry(l, r, 0, 0);
}

/* Somebody who still carries stays; of the others the first must go where there is no room. */
static void new_line(struct way_lines *l, struct relay *r, int fd)
{
    int *free = place_of(l, 0);
    for (int i = 0; i < WAY_LINES && !free; i++)
        if (l->fds[i] != l->carrier) {
            end_line(l, r, &l->fds[i]);
            free = &l->fds[i];
        }
    if (free && relay_watch(r, fd) == 0)
        *free = fd;
    else
        close(fd);
}

bool way_lines_control(struct way_lines *l, struct relay *r, int fd)
{
    struct line_word w;
    ssize_t n = line_hear(fd, &w);
    if (w.fd >= 0 && strcmp(w.word, "line") == 0)
        new_line(l, r, w.fd);
    else if (w.fd >= 0)
        close(w.fd);
    return n > 0 || n == -EAGAIN || n == -EINTR;
}

bool way_lines_word(struct way_lines *l, struct relay *r, int fd)
{
    struct line_word w;
    int *line = place_of(l, fd);
    if (!line)
        return false;
    ssize_t n = line_hear(fd, &w);
    if (n > 0)
        obey(l, r, fd, &w);
    else if (w.fd >= 0)
        close(w.fd);
    if (n > 0 || n == -EAGAIN || n == -EINTR)
        return true;
    end_line(l, r, line);
    return false;
}
