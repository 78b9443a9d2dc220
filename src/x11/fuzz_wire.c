/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that an X server may say: to the hello, to a question for an atom, to one for a cookie. */
#include "x11/security.h"

#include "fuzz.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void check_setup(const struct x11 *x)
{
    if (x->have > x->size || x->given > x->have)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t room[16 << 10];
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return 0;
    struct x11 x = {.fd = ends[0], .room = room, .size = sizeof room};
    struct x_cookie cookie = {.size = 0};
    struct x_property property;
    const uint8_t *p;
    size_t n;
    uint32_t atom;
    /* What does not fit into the socket is not sent: the end comes sooner. */
    if (send(ends[1], data, size, MSG_DONTWAIT) < 0)
        size = 0;
    shutdown(ends[1], SHUT_WR);
    if (x11_hello(&x, "MIT-MAGIC-COOKIE-1", "0123456789abcdef", 16) == 0) {
        check_setup(&x);
        x11_atom(&x, "CLIPBOARD", &atom);
        if (x11_untrusted(&x, 60, &cookie) == 0 && (!cookie.size || cookie.size > X_COOKIE_MOST))
            abort();
        while (x11_next(&x, &p, &n) == 0) {
            check_setup(&x);
            volatile uint8_t sum = 0;
            if (x_read_property(p, n, &property))
                for (size_t i = 0; i < property.size; i++)
                    sum = (uint8_t)(sum ^ property.data[i]);
        }
    }
    check_setup(&x);
    if (strlen(x.refusal) >= sizeof x.refusal)
        abort();
    close(ends[0]);
    close(ends[1]);
    return 0;
}
