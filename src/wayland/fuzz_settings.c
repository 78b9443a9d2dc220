/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"
#include "wayland/settings.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct way_settings s;
    const char *error;
    int line;
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    if (way_settings_read(&s, text, size, &line, &error) == 0) {
        if (s.socket[0] != '/' || !s.app || !s.instance || !s.context)
            abort();
    } else if (!error || line < 1) {
        abort();
    }
    free(text);
    return 0;
}
