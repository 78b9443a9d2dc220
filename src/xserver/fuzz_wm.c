/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that the X server sends to the window manager, behind the setup; much of it is what an app
 * has made up. */
#include "fuzz.h"
#include "xserver/wm.h"

#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 100000 }; /* fits in a socket */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t room[X_ROOM];
    int ends[2], large = 4 << 20;
    if (size > MOST || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return 0;
    struct x11 x = {.fd = ends[0], .room = room, .size = sizeof room, .deadline = x11_now() + 200};
    x.setup.id_base = 0x200000;
    x.setup.id_mask = 0x1fffff;
    x.setup.root = 1;
    x.setup.most_request = 1 << 18;
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    if (send(ends[1], data, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size) {
        shutdown(ends[1], SHUT_WR);
        wm_run(&x, -1);
    }
    close(ends[0]);
    close(ends[1]);
    return 0;
}
