/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The subordinate ids of the caller, see subuid(5), as maps for the plan. */
#include "bwrap/bwrap.h"
#include "util/str.h"

#include <stdlib.h>

/* The next line of a text, cut into n fields at its colons, of which it must have that many or
 * more; NULL: there is none. */
static char *next_line(char *text, char **field, int n)
{
    while (*text) {
        char *line = text, *end = text + strcspn(text, "\n");
        int have = 0;
        text = end + (*end == '\n');
        *end = '\0';
        for (char *c = line; have < n; c++) {
            field[have++] = c;
            c += strcspn(c, ":");
            if (!*c)
                break;
            *c = '\0';
        }
        if (have == n)
            return text;
    }
    return NULL;
}

/* Of the host's own users; one that only a network service knows is found by its number. */
static const char *user_name(struct wishes *w, const char *uid)
{
    char *field[3], *text = arena_strdup(w->arena, w->host->text(w->arena, "/etc/passwd"));
    while ((text = next_line(text, field, 3)))
        if (str_eq(field[2], uid))
            return field[0];
    return uid;
}

static void map(struct wishes *w, const char *kind, uint64_t inside, uint64_t outside,
                uint64_t count)
{
    plan_add(&w->plan, PLAN_ID_MAP, "--subids", kind,
             arena_printf(w->arena, "%llu", (unsigned long long)inside),
             arena_printf(w->arena, "%llu", (unsigned long long)outside),
             arena_printf(w->arena, "%llu", (unsigned long long)count), (char *)NULL);
}

/* own is the caller's id on the host; the others take the numbers that it leaves inside. */
static int add(struct wishes *w, const char *kind, const char *file, uint64_t inside, uint32_t own)
{
    char *uid = arena_printf(w->arena, "%u", w->host->uid);
    const char *name = user_name(w, uid);
    char *field[3], *text = arena_strdup(w->arena, w->host->text(w->arena, file));
    uint64_t next = 0;
    bool found = false;
    map(w, kind, inside, own, 1);
    while ((text = next_line(text, field, 3))) {
        char *end[2];
        uint64_t start = strtoull(field[1], &end[0], 10), count = strtoull(field[2], &end[1], 10);
        if (!(str_eq(field[0], name) || str_eq(field[0], uid)) || *end[0] || *end[1])
            continue;
        while (count && start + count <= UINT32_MAX && next + count < UINT32_MAX) {
            next += next == inside;
            uint64_t n = next < inside && inside - next < count ? inside - next : count;
            map(w, kind, next, start, n);
            found = true;
            next += n;
            start += n;
            count -= n;
        }
    }
    return found ? 0 : bwrap_fail(w, "--subids: %s has no ids for %s", file, name);
}

int bwrap_add_subids(struct wishes *w, uint32_t uid, uint32_t gid)
{
    return add(w, "uid", "/etc/subuid", uid, w->host->uid) < 0 ||
                   add(w, "gid", "/etc/subgid", gid, w->host->gid) < 0
               ? -1
               : 0;
}
