/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever is read as a plan is written and read again without a change. */
#include "fuzz.h"
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct plan first = {.arena = &arena}, second = {.arena = &arena};
    struct buf one = {.arena = &arena}, two = {.arena = &arena};
    const char *error;
    int line;
    if (plan_read(&first, (const char *)data, size, &line, &error) == 0) {
        plan_write(&first, &one);
        if (plan_read(&second, one.data, one.len, &line, &error) != 0)
            abort();
        plan_write(&second, &two);
        if (one.len != two.len || memcmp(one.data, two.data, one.len) != 0)
            abort();
    }
    arena_release(&arena);
    return 0;
}
