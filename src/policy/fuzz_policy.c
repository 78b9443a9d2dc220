/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A key file, or two with a line "====" between them. What was merged is written and read again:
 * that must give no error and the same policy.
 */
#include "fuzz.h"
#include "policy/fuzz_help.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct policy p = {.arena = &a};
    struct diags d = {.arena = &a};
    const char *text = (const char *)data;
    const char *cut = size ? memmem(text, size, "\n====\n", 6) : NULL;
    size_t first = cut ? (size_t)(cut - text) : size;
    policy_merge_text(&p, LAYER_SHIPPED, "a", text, first, &d);
    if (cut)
        policy_merge_text(&p, LAYER_USER, "b", cut + 6, size - first - 6, &d);
    fuzz_check(&p, &d);
    arena_release(&a);
    return 0;
}
