/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A message that is read and written again is read alike; every argument can be gone through. */
#include "dbus/wire.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void must(int holds)
{
    if (!holds)
        abort();
}

static int same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void write_again(const struct message *m)
{
    static uint8_t bytes[WIRE_HEAD_MOST + 4096];
    struct out o = {bytes, 0, sizeof bytes};
    struct message again;
    size_t need;
    const char *why;
    wire_begin(&o, m);
    must(wire_end(&o));
    must(wire_read(bytes, o.n, false, &again, &need, &why) == WIRE_OK);
    must(same(m->path, again.path) && same(m->member, again.member));
    must(same(m->interface, again.interface) && same(m->destination, again.destination));
    must(same(m->sender, again.sender) && same(m->error, again.error));
    must(same(m->signature, again.signature) && m->serial == again.serial);
    must(m->reply_serial == again.reply_serial || !m->has_reply_serial);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message m;
    size_t need = 0, end;
    const char *why = NULL;
    enum wire_result r = wire_read(data, size, size & 1, &m, &need, &why);
    must(r != WIRE_MORE || (need > size && need <= WIRE_HEAD_MOST));
    must(r != WIRE_BAD || why);
    if (r != WIRE_OK)
        return 0;
    must(m.head <= size && m.head <= WIRE_HEAD_MOST);
    if (!(size & 1))
        write_again(&m);
    struct arguments a = wire_arguments(&m, data, size);
    for (int i = 0; i < 100; i++) {
        struct arguments b = a;
        uint32_t value;
        const char *text = arguments_text(&b, *a.signature);
        must(!text || strlen(text) <= a.n);
        if (arguments_array(&b, &end))
            while (array_text(&b, end))
                ;
        arguments_u32(&b, &value);
        if (!arguments_skip(&a))
            break;
        must(a.at <= a.n);
    }
    return 0;
}
