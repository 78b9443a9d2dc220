/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carrel-autostart WATCH CONTROL ID CARREL FOLDER: stands beside an app that has portals, from the
 * first moment on at which something changes in the person's autostart folder (WATCH is an
 * inotify(7) descriptor for that), and writes the app's entry there anew. It sees that folder and
 * nothing else; CONTROL closes when the app ends. See autostart.h.
 */
#include "autostart/autostart.h"

#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

static const char *const said[] = {
    [AUTOSTART_FOREIGN] = NULL,
    [AUTOSTART_OURS] = NULL,
    [AUTOSTART_ANEW] = "starts with the session, confined",
    [AUTOSTART_OFF] = "wishes to start with the session, by a command that no portal writes: "
                      "the entry is switched off",
};

/* All changes until now in one: only what is there now counts. */
static void drain(int watch)
{
    char events[4096];
    while (read(watch, events, sizeof events) > 0)
        ;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        dprintf(2, "carrel-autostart: started by the supervisor, not by hand\n");
        return 125;
    }
    struct pollfd p[] = {{.fd = atoi(argv[1]), .events = POLLIN}, {.fd = atoi(argv[2])}};
    int folder = open(argv[5], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (;;) {
        drain(p[0].fd);
        int r = folder < 0 ? -errno : autostart_mend(folder, argv[3], argv[4]);
        if (r < 0)
            dprintf(2, "carrel: cannot make %s start confined with the session: %s\n", argv[3],
                    strerror(-r));
        else if (said[r])
            dprintf(2, "carrel: %s %s\n", argv[3], said[r]);
        while ((r = poll(p, 2, -1)) < 0 && errno == EINTR)
            ;
        if (folder < 0 || r < 0 || p[1].revents)
            return 0;
    }
}
