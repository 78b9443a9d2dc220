/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/stub.h"

#include <stdlib.h>
#include <string.h>

struct stub stub;

const struct relay_limits relay_usual_limits = {
    .connections = 256, .memory = 4u << 20, .fds = 2048};

int relay_put(struct relay_conn *c, enum relay_side to, const void *bytes, size_t n)
{
    (void)c;
    if (n > sizeof stub.sent[to] - stub.n[to])
        stub.n[to] = 0;
    if (n > sizeof stub.sent[to])
        return -1;
    memcpy(stub.sent[to] + stub.n[to], bytes, n);
    stub.n[to] += n;
    return 0;
}

void relay_resume(struct relay_conn *c, enum relay_side from)
{
    (void)c;
    (void)from;
    stub.resumed++;
}

void relay_cut(struct relay_conn *c, const char *why)
{
    (void)c;
    (void)why;
    stub.cut++;
}

static void say(struct client *c, enum relay_side from, const char *lines, size_t n)
{
    uint8_t bytes[512];
    memcpy(bytes, lines, n);
    for (size_t at = 0; at < n;) {
        struct relay_verdict v = client_judge(c, from, bytes + at, n - at, 0);
        if (v.what != RELAY_DROP)
            abort();
        at += v.size;
    }
}

struct relay_verdict stub_message(struct client *c, enum relay_side from, struct message m,
                                  const char *argument)
{
    uint8_t bytes[4096];
    struct out o = {bytes, 0, sizeof bytes};
    m.signature = argument ? "s" : NULL;
    wire_begin(&o, &m);
    if (argument)
        wire_put_text(&o, argument);
    if (!wire_end(&o))
        abort();
    return client_judge(c, from, bytes, o.n, 0);
}

struct client *stub_client(struct bus *bus)
{
    static const char bus_lines[] = "OK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n";
    static const char app_lines[] = "\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";
    struct message hello = {.type = WIRE_CALL,
                            .serial = 1,
                            .path = BUS_PATH,
                            .interface = BUS_NAME,
                            .member = "Hello",
                            .destination = BUS_NAME};
    struct message named = {.type = WIRE_RETURN,
                            .serial = 1,
                            .has_reply_serial = true,
                            .reply_serial = 1,
                            .sender = BUS_NAME,
                            .destination = ":1.5"};
    memset(&stub, 0, sizeof stub);
    struct client *c = client_new(bus, NULL);
    if (!c)
        abort();
    say(c, RELAY_SERVER, bus_lines, sizeof bus_lines - 1);
    say(c, RELAY_CLIENT, app_lines, sizeof app_lines - 1);
    if (stub_message(c, RELAY_CLIENT, hello, NULL).what != RELAY_PASS ||
        stub_message(c, RELAY_SERVER, named, ":1.5").what != RELAY_PASS)
        abort();
    return c;
}
