/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options, one a line, over a policy that grants something already. */
#include "fuzz.h"
#include "policy/fuzz_help.h"

static const char below[] = "[Context]\nshared=network;ipc\nsockets=x11;fallback-x11;if:pcsc:true\n"
                            "filesystems=home;~/x:ro\n[Session Bus Policy]\norg.a.B=talk\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct policy p = {.arena = &a};
    struct diags d = {.arena = &a};
    int number = 0;
    policy_merge_text(&p, LAYER_SHIPPED, "a", below, sizeof below - 1, &d);
    for (size_t i = 0; i < size && number < 500;) {
        const uint8_t *end = memchr(data + i, '\n', size - i);
        size_t n = end ? (size_t)(end - data) - i : size - i;
        char *arg = arena_strndup(&a, (const char *)data + i, n);
        policy_merge_option(&p, arg, (struct place){.file = "command line", .col = ++number}, &d);
        i += n + 1;
    }
    fuzz_check(&p, &d);
    arena_release(&a);
    return 0;
}
