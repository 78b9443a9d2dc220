/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines before the messages: nobody gets behind BEGIN without having been let in. */
#include "dbus/auth.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void must(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct auth_app app = {0};
    struct auth_bus bus = {.id = "0123456789abcdef0123456789abcdef", .fds_known = true};
    struct auth_bus other = {0};
    const char *answer;
    size_t used;
    for (size_t at = 0; at < size; at += used) {
        used = 0;
        enum auth_step step = auth_from_app(&app, &bus, data + at, size - at, &used, &answer);
        must(step != AUTH_DONE || app.let_in);
        must(step != AUTH_WAIT);
        if (step != AUTH_GO_ON)
            break;
        must(used > 0 && used <= size - at && strlen(answer) < 64);
    }
    for (size_t at = 0; at < size; at += used) {
        used = 0;
        enum auth_step step = auth_from_bus(&other, data + at, size - at, &used, &answer);
        must(step != AUTH_DONE || strlen(other.id) == 32);
        if (step != AUTH_GO_ON)
            break;
        must(used > 0 && used <= size - at);
    }
    return 0;
}
