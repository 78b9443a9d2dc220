/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_TESTS_FUZZ_H
#define CARREL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/*
 * A fuzz driver defines this function (libFuzzer's entry point). With -Dfuzzers=true it is linked
 * with -fsanitize=fuzzer; always it is linked with tests/replay.c, which feeds it each file of its
 * corpus folders, so that the corpus runs as an ordinary test.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
