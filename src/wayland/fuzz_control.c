/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that a compositor may say to who carries the clipboard, from the first byte on. */
#include "fuzz.h"
#include "wayland/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 32 << 10, PATIENCE_MS = 60000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct control c;
    int ends[2], r;
    if (size > MOST || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return 0;
    if (write(ends[1], data, size) != (ssize_t)size)
        abort();
    shutdown(ends[1], SHUT_WR);
    memset(&c, 0, sizeof c);
    c.deadline = control_now() + PATIENCE_MS;
    r = control_open(&c, ends[0]);
    if (r < 0 && !c.why)
        abort();
    if (r == -ETIMEDOUT)
        abort(); /* nothing more can come, and it must see that */
    if (r == 0 && control_give(&c, 1) == 0)
        while ((r = control_take(&c)) == 0)
            ;
    if (c.kinds >= 1u << WAY_KINDS || c.asked >= WAY_KINDS || (c.asked >= 0 && c.asked_fd < 0))
        abort();
    while (c.n_fds)
        close(c.fds[--c.n_fds]);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
