/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A finish-args file of any form. */
#include "fuzz.h"
#include "policy/fuzz_help.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct policy p = {.arena = &a};
    struct diags d = {.arena = &a};
    policy_merge_finish_args(&p, "manifest", (const char *)data, size, &d);
    fuzz_check(&p, &d);
    arena_release(&a);
    return 0;
}
