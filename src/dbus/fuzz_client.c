/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A conversation behind Hello: messages of both sides, each behind a byte whose lowest bit says
 * who speaks. Nothing that passes to somebody else goes against the rules.
 */
#include "dbus/stub.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void must(int holds)
{
    if (!holds)
        abort();
}

/* What the app sends and passes is for a name that may be talked to, the bus, all, or a caller. */
static void check_passed(const struct client *c, const uint8_t *data, size_t size)
{
    struct message m;
    size_t need;
    const char *why;
    must(wire_read(data, size, false, &m, &need, &why) == WIRE_OK);
    must(!m.sender || strcmp(m.sender, c->unique) == 0);
    if (m.type == WIRE_CALL || m.type == WIRE_SIGNAL) {
        must(!m.has_reply_serial);
        must(!m.destination || client_level(c, m.destination) >= LEVEL_TALK);
        must(!m.member || strcmp(m.member, "BecomeMonitor") != 0 || !m.interface ||
             strcmp(m.interface, "org.freedesktop.DBus.Monitoring") != 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "carrel-bus 1\ntalk org.a.T\nsee org.a.S\nown org.a.O.*\n"
                               "call org.a.C a.B.C /x arg0=y\nbroadcast org.a.C a.B.* *\n";
    struct bus bus = {.log = {.fd = -1}, .uid = 0};
    int line, column;
    const char *why;
    must(rules_read(&bus.rules, strdup(text), strlen(text), &line, &column, &why) == 0);
    struct client *c = stub_client(&bus);
    c->phase = PHASE_OPEN; /* as if the bus had answered */
    while (size > 1) {
        enum relay_side from = *data & 1 ? RELAY_SERVER : RELAY_CLIENT;
        data++;
        size--;
        uint8_t *copy = malloc(size);
        must(copy != NULL);
        memcpy(copy, data, size);
        struct relay_verdict v = client_judge(c, from, copy, size, 3);
        if (v.what == RELAY_PASS && from == RELAY_CLIENT)
            check_passed(c, copy, size);
        free(copy);
        must(v.what != RELAY_MORE || v.size > size);
        if ((v.what != RELAY_PASS && v.what != RELAY_DROP) || v.size >= size)
            break;
        must(v.size > 0 && v.fds <= 3);
        data += v.size;
        size -= v.size;
    }
    client_free(c);
    rules_free(&bus.rules);
    return 0;
}
