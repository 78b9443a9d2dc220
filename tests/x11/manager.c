/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The window manager of carrel-xserver alone, on a display that a test has made:
 *
 *     manager NUMBER
 *
 * Standard output ends when it would show the app's server to the person.
 */
#include "xserver/wm.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static uint8_t room[X_ROOM];
    struct x11 x = {.room = room, .size = sizeof room, .deadline = x11_now() + 60000};
    x.fd = argc == 2 ? x11_dial((unsigned)strtoul(argv[1], NULL, 10)) : -1;
    if (x.fd < 0 || x11_hello(&x, NULL, NULL, 0) < 0) {
        fputs("manager: there is no such display, or it lets nobody in\n", stderr);
        return 1;
    }
    x.deadline = 0;
    wm_run(&x, STDOUT_FILENO);
    return 0;
}
