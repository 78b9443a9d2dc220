/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A conversation: the first two bytes are the powers, then come messages, each behind a byte whose
 * lowest bit says who speaks, and the next whether the person carries something before. What must
 * hold besides memory safety: a message is judged once, its size does not change, what goes in
 * front of it are whole messages, and no object is made by a message that is dropped.
 */
#include "fuzz.h"
#include "wayland/rules.h"

#include <stdlib.h>
#include <string.h>

static void must(int holds)
{
    if (!holds)
        abort();
}

static void check_before(const struct way_verdict *v)
{
    for (size_t at = 0; at < v->n_before;) {
        int size = way_message_size(v->before + at, v->n_before - at);
        must(size > 0 && (size_t)size <= v->n_before - at);
        at += (size_t)size;
    }
}

/* The person's act, between two messages. */
static void carry(struct way_session *s, unsigned kinds)
{
    uint8_t event[WAY_EVENT_ROOM];
    struct way_verdict v = {.n_before = way_carry(s, kinds << 4 | kinds, &v.before)};
    must(v.n_before <= sizeof s->offers);
    check_before(&v);
    for (int i = 0; i < WAY_KINDS; i++)
        if (way_kept(s) & 1u << i)
            must(way_message_size(event, way_ask_for(s, i, event)) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct way_session s;
    if (size < 2)
        return 0;
    must(way_session_init(&s, (unsigned)(data[0] | data[1] << 8)) == 0);
    data += 2;
    size -= 2;
    while (size > 1) {
        bool request = !(*data & 1);
        if (*data & 2)
            carry(&s, *data >> 2);
        data++;
        size--;
        int n = way_message_size(data, size);
        if (n <= 0 || (size_t)n > size)
            break;
        uint8_t *message = malloc((size_t)n);
        must(message != NULL);
        memcpy(message, data, (size_t)n);
        uint32_t objects = s.app.n + s.compositor.n;
        struct way_verdict v =
            request ? way_request(&s, message, (size_t)n) : way_event(&s, message, (size_t)n);
        check_before(&v);
        must(way_message_size(message, (size_t)n) == n);
        must(v.action != WAY_DROP || objects == s.app.n + s.compositor.n);
        must(v.action != WAY_CUT || (v.why && strlen(v.why) < sizeof s.why));
        free(message);
        data += n;
        size -= (size_t)n;
        if (v.action == WAY_CUT)
            break;
    }
    way_session_free(&s);
    return 0;
}
